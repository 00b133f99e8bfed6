/**
 * Elections that somebody asks for: back to the preferred replica, away from a broker whose disk stalls (R22), or unclean
 * by an operator's explicit choice, which is recorded as possible loss (R10, R13). The ordinary election is part of
 * settlePartition.
 */
import type { BrokerId, TopicId } from '#kernel';
import { liveMembers } from '../image.js';
import type { PartitionRecord } from '../records.js';
import type { Position } from './asked-election.js';
import { comparePositions } from './asked-election.js';
import type { Decision, DecisionState, Outcome } from './decision.js';
import { Draft } from './decision.js';
import { settlePartition } from './settle-partition.js';

export interface PartitionName {
  readonly topicId: TopicId;
  readonly partition: number;
}

/** All replicas are live members and the first one does not lead. */
export function isLeaderImbalanced(partition: PartitionRecord, state: Pick<DecisionState, 'image'>): boolean {
  return (
    partition.leader !== partition.replicas[0] &&
    partition.leader !== -1 &&
    !partition.mustAsk &&
    liveMembers(partition, state.image).length === partition.replicas.length
  );
}

/** Gives leadership back to the preferred replica wherever all replicas are live members again; the others are left alone. */
export function rebalanceLeaders(state: DecisionState, partitions: readonly PartitionName[]): Decision<Outcome> {
  const draft = new Draft(state.image);
  for (const { topicId, partition } of partitions) {
    const before = draft.partition(topicId, partition);
    if (before && isLeaderImbalanced(before, state)) draft.setPartition(settlePartition(before, { preferred: before.replicas[0]! }, draft));
  }
  return { records: draft.records, response: { error: 'NONE' } };
}

/** Leaders leave `brokerId` wherever another live member exists; it keeps its seats. */
export function moveLeadersAway(state: DecisionState, brokerId: BrokerId): Decision<Outcome> {
  const draft = new Draft(state.image);
  for (const before of state.image.allPartitions()) {
    if (before.leader !== brokerId || before.mustAsk) continue;
    const live = liveMembers(before, draft);
    const successor = before.replicas.find((replica) => replica !== brokerId && live.includes(replica));
    if (successor !== undefined) draft.setPartition(settlePartition(before, { preferred: successor }, draft));
  }
  return { records: draft.records, response: { error: 'NONE' } };
}

/**
 * Preferred: the first replica, if it is a live member. Unclean: for a leaderless partition, the replica with the highest
 * reported position, else the first that is unfenced; everything that it does not hold is lost.
 */
export function electLeader(
  state: DecisionState,
  name: PartitionName,
  kind: 'preferred' | 'unclean',
  positions: readonly Position[] = [],
): Decision<Outcome> {
  const before = state.image.partition(name.topicId, name.partition);
  if (!before) return refused('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${name.partition} of topic id ${name.topicId}`);
  if (kind === 'preferred') {
    const preferred = before.replicas[0]!;
    if (before.leader === -1 && before.mustAsk) return refused('LEADER_NOT_AVAILABLE', 'its replicas are being asked for their positions');
    if (!liveMembers(before, state.image).includes(preferred))
      return refused('LEADER_NOT_AVAILABLE', `preferred replica ${preferred} is not in sync`);
    return committed(before, settlePartition(before, { preferred }, state.image));
  }
  if (before.leader !== -1) return refused('INVALID_REQUEST', `broker ${before.leader} leads this partition: nothing has to be given up`);
  const unfenced = before.replicas.filter((brokerId) => state.image.brokers.get(brokerId)?.isFenced === false);
  const best = [...positions].filter((position) => unfenced.includes(position.brokerId)).sort(comparePositions)[0];
  const chosen = best?.brokerId ?? unfenced[0];
  if (chosen === undefined) return refused('LEADER_NOT_AVAILABLE', `none of the replicas ${before.replicas.join(', ')} is up`);
  const brokerEpoch = state.image.brokers.get(chosen)!.brokerEpoch;
  const shift = { isr: [{ brokerId: chosen, brokerEpoch }], preferred: chosen, lastKnown: [], mustAsk: false, possibleLoss: true };
  return committed(before, settlePartition(before, shift, state.image));
}

function committed(before: PartitionRecord, after: PartitionRecord): Decision<Outcome> {
  return { records: after === before ? [] : [after], response: { error: 'NONE' } };
}

function refused(error: Outcome['error'], message: string): Decision<Outcome> {
  return { records: [], response: { error, message } };
}
