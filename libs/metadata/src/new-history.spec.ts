// R19: a new history is above everything that anybody may have seen, also above what it is not made from.
import { buildNewHistory, givenUpCopy, type MetadataCopyOffer, NEW_HISTORY_STEP, takenBack } from './new-history.js';
import type { BrokerRecord, ClusterRecord, MetadataRecord, MetadataSnapshot } from './records.js';

const ADDRESS = { host: 'c', port: 1 };
const CLUSTER = { type: 'cluster', version: 1, clusterId: 'c', configuredBrokers: [0], features: {} } as const;

function snapshotAt(revision: number, nextProducerId: number): MetadataSnapshot {
  const records: MetadataRecord[] = [CLUSTER, { type: 'producer-ids', version: 1, nextProducerId }];
  return { revision, coordinatorEpoch: 1, opId: `op${revision}`, records };
}

function offerOf(snapshot: MetadataSnapshot): MetadataCopyOffer {
  const seen = { maxBrokerEpochSeen: -1, maxLeaderEpochSeen: -1, maxProducerIdSeen: -1 };
  return { brokerId: 0, snapshot, highestCoordinatorEpoch: 1, ...seen };
}

it('R19: a history that the store began and no broker copied gives its numbers, so that none of them is given twice', () => {
  const copies = [offerOf(snapshotAt(5, 10))];
  const first = buildNewHistory({ offers: copies, coordinatorEpoch: 2, opId: 'first', address: ADDRESS });
  expect(first.revision).toBe(5 + NEW_HISTORY_STEP);
  const grown = { ...first, revision: first.revision + 3 };
  // The brokers' copies are what they were.
  const second = buildNewHistory({ offers: copies, coordinatorEpoch: 3, opId: 'second', address: ADDRESS, stored: grown });
  expect(second.revision).toBe(grown.revision + NEW_HISTORY_STEP);
  const producerIdsOf = ({ records }: MetadataSnapshot) => records.find((record) => record.type === 'producer-ids')?.nextProducerId;
  expect(producerIdsOf(second)).toBe(producerIdsOf(first)! + NEW_HISTORY_STEP);
  // What it is made from stays the brokers' word.
  expect(second.records).toContainEqual(CLUSTER);
});

describe('R19: a broker whose copy the operator did not wait for', () => {
  const begun = (from: MetadataSnapshot, missing: number[]) =>
    buildNewHistory({ offers: [offerOf(from)], coordinatorEpoch: 2, opId: `after ${from.revision}`, address: ADDRESS, missing });
  const clusterOf = ({ records }: MetadataSnapshot) => records.find((record): record is ClusterRecord => record.type === 'cluster')!;

  it('may come back knowing what was kept or less, or what came later, and nothing between', () => {
    const history = begun(snapshotAt(5, 10), [2]);
    const cluster = clusterOf(history);
    const isRefused = (brokerId: number, revision: number, opId = 'x') => givenUpCopy(cluster, brokerId, revision, opId) !== null;
    expect([-1, 4, 6, history.revision - 1, history.revision, history.revision + 1].map((revision) => isRefused(2, revision))).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
    ]);
    expect(isRefused(2, 5, 'op5')).toBe(false);
    expect(isRefused(2, 5, 'of a fork')).toBe(true);
    expect(isRefused(1, 6)).toBe(false);
    expect(takenBack(cluster, [2])).toEqual(CLUSTER);
    expect(takenBack(cluster, [1])).toEqual(cluster);
  });

  it('and is missing again: what counts is what it was given up at first, unless it was back in between', () => {
    const first = begun(snapshotAt(5, 10), [2]);
    const grown = { ...first, revision: first.revision + 3, opId: 'grown' };
    expect(clusterOf(begun(grown, [2])).givenUp).toEqual([{ brokerId: 2, revision: 5, opId: 'op5', newRevision: first.revision }]);
    expect(clusterOf(begun(grown, [])).givenUp).toEqual(clusterOf(first).givenUp);
    expect(clusterOf(begun(grown, [1, 2])).givenUp!.map(({ brokerId, revision }) => [brokerId, revision])).toEqual([
      [2, 5],
      [1, grown.revision],
    ]);
    const broker = { type: 'broker', version: 1, brokerId: 2, brokerEpoch: grown.revision, incarnationId: 'i' } as BrokerRecord;
    const back = { ...grown, records: [...grown.records, broker] };
    expect(clusterOf(begun(back, [2])).givenUp).toMatchObject([{ brokerId: 2, revision: grown.revision, opId: 'grown' }]);
  });
});
