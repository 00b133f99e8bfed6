import { CorruptionError } from '#kernel';
import { recordBatch, splitBatches } from '#record';
import { LogHarness, ROOT } from './testing/log-harness.js';

async function opened(config = {}): Promise<LogHarness> {
  const harness = await LogHarness.open(config);
  harness.create();
  return harness;
}

describe('appending as leader', () => {
  it('assigns offsets and the leader epoch in place and gives the same bytes back', async () => {
    const harness = await opened();
    const batch = harness.batch(3);
    const sent = Buffer.from(batch.subarray(recordBatch.CRC_POSITION));
    expect(harness.log().appendAsLeader(batch, 4)).toEqual({ kind: 'appended', baseOffset: 0, lastOffset: 2 });
    expect(harness.log().appendAsLeader(harness.batch(2), 4)).toEqual({ kind: 'appended', baseOffset: 3, lastOffset: 4 });
    expect(harness.log()).toMatchObject({ logEndOffset: 5, flushedEndOffset: 0, heldEndOffset: 0, latestEpoch: 4 });
    await harness.time.turn();
    expect(harness.log()).toMatchObject({ logEndOffset: 5, flushedEndOffset: 5, heldEndOffset: 5 });
    expect(await harness.shape()).toBe('0-2@4 3-4@4');
    const [first] = await harness.readAll();
    expect(first!.subarray(recordBatch.CRC_POSITION).equals(sent)).toBe(true);
  });

  it('writes once and syncs once for all batches of a turn', async () => {
    const harness = await opened();
    harness.log().beginLeaderEpoch(1);
    const kinds: string[] = [];
    harness.disk.onOperation(({ kind }) => kinds.push(kind));
    for (let i = 0; i < 20; i++) harness.log().appendAsLeader(harness.batch(2), 1);
    expect(kinds).toEqual([]);
    await harness.time.turn();
    expect(kinds).toEqual(['write', 'sync']);
  });

  it('R2: what counts as held is the end captured before the sync began', async () => {
    const harness = await opened();
    const log = harness.log();
    const held: [number, number][] = [];
    log.onHeld(() => held.push([log.heldEndOffset, log.logEndOffset]));
    log.appendAsLeader(harness.batch(3), 1);
    // While the first sync runs, a second batch is appended and written.
    let isAppended = false;
    harness.disk.onOperation(({ kind, path }) => {
      if (kind !== 'sync' || !path.endsWith('.log') || isAppended) return;
      isAppended = true;
      log.appendAsLeader(harness.batch(2), 1);
    });
    await harness.time.turn();
    expect(held).toEqual([
      [3, 5],
      [5, 5],
    ]);
  });

  it('R2: a sync that ends after the log was cut proves nothing about what follows', async () => {
    const harness = await opened();
    const log = harness.log();
    await harness.append(1, [2, 2]);
    log.appendAsLeader(harness.batch(2), 1);
    // Inside the turn the write is done and the sync under way: cut now, and append something else before it answers.
    let syncs = 0;
    harness.disk.onOperation(({ kind, path }) => {
      if (kind === 'write' && path.endsWith('.log') && syncs++ === 0) {
        queueMicrotask(() => {
          log.truncateTo(2);
          log.appendAsLeader(harness.batch(9), 2);
          expect(log.flushedEndOffset).toBe(2);
        });
      }
    });
    const ends: number[] = [];
    log.onHeld(() => ends.push(log.flushedEndOffset));
    await harness.time.turn();
    expect(ends).toEqual([11]);
    expect(await harness.shape()).toBe('0-1@1 2-10@2');
  });

  it('under interval counts what is written and syncs when the time has come', async () => {
    const harness = await opened({ flushPolicy: 'interval', flushIntervalMs: 500 });
    await harness.append(1, [2]);
    expect(harness.log()).toMatchObject({ heldEndOffset: 2, flushedEndOffset: 0 });
    await harness.time.advance(499);
    expect(harness.log().flushedEndOffset).toBe(0);
    await harness.time.advance(1);
    expect(harness.log().flushedEndOffset).toBe(2);
    harness.log().appendAsLeader(harness.batch(1), 1);
    await harness.drive(harness.log().flush());
    expect(harness.log().flushedEndOffset).toBe(3);
  });

  it('R2: a switch to commit takes back nothing that counted; what comes after it counts once synced, and the folder confesses a power loss', async () => {
    const harness = await opened({ flushPolicy: 'interval', flushIntervalMs: 500 });
    await harness.append(1, [2]);
    const log = harness.log();
    log.updateConfig({ ...harness.config, flushPolicy: 'commit' });
    expect(log).toMatchObject({ heldEndOffset: 2, flushedEndOffset: 0 });
    log.appendAsLeader(harness.batch(1), 1);
    expect(log.heldEndOffset).toBe(2);
    await harness.time.turn();
    expect(log).toMatchObject({ heldEndOffset: 3, flushedEndOffset: 3 });
    await harness.restart('powerLoss');
    expect(harness.directory.state.isComplete).toBe(false);
  });

  it('refuses with the error of the broken rule and changes nothing', async () => {
    const harness = await opened({ maxMessageBytes: 900, segmentBytes: 500 });
    const refusal = (batch: Buffer) => {
      const outcome = harness.log().appendAsLeader(batch, 1);
      return outcome.kind === 'refused' ? outcome.error : outcome.kind;
    };
    const damaged = harness.batch(1);
    damaged[damaged.length - 1]! ^= 1;
    expect(refusal(damaged)).toBe('CORRUPT_MESSAGE');
    expect(refusal(harness.batch(1, { value: 'x'.repeat(900) }))).toBe('MESSAGE_TOO_LARGE');
    expect(refusal(harness.batch(1, { value: 'x'.repeat(600) }))).toBe('RECORD_LIST_TOO_LARGE');
    expect(refusal(harness.batch(1, { timestamp: harness.time.wall + 3_600_001 }))).toBe('INVALID_TIMESTAMP');
    expect(harness.log().logEndOffset).toBe(0);
  });

  it('R16: refuses with KAFKA_STORAGE_ERROR while less than the reserve is free, and goes on when there is space again', async () => {
    const harness = new LogHarness();
    harness.disk.setCapacity(100_000);
    await harness.start();
    harness.create();
    await harness.append(1, [1]);
    harness.disk.setCapacity(4000);
    expect(harness.log().appendAsLeader(harness.batch(1), 1).kind).toBe('appended');
    await harness.time.advance(1000);
    expect(harness.log().appendAsLeader(harness.batch(1), 1)).toMatchObject({ kind: 'refused', error: 'KAFKA_STORAGE_ERROR' });
    expect(await harness.shape()).toBe('0-0@1 1-1@1');
    harness.disk.setCapacity(100_000);
    await harness.time.advance(1000);
    expect(harness.log().appendAsLeader(harness.batch(1), 1).kind).toBe('appended');
  });

  it('R27: keeps no reference to a shared chunk that it would pin, and never changes a batch that it has taken', async () => {
    const harness = await opened();
    const batch = harness.batch(2);
    const chunk = Buffer.alloc(65_536);
    batch.copy(chunk, 100);
    harness.log().appendAsLeader(chunk.subarray(100, 100 + batch.length), 1);
    const [cached] = harness.log().read(0, 2, 10_000, true) as Buffer[];
    expect(cached!.buffer.byteLength).toBeLessThan(1000);
    await harness.time.turn();
    expect(await harness.shape()).toBe('0-1@1');
  });

  it('syncs a rolled segment before anything behind it counts', async () => {
    const harness = await opened({ segmentBytes: 400 });
    const ends: number[] = [];
    harness.log().onHeld(() => ends.push(harness.log().flushedEndOffset));
    for (let i = 0; i < 12; i++) harness.log().appendAsLeader(harness.batch(2), 1);
    await harness.time.turn();
    expect(ends).toEqual([24]);
    expect(harness.files().filter((name) => name.endsWith('.log')).length).toBe(3);
    expect(harness.disk.unsyncedBytes(`${ROOT}/t-0/00000000000000000000.log`)).toBe(0);
    await harness.restart('powerLoss');
    expect(harness.log().logEndOffset).toBe(24);
  });
});

