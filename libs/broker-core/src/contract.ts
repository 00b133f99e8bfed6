/**
 * What a process (or the simulation) must hand to a Broker, and what it may ask of one beside the verbs.
 */
import type { ConfigSetting } from '#config';
import type { GroupConfig } from '#groups';
import type { Authorizer, BrokerEpoch, BrokerId, CoordinatorEpoch, MonotonicMs } from '#kernel';
import type { CleanerConfig, LogConfig } from '#log';
import type { BrokerListeners, Endpoint } from '#metadata';
import type { RpcClient } from '#rpc';
import type { Address, Clock, Disk, Logger, Network, Random, Scheduler } from '#seams';
import type { FetchRequest, FetchResponse } from './verbs.js';

export interface BrokerConfig {
  readonly brokerId: BrokerId;
  /** Advertised addresses, as registered. */
  readonly listeners: BrokerListeners;
  readonly rack: string | null;
  readonly software: { readonly name: string; readonly version: string };
  readonly dataPath: string;
  /** Nest TCP doors of cluster coordinators; the one that acts is found by asking. */
  readonly coordinators: readonly Address[];
  readonly heartbeatIntervalMs: number;
  readonly sessionTimeoutMs: number;
  readonly replicaLagTimeMaxMs: number;
  readonly replicaFetchWaitMaxMs: number;
  readonly replicaFetchMaxBytes: number;
  readonly replicaFetchResponseMaxBytes: number;
  readonly highWatermarkCheckpointIntervalMs: number;
  readonly retentionCheckIntervalMs: number;
  readonly autoCreateTopics: boolean;
  /** Cap for one fetch response, whatever the client asks. */
  readonly fetchMaxBytes: number;
  /** What requests and answers of all clients together may hold. Default: no limit. */
  readonly queuedBytesMax?: number;
  /** What the newest batches of all logs may take in memory. Default TAIL_CACHES_BYTES_MAX of #log. */
  readonly tailCachesBytesMax?: number;
  readonly groups: GroupCoordinatorConfig;
  readonly cleaner: CleanerConfig;
  /** Defaults for topics; a topic's own configs win (#config effectiveLogConfig). */
  readonly log: LogConfig;
  /** What this broker was started with, to be described (#config configSettings); empty: the defaults. */
  readonly configs: readonly ConfigSetting[];
}

/** The group coordinator's settings (#groups has those of the machine). */
export interface GroupCoordinatorConfig extends GroupConfig {
  readonly offsetsCommitTimeoutMs: number;
  readonly offsetsRetentionCheckIntervalMs: number;
}

/** A connection to another broker's replication listener. The Kafka door implements it (wire is not known here). */
export interface ReplicaSession {
  /** Rejects with a YakError when the connection is gone or the answer is not understood; then the session is dead. */
  fetch(request: FetchRequest): Promise<FetchResponse>;
  onClose(listener: () => void): void;
  close(): void;
}
export interface ReplicaDialer {
  dial(endpoint: Endpoint): Promise<ReplicaSession>;
}

export interface CoordinatorDialer {
  dial(address: Address): Promise<RpcClient>;
  /** All addresses behind a host name (several coordinators may stand behind one); never rejects, an unknown name is itself. */
  resolve(address: Address): Promise<readonly Address[]>;
}

export interface BrokerSeams {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly disk: Disk;
  readonly network: Network;
  readonly logger: Logger;
  readonly replicas: ReplicaDialer;
  readonly coordinators: CoordinatorDialer;
  readonly authorizer: Authorizer;
}

/** What /livez answers with, and readiness is decided from (R21). Ages are monotonic ms; null: never. */
export interface BrokerReport {
  readonly brokerId: BrokerId;
  readonly clusterId: string | null;
  readonly state: 'recovering' | 'registering' | 'fenced' | 'active' | 'stopping' | 'failed';
  readonly brokerEpoch: BrokerEpoch;
  readonly coordinatorEpoch: CoordinatorEpoch;
  readonly metadataRevision: number;
  readonly lastHeartbeatSentAgeMs: number | null;
  readonly lastHeartbeatAnsweredAgeMs: number | null;
  /** The coordinator did not answer within one session (R21, second row). */
  readonly isDegraded: boolean;
  readonly isStorageWedged: boolean;
  readonly oldestSyncAgeMs: number;
  readonly partitions: { readonly led: number; readonly followed: number; readonly outOfSync: number; readonly offline: number };
  /** Partitions, and bytes that were looked through: one partition may hold most of them. */
  readonly recovery: { readonly done: number; readonly total: number; readonly bytesRead: number };
  readonly failure: string | null;
  /** As advertised; null or absent: no such listener. */
  readonly externalKafka?: Endpoint | null;
  readonly externalTcp?: Endpoint | null;
}

/** Counters since start; the simulation sums them, /metrics prints them. */
export interface BrokerCounters {
  readonly recordsAppended: number;
  readonly batchesAppended: number;
  readonly bytesAppended: number;
  readonly bytesFetched: number;
  readonly duplicatesAnswered: number;
  readonly truncations: number;
  readonly isrShrinks: number;
  readonly isrExpansions: number;
  readonly leadersGained: number;
}

/** Facts that people and tests watch; also logged. */
export type BrokerEvent =
  | { readonly kind: 'state'; readonly state: BrokerReport['state']; readonly atMs: MonotonicMs }
  | { readonly kind: 'became-leader'; readonly topic: string; readonly partition: number; readonly leaderEpoch: number }
  | {
      readonly kind: 'became-follower';
      readonly topic: string;
      readonly partition: number;
      readonly leader: BrokerId;
      readonly leaderEpoch: number;
    }
  | { readonly kind: 'truncated'; readonly topic: string; readonly partition: number; readonly from: number; readonly to: number }
  | { readonly kind: 'isr'; readonly topic: string; readonly partition: number; readonly isr: readonly BrokerId[] };
