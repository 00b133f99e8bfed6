/**
 * From a folder to a log that may be served (R15). Below the synced recovery point everything must be valid: anything else is
 * corruption, thrown, and nothing is cut. At or after it the first bad batch is a torn tail: cut, said aloud. After an unclean
 * stop everything past the recovery point is read with CRCs, written again (pages that a failed fsync left clean would not reach
 * the disk otherwise) and synced before anybody hears of an end offset. A clean start looks at ends and indexes only.
 */
import { CorruptionError, type LeaderEpoch, type Offset, type TopicId, type WallMs } from '#kernel';
import { recordBatch } from '#record';
import { type Disk, type Logger, replaceFile } from '#seams';
import { CLEANED_SUFFIX, completeSwaps } from './cleaner/swap.js';
import type { LogConfig } from './contract.js';
import { LEADER_EPOCH_CHECKPOINT, LeaderEpochCache } from './leader-epoch-cache.js';
import { RECOVERY_SYNC_BYTES, SCAN_CHUNK_BYTES } from './limits.js';
import { loadCaughtUpEpoch, START_OVER_FILE, storeCaughtUpEpoch } from './partition-folder.js';
import { loadProducerState, removeSnapshotsAbove } from './producer-replay.js';
import { scanInSteps } from './scan-batches.js';
import { OFFSET_INDEX_SUFFIX, SEGMENT_SUFFIX, Segment, segmentPath, TIME_INDEX_SUFFIX } from './segment.js';
import { SegmentStore } from './segment-store.js';
import type { RecoveredPartition } from './segmented-log.js';
import type { Steps } from './steps.js';
import { parseInteger } from './text-checkpoint.js';

export interface RecoveryRequest {
  readonly disk: Disk;
  readonly logger: Logger;
  readonly nowMs: WallMs;
  readonly folder: string;
  readonly topic: string;
  readonly partition: number;
  readonly topicId: TopicId;
  readonly config: LogConfig;
  /** The clean marker was there. */
  readonly isClean: boolean;
  /** Null: the checkpoint is lost, so nothing may be cut. */
  readonly recoveryPoint: Offset | null;
  /** Null: the checkpoint is lost; the log begins where its files do. */
  readonly logStartOffset: Offset | null;
  /** Durable before it returns: the log begins, and its recovery point lies, at `offset`. */
  readonly storeStart: (offset: Offset) => void;
}

/** Throws CorruptionError when the folder must be quarantined. */
export function* recoverPartition(request: RecoveryRequest): Steps<RecoveredPartition> {
  completeSwaps(request.disk, request.folder);
  const startOver = request.disk.readFile(`${request.folder}/${START_OVER_FILE}`);
  if (startOver === null) return yield* new Recovery(request).run();
  const offset = parseInteger(startOver.toString('utf8').trim(), START_OVER_FILE);
  completeStartOver(request, offset);
  return yield* new Recovery({ ...request, recoveryPoint: offset, logStartOffset: offset }).run();
}

/** Repeats truncateFullyAndStartAt from its first step; stopping anywhere is fine. */
function completeStartOver(request: RecoveryRequest, offset: Offset): void {
  const { disk, folder } = request;
  for (const base of segmentBases(disk, folder).reverse()) removeSegmentFiles(disk, folder, base);
  removeSnapshotsAbove(disk, folder, -1);
  replaceFile(disk, folder, LEADER_EPOCH_CHECKPOINT, new LeaderEpochCache().encode());
  storeCaughtUpEpoch(disk, folder, -1);
  new Segment(disk, folder, offset, request.nowMs).close();
  disk.syncDirectory(folder);
  request.storeStart(offset);
  disk.remove(`${folder}/${START_OVER_FILE}`);
  disk.syncDirectory(folder);
}

function segmentBases(disk: Disk, folder: string): Offset[] {
  return disk
    .list(folder)
    .filter((name) => /^\d{20}\.log$/.test(name))
    .map((name) => Number(name.slice(0, 20)));
}

function removeSegmentFiles(disk: Disk, folder: string, baseOffset: Offset): void {
  for (const suffix of [SEGMENT_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX]) disk.remove(segmentPath(folder, baseOffset, suffix));
}

class Recovery {
  private readonly disk: Disk;
  private readonly folder: string;
  private segments: Segment[] = [];
  private readonly start: Offset;
  /** Below it nothing is cut. */
  private readonly point: Offset;
  /** Epochs as the batches that were read in full have them. */
  private readonly scannedEpochs: { leaderEpoch: LeaderEpoch; startOffset: Offset }[] = [];
  /** Where the batch before the next one ended. */
  private scannedEnd: Offset = 0;
  private bases: Offset[];
  private hasCut = false;

  constructor(private readonly request: RecoveryRequest) {
    this.disk = request.disk;
    this.folder = request.folder;
    this.bases = segmentBases(this.disk, this.folder);
    this.start = request.logStartOffset ?? this.bases[0] ?? 0;
    this.point = request.recoveryPoint === null ? Number.POSITIVE_INFINITY : Math.max(request.recoveryPoint, this.start);
  }

