/** What a cluster coordinator is told from outside: its settings, its seams, its store. */
import type { BrokerId } from '#kernel';
import type { Coordinator, Endpoint, MetadataLog, TopicDefaults, ValidateTopicConfigs } from '#metadata';
import type { Clock, Logger, Network, Random, Scheduler } from '#seams';

export interface CoordinatorConfig {
  readonly id: number;
  /** Of its Nest TCP door. */
  readonly advertisedAddress: Endpoint;
  /** Bootstrap waits for exactly these; they are also whose metadata copies are collected when the store is suspect. */
  readonly configuredBrokers: readonly BrokerId[];
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** False: an empty store waits for the operator (trust) even when all brokers came with blank disks. */
  readonly autoBootstrap: boolean;
  readonly autoCreateTopics: boolean;
  readonly topicDefaults: TopicDefaults;
  /** __consumer_offsets, which the coordinator creates by itself (offsets-topic.ts); null: never. */
  readonly offsetsTopic: OffsetsTopicConfig | null;
  /** How long all replicas must have been in sync before the preferred one gets leadership back; null: never. */
  readonly leaderRebalanceDelayMs: number | null;
  readonly snapshotEveryEntries: number;
  /** A shared store only: how often the beat is advanced, and looked at by a standby. */
  readonly beatIntervalMs: number;
  /** A shared store only: after this long without a beat a standby takes over; after this long without an answer the acting one stops answering. */
  readonly turnTimeoutMs: number;
  /** What describeCluster calls the store. */
  readonly storeName: string;
}

export interface OffsetsTopicConfig {
  readonly partitions: number;
  /** Never more than there are configured brokers. */
  readonly replicationFactor: number;
  readonly segmentBytes: number;
}

export const DEFAULT_COORDINATOR_CONFIG = {
  id: 0,
  sessionTimeoutMs: 2_000,
  heartbeatIntervalMs: 500,
  autoBootstrap: true,
  autoCreateTopics: true,
  topicDefaults: { partitions: 3, replicationFactor: -1, flushPolicy: 'commit' },
  offsetsTopic: { partitions: 6, replicationFactor: 3, segmentBytes: 8 * 1_048_576 },
  leaderRebalanceDelayMs: 10_000,
  snapshotEveryEntries: 1_000,
  beatIntervalMs: 300,
  turnTimeoutMs: 1_500,
  storeName: 'embedded',
} as const satisfies Partial<CoordinatorConfig>;

export interface CoordinatorSeams {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** For re-dials of brokers whose connection closed (R22). */
  readonly network: Network;
  readonly logger: Logger;
}

export interface ClusterCoordinatorOptions {
  /** The first three have no default. */
  readonly config: Pick<CoordinatorConfig, 'advertisedAddress' | 'configuredBrokers'> & Partial<CoordinatorConfig>;
  readonly seams: CoordinatorSeams;
  /** Open; the coordinator closes it. */
  readonly metadataLog: MetadataLog;
  readonly validateTopicConfigs: ValidateTopicConfigs;
}

export type CoordinatorState =
  | 'stopped'
  | 'starting'
  /** Another coordinator acts on the same store: keeps a warm copy and takes over when its beat stands still. */
  | 'standby'
  /** The store is empty: waits for every configured broker with a blank disk. */
  | 'bootstrapping'
  /** The store is suspect: collects the brokers' copies (R19). */
  | 'collecting'
  | 'active'
  /** Somebody else writes or the store failed; starts over by itself. */
  | 'inactive';

export interface CoordinatorReport {
  readonly state: CoordinatorState;
  /** What is waited for, or why it does not act; null when there is nothing to say. */
  readonly reason: string | null;
  readonly clusterId: string | null;
  readonly coordinatorEpoch: number;
  readonly revision: number;
  readonly isSuspect: boolean;
  /** Who acts, as last seen in a shared store; itself while it acts. Null: nobody, or not known. */
  readonly actor: Coordinator | null;
  /** Who stands by, as last seen by the acting one. */
  readonly standbys: readonly Coordinator[];
  /** Age of the last answer of a shared store, counted from the question; null: embedded, or never answered. */
  readonly storeAnsweredAgeMs: number | null;
  /** Lateness of the last poll of the failure detector. */
  readonly loopDelayMs: number;
  readonly brokers: readonly {
    readonly brokerId: BrokerId;
    readonly brokerEpoch: number;
    readonly isFenced: boolean;
    readonly isShuttingDown: boolean;
    readonly isIntact: boolean;
    /** Null: not heard by this coordinator yet. */
    readonly heartbeatAgeMs: number | null;
    readonly appliedRevision: number;
    readonly lastProbeWallMs: number;
  }[];
  /** Partitions without a leader, and those whose replicas are being asked. */
  readonly leaderlessPartitions: number;
  readonly askedPartitions: number;
}
