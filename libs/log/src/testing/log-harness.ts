/**
 * A data folder on a simulated disk, with time that stands still until a test moves it. `turn()` ends the turn of the event loop
 * and lets everything that follows from it happen; `restart()` is a stop of the given kind and a new start on what the disk kept.
 */

import { type CompressionType, decodeRecords, type NewRecord, RecordBatchBuilder, recordBatch, splitBatches } from '#record';
import { type Logger, randomId, silentLogger } from '#seams';
import { SimDisk, SimRandom } from '#seams-sim';
import type { CleanerConfig, LogCleaner } from '../cleaner/log-cleaner.js';
import type { LogConfig, LogDirectory, PartitionLog } from '../contract.js';
import { type LogSeams, openLogDirectory } from '../log-directory.js';

export const TEST_CONFIG: LogConfig = {
  segmentBytes: 1024 * 1024,
  segmentMs: 7 * 24 * 3_600_000,
  indexIntervalBytes: 4096,
  segmentIndexBytes: 10 * 1024 * 1024,
  retentionMs: -1,
  retentionBytes: -1,
  maxMessageBytes: 1024 * 1024,
  messageTimestampAfterMaxMs: 3_600_000,
  flushPolicy: 'commit',
  flushIntervalMs: 1000,
  producerIdExpirationMs: 86_400_000,
  cleanupPolicy: 'delete',
  deleteRetentionMs: 86_400_000,
  minCleanableDirtyRatio: 0,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
};

/** Timers fire when the test says so; end-of-turn tasks in `turn()`. */
export class ManualTime {
  monotonic = 1000;
  wall = 1_700_000_000_000;
  private timers: { at: number; task: () => void }[] = [];
  private tasks: (() => void)[] = [];

  readonly clock = { monotonicMs: () => this.monotonic, wallMs: () => this.wall };
  readonly scheduler = {
    after: (delayMs: number, task: () => void) => {
      const timer = { at: this.monotonic + delayMs, task };
      this.timers.push(timer);
      return { cancel: () => void (this.timers = this.timers.filter((each) => each !== timer)) };
    },
    endOfTurn: (task: () => void) => void this.tasks.push(task),
  };

  /** Called when tasks have run and what they started (a sync) has not answered yet. */
  betweenTasksAndAnswers: () => void = () => {};

  /** Until nothing more happens by itself. */
  async turn(): Promise<void> {
    do {
      const { tasks } = this;
      this.tasks = [];
      for (const task of tasks) task();
      this.betweenTasksAndAnswers();
      for (let i = 0; i < 8; i++) await Promise.resolve();
    } while (this.tasks.length > 0);
  }

  async advance(ms: number): Promise<void> {
    this.monotonic += ms;
    this.wall += ms;
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= this.monotonic).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((each) => each !== due);
      due.task();
      await this.turn();
    }
    await this.turn();
  }

  /** A new process has no timers of the old one. */
  forget(): void {
    this.timers = [];
    this.tasks = [];
  }
}

export const ROOT = '/data/broker-1';

export class LogHarness {
  readonly random: SimRandom;
  readonly disk: SimDisk;
  readonly time = new ManualTime();
  readonly warnings: string[] = [];
  config: LogConfig;
  directory!: LogDirectory;

  constructor(seed = 1, config: Partial<LogConfig> = {}) {
    this.random = new SimRandom(seed);
    this.disk = new SimDisk({ random: new SimRandom(seed) });
    this.config = { ...TEST_CONFIG, ...config };
  }

  static async open(config: Partial<LogConfig> = {}, seed = 1): Promise<LogHarness> {
    const harness = new LogHarness(seed, config);
    await harness.start();
    return harness;
  }

  get seams(): LogSeams {
    const note = (message: string, fields?: Record<string, unknown>) => void this.warnings.push(`${message} ${JSON.stringify(fields)}`);
    const logger: Logger = { ...silentLogger, warn: note, error: note, child: () => logger };
    const { disk, random } = this;
    return { disk, random, logger, clock: this.time.clock, scheduler: this.time.scheduler };
  }

