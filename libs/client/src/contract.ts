/**
 * Public face of the client: what `yak produce`, `yak consume`, the Nest examples and the simulation use. It speaks the
 * Nest TCP door only, and takes every seam from outside.
 */
import type { Record as StoredRecord } from '#record';
import type { Clock, Logger, Network, Random, Scheduler } from '#seams';

export interface ClientSeams {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly network: Network;
  readonly logger: Logger;
}

export interface ClientConfig {
  /** host:port of Nest TCP doors, brokers or the cluster coordinator; any one that answers will do. */
  readonly bootstrap: readonly string[];
  readonly clientId?: string;
  /** One attempt. Default 30,000 ms. */
  readonly requestTimeoutMs?: number;
  /** First pause before a retry, doubling with jitter up to retryBackoffMaxMs. Defaults 50 and 1,000 ms. */
  readonly retryBackoffMs?: number;
  readonly retryBackoffMaxMs?: number;
}

export type PartitionerName = 'default' | 'round-robin';

export interface ProducerConfig {
  /** Default -1 (all). 0 and 1 switch idempotence off only when asked to. */
  readonly acks?: -1 | 0 | 1;
  /** Default true for acks all. */
  readonly idempotent?: boolean;
  /** Largest batch before compression. Default 65,536. */
  readonly batchBytes?: number;
  /** How long an unfilled batch waits for company. Default 5 ms. */
  readonly lingerMs?: number;
  /** Requests in flight per broker; at most 5 with idempotence (R26, five batches are remembered). Default 5. */
  readonly maxInFlight?: number;
  /** From send() to the final answer, retries included. Default 120,000 ms. */
  readonly deliveryTimeoutMs?: number;
  /** Unacknowledged bytes above which send() has to be waited for. Default 32 MiB. */
  readonly bufferBytes?: number;
  readonly partitioner?: PartitionerName;
  readonly allowAutoTopicCreation?: boolean;
}

export interface ProducerRecord {
  readonly topic: string;
  /** Fixed partition; absent: the partitioner chooses (murmur2 of the key, sticky without one). */
  readonly partition?: number;
  readonly key?: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly { key: string; value: Buffer | null }[];
  /** Default: now. */
  readonly timestamp?: number;
}

export interface SendResult {
  readonly topic: string;
  readonly partition: number;
  /** -1 for acks 0. */
  readonly offset: number;
}

export interface ProducerMetrics {
  readonly recordsAcknowledged: number;
  readonly bytesAcknowledged: number;
  readonly retries: number;
  readonly bufferedBytes: number;
}

export interface Producer {
  /** Settles when the record is acknowledged as `acks` asks, or can no longer be (KafkaError or YakError DELIVERY_TIMEOUT). */
  send(record: ProducerRecord): Promise<SendResult>;
  /** Resolves when there is room in the buffer: callers that read a file await it, so that they read no faster than they send. */
  ready(): Promise<void>;
  /** Sends what lingers and resolves when nothing is unacknowledged. */
  flush(): Promise<void>;
  readonly metrics: ProducerMetrics;
  close(): Promise<void>;
}

/** Where a consumer begins on each partition. `timestamp`: first record at or after it. */
export type StartPosition = 'earliest' | 'latest' | { readonly offset: number } | { readonly timestamp: number };

export interface ConsumerConfig {
  readonly topic: string;
  /** Default: all partitions. */
  readonly partitions?: readonly number[];
  readonly from: StartPosition;
  /** Stop at the high watermark that was seen at the start. */
  readonly exitAtEnd?: boolean;
  readonly maxWaitMs?: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  /** Fetched and not yet taken bytes above which fetching pauses. Default 8 MiB. */
  readonly bufferBytes?: number;
}

export interface ConsumedRecord extends StoredRecord {
  readonly topic: string;
  readonly partition: number;
}

export interface Consumer extends AsyncIterable<readonly ConsumedRecord[]> {
  /** Batches of records, each from one partition, in offset order; ends after close() or at the end with exitAtEnd. */
  [Symbol.asyncIterator](): AsyncIterator<readonly ConsumedRecord[]>;
  close(): Promise<void>;
}