describe('appending as follower', () => {
  it('R5: takes what continues the log, and nothing of a request with anything else in it', async () => {
    const leader = await opened();
    await leader.append(1, [2, 1]);
    await leader.append(3, [4]);
    const all = Buffer.concat(await leader.readAll());
    const batches = splitBatches(all);
    const harness = await opened();
    const log = harness.log();
    const refuses = (records: Buffer, why: RegExp) => {
      expect(() => log.appendAsFollower(records)).toThrow(why);
      expect(() => log.appendAsFollower(records)).toThrow(CorruptionError);
      expect(log.logEndOffset).toBe(0);
    };
    refuses(all.subarray(0, all.length - 1), /only \d+ follow/);
    refuses(Buffer.concat([batches[0]!, batches[1]!, batches[1]!]), /at offset 2 does not continue 3/);
    refuses(Buffer.concat([batches[1]!, batches[0]!]), /at offset 0 does not continue 3/);
    const damaged = Buffer.from(all);
    damaged[all.length - 1]! ^= 1;
    refuses(damaged, /does not match its CRC/);
    const backwards = Buffer.from(all);
    recordBatch.setLeaderEpoch(backwards, 2, 0);
    refuses(backwards, /leader epoch 1 after 2/);
    log.appendAsFollower(all);
    await harness.time.turn();
    expect(await harness.shape()).toBe('0-1@1 2-2@1 3-6@3');
    expect(log.endOffsetForEpoch(1)).toEqual({ leaderEpoch: 1, endOffset: 3 });
  });
});

