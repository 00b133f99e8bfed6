/** What zstd frames ask a decoder to allocate, read from the frame headers before any decoder sees them. */
import { CorruptionError } from '#kernel';

const FRAME_MAGIC = 0xfd2fb528;

/** Largest window (or content size, for a frame in a single segment) of all frames. Throws CorruptionError on a malformed frame. */
export function zstdWindowBytesMax(bytes: Buffer): number {
  let largest = 0;
  let at = 0;
  while (at < bytes.length) {
    const magic = littleEndian(bytes, at, 4);
    at += 4;
    if (magic >= 0x184d2a50 && magic <= 0x184d2a5f) {
      at += 4 + littleEndian(bytes, at, 4);
      continue;
    }
    if (magic !== FRAME_MAGIC) throw new CorruptionError(`no zstd frame at byte ${at - 4}`);
    const descriptor = littleEndian(bytes, at, 1);
    at += 1;
    const isSingleSegment = (descriptor & 0x20) !== 0;
    if (!isSingleSegment) {
      const window = littleEndian(bytes, at, 1);
      at += 1;
      const base = 2 ** (10 + (window >>> 3));
      largest = Math.max(largest, base + (base / 8) * (window & 7));
    }
    at += [0, 1, 2, 4][descriptor & 3]!;
    const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
    const contentBytes = littleEndian(bytes, at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
    at += sizeBytes;
    if (isSingleSegment) largest = Math.max(largest, contentBytes);
    at = skipBlocks(bytes, at) + (descriptor & 0x04 ? 4 : 0);
  }
  return largest;
}

function skipBlocks(bytes: Buffer, at: number): number {
  for (;;) {
    const header = littleEndian(bytes, at, 3);
    const isRunLength = ((header >>> 1) & 3) === 1;
    at += 3 + (isRunLength ? 1 : header >>> 3);
    if (header & 1) return at;
  }
}

function littleEndian(bytes: Buffer, at: number, length: number): number {
  if (at + length > bytes.length) throw new CorruptionError('a zstd frame is cut');
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!;
  return value;
}
