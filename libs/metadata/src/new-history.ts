/**
 * A store that was lost or went back begins a new history (R19): rebuilt from the highest copy that exists, with every
 * counter raised far above anything that anybody may have seen, and every partition marked so that its next leader comes
 * from asking the replicas. Nothing of it is guessed: what no copy holds is gone and is not invented.
 */
import type { BrokerEpoch, BrokerId, CoordinatorEpoch, LeaderEpoch } from '#kernel';
import { NO_BROKER, YakError } from '#kernel';
import type { BrokerRecord, Endpoint, MetadataRecord, MetadataSnapshot } from './records.js';

/** Above everything seen in copies and logs, by this much. */
export const NEW_HISTORY_STEP = 1_000_000;

export interface MetadataCopyOffer {
  readonly brokerId: BrokerId;
  readonly snapshot: MetadataSnapshot;
  readonly highestCoordinatorEpoch: CoordinatorEpoch;
  /** Its own stored broker epoch included. */
  readonly maxBrokerEpochSeen: BrokerEpoch;
  readonly maxLeaderEpochSeen: LeaderEpoch;
  readonly maxProducerIdSeen: number;
}

/** The coordinator epoch that the new history must be above: pass it to MetadataLog.takeOver. */
export function newHistoryCoordinatorEpoch(offers: readonly MetadataCopyOffer[], own: CoordinatorEpoch): CoordinatorEpoch {
  return (
    offers.reduce((highest, offer) => Math.max(highest, offer.highestCoordinatorEpoch, offer.snapshot.coordinatorEpoch), own) +
    NEW_HISTORY_STEP
  );
}

/** Null when no copy names a cluster. Throws a YakError `INCONSISTENT_CLUSTER_ID` when copies belong to different ones. */
export function clusterIdOf(offers: readonly MetadataCopyOffer[]): string | null {
  const ids = new Set<string>();
  for (const offer of offers) for (const record of offer.snapshot.records) if (record.type === 'cluster') ids.add(record.clusterId);
  if (ids.size <= 1) return ids.values().next().value ?? null;
  throw new YakError('INCONSISTENT_CLUSTER_ID', `the brokers' metadata copies belong to different clusters: ${[...ids].sort().join(', ')}`);
}

/** A broker that has not registered since the history began. Suspicion ends when there is none left (R19). */
export function isUnheardInHistory(broker: BrokerRecord): boolean {
  return broker.incarnationId === '';
}

/**
 * `offers` holds at least one copy that names the cluster. `coordinatorEpoch` is the one that takeOver answered. Brokers
 * come back fenced: they register again under the new history.
 */
export function buildNewHistory(
  offers: readonly MetadataCopyOffer[],
  coordinatorEpoch: CoordinatorEpoch,
  opId: string,
  address: Endpoint,
): MetadataSnapshot {
  clusterIdOf(offers);
  const highest = [...offers].sort(
    (a, b) =>
      b.snapshot.revision - a.snapshot.revision || b.snapshot.coordinatorEpoch - a.snapshot.coordinatorEpoch || a.brokerId - b.brokerId,
  )[0];
  if (!highest) throw new YakError('NO_METADATA_COPY', 'no metadata copy to rebuild from');

  let revision = highest.snapshot.revision;
  let leaderEpoch = -1;
  let nextProducerId = 0;
  for (const offer of offers) {
    revision = Math.max(revision, offer.snapshot.revision, offer.maxBrokerEpochSeen);
    leaderEpoch = Math.max(leaderEpoch, offer.maxLeaderEpochSeen);
    nextProducerId = Math.max(nextProducerId, offer.maxProducerIdSeen + 1);
    for (const record of offer.snapshot.records) {
      if (record.type === 'producer-ids') nextProducerId = Math.max(nextProducerId, record.nextProducerId);
      if (record.type === 'partition') leaderEpoch = Math.max(leaderEpoch, record.leaderEpoch);
      if (record.type === 'broker') revision = Math.max(revision, record.brokerEpoch);
    }
  }

  const records: MetadataRecord[] = [];
  for (const record of highest.snapshot.records) {
    if (record.type === 'coordinator' || record.type === 'producer-ids') continue;
    if (record.type === 'broker') {
      // An epoch that nobody was given and no incarnation: whoever still runs must register again.
      const brokerEpoch = revision + NEW_HISTORY_STEP;
      records.push({ ...record, brokerEpoch, incarnationId: '', isFenced: true, isShuttingDown: false });
    } else if (record.type === 'partition') {
      records.push({
        ...record,
        leader: NO_BROKER,
        leaderEpoch: leaderEpoch + NEW_HISTORY_STEP,
        partitionEpoch: record.partitionEpoch + NEW_HISTORY_STEP,
        mustAsk: true,
      });
    } else {
      records.push(record);
    }
  }
  records.push({ type: 'producer-ids', version: 1, nextProducerId: nextProducerId + NEW_HISTORY_STEP });
  records.push({ type: 'coordinator', version: 1, coordinatorEpoch, address, isSuspect: true });
  return { revision: revision + NEW_HISTORY_STEP, coordinatorEpoch, opId, records };
}
