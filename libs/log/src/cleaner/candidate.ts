/** Which part of a log may be compacted now, and whether that is worth it. Kafka's rules; looks, changes nothing. */
import type { Offset, WallMs } from '#kernel';
import { recordBatch } from '#record';
import type { Segment } from '../segment.js';
import type { SegmentedLog } from '../segmented-log.js';

export interface Candidate {
  readonly log: SegmentedLog;
  /** Records below it are unique by key already, as far as they go. */
  readonly firstDirtyOffset: Offset;
  /** From the log's first segment on; closed, synced, below the high watermark, old enough. At least one reaches firstDirtyOffset. */
  readonly segments: readonly Segment[];
  readonly dirtyBytes: number;
  /** Share of the bytes of `segments` that is dirty. */
  readonly dirtyRatio: number;
  /** max.compaction.lag.ms has passed for the oldest dirty record. */
  readonly isOverdue: boolean;
}

/** Null when nothing is to be done. `cleanedOffset`: what the checkpoint says. */
export function candidateOf(log: SegmentedLog, highWatermark: Offset, cleanedOffset: Offset, nowMs: WallMs): Candidate | null {
  const { cleanupPolicy, minCleanableDirtyRatio, minCompactionLagMs, maxCompactionLagMs } = log.config;
  if (log.failure !== null || cleanupPolicy === 'delete') return null;
  const { store } = log;
  const isPlausible = cleanedOffset >= log.logStartOffset && cleanedOffset <= store.active.baseOffset;
  const firstDirtyOffset = isPlausible ? cleanedOffset : log.logStartOffset;
  const bound = Math.min(highWatermark, log.flushedEndOffset);
  const segments: Segment[] = [];
  let totalBytes = 0;
  let dirtyBytes = 0;
  let firstDirty: Segment | null = null;
  for (const segment of store.segments) {
    if (segment.nextOffset > bound || !store.isSettled(segment)) break;
    const isDirty = segment.nextOffset > firstDirtyOffset;
    if (isDirty && minCompactionLagMs > 0 && segment.largestTimestamp > nowMs - minCompactionLagMs) break;
    segments.push(segment);
    totalBytes += segment.sizeBytes;
    if (!isDirty) continue;
    dirtyBytes += segment.sizeBytes;
    firstDirty ??= segment;
  }
  if (firstDirty === null || dirtyBytes === 0) return null;
  const dirtyRatio = dirtyBytes / totalBytes;
  const isOverdue = maxCompactionLagMs < Number.MAX_SAFE_INTEGER && nowMs - ageOf(firstDirty) > maxCompactionLagMs;
  return isOverdue || dirtyRatio > minCleanableDirtyRatio ? { log, firstDirtyOffset, segments, dirtyBytes, dirtyRatio, isOverdue } : null;
}

/** The overdue first, then the dirtiest. */
export function isBetter(one: Candidate, other: Candidate | null): boolean {
  if (other === null) return true;
  return one.isOverdue === other.isOverdue ? one.dirtyRatio > other.dirtyRatio : one.isOverdue;
}

/** Timestamp of its first batch, or when it was made. */
function ageOf(segment: Segment): WallMs {
  const header = segment.file.readNow(0, recordBatch.HEADER_BYTES);
  const timestamp = header.length < recordBatch.HEADER_BYTES ? -1 : recordBatch.maxTimestamp(header);
  return timestamp >= 0 ? timestamp : segment.createdMs;
}
