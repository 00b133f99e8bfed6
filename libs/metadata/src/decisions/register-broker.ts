/**
 * A process registers: it gets a new broker epoch, fenced (R11). The same entry ends the old incarnation everywhere: the
 * leader epoch rises wherever it led, its ISR seats are stamped with the new broker epoch where the replica is intact and
 * are taken away where it is not (R12, R14). Unfencing comes later, by heartbeat.
 */
import type { BrokerEpoch, BrokerId } from '#kernel';
import { NO_EPOCH } from '#kernel';
import type { BrokerListeners, BrokerRecord, PartitionRecord } from '../records.js';
import type { Decision, DecisionState, Outcome } from './decision.js';
import { Draft } from './decision.js';
import type { PartitionShift } from './settle-partition.js';
import { hasSeat, settlePartition, withoutSeat } from './settle-partition.js';

export interface RegisterBroker {
  readonly brokerId: BrokerId;
  readonly incarnationId: string;
  readonly directoryId: string;
  /** Null: blank disk. */
  readonly clusterId: string | null;
  readonly listeners: BrokerListeners;
  readonly rack: string | null;
  readonly software: { readonly name: string; readonly version: string };
  readonly protocol: { readonly min: number; readonly max: number };
  readonly isBlank: boolean;
  /** -1: none. */
  readonly storedBrokerEpoch: BrokerEpoch;
  readonly wasCleanShutdown: boolean;
  readonly isSameBoot: boolean;
  readonly isComplete: boolean;
  readonly lostPartitions: readonly { readonly topicId: string; readonly partition: number }[];
}

export interface RegisterBrokerContext {
  /** The unfenced old incarnation cannot run any more: its connection is closed and it held the same directory's lock. */
  readonly isOldIncarnationGone: boolean;
  /**
   * Whether an unfenced broker was heard by this coordinator. After all went down at once the store still calls everybody
   * unfenced: the seat of the first one that comes back is not given up for those (R13). Default: all were.
   */
  readonly isHeard?: (brokerId: BrokerId) => boolean;
}

export interface RegisterBrokerResult extends Outcome {
  /** -1 on error. */
  readonly brokerEpoch: BrokerEpoch;
}

export function registerBroker(
  state: DecisionState,
  command: RegisterBroker,
  context: RegisterBrokerContext,
): Decision<RegisterBrokerResult> {
  const { image } = state;
  const clusterId = image.cluster?.clusterId ?? null;
  if (command.clusterId !== null && command.clusterId !== clusterId) {
    return refused(
      'INCONSISTENT_CLUSTER_ID',
      `the data of broker ${command.brokerId} belongs to cluster ${command.clusterId}, this is cluster ${clusterId}: give it an empty data folder or its own cluster`,
    );
  }
  const old = image.brokers.get(command.brokerId);
  const isSameIncarnation = old?.incarnationId === command.incarnationId;
  if (old && !old.isFenced && !isSameIncarnation && !context.isOldIncarnationGone) {
    return refused(
      'DUPLICATE_BROKER_REGISTRATION',
      `broker ${command.brokerId} is registered by a process that still lives; this one may register once that one is fenced`,
    );
  }
  const isDirectoryTrusted = old === undefined || isDirectoryIntact(old, command);
  if (
    old &&
    isSameIncarnation &&
    old.isFenced &&
    command.storedBrokerEpoch < old.brokerEpoch &&
    old.lastUnfencedEpoch !== old.brokerEpoch &&
    (isDirectoryTrusted || !old.isIntact) &&
    !command.lostPartitions.some((seat) => hasSeatOf(image.partition(seat.topicId, seat.partition), old))
  ) {
    // A repeat whose answer got lost, with nothing more to confess: nothing was done under that epoch yet, so it can be given again.
    return { records: [], response: { error: 'NONE', brokerEpoch: old.brokerEpoch } };
  }

  const brokerEpoch = state.revision;
  const lost = new Set(command.lostPartitions.map((seat) => `${seat.topicId}/${seat.partition}`));
  const hasPageCache = command.wasCleanShutdown || command.isSameBoot;
  const isIntactFor = (partition: PartitionRecord): boolean =>
    isDirectoryTrusted && (partition.flushPolicy === 'commit' || hasPageCache) && !lost.has(`${partition.topicId}/${partition.partition}`);

  const draft = new Draft(image);
  const record: BrokerRecord = {
    type: 'broker',
    version: 1,
    brokerId: command.brokerId,
    brokerEpoch,
    incarnationId: command.incarnationId,
    directoryId: command.directoryId,
    listeners: command.listeners,
    rack: command.rack,
    software: command.software,
    protocol: command.protocol,
    isFenced: true,
    isShuttingDown: false,
    isIntact: isDirectoryTrusted,
    lastUnfencedEpoch: old?.lastUnfencedEpoch ?? NO_EPOCH,
  };
  draft.setBroker(record);

  let isIntactEverywhere = isDirectoryTrusted;
  for (const partition of image.allPartitions()) {
    const slot = partition.replicas.indexOf(command.brokerId);
    if (slot === -1) continue;
    const isIntact = isIntactFor(partition);
    isIntactEverywhere &&= isIntact;
    const shift: PartitionShift = {
      ...(hasSeat(partition, command.brokerId)
        ? isIntact
          ? restamped(partition, command.brokerId, brokerEpoch)
          : withoutSeat(partition, command.brokerId)
        : {}),
      ...(partition.directoryIds[slot] === command.directoryId
        ? {}
        : { directoryIds: partition.directoryIds.with(slot, command.directoryId) }),
      deposed: command.brokerId,
      ...(context.isHeard ? { isHeard: context.isHeard } : {}),
    };
    draft.setPartition(settlePartition(partition, shift, draft));
  }
  if (!isIntactEverywhere) draft.setBroker({ ...record, isIntact: false });
  return { records: draft.records, response: { error: 'NONE', brokerEpoch } };
}

/**
 * "Intact" as far as the directory as a whole decides it. The stored broker epoch may be newer than the last unfenced one
 * (a start that died before it was unfenced), never older: that is a directory that was put back.
 */
function isDirectoryIntact(old: BrokerRecord, command: RegisterBroker): boolean {
  return (
    !command.isBlank && command.directoryId === old.directoryId && command.storedBrokerEpoch >= old.lastUnfencedEpoch && command.isComplete
  );
}

function hasSeatOf(partition: PartitionRecord | undefined, broker: BrokerRecord): boolean {
  return partition?.isr.some((seat) => seat.brokerId === broker.brokerId && seat.brokerEpoch === broker.brokerEpoch) ?? false;
}

function restamped(partition: PartitionRecord, brokerId: BrokerId, brokerEpoch: BrokerEpoch): PartitionShift {
  return { isr: partition.isr.map((seat) => (seat.brokerId === brokerId ? { brokerId, brokerEpoch } : seat)) };
}

function refused(error: Outcome['error'], message: string): Decision<RegisterBrokerResult> {
  return { records: [], response: { error, message, brokerEpoch: NO_EPOCH } };
}
