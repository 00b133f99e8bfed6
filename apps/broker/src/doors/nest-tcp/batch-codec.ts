import { decodeRecords, RecordBatchBuilder, recordBatch, splitBatches } from '#record';
import type { BatchCodec } from './json-records.js';

/** #record's batches for JSON peers. Transaction markers are no records, so nobody sees them. */
export const batchCodec: BatchCodec = {
  encode: (records) => {
    const builder = new RecordBatchBuilder();
    for (const record of records) builder.append(record);
    return builder.build();
  },
  decode: (batches) => splitBatches(batches).flatMap((batch) => (recordBatch.isControl(batch) ? [] : decodeRecords(batch))),
};
