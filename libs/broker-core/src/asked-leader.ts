/** The checks before any question that only the leader of a partition answers: may it be asked, is it led here, in which epoch. */
import type { KafkaErrorName, LeaderEpoch, RequestContext } from '#kernel';
import type { LeaderState } from '#replication';
import type { BrokerState } from './broker-state.js';
import type { Partition } from './partition.js';

interface AskedPartition {
  readonly topic: string;
  readonly partition: number;
  /** The leader epoch that the asker knows; -1: none. An older or a newer one is refused (KIP-320). */
  readonly currentLeaderEpoch: LeaderEpoch;
}

export function askedLeader(
  broker: BrokerState,
  context: RequestContext,
  asked: AskedPartition,
): { readonly partition: Partition; readonly state: LeaderState } | { readonly error: KafkaErrorName } {
  if (!broker.authorizer.isAllowed(context, 'DESCRIBE', { type: 'TOPIC', name: asked.topic })) {
    return { error: 'TOPIC_AUTHORIZATION_FAILED' };
  }
  const partition = broker.partition(asked.topic, asked.partition);
  if (!partition) return { error: broker.missingPartitionError(asked.topic, asked.partition) };
  const state = partition.leader;
  if (!state) return { error: partition.role.kind === 'failed' ? 'KAFKA_STORAGE_ERROR' : 'NOT_LEADER_OR_FOLLOWER' };
  if (asked.currentLeaderEpoch >= 0 && asked.currentLeaderEpoch < state.leaderEpoch) return { error: 'FENCED_LEADER_EPOCH' };
  if (asked.currentLeaderEpoch > state.leaderEpoch) return { error: 'UNKNOWN_LEADER_EPOCH' };
  return { partition, state };
}