describe('leader epochs', () => {
  it('R4: becoming leader writes the epoch durably before the first append', async () => {
    const harness = await opened();
    await harness.append(1, [3]);
    harness.log().beginLeaderEpoch(5);
    expect(harness.log().latestEpoch).toBe(5);
    await harness.restart('powerLoss');
    expect(harness.log().latestEpoch).toBe(5);
    expect(harness.log().endOffsetForEpoch(5)).toEqual({ leaderEpoch: 5, endOffset: 3 });
    expect(harness.log().endOffsetForEpoch(1)).toEqual({ leaderEpoch: 1, endOffset: 3 });
  });

  it('R4: truncation cuts the epochs, also at or past the log end', async () => {
    const harness = await opened();
    await harness.append(1, [3]);
    harness.log().beginLeaderEpoch(5);
    harness.log().truncateTo(3);
    expect(harness.log().latestEpoch).toBe(1);
    await harness.restart('powerLoss');
    expect(harness.log().latestEpoch).toBe(1);
    expect(harness.log().logEndOffset).toBe(3);
  });

  it('answers where an epoch ends: the start of the next, or the log end', async () => {
    const harness = await opened();
    await harness.append(2, [3]);
    await harness.append(4, [2]);
    harness.log().beginLeaderEpoch(7);
    const end = (epoch: number) => {
      const { leaderEpoch, endOffset } = harness.log().endOffsetForEpoch(epoch);
      return [leaderEpoch, endOffset];
    };
    expect([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8].map(end)).toEqual([
      [-1, -1],
      [0, 0],
      [1, 0],
      [2, 3],
      [2, 3],
      [4, 5],
      [4, 5],
      [4, 5],
      [7, 5],
      [-1, -1],
    ]);
  });

  it('remembers durably how far it was caught up', async () => {
    const harness = await opened();
    expect(harness.log().caughtUpEpoch).toBe(-1);
    harness.log().markCaughtUp(3);
    harness.log().markCaughtUp(2);
    await harness.restart('powerLoss');
    expect(harness.log().caughtUpEpoch).toBe(3);
  });
});

