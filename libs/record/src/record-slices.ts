/**
 * Records as views into their batch, and batches written again with fewer of them: for compaction. What survives keeps its offset,
 * timestamp, key, value and headers byte for byte; a batch keeps base offset, last offset delta, leader epoch, producer and
 * sequence, so that its place in the log and what it says of its producer stay as they were. The CRC is the caller's to check.
 */
import { assert, CorruptionError } from '#kernel';
import * as recordBatch from './batch-header.js';
import { COMPRESSION_TYPES, compress, type DecompressionLimits, decompress } from './compression.js';
import { crc32c } from './crc32c.js';
import { compressionTypeOf, RECORD_BYTES_MIN } from './decode-records.js';
import type { CompressionType } from './types.js';
import { VarintReader, varintSize, writeVarint } from './varint.js';

/** varints are written from numbers: beyond this a timestamp delta cannot be (it is nonsense anyway). */
const TIMESTAMP_DELTA_MAX = 2 ** 52;

export interface RecordSlice {
  readonly offset: number;
  /** A view; null for a record without key. */
  readonly key: Buffer | null;
  /** False: a tombstone. */
  readonly hasValue: boolean;
  /** To the batch's base timestamp. */
  readonly timestampDelta: number;
  /** The whole record with its length, and the part from the key on. Views. */
  readonly bytes: Buffer;
  readonly fromKey: Buffer;
}

/**
 * All records of a batch in order. Throws CorruptionError when the body is not what the header says: record count, offset deltas,
 * lengths, codec, or more than `limits` once decompressed.
 */
export function sliceRecords(batch: Buffer, limits?: DecompressionLimits): RecordSlice[] {
  const problem = recordBatch.headerProblem(batch, 0, batch.length);
  if (problem !== null) throw new CorruptionError(`not a record batch: ${problem}`);
  const count = recordBatch.recordsCount(batch);
  const packed = batch.subarray(recordBatch.HEADER_BYTES, recordBatch.sizeInBytes(batch));
  if (count === 0 && packed.length === 0) return [];
  const body = decompress(compressionTypeOf(batch), packed, limits);
  if (count < 0 || count > body.length / RECORD_BYTES_MIN) {
    throw new CorruptionError(`a batch says ${count} records but its ${body.length} bytes cannot hold them`);
  }
  const baseOffset = recordBatch.baseOffset(batch);
  const lastOffsetDelta = recordBatch.lastOffsetDelta(batch);
  const reader = new VarintReader(body);
  const slices: RecordSlice[] = [];
  let previousDelta = -1;
  for (let i = 0; i < count; i++) {
    const first = reader.position;
    const length = reader.varint();
    const end = reader.position + length;
    if (length < RECORD_BYTES_MIN - 1 || end > body.length) throw new CorruptionError(`record ${i} says ${length} bytes`);
    reader.byte();
    const timestampDelta = reader.varlong();
    const offsetDelta = reader.varint();
    if (offsetDelta <= previousDelta || offsetDelta > lastOffsetDelta)
      throw new CorruptionError(`record ${i} has offset delta ${offsetDelta}`);
    previousDelta = offsetDelta;
    const keyAt = reader.position;
    const keyLength = reader.varint();
    const key = keyLength === -1 ? null : reader.bytes(keyLength);
    const valueLength = reader.varint();
    if (valueLength !== -1) reader.bytes(valueLength);
    if (reader.position >= end) throw new CorruptionError(`record ${i} says ${length} bytes but takes more`);
    reader.position = end;
    slices.push({
      offset: baseOffset + offsetDelta,
      key,
      hasValue: valueLength !== -1,
      timestampDelta,
      bytes: body.subarray(first, end),
      fromKey: body.subarray(keyAt, end),
    });
  }
  if (reader.position !== body.length) throw new CorruptionError(`${body.length - reader.position} bytes follow the last record`);
  return slices;
}

/**
 * `batch` with `records` only (at least one, out of its own slices, in order). With `deleteHorizonMs` the batch says from when on
 * its tombstones may go; its base timestamp is that then, as Kafka has it, and record timestamps stay what they were. Compressed with
 * the same codec; zstd, which cannot be written here, becomes gzip. Throws CorruptionError for timestamps that cannot be written.
 */
export function retainRecords(batch: Buffer, records: readonly RecordSlice[], deleteHorizonMs: number | null): Buffer {
  assert(records.length > 0, 'a batch without records is what emptyBatch makes');
  const baseTimestamp = recordBatch.baseTimestamp(batch);
  const shift = deleteHorizonMs === null ? 0 : baseTimestamp - deleteHorizonMs;
  const body = Buffer.concat(records.map((record) => (shift === 0 ? record.bytes : shifted(record, shift, batch))));
  const codec = compressionTypeOf(batch);
  const writable: CompressionType = codec === 'zstd' ? 'gzip' : codec;
  const packed = compress(writable, body);
  const rewritten = Buffer.allocUnsafeSlow(recordBatch.HEADER_BYTES + packed.length);
  batch.copy(rewritten, 0, 0, recordBatch.HEADER_BYTES);
  packed.copy(rewritten, recordBatch.HEADER_BYTES);
  const horizonBit = deleteHorizonMs === null ? 0 : recordBatch.DELETE_HORIZON_BIT;
  const attributes = (recordBatch.attributes(batch) & ~recordBatch.COMPRESSION_MASK) | COMPRESSION_TYPES.indexOf(writable) | horizonBit;
  rewritten.writeInt16BE(attributes, 21);
  if (deleteHorizonMs !== null) recordBatch.writeInt64(rewritten, deleteHorizonMs, 27);
  if (!recordBatch.isLogAppendTime(batch)) {
    recordBatch.writeInt64(
      rewritten,
      records.reduce((max, each) => Math.max(max, baseTimestamp + each.timestampDelta), -1),
      35,
    );
  }
  rewritten.writeInt32BE(records.length, 57);
  return sealed(rewritten);
}

/** `batch` without any record: it still says which offsets it covers, its epoch, and its producer's last sequence. */
export function emptyBatch(batch: Buffer): Buffer {
  const empty = Buffer.from(batch.subarray(0, recordBatch.HEADER_BYTES));
  empty.writeInt16BE(recordBatch.attributes(batch) & ~(recordBatch.COMPRESSION_MASK | recordBatch.DELETE_HORIZON_BIT), 21);
  recordBatch.writeInt64(empty, -1, 27);
  empty.writeInt32BE(0, 57);
  return sealed(empty);
}

function sealed(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - recordBatch.LOG_OVERHEAD_BYTES, 8);
  batch.writeUInt32BE(crc32c(batch.subarray(recordBatch.CRC_START)), recordBatch.CRC_POSITION);
  return batch;
}

/** The record with its timestamp told from another base. */
function shifted(record: RecordSlice, shift: number, batch: Buffer): Buffer {
  const timestampDelta = record.timestampDelta + shift;
  if (Math.abs(timestampDelta) > TIMESTAMP_DELTA_MAX) throw new CorruptionError(`timestamp delta ${timestampDelta} cannot be written`);
  const offsetDelta = record.offset - recordBatch.baseOffset(batch);
  const length = 1 + varintSize(timestampDelta) + varintSize(offsetDelta) + record.fromKey.length;
  const bytes = Buffer.allocUnsafe(varintSize(length) + length);
  let at = writeVarint(bytes, length, 0);
  // Record attributes: none exist.
  bytes[at++] = 0;
  at = writeVarint(bytes, timestampDelta, at);
  at = writeVarint(bytes, offsetDelta, at);
  record.fromKey.copy(bytes, at);
  return bytes;
}
