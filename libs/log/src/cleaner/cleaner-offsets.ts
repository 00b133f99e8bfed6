/**
 * `cleaner-offset-checkpoint`: up to where each log was compacted. Too low only means work done again; too high would be wrong (a
 * tombstone could go before what it deletes), so it is lowered durably before anything below it changes, and forgotten with the
 * partition.
 */
import type { Offset } from '#kernel';
import type { OffsetCheckpoint } from '../offset-checkpoint.js';

export const CLEANER_CHECKPOINT = 'cleaner-offset-checkpoint';

export class CleanerOffsets {
  private offsets = new Map<string, Offset>();

  constructor(
    private readonly file: OffsetCheckpoint,
    private readonly diskFailed: (error: unknown) => void,
  ) {}

  /** Takes over what was stored of partitions that are here. */
  init(stored: ReadonlyMap<string, Offset> | null, isHere: (key: string) => boolean): void {
    this.offsets = new Map([...(stored ?? [])].filter(([key]) => isHere(key)));
  }

  /** Exclusive; 0 for a log that was never cleaned. */
  get(key: string): Offset {
    return this.offsets.get(key) ?? 0;
  }

  /** After what it says became durable. Stored in the background. */
  advance(key: string, offset: Offset): void {
    this.offsets.set(key, offset);
    this.file.storeSoon(this.offsets).catch(this.diskFailed);
  }

  /** Durable before it returns. */
  lower(key: string, offset: Offset): void {
    if (this.get(key) <= offset) return;
    if (offset === 0) this.offsets.delete(key);
    else this.offsets.set(key, offset);
    this.file.storeNow(this.offsets);
  }

  abandon(): void {
    this.file.abandon();
  }
}
