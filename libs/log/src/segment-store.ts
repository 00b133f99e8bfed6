/**
 * The segments of one partition: the boundary below which files begin. Knows batches in order and positions; nothing of epochs,
 * producers or durability beyond which files still need a sync. A shared journal could take this place.
 *
 * Invariants: at least one segment; each one's nextOffset is the next one's baseOffset (also after compaction, which leaves holes
 * between batches but none between segments: a missing segment is always noticed); only the last one grows.
 */
import { assert, type Offset, type WallMs } from '#kernel';
import { recordBatch } from '#record';
import type { Disk, DiskFile } from '#seams';
import type { LogConfig } from './contract.js';
import { Segment } from './segment.js';
import { finishNow } from './steps.js';

const NOTHING = Buffer.alloc(0);

export class SegmentStore {
  /** Raised whenever bytes that were readable stop being so: readers that waited answer nothing. */
  generation = 0;
  /** How often that was because compaction put other files in their place: who waited may ask again. */
  private replacements = 0;
  private unsynced: Segment[] = [];
  /** Handed out by takeUnsynced and not confirmed yet. */
  private syncing: Segment[] = [];

  constructor(
    private readonly disk: Disk,
    readonly folder: string,
    private list: Segment[],
  ) {
    assert(list.length > 0, `${folder} needs a segment`);
  }

  get segments(): readonly Segment[] {
    return this.list;
  }

  get active(): Segment {
    return this.list[this.list.length - 1]!;
  }

  get sizeBytes(): number {
    let sum = 0;
    for (const segment of this.list) sum += segment.sizeBytes;
    return sum;
  }

  get hasUnsynced(): boolean {
    return this.unsynced.length > 0;
  }

  /** Writes batches that continue the end: one write, and one more for each segment that fills up on the way. Answers whether one did. */
  write(batches: readonly Buffer[], config: LogConfig, nowMs: WallMs): boolean {
    let hasRolled = false;
    for (const batch of batches) {
      const { active } = this;
      if (active.isFullFor(batch, config) || (active.sizeBytes > 0 && nowMs - active.createdMs >= rollMs(config))) {
        this.roll(nowMs);
        hasRolled = true;
      }
      this.active.stage(batch, config.indexIntervalBytes);
    }
    this.writeStaged();
    return hasRolled;
  }

  /** Begins a new segment at the end; its name is durable before anything is written into it. */
  roll(nowMs: WallMs): void {
    this.writeStaged();
    this.active.seal();
    this.list.push(new Segment(this.disk, this.folder, this.active.nextOffset, nowMs));
    this.disk.syncDirectory(this.folder);
  }

  /** Files written since the last call, oldest first. The caller syncs all of them, then says `synced`, or the directory is offline. */
  takeUnsynced(): DiskFile[] {
    this.syncing = this.unsynced;
    this.unsynced = [];
    return this.syncing.map((segment) => segment.file);
  }

  synced(): void {
    this.syncing = [];
  }

