/**
 * From a batch to records, for the edges: consumers, tools, timestamp look-up. Everything read is checked against what is
 * there; anything odd is a CorruptionError. Control batches decode too: ask `recordBatch.isControl` first.
 */
import { CorruptionError } from '#kernel';
import * as recordBatch from './batch-header.js';
import { COMPRESSION_TYPES, type DecompressionLimits, decompress } from './compression.js';
import type { CompressionType, Record, RecordHeader } from './types.js';
import { VarintReader } from './varint.js';

/** length, attributes, timestamp delta, offset delta, key length, value length, header count: one byte each at least. */
export const RECORD_BYTES_MIN = 7;

export function compressionTypeOf(batch: Buffer): CompressionType {
  const type = COMPRESSION_TYPES[recordBatch.compressionCode(batch)];
  if (type === undefined) throw new CorruptionError(`compression code ${recordBatch.compressionCode(batch)} means nothing`);
  return type;
}

/** Keys, values and headers are views of the batch (or of its decompressed bytes). The CRC is the caller's to check. */
export function decodeRecords(batch: Buffer, limits?: DecompressionLimits): Record[] {
  const problem = recordBatch.headerProblem(batch, 0, batch.length);
  if (problem !== null) throw new CorruptionError(`not a record batch: ${problem}`);
  // What compaction leaves of a batch to mark its place.
  if (recordBatch.recordsCount(batch) === 0 && recordBatch.sizeInBytes(batch) === recordBatch.HEADER_BYTES) return [];
  const body = decompress(compressionTypeOf(batch), batch.subarray(recordBatch.HEADER_BYTES, recordBatch.sizeInBytes(batch)), limits);
  const count = recordBatch.recordsCount(batch);
  if (count < 0 || count > body.length / RECORD_BYTES_MIN) {
    throw new CorruptionError(`a batch says ${count} records but its ${body.length} bytes cannot hold them`);
  }
  const baseOffset = recordBatch.baseOffset(batch);
  const baseTimestamp = recordBatch.baseTimestamp(batch);
  const appendTimestamp = recordBatch.isLogAppendTime(batch) ? recordBatch.maxTimestamp(batch) : null;
  const lastOffsetDelta = recordBatch.lastOffsetDelta(batch);
  const reader = new VarintReader(body);
  const records: Record[] = [];
  let previousDelta = -1;
  for (let i = 0; i < count; i++) {
    const length = reader.varint();
    const start = reader.position;
    if (length < RECORD_BYTES_MIN - 1 || length > body.length - start) throw new CorruptionError(`record ${i} says ${length} bytes`);
    reader.byte();
    const timestamp = appendTimestamp ?? baseTimestamp + reader.varlong();
    if (appendTimestamp !== null) reader.varlong();
    const offsetDelta = reader.varint();
    if (offsetDelta <= previousDelta || offsetDelta > lastOffsetDelta)
      throw new CorruptionError(`record ${i} has offset delta ${offsetDelta}`);
    previousDelta = offsetDelta;
    const key = nullableBytes(reader);
    const value = nullableBytes(reader);
    const headers = decodeHeaders(reader);
    if (reader.position !== start + length) {
      throw new CorruptionError(`record ${i} says ${length} bytes but takes ${reader.position - start}`);
    }
    records.push({ offset: baseOffset + offsetDelta, timestamp, key, value, headers });
  }
  if (reader.position !== body.length) throw new CorruptionError(`${body.length - reader.position} bytes follow the last record`);
  return records;
}

const NO_HEADERS: readonly RecordHeader[] = [];

function decodeHeaders(reader: VarintReader): readonly RecordHeader[] {
  const count = reader.varint();
  if (count === 0) return NO_HEADERS;
  // A header takes two bytes at least.
  if (count < 0 || count > (reader.end - reader.position) / 2) throw new CorruptionError(`a record says ${count} headers`);
  const headers: RecordHeader[] = [];
  for (let i = 0; i < count; i++) {
    const key = reader.bytes(reader.varint()).toString('utf8');
    headers.push({ key, value: nullableBytes(reader) });
  }
  return headers;
}

function nullableBytes(reader: VarintReader): Buffer | null {
  const length = reader.varint();
  return length === -1 ? null : reader.bytes(length);
}
