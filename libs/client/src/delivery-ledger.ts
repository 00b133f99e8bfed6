/**
 * What a producer owes its callers: records and bytes that are neither acknowledged nor given up, and who waits for what.
 * Every accepted record leaves the ledger exactly once.
 */
import type { Acknowledgement, DeliveryFailure, ProducerMetrics, SendResult } from './contract.js';
import type { ProducerBatch } from './producer-batch.js';

/** The promise of one send(); null for an append(). */
export type RecordWaiter = { resolve(result: SendResult): void; reject(error: Error): void } | null;

export class DeliveryLedger {
  /** Batches that were sent again. */
  retries = 0;
  private bytes = 0;
  private unsettledRecords = 0;
  private recordsAcknowledged = 0;
  private bytesAcknowledged = 0;
  private recordsFailed = 0;
  /** The first failure of an append() that no flush() has told. */
  private untold: Error | null = null;
  private readonly errorListeners: ((failure: DeliveryFailure) => void)[] = [];
  private readonly acknowledgedListeners: ((acknowledgement: Acknowledgement) => void)[] = [];
  private readyWaiters: (() => void)[] = [];
  private idleWaiters: (() => void)[] = [];

  /** `hasRoom`: may callers go on handing in records? */
  constructor(private readonly hasRoom: (bufferedBytes: number) => boolean) {}

  get bufferedBytes(): number {
    return this.bytes;
  }

  get isIdle(): boolean {
    return this.unsettledRecords === 0;
  }

  get metrics(): ProducerMetrics {
    const { recordsAcknowledged, bytesAcknowledged, recordsFailed, retries, bytes } = this;
    return { recordsAcknowledged, bytesAcknowledged, recordsFailed, retries, bufferedBytes: bytes };
  }

  onError(listener: (failure: DeliveryFailure) => void): void {
    this.errorListeners.push(listener);
  }

  onAcknowledged(listener: (acknowledgement: Acknowledgement) => void): void {
    this.acknowledgedListeners.push(listener);
  }

  accepted(bytes: number): void {
    this.unsettledRecords++;
    this.bytes += bytes;
  }

  acknowledged(topic: string, partition: number, batch: ProducerBatch, baseOffset: number): void {
    for (const waiter of batch.waiters) waiter.resolve({ topic, partition, offset: baseOffset < 0 ? -1 : baseOffset + waiter.index });
    this.recordsAcknowledged += batch.recordsCount;
    this.bytesAcknowledged += batch.sizeInBytes;
    for (const listener of this.acknowledgedListeners) listener({ topic, partition, baseOffset, records: batch.recordsCount });
    this.release(batch.recordsCount, batch.bufferedBytes);
  }

  batchFailed(topic: string, partition: number, batch: ProducerBatch, error: Error): void {
    for (const waiter of batch.waiters) waiter.reject(error);
    const appended = batch.recordsCount - batch.waiters.length;
    this.failed({ topic, partition, records: batch.recordsCount, error }, appended, batch.bufferedBytes);
  }

  recordFailed(topic: string, partition: number, waiter: RecordWaiter, bytes: number, error: Error): void {
    waiter?.reject(error);
    this.failed({ topic, partition, records: 1, error }, waiter === null ? 1 : 0, bytes);
  }

  /** Resolves when there is room. */
  ready(): Promise<void> {
    if (this.hasRoom(this.bytes)) return Promise.resolve();
    return new Promise((resolve) => this.readyWaiters.push(resolve));
  }

  /** There may be room for another reason than a settled record. `always`: nobody shall wait any longer. */
  wakeReady(always = false): void {
    if (this.readyWaiters.length > 0 && (always || this.hasRoom(this.bytes))) for (const resolve of this.readyWaiters.splice(0)) resolve();
  }

  /** Resolves when nothing is unsettled. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  takeUntoldFailure(): Error | null {
    const failure = this.untold;
    this.untold = null;
    return failure;
  }

  private failed(failure: DeliveryFailure, appended: number, bytes: number): void {
    this.recordsFailed += failure.records;
    if (appended > 0) {
      this.untold ??= failure.error;
      for (const listener of this.errorListeners) listener({ ...failure, records: appended });
    }
    this.release(failure.records, bytes);
  }

  private release(records: number, bytes: number): void {
    this.unsettledRecords -= records;
    this.bytes -= bytes;
    this.wakeReady();
    if (this.isIdle) for (const resolve of this.idleWaiters.splice(0)) resolve();
  }
}
