/**
 * What every MetadataLog promises (libs/metadata/src/metadata-log.ts). An adapter's spec calls this with a way to open the
 * same store again; `restart` loses what the adapter's medium may lose in the harshest crash that it survives.
 */
import type { Expected, MetadataEntry, MetadataLog, MetadataRecord } from '#metadata';
import { GENESIS_OP_ID, MetadataImage } from '#metadata';

export interface MetadataLogStore {
  /** Opens the store; once at a time. */
  open(): Promise<MetadataLog>;
  /** The process that had it open dies. */
  restart(): Promise<void>;
}

const GENESIS: Expected = { opId: GENESIS_OP_ID, revision: -1 };
const CLUSTER: MetadataRecord = { type: 'cluster', version: 1, clusterId: 'c', configuredBrokers: [0], features: {} };

function ids(nextProducerId: number): MetadataRecord {
  return { type: 'producer-ids', version: 1, nextProducerId };
}

function imageOf(loaded: Awaited<ReturnType<MetadataLog['load']>>): MetadataImage {
  const start = loaded.snapshot ? MetadataImage.fromSnapshot(loaded.snapshot) : MetadataImage.empty();
  return loaded.entries.reduce((image, entry) => image.apply(entry), start);
}

/** Appends and expects it to be stored; answers what the next one has to expect. */
async function store(
  log: MetadataLog,
  expected: Expected,
  epoch: number,
  opId: string,
  records: readonly MetadataRecord[],
): Promise<Expected> {
  const result = await log.append(expected, epoch, opId, records);
  expect(result).toEqual({
    kind: 'appended',
    entry: { revision: expected.revision + 1, coordinatorEpoch: epoch, opId, previousOpId: expected.opId, records } satisfies MetadataEntry,
  });
  return { opId, revision: expected.revision + 1 };
}

