/**
 * An index of a segment: fixed-size entries, appended only, found by binary search. New entries gather in memory and reach the
 * file in blocks (an index can always be rebuilt from the segment), so a batch costs no extra system call. The file holds exactly
 * its entries: no preallocation. What an entry means is OffsetIndex's and TimeIndex's.
 */
import { AssertionError } from '#kernel';
import type { Disk, DiskFile } from '#seams';
import { INDEX_PENDING_ENTRIES_MAX } from './limits.js';

export class IndexFile {
  private handle: DiskFile | null = null;
  /** Entries that the file holds; those of `pending` come after. */
  private entriesInFile = -1;
  private pending: Buffer | null = null;
  private entriesPending = 0;

  constructor(
    private readonly disk: Disk,
    readonly path: string,
    private readonly entryBytes: number,
  ) {}

  get entries(): number {
    if (this.entriesInFile < 0) this.file();
    return this.entriesInFile + this.entriesPending;
  }

  /** True when the file exists and holds whole entries. */
  isWellFormed(): boolean {
    return this.disk.exists(this.path) && this.file().sizeBytes % this.entryBytes === 0;
  }

  /** A view of entry `index`, 0 <= index < entries. Read it before the next call. */
  entryAt(index: number): Buffer {
    if (index < 0 || index >= this.entries) throw new AssertionError(`index entry ${index} of ${this.entries} asked of ${this.path}`);
    if (index >= this.entriesInFile) {
      const at = (index - this.entriesInFile) * this.entryBytes;
      return this.pending!.subarray(at, at + this.entryBytes);
    }
    return this.file().readNow(index * this.entryBytes, this.entryBytes);
  }

  /** All entries, for a full check. */
  readAll(): Buffer {
    this.flush();
    return this.file().readNow(0, this.entriesInFile * this.entryBytes);
  }

  /** Room for one more entry, to be filled by the caller at once. */
  appendEntry(): Buffer {
    if (this.entriesInFile < 0) this.file();
    this.pending ??= Buffer.allocUnsafe(INDEX_PENDING_ENTRIES_MAX * this.entryBytes);
    if (this.entriesPending === INDEX_PENDING_ENTRIES_MAX) this.flush();
    const at = this.entriesPending++ * this.entryBytes;
    return this.pending.subarray(at, at + this.entryBytes);
  }

  /** Largest index whose entry satisfies `isAtMost` (true for a prefix of the entries), or -1. */
  findLast(isAtMost: (entry: Buffer) => boolean): number {
    let low = 0;
    let high = this.entries - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (isAtMost(this.entryAt(middle))) low = middle + 1;
      else high = middle - 1;
    }
    return high;
  }

  truncateToEntries(count: number): void {
    if (count >= this.entries) return;
    if (count >= this.entriesInFile) {
      this.entriesPending = count - this.entriesInFile;
      return;
    }
    this.entriesPending = 0;
    this.entriesInFile = count;
    this.file().truncate(count * this.entryBytes);
  }

  /** Pending entries to the page cache. */
  flush(): void {
    if (this.entriesPending === 0) return;
    const bytes = this.pending!.subarray(0, this.entriesPending * this.entryBytes);
    this.file().write([bytes], this.entriesInFile * this.entryBytes);
    this.entriesInFile += this.entriesPending;
    this.entriesPending = 0;
  }

  syncNow(): void {
    this.flush();
    this.file().syncNow();
  }

  /** No more entries will come: give the memory back. */
  seal(): void {
    this.flush();
    this.pending = null;
  }

  close(): void {
    this.handle?.close();
    this.handle = null;
  }

  private file(): DiskFile {
    if (this.handle === null) {
      this.handle = this.disk.open(this.path, { create: true });
      if (this.entriesInFile < 0) this.entriesInFile = Math.floor(this.handle.sizeBytes / this.entryBytes);
    }
    return this.handle;
  }
}
