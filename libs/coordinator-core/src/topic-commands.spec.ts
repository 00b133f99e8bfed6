// Topics as a running coordinator serves them: the internal one that it makes by itself, growth, configs, refusals.
import { OFFSETS_TOPIC } from '#kernel';
import { OFFSETS_TOPIC_PATIENCE_MS } from './offsets-topic.js';
import { SimCluster } from './testing/sim-cluster.js';

const offsetsTopic = { partitions: 6, replicationFactor: 3, segmentBytes: 4_096 };

function partitionsOf(cluster: SimCluster, name: string) {
  return cluster.image.partitionsOf(cluster.image.topicsByName.get(name)?.topicId ?? '');
}

/** How many partitions each broker leads. */
function leaderCounts(cluster: SimCluster, name: string): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { leader } of partitionsOf(cluster, name)) counts[leader] = (counts[leader] ?? 0) + 1;
  return counts;
}

describe('__consumer_offsets', () => {
  it('exists as soon as the configured brokers run, compacted, with a full ISR and leaders on all of them', async () => {
    const cluster = await SimCluster.active({ offsetsTopic });
    await cluster.until(() => cluster.image.topicsByName.has(OFFSETS_TOPIC), 'the topic', 100);
    expect(cluster.image.topicsByName.get(OFFSETS_TOPIC)!.configs).toEqual({
      'cleanup.policy': 'compact',
      'segment.bytes': '4096',
      'max.message.bytes': '10485760',
    });
    const partitions = partitionsOf(cluster, OFFSETS_TOPIC);
    expect(partitions.map((record) => [record.isr.length, record.minInSyncReplicas])).toEqual(partitions.map(() => [3, 2]));
    expect(leaderCounts(cluster, OFFSETS_TOPIC)).toEqual({ 0: 2, 1: 2, 2: 2 });
  });

  it('waits for every configured broker to register, then not for ever for one that does not run', async () => {
    const cluster = new SimCluster({ offsetsTopic: { ...offsetsTopic, replicationFactor: 2 } });
    await cluster.startCoordinator();
    cluster.brokers[0]!.start();
    cluster.brokers[1]!.start();
    await cluster.world.runFor(5_000);
    expect(cluster.image.cluster).toBeNull();
    cluster.brokers[2]!.start();
    await cluster.until(() => cluster.image.brokers.size === 3, 'registered');
    // It registered and never gets as far as being unfenced.
    cluster.brokers[2]!.kill();
    await cluster.until(() => cluster.brokers[0]!.isActive && cluster.brokers[1]!.isActive, 'two active');
    await cluster.world.runFor(OFFSETS_TOPIC_PATIENCE_MS / 2);
    expect(partitionsOf(cluster, OFFSETS_TOPIC)).toEqual([]);
    await cluster.until(() => cluster.image.topicsByName.has(OFFSETS_TOPIC), 'the topic', OFFSETS_TOPIC_PATIENCE_MS);
    expect(leaderCounts(cluster, OFFSETS_TOPIC)).toEqual({ 0: 3, 1: 3 });
  });

  it('has as many replicas as there are configured brokers where those are fewer, and is made when a restart finds it missing', async () => {
    const cluster = await SimCluster.active({ offsetsTopic: null }, 2);
    await cluster.world.runFor(3_000);
    expect(cluster.image.topicsByName.size).toBe(0);
    cluster.killCoordinator();
    Object.assign(cluster, { config: { offsetsTopic } });
    await cluster.startCoordinator();
    await cluster.until(() => cluster.image.topicsByName.has(OFFSETS_TOPIC), 'the topic');
    expect(partitionsOf(cluster, OFFSETS_TOPIC).map((record) => record.replicas.length)).toEqual([2, 2, 2, 2, 2, 2]);
    const { topicId } = cluster.image.topicsByName.get(OFFSETS_TOPIC)!;
    cluster.killCoordinator();
    await cluster.startCoordinator();
    await cluster.world.runFor(5_000);
    expect(cluster.image.topicsByName.get(OFFSETS_TOPIC)!.topicId).toBe(topicId);
  });

  it('cannot be created or deleted by a client', async () => {
    const cluster = await SimCluster.active({ offsetsTopic });
    await cluster.until(() => cluster.image.topicsByName.has(OFFSETS_TOPIC), 'the topic');
    const deleted = await cluster.ask('deleteTopics', { topics: [{ name: OFFSETS_TOPIC }] });
    expect(deleted.topics[0]).toMatchObject({ error: 'INVALID_TOPIC_EXCEPTION', message: expect.stringContaining('internal') });
    const created = await cluster.ask('createTopics', { topics: [{ name: '__transaction_state' }] });
    expect(created.topics[0]).toMatchObject({ error: 'INVALID_TOPIC_EXCEPTION', message: expect.stringContaining('internal') });
    expect([...cluster.image.topicsByName.keys()]).toEqual([OFFSETS_TOPIC]);
  });
});

