/**
 * Requests and responses of the Nest TCP door as plain shapes. In binary frames `records` fields are Buffers beside the
 * JSON (frame.ts); on a stock JSON connection they are base64 strings. An expected failure is a field (`error` with
 * Kafka's name); the transport-level error shape is RpcFailure.
 */
import type { KafkaErrorName } from '#kernel';
import type { BrokerListeners, Endpoint, IsrMember, MetadataEntry, MetadataSnapshot, PartitionRecord } from '#metadata';
import type { AdminRpcMessages } from './admin-messages.js';
import type { GroupRpcMessages } from './group-messages.js';
import type { OperatorRpcMessages } from './operator-messages.js';

/** What a peer gets instead of a response when the message itself was wrong or the process cannot answer. */
export interface RpcFailure {
  /**
   * INVALID (with fields), UNKNOWN_PATTERN, TOO_LARGE, BUSY, NOT_ACTIVE (a coordinator that does not act), UNAVAILABLE, INTERNAL;
   * of trustStore also STORE_NOT_SUSPECT and SITUATION_CHANGED.
   */
  readonly code: string;
  readonly message: string;
  /** Which field and why, for INVALID. */
  readonly fields?: readonly { field: string; reason: string }[];
  /** For NOT_ACTIVE: where the cluster coordinator that acts was last seen, by whom the answering one stands by. */
  readonly acting?: Endpoint;
}

export interface WithError {
  readonly error: KafkaErrorName;
  readonly message?: string;
}

// ---- metadata for clients ----
export interface MetadataRequest {
  /** Null: all topics. */
  readonly topics: readonly string[] | null;
  /** Create what is missing before answering, if the cluster allows it. */
  readonly allowAutoTopicCreation?: boolean;
  /** Answer only when the cluster's metadata is newer than this revision, or after maxWaitMs: how a client follows leaders. */
  readonly newerThanRevision?: number;
  readonly maxWaitMs?: number;
}
export interface MetadataResponse {
  readonly clusterId: string;
  /** Metadata revision of the answering process; -1 unknown. */
  readonly revision: number;
  readonly brokers: readonly { id: number; host: string; port: number; rack: string | null }[];
  readonly topics: readonly TopicMetadata[];
}
export interface TopicMetadata extends WithError {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: readonly PartitionMetadata[];
}
export interface PartitionMetadata extends WithError {
  readonly partition: number;
  /** -1: none now. */
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly replicas: readonly number[];
  /** Live members. */
  readonly isr: readonly number[];
  /** Kept members (R10). */
  readonly eligibleLeaderReplicas: readonly number[];
  readonly offlineReplicas: readonly number[];
}

/** Set by a broker on what it forwards to the cluster coordinator (on-behalf-of.ts); a broker ignores what its clients put here. */
export interface OnBehalfOf {
  readonly principal: string;
  readonly clientId: string | null;
  /** host:port */
  readonly clientAddress: string;
}

export interface CreateTopicsRequest {
  readonly topics: readonly NewTopic[];
  readonly validateOnly?: boolean;
  readonly timeoutMs?: number;
  readonly onBehalfOf?: OnBehalfOf;
}
export interface NewTopic {
  readonly name: string;
  /** -1 or absent: the cluster's default. */
  readonly partitions?: number;
  readonly replicationFactor?: number;
  /** One row of broker ids per partition; excludes the two above. */
  readonly assignments?: readonly (readonly number[])[];
  readonly configs?: Readonly<Record<string, string>>;
}
export interface CreateTopicsResponse {
  readonly topics: readonly (WithError & { name: string; topicId: string; partitions: number; replicationFactor: number })[];
}
export interface DeleteTopicsRequest {
  readonly topics: readonly ({ name: string } | { topicId: string })[];
  readonly timeoutMs?: number;
  readonly onBehalfOf?: OnBehalfOf;
}
export interface DeleteTopicsResponse {
  readonly topics: readonly (WithError & { name: string | null; topicId: string })[];
}

