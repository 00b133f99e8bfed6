import { compressionTypeOf, recordBatch, splitBatches } from '#record';
import type { SegmentedLog } from '../segmented-log.js';
import { LogHarness, ROOT } from '../testing/log-harness.js';
import { isBetter } from './candidate.js';
import { OffsetMap } from './offset-map.js';
import { Pace } from './pace.js';

const DAY_MS = 86_400_000;
const CONFIG = { segmentBytes: 400, indexIntervalBytes: 100, cleanupPolicy: 'compact' } as const;

type Pairs = readonly (readonly [string | null, string | null])[];

async function opened(config = {}): Promise<LogHarness> {
  const harness = await LogHarness.open({ ...CONFIG, ...config });
  harness.create();
  return harness;
}

/** Each batch in turn; then a segment of its own for what follows, so that all of them are closed. */
async function fill(
  harness: LogHarness,
  batches: readonly Pairs[],
  options: Parameters<LogHarness['keyed']>[1] = {},
): Promise<SegmentedLog> {
  const log = harness.log() as SegmentedLog;
  for (const batch of batches.map((each) => harness.keyed(each, options)).concat(harness.keyed([['end', 'x'.repeat(300)]]))) {
    expect(log.appendAsLeader(batch, 1)).toMatchObject({ kind: 'appended' });
    await harness.time.turn();
  }
  return log;
}

async function clean(harness: LogHarness): Promise<void> {
  const cleaner = harness.cleaner();
  while (await harness.drive(cleaner.cleanOnce()));
  expect(cleaner.stats).toMatchObject({ interrupted: 0, failed: 0 });
}

const many = (count: number, keys: number): Pairs[] => Array.from({ length: count }, (_, i) => [[`k${i % keys}`, `value ${i}`]]);

describe('what is kept', () => {
  it('the newest record of each key; batches that keep everything byte for byte, others with their place and a new CRC', async () => {
    const harness = await opened();
    await fill(harness, [
      [
        ['a', '1'],
        ['b', '1'],
      ],
      [['c', '1']],
      [
        ['a', '2'],
        ['d', '1'],
      ],
      [['e', 'x'.repeat(300)]],
    ]); // prettier-ignore
    const before = await harness.readAll();
    await clean(harness);
    const after = await harness.readAll();
    expect(await harness.records()).toEqual(['1:b=1', '2:c=1', '3:a=2', '4:d=1', `5:e=${'x'.repeat(300)}`, `6:end=${'x'.repeat(300)}`]);
    expect(after.slice(1)).toEqual(before.slice(1));
    const [first] = after;
    expect([recordBatch.baseOffset(first!), recordBatch.lastOffset(first!), recordBatch.recordsCount(first!)]).toEqual([0, 1, 1]);
    const follower = await opened();
    follower.log().appendAsFollower(Buffer.concat(after));
    expect(await follower.records()).toEqual(await harness.records());
  });

  it.each(['gzip', 'snappy', 'lz4'] as const)('a %s batch is packed again with its codec', async (compression) => {
    const harness = await opened();
    await fill(
      harness,
      [
        [
          ['a', '1'],
          ['b', '1'],
        ],
        [['a', '2']],
      ],
      { compression },
    ); // prettier-ignore
    await clean(harness);
    expect((await harness.records()).slice(0, 2)).toEqual(['1:b=1', '2:a=2']);
    expect(compressionTypeOf((await harness.readAll())[0]!)).toBe(compression);
  });

  it('a tombstone, until delete.retention.ms after compaction first saw it', async () => {
    const harness = await opened({ deleteRetentionMs: 5 * DAY_MS });
    await fill(harness, [
      [
        ['a', '1'],
        ['b', '1'],
      ],
      [
        ['a', null],
        ['c', '1'],
      ],
    ]); // prettier-ignore
    await clean(harness);
    const horizon = harness.time.wall + 5 * DAY_MS;
    expect((await harness.records()).slice(0, 3)).toEqual(['1:b=1', '2:a=', '3:c=1']);
    const marked = (await harness.readAll())[1]!;
    expect(recordBatch.deleteHorizonMs(marked)).toBe(horizon);
    expect(recordBatch.maxTimestamp(marked)).toBe(harness.time.wall);
    const again = async (wall: number) => {
      harness.time.wall = wall;
      await fill(harness, []);
      await clean(harness);
      return (await harness.records()).filter((each) => !each.includes('end'));
    };
    expect(await again(horizon - 1)).toEqual(['1:b=1', '2:a=', '3:c=1']);
    expect(recordBatch.deleteHorizonMs((await harness.readAll())[1]!)).toBe(horizon);
    expect(await again(horizon)).toEqual(['1:b=1', '3:c=1']);
  });

  it('records that cannot be read though the CRC is right, with a warning; and a control batch', async () => {
    const harness = await opened();
    const odd = harness.keyed([['a', '1']], { compression: 'gzip' });
    odd.fill(7, recordBatch.HEADER_BYTES);
    const control = harness.keyed([['a', '0']]);
    control.writeInt16BE(1 << 5, 21);
    for (const batch of [odd, control]) {
      const { crc32c } = await import('#record');
      batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
    }
    recordBatch.setBaseOffset(control, 1);
    harness.log().appendAsFollower(Buffer.concat([odd, control]));
    await fill(harness, [[['a', '2']], [['a', '3']]]);
    const before = await harness.readAll();
    await clean(harness);
    const after = await harness.readAll();
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after.slice(2).map((each) => recordBatch.baseOffset(each))).toEqual([3, 4]);
    expect(harness.warnings.join()).toMatch(/cannot be read are kept.*"batches":1/);
  });
});

