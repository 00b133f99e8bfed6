/**
 * A run of everything that changes the disk, with the power lost after each single disk operation in turn (T2). What comes back
 * must be a valid prefix with everything that was ever reported as flushed (S13), epochs and producers that fit it (S10, S11).
 */
import { recordBatch } from '#record';
import { SimCrash } from '#seams-sim';
import type { PartitionLog } from './contract.js';
import type { SegmentedLog } from './segmented-log.js';
import { LogHarness } from './testing/log-harness.js';

interface Expected {
  log: PartitionLog;
  topicId: string;
  /** Every batch as it was stored, in order. */
  batches: Buffer[];
  /** Flushed ends as they were reported; lowered by cuts. */
  flushed: number;
  /** What the operation under way may take it to. */
  cutTo: number | null;
  startOver: number | null;
  logStart: number;
  logStartUnderWay: number | null;
  epoch: number;
  sequence: number;
  isBeingDeleted: boolean;
}

/** Runs the same steps on every harness; what it expects is always true of the state so far. */
class Workload {
  readonly expected = new Map<string, Expected>();
  cleanStops = 0;

  constructor(readonly harness: LogHarness) {}

  async run(): Promise<void> {
    this.create('a-0');
    await this.append('a-0', 1, 6);
    await this.harness.time.advance(5000);
    this.create('a-1');
    this.appendOnly('a-1', 3, 9);
    await this.turn();
    await this.append('a-0', 1, 3);
    this.begin('a-0', 2);
    this.appendOnly('a-0', 2, 3);
    this.truncate('a-0', 13);
    await this.append('a-0', 3, 4);
    this.harness.directory.checkpointHighWatermarks(new Map([['a-0', 14]]));
    await this.harness.time.advance(5000);
    this.truncate('a-0', 4);
    await this.append('a-0', 4, 7);
    this.moveStart('a-0', 5);
    this.startOver('a-1', 50);
    await this.append('a-1', 6, 4);
    this.startOver('a-1', 20);
    await this.append('a-1', 6, 2);
    await this.stopCleanly();
    await this.append('a-0', 7, 2);
    this.delete('a-1');
    this.create('a-1');
    await this.append('a-1', 1, 2);
    await this.stopCleanly();
  }

  create(key: string): void {
    const log = this.harness.create('a', Number(key.at(-1)));
    const { topicId } = log;
    const nothing = { cutTo: null, startOver: null, logStart: 0, logStartUnderWay: null, epoch: -1, sequence: 0, isBeingDeleted: false };
    this.expected.set(key, { log, topicId, batches: [], flushed: 0, ...nothing });
  }

  appendOnly(key: string, epoch: number, count: number): void {
    const expected = this.of(key);
    for (let i = 0; i < count; i++) {
      const batch = this.harness.batch(2, { producerId: 5, sequence: expected.sequence });
      const outcome = expected.log.appendAsLeader(batch, epoch);
      if (outcome.kind !== 'appended') throw new Error(JSON.stringify(outcome));
      expected.sequence += 2;
      expected.batches.push(Buffer.from(batch));
      expected.epoch = epoch;
    }
  }

  async append(key: string, epoch: number, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.appendOnly(key, epoch, 1);
      await this.turn();
    }
  }

  begin(key: string, epoch: number): void {
    this.of(key).log.beginLeaderEpoch(epoch);
    this.of(key).epoch = epoch;
  }

  truncate(key: string, offset: number): void {
    const expected = this.of(key);
    this.noteFlushed();
    const end = Math.max(
      0,
      ...expected.batches.filter((batch) => recordBatch.lastOffset(batch) < offset).map((batch) => recordBatch.lastOffset(batch) + 1),
    );
    expected.cutTo = end;
    expected.log.truncateTo(offset);
    expected.batches = expected.batches.filter((batch) => recordBatch.lastOffset(batch) < end);
    expected.cutTo = null;
    expected.flushed = end;
    // The producer goes on where the log does: as after a failover.
    const last = expected.batches.at(-1);
    expected.sequence = last === undefined ? 0 : recordBatch.lastSequence(last) + 1;
  }

  startOver(key: string, offset: number): void {
    const expected = this.of(key);
    this.noteFlushed();
    expected.startOver = offset;
    expected.log.truncateFullyAndStartAt(offset);
    Object.assign(expected, { batches: [], flushed: offset, logStart: offset, epoch: -1, startOver: null });
  }

  moveStart(key: string, offset: number): void {
    const expected = this.of(key);
    expected.logStartUnderWay = offset;
    expected.log.advanceLogStartOffset(offset);
    Object.assign(expected, { logStart: offset, logStartUnderWay: null });
  }

  delete(key: string): void {
    this.of(key).isBeingDeleted = true;
    this.harness.directory.deletePartition('a', Number(key.at(-1)), this.of(key).topicId);
    this.expected.delete(key);
  }

  async stopCleanly(): Promise<void> {
    const { harness } = this;
    harness.directory.storeBrokerEpoch(++this.cleanStops);
    await harness.drive(harness.directory.closeCleanly(this.cleanStops));
    this.noteFlushed();
    harness.time.forget();
    await harness.start();
    expect(harness.directory.state.wasCleanShutdown).toBe(true);
    for (const [key, expected] of this.expected) expected.log = harness.log(key);
  }

  /** As far as the logs have said; also after the crash. */
  noteFlushed(): void {
    for (const expected of this.expected.values()) expected.flushed = Math.max(expected.flushed, expected.log.flushedEndOffset);
  }

  private async turn(): Promise<void> {
    await this.harness.time.turn();
    // Throws when the disk is dead: a sync that nobody answers would go unnoticed.
    this.harness.disk.exists('/');
    this.noteFlushed();
  }

  private of(key: string): Expected {
    return this.expected.get(key)!;
  }
}