  *run(): Steps<RecoveredPartition> {
    const { request } = this;
    this.removeLeftovers();
    this.checkBeginning();
    yield* this.recoverSegments();
    this.checkEnd();
    const store = new SegmentStore(this.disk, this.folder, this.segments);
    const epochs = yield* this.recoverEpochs(store);
    removeSnapshotsAbove(this.disk, this.folder, store.active.nextOffset);
    const producers = yield* loadProducerState(this.disk, store, store.active.nextOffset, request.nowMs);
    if (!request.isClean || this.hasCut) yield* this.rewriteTail();
    this.disk.syncDirectory(this.folder);
    for (const segment of this.segments.slice(0, -1)) segment.close();
    return {
      topic: request.topic,
      partition: request.partition,
      topicId: request.topicId,
      store,
      epochs,
      producers,
      logStartOffset: this.start,
      caughtUpEpoch: loadCaughtUpEpoch(this.disk, this.folder),
    };
  }

  /** Temporary files, what a cleaning had not finished writing, segments below the log start that a crash brought back, indexes without a segment. */
  private removeLeftovers(): void {
    while (this.bases.length > 1 && this.bases[1]! <= this.start) removeSegmentFiles(this.disk, this.folder, this.bases.shift()!);
    const known = new Set(this.bases);
    for (const name of this.disk.list(this.folder)) {
      const index = /^(\d{20})\.(index|timeindex)$/.exec(name);
      if (name.endsWith('.tmp') || name.endsWith(CLEANED_SUFFIX) || (index !== null && !known.has(Number(index[1]))))
        this.disk.remove(`${this.folder}/${name}`);
    }
  }

  private checkBeginning(): void {
    if (this.bases.length === 0) {
      // A partition that was just made, or a log whose files are gone: checkEnd tells them apart.
      this.bases = [this.start];
      return;
    }
    if (this.bases[0]! > this.start) {
      throw new CorruptionError(`the log begins at ${this.start} but its first segment at ${this.bases[0]}: a segment is missing`);
    }
  }

  private *recoverSegments(): Steps<void> {
    let epoch: LeaderEpoch = -1;
    for (let i = 0; i < this.bases.length; i++) {
      const base = this.bases[i]!;
      const before = this.segments.at(-1);
      if (before !== undefined && before.nextOffset !== base) {
        this.cutFrom(i, before.nextOffset, `segment ${base} does not continue ${before.nextOffset}`);
        return;
      }
      const segment = new Segment(this.disk, this.folder, base, this.request.nowMs);
      this.segments.push(segment);
      const next = this.bases[i + 1] ?? null;
      const isBelowPoint = next !== null && next <= this.point;
      if ((this.request.isClean || isBelowPoint) && this.isIntact(segment, next)) continue;
      this.scannedEnd = base;
      const end = yield* segment.rebuild(
        { indexIntervalBytes: this.request.config.indexIntervalBytes, withCrc: true, leaderEpochMin: epoch },
        (buffer, at) => this.noteEpoch(buffer, at),
      );
      epoch = end.lastLeaderEpoch;
      if (end.problem !== null) {
        this.cutTail(segment, end.problem);
        this.cutFrom(i + 1, segment.nextOffset, 'it lies behind a torn tail');
        return;
      }
    }
  }

  /** The cheap check; after an unclean stop with the whole index, which was never synced. */
  private isIntact(segment: Segment, next: Offset | null): boolean {
    if (segment.load() !== null || (next !== null && segment.nextOffset !== next)) return false;
    return this.request.isClean || (segment.offsetIndex.isSane(segment.sizeBytes) && segment.timeIndex.isSane(segment.nextOffset));
  }

  /** Batches wholly below the log start no longer count. An epoch begins where the one before ended, see rebuildEpochs. */
  private noteEpoch(buffer: Buffer, at: number): void {
    const leaderEpoch = recordBatch.leaderEpoch(buffer, at);
    const startOffset = Math.max(this.start, this.scannedEnd);
    this.scannedEnd = recordBatch.lastOffset(buffer, at) + 1;
    if (leaderEpoch <= (this.scannedEpochs.at(-1)?.leaderEpoch ?? -1) || recordBatch.lastOffset(buffer, at) < this.start) return;
    this.scannedEpochs.push({ leaderEpoch, startOffset });
  }

  private cutTail(segment: Segment, problem: string): void {
    this.refuseBelowPoint(segment.nextOffset, problem);
    const fileBytes = segment.file.sizeBytes;
    this.request.logger.warn('cut a torn tail', {
      topic: this.request.topic,
      partition: this.request.partition,
      offset: segment.nextOffset,
      bytes: fileBytes - segment.sizeBytes,
      reason: problem,
    });
    segment.file.truncate(segment.sizeBytes);
    this.hasCut = true;
  }

  /** Removes segments from index `first` on, highest first. */
  private cutFrom(first: number, offset: Offset, reason: string): void {
    const gone = this.bases.splice(first);
    if (gone.length === 0) return;
    this.refuseBelowPoint(offset, reason);
    this.request.logger.warn('removed segments behind a torn tail', {
      topic: this.request.topic,
      partition: this.request.partition,
      offset,
      segments: gone.length,
      reason,
    });
    for (const base of gone.reverse()) removeSegmentFiles(this.disk, this.folder, base);
    this.hasCut = true;
  }