describe('truncation', () => {
  it('R16: unlinks the highest segment first, syncs the folder, and only then appends', async () => {
    const harness = await opened({ segmentBytes: 300 });
    await harness.append(1, [2, 2, 2, 2, 2, 2, 2, 2]);
    const operations: string[] = [];
    harness.disk.onOperation(({ kind, path }) => operations.push(`${kind} ${path.replace(`${ROOT}/t-0`, '')}`));
    harness.log().truncateTo(3);
    const removed = operations.filter((each) => /^remove .*\.log$/.test(each)).map((each) => Number(/\d+/.exec(each)![0]));
    expect(removed.length).toBeGreaterThan(1);
    expect(removed).toEqual([...removed].sort((a, b) => b - a));
    expect(operations.lastIndexOf('syncDirectory ')).toBeGreaterThan(operations.findLastIndex((each) => /^remove .*\.log$/.test(each)));
    expect(harness.log()).toMatchObject({ logEndOffset: 2, flushedEndOffset: 2, heldEndOffset: 2 });
    await harness.append(2, [1]);
    expect(await harness.shape()).toBe('0-1@1 2-2@2');
    await harness.restart('powerLoss');
    expect(await harness.shape()).toBe('0-1@1 2-2@2');
  });

  it('below a stored recovery point is no damage after a loss of power', async () => {
    const harness = await opened();
    await harness.append(1, [2, 2, 2]);
    await harness.time.advance(6000);
    harness.log().truncateTo(2);
    harness.log().appendAsLeader(harness.batch(1), 2);
    await harness.restart('powerLoss');
    expect(harness.directory.quarantined).toEqual([]);
    expect(harness.log().logEndOffset).toBeGreaterThanOrEqual(2);
  });

  it('to a start that the leader still has drops everything, durably, wherever the start lies', async () => {
    for (const start of [3, 100]) {
      const harness = await opened({ segmentBytes: 300 });
      await harness.append(1, [2, 2, 2, 2, 2]);
      harness.log().truncateFullyAndStartAt(start);
      expect(harness.log()).toMatchObject({ logStartOffset: start, logEndOffset: start, latestEpoch: -1, flushedEndOffset: start });
      await harness.restart('powerLoss');
      expect(harness.log()).toMatchObject({ logStartOffset: start, logEndOffset: start, latestEpoch: -1 });
      await harness.append(9, [1]);
      await harness.restart('kill');
      expect(await harness.shape()).toBe(`${start}-${start}@9`);
    }
  });
});

