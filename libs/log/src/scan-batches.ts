/**
 * Walks the batches of a segment file from a known batch boundary, in large blocking reads: for recovery, truncation and index
 * rebuilds, never for serving. Offsets must go on, not without holes: compaction makes them. Stops at the first thing that is no valid next batch and says why; judging that is the caller's.
 */
import type { LeaderEpoch, Offset } from '#kernel';
import { isCrcValid, recordBatch } from '#record';
import type { DiskFile } from '#seams';
import { HEADER_WALK_CHUNK_BYTES, RECOVERY_BATCH_BYTES_MAX, SCAN_CHUNK_BYTES } from './limits.js';
import { finishNow, type Steps } from './steps.js';

export interface ScanOptions {
  /** Byte range [from, to) of the file; `from` is a batch boundary. */
  readonly from: number;
  readonly to: number;
  /** Offset below which the first batch must not begin; null takes whatever it has. */
  readonly firstOffset: Offset | null;
  /** Epoch that no batch may be below. */
  readonly leaderEpochMin: LeaderEpoch;
  /** Reads every byte and checks CRCs; without, only headers are looked at. */
  readonly withCrc: boolean;
}

export interface ScanEnd {
  /** First byte not covered by a valid batch. */
  readonly position: number;
  /** Offset after the last valid batch; firstOffset (or 0) when there was none. */
  readonly nextOffset: Offset;
  readonly lastLeaderEpoch: LeaderEpoch;
  /** Null when the range ended with a whole batch. */
  readonly problem: string | null;
}

/** `visit` gets the header of each valid batch, at `at` in `buffer`, and its position; answering false ends the walk before that batch. */
export function scanBatches(
  file: DiskFile,
  options: ScanOptions,
  visit: (buffer: Buffer, at: number, position: number) => unknown,
): ScanEnd {
  return finishNow(scanInSteps(file, options, visit));
}

/** The same, with a step after each chunk. */
export function* scanInSteps(
  file: DiskFile,
  options: ScanOptions,
  visit: (buffer: Buffer, at: number, position: number) => unknown,
): Steps<ScanEnd> {
  const { to, withCrc } = options;
  const chunkBytes = withCrc ? SCAN_CHUNK_BYTES : HEADER_WALK_CHUNK_BYTES;
  let position = options.from;
  let expected = options.firstOffset;
  let epoch = options.leaderEpochMin;
  let window: Buffer = Buffer.alloc(0);
  let windowStart = position;
  const end = (problem: string | null): ScanEnd => ({ position, nextOffset: expected ?? 0, lastLeaderEpoch: epoch, problem });

  while (position < to) {
    const available = to - position;
    if (position - windowStart + recordBatch.HEADER_BYTES > window.length) {
      // What was read before is done with here, so that a step never lies between a read and its use.
      if (window.length > 0) yield window.length;
      window = file.readNow(position, Math.min(chunkBytes, available));
      windowStart = position;
    }
    let at = position - windowStart;
    const isCut = window.length - at < Math.min(recordBatch.HEADER_BYTES, available);
    const problem = isCut ? 'the file ends early' : recordBatch.headerProblem(window, at, available);
    if (problem !== null) return end(problem);
    const size = recordBatch.sizeInBytes(window, at);
    const base = recordBatch.baseOffset(window, at);
    if (expected !== null && base < expected) return end(`batch has base offset ${base}, expected ${expected} or more`);
    if (recordBatch.leaderEpoch(window, at) < epoch)
      return end(`batch has leader epoch ${recordBatch.leaderEpoch(window, at)} after ${epoch}`);
    if (withCrc) {
      if (size > RECOVERY_BATCH_BYTES_MAX) return end(`batch says ${size} bytes; at most ${RECOVERY_BATCH_BYTES_MAX} are believed`);
      if (at + size > window.length) {
        window = file.readNow(position, Math.min(available, Math.max(size, chunkBytes)));
        windowStart = position;
        at = 0;
      }
      if (window.length < size || !isCrcValid(window, at)) return end('batch does not match its CRC');
    }
    if (visit(window, at, position) === false) return end(null);
    expected = recordBatch.lastOffset(window, at) + 1;
    epoch = recordBatch.leaderEpoch(window, at);
    position += size;
  }
  return end(null);
}
