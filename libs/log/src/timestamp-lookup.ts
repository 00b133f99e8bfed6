/**
 * ListOffsets by time. The time index leads near the place, headers to the batch, and only that one batch is decoded. Slow path
 * by nature: asked by people and by consumers that seek, never while producing or fetching.
 */
import type { Offset, WallMs } from '#kernel';
import { decodeRecords, recordBatch, splitBatches } from '#record';
import { TIMESTAMP_SCAN_BYTES } from './limits.js';
import type { Segment } from './segment.js';

type Read = (offset: Offset, endOffset: Offset, maxBytes: number, atLeastOneBatch: boolean) => Buffer[] | Promise<Buffer[]>;
export type RecordPlace = { offset: Offset; timestamp: WallMs };

/** First record at or after `timestamp` in [startOffset, endOffset). */
export async function findByTimestamp(
  segments: readonly Segment[],
  read: Read,
  timestamp: WallMs,
  startOffset: Offset,
  endOffset: Offset,
): Promise<RecordPlace | null> {
  const segment = segments.find((each) => each.maxTimestamp >= timestamp && each.nextOffset > startOffset);
  // Not written yet: no segment knows it, but the end of the log may have it.
  const from = segment === undefined ? (segments.at(-1)?.nextOffset ?? startOffset) : startInSegment(segment, timestamp);
  return scan(read, Math.max(from, startOffset), endOffset, (batch) => {
    if (recordBatch.maxTimestamp(batch) < timestamp) return null;
    const record = decodeRecords(batch).find(
      (each) => each.timestamp >= timestamp && each.offset >= startOffset && each.offset < endOffset,
    );
    return record ? { offset: record.offset, timestamp: record.timestamp } : null;
  });
}

function startInSegment(segment: Segment, timestamp: WallMs): Offset {
  const entry = segment.timeIndex.lookup(timestamp);
  if (entry === null) return segment.baseOffset;
  // The entry's own batch has exactly its timestamp, so it is the one when they are equal and is passed over otherwise.
  return Math.max(segment.baseOffset, entry.offset);
}

/** The first record with the largest timestamp in [startOffset, endOffset). */
export async function findMaxTimestamp(
  segments: readonly Segment[],
  read: Read,
  startOffset: Offset,
  endOffset: Offset,
): Promise<RecordPlace | null> {
  const best = { timestamp: -1, baseOffset: -1, lastOffset: -1 };
  const consider = (batch: Buffer) => {
    if (recordBatch.recordsCount(batch) === 0) return null;
    const timestamp = recordBatch.maxTimestamp(batch);
    if (best.baseOffset >= 0 && timestamp <= best.timestamp) return null;
    best.timestamp = timestamp;
    best.baseOffset = recordBatch.baseOffset(batch);
    best.lastOffset = recordBatch.lastOffset(batch);
    return null;
  };
  for (const segment of segments) {
    if (segment.nextOffset <= startOffset || segment.baseOffset >= endOffset) continue;
    const isWhole = segment.nextOffset <= endOffset && segment.baseOffset >= startOffset;
    if (isWhole && segment.maxTimestamp > best.timestamp) {
      if (segment.offsetOfMaxTimestamp >= 0) await scan(read, segment.offsetOfMaxTimestamp, segment.offsetOfMaxTimestamp + 1, consider);
    } else if (!isWhole) {
      const entry = segment.timeIndex.lastBelow(endOffset);
      const from = entry === null || entry.offset < startOffset ? Math.max(segment.baseOffset, startOffset) : entry.offset;
      await scan(read, from, Math.min(segment.nextOffset, endOffset), consider);
    }
  }
  const written = segments.at(-1)?.nextOffset ?? startOffset;
  if (written < endOffset) await scan(read, Math.max(written, startOffset), endOffset, consider);
  if (best.baseOffset < 0) return null;
  return scan(read, best.baseOffset, best.lastOffset + 1, (batch) => {
    const { timestamp } = best;
    const record = decodeRecords(batch).find((each) => each.timestamp === timestamp);
    return { offset: record?.offset ?? best.lastOffset, timestamp };
  });
}

/** First non-null answer of `pick` over the batches of [from, endOffset). */
async function scan<T>(read: Read, from: Offset, endOffset: Offset, pick: (batch: Buffer) => T | null): Promise<T | null> {
  for (let offset = from; offset < endOffset; ) {
    const chunks = await read(offset, endOffset, TIMESTAMP_SCAN_BYTES, true);
    if (chunks.length === 0) return null;
    for (const chunk of chunks) {
      for (const batch of splitBatches(chunk)) {
        const picked = pick(batch);
        if (picked !== null) return picked;
        offset = recordBatch.lastOffset(batch) + 1;
      }
    }
  }
  return null;
}