export function metadataLogConformance(name: string, create: () => Promise<MetadataLogStore>): void {
  describe(`MetadataLog conformance: ${name}`, () => {
    it('an empty store is empty and not suspect', async () => {
      const log = await (await create()).open();
      expect(await log.load()).toEqual({ snapshot: null, entries: [], suspicion: null });
      await log.close();
    });

    it('R17: what was appended is there after a crash, linked by op ids', async () => {
      const medium = await create();
      let log = await medium.open();
      const epoch = await log.takeOver(-1);
      const first = await store(log, GENESIS, epoch, 'a', [CLUSTER]);
      await store(log, first, epoch, 'b', [ids(1)]);
      await medium.restart();
      log = await medium.open();
      const loaded = await log.load();
      expect(loaded.suspicion).toBeNull();
      expect(loaded.entries.map((entry) => [entry.revision, entry.opId, entry.previousOpId])).toEqual([
        [0, 'a', GENESIS_OP_ID],
        [1, 'b', 'a'],
      ]);
      await log.close();
    });

    it('R17: each takeover raises the coordinator epoch for good, above what is asked for and across crashes', async () => {
      const medium = await create();
      let log = await medium.open();
      const first = await log.takeOver(-1);
      const second = await log.takeOver(-1);
      expect(second).toBeGreaterThan(first);
      await medium.restart();
      log = await medium.open();
      const third = await log.takeOver(40);
      expect(third).toBeGreaterThan(40);
      await medium.restart();
      log = await medium.open();
      expect(await log.takeOver(-1)).toBeGreaterThan(third);
      await log.close();
    });

    it('R17: append is one compare-and-set on coordinator epoch and last op id; what is refused leaves no trace', async () => {
      const medium = await create();
      let log = await medium.open();
      const old = await log.takeOver(-1);
      const first = await store(log, GENESIS, old, 'a', [CLUSTER]);
      const epoch = await log.takeOver(-1);
      const refused: [Expected, number][] = [
        [first, old],
        [first, epoch + 1],
        [GENESIS, epoch],
        [{ opId: 'x', revision: 0 }, epoch],
        [{ opId: 'a', revision: 1 }, epoch],
      ];
      for (const [expected, coordinatorEpoch] of refused) {
        expect(await log.append(expected, coordinatorEpoch, 'refused', [ids(1)])).toMatchObject({
          kind: 'refused',
          reason: expect.any(String),
        });
      }
      await store(log, first, epoch, 'b', [ids(2)]);
      await medium.restart();
      log = await medium.open();
      expect((await log.load()).entries.map((entry) => entry.opId)).toEqual(['a', 'b']);
      await log.close();
    });

    it('R17: of two appends with the same expectation one is stored', async () => {
      const log = await (await create()).open();
      const epoch = await log.takeOver(-1);
      const results = await Promise.all([log.append(GENESIS, epoch, 'a', [CLUSTER]), log.append(GENESIS, epoch, 'b', [CLUSTER])]);
      expect(results.map((result) => result.kind).sort()).toEqual(['appended', 'refused']);
      expect((await log.load()).entries.length).toBe(1);
      await log.close();
    });

    it('a snapshot replaces what it covers and keeps what came later', async () => {
      const medium = await create();
      let log = await medium.open();
      const epoch = await log.takeOver(-1);
      let last = await store(log, GENESIS, epoch, 'a', [CLUSTER]);
      last = await store(log, last, epoch, 'b', [ids(5)]);
      const snapshot = imageOf(await log.load()).toSnapshot();
      last = await store(log, last, epoch, 'c', [ids(9)]);
      await log.writeSnapshot(snapshot, epoch);
      await store(log, last, epoch, 'd', [ids(11)]);
      await medium.restart();
      log = await medium.open();
      const loaded = await log.load();
      expect(loaded.snapshot).toEqual(snapshot);
      expect(loaded.entries.map((entry) => entry.opId)).toEqual(['c', 'd']);
      expect(imageOf(loaded)).toMatchObject({ revision: 3, nextProducerId: 11 });
      await log.close();
    });

    it('a snapshot of a deposed coordinator is refused', async () => {
      const log = await (await create()).open();
      const old = await log.takeOver(-1);
      await store(log, GENESIS, old, 'a', [CLUSTER]);
      const snapshot = imageOf(await log.load()).toSnapshot();
      await log.takeOver(-1);
      await expect(log.writeSnapshot(snapshot, old)).rejects.toMatchObject({ code: 'STALE_COORDINATOR_EPOCH' });
      expect((await log.load()).entries.length).toBe(1);
      await log.close();
    });

    it('R19: a snapshot of another history replaces everything, and the chain goes on from it', async () => {
      const medium = await create();
      let log = await medium.open();
      const old = await log.takeOver(-1);
      await store(log, GENESIS, old, 'a', [CLUSTER]);
      const epoch = await log.takeOver(1_000_000);
      await log.writeSnapshot({ revision: 1_000_000, coordinatorEpoch: epoch, opId: 'new', records: [CLUSTER, ids(7)] }, epoch);
      expect(await log.append({ opId: 'a', revision: 0 }, epoch, 'b', [ids(1)])).toMatchObject({ kind: 'refused' });
      await store(log, { opId: 'new', revision: 1_000_000 }, epoch, 'c', [ids(8)]);
      await medium.restart();
      log = await medium.open();
      expect(imageOf(await log.load())).toMatchObject({ revision: 1_000_001, opId: 'c', nextProducerId: 8 });
      await log.close();
    });

    it('R19: a suspicion from outside survives restarts, lets nothing in, and ends with a new history', async () => {
      const medium = await create();
      let log = await medium.open();
      const old = await log.takeOver(-1);
      const expected = await store(log, GENESIS, old, 'a', [CLUSTER]);
      await log.markSuspect('broker 2 holds\nmore');
      expect(await log.append(expected, old, 'b', [ids(1)])).toMatchObject({ kind: 'refused', reason: expect.stringContaining('suspect') });
      for (let start = 0; start < 2; start++) {
        await medium.restart();
        log = await medium.open();
        const loaded = await log.load();
        expect(loaded.suspicion).toBe('broker 2 holds more');
        expect(imageOf(loaded)).toMatchObject({ revision: 0, opId: 'a' });
      }
      const epoch = await log.takeOver(1_000_000);
      await log.writeSnapshot({ revision: 1_000_000, coordinatorEpoch: epoch, opId: 'new', records: [CLUSTER] }, epoch);
      await store(log, { opId: 'new', revision: 1_000_000 }, epoch, 'c', [ids(8)]);
      await medium.restart();
      log = await medium.open();
      expect(await log.load()).toMatchObject({ suspicion: null });
      await log.close();
    });
  });
}
