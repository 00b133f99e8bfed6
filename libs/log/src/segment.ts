/**
 * One segment: `<base offset>.log` with whole batches back to back, and its two indexes. Batches are staged first and written with
 * one call; sizes, ends and index entries count staged batches at once. Not durable by itself: the store syncs.
 *
 * Compaction leaves holes between batches, never at the end: a batch reaches the next segment's base, so whoever asks for an offset
 * below `nextOffset` finds a batch at or behind it here. Batches without records count for offsets, not for timestamps.
 */
import { assert, CorruptionError, type LeaderEpoch, type Offset, type WallMs } from '#kernel';
import { recordBatch } from '#record';
import type { Disk, DiskFile } from '#seams';
import { COLD_READ_BYTES_MIN, HEADER_WALK_CHUNK_BYTES } from './limits.js';
import { OffsetIndex, type OffsetPosition } from './offset-index.js';
import { type ScanEnd, scanBatches, scanInSteps } from './scan-batches.js';
import type { Steps } from './steps.js';
import { TimeIndex } from './time-index.js';

export const SEGMENT_SUFFIX = '.log';
export const OFFSET_INDEX_SUFFIX = '.index';
export const TIME_INDEX_SUFFIX = '.timeindex';
export const SNAPSHOT_SUFFIX = '.snapshot';
/** Positions and relative offsets in an index are int32. */
const INT32_MAX = 0x7fff_ffff;

/** `<folder>/<base offset in 20 digits><suffix>` */
export function segmentPath(folder: string, baseOffset: Offset, suffix: string): string {
  return `${folder}/${String(baseOffset).padStart(20, '0')}${suffix}`;
}

export interface SegmentLimits {
  readonly segmentBytes: number;
  readonly segmentIndexBytes: number;
  readonly indexIntervalBytes: number;
}

export class Segment {
  readonly offsetIndex: OffsetIndex;
  readonly timeIndex: TimeIndex;
  /** Staged batches included. */
  sizeBytes: number;
  /** Exclusive end: base offset of what comes next. */
  nextOffset: Offset;
  /** -1 when the segment has no batch with a timestamp. */
  maxTimestamp: WallMs = -1;
  /** Last offset of the first batch that has maxTimestamp. */
  offsetOfMaxTimestamp: Offset = -1;
  private bytesSinceIndexEntry = 0;
  private staged: Buffer[] = [];
  private stagedPosition = 0;
  private handle: DiskFile | null = null;