describe('topics that are changed', () => {
  it('get partitions that their leaders know of when the answer comes, and configs that are in the records', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic('t');
    const grown = await cluster.ask('createPartitions', {
      topics: [
        { name: 't', totalCount: 3 },
        { name: 'no', totalCount: 3 },
      ],
    });
    expect(grown.topics).toEqual([
      { name: 't', error: 'NONE' },
      { name: 'no', error: 'UNKNOWN_TOPIC_OR_PARTITION', message: expect.any(String) },
    ]);
    expect(partitionsOf(cluster, 't').map((record) => record.leader)).toEqual([0, 1, 2]);
    for (const { id, image } of cluster.brokers) {
      if (id > 0) expect(image.partitionsOf(image.topicsByName.get('t')!.topicId)).toHaveLength(3);
    }
    const operations = [{ name: 'min.insync.replicas', operation: 'set', value: '3' }] as const;
    const altered = await cluster.ask('alterConfigs', { resources: [{ type: 'topic', name: 't', operations }] });
    expect(altered.resources).toEqual([{ type: 'topic', name: 't', error: 'NONE' }]);
    expect(partitionsOf(cluster, 't').map((record) => [record.minInSyncReplicas, record.leaderEpoch])).toEqual([
      [3, 0],
      [3, 0],
      [3, 0],
    ]);
    const dry = await cluster.ask('createPartitions', { topics: [{ name: 't', totalCount: 9 }], validateOnly: true });
    expect(dry.topics).toEqual([{ name: 't', error: 'NONE' }]);
    expect(partitionsOf(cluster, 't')).toHaveLength(3);
  });

  it('R13: a lower min.insync.replicas gives up no seat for brokers that were not heard since the coordinator came back', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic('t');
    cluster.brokers[2]!.kill();
    cluster.brokers[1]!.kill();
    await cluster.until(() => cluster.fencedBrokers().length === 2, 'two fenced');
    expect(cluster.show()).toBe('leader 0 live 0 kept 1,2');
    const before = cluster.show();
    cluster.killCoordinator();
    cluster.brokers[0]!.kill();
    await cluster.startCoordinator();
    // The store still calls broker 0 unfenced, and nobody has heard of it.
    const operations = [{ name: 'min.insync.replicas', operation: 'set', value: '1' }] as const;
    await cluster.ask('alterConfigs', { resources: [{ type: 'topic', name: 't', operations }] });
    expect(cluster.partition().minInSyncReplicas).toBe(1);
    expect(cluster.show()).toBe(before);
  });

  it('R19: not while the store is suspect, and neither does the internal topic come into being then', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic('t');
    cluster.brokers[2]!.kill();
    await cluster.world.runFor(1_000);
    cluster.killCoordinator();
    cluster.world.disk('c').remove('/coordinator');
    Object.assign(cluster, { config: { offsetsTopic: { ...offsetsTopic, replicationFactor: 2 } } });
    await cluster.startCoordinator();
    await cluster.until(() => cluster.coordinator.report().reason?.endsWith('brokers 2') === true, 'all copies but one');
    // Its copy is part of the new history, so what it may have to say about it is waited for.
    cluster.brokers[1]!.kill();
    await cluster.trust();
    await cluster.until(() => cluster.brokers[0]!.isActive, 'one active');
    await cluster.world.runFor(5_000);
    expect(cluster.coordinator.report().isSuspect).toBe(true);
    const grown = await cluster.ask('createPartitions', { topics: [{ name: 't', totalCount: 3 }] });
    expect(grown.topics[0]).toMatchObject({ name: 't', error: 'NOT_CONTROLLER', message: expect.stringContaining('suspect') });
    const altered = await cluster.ask('alterConfigs', { resources: [{ type: 'topic', name: 't', operations: [] }] });
    expect(altered.resources[0]).toMatchObject({ type: 'topic', name: 't', error: 'NOT_CONTROLLER' });
    expect([...cluster.image.topicsByName.keys()]).toEqual(['t']);
    cluster.brokers[1]!.start();
    await cluster.until(() => cluster.image.topicsByName.has(OFFSETS_TOPIC), 'the topic');
  });
});