export type DescribeClusterRequest = Record<string, never>;
export interface DescribeClusterResponse {
  readonly clusterId: string;
  readonly revision: number;
  readonly coordinator: {
    id: number;
    host: string;
    port: number;
    coordinatorEpoch: number;
    isSuspect: boolean;
    /** 'embedded', or the store's address without credentials: 'redis redis:6379'. */
    store: string;
    /** Cluster coordinators that stand by, as seen lately. */
    standbys?: readonly { id: number; host: string; port: number }[];
  };
  readonly brokers: readonly {
    id: number;
    brokerEpoch: number;
    /** Asked on an external listener: the addresses there; empty for a broker without one. */
    tcp: string;
    kafka: string;
    http: string;
    /** Absent: there is no such listener. */
    externalKafka?: string;
    externalTcp?: string;
    rack: string | null;
    state: 'active' | 'fenced' | 'shutting-down';
    isIntact: boolean;
    software: string;
    /** Since the last heartbeat that the coordinator got; null when the answering process does not know. */
    lastHeartbeatAgeMs: number | null;
    /** When its /livez was last asked, wall clock of the broker; 0 never. Absent when the answering process does not know. */
    lastProbeWallMs?: number;
  }[];
}

// ---- records ----
export interface ProduceRequest {
  readonly clientId?: string;
  readonly acks: -1 | 0 | 1;
  readonly timeoutMs: number;
  readonly partitions: readonly { topic: string; partition: number /** exactly one record batch */; records: Buffer }[];
}
export interface ProduceResponse {
  readonly partitions: readonly (WithError & {
    topic: string;
    partition: number;
    /** -1 on error. */
    baseOffset: number;
    logStartOffset: number;
    /** Where the leader is, when the answer is NOT_LEADER_OR_FOLLOWER and it is known. */
    currentLeader?: { leader: number; leaderEpoch: number };
  })[];
}
export interface FetchRequest {
  readonly clientId?: string;
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly partitions: readonly {
    topic: string;
    partition: number;
    fetchOffset: number;
    maxBytes: number /** -1: not checked */;
    currentLeaderEpoch?: number;
    /** Epoch of the record before fetchOffset, where the asker knows it: the leader checks that its log has that record (KIP-320). */
    lastFetchedEpoch?: number;
  }[];
}
export interface FetchResponse {
  readonly partitions: readonly (WithError & {
    topic: string;
    partition: number;
    highWatermark: number;
    logStartOffset: number;
    currentLeader?: { leader: number; leaderEpoch: number };
    /** The asker's log ends differently: what it read at and above endOffset is not in this one. Then there are no records. */
    divergingEpoch?: { leaderEpoch: number; endOffset: number };
    /** Whole batches; empty when there is nothing. */
    records: Buffer;
  })[];
}
export interface ListOffsetsRequest {
  readonly partitions: readonly {
    topic: string;
    partition: number /** -1 latest, -2 earliest, -3 max timestamp, else ms */;
    timestamp: number;
  }[];
}
export interface ListOffsetsResponse {
  readonly partitions: readonly (WithError & {
    topic: string;
    partition: number;
    offset: number;
    timestamp: number;
    leaderEpoch: number;
  })[];
}
export type InitProducerIdRequest = Record<string, never>;
export interface InitProducerIdResponse extends WithError {
  readonly producerId: number;
  readonly producerEpoch: number;
}

// ---- control plane: broker to cluster coordinator ----
export interface RegisterBrokerRequest {
  readonly brokerId: number;
  readonly incarnationId: string;
  readonly directoryId: string;
  /** Null: blank disk. */
  readonly clusterId: string | null;
  readonly listeners: BrokerListeners;
  readonly rack: string | null;
  readonly software: { readonly name: string; readonly version: string };
  readonly protocol: { readonly min: number; readonly max: number };
  /** DirectoryState, as found at start (R12, R14). */
  readonly isBlank: boolean;
  readonly storedBrokerEpoch: number;
  readonly wasCleanShutdown: boolean;
  readonly isSameBoot: boolean;
  readonly isComplete: boolean;
  /** Seats whose data this broker lost or quarantined: their folder is missing though made, damaged, or of another topic id. */
  readonly lostPartitions: readonly { topicId: string; partition: number }[];
  /** Its copy of the metadata chain. -1 and '' for none. */
  readonly metadataRevision: number;
  readonly metadataOpId: string;
  readonly highestCoordinatorEpoch: number;
}
export interface RegisterBrokerResponse extends WithError {
  /** -1 on error. BROKER_ID_NOT_REGISTERED with "wait" semantics while the cluster is being bootstrapped or is suspect. */
  readonly brokerEpoch: number;
  readonly clusterId: string;
  readonly coordinatorEpoch: number;
  /** Apply at least this before asking to be unfenced. */
  readonly revision: number;
  /** The coordinator wants the broker's own copy (R19): send offerMetadataCopy, then register again. */
  readonly wantsMetadataCopy: boolean;
}

