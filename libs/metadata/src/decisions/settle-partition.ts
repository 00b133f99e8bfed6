/**
 * The one place where a partition's leader, ISR and epochs move together.
 *
 * Invariants (S7, S9, R10): every change adds 1 to the partition epoch, every change of the leader 1 to the leader epoch;
 * the leader is a live ISR member or -1; a kept member stays only while fewer than m live members exist; the ISR is never
 * emptied. While `mustAsk` stands, a leaderless partition gets a leader from an asked election and from nothing else.
 */
import type { BrokerId } from '#kernel';
import { assert, NO_BROKER } from '#kernel';
import type { Registrations } from '../image.js';
import { isLiveSeat } from '../image.js';
import type { IsrMember, PartitionRecord } from '../records.js';

export interface PartitionShift {
  /** The seats, where they change. */
  readonly isr?: readonly IsrMember[];
  /** Its leadership ends even if it could go on. */
  readonly deposed?: BrokerId;
  /** Which live members count when seats are given up, where some were not heard for a while and may be gone. Default: all. */
  readonly isHeard?: (brokerId: BrokerId) => boolean;
  /** Becomes leader if it is a live member. */
  readonly preferred?: BrokerId;
  readonly directoryIds?: readonly string[];
  readonly lastKnown?: readonly BrokerId[];
  readonly mustAsk?: boolean;
  readonly possibleLoss?: boolean;
}

/** The record after `shift` under `registrations`; `before` itself when nothing changes. */
export function settlePartition(before: PartitionRecord, shift: PartitionShift, registrations: Registrations): PartitionRecord {
  let isr = shift.isr ?? before.isr;
  let mustAsk = shift.mustAsk ?? before.mustAsk;
  let lastKnown = shift.lastKnown ?? before.lastKnown;
  assert(isr.length > 0, `partition ${before.partition} of ${before.topicId}: a change would empty its ISR`);

  const live = isr.filter((seat) => isLiveSeat(seat, registrations));
  const canLead = (brokerId: BrokerId): boolean => live.some((seat) => seat.brokerId === brokerId);

  let leader = before.leader;
  if (leader !== NO_BROKER && (leader === shift.deposed || !canLead(leader))) leader = NO_BROKER;
  if (shift.preferred !== undefined && canLead(shift.preferred)) leader = shift.preferred;
  if (leader === NO_BROKER && !mustAsk) {
    leader = before.replicas.find((brokerId) => brokerId !== shift.deposed && canLead(brokerId)) ?? NO_BROKER;
  }
  const heard = shift.isHeard ? live.filter((seat) => shift.isHeard!(seat.brokerId)) : live;
  if (leader !== NO_BROKER && heard.length >= before.minInSyncReplicas) {
    if (live.length < isr.length) isr = live;
    if (lastKnown.length > 0) lastKnown = [];
    mustAsk = false;
  }

  const isLeaderChanged = leader !== before.leader;
  const directoryIds = shift.directoryIds ?? before.directoryIds;
  const possibleLoss = shift.possibleLoss ?? before.possibleLoss;
  const isChanged =
    isLeaderChanged ||
    mustAsk !== before.mustAsk ||
    possibleLoss !== before.possibleLoss ||
    !sameSeats(isr, before.isr) ||
    !sameItems(lastKnown, before.lastKnown) ||
    !sameItems(directoryIds, before.directoryIds);
  if (!isChanged) return before;
  return {
    ...before,
    isr,
    leader,
    leaderEpoch: before.leaderEpoch + (isLeaderChanged ? 1 : 0),
    partitionEpoch: before.partitionEpoch + 1,
    directoryIds,
    lastKnown,
    mustAsk,
    possibleLoss,
  };
}

/**
 * The seat of a member that is not intact: it leaves, even below m, and is remembered; the very last one stays recorded
 * under its dead broker epoch, so that it is not live, and can lead only after all that are remembered were asked (R13).
 */
export function withoutSeat(before: PartitionRecord, brokerId: BrokerId): PartitionShift {
  const rest = before.isr.filter((seat) => seat.brokerId !== brokerId);
  if (rest.length === before.isr.length) return {};
  const lastKnown = before.lastKnown.includes(brokerId) ? before.lastKnown : [...before.lastKnown, brokerId];
  return rest.length > 0 ? { isr: rest, lastKnown } : { lastKnown, mustAsk: true };
}

export function hasSeat(partition: PartitionRecord, brokerId: BrokerId): boolean {
  return partition.isr.some((seat) => seat.brokerId === brokerId);
}

function sameSeats(a: readonly IsrMember[], b: readonly IsrMember[]): boolean {
  return (
    a.length === b.length && a.every((seat, index) => seat.brokerId === b[index]!.brokerId && seat.brokerEpoch === b[index]!.brokerEpoch)
  );
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
