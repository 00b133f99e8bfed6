/**
 * An election by asking the replicas where they are: after the last member of an ISR turned out not to be intact (R13), and
 * for every partition after the store itself was lost or went back (R19). The highest (caught-up epoch, synced end offset)
 * wins; the last epoch of a log alone proves nothing.
 *
 * An answer counts for the asked leader epoch and the broker epoch under which it was given, and promises to take no part in
 * a lower leader epoch.
 */
import type { BrokerEpoch, BrokerId, LeaderEpoch, Offset } from '#kernel';
import { NO_BROKER } from '#kernel';
import type { PartitionRecord } from '../records.js';
import type { Decision, DecisionState } from './decision.js';
import type { PartitionName } from './elect-leaders.js';
import { settlePartition } from './settle-partition.js';

export interface Position {
  readonly brokerId: BrokerId;
  readonly brokerEpoch: BrokerEpoch;
  /** The asked one. */
  readonly leaderEpoch: LeaderEpoch;
  /** Highest LE in which it led, or in which its synced end reached the epoch's start; -1: none, it holds nothing of worth. */
  readonly caughtUpEpoch: LeaderEpoch;
  /** Exclusive. */
  readonly syncedEndOffset: Offset;
}

export interface AskedElectionResult {
  readonly winner: BrokerId | null;
  /** What is waited for; null when a leader was elected. */
  readonly waitingFor: string | null;
}

/** The partition has no leader and may get one by asking only. */
export function isAsking(partition: PartitionRecord): boolean {
  return partition.mustAsk && partition.leader === NO_BROKER;
}

/** Best first; ties by broker id, so that every run decides alike. */
export function comparePositions(a: Position, b: Position): number {
  return b.caughtUpEpoch - a.caughtUpEpoch || b.syncedEndOffset - a.syncedEndOffset || a.brokerId - b.brokerId;
}

export function askedElection(state: DecisionState, name: PartitionName, positions: readonly Position[]): Decision<AskedElectionResult> {
  const { image } = state;
  const before = image.partition(name.topicId, name.partition);
  if (!before || !isAsking(before)) return waiting('nothing: it is not being asked');
  const answers = positions.filter(
    (position) =>
      position.leaderEpoch === before.leaderEpoch &&
      before.replicas.includes(position.brokerId) &&
      image.brokers.get(position.brokerId)?.brokerEpoch === position.brokerEpoch,
  );

  const missing = before.lastKnown.filter((brokerId) => !answers.some((answer) => answer.brokerId === brokerId));
  if (missing.length > 0) return waiting(`the answers of brokers ${missing.join(', ')}, which were in sync last`);
  const hasLostMembers = before.lastKnown.length > 0;
  if (!hasLostMembers) {
    const intact = answers.filter((answer) => image.brokers.get(answer.brokerId)!.isIntact);
    const needed = before.replicas.length - before.minInSyncReplicas + 1;
    if (intact.length < needed) return waiting(`answers of ${needed} intact replicas; ${intact.length} came`);
  }
  const electable = hasLostMembers ? answers : answers.filter((answer) => image.brokers.get(answer.brokerId)!.isIntact);
  const best = [...electable].sort(comparePositions)[0]!;
  if (hasLostMembers && best.caughtUpEpoch < 0) {
    return waiting('a replica that still holds the data: those that were in sync last have empty disks (an unclean election gives it up)');
  }
  const equals = electable.filter(
    (answer) => answer.caughtUpEpoch === best.caughtUpEpoch && answer.syncedEndOffset === best.syncedEndOffset && isUp(answer),
  );
  if (equals.length === 0) return waiting(`broker ${best.brokerId}, which holds most, to be unfenced`);

  const winner = before.replicas.find((brokerId) => equals.some((answer) => answer.brokerId === brokerId))!;
  const isr = before.replicas
    .filter((brokerId) => equals.some((answer) => answer.brokerId === brokerId))
    .map((brokerId) => ({ brokerId, brokerEpoch: image.brokers.get(brokerId)!.brokerEpoch }));
  const shift = { isr, preferred: winner, possibleLoss: before.possibleLoss || hasLostMembers };
  return { records: [settlePartition(before, shift, image)], response: { winner, waitingFor: null } };

  function isUp(answer: Position): boolean {
    const broker = image.brokers.get(answer.brokerId)!;
    return !broker.isFenced && !broker.isShuttingDown;
  }
}

function waiting(waitingFor: string): Decision<AskedElectionResult> {
  return { records: [], response: { winner: null, waitingFor } };
}
