/** zstd came with Produce 7 and Fetch 10 (KIP-110): who speaks less must neither send nor get it. Looks at batch headers only. */

const BATCH_LENGTH_AT = 8;
const ATTRIBUTES_AT = 21;
const BATCH_HEADER_BYTES = 61;
const ZSTD = 4;

export function containsZstd(records: Buffer): boolean {
  let at = 0;
  while (at + BATCH_HEADER_BYTES <= records.length) {
    if ((records.readInt16BE(at + ATTRIBUTES_AT) & 7) === ZSTD) return true;
    const batchBytes = records.readInt32BE(at + BATCH_LENGTH_AT) + 12;
    if (batchBytes < BATCH_HEADER_BYTES) return false;
    at += batchBytes;
  }
  return false;
}
