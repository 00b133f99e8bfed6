/**
 * Public face of the client: what `yak produce`, `yak consume`, the Nest examples and the simulation use. It speaks the
 * Nest TCP door only, and takes every seam from outside.
 */
import type { BrokerId, LeaderEpoch } from '#kernel';
import type { CompressionType, Record as StoredRecord } from '#record';
import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
  CreatePartitionsRequest,
  CreatePartitionsResponse,
  CreateTopicsRequest,
  CreateTopicsResponse,
  DeleteTopicsRequest,
  DeleteTopicsResponse,
  DescribeClusterResponse,
  DescribeConfigsRequest,
  DescribeConfigsResponse,
  ElectLeaderRequest,
  ElectLeaderResponse,
  ListOffsetsResponse,
  MetadataResponse,
  TopicMetadata,
} from '#rpc';
import type { Clock, Logger, Network, Random, Scheduler } from '#seams';
import type { ClientAdmin } from './client-admin-contract.js';
import type { GroupAdmin } from './group-admin-contract.js';
import type { GroupConsumer, GroupConsumerConfig } from './group-contract.js';

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
  /** What it is, for the cluster's list of clients. Default: unnamed. */
  readonly software?: { readonly name: string; readonly version: string };
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
  /** Default false. */
  readonly allowAutoTopicCreation?: boolean;
  /** Of whole batches. Default none. */
  readonly compression?: CompressionType;
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
  /** Of record batches as they were sent. */
  readonly bytesAcknowledged: number;
  readonly recordsFailed: number;
  /** Batches that were sent again. */
  readonly retries: number;
  readonly bufferedBytes: number;
}

/** Records of one partition that were given up together. */
export interface DeliveryFailure {
  readonly topic: string;
  /** -1: none was chosen yet. */
  readonly partition: number;
  readonly records: number;
  readonly error: Error;
}

/** Consecutive records of one partition that were acknowledged together. */
export interface Acknowledgement {
  readonly topic: string;
  readonly partition: number;
  /** Of the first one; -1 for acks 0. */
  readonly baseOffset: number;
  readonly records: number;
}

export interface Producer {
  /** Settles when the record is acknowledged as `acks` asks, or can no longer be (KafkaError or YakError DELIVERY_TIMEOUT). */
  send(record: ProducerRecord): Promise<SendResult>;
  /** As send() without a promise per record, for hundreds of thousands of them. Failures are told to onError() and by flush(). */
  append(record: ProducerRecord): void;
  onError(listener: (failure: DeliveryFailure) => void): void;
  /** Called for every acknowledged batch, whether its records came by send() or append(). */
  onAcknowledged(listener: (acknowledgement: Acknowledgement) => void): void;
  /** Resolves when there is room in the buffer: callers that read a file await it, so that they read no faster than they send. */
  ready(): Promise<void>;
  /** Sends what lingers and resolves when nothing is unacknowledged. Rejects with the first failure of an append() since the last flush(). */
  flush(): Promise<void>;
  readonly metrics: ProducerMetrics;
  /** flush(), then refuses further records. Rejects as flush() does. */
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
  /** How long a broker waits for new records before it answers empty. Default 500 ms. */
  readonly maxWaitMs?: number;
  /** Of one fetch. Default 4 MiB. */
  readonly maxBytes?: number;
  /** Of one partition in it; a single larger batch still comes whole. Default 1 MiB. */
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

export interface OffsetRequest {
  readonly topic: string;
  readonly partition: number;
  readonly timestamp: 'earliest' | 'latest' | 'max-timestamp' | number;
}

/** A partition's leader as it became known; the first report names every partition, with previousLeader null. */
export interface LeaderChange {
  readonly topic: string;
  readonly partition: number;
  /** -1: none now. */
  readonly leader: BrokerId;
  readonly leaderEpoch: LeaderEpoch;
  readonly previousLeader: BrokerId | null;
  readonly inSyncReplicas: readonly BrokerId[];
}

/** Every method rejects with a YakError when no process answers within requestTimeoutMs; expected failures are fields of the response. */
export interface Admin {
  readonly groups: GroupAdmin;
  readonly clients: ClientAdmin;
  createTopics(request: CreateTopicsRequest): Promise<CreateTopicsResponse>;
  deleteTopics(request: DeleteTopicsRequest): Promise<DeleteTopicsResponse>;
  /** Topics get more partitions. Keys are spread over all of them from then on. */
  createPartitions(request: CreatePartitionsRequest): Promise<CreatePartitionsResponse>;
  alterConfigs(request: AlterConfigsRequest): Promise<AlterConfigsResponse>;
  /** Of topics from any broker, of a broker from that one; in the order of the request. */
  describeConfigs(request: DescribeConfigsRequest): Promise<DescribeConfigsResponse>;
  /** By a person. Unclean: for a partition without a leader; what the chosen replica does not hold is lost. */
  electLeader(request: ElectLeaderRequest): Promise<ElectLeaderResponse>;
  /** All topics, internal ones included, by name. */
  listTopics(): Promise<readonly TopicMetadata[]>;
  describeTopics(topics: readonly string[]): Promise<readonly TopicMetadata[]>;
  metadata(topics: readonly string[] | null): Promise<MetadataResponse>;
  describeCluster(): Promise<DescribeClusterResponse>;
  /** Asked at each partition's leader, in the order of the request. */
  listOffsets(requests: readonly OffsetRequest[]): Promise<ListOffsetsResponse>;
  /** Null: all topics. Never ends by itself; `return()` or close() of the client ends it. Gaps in reaching the cluster are bridged. */
  watchLeaders(topics: readonly string[] | null): AsyncIterable<readonly LeaderChange[]>;
}

export interface Client {
  producer(config?: ProducerConfig): Producer;
  consumer(config: ConsumerConfig): Consumer;
  /** Joins at once. Throws INVALID_CONFIG. */
  groupConsumer(config: GroupConsumerConfig): GroupConsumer;
  readonly admin: Admin;
  /** Closes consumers (members of groups leave as their close() says), gives up what producers have not delivered (close those first), cuts all connections. */
  close(): Promise<void>;
}
