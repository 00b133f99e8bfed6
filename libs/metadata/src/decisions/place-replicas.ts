/**
 * Where new partitions go and what their first record says: for topics that come into being and for those that grow. Wanted
 * assignments are checked, else replicas are placed round-robin; the first ISR is who runs, the first of them leads.
 */
import type { BrokerId, TopicId } from '#kernel';
import { NO_BROKER } from '#kernel';
import type { MetadataImage } from '../image.js';
import type { FlushPolicy, PartitionRecord } from '../records.js';
import type { Refusal } from './decision.js';

export const MAX_PARTITIONS_PER_TOPIC = 1_000;

/** `rows` are replicas of the partitions from `firstPartition` on, each to have `replicationFactor` of them. Null: they can be had. */
export function assignmentProblem(
  image: MetadataImage,
  rows: readonly (readonly BrokerId[])[],
  firstPartition: number,
  replicationFactor: number,
): Refusal | null {
  const invalid = (message: string): Refusal => ({ error: 'INVALID_REPLICA_ASSIGNMENT', message });
  for (const [index, replicas] of rows.entries()) {
    const partition = firstPartition + index;
    if (replicas.length === 0) return invalid(`partition ${partition} has no replicas`);
    if (replicas.length !== replicationFactor)
      return invalid(`partition ${partition} has ${replicas.length} replicas, partition 0 has ${replicationFactor}`);
    if (new Set(replicas).size < replicas.length) return invalid(`partition ${partition} names a broker twice`);
    const unknown = replicas.find((brokerId) => !image.brokers.has(brokerId));
    if (unknown !== undefined) return invalid(`broker ${unknown} of partition ${partition} is not registered`);
  }
  return null;
}

/** A partition none of whose replicas runs would begin without a leader, and nobody could tell which of them holds what. */
export function darkPartitionProblem(
  image: MetadataImage,
  assignments: readonly (readonly BrokerId[])[],
  firstPartition: number,
): Refusal | null {
  const dark = assignments.findIndex((replicas) => !replicas.some((brokerId) => isUp(image, brokerId)));
  if (dark === -1) return null;
  return {
    error: 'INVALID_REPLICATION_FACTOR',
    message: `none of the brokers ${assignments[dark]!.join(', ')} for partition ${firstPartition + dark} is up: wait for one of them`,
  };
}

/** In order of their ids: those that run if they are enough, else all that are registered. */
export function brokersForReplicas(image: MetadataImage, replicationFactor: number): BrokerId[] {
  const registered = [...image.brokers.keys()].sort((a, b) => a - b);
  const up = registered.filter((brokerId) => isUp(image, brokerId));
  return up.length >= replicationFactor ? up : registered;
}

export interface Placement {
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Index into the brokers of the first leader. */
  readonly start: number;
  /** Number of the first partition: a topic that grows goes on where it stopped. */
  readonly firstPartition: number;
}

/** Round-robin: leaders go around the brokers, and each round the followers shift by one more, so that load spreads. */
export function placeReplicas(brokers: readonly BrokerId[], placement: Placement): BrokerId[][] {
  const { partitions, replicationFactor, start, firstPartition } = placement;
  const count = brokers.length;
  return Array.from({ length: partitions }, (_, index) => {
    const first = (start + index) % count;
    const shift = Math.floor((firstPartition + index) / count);
    const replicas = [brokers[first]!];
    for (let follower = 0; follower < replicationFactor - 1; follower++) {
      replicas.push(brokers[(first + 1 + ((shift + follower) % (count - 1))) % count]!);
    }
    return replicas;
  });
}

export interface NewPartition {
  readonly topicId: TopicId;
  readonly partition: number;
  readonly replicas: readonly BrokerId[];
  /** Of the topic. */
  readonly configs: Readonly<Record<string, string>>;
  readonly flushPolicy: FlushPolicy;
  /** Of the entry that creates it. */
  readonly revision: number;
}

export function newPartition(image: MetadataImage, partition: NewPartition): PartitionRecord {
  const { replicas } = partition;
  const isr = replicas
    .filter((brokerId) => isUp(image, brokerId))
    .map((brokerId) => ({ brokerId, brokerEpoch: image.brokers.get(brokerId)!.brokerEpoch }));
  return {
    type: 'partition',
    version: 1,
    topicId: partition.topicId,
    partition: partition.partition,
    replicas,
    directoryIds: replicas.map((brokerId) => image.brokers.get(brokerId)?.directoryId ?? ''),
    isr,
    leader: isr[0]?.brokerId ?? NO_BROKER,
    leaderEpoch: 0,
    partitionEpoch: 0,
    addingReplicas: [],
    removingReplicas: [],
    minInSyncReplicas: effectiveMinimum(partition.configs, replicas.length),
    flushPolicy: partition.flushPolicy,
    lastKnown: [],
    mustAsk: false,
    possibleLoss: false,
    createdRevision: partition.revision,
  };
}

/** m: 2 with three or more replicas, else 1, unless the topic says otherwise; never more than there are replicas. */
export function effectiveMinimum(configs: Readonly<Record<string, string>>, replicationFactor: number): number {
  const configured = configs['min.insync.replicas'];
  return Math.min(configured === undefined ? (replicationFactor >= 3 ? 2 : 1) : Number(configured), replicationFactor);
}

export function tooManyPartitions(partitions: number): Refusal {
  return { error: 'INVALID_PARTITIONS', message: `${partitions} partitions are too many: a topic has at most ${MAX_PARTITIONS_PER_TOPIC}` };
}

function isUp(image: MetadataImage, brokerId: BrokerId): boolean {
  const broker = image.brokers.get(brokerId);
  return broker !== undefined && !broker.isFenced && !broker.isShuttingDown;
}
