import { type MetadataEntry, MetadataImage, type MetadataRecord, type PartitionRecord } from '#metadata';
import type { LeaderRow } from '#metadata-redis';
import { publishLeaders } from './published-leaders.js';

const CLUSTER = { type: 'cluster', version: 1, clusterId: 'C', configuredBrokers: [0, 1], features: {} } as const;
const TOPIC = { type: 'topic', version: 1, name: 't', topicId: 'id', configs: {} } as const;

const partition = (index: number, leader: number): PartitionRecord => ({
  type: 'partition',
  version: 1,
  topicId: 'id',
  partition: index,
  replicas: [0, 1],
  directoryIds: ['a', 'b'],
  isr: [{ brokerId: leader, brokerEpoch: 1 }],
  leader,
  leaderEpoch: leader + 3,
  partitionEpoch: 5,
  addingReplicas: [],
  removingReplicas: [],
  minInSyncReplicas: 1,
  flushPolicy: 'commit',
  lastKnown: [],
  mustAsk: false,
  possibleLoss: false,
});

it('publishes the rows that an entry changed, all of them when a topic goes, and nothing before there is a cluster', () => {
  let image = MetadataImage.empty();
  let listener: (entry: MetadataEntry, image: MetadataImage) => void = () => {};
  const published: { epoch: number; clusterId: string; all: readonly LeaderRow[]; changed: readonly LeaderRow[] | null }[] = [];
  publishLeaders(
    {
      onEntry: (heard) => {
        listener = heard;
        return () => {};
      },
      get image() {
        return image;
      },
    },
    { publish: (epoch, clusterId, all, changed) => void published.push({ epoch, clusterId, all: all(), changed }) },
  );
  const commit = (...records: MetadataRecord[]) => {
    const entry = {
      revision: image.revision + 1,
      coordinatorEpoch: 7,
      opId: `op-${image.revision + 1}`,
      previousOpId: image.opId,
      records,
    };
    image = image.apply(entry);
    listener(entry, image);
    return published.at(-1);
  };

  expect(commit({ type: 'no-op', version: 1 })).toBeUndefined();
  expect(commit(CLUSTER)).toEqual({ epoch: 7, clusterId: 'C', all: [], changed: [] });
  const row = { topic: 't', topicId: 'id', partition: 0, leader: 1, leaderEpoch: 4, partitionEpoch: 5, isr: [1], revision: 2 };
  expect(commit(TOPIC, partition(0, 1), partition(1, 1))!.changed).toEqual([row, { ...row, partition: 1 }]);
  const second = { ...row, partition: 1, leader: 0, leaderEpoch: 3, isr: [0], revision: 3 };
  expect(commit(partition(1, 0))).toEqual({ epoch: 7, clusterId: 'C', changed: [second], all: [{ ...row, revision: 3 }, second] });
  expect(commit({ type: 'topic-deleted', version: 1, name: 't', topicId: 'id' })).toMatchObject({ changed: null, all: [] });
});
