/**
 * The five codecs at the edges (client, tools, timestamp look-up). The broker's hot path stores what it got and never comes here.
 * Synchronous and bounded: what a small input would blow up to is known, or counted, before it is held. Codec packages load at
 * first use, so that a process which never meets a codec does not carry it.
 */
import { createRequire } from 'node:module';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CorruptionError, YakError } from '#kernel';
import { lz4ContentBytes } from './lz4-frame.js';
import type { CompressionType } from './types.js';
import { zstdWindowBytesMax } from './zstd-frame.js';

export const COMPRESSION_TYPES: readonly CompressionType[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** What decompressing one batch may cost. Both limits hold. */
export interface DecompressionLimits {
  readonly outputBytesMax: number;
  /** Output bytes per input byte; small outputs (below 64 KiB) are exempt. */
  readonly ratioMax: number;
}

export const DEFAULT_DECOMPRESSION_LIMITS: DecompressionLimits = { outputBytesMax: 64 * 1024 * 1024, ratioMax: 1100 };
const RATIO_EXEMPT_BYTES = 64 * 1024;

const require = createRequire(import.meta.url);

/** Throws YakError UNSUPPORTED_COMPRESSION for zstd: no synchronous encoder is at hand. */
export function compress(type: CompressionType, bytes: Buffer): Buffer {
  switch (type) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipSync(bytes);
    case 'snappy':
      return (require('snappy') as { compressSync(input: Buffer): Buffer }).compressSync(bytes);
    case 'lz4':
      return (require('lz4-napi') as { compressFrameSync(input: Buffer): Buffer }).compressFrameSync(bytes);
    case 'zstd':
      throw new YakError('UNSUPPORTED_COMPRESSION', 'YaK can read zstd but not write it; choose gzip, snappy, lz4 or none');
  }
}

/** Throws CorruptionError when the bytes are not what the codec says, or would exceed the limits. */
export function decompress(type: CompressionType, bytes: Buffer, limits = DEFAULT_DECOMPRESSION_LIMITS): Buffer {
  const outputBytesMax = Math.min(limits.outputBytesMax, Math.max(RATIO_EXEMPT_BYTES, Math.floor(bytes.length * limits.ratioMax)));
  try {
    switch (type) {
      case 'none':
        return bytes;
      case 'gzip':
        return gunzipSync(bytes, { maxOutputLength: outputBytesMax });
      case 'snappy':
        return uncompressSnappy(bytes, outputBytesMax);
      case 'lz4':
        return uncompressLz4(bytes, outputBytesMax);
      case 'zstd':
        return uncompressZstd(bytes, outputBytesMax);
    }
  } catch (error) {
    if (error instanceof CorruptionError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CorruptionError(`${type} data of ${bytes.length} bytes cannot be decompressed (limit ${outputBytesMax} bytes): ${reason}`, {
      cause: error,
    });
  }
}

function refuseAbove(outputBytes: number, outputBytesMax: number, type: CompressionType): void {
  if (outputBytes > outputBytesMax) {
    throw new CorruptionError(`${type} data decompresses to at least ${outputBytes} bytes; the limit is ${outputBytesMax}`);
  }
}

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/** Java writes xerial framing (int32 length + raw block, repeated), librdkafka and others one raw block: the magic tells. */
function uncompressSnappy(bytes: Buffer, outputBytesMax: number): Buffer {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return uncompressSnappyBlock(bytes, outputBytesMax);
  const blocks: Buffer[] = [];
  let outputBytes = 0;
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    if (bytes.length - at < 4) throw new CorruptionError('a snappy block length is cut');
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0 || length > bytes.length - at)
      throw new CorruptionError(`a snappy block says ${length} bytes, ${bytes.length - at} follow`);
    const block = uncompressSnappyBlock(bytes.subarray(at, at + length), outputBytesMax - outputBytes);
    outputBytes += block.length;
    blocks.push(block);
    at += length;
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks, outputBytes);
}

function uncompressSnappyBlock(block: Buffer, outputBytesMax: number): Buffer {
  refuseAbove(snappyContentBytes(block), outputBytesMax, 'snappy');
  return (require('snappy') as { uncompressSync(input: Buffer): Buffer }).uncompressSync(block);
}

/** A raw block starts with its content size as an unsigned varint. */
function snappyContentBytes(block: Buffer): number {
  let size = 0;
  for (let i = 0; i < 5; i++) {
    const byte = block[i];
    if (byte === undefined) break;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return size;
  }
  throw new CorruptionError('a snappy block has no valid length');
}

function uncompressLz4(bytes: Buffer, outputBytesMax: number): Buffer {
  refuseAbove(lz4ContentBytes(bytes), outputBytesMax, 'lz4');
  return (require('lz4-napi') as { decompressFrameSync(input: Buffer): Buffer }).decompressFrameSync(bytes);
}

/** Streamed, because frames rarely say their content size: the count is checked as the blocks come. */
function uncompressZstd(bytes: Buffer, outputBytesMax: number): Buffer {
  // A window is allocated at once, and may be larger than what it will hold: allow the 8 MiB that every decoder should.
  refuseAbove(zstdWindowBytesMax(bytes), Math.max(outputBytesMax, 8 * 1024 * 1024), 'zstd');
  const { Decompress } = require('fzstd') as typeof import('fzstd');
  const chunks: Uint8Array[] = [];
  let outputBytes = 0;
  const stream = new Decompress((chunk) => {
    outputBytes += chunk.length;
    refuseAbove(outputBytes, outputBytesMax, 'zstd');
    chunks.push(chunk.slice());
  });
  stream.push(bytes, true);
  return Buffer.concat(chunks, outputBytes);
}
