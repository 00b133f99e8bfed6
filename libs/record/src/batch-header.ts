/**
 * Record batch v2 header access, straight on the bytes: no object is built and nothing is copied. `at` is where the batch
 * starts in `buffer`. Callers check first that 61 header bytes are there (`splitBatches`, `headerProblem`).
 *
 * Only baseOffset and partitionLeaderEpoch are ever written in place: both lie outside the CRC, everything else is the producer's,
 * until compaction writes the batch anew (record-slices.ts).
 *
 *   0 baseOffset int64 | 8 batchLength int32 | 12 partitionLeaderEpoch int32 | 16 magic int8 | 17 crc uint32 (from 21 on)
 *  21 attributes int16 | 23 lastOffsetDelta int32 | 27 baseTimestamp int64 | 35 maxTimestamp int64 | 43 producerId int64
 *  51 producerEpoch int16 | 53 baseSequence int32 | 57 recordsCount int32 | 61 records
 */
import type { LeaderEpoch, Offset } from '#kernel';

/** Bytes before the first record. */
export const HEADER_BYTES = 61;
/** baseOffset and batchLength: what batchLength does not count. */
export const LOG_OVERHEAD_BYTES = 12;
export const CURRENT_MAGIC = 2;
export const CRC_POSITION = 17;
/** First byte that the CRC covers. */
export const CRC_START = 21;

const TWO_TO_32 = 0x1_0000_0000;
export const COMPRESSION_MASK = 0b111;
const LOG_APPEND_TIME_BIT = 1 << 3;
const TRANSACTIONAL_BIT = 1 << 4;
const CONTROL_BIT = 1 << 5;
/** baseTimestamp is the time from which on the batch's tombstones may go (KIP-534). Set by compaction only. */
export const DELETE_HORIZON_BIT = 1 << 6;

/** int64 as a number; exact up to 2^53. */
export function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * TWO_TO_32 + buffer.readUInt32BE(at + 4);
}

export function writeInt64(buffer: Buffer, value: number, at: number): void {
  buffer.writeInt32BE(Math.floor(value / TWO_TO_32), at);
  buffer.writeUInt32BE(value >>> 0, at + 4);
}

/** Whole batch, header included. May be nonsense in bytes that were not checked. */
export function sizeInBytes(buffer: Buffer, at = 0): number {
  return buffer.readInt32BE(at + 8) + LOG_OVERHEAD_BYTES;
}

export function baseOffset(buffer: Buffer, at = 0): Offset {
  return readInt64(buffer, at);
}

export function setBaseOffset(buffer: Buffer, offset: Offset, at = 0): void {
  writeInt64(buffer, offset, at);
}

/** Inclusive. */
export function lastOffset(buffer: Buffer, at = 0): Offset {
  return readInt64(buffer, at) + buffer.readInt32BE(at + 23);
}

export function lastOffsetDelta(buffer: Buffer, at = 0): number {
  return buffer.readInt32BE(at + 23);
}

export function leaderEpoch(buffer: Buffer, at = 0): LeaderEpoch {
  return buffer.readInt32BE(at + 12);
}

export function setLeaderEpoch(buffer: Buffer, epoch: LeaderEpoch, at = 0): void {
  buffer.writeInt32BE(epoch, at + 12);
}

export function magic(buffer: Buffer, at = 0): number {
  return buffer.readInt8(at + 16);
}

export function crc(buffer: Buffer, at = 0): number {
  return buffer.readUInt32BE(at + CRC_POSITION);
}

export function attributes(buffer: Buffer, at = 0): number {
  return buffer.readInt16BE(at + 21);
}

/** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; 5 to 7 mean nothing. */
export function compressionCode(buffer: Buffer, at = 0): number {
  return buffer.readInt16BE(at + 21) & COMPRESSION_MASK;
}

export function isLogAppendTime(buffer: Buffer, at = 0): boolean {
  return (buffer.readInt16BE(at + 21) & LOG_APPEND_TIME_BIT) !== 0;
}

export function isTransactional(buffer: Buffer, at = 0): boolean {
  return (buffer.readInt16BE(at + 21) & TRANSACTIONAL_BIT) !== 0;
}

export function isControl(buffer: Buffer, at = 0): boolean {
  return (buffer.readInt16BE(at + 21) & CONTROL_BIT) !== 0;
}

/** From when on compaction may drop the tombstones of this batch; null until one has seen it. */
export function deleteHorizonMs(buffer: Buffer, at = 0): number | null {
  return (buffer.readInt16BE(at + 21) & DELETE_HORIZON_BIT) === 0 ? null : readInt64(buffer, at + 27);
}

/** Milliseconds since 1970, as all timestamps here. */
export function baseTimestamp(buffer: Buffer, at = 0): number {
  return readInt64(buffer, at + 27);
}

export function maxTimestamp(buffer: Buffer, at = 0): number {
  return readInt64(buffer, at + 35);
}

/** -1: not idempotent, whatever epoch and sequence say. */
export function producerId(buffer: Buffer, at = 0): number {
  return readInt64(buffer, at + 43);
}

export function producerEpoch(buffer: Buffer, at = 0): number {
  return buffer.readInt16BE(at + 51);
}

export function baseSequence(buffer: Buffer, at = 0): number {
  return buffer.readInt32BE(at + 53);
}

/** Sequence of the batch's last record; wraps from 2^31-1 to 0. -1 when the batch has none. */
export function lastSequence(buffer: Buffer, at = 0): number {
  const first = buffer.readInt32BE(at + 53);
  return first < 0 ? -1 : addToSequence(first, buffer.readInt32BE(at + 23));
}

export function recordsCount(buffer: Buffer, at = 0): number {
  return buffer.readInt32BE(at + 57);
}

/** `increment` >= 0 steps after `sequence`, in the ring 0 … 2^31-1. */
export function addToSequence(sequence: number, increment: number): number {
  return (sequence + increment) % 0x8000_0000;
}

/**
 * What makes these bytes no batch v2 that could ever have been written, or null. Looks at the header only: no CRC. `available`
 * is how many bytes follow from `at`, not necessarily all in `buffer`: only the first 61 must be there when it says so.
 */
export function headerProblem(buffer: Buffer, at: number, available: number): string | null {
  if (available < HEADER_BYTES) return `${available} bytes are fewer than the ${HEADER_BYTES} of a batch header`;
  const size = sizeInBytes(buffer, at);
  if (size < HEADER_BYTES) return `batch length says ${size} bytes, less than a header`;
  if (magic(buffer, at) !== CURRENT_MAGIC) return `magic is ${magic(buffer, at)}, not ${CURRENT_MAGIC}`;
  if (size > available) return `batch says ${size} bytes but only ${available} follow`;
  if (lastOffsetDelta(buffer, at) < 0) return `last offset delta is ${lastOffsetDelta(buffer, at)}`;
  const base = baseOffset(buffer, at);
  if (base < 0 || !Number.isSafeInteger(base + lastOffsetDelta(buffer, at))) return `base offset ${base} is out of range`;
  return null;
}
