// R19: a new history is above everything that anybody may have seen, also above what it is not made from.
import { buildNewHistory, type MetadataCopyOffer, NEW_HISTORY_STEP } from './new-history.js';
import type { MetadataRecord, MetadataSnapshot } from './records.js';

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
  const first = buildNewHistory(copies, 2, 'first', ADDRESS);
  expect(first.revision).toBe(5 + NEW_HISTORY_STEP);
  const grown = { ...first, revision: first.revision + 3 };
  // The brokers' copies are what they were.
  const second = buildNewHistory(copies, 3, 'second', ADDRESS, [], grown);
  expect(second.revision).toBe(grown.revision + NEW_HISTORY_STEP);
  const producerIdsOf = ({ records }: MetadataSnapshot) => records.find((record) => record.type === 'producer-ids')?.nextProducerId;
  expect(producerIdsOf(second)).toBe(producerIdsOf(first)! + NEW_HISTORY_STEP);
  // What it is made from stays the brokers' word.
  expect(second.records).toContainEqual(CLUSTER);
});