describe('what may be compacted', () => {
  it('nothing at or above the high watermark, nothing younger than min.compaction.lag.ms, never the open segment', async () => {
    const harness = await opened({ minCompactionLagMs: 1000 });
    const log = await fill(harness, many(12, 1));
    const cleanable = (highWatermark: number) => harness.drive(harness.cleaner({}, () => highWatermark).cleanOnce());
    expect(await cleanable(log.logEndOffset)).toBe(false);
    await harness.time.advance(1001);
    const [first] = log.store.segments;
    expect(await cleanable(first!.nextOffset - 1)).toBe(false);
    expect(await cleanable(-1)).toBe(false);
    expect(await cleanable(first!.nextOffset)).toBe(true);
    const offsets = (await harness.records()).map((each) => Number(each.split(':')[0]));
    expect(offsets).toEqual([first!.nextOffset - 1, ...Array.from({ length: 13 - first!.nextOffset }, (_, i) => first!.nextOffset + i)]);
  });

  it('only once min.cleanable.dirty.ratio is passed, or max.compaction.lag.ms', async () => {
    const harness = await opened({ minCleanableDirtyRatio: 0.5, maxCompactionLagMs: 5000 });
    const log = await fill(harness, many(12, 12));
    await clean(harness);
    await fill(harness, []);
    expect(await harness.cleaner().cleanOnce()).toBe(false);
    await harness.time.advance(6000);
    expect(await harness.drive(harness.cleaner().cleanOnce())).toBe(true);
    expect(await harness.records()).toHaveLength(14);
    // And a segment is closed in time, however little is in it.
    const segments = log.store.segments.length;
    log.appendAsLeader(harness.keyed([['k', 'v']]), 1);
    await harness.time.turn();
    expect(log.store.segments.length).toBe(segments + 1);
    const [one, other] = [
      { isOverdue: false, dirtyRatio: 0.9 },
      { isOverdue: true, dirtyRatio: 0.1 },
    ] as never[]; // prettier-ignore
    expect([isBetter(one!, other!), isBetter(other!, one!), isBetter(one!, null)]).toEqual([false, true, true]);
  });

  it('a record without key is refused, only where the policy compacts', async () => {
    const harness = await opened();
    const log = harness.log();
    for (const compression of ['none', 'gzip'] as const) {
      const outcome = log.appendAsLeader(
        harness.keyed(
          [
            ['a', '1'],
            [null, '2'],
          ],
          { compression },
        ),
        1,
      ); // prettier-ignore
      expect(outcome).toEqual({
        kind: 'refused',
        error: 'INVALID_RECORD',
        message: 'record 1 of the batch has no key; a topic with cleanup.policy=compact needs one on every record',
      });
    }
    const unreadable = harness.keyed([['a', '1']], { compression: 'lz4' });
    unreadable.fill(1, recordBatch.HEADER_BYTES);
    const { crc32c } = await import('#record');
    unreadable.writeUInt32BE(crc32c(unreadable.subarray(21)), 17);
    expect(log.appendAsLeader(unreadable, 1)).toMatchObject({ error: 'INVALID_RECORD', message: expect.stringMatching(/cannot be read/) });
    log.updateConfig({ ...harness.config, cleanupPolicy: 'delete' });
    expect(log.appendAsLeader(harness.keyed([[null, '2']]), 1)).toMatchObject({ kind: 'appended' });
    log.updateConfig({ ...harness.config, cleanupPolicy: 'compact,delete' });
    expect(log.appendAsLeader(harness.keyed([[null, '2']]), 1)).toMatchObject({ error: 'INVALID_RECORD' });
  });

  it('retention acts on compact,delete and not on compact', async () => {
    const harness = await opened({ retentionMs: 1000 });
    const log = await fill(harness, many(12, 12));
    await harness.time.advance(5000);
    expect(log.applyRetention(log.logEndOffset)).toBe(0);
    log.updateConfig({ ...harness.config, cleanupPolicy: 'compact,delete' });
    expect(log.applyRetention(log.logEndOffset)).toBeGreaterThan(1);
  });
});

