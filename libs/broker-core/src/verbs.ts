/**
 * The verbs of a broker as doors see them: plain requests in, plain responses out, expected failures as Kafka's error
 * names. No API versions, no frames. `records` are whole record batches, opaque (DESIGN section 4).
 */

import type { BrokerEpoch, BrokerId, KafkaErrorName, LeaderEpoch, Offset, RequestContext, TopicId } from '#kernel';
import type { Endpoint } from '#metadata';
import type { AdminVerbs } from './admin-verbs.js';
import type { GroupVerbs } from './group-verbs.js';

export interface CurrentLeader {
  readonly leader: BrokerId;
  readonly leaderEpoch: LeaderEpoch;
}

export interface ProduceRequest {
  readonly acks: -1 | 0 | 1;
  readonly timeoutMs: number;
  readonly transactionalId: string | null;
  readonly partitions: readonly { readonly topic: string; readonly partition: number; readonly records: Buffer | null }[];
}
export interface ProducePartitionResponse {
  readonly topic: string;
  readonly partition: number;
  readonly error: KafkaErrorName;
  readonly message?: string;
  /** -1 on error. */
  readonly baseOffset: Offset;
  readonly logStartOffset: Offset;
  readonly currentLeader?: CurrentLeader;
}
/** Same order as the request's partitions. */
export interface ProduceResponse {
  readonly partitions: readonly ProducePartitionResponse[];
}

export interface FetchRequest {
  /** Set by the replication listener only: a follower of this broker. */
  readonly replica: { readonly brokerId: BrokerId; readonly brokerEpoch: BrokerEpoch } | null;
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolation: 'read_uncommitted' | 'read_committed';
  readonly partitions: readonly FetchPartition[];
}
export interface FetchPartition {
  /** One of the two; topicId wins. */
  readonly topic: string | null;
  readonly topicId: TopicId | null;
  readonly partition: number;
  readonly fetchOffset: Offset;
  /** -1: not checked. */
  readonly currentLeaderEpoch: LeaderEpoch;
  /** -1: not checked. */
  readonly lastFetchedEpoch: LeaderEpoch;
  /** The follower's own; -1 from consumers. */
  readonly logStartOffset: Offset;
  readonly maxBytes: number;
  /** Follower's durable end (R2), our tagged field; null from consumers. */
  readonly flushedEndOffset: Offset | null;
}
export interface FetchPartitionResponse {
  readonly topic: string;
  readonly topicId: TopicId;
  readonly partition: number;
  readonly error: KafkaErrorName;
  /** -1 on error. */
  readonly highWatermark: Offset;
  readonly lastStableOffset: Offset;
  readonly logStartOffset: Offset;
  readonly divergingEpoch?: { readonly leaderEpoch: LeaderEpoch; readonly endOffset: Offset };
  readonly currentLeader?: CurrentLeader;
  readonly records: readonly Buffer[];
}
export interface FetchResponse {
  readonly partitions: readonly FetchPartitionResponse[];
}

export interface ListOffsetsRequest {
  readonly isolation: 'read_uncommitted' | 'read_committed';
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly currentLeaderEpoch: LeaderEpoch;
    /** -1 latest, -2 earliest, -3 max timestamp, -4 earliest local (= earliest), else the first offset at or after that time. */
    readonly timestamp: number;
  }[];
}
export interface ListOffsetsResponse {
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly error: KafkaErrorName;
    readonly offset: Offset;
    readonly timestamp: number;
    readonly leaderEpoch: LeaderEpoch;
  }[];
}

export interface TopicsRequest {
  /** Null: all. */
  readonly topics: readonly ({ readonly name: string } | { readonly topicId: TopicId })[] | null;
  readonly allowAutoTopicCreation: boolean;
}
export interface TopicView {
  readonly error: KafkaErrorName;
  readonly name: string | null;
  readonly topicId: TopicId;
  readonly isInternal: boolean;
  readonly partitions: readonly {
    readonly error: KafkaErrorName;
    readonly partition: number;
    readonly leader: BrokerId;
    readonly leaderEpoch: LeaderEpoch;
    readonly partitionEpoch: number;
    readonly replicas: readonly BrokerId[];
    readonly isr: readonly BrokerId[];
    readonly eligibleLeaderReplicas: readonly BrokerId[];
    readonly offlineReplicas: readonly BrokerId[];
  }[];
}
export interface ClusterView {
  readonly clusterId: string;
  readonly revision: number;
  /** Live brokers that have the listener that the question came in on, with their addresses on it. */
  readonly brokers: readonly { readonly brokerId: BrokerId; readonly rack: string | null; readonly endpoint: Endpoint }[];
  /** One of the brokers above, which takes admin calls; -1 when there is none. */
  readonly controllerId: BrokerId;
  readonly topics: readonly TopicView[];
}

export interface InitProducerIdResponse {
  readonly error: KafkaErrorName;
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** What every door may ask of a broker. Implemented by Broker in this lib. */
export interface BrokerVerbs {
  /** acks 0 resolves as soon as the append was tried; the door then sends nothing (Kafka) or closes on error. */
  produce(context: RequestContext, request: ProduceRequest): Promise<ProduceResponse>;
  fetch(context: RequestContext, request: FetchRequest): Promise<FetchResponse>;
  listOffsets(context: RequestContext, request: ListOffsetsRequest): Promise<ListOffsetsResponse>;
  cluster(context: RequestContext, request: TopicsRequest): Promise<ClusterView>;
  initProducerId(context: RequestContext, request: { transactionalId: string | null }): Promise<InitProducerIdResponse>;
  readonly groups: GroupVerbs;
  readonly admin: AdminVerbs;
}