describe('idempotent producers', () => {
  const send = (harness: LogHarness, sequence: number, count = 1, producerEpoch = 0) =>
    harness.log().appendAsLeader(harness.batch(count, { producerId: 9, producerEpoch, sequence }), harness.log().latestEpoch);

  it('R26: one of the last five batches again answers its original offsets', async () => {
    const harness = await opened();
    await harness.append(1, [10]);
    for (let i = 0; i < 6; i++) expect(send(harness, i * 2, 2).kind).toBe('appended');
    expect(send(harness, 2, 2)).toEqual({ kind: 'duplicate', baseOffset: 12, lastOffset: 13 });
    expect(send(harness, 10, 2)).toEqual({ kind: 'duplicate', baseOffset: 20, lastOffset: 21 });
    expect(harness.log().findDuplicate(harness.batch(2, { producerId: 9, sequence: 4 }))).toEqual(
      expect.objectContaining({ baseOffset: 14, lastOffset: 15 }),
    );
    expect(harness.log().findDuplicate(Buffer.alloc(3))).toBeNull();
    // The sixth last is forgotten; a part of a known batch is no duplicate; a gap is an error.
    expect(send(harness, 0, 2)).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    expect(send(harness, 10, 1)).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    expect(send(harness, 13, 1)).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    expect(harness.log().logEndOffset).toBe(22);
    expect(harness.log().maxProducerId).toBe(9);
  });

  it('R26: a new producer epoch starts at sequence 0 and fences the older one', async () => {
    const harness = await opened();
    expect(send(harness, 5).kind).toBe('appended');
    expect(send(harness, 3, 1, 2)).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    expect(send(harness, 0, 1, 2).kind).toBe('appended');
    expect(send(harness, 6, 1, 0)).toMatchObject({ error: 'INVALID_PRODUCER_EPOCH' });
  });

  it('R26: sequences wrap to 0 after 2^31-1', async () => {
    const harness = await opened();
    expect(send(harness, 2 ** 31 - 2, 4).kind).toBe('appended');
    expect(send(harness, 3, 1)).toMatchObject({ kind: 'refused' });
    expect(send(harness, 2, 1).kind).toBe('appended');
    expect(send(harness, 2 ** 31 - 2, 4).kind).toBe('duplicate');
  });

  it.each(['clean', 'kill', 'powerLoss'] as const)('R26: all five are known again after a stop: %s', async (how) => {
    const harness = await opened({ segmentBytes: 500 });
    for (let i = 0; i < 8; i++) {
      send(harness, i);
      await harness.time.turn();
    }
    await harness.restart(how);
    for (let i = 3; i < 8; i++) expect(send(harness, i)).toMatchObject({ kind: 'duplicate', baseOffset: i });
    expect(send(harness, 2)).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    expect(send(harness, 8).kind).toBe('appended');
    expect(harness.log().maxProducerId).toBe(9);
  });

  it('R26: truncation forgets what was cut and remembers again what had slid out of the window', async () => {
    const harness = await opened({ segmentBytes: 500 });
    for (let i = 0; i < 12; i++) {
      send(harness, i);
      await harness.time.turn();
    }
    harness.log().truncateTo(6);
    for (let i = 1; i < 6; i++) expect(send(harness, i)).toMatchObject({ kind: 'duplicate', baseOffset: i });
    expect(send(harness, 7)).toMatchObject({ kind: 'refused' });
    expect(send(harness, 6)).toMatchObject({ kind: 'appended', baseOffset: 6 });
  });

  it('R25: a step of the wall clock expires no producer, or its retry would be stored twice', async () => {
    const harness = await opened();
    harness.log().appendAsLeader(harness.batch(1, { producerId: 9, sequence: 0 }), 1);
    await harness.time.turn();
    harness.time.wall += 48 * 3_600_000;
    harness.log().applyRetention(1);
    expect(send(harness, 0).kind).toBe('duplicate');
  });

  it('R25: state expires by our clock, never by the records', async () => {
    const harness = await opened({ producerIdExpirationMs: 1000 });
    harness.log().appendAsLeader(harness.batch(1, { producerId: 9, sequence: 0, timestamp: 5 }), 1);
    await harness.time.advance(999);
    harness.log().applyRetention(1);
    expect(send(harness, 0).kind).toBe('duplicate');
    await harness.time.advance(2000);
    harness.log().applyRetention(1);
    expect(send(harness, 77).kind).toBe('appended');
  });
});

