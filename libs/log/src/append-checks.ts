/** What a leader looks at before it takes a producer's batch, apart from the producer's own sequence. */
import { CorruptionError, type WallMs } from '#kernel';
import { sliceRecords, validateClientBatch } from '#record';
import type { AppendOutcome, LogConfig } from './contract.js';

type Refused = Extract<AppendOutcome, { kind: 'refused' }>;

/** Null when `records` is one batch that this log may take. O(1) but for the CRC, unless the log is compacted: then keys are looked at. */
export function appendRefusal(records: Buffer, config: LogConfig, nowMs: WallMs): Refused | null {
  const { maxMessageBytes, messageTimestampAfterMaxMs, segmentBytes } = config;
  const refusal = validateClientBatch(records, { maxMessageBytes, messageTimestampAfterMaxMs, nowMs });
  if (refusal !== null) return refusal;
  if (records.length > segmentBytes) {
    const message = `record batch has ${records.length} bytes; segment.bytes is ${segmentBytes}`;
    return { kind: 'refused', error: 'RECORD_LIST_TOO_LARGE', message };
  }
  return config.cleanupPolicy === 'delete' ? null : keyRefusal(records);
}

/** Of a record without key compaction could not say what it replaces. Decompressed with the limits that readers have. */
function keyRefusal(records: Buffer): Refused | null {
  try {
    const index = sliceRecords(records).findIndex(({ key }) => key === null);
    if (index < 0) return null;
    return invalid(`record ${index} of the batch has no key; a topic with cleanup.policy=compact needs one on every record`);
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return invalid(`the records cannot be read, and a topic with cleanup.policy=compact needs their keys: ${error.message}`);
  }
}

function invalid(message: string): Refused {
  return { kind: 'refused', error: 'INVALID_RECORD', message };
}
