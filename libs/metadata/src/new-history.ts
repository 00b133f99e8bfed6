/**
 * A store that was lost or went back begins a new history (R19): rebuilt from the highest copy that exists, with every
 * counter raised far above anything that anybody may have seen, and every partition marked so that its next leader comes
 * from asking the replicas. Nothing of it is guessed: what no copy holds is gone and is not invented.
 */
import type { BrokerEpoch, BrokerId, CoordinatorEpoch, LeaderEpoch } from '#kernel';
import { NO_BROKER, YakError } from '#kernel';
import type { BrokerRecord, ClusterRecord, Endpoint, GivenUpCopy, MetadataRecord, MetadataSnapshot } from './records.js';

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

export interface NewHistory {
  /** At least one of them names the cluster. */
  readonly offers: readonly MetadataCopyOffer[];
  /** The one that takeOver answered. */
  readonly coordinatorEpoch: CoordinatorEpoch;
  readonly opId: string;
  /** Of the cluster coordinator that begins it. */
  readonly address: Endpoint;
  /** Whose copies the operator does not wait for. */
  readonly missing?: readonly BrokerId[];
  /** What the store itself holds; where it is not among the offers it counts for numbers, never for content. */
  readonly stored?: MetadataSnapshot;
}

/** Brokers come back fenced: they register again under the new history. */
export function buildNewHistory({ offers, coordinatorEpoch, opId, address, missing = [], stored }: NewHistory): MetadataSnapshot {
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
    revision = Math.max(revision, offer.maxBrokerEpochSeen);
    leaderEpoch = Math.max(leaderEpoch, offer.maxLeaderEpochSeen);
    nextProducerId = Math.max(nextProducerId, offer.maxProducerIdSeen + 1);
  }
  for (const snapshot of [...offers.map((offer) => offer.snapshot), ...(stored ? [stored] : [])]) {
    revision = Math.max(revision, snapshot.revision);
    for (const record of snapshot.records) {
      if (record.type === 'producer-ids') nextProducerId = Math.max(nextProducerId, record.nextProducerId);
      if (record.type === 'partition') leaderEpoch = Math.max(leaderEpoch, record.leaderEpoch);
      if (record.type === 'broker') revision = Math.max(revision, record.brokerEpoch);
    }
  }

  const newRevision = revision + NEW_HISTORY_STEP;
  const records: MetadataRecord[] = [];
  for (const record of highest.snapshot.records) {
    if (record.type === 'coordinator' || record.type === 'producer-ids') continue;
    if (record.type === 'broker') {
      // An epoch that nobody was given and no incarnation: whoever still runs must register again.
      records.push({ ...record, brokerEpoch: newRevision, incarnationId: '', isFenced: true, isShuttingDown: false });
    } else if (record.type === 'partition') {
      records.push({
        ...record,
        leader: NO_BROKER,
        leaderEpoch: leaderEpoch + NEW_HISTORY_STEP,
        partitionEpoch: record.partitionEpoch + NEW_HISTORY_STEP,
        mustAsk: true,
      });
    } else if (record.type === 'cluster') {
      records.push(withGivenUp(record, missing, highest.snapshot, newRevision));
    } else {
      records.push(record);
    }
  }
  records.push({ type: 'producer-ids', version: 1, nextProducerId: nextProducerId + NEW_HISTORY_STEP });
  records.push({ type: 'coordinator', version: 1, coordinatorEpoch, address, isSuspect: true });
  return { revision: newRevision, coordinatorEpoch, opId, records };
}

function withGivenUp(
  record: ClusterRecord,
  missing: readonly BrokerId[],
  { revision, opId, records }: MetadataSnapshot,
  newRevision: number,
): ClusterRecord {
  const hasNotBeenBack = (brokerId: BrokerId): boolean =>
    !records.some((one) => one.type === 'broker' && one.brokerId === brokerId && !isUnheardInHistory(one));
  const isOld = (copy: GivenUpCopy): boolean => !missing.includes(copy.brokerId) || hasNotBeenBack(copy.brokerId);
  const kept = (record.givenUp ?? []).filter(isOld);
  // Who was missing before and has not been back since may know no more than it was given up at then.
  const added = missing.filter((brokerId) => !kept.some((copy) => copy.brokerId === brokerId));
  const givenUp = [...kept, ...added.map((brokerId) => ({ brokerId, revision, opId, newRevision }))];
  return givenUp.length === 0 ? record : { ...record, givenUp };
}

/** What was given up of the copy that this broker comes back with; null: it may come back. */
export function givenUpCopy(cluster: ClusterRecord | null, brokerId: BrokerId, revision: number, opId: string): GivenUpCopy | null {
  const copy = cluster?.givenUp?.find((one) => one.brokerId === brokerId);
  if (copy === undefined || revision < copy.revision || revision >= copy.newRevision) return null;
  return revision === copy.revision && opId === copy.opId ? null : copy;
}

/** By the operator: these brokers may come back, whatever they know; what only they know is forgotten. */
export function takenBack(cluster: ClusterRecord, brokerIds: readonly BrokerId[]): ClusterRecord {
  const { givenUp = [], ...rest } = cluster;
  const left = givenUp.filter((copy) => !brokerIds.includes(copy.brokerId));
  return left.length === 0 ? rest : { ...rest, givenUp: left };
}

/** Whether the history waits for this broker to register: suspicion ends when it waits for nobody (R19). */
export function isAwaited(broker: BrokerRecord, cluster: ClusterRecord | null): boolean {
  return isUnheardInHistory(broker) && !cluster?.givenUp?.some((copy) => copy.brokerId === broker.brokerId);
}