describe('reading what was compacted', () => {
  async function compacted(): Promise<{ harness: LogHarness; log: SegmentedLog }> {
    const harness = await opened();
    const log = harness.log() as SegmentedLog;
    for (let i = 0; i < 24; i++) {
      harness.time.wall += 10;
      log.appendAsLeader(harness.keyed([[i === 5 ? 'only' : 'same', `${i}`]]), 1);
      await harness.time.turn();
    }
    await clean(harness);
    return { harness, log };
  }

  it('from any offset a record comes, and the next one, so nobody stalls in a hole or at headers that compaction left', async () => {
    const { harness, log } = await compacted();
    const kept = (await harness.records()).map((each) => Number(each.split(':')[0]));
    expect(kept[0]).toBe(5);
    expect(kept.length).toBeLessThan(8);
    for (let offset = 0; offset < log.logEndOffset; offset++) {
      for (const maxBytes of [0, 100_000]) {
        const chunks = await harness.drive(Promise.resolve(log.read(offset, log.logEndOffset, maxBytes, true)));
        const batches = chunks.flatMap((chunk) => splitBatches(chunk));
        const [first] = batches;
        expect(batches.some((batch) => recordBatch.recordsCount(batch) > 0)).toBe(true);
        expect(recordBatch.lastOffset(first!)).toBeGreaterThanOrEqual(offset);
        const skipped = kept.filter((each) => each >= offset && each < recordBatch.baseOffset(first!));
        expect(skipped).toEqual([]);
      }
    }
  });

  it('timestamps lead to records that exist', async () => {
    const { harness, log } = await compacted();
    const start = harness.time.wall - 240;
    const at = (ms: number) => harness.drive(log.offsetForTimestamp(start + ms, log.logEndOffset));
    expect(await at(10)).toEqual({ offset: 5, timestamp: start + 60 });
    expect((await at(70))!.offset).toBeGreaterThan(5);
    expect(await harness.drive(log.offsetOfMaxTimestamp(log.logEndOffset))).toEqual({ offset: 23, timestamp: harness.time.wall });
    const bound = log.store.segmentOf(5).nextOffset;
    const max = await harness.drive(log.offsetOfMaxTimestamp(bound));
    expect((await harness.records()).map((each) => Number(each.split(':')[0]))).toContain(max!.offset);
  });

  it('a read that waits for the disk while its files are replaced asks the new ones', async () => {
    const harness = await opened();
    const log = await fill(harness, many(30, 2));
    await harness.restart('clean');
    const reopened = harness.log() as SegmentedLog;
    const cleaning = harness.cleaner().cleanOnce();
    let answers = 0;
    let isDone = false;
    void cleaning.then(() => (isDone = true));
    while (!isDone) {
      const reading = Promise.resolve(reopened.read(0, reopened.logEndOffset, 100, true));
      await harness.time.turn();
      expect((await harness.drive(reading)).length).toBeGreaterThan(0);
      answers++;
    }
    expect(answers).toBeGreaterThan(0);
    expect(reopened.logEndOffset).toBe(log.logEndOffset);
  });
});

