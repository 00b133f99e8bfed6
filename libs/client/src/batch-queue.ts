/**
 * What was fetched and not taken yet, and the callers that wait for it: batches of one partition come out in the order in
 * which they went in. What is in it when it ends is still given out; then every caller is told of the end, or of the failure.
 */
import type { ConsumedRecord } from './contract.js';
import type { FetchedBatch, PartitionReader } from './partition-reader.js';
import { recordsOf } from './partition-reader.js';

type Result = IteratorResult<readonly ConsumedRecord[]>;
type Taker = { resolve(result: Result): void; reject(error: unknown): void };

export interface BatchQueueListener {
  /** Its records are with the caller now. Also told of a batch that has none (they were compacted away). */
  given(batch: FetchedBatch): void;
  /** A batch that cannot be decoded. */
  failed(error: unknown): void;
}

export class BatchQueue {
  private batches: FetchedBatch[] = [];
  private takers: Taker[] = [];
  private ending: { readonly error?: unknown } | null = null;
  private isHeld = false;
  private queuedBytes = 0;

  constructor(private readonly listener: BatchQueueListener) {}

  /** Of the batches in it, as they were fetched. */
  get bytes(): number {
    return this.queuedBytes;
  }

  /** Somebody waits in next(): what was given out before has been dealt with. */
  get isCallerWaiting(): boolean {
    return this.takers.length > 0;
  }

  has(reader: PartitionReader): boolean {
    return this.batches.some((batch) => batch.reader === reader);
  }

  next(): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.takers.push({ resolve, reject });
      this.giveOut();
    });
  }

  push(batches: readonly FetchedBatch[]): void {
    for (const batch of batches) {
      this.batches.push(batch);
      this.queuedBytes += batch.bytes.length;
    }
  }

  /** While held nothing is given out; callers wait. After the end nobody has to. */
  hold(isHeld: boolean): void {
    this.isHeld = isHeld && this.ending === null;
    this.giveOut();
  }

  /** Forgets what was not taken: of one partition, or everything. */
  discard(reader?: PartitionReader): void {
    this.batches = reader === undefined ? [] : this.batches.filter((batch) => batch.reader !== reader);
    this.queuedBytes = this.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  }

  /** No more batches come. With `error`: callers are rejected with it, once everything was given out. */
  end(ending: { readonly error?: unknown } = {}): void {
    this.ending ??= ending;
    this.isHeld = false;
    this.giveOut();
  }

  giveOut(): void {
    while (this.takers.length > 0 && !this.isHeld) {
      const batch = this.batches.shift();
      if (batch !== undefined) {
        this.queuedBytes -= batch.bytes.length;
        this.give(batch);
      } else if (this.ending === null) {
        return;
      } else if ('error' in this.ending) {
        this.takers.shift()!.reject(this.ending.error);
      } else {
        this.takers.shift()!.resolve({ done: true, value: undefined });
      }
    }
  }

  private give(batch: FetchedBatch): void {
    const { topic, partition } = batch.reader;
    let records: ConsumedRecord[];
    try {
      records = recordsOf(batch).map((record) => ({ ...record, topic, partition }));
    } catch (error) {
      // What comes after it must not be given out: a record would be left out unnoticed.
      this.discard();
      this.listener.failed(error);
      return;
    }
    const taker = records.length > 0 ? this.takers.shift()! : null;
    this.listener.given(batch);
    taker?.resolve({ done: false, value: records });
  }
}
