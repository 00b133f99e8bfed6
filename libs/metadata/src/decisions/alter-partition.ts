/**
 * A leader proposes an ISR: a compare-and-set on (broker epoch of the leader, LE, PE), with the broker epoch of each member
 * (R9). The order of the checks is part of the protocol.
 *
 * A refusal that is not about epochs (INELIGIBLE_REPLICA) commits PE + 1 with the ISR unchanged, which kills delayed copies
 * of the proposal and lets the leader end it (R20). A proposal that would leave fewer than m live members is never
 * committed; instead another live member may take over from what looks like a grey leader, at most every 10 s (R10).
 */
import type { BrokerEpoch, BrokerId, LeaderEpoch, MonotonicMs, PartitionEpoch, TopicId } from '#kernel';
import { isLiveSeat } from '../image.js';
import type { IsrMember, PartitionRecord } from '../records.js';
import { brokerEpochProblem } from './broker-state.js';
import type { Decision, DecisionState, Outcome } from './decision.js';
import { settlePartition } from './settle-partition.js';

export const GREY_LEADER_REPLACEMENT_INTERVAL_MS = 10_000;

export interface AlterPartition {
  readonly brokerId: BrokerId;
  readonly brokerEpoch: BrokerEpoch;
  readonly topicId: TopicId;
  readonly partition: number;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: PartitionEpoch;
  readonly isr: readonly IsrMember[];
}

export interface AlterPartitionContext {
  readonly now: MonotonicMs;
  /** When this partition's leader was last replaced for being grey; null: never. */
  readonly greyReplacementAt: MonotonicMs | null;
}

export interface AlterPartitionResult extends Outcome {
  /** As committed, where the coordinator knows the partition. */
  readonly current: PartitionRecord | null;
  /** This decision replaced a grey leader. */
  readonly isGreyReplacement?: boolean;
}

export function alterPartition(
  state: DecisionState,
  command: AlterPartition,
  context: AlterPartitionContext,
): Decision<AlterPartitionResult> {
  const { image } = state;
  const before = image.partition(command.topicId, command.partition) ?? null;
  const refuse = (error: Outcome['error'], message: string): Decision<AlterPartitionResult> => ({
    records: [],
    response: { error, message, current: before },
  });

  const problem = brokerEpochProblem(state, command);
  if (problem) return refuse(problem.error, problem.message!);
  if (!before) return refuse('UNKNOWN_TOPIC_ID', `there is no partition ${command.partition} of topic id ${command.topicId}`);
  if (command.leaderEpoch > before.leaderEpoch || command.partitionEpoch > before.partitionEpoch) {
    const known = `leader epoch ${before.leaderEpoch}, partition epoch ${before.partitionEpoch}`;
    const message = `broker ${command.brokerId} knows leader epoch ${command.leaderEpoch}, partition epoch ${command.partitionEpoch} of a partition known here at ${known}`;
    return { ...refuse('NOT_CONTROLLER', message), stepDown: message };
  }
  if (command.leaderEpoch < before.leaderEpoch) {
    return refuse('FENCED_LEADER_EPOCH', `leader epoch ${command.leaderEpoch} ended; it is ${before.leaderEpoch}`);
  }
  if (before.leader !== command.brokerId) return refuse('INVALID_REQUEST', `broker ${before.leader} leads this partition`);
  if (command.partitionEpoch < before.partitionEpoch) {
    return refuse('INVALID_UPDATE_VERSION', `partition epoch ${command.partitionEpoch} was followed by ${before.partitionEpoch}`);
  }
  const shapeProblem = isrShapeProblem(before, command);
  if (shapeProblem) return refuse('INVALID_REQUEST', shapeProblem);

  const commit = (record: PartitionRecord, outcome: Outcome, isGreyReplacement = false): Decision<AlterPartitionResult> => ({
    records: record === before ? [] : [record],
    response: { ...outcome, current: record, isGreyReplacement },
  });
  const unchanged: PartitionRecord = { ...before, partitionEpoch: before.partitionEpoch + 1 };

  for (const member of command.isr) {
    const isListedAlready = before.isr.some((seat) => seat.brokerId === member.brokerId && seat.brokerEpoch === member.brokerEpoch);
    if (isListedAlready || isLiveSeat(member, image)) continue;
    const reason = `broker ${member.brokerId} with broker epoch ${member.brokerEpoch} is fenced, shutting down or of another epoch`;
    return commit(unchanged, { error: 'INELIGIBLE_REPLICA', message: reason });
  }

  const liveAfter = command.isr.filter((seat) => isLiveSeat(seat, image));
  const leaving = before.isr.filter((seat) => !command.isr.some((member) => member.brokerId === seat.brokerId));
  if (leaving.length > 0 && liveAfter.length < before.minInSyncReplicas) {
    const successor = before.replicas.find((brokerId) => leaving.some((seat) => seat.brokerId === brokerId && isLiveSeat(seat, image)));
    const isAllowed = context.greyReplacementAt === null || context.now - context.greyReplacementAt >= GREY_LEADER_REPLACEMENT_INTERVAL_MS;
    if (successor !== undefined && isAllowed && !before.mustAsk) {
      const message = `broker ${successor} replaces broker ${command.brokerId}, which would be left with fewer than ${before.minInSyncReplicas} in-sync replicas`;
      const record = settlePartition(before, { deposed: command.brokerId, preferred: successor }, image);
      return commit(record, { error: 'FENCED_LEADER_EPOCH', message }, true);
    }
    return commit(unchanged, {
      error: 'INELIGIBLE_REPLICA',
      message: `the ISR would fall to ${liveAfter.length} live members, below ${before.minInSyncReplicas}; it stays as it is`,
    });
  }
  return commit(settlePartition(before, { isr: ordered(before, command.isr) }, image), { error: 'NONE' });
}

function isrShapeProblem(before: PartitionRecord, command: AlterPartition): string | null {
  if (command.isr.length === 0) return 'the proposed ISR is empty';
  if (new Set(command.isr.map((member) => member.brokerId)).size < command.isr.length) return 'the proposed ISR names a broker twice';
  const stranger = command.isr.find((member) => !before.replicas.includes(member.brokerId));
  if (stranger) return `broker ${stranger.brokerId} of the proposed ISR is no replica of this partition`;
  if (!command.isr.some((member) => member.brokerId === command.brokerId)) return 'the proposed ISR leaves its leader out';
  return null;
}

/** In the order of `replicas`, so that equal sets are equal records. */
function ordered(before: PartitionRecord, isr: readonly IsrMember[]): IsrMember[] {
  return before.replicas
    .flatMap((brokerId) => isr.filter((member) => member.brokerId === brokerId))
    .map(({ brokerId, brokerEpoch }) => ({ brokerId, brokerEpoch }));
}