export interface BrokerHeartbeatRequest {
  readonly brokerId: number;
  readonly brokerEpoch: number;
  readonly appliedRevision: number;
  readonly appliedOpId: string;
  /** False until recovery and metadata catch-up are done: stays fenced. */
  readonly wantsUnfenced: boolean;
  /** Asks for the one shutdown slot (R28). */
  readonly wantsShutdown: boolean;
  readonly oldestSyncAgeMs: number;
  /** Became complete again after not being intact. */
  readonly isComplete: boolean;
  /** Its data folder failed: it can lead nothing any more (R16). */
  readonly isDirectoryOffline: boolean;
  /** When /livez was last asked, by the broker's wall clock; 0 never. */
  readonly lastProbeWallMs: number;
  /**
   * The answer has to prove that this coordinator acted after it got the request: it asks its store first. What a broker leads
   * by the answered revision, it led then (R24).
   */
  readonly wantsProof?: boolean;
}
export interface BrokerHeartbeatResponse extends WithError {
  readonly coordinatorEpoch: number;
  readonly revision: number;
  readonly isFenced: boolean;
  /** The slot is granted and every leader has moved away: flush and go. */
  readonly mayShutDown: boolean;
  /** Elections that ask (R13, R19): answer each with reportPositions. */
  readonly asks: readonly { topicId: string; partition: number; leaderEpoch: number }[];
}

export interface ReportPositionsRequest {
  readonly brokerId: number;
  readonly brokerEpoch: number;
  readonly positions: readonly {
    topicId: string;
    partition: number;
    /** The asked one: by answering, this replica takes no part in any lower LE (R19). */
    leaderEpoch: number;
    lastEpoch: number;
    caughtUpEpoch: number;
    syncedEndOffset: number;
    maxProducerId: number;
  }[];
}
export type ReportPositionsResponse = WithError;

export interface MetadataFetchRequest {
  readonly brokerId: number;
  readonly afterRevision: number;
  readonly afterOpId: string;
  readonly maxWaitMs: number;
}
export interface MetadataFetchResponse extends WithError {
  readonly coordinatorEpoch: number;
  /** Set when the asker's op id is not in this history or too old: start over from it. */
  readonly snapshot: MetadataSnapshot | null;
  readonly entries: readonly MetadataEntry[];
}

export interface AlterPartitionRequest {
  readonly brokerId: number;
  readonly brokerEpoch: number;
  readonly topicId: string;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly isr: readonly IsrMember[];
}
/** Errors in the order of R9. `current` is the committed record where the coordinator knows one. */
export interface AlterPartitionResponse extends WithError {
  readonly current: PartitionRecord | null;
}

export interface AllocateProducerIdsRequest {
  readonly brokerId: number;
  readonly brokerEpoch: number;
}
export interface AllocateProducerIdsResponse extends WithError {
  readonly firstProducerId: number;
  readonly count: number;
}

export interface OfferMetadataCopyRequest {
  readonly brokerId: number;
  readonly incarnationId: string;
  readonly snapshot: MetadataSnapshot;
  readonly highestCoordinatorEpoch: number;
  readonly maxBrokerEpochSeen: number;
  readonly maxLeaderEpochSeen: number;
  readonly maxProducerIdSeen: number;
}
export type OfferMetadataCopyResponse = WithError;

/** Pattern key to shapes: what RpcClient.request and the handlers are typed by. */
export interface RpcMessages extends GroupRpcMessages, AdminRpcMessages, OperatorRpcMessages {
  metadata: [MetadataRequest, MetadataResponse];
  createTopics: [CreateTopicsRequest, CreateTopicsResponse];
  deleteTopics: [DeleteTopicsRequest, DeleteTopicsResponse];
  describeCluster: [DescribeClusterRequest, DescribeClusterResponse];
  produce: [ProduceRequest, ProduceResponse];
  fetch: [FetchRequest, FetchResponse];
  listOffsets: [ListOffsetsRequest, ListOffsetsResponse];
  initProducerId: [InitProducerIdRequest, InitProducerIdResponse];
  registerBroker: [RegisterBrokerRequest, RegisterBrokerResponse];
  brokerHeartbeat: [BrokerHeartbeatRequest, BrokerHeartbeatResponse];
  metadataFetch: [MetadataFetchRequest, MetadataFetchResponse];
  alterPartition: [AlterPartitionRequest, AlterPartitionResponse];
  allocateProducerIds: [AllocateProducerIdsRequest, AllocateProducerIdsResponse];
  reportPositions: [ReportPositionsRequest, ReportPositionsResponse];
  offerMetadataCopy: [OfferMetadataCopyRequest, OfferMetadataCopyResponse];
}