  /** Runs `work` while turns go on: what it waits for needs them. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = work.finally(() => {
      isSettled = true;
    });
    settled.catch(() => {});
    while (!isSettled) {
      await this.time.turn();
      // What waits for a crashed disk never settles.
      this.disk.exists('/');
    }
    return settled;
  }

  async start(brokerId = 1): Promise<LogDirectory> {
    this.directory = await this.drive(openLogDirectory(this.seams, ROOT, { brokerId, configFor: () => this.config }));
    return this.directory;
  }

  async restart(how: 'clean' | 'kill' | 'powerLoss', brokerEpoch = 7): Promise<LogDirectory> {
    if (how === 'clean') {
      this.directory.storeBrokerEpoch(brokerEpoch);
      await this.drive(this.directory.closeCleanly(brokerEpoch));
    } else {
      this.disk.crash({ loseUnsynced: how === 'powerLoss' });
    }
    this.time.forget();
    return this.start();
  }

  create(topic = 't', partition = 0): PartitionLog {
    return this.directory.createPartition(topic, partition, randomId(this.random), this.config);
  }

  log(key = 't-0'): PartitionLog {
    const log = this.directory.partitions.get(key);
    if (log === undefined) throw new Error(`no partition ${key}: ${JSON.stringify(this.directory.quarantined)}`);
    return log;
  }

  /** `count` records of one producer batch, not yet in a log. */
  batch(
    count = 1,
    options: { value?: string; timestamp?: number; producerId?: number; producerEpoch?: number; sequence?: number } = {},
  ): Buffer {
    const builder = new RecordBatchBuilder();
    for (let i = 0; i < count; i++) {
      const record: NewRecord = {
        timestamp: options.timestamp ?? this.time.wall,
        key: null,
        value: Buffer.from(options.value ?? `value-${i}`),
      };
      builder.append(record);
    }
    const { producerId = -1, producerEpoch = producerId < 0 ? -1 : 0, sequence = -1 } = options;
    return Buffer.from(builder.build({ producerId, producerEpoch, baseSequence: sequence }));
  }

  /** One batch with these records; a null value is a tombstone. */
  keyed(
    records: readonly (readonly [key: string | null, value: string | null])[],
    options: { compression?: CompressionType; producerId?: number; sequence?: number } = {},
  ): Buffer {
    const builder = new RecordBatchBuilder();
    for (const [key, value] of records) {
      const bytes = (text: string | null) => (text === null ? null : Buffer.from(text));
      builder.append({ timestamp: this.time.wall, key: bytes(key), value: bytes(value), headers: [{ key: 'h', value: null }] });
    }
    const { compression = 'none', producerId = -1, sequence = -1 } = options;
    return Buffer.from(builder.build({ compression, producerId, producerEpoch: producerId < 0 ? -1 : 0, baseSequence: sequence }));
  }

  /** A cleaner that was not started, for `cleanOnce`: no throttle, everything below the log end counts as committed. */
  cleaner(options: Partial<CleanerConfig> = {}, highWatermarkOf = (log: PartitionLog) => log.logEndOffset): LogCleaner {
    const config = { isEnabled: true, backoffMs: 1000, ioBytesPerSecondMax: 1e12, dedupeBufferBytes: 65_536, ...options };
    return this.directory.createCleaner(config, highWatermarkOf);
  }

  /** `offset:key=value` of each record; a tombstone has no value. */
  async records(log = this.log()): Promise<string[]> {
    return (await this.readAll(log)).flatMap((batch) =>
      decodeRecords(batch).map(({ offset, key, value }) => `${offset}:${key}=${value ?? ''}`),
    );
  }

  /** One batch per call of this many records, appended in leader epoch `epoch` and written. */
  async append(epoch: number, counts: readonly number[], log = this.log()): Promise<void> {
    for (const count of counts) {
      const outcome = log.appendAsLeader(this.batch(count), epoch);
      if (outcome.kind !== 'appended') throw new Error(JSON.stringify(outcome));
    }
    await this.time.turn();
  }

  async readAll(log = this.log(), maxBytes = 1024 * 1024): Promise<Buffer[]> {
    const batches: Buffer[] = [];
    for (let offset = log.logStartOffset; offset < log.logEndOffset; ) {
      const found = await this.drive(Promise.resolve(log.read(offset, log.logEndOffset, maxBytes, true)));
      if (found.length === 0) throw new Error(`nothing at ${offset} of ${log.logEndOffset}`);
      for (const batch of found.flatMap(splitBatches)) {
        batches.push(batch);
        offset = recordBatch.lastOffset(batch) + 1;
      }
    }
    return batches;
  }

  /** base-last@epoch of each batch, as text. */
  async shape(log = this.log()): Promise<string> {
    const batches = await this.readAll(log);
    return batches
      .map((batch) => `${recordBatch.baseOffset(batch)}-${recordBatch.lastOffset(batch)}@${recordBatch.leaderEpoch(batch)}`)
      .join(' ');
  }

  files(key = 't-0'): string[] {
    return this.disk.list(`${ROOT}/${key}`);
  }

  /** Overwrites bytes of a file durably, as bit rot does. */
  damage(path: string, position: number, bytes: readonly number[] = [0xff]): void {
    const file = this.disk.open(`${ROOT}/${path}`);
    file.write([Buffer.from(bytes)], position < 0 ? file.sizeBytes + position : position);
    file.syncNow();
    file.close();
  }
}
