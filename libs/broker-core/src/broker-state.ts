import type { Authorizer, BrokerId, KafkaErrorName, TopicId } from '#kernel';
import type { MetadataImage } from '#metadata';
import type { Clock, Logger, Scheduler } from '#seams';
import type { ClientRegistry } from './clients/client-registry.js';
import type { Counters } from './counters.js';
import type { ParkedFetches } from './parked-fetches.js';
import type { Partition } from './partition.js';
import type { QueuedBytes } from './queued-bytes.js';
import type { CurrentLeader } from './verbs.js';

/** What a verb may look at. Implemented by ReplicaManager; the verbs change nothing but through a Partition. */
export interface BrokerState {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly authorizer: Authorizer;
  readonly counters: Counters;
  readonly clients: ClientRegistry;
  readonly brokerId: BrokerId;
  readonly image: MetadataImage;
  readonly parkedFetches: ParkedFetches;
  readonly fetchMaxBytes: number;
  readonly queued: QueuedBytes;
  /** The replica on this broker; null when there is none. */
  partition(topic: string, partition: number): Partition | null;
  locate(asked: { readonly topic: string | null; readonly topicId: TopicId | null; readonly partition: number }): Partition | null;
  /** Why `partition()` answered null. */
  missingPartitionError(topic: string, partition: number): KafkaErrorName;
  /** Spread into a response: `currentLeader` when metadata knows one. */
  currentLeader(topic: string, partition: number): { currentLeader?: CurrentLeader };
  /** R21, third row: the coordinator has not answered for a session, and no in-sync follower fetched in this epoch for one either. */
  isCutOffFromReplicas(partition: Partition): boolean;
}
