/**
 * Compaction against a model that remembers every record: after any mix of appends, tombstones, rolls, cleanings, cuts and
 * restarts the newest record of each key is where it was, byte for byte, nothing at or above the high watermark has changed, and
 * what can be rebuilt from the log (producers, epochs) is what was there before. A cleaner that drops a newest value fails here.
 */
import * as fc from 'fast-check';
import { decodeRecords, recordBatch } from '#record';
import type { SegmentedLog } from '../segmented-log.js';
import { LogHarness, ROOT } from '../testing/log-harness.js';

const DELETE_RETENTION_MS = 60_000;
const CODECS = ['none', 'gzip', 'snappy', 'lz4'] as const;

type Pair = readonly [key: string, value: string | null];
type Step =
  | { readonly do: 'append'; readonly batches: readonly { records: readonly Pair[]; producerId: number; codec: number }[] }
  | { readonly do: 'newEpoch' }
  | { readonly do: 'clean' | 'truncate'; readonly share: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'restart'; readonly how: 'clean' | 'kill' | 'powerLoss'; readonly withSnapshots: boolean };

const share = fc.double({ min: 0, max: 1, noNaN: true });
const pair: fc.Arbitrary<Pair> = fc.tuple(
  fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
  fc.oneof({ weight: 3, arbitrary: fc.string({ maxLength: 30 }) }, { weight: 1, arbitrary: fc.constant(null) }),
);
const batch = fc.record({
  records: fc.array(pair, { minLength: 1, maxLength: 5 }),
  producerId: fc.constantFrom(-1, 5, 6),
  codec: fc.nat(CODECS.length - 1),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), batches: fc.array(batch, { minLength: 1, maxLength: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('newEpoch' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('clean' as const), share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('truncate' as const), share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1000, DELETE_RETENTION_MS) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      how: fc.constantFrom('clean' as const, 'kill' as const, 'powerLoss' as const),
      withSnapshots: fc.boolean(),
    }),
  },
);

interface ModelRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: string | null;
  readonly timestamp: number;
}
interface ModelBatch {
  readonly bytes: Buffer;
  readonly records: readonly ModelRecord[];
}

class Run {
  batches: ModelBatch[] = [];
  epoch = 1;
  /** Highest that a cleaning was told: nothing is cut below it. */
  highWatermark = 0;
  /** No cleaning could touch a batch from there on. A cut may make a cleaned segment the active one again. */
  private cleanedEnd = 0;
  /** When the first cleaning could have seen a tombstone, by offset. */
  readonly seenAt = new Map<number, number>();
  private readonly sequences = new Map<number, number>();

  constructor(
    readonly harness: LogHarness,
    private readonly dedupeBufferBytes: number,
  ) {}

  get log(): SegmentedLog {
    return this.harness.log() as SegmentedLog;
  }

  async apply(next: Step): Promise<void> {
    const { harness, log } = this;
    switch (next.do) {
      case 'append':
        for (const { records, producerId, codec } of next.batches) this.append(records, producerId, codec);
        return harness.time.turn();
      case 'newEpoch':
        return log.beginLeaderEpoch(++this.epoch);
      case 'clean':
        return this.clean(next.share);
      case 'truncate': {
        const offset = this.highWatermark + Math.round(next.share * (log.logEndOffset - this.highWatermark));
        log.truncateTo(offset);
        this.batches = this.batches.filter(({ bytes }) => recordBatch.lastOffset(bytes) < log.logEndOffset);
        return this.resetSequences();
      }
      case 'wait':
        return harness.time.advance(next.ms);
      case 'restart':
        return this.restart(next.how, next.withSnapshots);
    }
  }

  async clean(part: number): Promise<void> {
    const { log } = this;
    const bound = Math.round(part * log.logEndOffset);
    this.highWatermark = Math.max(this.highWatermark, bound);
    const highWatermark = this.highWatermark;
    for (const { records } of this.batches) {
      for (const { offset, value } of records) {
        if (value === null && offset < highWatermark && !this.seenAt.has(offset)) this.seenAt.set(offset, this.harness.time.wall);
      }
    }
    this.cleanedEnd = Math.max(this.cleanedEnd, Math.min(highWatermark, log.store.active.baseOffset));
    const cleaner = this.harness.cleaner({ dedupeBufferBytes: this.dedupeBufferBytes }, () => highWatermark);
    for (let round = 0; await this.harness.drive(cleaner.cleanOnce()); round++) expect(round).toBeLessThan(500);
    expect(cleaner.stats).toMatchObject({ interrupted: 0, failed: 0 });
  }

  /** What is remembered of producers and epochs comes back, from the batches alone when the snapshots are lost. */
  private async restart(how: 'clean' | 'kill' | 'powerLoss', withSnapshots: boolean): Promise<void> {
    const { harness } = this;
    const before = stateOf(this.log);
    if (how !== 'clean' && !withSnapshots) {
      for (const name of harness.files()) if (name.endsWith('.snapshot')) harness.disk.remove(`${ROOT}/t-0/${name}`);
      harness.disk.syncDirectory(`${ROOT}/t-0`);
    }
    await harness.restart(how);
    expect(stateOf(this.log)).toEqual(before);
  }

