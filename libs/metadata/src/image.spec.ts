import { deleteTopics } from './decisions/delete-topics.js';
import { deltaBetween, deltaOf } from './delta.js';
import { isLiveSeat, keptMembers, liveMembers, MetadataImage } from './image.js';
import { buildNewHistory, clusterIdOf, isUnheardInHistory, NEW_HISTORY_STEP, newHistoryCoordinatorEpoch } from './new-history.js';
import type { MetadataRecord } from './records.js';
import { ModelCluster, threeBrokers } from './testing/model-cluster.js';

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
}

describe('MetadataImage', () => {
  it('R17: applies only the entry that names its own last op id', () => {
    const { image } = threeBrokers();
    const entry = { revision: image.revision + 1, coordinatorEpoch: 1, opId: 'next', previousOpId: image.opId, records: [] };
    expect(image.apply(entry)).toMatchObject({ revision: entry.revision, opId: 'next' });
    expect(codeOf(() => image.apply({ ...entry, previousOpId: 'other' }))).toBe('METADATA_CHAIN_BROKEN');
    expect(codeOf(() => image.apply({ ...entry, revision: image.revision + 2 }))).toBe('METADATA_CHAIN_BROKEN');
  });

  it('refuses records of an unknown type or version with what to do, and partitions of unknown topics', () => {
    const { image } = new ModelCluster();
    const apply = (record: unknown) => codeOf(() => image.withRecords([record as MetadataRecord]));
    expect(apply({ type: 'acl', version: 1 })).toBe('UNSUPPORTED_METADATA');
    expect(apply({ type: 'no-op', version: 2 })).toBe('UNSUPPORTED_METADATA');
    expect(apply({ ...threeBrokers().partition() })).toBe('METADATA_CHAIN_BROKEN');
    expect(codeOf(() => threeBrokers().image.withRecords([{ ...threeBrokers().partition(), partition: 2 }]))).toBe('METADATA_CHAIN_BROKEN');
  });

  it('is never changed by applying, and a snapshot rebuilds it', () => {
    const cluster = threeBrokers();
    cluster.create({ name: 'u', partitions: 2 });
    const before = cluster.image;
    const text = JSON.stringify(before.toSnapshot());
    cluster.fence(0);
    cluster.do(deleteTopics(cluster.state, { topics: [{ name: 'u' }] }));
    expect(JSON.stringify(before.toSnapshot())).toBe(text);
    expect(before.partition('id-t', 0)!.leader).toBe(0);
    const copy = MetadataImage.fromSnapshot(JSON.parse(JSON.stringify(cluster.image.toSnapshot())));
    expect(copy.toSnapshot()).toEqual(cluster.image.toSnapshot());
    expect(copy.deletedTopics.has('id-u')).toBe(true);
    expect(copy.partition('id-t', 0)).toEqual(cluster.partition());
  });

  it('a seat is live only under the registered broker epoch of an unfenced broker', () => {
    const cluster = threeBrokers();
    cluster.fence(2);
    cluster.fence(1);
    expect(liveMembers(cluster.partition(), cluster.image)).toEqual([0]);
    expect(keptMembers(cluster.partition(), cluster.image)).toEqual([1]);
    expect(isLiveSeat({ brokerId: 0, brokerEpoch: cluster.broker(0).brokerEpoch - 1 }, cluster.image)).toBe(false);
    expect(isLiveSeat({ brokerId: 9, brokerEpoch: 0 }, cluster.image)).toBe(false);
  });

  it('tells what an entry, or a jump over a snapshot, touched', () => {
    const cluster = threeBrokers();
    cluster.create({ name: 'u' });
    const before = cluster.image;
    cluster.fence(0);
    const fencing = deltaOf(cluster.entries.at(-1)!);
    expect(fencing.brokers.map((broker) => broker.brokerId)).toEqual([0]);
    expect(fencing.partitions.map((partition) => partition.topicId)).toEqual(['id-t', 'id-u']);
    cluster.do(deleteTopics(cluster.state, { topics: [{ name: 'u' }] }));
    const jump = deltaBetween(before, cluster.image);
    expect(jump.partitions.map((partition) => partition.topicId)).toEqual(['id-t']);
    expect(jump.deletedTopics.map((topic) => topic.topicId)).toEqual(['id-u']);
    expect(jump.brokers.map((broker) => broker.brokerId)).toEqual([0]);
    expect(deltaBetween(cluster.image, cluster.image)).toEqual({
      topics: [],
      deletedTopics: [],
      partitions: [],
      brokers: [],
      isClusterChanged: false,
    });
  });

  it('stays quick with thousands of partitions', () => {
    const cluster = new ModelCluster().up(0, 1, 2);
    for (let topic = 0; topic < 50; topic++) cluster.create({ name: `t${topic}`, partitions: 100 });
    const entries = cluster.entries.length;
    cluster.fence(0);
    cluster.up(0);
    for (let index = 0; index < 100; index++) cluster.commit([{ ...cluster.partition('t7', index), possibleLoss: true }]);
    expect(cluster.entries.length).toBe(entries + 103);
    expect([...cluster.image.allPartitions()].length).toBe(5_000);
  });
});

