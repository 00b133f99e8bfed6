/**
 * What compaction keeps of one batch: of each key the newest record below the end of the offset map, everything from there on, and
 * tombstones until their batch's delete horizon has passed. Kafka's rules (LogCleaner). Pure but for the clock that it is handed.
 */
import { CorruptionError, type Offset, type WallMs } from '#kernel';
import { emptyBatch, type RecordSlice, recordBatch, retainRecords, sliceRecords } from '#record';
import type { OffsetMap } from './offset-map.js';

export interface FilterRules {
  readonly map: OffsetMap;
  /** The map knows the records of the dirty part below it (exclusive); what is at or above it stays as it is. */
  readonly mapEndOffset: Offset;
  readonly nowMs: WallMs;
  readonly deleteRetentionMs: number;
}

export interface Filtered {
  /** `batch` itself when it stays as it is; null when nothing of it does. */
  readonly kept: Buffer | null;
  readonly recordsDropped: number;
  /** Its records cannot be read though the CRC is right, so it stays. */
  readonly problem: string | null;
}

/** `mustStay`: its place in the log or its producer's sequence is needed, if not its records. */
export function filterBatch(batch: Buffer, mustStay: boolean, rules: FilterRules): Filtered {
  const count = recordBatch.recordsCount(batch);
  if (recordBatch.isControl(batch) || recordBatch.baseOffset(batch) >= rules.mapEndOffset) return asItIs(batch);
  if (count === 0) return { kept: mustStay ? batch : null, recordsDropped: 0, problem: null };
  try {
    const records = sliceRecords(batch);
    const horizonMs = recordBatch.deleteHorizonMs(batch);
    const survivors = records.filter((record) => survives(record, horizonMs, rules));
    const recordsDropped = records.length - survivors.length;
    if (survivors.length === 0) return { kept: mustStay ? emptyBatch(batch) : null, recordsDropped, problem: null };
    // A batch that the map covers in part waits: values older than its later tombstones are still there.
    const isFirstSeen = horizonMs === null && recordBatch.lastOffset(batch) < rules.mapEndOffset;
    const newHorizonMs = isFirstSeen && survivors.some((each) => !each.hasValue) ? horizonFrom(rules) : null;
    if (recordsDropped === 0 && newHorizonMs === null) return asItIs(batch);
    return { kept: retainRecords(batch, survivors, newHorizonMs), recordsDropped, problem: null };
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return { kept: batch, recordsDropped: 0, problem: error.message };
  }
}

function asItIs(batch: Buffer): Filtered {
  return { kept: batch, recordsDropped: 0, problem: null };
}

function horizonFrom({ nowMs, deleteRetentionMs }: FilterRules): WallMs {
  return Math.min(nowMs + deleteRetentionMs, HORIZON_MAX_MS);
}

/** Some 140,000 years: deltas from it can still be written. */
const HORIZON_MAX_MS = 2 ** 52 - 2 ** 42;

function survives(record: RecordSlice, horizonMs: WallMs | null, { map, mapEndOffset, nowMs }: FilterRules): boolean {
  if (record.offset >= mapEndOffset) return true;
  // From before the topic was compacted: appends of such records are refused since.
  if (record.key === null) return false;
  if (record.offset < map.get(record.key)) return false;
  return record.hasValue || horizonMs === null || nowMs < horizonMs;
}
