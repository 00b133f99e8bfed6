/**
 * The records that travel together to one partition, from the first append to the answer. Once sent, its bytes (producer
 * id, sequence and CRC included) stay as they are in every attempt, so that the leader can recognize it (R26).
 */
import type { MonotonicMs } from '#kernel';
import { assert } from '#kernel';
import type { CompressionType, NewRecord } from '#record';
import { crc32c, decodeRecords, RecordBatchBuilder, recordBatch } from '#record';
import type { SendResult } from './contract.js';

/** Who writes: -1 without idempotence. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}
export const ANONYMOUS: ProducerIdentity = { producerId: -1, producerEpoch: -1 };

/** The promise of one send(); `index` is its record's place in the batch. */
export interface Waiter {
  readonly index: number;
  readonly resolve: (result: SendResult) => void;
  readonly reject: (error: Error) => void;
}

const PRODUCER_ID_POSITION = 43;
const PRODUCER_EPOCH_POSITION = 51;
const BASE_SEQUENCE_POSITION = 53;

export class ProducerBatch {
  recordsCount = 0;
  /** What its records count for in the producer's buffer. */
  bufferedBytes = 0;
  readonly waiters: Waiter[] = [];
  /** True while a request with it is unanswered. */
  isSending = false;
  /** When it was last sent, every batch before it in sequence had been acknowledged. */
  wasSentFirst = false;
  attempts = 0;
  /** An attempt had an unknown outcome: the leader may hold it. */
  mayBeStored = false;
  /** In a request of its own, because one with others was too large. */
  isAlone = false;
  lastError: Error | null = null;
  baseSequence = -1;
  /** Counts the batches of a partition in the order of their sequences. */
  ordinal = -1;
  identity: ProducerIdentity | null = null;
  private builder: RecordBatchBuilder | null;
  private bytes: Buffer | null = null;

  constructor(
    readonly createdAt: MonotonicMs,
    /** After this the records are given up. */
    readonly deadline: MonotonicMs,
    private readonly compression: CompressionType,
    capacityBytes: number,
  ) {
    this.builder = new RecordBatchBuilder(capacityBytes);
  }

  get sizeInBytes(): number {
    return this.bytes?.length ?? this.builder!.sizeInBytes;
  }

  /** Copies the record: the caller's buffers are free again. */
  append(record: NewRecord, bufferedBytes: number, waiter: Omit<Waiter, 'index'> | null): void {
    this.builder!.append(record);
    if (waiter !== null) this.waiters.push({ index: this.recordsCount, resolve: waiter.resolve, reject: waiter.reject });
    this.recordsCount++;
    this.bufferedBytes += bufferedBytes;
  }

  /** Before it is sent under this identity for the first time. Earlier bytes may still be in a socket, so they are not touched (R27). */
  stamp(identity: ProducerIdentity, baseSequence: number): void {
    this.bytes =
      this.builder === null
        ? restamped(this.bytes!, identity, baseSequence)
        : this.builder.build({ ...identity, baseSequence, compression: this.compression });
    this.builder = null;
    this.identity = identity;
    this.baseSequence = baseSequence;
  }

  encoded(): Buffer {
    assert(this.bytes !== null && this.identity !== null, 'a batch is stamped before it is sent');
    return this.bytes;
  }

  /** Two batches with the same records, in the same sequence numbers. For one that was refused as too large. */
  split(): [ProducerBatch, ProducerBatch] {
    const records = decodeRecords(this.encoded());
    const middle = Math.ceil(records.length / 2);
    const half = (from: number, to: number) => {
      const batch = new ProducerBatch(this.createdAt, this.deadline, this.compression, Math.ceil(this.sizeInBytes / 2));
      for (let i = from; i < to; i++) batch.append(records[i]!, 0, null);
      for (const waiter of this.waiters) {
        if (waiter.index >= from && waiter.index < to) batch.waiters.push({ ...waiter, index: waiter.index - from });
      }
      batch.bufferedBytes = Math.floor((this.bufferedBytes * (to - from)) / records.length);
      batch.lastError = this.lastError;
      const sequence = this.baseSequence < 0 ? -1 : recordBatch.addToSequence(this.baseSequence, from);
      batch.stamp(this.identity!, sequence);
      return batch;
    };
    const halves: [ProducerBatch, ProducerBatch] = [half(0, middle), half(middle, records.length)];
    halves[1].bufferedBytes = this.bufferedBytes - halves[0].bufferedBytes;
    return halves;
  }
}

function restamped(sent: Buffer, identity: ProducerIdentity, baseSequence: number): Buffer {
  const bytes = Buffer.from(sent);
  recordBatch.writeInt64(bytes, identity.producerId, PRODUCER_ID_POSITION);
  bytes.writeInt16BE(identity.producerEpoch, PRODUCER_EPOCH_POSITION);
  bytes.writeInt32BE(baseSequence, BASE_SEQUENCE_POSITION);
  bytes.writeUInt32BE(crc32c(bytes.subarray(recordBatch.CRC_START)), recordBatch.CRC_POSITION);
  return bytes;
}
