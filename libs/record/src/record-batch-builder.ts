/**
 * Collects records and writes them as one batch v2, byte for byte as Kafka's Java client does (base timestamp is the first
 * record's, deltas from it). One builder makes one batch; `build` may be called once.
 */
import { assert } from '#kernel';
import * as recordBatch from './batch-header.js';
import { COMPRESSION_TYPES, compress } from './compression.js';
import { crc32c } from './crc32c.js';
import type { CompressionType, Record } from './types.js';
import { varintSize, writeVarint } from './varint.js';

/** A record before it has an offset. */
export type NewRecord = Pick<Record, 'timestamp' | 'key' | 'value'> & Partial<Pick<Record, 'headers'>>;

export interface BatchOptions {
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
  /** -1: not idempotent. */
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly compression?: CompressionType;
}

const INITIAL_BYTES = 1024;

export class RecordBatchBuilder {
  private buffer: Buffer;
  private end = recordBatch.HEADER_BYTES;
  private count = 0;
  private baseTimestamp = -1;
  private maxTimestamp = -1;

  /** `capacityBytes`: what the batch is expected to reach, so that nothing is copied while it grows. */
  constructor(capacityBytes = INITIAL_BYTES) {
    this.buffer = Buffer.allocUnsafe(Math.max(capacityBytes, recordBatch.HEADER_BYTES));
  }

  get recordsCount(): number {
    return this.count;
  }

  /** Of the batch so far, header included, uncompressed. */
  get sizeInBytes(): number {
    return this.end;
  }

  /** What `record` would add, exactly. */
  sizeOf(record: NewRecord): number {
    const length = this.lengthOf(record);
    return varintSize(length) + length;
  }

  append(record: NewRecord): void {
    if (this.count === 0) this.baseTimestamp = record.timestamp;
    if (record.timestamp > this.maxTimestamp) this.maxTimestamp = record.timestamp;
    const length = this.lengthOf(record);
    this.reserve(varintSize(length) + length);
    const buffer = this.buffer;
    let at = writeVarint(buffer, length, this.end);
    buffer[at++] = 0;
    at = writeVarint(buffer, record.timestamp - this.baseTimestamp, at);
    at = writeVarint(buffer, this.count, at);
    at = writeBytes(buffer, record.key, at);
    at = writeBytes(buffer, record.value, at);
    const headers = record.headers ?? [];
    at = writeVarint(buffer, headers.length, at);
    for (const header of headers) {
      at = writeVarint(buffer, Buffer.byteLength(header.key), at);
      at += buffer.write(header.key, at, 'utf8');
      at = writeBytes(buffer, header.value, at);
    }
    this.end = at;
    this.count++;
  }

  /** The finished batch, a buffer of its own or the builder's. Do not use the builder afterwards. */
  build(options: BatchOptions = {}): Buffer {
    assert(this.count > 0, 'a record batch needs at least one record');
    const compression = options.compression ?? 'none';
    let batch = this.buffer.subarray(0, this.end);
    if (compression !== 'none') {
      batch = Buffer.concat([batch.subarray(0, recordBatch.HEADER_BYTES), compress(compression, batch.subarray(recordBatch.HEADER_BYTES))]);
    }
    recordBatch.writeInt64(batch, options.baseOffset ?? 0, 0);
    batch.writeInt32BE(batch.length - recordBatch.LOG_OVERHEAD_BYTES, 8);
    batch.writeInt32BE(options.leaderEpoch ?? -1, 12);
    batch.writeInt8(recordBatch.CURRENT_MAGIC, 16);
    batch.writeInt16BE(COMPRESSION_TYPES.indexOf(compression), 21);
    batch.writeInt32BE(this.count - 1, 23);
    recordBatch.writeInt64(batch, this.baseTimestamp, 27);
    recordBatch.writeInt64(batch, this.maxTimestamp, 35);
    recordBatch.writeInt64(batch, options.producerId ?? -1, 43);
    batch.writeInt16BE(options.producerEpoch ?? -1, 51);
    batch.writeInt32BE(options.baseSequence ?? -1, 53);
    batch.writeInt32BE(this.count, 57);
    batch.writeUInt32BE(crc32c(batch.subarray(recordBatch.CRC_START)), recordBatch.CRC_POSITION);
    return batch;
  }

  /** Everything after the length field. */
  private lengthOf(record: NewRecord): number {
    const base = this.count === 0 ? record.timestamp : this.baseTimestamp;
    const headers = record.headers ?? [];
    let length = 1 + varintSize(record.timestamp - base) + varintSize(this.count) + bytesSize(record.key) + bytesSize(record.value);
    length += varintSize(headers.length);
    for (const header of headers) {
      const keyBytes = Buffer.byteLength(header.key);
      length += varintSize(keyBytes) + keyBytes + bytesSize(header.value);
    }
    return length;
  }

  private reserve(bytes: number): void {
    if (this.end + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.end + bytes));
    this.buffer.copy(larger, 0, 0, this.end);
    this.buffer = larger;
  }
}

function bytesSize(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length;
}

function writeBytes(buffer: Buffer, bytes: Buffer | null, at: number): number {
  if (bytes === null) return writeVarint(buffer, -1, at);
  at = writeVarint(buffer, bytes.length, at);
  return at + bytes.copy(buffer, at);
}