  private append(records: readonly Pair[], producerId: number, codec: number): void {
    const sequence = this.sequences.get(producerId) ?? 0;
    const bytes = this.harness.keyed(records, { compression: CODECS[codec]!, producerId, sequence: producerId < 0 ? -1 : sequence });
    const outcome = this.log.appendAsLeader(bytes, this.epoch);
    if (outcome.kind !== 'appended') throw new Error(JSON.stringify(outcome));
    this.sequences.set(producerId, sequence + records.length);
    const timestamp = this.harness.time.wall;
    const noted = records.map(([key, value], i) => ({ offset: outcome.baseOffset + i, key, value, timestamp }));
    this.batches.push({ bytes: Buffer.from(bytes), records: noted });
  }

  /** Producers go on where the log does, as after a failover. */
  private resetSequences(): void {
    for (const producerId of this.sequences.keys()) {
      const last = this.batches.findLast(({ bytes }) => recordBatch.producerId(bytes) === producerId);
      this.sequences.set(producerId, last === undefined ? 0 : recordBatch.lastSequence(last.bytes) + 1);
    }
  }

  async check(): Promise<void> {
    const { harness } = this;
    const stored = await harness.readAll();
    const known = new Map(this.batches.flatMap(({ records }) => records).map((record) => [record.offset, record]));
    const found = stored.flatMap((each) => decodeRecords(each));
    let previous = -1;
    for (const { offset, key, value, timestamp } of found) {
      expect(offset).toBeGreaterThan(previous);
      previous = offset;
      expect({ offset, key: String(key), value: value === null ? null : String(value), timestamp }).toEqual(known.get(offset));
    }
    const here = new Set(found.map(({ offset }) => offset));
    const newest = new Map([...known.values()].map((record) => [record.key, record]));
    for (const { key, offset, value } of newest.values()) {
      if (here.has(offset)) continue;
      // Only a tombstone may be gone: after its time, and not before what it deletes.
      expect(value).toBeNull();
      expect(harness.time.wall - this.seenAt.get(offset)!).toBeGreaterThanOrEqual(DELETE_RETENTION_MS);
      expect(found.filter((record) => String(record.key) === key)).toEqual([]);
    }
    const untouched = (bytes: Buffer) => recordBatch.baseOffset(bytes) >= this.cleanedEnd;
    expect(stored.filter(untouched)).toEqual(this.batches.map(({ bytes }) => bytes).filter(untouched));
    for (const each of stored) {
      const original = this.batches.find(({ bytes }) => recordBatch.baseOffset(bytes) === recordBatch.baseOffset(each))!;
      expect(recordBatch.lastOffset(each)).toBe(recordBatch.lastOffset(original.bytes));
      expect(recordBatch.leaderEpoch(each)).toBe(recordBatch.leaderEpoch(original.bytes));
      expect(recordBatch.lastSequence(each)).toBe(recordBatch.lastSequence(original.bytes));
    }
  }

  /** A replica that fetches from here ends with the same records, epochs and producers. */
  async checkFollower(): Promise<void> {
    const follower = this.harness.directory.createPartition('follower', 0, this.log.topicId, this.harness.config) as SegmentedLog;
    while (follower.logEndOffset < this.log.logEndOffset) {
      const from = follower.logEndOffset;
      for (const chunk of await this.harness.drive(Promise.resolve(this.log.read(from, this.log.logEndOffset, 200, true))))
        follower.appendAsFollower(Buffer.from(chunk));
      expect(follower.logEndOffset).toBeGreaterThan(from);
      await this.harness.time.turn();
    }
    expect(await this.harness.records(follower)).toEqual(await this.harness.records());
    const withRecords = this.log.epochStarts.filter(({ startOffset }) => startOffset < this.log.logEndOffset);
    expect(follower.epochStarts).toEqual(withRecords);
    expect(stateOf(follower).producers).toEqual(stateOf(this.log).producers);
  }

  /** After a cleaning of everything that may be cleaned no key is there twice. */
  async checkUnique(): Promise<void> {
    await this.clean(1);
    const end = this.log.store.active.baseOffset;
    const keys = (await this.harness.readAll())
      .flatMap((each) => decodeRecords(each))
      .filter(({ offset }) => offset < end)
      .map(({ key }) => String(key));
    expect(keys.length).toBe(new Set(keys).size);
  }
}

function stateOf(log: SegmentedLog) {
  const producers = [...log.producers.producers].map(([id, { producerEpoch, batches }]) => ({ id, producerEpoch, batches }));
  return {
    end: log.logEndOffset,
    start: log.logStartOffset,
    epochs: [...log.epochStarts],
    producers: producers.sort((a, b) => a.id - b.id),
  };
}

describe('compaction', () => {
  it('S13: keeps the newest record of every key, offsets, order, producers (R26) and epochs (R3), whatever else is done to the log', async () => {
    const arbitrary = fc.tuple(fc.array(step, { minLength: 3, maxLength: 25 }), fc.nat(999), fc.constantFrom(96, 65_536));
    await fc.assert(
      fc.asyncProperty(arbitrary, async ([steps, seed, dedupeBufferBytes]) => {
        const config = {
          segmentBytes: 600,
          indexIntervalBytes: 150,
          cleanupPolicy: 'compact',
          deleteRetentionMs: DELETE_RETENTION_MS,
        } as const;
        const harness = await LogHarness.open(config, seed);
        harness.create();
        const run = new Run(harness, dedupeBufferBytes);
        for (const each of steps) {
          await run.apply(each);
          await harness.time.turn();
        }
        await run.check();
        await run.checkUnique();
        await run.check();
        await run.apply({ do: 'restart', how: 'powerLoss', withSnapshots: false });
        await run.check();
        await run.checkFollower();
        expect(harness.warnings.filter((warning) => !/torn tail|rebuilt/.test(warning))).toEqual([]);
      }),
      { numRuns: 80 },
    );
  });
});