describe('a new history', () => {
  const offer = (
    brokerId: number,
    cluster: ModelCluster,
    seen: { brokerEpoch?: number; leaderEpoch?: number; producerId?: number } = {},
  ) => ({
    brokerId,
    snapshot: cluster.image.toSnapshot(),
    highestCoordinatorEpoch: 7,
    maxBrokerEpochSeen: seen.brokerEpoch ?? -1,
    maxLeaderEpochSeen: seen.leaderEpoch ?? -1,
    maxProducerIdSeen: seen.producerId ?? -1,
  });

  it('R19: is rebuilt from the highest copy, with every counter far above everything seen, and must ask', () => {
    const old = threeBrokers();
    const newest = threeBrokers();
    newest.fence(0);
    const offers = [offer(0, old, { producerId: 5_000_000 }), offer(1, newest, { leaderEpoch: 90 }), offer(2, old, { brokerEpoch: 2_000 })];
    const coordinatorEpoch = newHistoryCoordinatorEpoch(offers, 3);
    expect(coordinatorEpoch).toBeGreaterThanOrEqual(7 + NEW_HISTORY_STEP);
    const snapshot = buildNewHistory({ offers, coordinatorEpoch, opId: 'new', address: { host: 'c', port: 1 } });
    const image = MetadataImage.fromSnapshot(snapshot);
    expect(image.revision).toBe(2_000 + NEW_HISTORY_STEP);
    expect(image.nextProducerId).toBe(5_000_001 + NEW_HISTORY_STEP);
    expect(image.coordinator).toMatchObject({ coordinatorEpoch, isSuspect: true });
    expect(image.partition('id-t', 0)).toMatchObject({
      leader: -1,
      leaderEpoch: 90 + NEW_HISTORY_STEP,
      partitionEpoch: newest.partition().partitionEpoch + NEW_HISTORY_STEP,
      mustAsk: true,
      isr: newest.partition().isr,
    });
    for (const broker of image.brokers.values()) {
      expect(broker.isFenced && isUnheardInHistory(broker)).toBe(true);
      expect(broker.brokerEpoch).toBe(image.revision);
    }
  });

  it('R19: copies of different clusters are not mixed; no copy is no history', () => {
    const foreign = new ModelCluster();
    foreign.commit([{ type: 'cluster', version: 1, clusterId: 'other', configuredBrokers: [], features: {} }]);
    expect(codeOf(() => clusterIdOf([offer(0, new ModelCluster()), offer(1, foreign)]))).toBe('INCONSISTENT_CLUSTER_ID');
    expect(clusterIdOf([])).toBeNull();
    expect(codeOf(() => buildNewHistory({ offers: [], coordinatorEpoch: 1, opId: 'x', address: { host: 'c', port: 1 } }))).toBe(
      'NO_METADATA_COPY',
    );
  });
});