  /** The segment that holds `offset`; the last one for offsets at the end. */
  segmentOf(offset: Offset): Segment {
    let low = 0;
    let high = this.list.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.list[middle]!.baseOffset <= offset) low = middle;
      else high = middle - 1;
    }
    return this.list[low]!;
  }

  /** Where a truncation to `offset` really ends: a batch that straddles it goes, and so does a hole before it. `offset` is below the end. */
  cutOffset(offset: Offset): Offset {
    return this.segmentOf(offset).locate(offset).cutOffset;
  }

  /** Whether `segment` is one of ours, closed, and no sync of it is due or under way. */
  isSettled(segment: Segment): boolean {
    const { active } = this;
    return segment !== active && this.list.includes(segment) && !this.unsynced.includes(segment) && !this.syncing.includes(segment);
  }

  /** The files of `cleaned` are in the place of those of `old`, which are neighbours and gone. */
  replace(old: readonly Segment[], cleaned: Segment): void {
    const first = this.list.indexOf(old[0]!);
    assert(first >= 0 && old.every((segment, i) => this.list[first + i] === segment), 'only neighbours of this log are replaced');
    assert(
      cleaned.baseOffset === old[0]!.baseOffset && cleaned.nextOffset === old.at(-1)!.nextOffset,
      'a replacement covers the same offsets',
    );
    this.generation++;
    this.replacements++;
    for (const segment of old) segment.close();
    this.list.splice(first, old.length, cleaned);
  }

  /** Cuts at a batch boundary, durably: highest segment first, then the folder, then the bytes (R16). */
  truncateTo(offset: Offset): void {
    this.generation++;
    while (this.list.length > 1 && this.active.baseOffset >= offset) this.list.pop()!.remove();
    this.disk.syncDirectory(this.folder);
    const { active } = this;
    if (offset < active.nextOffset) {
      const { position, cutOffset } = active.locate(offset);
      assert(cutOffset === offset, `${offset} is no batch boundary of ${this.folder}`);
      active.truncateTo(position, offset);
    }
    // A sync that runs in the background has not answered yet: what it covers is synced here, too.
    for (const segment of new Set([...this.syncing, ...this.unsynced, active])) if (this.list.includes(segment)) segment.file.syncNow();
    this.unsynced = [];
  }

  /** Removes segments that end at or below `offset`, never the last one. Answers how many; the caller made `offset` durable as start. */
  removeBelow(offset: Offset): number {
    let count = 0;
    while (this.list.length > 1 && this.list[0]!.nextOffset <= offset) {
      this.list.shift()!.remove();
      count++;
    }
    if (count > 0) {
      this.generation++;
      this.unsynced = this.unsynced.filter((segment) => this.list.includes(segment));
      this.disk.syncDirectory(this.folder);
    }
    return count;
  }

  /** Everything goes; one empty segment at `offset` remains. */
  startOver(offset: Offset, nowMs: WallMs): void {
    this.generation++;
    this.unsynced = [];
    for (const segment of this.list.reverse()) segment.remove();
    this.disk.syncDirectory(this.folder);
    this.list = [new Segment(this.disk, this.folder, offset, nowMs)];
    this.disk.syncDirectory(this.folder);
  }

  /**
   * See PartitionLog.read. While all that it found are headers that compaction left, it goes on over the ends of segments and over `maxBytes`:
   * some clients make no step forward on an answer without a record.
   */
  async read(offset: Offset, endOffset: Offset, maxBytes: number, atLeastOneBatch: boolean, indexIntervalBytes: number): Promise<Buffer[]> {
    const chunks: Buffer[] = [];
    let bytesLeft = maxBytes;
    const cutsBefore = this.generation - this.replacements;
    for (let from: Offset | null = offset; from !== null && from < endOffset && from < this.active.nextOffset; ) {
      const chunk = await this.readChunk(from, endOffset, bytesLeft, atLeastOneBatch, indexIntervalBytes);
      if (this.generation - this.replacements !== cutsBefore) return [];
      if (chunk.length === 0) break;
      chunks.push(chunk);
      bytesLeft = Math.max(bytesLeft - chunk.length, 0);
      from = endOfHeadersOnly(chunk);
    }
    return chunks;
  }

  private async readChunk(
    from: Offset,
    endOffset: Offset,
    maxBytes: number,
    atLeastOneBatch: boolean,
    indexIntervalBytes: number,
  ): Promise<Buffer> {
    const { generation, replacements } = this;
    const isStale = () => generation !== this.generation;
    /** Only other files hold the same offsets now. An empty answer would look like the end of the log. */
    const isReplaced = () => isStale() && this.generation - generation === this.replacements - replacements;
    const again = () => this.readChunk(from, endOffset, maxBytes, atLeastOneBatch, indexIntervalBytes);
    const segment = this.segmentOf(from);
    try {
      let found = await segment.read(from, endOffset, maxBytes, atLeastOneBatch, isStale);
      if (found === null && !isStale()) {
        finishNow(segment.rebuild({ indexIntervalBytes, withCrc: false, leaderEpochMin: -1 }, () => {}));
        found = await segment.read(from, endOffset, maxBytes, atLeastOneBatch, isStale);
      }
      if (isReplaced()) return again();
      return found ?? NOTHING;
    } catch (error) {
      if (isReplaced()) return again();
      if (isStale()) return NOTHING;
      throw error;
    }
  }

  /** Indexes and their last entries to the disk, for a stop. */
  sealNow(): void {
    this.active.seal();
    this.active.offsetIndex.file.syncNow();
    this.active.timeIndex.file.syncNow();
  }

  close(): void {
    this.generation++;
    for (const segment of this.list) segment.close();
  }

  private writeStaged(): void {
    const { active } = this;
    if (active.writeStaged() && this.unsynced[this.unsynced.length - 1] !== active) this.unsynced.push(active);
  }
}

/** The offset after `batches` when none of them has a record, else null. */
function endOfHeadersOnly(batches: Buffer): Offset | null {
  let endOffset: Offset = 0;
  for (let at = 0; at < batches.length; at += recordBatch.sizeInBytes(batches, at)) {
    if (recordBatch.recordsCount(batches, at) > 0) return null;
    endOffset = recordBatch.lastOffset(batches, at) + 1;
  }
  return endOffset;
}

/** Only closed segments are compacted, so one that stays open would keep its records from it. */
function rollMs({ segmentMs, cleanupPolicy, maxCompactionLagMs }: LogConfig): number {
  return cleanupPolicy === 'delete' ? segmentMs : Math.min(segmentMs, maxCompactionLagMs);
}