  /** Opens (and with `create` makes) the file. The bytes in it count only after `load` or a rebuild. */
  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
    readonly baseOffset: Offset,
    /** When this segment was begun, as far as we know: its age decides about rolling. */
    public createdMs: WallMs,
    /** Behind the names of all three files, while they are being written to take the place of others. */
    private readonly stageSuffix = '',
  ) {
    this.offsetIndex = new OffsetIndex(disk, segmentPath(folder, baseOffset, OFFSET_INDEX_SUFFIX + stageSuffix), baseOffset);
    this.timeIndex = new TimeIndex(disk, segmentPath(folder, baseOffset, TIME_INDEX_SUFFIX + stageSuffix), baseOffset);
    this.sizeBytes = this.file.sizeBytes;
    this.nextOffset = baseOffset;
  }

  get file(): DiskFile {
    this.handle ??= this.disk.open(segmentPath(this.folder, this.baseOffset, SEGMENT_SUFFIX + this.stageSuffix), { create: true });
    return this.handle;
  }

  /** For retention: a segment without timestamps is as old as its making. */
  get largestTimestamp(): WallMs {
    return this.maxTimestamp >= 0 ? this.maxTimestamp : this.createdMs;
  }

  /** Whether `batch` has to go into a new segment. An empty segment takes anything. */
  isFullFor(batch: Buffer, limits: SegmentLimits): boolean {
    if (this.sizeBytes === 0) return false;
    return (
      this.sizeBytes + batch.length > Math.min(limits.segmentBytes, INT32_MAX) ||
      recordBatch.lastOffset(batch) - this.baseOffset > INT32_MAX ||
      (this.offsetIndex.file.entries + 1) * 8 > limits.segmentIndexBytes ||
      (this.timeIndex.file.entries + 2) * 12 > limits.segmentIndexBytes
    );
  }

  /** For a segment of an earlier run: it is at least as old as its first batch says, if that is not in the future. */
  ageFromFirstBatch(): void {
    if (this.sizeBytes < recordBatch.HEADER_BYTES) return;
    const timestamp = recordBatch.maxTimestamp(this.file.readNow(0, recordBatch.HEADER_BYTES));
    if (timestamp >= 0) this.createdMs = Math.min(this.createdMs, timestamp);
  }

  stage(batch: Buffer, indexIntervalBytes: number): void {
    if (this.staged.length === 0) this.stagedPosition = this.sizeBytes;
    this.staged.push(batch);
    this.note(batch, 0, this.sizeBytes, indexIntervalBytes);
  }

  /** One write for everything staged. Answers whether there was anything. */
  writeStaged(): boolean {
    if (this.staged.length === 0) return false;
    const chunks = this.staged;
    this.staged = [];
    this.file.write(chunks, this.stagedPosition);
    return true;
  }

  /** No more batches will come: the last time index entry, and both indexes out of memory. */
  seal(): void {
    this.timeIndex.maybeAppend(this.maxTimestamp, this.offsetOfMaxTimestamp);
    this.timeIndex.file.seal();
    this.offsetIndex.file.seal();
  }

  /**
   * Takes over what the files hold when the indexes lead to a chain of headers that ends exactly with the file. Reads little: the
   * last index entries and the headers after them. Null when it does; else what does not fit, with nothing changed on disk.
   */
  load(): string | null {
    const { offsetIndex, timeIndex } = this;
    if (!offsetIndex.file.isWellFormed() || !timeIndex.file.isWellFormed()) return 'an index is missing or has a part of an entry';
    const last = offsetIndex.last();
    if (last.position >= this.sizeBytes && last.offset !== -1) return 'the offset index points behind the end';
    const lastTime = timeIndex.last();
    this.maxTimestamp = lastTime?.timestamp ?? -1;
    this.offsetOfMaxTimestamp = lastTime?.offset ?? -1;
    this.bytesSinceIndexEntry = 0;
    let isFirst = true;
    let firstProblem: string | null = null;
    const end = scanBatches(
      this.file,
      {
        from: last.position,
        to: this.sizeBytes,
        firstOffset: last.offset === -1 ? this.baseOffset : null,
        leaderEpochMin: -1,
        withCrc: false,
      },
      (buffer, at) => {
        if (isFirst && last.offset !== -1 && recordBatch.lastOffset(buffer, at) !== last.offset)
          firstProblem = 'the offset index points nowhere';
        isFirst = false;
        const timestamp = newestTimestamp(buffer, at);
        if (timestamp > this.maxTimestamp) {
          this.maxTimestamp = timestamp;
          this.offsetOfMaxTimestamp = recordBatch.lastOffset(buffer, at);
        }
        this.bytesSinceIndexEntry += recordBatch.sizeInBytes(buffer, at);
        return firstProblem === null;
      },
    );
    this.nextOffset = isFirst ? this.baseOffset : end.nextOffset;
    if (firstProblem !== null) return firstProblem;
    if (lastTime !== null && lastTime.offset >= this.nextOffset) return 'the time index points behind the end';
    return end.problem;
  }

  /**
   * Reads the whole segment and writes its indexes anew. Size and ends become those of the valid batches; the bytes after them stay
   * in the file for the caller to judge. `visit` sees each valid batch. The segment is whole only when all steps are done.
   */
  *rebuild(
    options: { indexIntervalBytes: number; withCrc: boolean; leaderEpochMin: LeaderEpoch },
    visit: (buffer: Buffer, at: number) => void,
  ): Steps<ScanEnd> {
    assert(this.staged.length === 0, 'a segment is rebuilt only after what is staged was written');
    const fileBytes = this.file.sizeBytes;
    this.offsetIndex.file.truncateToEntries(0);
    this.timeIndex.truncateTo(this.baseOffset);
    this.sizeBytes = 0;
    this.nextOffset = this.baseOffset;
    this.maxTimestamp = -1;
    this.offsetOfMaxTimestamp = -1;
    this.bytesSinceIndexEntry = 0;
    const { withCrc, leaderEpochMin, indexIntervalBytes } = options;
    const end = yield* scanInSteps(
      this.file,
      { from: 0, to: fileBytes, firstOffset: this.baseOffset, leaderEpochMin, withCrc },
      (buffer, at, position) => {
        this.note(buffer, at, position, indexIntervalBytes);
        visit(buffer, at);
      },
    );
    this.timeIndex.maybeAppend(this.maxTimestamp, this.offsetOfMaxTimestamp);
    this.offsetIndex.file.flush();
    this.timeIndex.file.flush();
    return end;
  }

  /**
   * Where the first batch that ends at or after `offset` begins, and where a log ends that is cut there: behind the batch before it.
   * The end of the segment when there is none. Blocking, small.
   */
  locate(offset: Offset): { position: number; cutOffset: Offset } {
    let found: number | null = null;
    let cutOffset = this.baseOffset;
    // The entry's own batch lies wholly below `offset`, so what the found one continues is always seen.
    const start = this.offsetIndex.lookup(offset - 1);
    const end = scanBatches(
      this.file,
      { from: start.position, to: this.sizeBytes, firstOffset: null, leaderEpochMin: -1, withCrc: false },
      (buffer, at, position) => {
        if (recordBatch.lastOffset(buffer, at) >= offset) {
          found = position;
          return false;
        }
        cutOffset = recordBatch.lastOffset(buffer, at) + 1;
        return true;
      },
    );
    if (found === null && end.problem !== null) throw new CorruptionError(`${this.file.path} at byte ${end.position}: ${end.problem}`);
    return found === null ? { position: this.sizeBytes, cutOffset: this.nextOffset } : { position: found, cutOffset };
  }

  /** Cuts the segment at a batch boundary, as `locate` gave it. Nothing may be staged. Not synced. */
  truncateTo(position: number, nextOffset: Offset): void {
    assert(this.staged.length === 0, 'a segment is truncated only after what is staged was written');
    this.file.truncate(position);
    this.sizeBytes = position;
    this.nextOffset = nextOffset;
    this.offsetIndex.truncateTo(nextOffset);
    this.timeIndex.truncateTo(nextOffset);
    // Old entries must not come back beside new batches after a loss of power.
    this.offsetIndex.file.syncNow();
    this.timeIndex.file.syncNow();
    this.loadTail();
  }

  /**
   * Whole batches from the first that ends at or after `offset`, as one contiguous buffer, see PartitionLog.read. Null: the index was wrong.
   * `isStale` tells after a wait that the log was cut meanwhile; the answer is then empty.
   */
  async read(
    offset: Offset,
    endOffset: Offset,
    maxBytes: number,
    atLeastOneBatch: boolean,
    isStale: () => boolean,
  ): Promise<Buffer | null> {
    const end = this.sizeBytes;
    const start: OffsetPosition = this.offsetIndex.lookup(offset);
    const chunkBytes = Math.max(maxBytes, COLD_READ_BYTES_MIN) + HEADER_WALK_CHUNK_BYTES;
    let window: Buffer = EMPTY;
    let windowStart = start.position;
    let position = start.position;
    let found = -1;
    const load = async (bytes: number) => {
      window = await this.file.read(position, Math.min(bytes, end - position));
      windowStart = position;
    };
    while (position < end) {
      let at = position - windowStart;
      if (at + recordBatch.HEADER_BYTES > window.length) {
        if (found >= 0) break;
        await load(chunkBytes);
        if (isStale()) return EMPTY;
        at = 0;
      }
      const isCut = window.length - at < Math.min(recordBatch.HEADER_BYTES, end - position);
      const problem = isCut ? 'the file ends early' : recordBatch.headerProblem(window, at, end - position);
      if (problem !== null) {
        if (position === start.position && start.offset !== -1) return null;
        throw new CorruptionError(`${this.file.path} at byte ${position}: ${problem}`);
      }
      const size = recordBatch.sizeInBytes(window, at);
      const last = recordBatch.lastOffset(window, at);
      if (position === start.position && start.offset !== -1 && last !== start.offset) return null;
      if (last < offset) {
        position += size;
        continue;
      }
      if (last >= endOffset) break;
      const isWanted = (found < 0 ? 0 : position - found) + size <= maxBytes || (atLeastOneBatch && found < 0);
      if (!isWanted) break;
      if (at + size > window.length) {
        if (found >= 0) break;
        await load(Math.max(size, chunkBytes));
        if (isStale()) return EMPTY;
        if (window.length < size) throw new CorruptionError(`${this.file.path} at byte ${position}: the file ends early`);
      }
      if (found < 0) found = position;
      position += size;
    }
    return found < 0 ? EMPTY : window.subarray(found - windowStart, position - windowStart);
  }

  /** The whole files, and their names when the folder is synced by the caller. */
  remove(): void {
    this.close();
    for (const suffix of [SEGMENT_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX]) {
      this.disk.remove(segmentPath(this.folder, this.baseOffset, suffix + this.stageSuffix));
    }
  }

  close(): void {
    this.handle?.close();
    this.handle = null;
    this.offsetIndex.file.close();
    this.timeIndex.file.close();
  }

  private note(buffer: Buffer, at: number, position: number, indexIntervalBytes: number): void {
    const lastOffset = recordBatch.lastOffset(buffer, at);
    const timestamp = newestTimestamp(buffer, at);
    const size = recordBatch.sizeInBytes(buffer, at);
    if (timestamp > this.maxTimestamp) {
      this.maxTimestamp = timestamp;
      this.offsetOfMaxTimestamp = lastOffset;
    }
    if (this.bytesSinceIndexEntry > indexIntervalBytes) {
      this.offsetIndex.append(lastOffset, position);
      this.timeIndex.maybeAppend(this.maxTimestamp, this.offsetOfMaxTimestamp);
      this.bytesSinceIndexEntry = 0;
    }
    this.bytesSinceIndexEntry += size;
    this.sizeBytes = position + size;
    this.nextOffset = lastOffset + 1;
  }

  /** After a cut: the largest timestamp and the distance to the last index entry, from the end of the indexes on. */
  private loadTail(): void {
    const lastTime = this.timeIndex.last();
    const from = lastTime === null ? 0 : this.offsetIndex.lookup(lastTime.offset).position;
    const lastEntry = this.offsetIndex.last().position;
    this.maxTimestamp = lastTime?.timestamp ?? -1;
    this.offsetOfMaxTimestamp = lastTime?.offset ?? -1;
    this.bytesSinceIndexEntry = this.sizeBytes - lastEntry;
    scanBatches(
      this.file,
      { from: Math.min(from, lastEntry), to: this.sizeBytes, firstOffset: null, leaderEpochMin: -1, withCrc: false },
      (buffer, at) => {
        const timestamp = newestTimestamp(buffer, at);
        if (timestamp <= this.maxTimestamp) return;
        this.maxTimestamp = timestamp;
        this.offsetOfMaxTimestamp = recordBatch.lastOffset(buffer, at);
      },
    );
  }
}

const EMPTY = Buffer.alloc(0);

function newestTimestamp(buffer: Buffer, at: number): WallMs {
  return recordBatch.recordsCount(buffer, at) === 0 ? -1 : recordBatch.maxTimestamp(buffer, at);
}
