/**
 * Where a consumer stands in one partition. `position` is the next offset to be fetched; it only moves over batches that
 * were taken in whole, so a leader change neither skips nor repeats a record. No I/O in here.
 */
import type { LeaderEpoch, MonotonicMs, Offset } from '#kernel';
import { CorruptionError, NO_EPOCH } from '#kernel';
import type { Record as StoredRecord } from '#record';
import { decodeRecords, isCrcValid, recordBatch, splitBatches } from '#record';

/** A batch that was fetched and not decoded yet: its records from `startOffset` (inclusive) to `endOffset` (exclusive) are wanted. */
export interface FetchedBatch {
  readonly reader: PartitionReader;
  readonly bytes: Buffer;
  readonly startOffset: Offset;
  readonly endOffset: Offset;
  /** Where reading goes on after it. */
  readonly nextOffset: Offset;
}

export class PartitionReader {
  /** -1: not known yet. */
  position: Offset = -1;
  /** Exclusive; Infinity without exitAtEnd. */
  endOffset: Offset = Number.POSITIVE_INFINITY;
  /** Of what was read last, here or by whoever committed the position: a leader of a lower epoch is a deposed one (KIP-320). */
  leaderEpoch: LeaderEpoch = NO_EPOCH;
  /** Of the record before `position`, where that was read or committed; the leader is asked whether its log has it (KIP-320). */
  lastFetchedEpoch: LeaderEpoch = NO_EPOCH;
  blockedUntil: MonotonicMs = 0;
  attempts = 0;
  isFetching = false;
  suspectEpoch: LeaderEpoch | null = null;

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {}

  get isAtEnd(): boolean {
    return this.position >= this.endOffset;
  }

  /** Takes in what a fetch from `position` answered and moves the position behind it. Throws CorruptionError. */
  accept(records: Buffer): FetchedBatch[] {
    const accepted: FetchedBatch[] = [];
    for (const bytes of splitBatches(records)) {
      const nextOffset = recordBatch.lastOffset(bytes) + 1;
      if (nextOffset <= this.position) continue;
      if (!isCrcValid(bytes)) {
        const where = `${this.topic}-${this.partition}`;
        throw new CorruptionError(`${where}: the batch at offset ${recordBatch.baseOffset(bytes)} has a wrong CRC`);
      }
      const isHidden = recordBatch.isControl(bytes) || recordBatch.baseOffset(bytes) >= this.endOffset;
      const { position: startOffset, endOffset } = this;
      if (!isHidden) accepted.push({ reader: this, bytes, startOffset, endOffset, nextOffset: Math.min(nextOffset, endOffset) });
      this.position = nextOffset;
      this.lastFetchedEpoch = recordBatch.leaderEpoch(bytes);
      this.leaderEpoch = Math.max(this.leaderEpoch, this.lastFetchedEpoch);
    }
    return accepted;
  }
}

/** The records that the consumer asked for; a batch may begin before them and end after them. Throws CorruptionError. */
export function recordsOf(batch: FetchedBatch): StoredRecord[] {
  const records = decodeRecords(batch.bytes);
  const isWhole = records.length > 0 && records[0]!.offset >= batch.startOffset && records.at(-1)!.offset < batch.endOffset;
  return isWhole ? records : records.filter((record) => record.offset >= batch.startOffset && record.offset < batch.endOffset);
}
