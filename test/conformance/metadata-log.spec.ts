import { EmbeddedMetadataLog, SharedMetadataLog } from '#metadata';
import { type Disk, silentLogger } from '#seams';
import { SimDisk, SimRandom } from '#seams-sim';
import { ModelLink } from '../../libs/metadata/src/shared/testing/model-link.js';
import { StoreModel } from '../../libs/metadata/src/shared/testing/store-model.js';
import { metadataLogConformance, sharedMetadataLogConformance } from './metadata-log.js';

const DIRECTORY = '/store';
const open = (disk: Disk, seed = 1) => EmbeddedMetadataLog.open(disk, DIRECTORY, new SimRandom(seed));
const CLUSTER = { type: 'cluster', version: 1, clusterId: 'c', configuredBrokers: [0], features: {} } as const;
const GENESIS = { opId: '', revision: -1 };

metadataLogConformance('embedded', async () => {
  const disk = new SimDisk();
  return {
    open: () => open(disk),
    restart: async () => {
      disk.crash({ loseUnsynced: true });
    },
  };
});

for (const conformance of [metadataLogConformance, sharedMetadataLogConformance]) {
  conformance('the model of a shared store', async () => {
    const model = new StoreModel();
    let seed = 0;
    return {
      open: () => SharedMetadataLog.open({ link: new ModelLink(model), random: new SimRandom(seed++), logger: silentLogger }),
      restart: async () => {},
    };
  });
}

/** A store with three entries under coordinator epoch 0, closed. */
async function used(): Promise<SimDisk> {
  const disk = new SimDisk();
  const log = await open(disk);
  const epoch = await log.takeOver(-1);
  await log.append(GENESIS, epoch, 'a', [CLUSTER]);
  await log.append({ opId: 'a', revision: 0 }, epoch, 'b', [{ type: 'no-op', version: 1 }]);
  await log.append({ opId: 'b', revision: 1 }, epoch, 'c', [{ type: 'no-op', version: 1 }]);
  await log.close();
  return disk;
}

async function suspicionOf(disk: Disk): Promise<string | null> {
  const log = await open(disk, 2);
  const { suspicion } = await log.load();
  await log.close();
  return suspicion;
}

function flipBit(disk: Disk, path: string, at: number): void {
  const file = disk.open(path);
  file.write([Buffer.from([file.readNow(at, 1)[0]! ^ 1])], at);
  file.close();
}

