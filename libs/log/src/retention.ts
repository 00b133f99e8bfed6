/** Which segments retention.ms and retention.bytes have done with: whole ones, from the oldest on. Pure. */
import type { Offset, WallMs } from '#kernel';
import type { LogConfig } from './contract.js';

/** What retention looks at. `nextOffset` is exclusive. */
export interface AgedSegment {
  readonly sizeBytes: number;
  readonly nextOffset: Offset;
  readonly largestTimestamp: WallMs;
}

/** The first offset that stays; nothing at or above `bound` goes. -1: everything stays. */
export function firstRetained(
  segments: readonly AgedSegment[],
  { retentionMs, retentionBytes, cleanupPolicy }: LogConfig,
  bound: Offset,
  nowMs: WallMs,
): Offset {
  let first: Offset = -1;
  if (cleanupPolicy === 'compact') return first;
  let excessBytes = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - retentionBytes;
  for (const { sizeBytes, nextOffset, largestTimestamp } of segments) {
    const isExpired = retentionMs >= 0 && nowMs - largestTimestamp > retentionMs;
    const isExcess = retentionBytes >= 0 && excessBytes >= sizeBytes;
    if (sizeBytes === 0 || nextOffset > bound || !(isExpired || isExcess)) break;
    excessBytes -= sizeBytes;
    first = nextOffset;
  }
  return first;
}