describe('while it runs', () => {
  /** Runs a slow cleaning and does `work` in the middle of it. */
  async function inTheMiddle(work: (harness: LogHarness, log: SegmentedLog) => void) {
    const harness = await opened({ segmentBytes: 20_000 });
    const log = await fill(
      harness,
      many(400, 3).map((batch) => [...batch, ['filler', 'x'.repeat(1000)]]),
    );
    const cleaner = harness.cleaner();
    // So slow that it sleeps for minutes after each step of 256 KiB, the first time while it reads keys.
    const cleaning = cleaner.cleanOnce(new Pace(harness.time.clock, harness.time.scheduler, 1000));
    for (let i = 0; i < 300; i++) await harness.time.turn();
    await harness.time.advance(300_000);
    for (let i = 0; i < 300; i++) await harness.time.turn();
    expect(harness.files().filter((name) => name.endsWith('.log.cleaned'))).toHaveLength(1);
    work(harness, log);
    for (let i = 0; i < 300; i++) await harness.time.turn();
    await harness.time.advance(300_000);
    await cleaning;
    return { harness, log, cleaner };
  }

  it('a cut, retention and a deletion stop it, and nothing of it stays behind', async () => {
    const works: ((harness: LogHarness, log: SegmentedLog) => void)[] = [
      (_, log) => log.truncateTo(log.logEndOffset - 1),
      (_, log) => log.truncateFullyAndStartAt(1000),
      (_, log) => log.advanceLogStartOffset(log.store.active.baseOffset),
      (harness, log) => harness.directory.deletePartition('t', 0, log.topicId),
    ];
    for (const work of works) {
      const { harness, log, cleaner } = await inTheMiddle(work);
      expect(cleaner.stats.interrupted).toBe(1);
      if (harness.directory.partitions.has('t-0')) {
        expect(log.failure).toBeNull();
        expect(harness.files().filter((name) => /cleaned|swap/.test(name))).toEqual([]);
        await harness.restart('powerLoss');
        expect(harness.directory.quarantined).toEqual([]);
        expect(harness.log().logEndOffset).toBe(log.logEndOffset);
      }
      expect(harness.directory.failure).toBeNull();
    }
  });

  it('keeps to its bytes per second and gives the event loop back', async () => {
    const harness = await opened({ segmentBytes: 400_000, maxMessageBytes: 200_000 });
    await fill(
      harness,
      Array.from({ length: 40 }, (_, i) => [[`k${i}`, 'x'.repeat(20_000)]] as Pairs),
    );
    const cleaner = harness.cleaner({ ioBytesPerSecondMax: 100_000 });
    const startedMs = harness.time.monotonic;
    let isDone = false;
    const cleaning = cleaner.cleanOnce().then(() => (isDone = true));
    while (!isDone) await harness.time.advance(50);
    await cleaning;
    const { bytesRead, bytesWritten, throttledMs } = cleaner.stats;
    expect(bytesRead).toBeGreaterThan(700_000);
    const dueMs = ((bytesRead + bytesWritten) * 1000) / 100_000;
    // The last step is not waited for, the first ones are free: a step has 256 KiB.
    expect(harness.time.monotonic - startedMs).toBeGreaterThan(dueMs - 6000);
    expect(harness.time.monotonic - startedMs).toBeLessThan(dueMs + 3000);
    expect(throttledMs).toBeGreaterThan(dueMs / 2);
  });

  it('start cleans whenever something is due, stop ends it in the middle', async () => {
    const harness = await opened();
    await fill(harness, many(30, 2));
    const cleaner = harness.cleaner({ backoffMs: 500 });
    const pass = async (ms: number) => {
      for (let i = 0; i < 100; i++) await harness.time.advance(ms / 100);
    };
    cleaner.start();
    await pass(400);
    expect(cleaner.stats.cleanings).toBe(1);
    await fill(harness, many(30, 2));
    await pass(600);
    expect(cleaner.stats.cleanings).toBe(2);
    await harness.drive(cleaner.stop());
    await fill(harness, many(30, 2));
    await pass(5000);
    expect(cleaner.stats.cleanings).toBe(2);
    const off = harness.cleaner({ isEnabled: false });
    off.start();
    await pass(5000);
    expect(off.stats.cleanings).toBe(0);
    cleaner.start();
    await harness.drive(cleaner.stop());
    expect(harness.files().filter((name) => /cleaned|swap/.test(name))).toEqual([]);
  });

  it('R15: a batch that rotted takes the log out of service instead of getting a good CRC', async () => {
    const harness = await opened();
    const log = await fill(harness, many(12, 2));
    harness.damage('t-0/00000000000000000000.log', 100);
    expect(await harness.drive(harness.cleaner().cleanOnce())).toBe(true);
    expect(log.failure?.message).toMatch(/does not match its CRC/);
    expect(harness.files()).toContain('quarantined');
  });
});

