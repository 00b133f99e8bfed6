/**
 * How large the content of LZ4 frames is, found by walking tokens without writing any output: the decoder that we use takes no
 * limit. Understands the standard frame format (magic 04 22 4D 18), several frames in a row and skippable frames.
 */
import { CorruptionError } from '#kernel';

const FRAME_MAGIC = 0x184d2204;
const UNCOMPRESSED_BIT = 0x8000_0000;

/** Throws CorruptionError when the bytes are no LZ4 frames. */
export function lz4ContentBytes(bytes: Buffer): number {
  let total = 0;
  let at = 0;
  while (at < bytes.length) {
    const magic = uint32(bytes, at);
    at += 4;
    if (magic >= 0x184d2a50 && magic <= 0x184d2a5f) {
      at += 4 + uint32(bytes, at);
      continue;
    }
    if (magic !== FRAME_MAGIC) throw new CorruptionError(`no LZ4 frame at byte ${at - 4}`);
    const flags = byteAt(bytes, at);
    const hasBlockChecksum = (flags & 0x10) !== 0;
    at += 2 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0) + 1;
    for (;;) {
      const header = uint32(bytes, at);
      at += 4;
      if (header === 0) break;
      const length = header & 0x7fff_ffff;
      if (length > bytes.length - at) throw new CorruptionError('an LZ4 block is cut');
      total += header >= UNCOMPRESSED_BIT ? length : blockContentBytes(bytes, at, at + length);
      at += length + (hasBlockChecksum ? 4 : 0);
    }
    if (flags & 0x04) at += 4;
  }
  return total;
}

/** Sums literal and match lengths of the sequences in [at, end). */
function blockContentBytes(bytes: Buffer, at: number, end: number): number {
  let total = 0;
  while (at < end) {
    const token = bytes[at++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) more = byteAt(bytes, at++);
    }
    total += literals;
    at += literals;
    if (at >= end) break;
    at += 2;
    let match = (token & 15) + 4;
    if (match === 19) {
      for (let more = 255; more === 255; match += more) more = byteAt(bytes, at++);
    }
    total += match;
  }
  return total;
}

function uint32(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw new CorruptionError('an LZ4 frame is cut');
  return bytes.readUInt32LE(at);
}

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new CorruptionError('an LZ4 frame is cut');
  return byte;
}
