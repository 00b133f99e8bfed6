/**
 * Compacts the logs of one data folder, one at a time, the dirtiest first (Kafka's LogCleaner with one thread). It works in small
 * steps of the event loop under a throttle, so that it is never in anybody's way; every replica does this for itself, leader or not.
 */
import type { Offset } from '#kernel';
import type { PartitionLog } from '../contract.js';
import { CLEANER_FAILURE_BACKOFF_MS } from '../limits.js';
import type { LogHost } from '../log-host.js';
import type { SegmentedLog } from '../segmented-log.js';
import { type Candidate, candidateOf, isBetter } from './candidate.js';
import type { CleanerOffsets } from './cleaner-offsets.js';
import { Cleaning, type ProducersAt } from './cleaning.js';
import { Pace } from './pace.js';

export interface CleanerConfig {
  readonly isEnabled: boolean;
  /** Pause when there was nothing to clean. */
  readonly backoffMs: number;
  /** Read and written together. */
  readonly ioBytesPerSecondMax: number;
  /** What the offset map may take; it takes less where the dirty part is small. */
  readonly dedupeBufferBytes: number;
}

/** Since the start. */
export interface CleanerStats {
  cleanings: number;
  interrupted: number;
  /** Refused for space or size, or stopped by damage. */
  failed: number;
  bytesRead: number;
  bytesWritten: number;
  recordsDropped: number;
  throttledMs: number;
}

export class LogCleaner {
  readonly stats: CleanerStats = {
    cleanings: 0,
    interrupted: 0,
    failed: 0,
    bytesRead: 0,
    bytesWritten: 0,
    recordsDropped: 0,
    throttledMs: 0,
  };
  private pace: Pace | null = null;
  private loop: Promise<void> | null = null;
  private readonly producersAt = new WeakMap<SegmentedLog, ProducersAt & { readonly cuts: number }>();
  /** Not before this time (monotonic). */
  private readonly notBefore = new WeakMap<SegmentedLog, number>();

  constructor(
    private readonly host: LogHost,
    private readonly logs: ReadonlyMap<string, SegmentedLog>,
    private readonly offsets: CleanerOffsets,
    private readonly config: CleanerConfig,
    /** Exclusive; nothing at or above it is touched. -1 for a log that has none here. */
    private readonly highWatermarkOf: (log: PartitionLog) => Offset,
  ) {}

  /** Does nothing when the config says so, or when it runs. */
  start(): void {
    if (!this.config.isEnabled || this.loop !== null) return;
    const pace = this.newPace();
    this.pace = pace;
    this.loop = this.run(pace).catch((error: unknown) => this.host.diskFailed(error));
  }

  /** Resolves when nothing of the cleaner touches the folder any more; at most one sync later. */
  async stop(): Promise<void> {
    this.pace?.stop();
    await this.loop;
    this.pace = null;
    this.loop = null;
  }

  /** Cleans the log that needs it most; false when none does. For `start`, and for tools and tests instead of it. */
  async cleanOnce(pace = this.newPace()): Promise<boolean> {
    const candidate = this.best();
    if (candidate === null) return false;
    const { log } = candidate;
    const known = this.producersAt.get(log);
    this.producersAt.delete(log);
    const usable = known !== undefined && known.cuts === log.cuts ? known : null;
    const cleaning = new Cleaning(this.host, pace, candidate, this.config.dedupeBufferBytes, usable);
    const startedMs = this.host.clock.monotonicMs();
    const throttledBefore = pace.throttledMs;
    const outcome = await cleaning.run();
    const { tally } = cleaning;
    this.stats.bytesRead += tally.bytesRead;
    this.stats.bytesWritten += tally.bytesWritten;
    this.stats.recordsDropped += tally.recordsDropped;
    this.stats.throttledMs += pace.throttledMs - throttledBefore;
    const about = { topic: log.topic, partition: log.partition };
    switch (outcome.kind) {
      case 'cleaned': {
        this.stats.cleanings++;
        this.offsets.advance(log.key, outcome.endOffset);
        this.producersAt.set(log, { ...outcome.producers, cuts: log.cuts });
        const ms = this.host.clock.monotonicMs() - startedMs;
        this.host.logger.debug('compacted', { ...about, ...tally, from: candidate.firstDirtyOffset, to: outcome.endOffset, ms });
        if (tally.batchesNotRead > 0) {
          this.host.logger.warn('batches whose records cannot be read are kept by compaction', { ...about, batches: tally.batchesNotRead });
        }
        break;
      }
      case 'interrupted':
        this.stats.interrupted++;
        break;
      case 'refused':
        this.stats.failed++;
        this.notBefore.set(log, this.host.clock.monotonicMs() + CLEANER_FAILURE_BACKOFF_MS);
        this.host.logger.warn('not compacted', { ...about, reason: outcome.reason });
    }
    return true;
  }

  private async run(pace: Pace): Promise<void> {
    while (!pace.isStopped) {
      const hasCleaned = await this.cleanOnce(pace);
      if (pace.isStopped) return;
      // Also after work: a log that is cut again and again must not keep this busy without a pause.
      await pace.sleep(hasCleaned ? 1 : this.config.backoffMs);
    }
  }

  private best(): Candidate | null {
    const nowMs = this.host.clock.wallMs();
    let best: Candidate | null = null;
    for (const log of this.logs.values()) {
      if ((this.notBefore.get(log) ?? 0) > this.host.clock.monotonicMs()) continue;
      const candidate = candidateOf(log, this.highWatermarkOf(log), this.offsets.get(log.key), nowMs);
      if (candidate !== null && isBetter(candidate, best)) best = candidate;
    }
    return best;
  }

  private newPace(): Pace {
    return new Pace(this.host.clock, this.host.scheduler, this.config.ioBytesPerSecondMax);
  }
}
