import { partitionKey, YakError } from '#kernel';
import { replaceFile } from '#seams';
import { openLogDirectory } from './log-directory.js';
import { LogHarness, ROOT } from './testing/log-harness.js';

async function opened(config = {}): Promise<LogHarness> {
  const harness = await LogHarness.open(config);
  harness.create();
  return harness;
}

const code = (error: unknown) => (error as YakError).code;
const CHECKPOINT = 'recovery-point-offset-checkpoint';

describe('the identity of a data folder', () => {
  it('is made once, adopted once, and refused to others', async () => {
    const harness = await LogHarness.open();
    const { directoryId } = harness.directory.state;
    expect(harness.directory.state).toMatchObject({
      isBlank: true,
      clusterId: null,
      brokerId: null,
      isComplete: true,
      storedBrokerEpoch: -1,
    });
    harness.directory.adopt('cluster-a', 1);
    await harness.restart('powerLoss');
    expect(harness.directory.state).toMatchObject({ isBlank: false, clusterId: 'cluster-a', brokerId: 1, directoryId });
    harness.directory.adopt('cluster-a', 1);
    expect(() => harness.directory.adopt('cluster-b', 1)).toThrow(/belongs to cluster cluster-a/);
    await harness.directory.close();
    const opening = harness.start(2);
    await expect(opening).rejects.toMatchObject({ code: 'WRONG_BROKER_ID' });
  });

  it('R11: one process per folder, and a dead one holds nothing', async () => {
    const harness = await LogHarness.open();
    const second = harness.drive(openLogDirectory(harness.seams, ROOT, { brokerId: 1, configFor: () => harness.config }));
    await expect(second).rejects.toMatchObject({ code: 'DATA_FOLDER_IN_USE' });
    await harness.restart('kill');
    await harness.directory.close();
    await harness.start();
    expect(harness.directory.failure).toBeNull();
  });

  it('of a later format, or with partitions but no identity, is refused with what to do', async () => {
    const harness = await opened();
    await harness.directory.close();
    replaceFile(harness.disk, ROOT, 'meta.properties', Buffer.from('version=9\n'));
    await expect(harness.start()).rejects.toMatchObject({ code: 'UNSUPPORTED_FORMAT', message: expect.stringContaining('version 9') });
    harness.disk.remove(`${ROOT}/meta.properties`);
    await expect(harness.start()).rejects.toMatchObject({ code: 'UNSUPPORTED_FORMAT' });
  });
});

describe('how the last run ended', () => {
  it('R12: the clean marker is written last, with the broker epoch, and gone before anything is served', async () => {
    const harness = await opened();
    await harness.append(1, [3]);
    const operations: string[] = [];
    harness.disk.onOperation(({ kind, path }) => operations.push(`${kind} ${path}`));
    await harness.restart('clean', 42);
    const written = operations.findIndex((each) => each.startsWith('rename') && each.endsWith('.kafka_cleanshutdown'));
    const removed = operations.indexOf(`remove ${ROOT}/.kafka_cleanshutdown`);
    expect(operations.slice(written + 1, removed)[0]).toBe(`syncDirectory ${ROOT}`);
    expect(operations.slice(0, written).some((each) => each.includes('t-0'))).toBe(true);
    expect(operations.at(removed + 1)).toBe(`syncDirectory ${ROOT}`);
    expect(operations.length).toBe(removed + 2);
    expect(harness.directory.state).toMatchObject({ wasCleanShutdown: true, storedBrokerEpoch: 42 });
    await harness.restart('kill');
    expect(harness.directory.state).toMatchObject({ wasCleanShutdown: false, storedBrokerEpoch: 42, isSameBoot: true });
    await harness.restart('powerLoss');
    expect(harness.directory.state).toMatchObject({ wasCleanShutdown: false, isSameBoot: false, isComplete: true });
  });

  it('R12: a marker of another broker epoch vouches for nothing', async () => {
    const harness = await opened();
    harness.directory.storeBrokerEpoch(5);
    await harness.drive(harness.directory.closeCleanly(4));
    await harness.start();
    expect(harness.directory.state.wasCleanShutdown).toBe(false);
  });

  it('R12: interval mode after a loss of power is not complete, until it is marked so, however often it restarts', async () => {
    const harness = await opened({ flushPolicy: 'interval' });
    await harness.restart('kill');
    expect(harness.directory.state.isComplete).toBe(true);
    await harness.restart('clean');
    expect(harness.directory.state.isComplete).toBe(true);
    await harness.restart('powerLoss');
    expect(harness.directory.state.isComplete).toBe(false);
    await harness.restart('kill');
    await harness.restart('clean');
    expect(harness.directory.state.isComplete).toBe(false);
    harness.directory.markComplete(true);
    await harness.restart('kill');
    expect(harness.directory.state.isComplete).toBe(true);
  });

  it('a clean start reads only headers at the end and changes no partition', async () => {
    const harness = await opened({ segmentBytes: 2000 });
    for (let i = 0; i < 50; i++) await harness.append(1, [3]);
    harness.directory.storeBrokerEpoch(7);
    await harness.drive(harness.directory.closeCleanly(7));
    const operations: string[] = [];
    harness.disk.onOperation(({ kind, path }) => operations.push(`${kind} ${path}`));
    await harness.start();
    expect(operations.filter((each) => each.includes('t-0'))).toEqual([`syncDirectory ${ROOT}/t-0`]);
    expect(harness.log().logEndOffset).toBe(150);
  });

  it('a damaged broker state counts as loss', async () => {
    const harness = await opened();
    harness.directory.storeBrokerEpoch(7);
    await harness.directory.close();
    harness.damage('broker-state.properties', 12, [0x39]);
    await harness.start();
    expect(harness.directory.state).toMatchObject({ isComplete: false, storedBrokerEpoch: -1, wasCleanShutdown: false });
  });
});

