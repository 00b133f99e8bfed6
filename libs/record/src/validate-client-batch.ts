/**
 * What a broker checks before it stores a producer's bytes. O(1) but for the CRC: records are never decoded, so inner offset
 * deltas and record timestamps are taken on the header's word.
 */
import type { KafkaErrorName, WallMs } from '#kernel';
import * as recordBatch from './batch-header.js';
import { isCrcValid } from './crc32c.js';
import { RECORD_BYTES_MIN } from './decode-records.js';

export interface ClientBatchLimits {
  /** Largest batch on the wire, header included (`max.message.bytes`). */
  readonly maxMessageBytes: number;
  /** How far beyond `nowMs` a timestamp may lie. */
  readonly messageTimestampAfterMaxMs: number;
  readonly nowMs: WallMs;
}

export interface ClientBatchRefusal {
  readonly kind: 'refused';
  readonly error: Extract<
    KafkaErrorName,
    'CORRUPT_MESSAGE' | 'INVALID_RECORD' | 'MESSAGE_TOO_LARGE' | 'INVALID_TIMESTAMP' | 'INVALID_TXN_STATE'
  >;
  readonly message: string;
}

/** Null when `records` is exactly one batch that may be stored. */
export function validateClientBatch(records: Buffer, limits: ClientBatchLimits): ClientBatchRefusal | null {
  if (records.length < recordBatch.HEADER_BYTES) {
    return refuse('CORRUPT_MESSAGE', `${records.length} bytes are fewer than the ${recordBatch.HEADER_BYTES} of a record batch header`);
  }
  const magic = recordBatch.magic(records);
  if (magic !== recordBatch.CURRENT_MAGIC) {
    return refuse('INVALID_RECORD', `record batch has magic ${magic}; only ${recordBatch.CURRENT_MAGIC} is accepted`);
  }
  const size = recordBatch.sizeInBytes(records);
  if (size > records.length || size < recordBatch.HEADER_BYTES) {
    return refuse('CORRUPT_MESSAGE', `record batch says ${size} bytes but ${records.length} were sent`);
  }
  if (size < records.length) return refuse('INVALID_RECORD', 'a produce request must have exactly one record batch per partition');
  if (recordBatch.baseOffset(records) !== 0) {
    return refuse('INVALID_RECORD', `base offset is ${recordBatch.baseOffset(records)}; a producer must send 0`);
  }
  if (size > limits.maxMessageBytes) {
    return refuse('MESSAGE_TOO_LARGE', `record batch has ${size} bytes; max.message.bytes is ${limits.maxMessageBytes}`);
  }
  if (!isCrcValid(records)) return refuse('CORRUPT_MESSAGE', 'record batch does not match its CRC');
  return problemOfContent(records, size) ?? problemOfProducer(records) ?? problemOfTime(records, limits);
}

function problemOfContent(records: Buffer, size: number): ClientBatchRefusal | null {
  const count = recordBatch.recordsCount(records);
  if (count <= 0 || count !== recordBatch.lastOffsetDelta(records) + 1) {
    return refuse('INVALID_RECORD', `record batch says ${count} records and last offset delta ${recordBatch.lastOffsetDelta(records)}`);
  }
  const code = recordBatch.compressionCode(records);
  if (code > 4) return refuse('INVALID_RECORD', `compression code ${code} means nothing`);
  if (code === 0 && count > (size - recordBatch.HEADER_BYTES) / RECORD_BYTES_MIN) {
    return refuse('INVALID_RECORD', `record batch of ${size} bytes cannot hold ${count} records`);
  }
  if (recordBatch.deleteHorizonMs(records) !== null) return refuse('INVALID_RECORD', 'a producer must not set a delete horizon');
  return recordBatch.isControl(records) ? refuse('INVALID_RECORD', 'a producer must not write control batches') : null;
}

function problemOfProducer(records: Buffer): ClientBatchRefusal | null {
  if (recordBatch.isTransactional(records)) return refuse('INVALID_TXN_STATE', 'no transaction is open: this broker does not offer them');
  const producerId = recordBatch.producerId(records);
  if (producerId < -1 || !Number.isSafeInteger(producerId)) return refuse('INVALID_RECORD', `producer id ${producerId} is out of range`);
  if (producerId >= 0 && (recordBatch.baseSequence(records) < 0 || recordBatch.producerEpoch(records) < 0)) {
    return refuse(
      'INVALID_RECORD',
      `producer ${producerId} sent epoch ${recordBatch.producerEpoch(records)}, sequence ${recordBatch.baseSequence(records)}; both must be >= 0`,
    );
  }
  return null;
}

function problemOfTime(records: Buffer, limits: ClientBatchLimits): ClientBatchRefusal | null {
  if (recordBatch.isLogAppendTime(records)) return refuse('INVALID_TIMESTAMP', 'a producer must not set the timestamp type LogAppendTime');
  const timestamp = recordBatch.maxTimestamp(records);
  if (timestamp < -1) return refuse('INVALID_TIMESTAMP', `timestamp ${timestamp} is negative`);
  if (timestamp > limits.nowMs + limits.messageTimestampAfterMaxMs) {
    return refuse(
      'INVALID_TIMESTAMP',
      `timestamp ${timestamp} is more than ${limits.messageTimestampAfterMaxMs} ms (message.timestamp.after.max.ms) ahead of the broker's clock`,
    );
  }
  return null;
}

function refuse(error: ClientBatchRefusal['error'], message: string): ClientBatchRefusal {
  return { kind: 'refused', error, message };
}
