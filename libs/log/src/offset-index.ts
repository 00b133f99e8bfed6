/**
 * Offset to byte position, sparse (`.index`): int32 offset relative to the segment's base, int32 position. An entry names the
 * *last* offset of a batch and where that batch begins; both columns increase strictly.
 */
import type { Offset } from '#kernel';
import type { Disk } from '#seams';
import { IndexFile } from './index-file.js';

const ENTRY_BYTES = 8;

export interface OffsetPosition {
  /** Last offset of the batch at `position`; -1 for the start of the segment, which has no entry. */
  readonly offset: Offset;
  readonly position: number;
}

const SEGMENT_START: OffsetPosition = { offset: -1, position: 0 };

export class OffsetIndex {
  readonly file: IndexFile;

  constructor(
    disk: Disk,
    path: string,
    private readonly baseOffset: Offset,
  ) {
    this.file = new IndexFile(disk, path, ENTRY_BYTES);
  }

  append(lastOffset: Offset, position: number): void {
    const entry = this.file.appendEntry();
    entry.writeInt32BE(lastOffset - this.baseOffset, 0);
    entry.writeInt32BE(position, 4);
  }

  /** The last entry at or below `offset`, or the start of the segment. */
  lookup(offset: Offset): OffsetPosition {
    const relative = offset - this.baseOffset;
    return this.at(this.file.findLast((entry) => entry.readInt32BE(0) <= relative));
  }

  last(): OffsetPosition {
    return this.at(this.file.entries - 1);
  }

  /** Drops entries of batches that end at or after `offset`. */
  truncateTo(offset: Offset): void {
    const relative = offset - this.baseOffset;
    this.file.truncateToEntries(this.file.findLast((entry) => entry.readInt32BE(0) < relative) + 1);
  }

  /** Reads every entry: both columns increase and stay inside the segment. */
  isSane(sizeBytes: number): boolean {
    if (!this.file.isWellFormed()) return false;
    const all = this.file.readAll();
    let offset = -1;
    let position = -1;
    for (let at = 0; at < all.length; at += ENTRY_BYTES) {
      if (all.readInt32BE(at) <= offset || all.readInt32BE(at + 4) <= position) return false;
      offset = all.readInt32BE(at);
      position = all.readInt32BE(at + 4);
    }
    return position < sizeBytes;
  }

  private at(index: number): OffsetPosition {
    if (index < 0) return SEGMENT_START;
    const entry = this.file.entryAt(index);
    return { offset: this.baseOffset + entry.readInt32BE(0), position: entry.readInt32BE(4) };
  }
}
