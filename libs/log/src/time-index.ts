/**
 * Timestamp to offset, sparse (`.timeindex`): int64 timestamp, int32 relative offset. An entry says: no batch before the one
 * that ends with this offset has a larger timestamp, and this one has exactly it. Both columns increase strictly.
 */
import type { Offset, WallMs } from '#kernel';
import { recordBatch } from '#record';
import type { Disk } from '#seams';
import { IndexFile } from './index-file.js';

const ENTRY_BYTES = 12;

export interface TimestampOffset {
  readonly timestamp: WallMs;
  /** Last offset of the batch. */
  readonly offset: Offset;
}

export class TimeIndex {
  readonly file: IndexFile;
  private lastTimestamp: WallMs | null = null;

  constructor(
    disk: Disk,
    path: string,
    private readonly baseOffset: Offset,
  ) {
    this.file = new IndexFile(disk, path, ENTRY_BYTES);
  }

  /** Nothing happens unless `timestamp` is larger than the last entry's. */
  maybeAppend(timestamp: WallMs, offset: Offset): void {
    this.lastTimestamp ??= this.last()?.timestamp ?? -1;
    if (timestamp <= this.lastTimestamp) return;
    this.lastTimestamp = timestamp;
    const entry = this.file.appendEntry();
    recordBatch.writeInt64(entry, timestamp, 0);
    entry.writeInt32BE(offset - this.baseOffset, 8);
  }

  /** The last entry with a timestamp at or below `timestamp`. */
  lookup(timestamp: WallMs): TimestampOffset | null {
    return this.at(this.file.findLast((entry) => recordBatch.readInt64(entry, 0) <= timestamp));
  }

  /** The last entry whose batch ends below `offset`. */
  lastBelow(offset: Offset): TimestampOffset | null {
    const relative = offset - this.baseOffset;
    return this.at(this.file.findLast((entry) => entry.readInt32BE(8) < relative));
  }

  last(): TimestampOffset | null {
    return this.at(this.file.entries - 1);
  }

  /** Drops entries of batches that end at or after `offset`. */
  truncateTo(offset: Offset): void {
    const relative = offset - this.baseOffset;
    this.file.truncateToEntries(this.file.findLast((entry) => entry.readInt32BE(8) < relative) + 1);
    this.lastTimestamp = null;
  }

  /** Reads every entry: both columns increase and offsets stay inside the segment. */
  isSane(nextOffset: Offset): boolean {
    if (!this.file.isWellFormed()) return false;
    const all = this.file.readAll();
    let timestamp = -1;
    let offset = -1;
    for (let at = 0; at < all.length; at += ENTRY_BYTES) {
      if (recordBatch.readInt64(all, at) <= timestamp || all.readInt32BE(at + 8) <= offset) return false;
      timestamp = recordBatch.readInt64(all, at);
      offset = all.readInt32BE(at + 8);
    }
    return this.baseOffset + offset < nextOffset;
  }

  private at(index: number): TimestampOffset | null {
    if (index < 0) return null;
    const entry = this.file.entryAt(index);
    return { timestamp: recordBatch.readInt64(entry, 0), offset: this.baseOffset + entry.readInt32BE(8) };
  }
}
