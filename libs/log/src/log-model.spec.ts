/**
 * The log against a model that is a list of batches: any mix of appends, epochs, cuts, starts over, retention and restarts leaves
 * both with the same records, epochs and ends. And truncation by epochs between any two logs of one history (KIP-101, KIP-279).
 */
import * as fc from 'fast-check';
import { recordBatch } from '#record';
import { LeaderEpochCache } from './leader-epoch-cache.js';
import type { SegmentedLog } from './segmented-log.js';
import { LogHarness } from './testing/log-harness.js';

type Step =
  | { readonly do: 'append'; readonly counts: readonly number[] }
  | { readonly do: 'newEpoch' | 'beginEpoch' }
  | { readonly do: 'truncate' | 'moveStart'; readonly share: number }
  | { readonly do: 'startOver'; readonly offset: number }
  | { readonly do: 'restart'; readonly how: 'clean' | 'kill' | 'powerLoss' };

const share = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      counts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('newEpoch' as const, 'beginEpoch' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('truncate' as const, 'moveStart' as const), share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('startOver' as const), offset: fc.integer({ min: 0, max: 60 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      how: fc.constantFrom('clean' as const, 'kill' as const, 'powerLoss' as const),
    }),
  },
);

interface ModelBatch {
  readonly base: number;
  readonly last: number;
  readonly epoch: number;
}

class Model {
  batches: ModelBatch[] = [];
  start = 0;
  end = 0;
  epoch = 0;
  /** Begins of epochs that have no batch yet, or whose batches retention took. */
  begins: { epoch: number; start: number }[] = [];

  append(count: number): void {
    this.begin();
    this.batches.push({ base: this.end, last: this.end + count - 1, epoch: this.epoch });
    this.end += count;
  }

  begin(): void {
    if (this.begins.at(-1)?.epoch === this.epoch) return;
    this.begins = this.begins.filter(({ start }) => start < this.end);
    this.begins.push({ epoch: this.epoch, start: this.end });
  }

  truncate(offset: number): void {
    const cut = this.batches.find(({ last }) => last >= offset)?.base ?? offset;
    if (cut < this.start) {
      this.startOver(this.start);
      return;
    }
    this.begins = this.begins.filter(({ start }) => start < Math.min(cut, offset));
    if (offset >= this.end) return;
    this.batches = this.batches.filter(({ base }) => base < cut);
    this.end = cut;
  }

  moveStart(offset: number): void {
    if (offset <= this.start) return;
    this.start = offset;
    this.batches = this.batches.filter(({ last }) => last >= offset);
    const inForce = this.begins.findLast(({ start }) => start <= offset);
    this.begins = this.begins.filter(({ start }) => start > offset);
    if (inForce) this.begins.unshift({ epoch: inForce.epoch, start: offset });
  }

  startOver(offset: number): void {
    Object.assign(this, { batches: [], begins: [], start: offset, end: offset });
  }
}

async function apply(harness: LogHarness, model: Model, next: Step): Promise<void> {
  const log = harness.log();
  switch (next.do) {
    case 'append':
      for (const count of next.counts) model.append(count);
      return harness.append(model.epoch, next.counts);
    case 'newEpoch':
      model.epoch++;
      return;
    case 'beginEpoch':
      model.epoch++;
      model.begin();
      return log.beginLeaderEpoch(model.epoch);
    case 'truncate': {
      const offset = model.start + Math.round(next.share * (model.end + 2 - model.start));
      model.truncate(offset);
      return log.truncateTo(offset);
    }
    case 'moveStart': {
      const offset = model.start + Math.round(next.share * (model.end - model.start) * 0.7);
      model.moveStart(offset);
      return log.advanceLogStartOffset(offset);
    }
    case 'startOver':
      model.startOver(next.offset);
      return log.truncateFullyAndStartAt(next.offset);
    case 'restart':
      await harness.restart(next.how);
  }
}

async function compare(harness: LogHarness, model: Model): Promise<void> {
  const log = harness.log() as SegmentedLog;
  const stored = await harness.readAll(log);
  expect({
    start: log.logStartOffset,
    end: log.logEndOffset,
    flushed: log.flushedEndOffset,
    batches: stored.map((each) => `${recordBatch.baseOffset(each)}-${recordBatch.lastOffset(each)}@${recordBatch.leaderEpoch(each)}`),
    begins: log.epochStarts.map(({ leaderEpoch, startOffset }) => `${leaderEpoch}@${startOffset}`),
  }).toEqual({
    start: model.start,
    end: model.end,
    flushed: model.end,
    batches: model.batches.map(({ base, last, epoch }) => `${base}-${last}@${epoch}`),
    begins: model.begins.map(({ epoch, start }) => `${epoch}@${start}`),
  });
}

describe('a log', () => {
  it('behaves as a list of batches with epochs, whatever is done to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), fc.integer({ min: 0, max: 999 }), async (steps, seed) => {
        const harness = await LogHarness.open({ segmentBytes: 350, indexIntervalBytes: 100 }, seed);
        harness.create();
        const model = new Model();
        for (const each of steps) {
          await apply(harness, model, each);
          await harness.time.turn();
        }
        await compare(harness, model);
        await harness.restart('powerLoss');
        await compare(harness, model);
      }),
      { numRuns: 60 },
    );
  });
});

/** One entry per offset: the epoch it was written in. */
type EpochHistory = readonly number[];

/** Leaders in turn: each starts from a prefix of an earlier log and appends in an epoch of its own. */
const histories = fc
  .array(fc.record({ from: fc.nat(), keep: share, count: fc.integer({ min: 0, max: 3 }) }), { minLength: 2, maxLength: 6 })
  .map((leaders) => {
    const logs: EpochHistory[] = [[]];
    for (const [index, { from, keep, count }] of leaders.entries()) {
      const parent = logs[from % logs.length]!;
      logs.push([...parent.slice(0, Math.round(keep * parent.length)), ...Array.from({ length: count }, () => index + 1)]);
    }
    return logs;
  });

function cacheOf(history: EpochHistory): LeaderEpochCache {
  const cache = new LeaderEpochCache();
  for (const [offset, epoch] of history.entries()) cache.assign(epoch, offset);
  return cache;
}

describe('truncation by leader epochs', () => {
  it('R3: makes any follower a prefix of any leader, and keeps everything that they share', () => {
    fc.assert(
      fc.property(histories, fc.nat(), fc.nat(), (logs, first, second) => {
        const leader = logs[first % logs.length]!;
        let follower = logs[second % logs.length]!;
        const shared = follower.findIndex((epoch, offset) => epoch !== leader[offset]);
        const leaderCache = cacheOf(leader);
        // What becoming leader does (R4): an epoch above all others begins at its end.
        leaderCache.assign(100, leader.length);
        const cache = cacheOf(follower);
        for (let round = 0; ; round++) {
          expect(round).toBeLessThan(10);
          const given = leaderCache.endOffsetFor(cache.latestEpoch, leader.length);
          const isDiverging = cache.latestEpoch !== -1 && (given.endOffset < follower.length || given.leaderEpoch < cache.latestEpoch);
          if (!isDiverging) break;
          const own = given.leaderEpoch < 0 ? { endOffset: 0 } : cache.endOffsetFor(given.leaderEpoch, follower.length);
          const end = Math.max(0, Math.min(own.endOffset, given.endOffset));
          follower = follower.slice(0, end);
          cache.truncateFromEnd(end);
        }
        expect(follower).toEqual(leader.slice(0, follower.length));
        if (shared >= 0) expect(follower.length).toBeGreaterThanOrEqual(shared);
      }),
      { numRuns: 500 },
    );
  });
});