describe('cleaner-offset-checkpoint', () => {
  const stored = (harness: LogHarness) => harness.disk.readFile(`${ROOT}/cleaner-offset-checkpoint`)?.toString('utf8');

  it('remembers over a restart what is clean, and forgets with what was cut or deleted', async () => {
    const harness = await opened();
    const log = await fill(harness, many(12, 2));
    await clean(harness);
    const end = log.store.active.baseOffset;
    expect(stored(harness)).toBe(`0\n1\nt 0 ${end}\n`);
    await harness.restart('powerLoss');
    expect(await harness.cleaner().cleanOnce()).toBe(false);
    harness.log().truncateTo(end - 1);
    const cut = harness.log().logEndOffset;
    expect(cut).toBeLessThan(end);
    expect(stored(harness)).toBe(`0\n1\nt 0 ${cut}\n`);
    harness.directory.deletePartition('t', 0, harness.log().topicId);
    expect(stored(harness)).toBe('0\n0\n');
  });

  it('a damaged one means that everything is looked at again', async () => {
    const harness = await opened();
    await fill(harness, many(12, 2));
    await clean(harness);
    harness.damage('cleaner-offset-checkpoint', 0, [0x58]);
    await harness.restart('powerLoss');
    expect(await harness.drive(harness.cleaner().cleanOnce())).toBe(true);
  });
});

describe('OffsetMap', () => {
  it('holds what fits and says when it is full', () => {
    const map = new OffsetMap(24 * 100, 1_000_000);
    const key = (i: number) => Buffer.from(`key ${i}`);
    for (let i = 0; i < map.capacity; i++) expect(map.put(key(i), i)).toBe(true);
    expect(map.put(key(1000), 1000)).toBe(false);
    expect(map.put(key(3), 2000)).toBe(true);
    expect([map.size, map.get(key(3)), map.get(key(4)), map.get(key(1000))]).toEqual([75, 2000, 4, -1]);
    expect(map.bytes).toBeLessThanOrEqual(24 * 100);
    expect(new OffsetMap(1_000_000_000, 10).bytes).toBeLessThan(1000);
  });
});