describe('partitions on disk', () => {
  it('R14: a folder says which topic id it belongs to, and is deleted only by that id, leaving no files', async () => {
    const harness = await opened();
    const { topicId } = harness.log();
    await harness.append(1, [3]);
    await harness.restart('powerLoss');
    expect(harness.log().topicId).toBe(topicId);
    expect(() => harness.directory.deletePartition('t', 0, 'another-id-of-22-chars')).toThrow(/R14/);
    const before = harness.disk.list(ROOT).filter((name) => name !== 't-0');
    harness.directory.deletePartition('t', 0, topicId);
    expect(harness.directory.partitions.size).toBe(0);
    expect(harness.disk.list(ROOT)).toEqual(before);
    await harness.restart('powerLoss');
    expect(harness.disk.list(ROOT)).toEqual(before);
  });

  it('R14: a partition made again under its old name inherits nothing', async () => {
    const harness = await opened();
    await harness.append(4, [9]);
    harness.log().advanceLogStartOffset(5);
    await harness.time.advance(6000);
    harness.directory.checkpointHighWatermarks(new Map([['t-0', 9]]));
    await harness.time.turn();
    harness.directory.deletePartition('t', 0, harness.log().topicId);
    harness.create();
    await harness.append(1, [1]);
    await harness.restart('powerLoss');
    expect(harness.log()).toMatchObject({ logStartOffset: 0, logEndOffset: 1, latestEpoch: 1 });
    expect(harness.directory.quarantined).toEqual([]);
  });

  it('R14: remembers up to which revision all folders were made', async () => {
    const harness = await LogHarness.open();
    harness.directory.storeFoldersMadeRevision(17);
    await harness.restart('powerLoss');
    expect(harness.directory.state.foldersMadeRevision).toBe(17);
  });

  it('with the longest topic name can be made and deleted', async () => {
    const harness = await LogHarness.open();
    const topic = 'x'.repeat(249);
    harness.disk.onOperation(({ path }) => {
      for (const name of path.split('/')) if (name.length > 255) throw new Error(`file name of ${name.length} characters`);
    });
    const log = harness.create(topic, 3);
    harness.directory.deletePartition(topic, 3, log.topicId);
    expect(harness.directory.partitions.size).toBe(0);
  });

  it('half-made and half-deleted folders are swept up at the start', async () => {
    const harness = await opened();
    await harness.directory.close();
    harness.disk.makeDirectory(`${ROOT}/abc-0-12.deleted`);
    harness.disk.makeDirectory(`${ROOT}/abc-0-12.new`);
    await harness.start();
    expect(harness.disk.list(ROOT).filter((name) => name.startsWith('abc'))).toEqual([]);
    expect(harness.directory.partitions.size).toBe(1);
  });

  it('high watermarks come back', async () => {
    const harness = await opened();
    harness.create('a-b', 12);
    const highWatermarks = new Map([
      ['t-0', 3],
      [partitionKey('a-b', 12), 99],
    ]);
    harness.directory.checkpointHighWatermarks(highWatermarks);
    await harness.restart('clean');
    expect(new Map([...harness.directory.checkpointedHighWatermarks].sort())).toEqual(new Map([...highWatermarks].sort()));
  });
});

