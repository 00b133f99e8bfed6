export * as recordBatch from './batch-header.js';
export { COMPRESSION_TYPES, compress, DEFAULT_DECOMPRESSION_LIMITS, type DecompressionLimits, decompress } from './compression.js';
export { crc32c, isCrcValid } from './crc32c.js';
export { compressionTypeOf, decodeRecords } from './decode-records.js';
export { type BatchOptions, type NewRecord, RecordBatchBuilder } from './record-batch-builder.js';
export { splitBatches } from './split-batches.js';
export * from './types.js';
export { type ClientBatchLimits, type ClientBatchRefusal, validateClientBatch } from './validate-client-batch.js';
export { VarintReader, varintSize, writeVarint } from './varint.js';