describe('the embedded store', () => {
  it('is not shared: every beat is its own, and there is nothing to give up', async () => {
    const log = await open(new SimDisk());
    const epoch = await log.takeOver(-1);
    expect([log.isShared, await log.beat()]).toEqual([false, { kind: 'beaten', standbys: [] }]);
    await log.release();
    expect(await log.append(GENESIS, epoch, 'a', [CLUSTER])).toMatchObject({ kind: 'appended' });
    await expect(log.observe()).rejects.toThrow('no standby');
    await log.close();
  });

  it('is held by one process at a time', async () => {
    const disk = new SimDisk();
    const log = await open(disk);
    await expect(open(disk)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await log.close();
    await (await open(disk)).close();
  });

  it('R19: a plain restart is no suspicion; a moved, mixed, damaged or incomplete folder is', async () => {
    expect(await suspicionOf(await used())).toBeNull();
    const cases: [RegExp, (disk: SimDisk) => void][] = [
      [/folder-id is missing/, (disk) => disk.remove(`${DIRECTORY}/folder-id`)],
      [/metadata.log is missing/, (disk) => disk.remove(`${DIRECTORY}/metadata.log`)],
      [/coordinator-epoch is missing/, (disk) => disk.remove(`${DIRECTORY}/coordinator-epoch`)],
      [/line 3/, (disk) => flipBit(disk, `${DIRECTORY}/metadata.log`, lineStart(disk, 2) + 30)],
      [/line 1/, (disk) => flipBit(disk, `${DIRECTORY}/metadata.log`, 20)],
      [/missing or damaged/, (disk) => flipBit(disk, `${DIRECTORY}/coordinator-epoch`, 15)],
    ];
    for (const [expected, damage] of cases) {
      const disk = await used();
      damage(disk);
      expect(await suspicionOf(disk)).toMatch(expected);
      // It does not heal by being looked at, or by a takeover.
      const log = await open(disk, 3);
      const epoch = await log.takeOver(-1);
      expect(await log.append({ opId: 'c', revision: 2 }, epoch, 'd', [])).toMatchObject({ kind: 'refused' });
      await log.close();
      expect(await suspicionOf(disk)).toMatch(expected);
      // Only a new history ends it.
      const again = await open(disk, 4);
      const next = await again.takeOver(1_000_000);
      await again.writeSnapshot({ revision: 1_000_000, coordinatorEpoch: next, opId: 'n', records: [CLUSTER] }, next);
      await again.append({ opId: 'n', revision: 1_000_000 }, next, 'o', [{ type: 'no-op', version: 1 }]);
      await again.close();
      expect(await suspicionOf(disk)).toBeNull();
    }
  });

  it('R19: the log of another folder is foreign', async () => {
    const [disk, other] = [await used(), new SimDisk()];
    await (await open(other, 7)).close();
    disk.remove(`${DIRECTORY}/folder-id`);
    const file = disk.open(`${DIRECTORY}/folder-id`, { create: true });
    file.write([other.readFile(`${DIRECTORY}/folder-id`)!], 0);
    file.close();
    expect(await suspicionOf(disk)).toMatch('another folder');
  });

  it('R17: a crash at any disk operation loses nothing that was answered and raises no suspicion', async () => {
    for (const loseUnsynced of [true, false]) {
      for (let at = 1; ; at++) {
        const disk = new SimDisk({ random: new SimRandom(at) });
        disk.failAt(at);
        let revision = -1;
        let epochs = -1;
        let isDone = false;
        const work = async (): Promise<void> => {
          for (let start = 0; start < 2; start++) {
            const log = await open(disk, start);
            const { entries, snapshot } = await log.load();
            let opId = entries.at(-1)?.opId ?? snapshot?.opId ?? '';
            epochs = await log.takeOver(-1);
            for (let index = 0; index < 2; index++) {
              const next = `${start}/${index}`;
              const result = await log.append({ opId, revision }, epochs, next, [
                revision === -1 ? CLUSTER : { type: 'no-op', version: 1 },
              ]);
              if (result.kind !== 'appended') return;
              revision = result.entry.revision;
              opId = next;
            }
            if (start === 0) await log.writeSnapshot({ revision, coordinatorEpoch: epochs, opId, records: [CLUSTER] }, epochs);
            await log.close();
          }
          isDone = true;
        };
        // A dead process's promises never settle; everything that can happen has happened once the microtasks are drained.
        work().catch(() => {});
        await new Promise((resolve) => setImmediate(resolve));
        disk.crash({ loseUnsynced });
        const log = await open(disk, 9);
        const loaded = await log.load();
        expect(loaded.suspicion).toBeNull();
        const last = loaded.entries.at(-1) ?? loaded.snapshot;
        expect(last?.revision ?? -1).toBeGreaterThanOrEqual(revision);
        expect(last?.revision ?? -1).toBeLessThanOrEqual(revision + 1);
        expect(await log.takeOver(-1)).toBeGreaterThan(epochs);
        await log.close();
        if (isDone) break;
      }
    }
  });

  it('R16, R20: a failed sync is an unknown outcome, and nothing is written any more', async () => {
    const disk = new SimDisk();
    const log = await open(disk);
    const epoch = await log.takeOver(-1);
    disk.injectFault({ kinds: ['sync'], code: 'EIO' });
    expect(await log.append(GENESIS, epoch, 'a', [CLUSTER])).toMatchObject({ kind: 'unknown' });
    expect(await log.append(GENESIS, epoch, 'b', [CLUSTER])).toMatchObject({ kind: 'refused', reason: expect.stringContaining('EIO') });
    await expect(log.load()).rejects.toMatchObject({ code: 'METADATA_STORE_FAILED' });
    await log.close();
  });

  it('a torn tail is cut, a newer format is refused with what to do', async () => {
    const disk = await used();
    const path = `${DIRECTORY}/metadata.log`;
    const file = disk.open(path);
    file.write([Buffer.from('00000000 {"kind":"entr')], file.sizeBytes);
    file.close();
    const log = await open(disk);
    expect((await log.load()).entries.map((entry) => entry.opId)).toEqual(['a', 'b', 'c']);
    await log.close();
    disk.remove(path);
    const newer = disk.open(path, { create: true });
    newer.write([Buffer.from('b32e9a7d {"kind":"header","format":"yak-metadata","version":2,"folderId":null}\n')], 0);
    newer.close();
    const { suspicion } = await (await open(disk)).load().catch((error) => ({ suspicion: error.message }));
    expect(suspicion).toMatch(/version 2|not the header/);
  });
});

function lineStart(disk: Disk, line: number): number {
  const lines = disk.readFile(`${DIRECTORY}/metadata.log`)!.toString('latin1').split('\n');
  return lines.slice(0, line).reduce((sum, text) => sum + text.length + 1, 0);
}