describe('recovery', () => {
  it('R15: past the recovery point the first bad batch is a torn tail, cut and said, at every byte of it', async () => {
    const harness = await opened();
    await harness.append(1, [2, 2]);
    await harness.time.advance(6000);
    await harness.restart('kill');
    const path = `${ROOT}/t-0/00000000000000000000.log`;
    const start = harness.disk.readFile(path)!.length;
    await harness.append(1, [2]);
    await harness.directory.close();
    const whole = harness.disk.readFile(path)!;
    for (let length = start; length <= whole.length; length += length % 7 === 0 ? 1 : 3) {
      for (const isZeroed of [false, true]) {
        const file = harness.disk.open(path);
        file.truncate(length);
        if (isZeroed) file.write([Buffer.alloc(whole.length - length)], length);
        file.write([whole.subarray(0, length)], 0);
        file.close();
        harness.warnings.length = 0;
        harness.disk.crash({ loseUnsynced: false });
        replaceFile(harness.disk, ROOT, CHECKPOINT, Buffer.from('0\n1\nt 0 4\n'));
        harness.time.forget();
        await harness.start();
        // The last bytes of a batch may be zeros themselves.
        const isWhole = isZeroed ? whole.subarray(length).every((byte) => byte === 0) : length === whole.length;
        expect(harness.log().logEndOffset).toBe(isWhole ? 6 : 4);
        const isCut = !isWhole && (isZeroed || length !== start);
        expect(harness.warnings.some((each) => each.startsWith('cut a torn tail'))).toBe(isCut);
        await harness.directory.close();
      }
    }
  });

  it('R15: below the recovery point a bad batch is corruption: quarantined, kept on disk, nothing cut', async () => {
    const harness = await opened();
    harness.create('ok');
    await harness.append(1, [2, 2, 2]);
    await harness.append(1, [2], harness.log('ok-0'));
    await harness.time.advance(6000);
    await harness.directory.close();
    harness.damage('t-0/00000000000000000000.log', 100);
    const before = harness.disk.readFile(`${ROOT}/t-0/00000000000000000000.log`);
    await harness.start();
    expect([...harness.directory.partitions.keys()]).toEqual(['ok-0']);
    expect(harness.directory.quarantined).toMatchObject([
      { topic: 't', partition: 0, reason: expect.stringContaining('below the recovery point 6') },
    ]);
    expect(harness.directory.quarantined[0]!.topicId).toHaveLength(22);
    expect(harness.directory.state.isComplete).toBe(false);
    expect(harness.disk.readFile(`${ROOT}/t-0/00000000000000000000.log`)).toEqual(before);
  });

  it('R15: a missing or shortened segment below the recovery point is corruption, also after a clean stop', async () => {
    for (const [name, how] of [
      ['00000000000000000000.log', 'remove'],
      ['00000000000000000004.log', 'remove'],
      ['00000000000000000004.log', 'shorten'],
      ['00000000000000000016.log', 'remove'],
    ] as const) {
      const harness = await opened({ segmentBytes: 250 });
      await harness.append(1, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
      expect(harness.files()).toContain(name);
      harness.directory.storeBrokerEpoch(7);
      await harness.drive(harness.directory.closeCleanly(7));
      if (how === 'remove') harness.disk.remove(`${ROOT}/t-0/${name}`);
      else harness.disk.open(`${ROOT}/t-0/${name}`).truncate(100);
      await harness.start();
      expect(harness.directory.quarantined).toHaveLength(1);
    }
  });

  it('R15: with the recovery points lost nothing is ever cut', async () => {
    const harness = await opened();
    await harness.append(1, [2, 2]);
    await harness.directory.close();
    harness.damage(CHECKPOINT, 0, [0x39]);
    await harness.start();
    expect(harness.log().logEndOffset).toBe(4);
    await harness.directory.close();
    harness.damage('t-0/00000000000000000000.log', -1);
    harness.damage(CHECKPOINT, 0, [0x39]);
    await harness.start();
    expect(harness.directory.quarantined).toMatchObject([{ reason: expect.stringContaining('unknown recovery point') }]);
  });

  it('R15: after an unclean stop what was read back is written again before it is synced and counted', async () => {
    const harness = await opened();
    await harness.append(1, [2]);
    await harness.time.advance(6000);
    // The sync fails, the pages stay readable and clean: a new sync alone would reach nothing.
    harness.disk.injectFault({ kinds: ['sync'], code: 'EIO', path: /\.log$/ });
    harness.log().appendAsLeader(harness.batch(3), 1);
    await harness.time.turn();
    expect(harness.directory.failure).toMatchObject({ code: 'DIRECTORY_OFFLINE' });
    await harness.restart('kill');
    expect(harness.log().flushedEndOffset).toBe(5);
    await harness.restart('powerLoss');
    expect(await harness.shape()).toBe('0-1@1 2-4@1');
  });

  it('rebuilds missing, cut and scrambled indexes and epochs from the log', async () => {
    for (const how of ['clean', 'kill'] as const) {
      const harness = await opened({ segmentBytes: 1500, indexIntervalBytes: 200 });
      for (let i = 0; i < 40; i++) await harness.append(1 + Math.floor(i / 10), [2]);
      const shape = await harness.shape();
      await harness.restart('clean');
      const intact = new Map(harness.files().map((name) => [name, harness.disk.readFile(`${ROOT}/t-0/${name}`)!.toString('hex')]));
      if (how === 'clean') {
        harness.directory.storeBrokerEpoch(9);
        await harness.drive(harness.directory.closeCleanly(9));
      } else {
        await harness.directory.close();
      }
      const indexes = harness.files().filter((name) => /index$/.test(name));
      harness.disk.remove(`${ROOT}/t-0/${indexes[0]}`);
      harness.disk.open(`${ROOT}/t-0/${indexes[2]}`).truncate(7);
      harness.damage(`t-0/${indexes[3]}`, -8, [0x7f]);
      if (how === 'kill') harness.damage(`t-0/${indexes[1]}`, 0, [0x7f]);
      harness.damage('t-0/leader-epoch-checkpoint', 0, [0x39]);
      await harness.start();
      expect(await harness.shape()).toBe(shape);
      expect(harness.log().endOffsetForEpoch(2)).toEqual({ leaderEpoch: 2, endOffset: 40 });
      await harness.restart('clean');
      for (const name of harness.files().filter((each) => /index$|checkpoint$/.test(each))) {
        expect([name, harness.disk.readFile(`${ROOT}/t-0/${name}`)!.toString('hex')]).toEqual([name, intact.get(name)]);
      }
    }
  });

  it('says how far it is', async () => {
    const harness = await opened();
    harness.create('t', 1);
    await harness.directory.close();
    const progress: string[] = [];
    harness.time.forget();
    await harness.drive(
      openLogDirectory(harness.seams, ROOT, {
        brokerId: 1,
        configFor: () => harness.config,
        onProgress: ({ done, total }) => progress.push(`${done}/${total}`),
      }),
    );
    expect(progress).toEqual(['1/2', '2/2']);
  });
});

describe('a disk that fails', () => {
  it.each([
    ['sync', 'EIO'],
    ['write', 'EIO'],
    ['write', 'ENOSPC'],
  ] as const)('R16: takes the directory offline after one failed %s (%s), without a retry or a clean marker', async (kind, errorCode) => {
    const harness = await opened();
    harness.create('u');
    await harness.append(1, [2]);
    const failures: unknown[] = [];
    harness.directory.onFailure((error) => failures.push(code(error)));
    harness.log('u-0').onFailure((error) => failures.push(code(error)));
    harness.disk.injectFault({ kinds: [kind], code: errorCode, path: /t-0\/.*\.log$/ });
    harness.log().appendAsLeader(harness.batch(1), 1);
    const flushed = harness.log().flush();
    flushed.catch(() => {});
    await harness.time.turn();
    await expect(flushed).rejects.toMatchObject({ code: 'DIRECTORY_OFFLINE' });
    expect(failures.sort()).toEqual(['DIRECTORY_OFFLINE', 'DIRECTORY_OFFLINE']);
    expect(harness.log().flushedEndOffset).toBe(2);
    for (const key of ['t-0', 'u-0']) {
      expect(harness.log(key).appendAsLeader(harness.batch(1), 1)).toMatchObject({ error: 'KAFKA_STORAGE_ERROR' });
      expect(() => harness.log(key).beginLeaderEpoch(9)).toThrow(YakError);
    }
    const operations: string[] = [];
    harness.disk.onOperation((operation) => operations.push(operation.kind));
    await harness.time.advance(60_000);
    await harness.drive(harness.directory.closeCleanly(7));
    expect(operations).toEqual([]);
    harness.time.forget();
    await harness.start();
    expect(harness.directory.state).toMatchObject({ wasCleanShutdown: false, isComplete: errorCode !== 'EIO' });
  });

  it('R22: tells how long the oldest sync has been running', async () => {
    const harness = await opened();
    harness.log().appendAsLeader(harness.batch(1), 1);
    expect(harness.directory.oldestSyncAgeMs()).toBe(0);
    let age = -1;
    harness.disk.onOperation(({ kind, path }) => {
      if (kind !== 'sync' || !path.endsWith('.log')) return;
      harness.time.monotonic += 1234;
      age = harness.directory.oldestSyncAgeMs();
    });
    await harness.time.turn();
    expect(age).toBe(1234);
    expect(harness.directory.oldestSyncAgeMs()).toBe(0);
  });
});
