/**
 * A registered broker's standing: fenced (it stopped answering), unfenced (it caught up), complete again, its directory
 * failed, or on its way out by the one shutdown slot (R22, R16, R28). Each moves the leaders and seats it touches in the
 * same entry.
 */
import type { BrokerEpoch, BrokerId } from '#kernel';
import { NO_BROKER } from '#kernel';
import type { Registrations } from '../image.js';
import { isLiveSeat } from '../image.js';
import type { BrokerRecord, PartitionRecord } from '../records.js';
import type { Decision, DecisionState, Outcome } from './decision.js';
import { Draft } from './decision.js';
import type { PartitionShift } from './settle-partition.js';
import { hasSeat, settlePartition, withoutSeat } from './settle-partition.js';

export interface BrokerCommand {
  readonly brokerId: BrokerId;
  readonly brokerEpoch: BrokerEpoch;
}

/** Null when the command comes from, or is about, the registered incarnation. */
export function brokerEpochProblem(state: DecisionState, command: BrokerCommand): Outcome | null {
  const broker = state.image.brokers.get(command.brokerId);
  if (!broker) return { error: 'BROKER_ID_NOT_REGISTERED', message: `broker ${command.brokerId} is not registered: register first` };
  if (broker.brokerEpoch === command.brokerEpoch) return null;
  return {
    error: 'STALE_BROKER_EPOCH',
    message: `broker ${command.brokerId} has broker epoch ${broker.brokerEpoch}, not ${command.brokerEpoch}: register again`,
  };
}

/** R22: from now on it leads nothing and is no live member; where m others live, its seat goes too (R10). */
export function fenceBroker(
  state: DecisionState,
  command: BrokerCommand,
  context: { /** Which unfenced brokers were heard; see registerBroker. */ readonly isHeard?: (brokerId: BrokerId) => boolean } = {},
): Decision<Outcome> {
  const problem = brokerEpochProblem(state, command);
  if (problem) return { records: [], response: problem };
  return changed(state, command.brokerId, (broker) => (broker.isFenced ? broker : { ...broker, isFenced: true }), context);
}

/** Only after it applied the revision that fenced it: the caller checks that (R22). Its kept seats live again; leaderless partitions are led. */
export function unfenceBroker(state: DecisionState, command: BrokerCommand): Decision<Outcome> {
  const problem = brokerEpochProblem(state, command);
  if (problem) return { records: [], response: problem };
  return changed(state, command.brokerId, (broker) =>
    broker.isFenced ? { ...broker, isFenced: false, isShuttingDown: false, lastUnfencedEpoch: broker.brokerEpoch } : broker,
  );
}

/** Every replica on it holds again what it should: the next start is judged intact. */
export function markComplete(state: DecisionState, command: BrokerCommand): Decision<Outcome> {
  const problem = brokerEpochProblem(state, command);
  if (problem) return { records: [], response: problem };
  return changed(state, command.brokerId, (broker) => (broker.isIntact ? broker : { ...broker, isIntact: true }));
}

/** R16: its data folder failed. What it holds is not to be trusted again, so its seats go as those of a lost disk do. */
export function failDirectory(state: DecisionState, command: BrokerCommand): Decision<Outcome> {
  const problem = brokerEpochProblem(state, command);
  if (problem) return { records: [], response: problem };
  const broker = state.image.brokers.get(command.brokerId)!;
  if (broker.isFenced && !broker.isIntact) return { records: [], response: { error: 'NONE' } };
  const draft = new Draft(state.image);
  draft.setBroker({ ...broker, isFenced: true, isIntact: false });
  for (const partition of state.image.allPartitions()) {
    if (!hasSeat(partition, command.brokerId)) continue;
    draft.setPartition(settlePartition(partition, { ...withoutSeat(partition, command.brokerId), deposed: command.brokerId }, draft));
  }
  return { records: draft.records, response: { error: 'NONE' } };
}

/**
 * R28: the one shutdown slot. Refused while another broker has it, and while a partition with more than m replicas would
 * fall below m live members; then leaders and seats move in this entry. Asking again is no harm.
 */
export function controlledShutdown(state: DecisionState, command: BrokerCommand): Decision<Outcome> {
  const problem = brokerEpochProblem(state, command);
  if (problem) return { records: [], response: problem };
  const { image } = state;
  if (image.brokers.get(command.brokerId)!.isShuttingDown) return { records: [], response: { error: 'NONE' } };
  for (const other of image.brokers.values()) {
    if (other.isShuttingDown && !other.isFenced) {
      return {
        records: [],
        response: { error: 'REQUEST_TIMED_OUT', message: `broker ${other.brokerId} is shutting down: wait until it is gone` },
      };
    }
  }
  for (const partition of image.allPartitions()) {
    if (partition.replicas.length <= partition.minInSyncReplicas || !hasSeat(partition, command.brokerId)) continue;
    const others = partition.isr.filter((seat) => seat.brokerId !== command.brokerId && isLiveSeat(seat, image));
    if (others.length >= partition.minInSyncReplicas) continue;
    const topic = image.topicsById.get(partition.topicId)?.name ?? partition.topicId;
    return {
      records: [],
      response: {
        error: 'NOT_ENOUGH_REPLICAS',
        message: `${topic}-${partition.partition} would have ${others.length} of ${partition.minInSyncReplicas} in-sync replicas: wait until another replica caught up`,
      },
    };
  }
  return changed(state, command.brokerId, (broker) => ({ ...broker, isShuttingDown: true }));
}

/** Kept, though m members live that were heard: the watermark waits for it in vain (R10). */
export function isKeptInVain(partition: PartitionRecord, registrations: Registrations, isHeard: (brokerId: BrokerId) => boolean): boolean {
  const live = partition.isr.filter((seat) => isLiveSeat(seat, registrations));
  if (live.length === partition.isr.length || partition.leader === NO_BROKER) return false;
  return live.filter((seat) => isHeard(seat.brokerId)).length >= partition.minInSyncReplicas;
}

/** Seats that were kept while it was open whether others still run, and are not needed any more (R10). */
export function dropKeptMembers(state: DecisionState, isHeard: (brokerId: BrokerId) => boolean): Decision<Outcome> {
  const draft = new Draft(state.image);
  for (const partition of state.image.allPartitions()) {
    if (isKeptInVain(partition, draft, isHeard)) draft.setPartition(settlePartition(partition, { isHeard }, draft));
  }
  return { records: draft.records, response: { error: 'NONE' } };
}

function changed(
  state: DecisionState,
  brokerId: BrokerId,
  change: (broker: BrokerRecord) => BrokerRecord,
  context: Pick<PartitionShift, 'isHeard'> = {},
): Decision<Outcome> {
  const before = state.image.brokers.get(brokerId)!;
  const after = change(before);
  if (after === before) return { records: [], response: { error: 'NONE' } };
  const draft = new Draft(state.image);
  draft.setBroker(after);
  for (const partition of state.image.allPartitions()) {
    if (hasSeat(partition, brokerId)) draft.setPartition(settlePartition(partition, context, draft));
  }
  return { records: draft.records, response: { error: 'NONE' } };
}