describe('reading', () => {
  it('answers the tail synchronously and old data from the files, with the same bytes', async () => {
    const harness = await opened({ segmentBytes: 2000, indexIntervalBytes: 300 });
    for (let i = 0; i < 60; i++) await harness.append(1, [1 + (i % 3)]);
    const warm = await harness.readAll();
    expect(harness.log().read(0, 120, 100, true)).toBeInstanceOf(Array);
    await harness.restart('clean');
    expect(harness.log().read(0, 120, 100, true)).toBeInstanceOf(Promise);
    const cold = await harness.readAll();
    expect(Buffer.concat(cold).equals(Buffer.concat(warm))).toBe(true);
    for (let offset = 0; offset < 120; offset++) {
      const [chunk] = await harness.drive(Promise.resolve(harness.log().read(offset, 120, 250, true)));
      const batches = splitBatches(chunk!);
      expect(recordBatch.baseOffset(batches[0]!) <= offset && recordBatch.lastOffset(batches[0]!) >= offset).toBe(true);
      expect(batches.length === 1 || chunk!.length <= 250).toBe(true);
    }
  });

  it('leaves out a batch that straddles the end, and gives the first one whole only when asked to', async () => {
    const harness = await opened();
    await harness.append(1, [3, 3]);
    const both = async (offset: number, end: number, bytes: number, atLeastOne: boolean) => {
      const warm = harness.log().read(offset, end, bytes, atLeastOne) as Buffer[];
      return warm.flatMap(splitBatches).map((batch) => recordBatch.baseOffset(batch));
    };
    for (const how of ['warm', 'cold']) {
      if (how === 'cold') await harness.restart('clean');
      const read = async (...args: [number, number, number, boolean]) => {
        if (how === 'warm') return both(...args);
        const found = await harness.drive(Promise.resolve(harness.log().read(...args)));
        return found.flatMap(splitBatches).map((batch) => recordBatch.baseOffset(batch));
      };
      expect(await read(0, 6, 10_000, false)).toEqual([0, 3]);
      expect(await read(4, 6, 10_000, false)).toEqual([3]);
      expect(await read(0, 5, 10_000, false)).toEqual([0]);
      expect(await read(0, 2, 10_000, true)).toEqual([]);
      expect(await read(0, 6, 10, false)).toEqual([]);
      expect(await read(0, 6, 10, true)).toEqual([0]);
      expect(await read(6, 6, 10, true)).toEqual([]);
    }
  });

  it('R15: damaged bytes below the recovery point stop this log, and it stays quarantined after a restart', async () => {
    const harness = await opened();
    harness.create('u', 1);
    await harness.append(1, [2, 2, 2]);
    await harness.append(1, [1], harness.log('u-1'));
    await harness.restart('clean');
    harness.damage('t-0/00000000000000000000.log', 8, [0x7f]);
    const failures: Error[] = [];
    harness.log().onFailure((error) => failures.push(error));
    await expect(harness.drive(Promise.resolve(harness.log().read(0, 6, 1000, true)))).rejects.toThrow(CorruptionError);
    expect(failures).toHaveLength(1);
    expect(harness.log().failure).toBeInstanceOf(CorruptionError);
    expect(harness.log().appendAsLeader(harness.batch(1), 1)).toMatchObject({ error: 'KAFKA_STORAGE_ERROR' });
    expect(harness.directory.failure).toBeNull();
    expect(harness.directory.state.isComplete).toBe(false);
    expect(await harness.shape(harness.log('u-1'))).toBe('0-0@1');
    await harness.restart('clean');
    expect(harness.directory.quarantined).toMatchObject([{ topic: 't', partition: 0 }]);
    expect(harness.directory.partitions.has('u-1')).toBe(true);
    expect(harness.disk.exists(`${ROOT}/t-0/00000000000000000000.log`)).toBe(true);
    harness.directory.wipeQuarantined('t', 0);
    expect(harness.disk.exists(`${ROOT}/t-0`)).toBe(false);
    expect(harness.create().logEndOffset).toBe(0);
  });

  it('rebuilds an index that leads nowhere', async () => {
    const harness = await opened({ indexIntervalBytes: 100 });
    for (let i = 0; i < 20; i++) await harness.append(1, [1]);
    await harness.restart('clean');
    harness.damage('t-0/00000000000000000000.index', 8 * 4 + 4, [0, 0, 0, 33]);
    expect((await harness.readAll()).length).toBe(20);
    for (let offset = 0; offset < 20; offset++) {
      const found = await harness.drive(Promise.resolve(harness.log().read(offset, 20, 1, true)));
      expect(recordBatch.baseOffset(found[0]!)).toBe(offset);
    }
    expect(harness.log().failure).toBeNull();
  });
});