async function check(harness: LogHarness, workload: Workload): Promise<void> {
  expect(harness.directory.quarantined).toEqual([]);
  for (const [key, expected] of workload.expected) {
    const log = harness.directory.partitions.get(key) as SegmentedLog | undefined;
    if (log === undefined && expected.isBeingDeleted) continue;
    if (log === undefined) throw new Error(`${key} is gone`);
    if (expected.startOver !== null && log.logStartOffset === expected.startOver && log.logEndOffset === expected.startOver) {
      expect(log.latestEpoch).toBe(-1);
      continue;
    }
    expect([expected.logStart, expected.logStartUnderWay]).toContain(log.logStartOffset);
    const durable = Math.min(expected.flushed, expected.cutTo ?? expected.flushed);
    expect(log.logEndOffset).toBeGreaterThanOrEqual(durable);
    expect(log.flushedEndOffset).toBe(log.logEndOffset);
    const stored = await harness.readAll(log);
    const kept = expected.batches.filter(
      (batch) => recordBatch.lastOffset(batch) >= log.logStartOffset && recordBatch.baseOffset(batch) < log.logEndOffset,
    );
    expect(Buffer.concat(stored).equals(Buffer.concat(kept))).toBe(true);
    checkEpochs(log, stored);
    const newest = stored.slice(-5);
    expect(newest.map((batch) => log.findDuplicate(batch)?.baseOffset)).toEqual(newest.map((batch) => recordBatch.baseOffset(batch)));
  }
}

/** S10: what the batches say, besides epochs without records at the end. */
function checkEpochs(log: SegmentedLog, stored: readonly Buffer[]): void {
  const starts: string[] = [];
  let epoch = -1;
  for (const batch of stored) {
    if (recordBatch.leaderEpoch(batch) === epoch) continue;
    epoch = recordBatch.leaderEpoch(batch);
    starts.push(`${epoch}@${Math.max(recordBatch.baseOffset(batch), log.logStartOffset)}`);
  }
  const cached = log.epochStarts.map(({ leaderEpoch, startOffset }) => `${leaderEpoch}@${startOffset}`);
  const endOffset = log.logEndOffset;
  const beyond = log.epochStarts
    .filter(({ startOffset }) => startOffset >= endOffset)
    .map(({ leaderEpoch }) => `${leaderEpoch}@${endOffset}`);
  expect(cached).toEqual([...starts, ...beyond.slice(0, 1)]);
}

async function startedHarness(seed: number): Promise<LogHarness> {
  return LogHarness.open({ segmentBytes: 400, indexIntervalBytes: 100 }, seed);
}

async function countOperations(): Promise<number> {
  const harness = await startedHarness(0);
  const before = harness.disk.operations;
  const workload = new Workload(harness);
  await workload.run();
  await check(harness, workload);
  return harness.disk.operations - before;
}

/** `arm` lets the run die somewhere; `loseUnsynced` says whether the page cache dies with it. */
async function crash(seed: number, loseUnsynced: boolean, arm: (harness: LogHarness, workload: Workload) => void): Promise<void> {
  const harness = await startedHarness(seed);
  const workload = new Workload(harness);
  arm(harness, workload);
  await expect(workload.run()).rejects.toBeInstanceOf(SimCrash);
  harness.time.betweenTasksAndAnswers = () => {};
  workload.noteFlushed();
  harness.disk.crash({ loseUnsynced });
  // It dies again during every third recovery.
  if (seed % 3 === 0) {
    harness.time.forget();
    harness.disk.failAt(1 + harness.random.integer(40));
    await harness.start().catch((error: unknown) => {
      if (!(error instanceof SimCrash)) throw error;
    });
    harness.disk.crash({ loseUnsynced });
  }
  harness.time.forget();
  await harness.start();
  await check(harness, workload);
  if (loseUnsynced && seed % 8 !== 0) return;
  // What was reported after recovery stays, and it goes on from there.
  const ends = () => [...harness.directory.partitions.values()].map((log) => log.logEndOffset);
  const recovered = ends();
  await harness.restart('powerLoss');
  expect(ends()).toEqual(recovered);
  for (const log of harness.directory.partitions.values()) log.appendAsLeader(harness.batch(2), 99);
  await harness.time.turn();
  await harness.restart('powerLoss');
  expect(ends()).toEqual(recovered.map((end) => end + 2));
}

describe('a crash', () => {
  it('R15: after any disk operation leaves a valid prefix with everything that was reported as flushed', async () => {
    const total = await countOperations();
    expect(total).toBeGreaterThan(300);
    for (let nth = 1; nth <= total; nth++) {
      try {
        await crash(nth, nth % 5 !== 0, (harness) => harness.disk.failAt(nth));
      } catch (error) {
        (error as Error).message = `crash after operation ${nth} of ${total}: ${(error as Error).message}`;
        throw error;
      }
    }
  });

  it('R2: between a write and the answer of its sync loses nothing that was counted', async () => {
    let turns = 0;
    const count = (harness: LogHarness) => {
      harness.time.betweenTasksAndAnswers = () => {
        turns++;
      };
    };
    const harness = await startedHarness(0);
    count(harness);
    await new Workload(harness).run();
    expect(turns).toBeGreaterThan(30);
    for (let nth = 1; nth <= turns; nth++) {
      let left = nth;
      await crash(nth, true, (each, workload) => {
        each.time.betweenTasksAndAnswers = () => {
          if (--left > 0) return;
          workload.noteFlushed();
          // Now, not later: the device would go on with the sync.
          each.disk.crash({ loseUnsynced: true });
          throw new SimCrash(`in turn ${nth}`);
        };
      });
    }
  });
});
