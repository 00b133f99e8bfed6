/**
 * Cleanings with the power lost after each single disk operation in turn (S13). What comes back has every record that compaction had
 * to keep, at its offset, with producers and epochs as they were; nothing of the attempt is left over, and the next one finishes it.
 */
import { recordBatch } from '#record';
import { SimCrash } from '#seams-sim';
import type { SegmentedLog } from '../segmented-log.js';
import { LogHarness } from '../testing/log-harness.js';

const HOUR_MS = 3_600_000;
const CONFIG = { segmentBytes: 700, indexIntervalBytes: 100, cleanupPolicy: 'compact', deleteRetentionMs: HOUR_MS } as const;

interface Before {
  readonly end: number;
  readonly all: ReadonlySet<string>;
  /** `offset:key=value` of the newest of each key that has a value. */
  readonly newest: readonly string[];
  readonly epochs: unknown;
  readonly producers: unknown;
}

/** Segments of unique keys that stay, of keys that are overwritten, of tombstones; two producers and two epochs. */
async function filled(seed: number): Promise<{ harness: LogHarness; before: Before }> {
  const harness = await LogHarness.open(CONFIG, seed);
  harness.create();
  const all: string[] = [];
  let sequence = 0;
  const append = (pairs: readonly (readonly [string, string | null])[], epoch: number, producerId = 5) => {
    const options = producerId < 0 ? {} : { producerId, sequence };
    const outcome = harness.log().appendAsLeader(harness.keyed(pairs, options), epoch);
    if (outcome.kind !== 'appended') throw new Error(JSON.stringify(outcome));
    if (producerId >= 0) sequence += pairs.length;
    pairs.forEach(([key, value], i) => {
      all.push(`${outcome.baseOffset + i}:${key}=${value ?? ''}`);
    });
  };
  for (let i = 0; i < 12; i++)
    append(
      [
        [`only-${i}`, `${i}`],
        ['hot', `${i}`],
      ],
      1,
    );
  append(
    [
      ['only-3', null],
      ['only-4', null],
    ],
    2,
  );
  for (let i = 0; i < 20; i++)
    append(
      [
        [`k${i % 4}`, `${i}`],
        ['hot', `late-${i}`],
      ],
      i < 10 ? 2 : 4,
      -1,
    );
  await harness.time.turn();
  const newest = new Map(all.map((each) => [/:(.*?)=/.exec(each)![1]!, each]));
  const kept = [...newest.values()].filter((each) => !each.endsWith('='));
  const log = harness.log() as SegmentedLog;
  return {
    harness,
    before: { end: log.logEndOffset, all: new Set(all), newest: kept, epochs: [...log.epochStarts], producers: producersOf(log) },
  };
}

function producersOf(log: SegmentedLog): unknown {
  return [...log.producers.producers].map(([id, { batches, producerEpoch }]) => ({ id, batches, producerEpoch }));
}

/** Two cleanings, the second when tombstones may go: groups of several segments, unchanged segments, a checkpoint each. */
async function work(harness: LogHarness): Promise<void> {
  // Larger than when they were written, so that neighbours fit together.
  harness.log().updateConfig({ ...harness.config, segmentBytes: 2000 });
  const bound = harness.log().logEndOffset;
  const cleaner = harness.cleaner({}, () => Math.floor(bound * 0.7));
  while (await harness.drive(cleaner.cleanOnce()));
  harness.time.wall += 2 * HOUR_MS;
  const rest = harness.cleaner();
  while (await harness.drive(rest.cleanOnce()));
  await harness.time.turn();
}

async function check(harness: LogHarness, before: Before): Promise<string[]> {
  expect(harness.directory.quarantined).toEqual([]);
  const log = harness.log() as SegmentedLog;
  expect(log.logEndOffset).toBe(before.end);
  const records = await harness.records();
  expect(records.filter((each) => !before.all.has(each))).toEqual([]);
  expect(records).toEqual(expect.arrayContaining([...before.newest]));
  // A deleted key does not come back: its value is gone before its tombstone.
  for (const deleted of ['only-3', 'only-4']) {
    const of = records.filter((each) => each.includes(`:${deleted}=`));
    expect(of.length === 0 || of.at(-1)!.endsWith('=')).toBe(true);
  }
  expect([...log.epochStarts]).toEqual(before.epochs);
  expect(producersOf(log)).toEqual(before.producers);
  expect(harness.files().filter((name) => /cleaned|swap|tmp/.test(name))).toEqual([]);
  return records;
}

it('S13: after any disk operation of a cleaning nothing is lost that it had to keep, and the next cleaning finishes it', async () => {
  const { harness: whole, before: shape } = await filled(0);
  const first = whole.disk.operations;
  const segmentsBefore = whole.files().filter((name) => name.endsWith('.log')).length;
  await work(whole);
  const total = whole.disk.operations - first;
  const expected = await check(whole, shape);
  expect(total).toBeGreaterThan(40);
  expect(segmentsBefore).toBeGreaterThan(4);
  expect(whole.files().filter((name) => name.endsWith('.log')).length).toBeLessThan(segmentsBefore);
  expect(expected.length).toBeLessThan(shape.all.size / 2);
  for (let nth = 1; nth <= total; nth++) {
    for (const loseUnsynced of [true, false]) {
      const { harness, before } = await filled(nth);
      harness.disk.failAt(nth);
      try {
        await expect(work(harness)).rejects.toBeInstanceOf(SimCrash);
        harness.disk.crash({ loseUnsynced });
        harness.time.forget();
        // It dies again during every third recovery.
        if (nth % 3 === 0) {
          harness.disk.failAt(1 + harness.random.integer(25));
          await harness.start().catch((error: unknown) => {
            if (!(error instanceof SimCrash)) throw error;
          });
          harness.disk.crash({ loseUnsynced });
          harness.time.forget();
        }
        await harness.start();
        await check(harness, before);
        await work(harness);
        await check(harness, before);
        await harness.restart('powerLoss');
        await check(harness, before);
        // It goes on from there, in the files that were swapped in and behind them.
        const outcome = harness.log().appendAsLeader(harness.keyed([['hot', 'again']]), 9);
        expect(outcome).toMatchObject({ kind: 'appended', baseOffset: before.end });
        await harness.time.turn();
        const stored = await harness.readAll();
        expect(recordBatch.lastOffset(stored.at(-1)!)).toBe(before.end);
      } catch (error) {
        (error as Error).message =
          `crash after operation ${nth} of ${total}, ${loseUnsynced ? 'power lost' : 'killed'}: ${(error as Error).message}`;
        throw error;
      }
    }
  }
});