describe('finding by time', () => {
  it('answers the first record at or after a time, warm and cold, and the latest of all', async () => {
    const harness = await opened({ segmentBytes: 700, indexIntervalBytes: 150 });
    const times: number[] = [];
    for (let i = 0; i < 40; i++) {
      const timestamp = 1_600_000_000_000 + ((i * 7) % 40) * 10;
      times.push(timestamp);
      harness.log().appendAsLeader(harness.batch(1, { timestamp }), 1);
      await harness.time.turn();
    }
    for (const how of ['warm', 'cold']) {
      if (how === 'cold') await harness.restart('clean');
      for (let timestamp = 1_599_999_999_995; timestamp <= 1_600_000_000_400; timestamp += 5) {
        const offset = times.findIndex((each) => each >= timestamp);
        const found = await harness.drive(harness.log().offsetForTimestamp(timestamp, 40));
        expect(found).toEqual(offset < 0 ? null : { offset, timestamp: times[offset] });
      }
      for (let end = 1; end <= 40; end++) {
        const timestamp = Math.max(...times.slice(0, end));
        const found = await harness.drive(harness.log().offsetOfMaxTimestamp(end));
        expect(found).toEqual({ offset: times.indexOf(timestamp), timestamp });
      }
      expect(await harness.drive(harness.log().offsetForTimestamp(1_600_000_000_390, 6))).toBeNull();
    }
  });

  it('answers null for an empty log', async () => {
    const harness = await opened();
    expect(await harness.drive(harness.log().offsetForTimestamp(0, 0))).toBeNull();
    expect(await harness.drive(harness.log().offsetOfMaxTimestamp(0))).toBeNull();
  });
});

describe('retention', () => {
  it('removes whole segments by size and age, never at or above the high watermark, and the start does not go back', async () => {
    const harness = await opened({ segmentBytes: 300, retentionBytes: 700 });
    for (let i = 0; i < 20; i++) await harness.append(1 + Math.floor(i / 5), [2]);
    expect(harness.log().applyRetention(0)).toBe(0);
    expect(harness.log().applyRetention(7)).toBeGreaterThan(0);
    const start = harness.log().logStartOffset;
    expect(start).toBeGreaterThan(0);
    expect(start).toBeLessThanOrEqual(7);
    harness.log().applyRetention(40);
    expect(harness.log().sizeBytes).toBeGreaterThanOrEqual(700);
    expect(harness.log().sizeBytes).toBeLessThan(1100);
    const { logStartOffset } = harness.log();
    await harness.restart('powerLoss');
    expect(harness.log().logStartOffset).toBe(logStartOffset);
    harness.log().updateConfig({ ...harness.config, retentionBytes: -1, retentionMs: 1000 });
    harness.log().applyRetention(40);
    expect(harness.log().logStartOffset).toBe(logStartOffset);
    await harness.time.advance(1001);
    harness.log().applyRetention(40);
    expect(harness.log()).toMatchObject({ logStartOffset: 40, logEndOffset: 40, latestEpoch: 4 });
    expect(harness.log().endOffsetForEpoch(4)).toEqual({ leaderEpoch: 4, endOffset: 40 });
    expect(harness.files().filter((name) => name.endsWith('.log'))).toEqual(['00000000000000000040.log']);
    await harness.restart('kill');
    expect(harness.log()).toMatchObject({ logStartOffset: 40, logEndOffset: 40, latestEpoch: 4 });
  });

  it('follows the leader to a start inside a segment, durably', async () => {
    const harness = await opened({ segmentBytes: 300 });
    for (let i = 0; i < 10; i++) await harness.append(i < 5 ? 1 : 2, [2]);
    harness.log().advanceLogStartOffset(11);
    await harness.restart('powerLoss');
    expect(harness.log().logStartOffset).toBe(11);
    expect(harness.log().endOffsetForEpoch(1)).toEqual({ leaderEpoch: 1, endOffset: 11 });
    expect(await harness.shape()).toMatch(/^10-11@2 /);
    expect(() => harness.log().read(10, 20, 1000, true)).toThrow(/outside 11 to 20/);
  });
});
