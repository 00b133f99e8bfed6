import { DEFAULT_DECOMPRESSION_LIMITS, decodeRecords, RecordBatchBuilder, recordBatch, splitBatches } from '#record';
import type { BatchCodec } from './json-records.js';

/** A JSON peer is served from memory as a whole; larger batches are for binary peers and Kafka clients. */
const LIMITS = { ...DEFAULT_DECOMPRESSION_LIMITS, outputBytesMax: 16 * 1024 * 1024 };

/** #record's batches for JSON peers. Transaction markers are no records, so nobody sees them. */
export const batchCodec: BatchCodec = {
  encode: (records) => {
    const builder = new RecordBatchBuilder();
    for (const record of records) builder.append(record);
    return builder.build();
  },
  *decode(batches) {
    for (const batch of splitBatches(batches)) if (!recordBatch.isControl(batch)) yield decodeRecords(batch, LIMITS);
  },
};
