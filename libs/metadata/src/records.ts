/**
 * The cluster's metadata is a chain of entries, each a few records that become true together. These types are what the
 * coordinator persists, what brokers copy, and what a snapshot holds; docs/formats/metadata-log.md shows the bytes.
 * Every record carries type and version; an unknown one is refused with a message, never skipped.
 */
import type { BrokerEpoch, BrokerId, CoordinatorEpoch, LeaderEpoch, PartitionEpoch, TopicId } from '#kernel';

export type FlushPolicy = 'commit' | 'interval';

/** A seat in the in-sync replica set: valid only for that incarnation (R9). */
export interface IsrMember {
  readonly brokerId: BrokerId;
  readonly brokerEpoch: BrokerEpoch;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Addresses that a broker advertises, one per listener (DESIGN section 2). */
export interface BrokerListeners {
  /** Kafka wire, clients. */
  readonly kafka: Endpoint;
  /** Kafka wire, replica traffic only. */
  readonly replication: Endpoint;
  /** Nest TCP door. */
  readonly tcp: Endpoint;
  readonly http: Endpoint;
  /** Kafka wire for clients outside of the brokers' network, who are told these addresses only. Absent: there is no such listener. */
  readonly externalKafka?: Endpoint;
  /** The same for the Nest TCP door. */
  readonly externalTcp?: Endpoint;
}

export interface BrokerRecord {
  readonly type: 'broker';
  readonly version: 1;
  readonly brokerId: BrokerId;
  readonly brokerEpoch: BrokerEpoch;
  /** Random per start of the process. */
  readonly incarnationId: string;
  readonly directoryId: string;
  readonly listeners: BrokerListeners;
  readonly rack: string | null;
  readonly software: { readonly name: string; readonly version: string };
  readonly protocol: { readonly min: number; readonly max: number };
  readonly isFenced: boolean;
  readonly isShuttingDown: boolean;
  /** reliability.md "intact", judged at registration and standing until the broker says that it is complete again. */
  readonly isIntact: boolean;
  /** The last broker epoch under which this broker was unfenced; what a returning directory must have stored. -1 if never. */
  readonly lastUnfencedEpoch: BrokerEpoch;
}

export interface TopicRecord {
  readonly type: 'topic';
  readonly version: 1;
  readonly name: string;
  readonly topicId: TopicId;
  /** Only what differs from the defaults; Kafka's names. */
  readonly configs: Readonly<Record<string, string>>;
}

export interface PartitionRecord {
  readonly type: 'partition';
  readonly version: 1;
  readonly topicId: TopicId;
  readonly partition: number;
  /** Preferred leader first. */
  readonly replicas: readonly BrokerId[];
  /** Same order as replicas; '' until that broker reported one. */
  readonly directoryIds: readonly string[];
  /** Live and kept members (R10); subset of replicas. */
  readonly isr: readonly IsrMember[];
  /** -1: nobody can lead. */
  readonly leader: BrokerId;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: PartitionEpoch;
  readonly addingReplicas: readonly BrokerId[];
  readonly removingReplicas: readonly BrokerId[];
  /** Effective m: min(min.insync.replicas, replication factor). */
  readonly minInSyncReplicas: number;
  readonly flushPolicy: FlushPolicy;
  /** Members that left below m because they were not intact; remembered until m live members exist (R10, R13). */
  readonly lastKnown: readonly BrokerId[];
  /** Set by an election that asked the replicas (R13, R19): until m live members are back, every election asks again. */
  readonly mustAsk: boolean;
  /** True when the last election may have lost records (R13): shown to people, never cleared silently. */
  readonly possibleLoss: boolean;
  /** Revision of the entry that created it: tells a folder that was lost from one that is not made yet (R14). Absent: long ago. */
  readonly createdRevision?: number;
}

export interface TopicDeletedRecord {
  readonly type: 'topic-deleted';
  readonly version: 1;
  readonly name: string;
  readonly topicId: TopicId;
}

export interface ClusterRecord {
  readonly type: 'cluster';
  readonly version: 1;
  readonly clusterId: string;
  /** Brokers that the cluster was configured with; auto-created topics and internal ones look at this. */
  readonly configuredBrokers: readonly BrokerId[];
  /** Finalized feature levels. */
  readonly features: Readonly<Record<string, number>>;
  /** Absent: no history was ever begun without somebody's copy. */
  readonly givenUp?: readonly GivenUpCopy[];
}

/** The operator had a new history begin without this broker's copy of the metadata (R19): it may come back, but not knowing more. */
export interface GivenUpCopy {
  readonly brokerId: BrokerId;
  /** The last entry of the old history that the new one holds. */
  readonly revision: number;
  readonly opId: string;
  /** First revision of the new history. What lies between the two is given up. */
  readonly newRevision: number;
}

/** Next producer id that nobody was given (R19: never reused). */
export interface ProducerIdsRecord {
  readonly type: 'producer-ids';
  readonly version: 1;
  readonly nextProducerId: number;
}

/** First entry of every cluster coordinator's reign. */
export interface CoordinatorRecord {
  readonly type: 'coordinator';
  readonly version: 1;
  readonly coordinatorEpoch: CoordinatorEpoch;
  readonly address: Endpoint;
  /** True while the store is suspect (R19): nothing is published but what an asking election settled. */
  readonly isSuspect: boolean;
}

export interface NoOpRecord {
  readonly type: 'no-op';
  readonly version: 1;
}

export type MetadataRecord =
  | BrokerRecord
  | TopicRecord
  | PartitionRecord
  | TopicDeletedRecord
  | ClusterRecord
  | ProducerIdsRecord
  | CoordinatorRecord
  | NoOpRecord;

/** One link of the chain (R17). `revision` counts entries and is contiguous within a history. */
export interface MetadataEntry {
  readonly revision: number;
  readonly coordinatorEpoch: CoordinatorEpoch;
  readonly opId: string;
  readonly previousOpId: string;
  readonly records: readonly MetadataRecord[];
}

/** The state after `revision`, as records that rebuild it. */
export interface MetadataSnapshot {
  readonly revision: number;
  readonly coordinatorEpoch: CoordinatorEpoch;
  readonly opId: string;
  readonly records: readonly MetadataRecord[];
}

export const GENESIS_OP_ID = '';