  private refuseBelowPoint(offset: Offset, reason: string): void {
    if (offset >= this.point) return;
    const point = Number.isFinite(this.point) ? `the recovery point ${this.point}` : 'an unknown recovery point';
    throw new CorruptionError(`damaged at offset ${offset}, below ${point}: ${reason}`);
  }

  private checkEnd(): void {
    const end = this.segments.at(-1)!.nextOffset;
    const isPointKnown = Number.isFinite(this.point);
    if (end < (isPointKnown ? this.point : this.start)) {
      if (!isPointKnown || this.point > this.start) {
        throw new CorruptionError(
          `the log ends at ${end}, below its recovery point ${isPointKnown ? this.point : '(unknown)'}: bytes or a segment are missing`,
        );
      }
      // The start was made durable, the unsynced records below it were lost: nothing that counts is missing.
      for (const segment of this.segments.reverse()) segment.remove();
      this.segments = [new Segment(this.disk, this.folder, this.start, this.request.nowMs)];
    }
    this.segments.at(-1)!.ageFromFirstBatch();
  }

  private *recoverEpochs(store: SegmentStore): Steps<LeaderEpochCache> {
    const stored = this.loadEpochs();
    const before = stored?.encode() ?? null;
    const endOffset = store.active.nextOffset;
    let epochs = stored ?? (yield* this.rebuildEpochs(store));
    // An epoch that began exactly at the end and has no records yet stays.
    epochs.truncateFromEnd(endOffset + 1);
    epochs.truncateFromStart(this.start);
    for (const { leaderEpoch, startOffset } of this.scannedEpochs)
      if (leaderEpoch > epochs.latestEpoch) epochs.assign(leaderEpoch, startOffset);
    const last = lastBatchEpoch(store);
    if (last !== null && endOffset > this.start && epochs.epochAt(endOffset - 1) !== last) {
      epochs = yield* this.rebuildEpochs(store);
      epochs.truncateFromStart(this.start);
    }
    const content = epochs.encode();
    if (before === null || !content.equals(before)) replaceFile(this.disk, this.folder, LEADER_EPOCH_CHECKPOINT, content);
    return epochs;
  }

  private loadEpochs(): LeaderEpochCache | null {
    const content = this.disk.readFile(`${this.folder}/${LEADER_EPOCH_CHECKPOINT}`);
    if (content === null) return null;
    try {
      return LeaderEpochCache.decode(content);
    } catch (error) {
      this.request.logger.warn('leader epochs are rebuilt from the log', { folder: this.folder, reason: (error as Error).message });
      return null;
    }
  }

  /**
   * An epoch begins where the last batch of the one before ended, also when its own first batches were compacted away: compaction
   * keeps that last batch. Followers that got a hole say the same (appendAsFollower), so truncation by epochs stays exact (R3).
   */
  private *rebuildEpochs(store: SegmentStore): Steps<LeaderEpochCache> {
    const epochs = new LeaderEpochCache();
    for (const segment of store.segments) {
      let end = segment.baseOffset;
      yield* scanInSteps(
        segment.file,
        { from: 0, to: segment.sizeBytes, firstOffset: segment.baseOffset, leaderEpochMin: -1, withCrc: false },
        (buffer, at) => {
          const leaderEpoch = recordBatch.leaderEpoch(buffer, at);
          if (leaderEpoch > epochs.latestEpoch) epochs.assign(leaderEpoch, end);
          end = recordBatch.lastOffset(buffer, at) + 1;
        },
      );
    }
    return epochs;
  }

  /** In place, so it needs no new space. */
  private *rewriteTail(): Steps<void> {
    const from = Number.isFinite(this.point) ? this.point : this.start;
    for (const segment of this.segments) {
      if (segment.nextOffset < from) continue;
      const firstByte = segment.baseOffset >= from ? 0 : segment.locate(from).position;
      for (let at = firstByte; at < segment.sizeBytes; at += SCAN_CHUNK_BYTES) {
        const chunk = segment.file.readNow(at, Math.min(SCAN_CHUNK_BYTES, segment.sizeBytes - at));
        segment.file.write([chunk], at);
        yield chunk.length;
        // Little by little: a write that finds too much unsynced stands until the disk has caught up.
        if ((at - firstByte) % RECOVERY_SYNC_BYTES === RECOVERY_SYNC_BYTES - SCAN_CHUNK_BYTES) yield segment.file;
      }
      yield segment.file;
      segment.offsetIndex.file.syncNow();
      segment.timeIndex.file.syncNow();
    }
  }
}

function lastBatchEpoch(store: SegmentStore): LeaderEpoch | null {
  const segment = store.segments.findLast((each) => each.sizeBytes > 0);
  if (segment === undefined) return null;
  const { position } = segment.locate(segment.nextOffset - 1);
  return recordBatch.leaderEpoch(segment.file.readNow(position, recordBatch.HEADER_BYTES));
}
