// Topics that grow and topics whose configs change: what is refused and why, and what it means for leaders, seats and epochs.
import { validateTopicConfigs } from '#config';
import type { ModelCluster } from '../testing/model-cluster.js';
import { threeBrokers } from '../testing/model-cluster.js';
import type { AlterTopicConfigsCommand, TopicConfigOperation } from './alter-topic-configs.js';
import { alterTopicConfigs } from './alter-topic-configs.js';
import { createPartitions, type GrowTopicCommand } from './create-partitions.js';
import { MAX_PARTITIONS_PER_TOPIC } from './place-replicas.js';

function grow(cluster: ModelCluster, topics: readonly GrowTopicCommand[], validateOnly = false) {
  return cluster.do(createPartitions(cluster.state, { topics, validateOnly }, { defaultFlushPolicy: 'commit' })).topics;
}

function replicasOf(cluster: ModelCluster, topic = 't'): (readonly number[])[] {
  return cluster.image.partitionsOf(`id-${topic}`).map((record) => record.replicas);
}

describe('more partitions', () => {
  it('come out as if the topic had had them from the start, and leave the old ones as they are', () => {
    for (const first of [1, 2, 3, 4, 7]) {
      const grown = threeBrokers({ partitions: first });
      const before = grown.image.partitionsOf('id-t');
      const revision = grown.state.revision;
      expect(grow(grown, [{ name: 't', totalCount: 9 }])).toEqual([{ name: 't', error: 'NONE' }]);
      expect(replicasOf(grown)).toEqual(replicasOf(threeBrokers({ partitions: 9 })));
      expect(grown.image.partitionsOf('id-t').slice(0, first)).toEqual(before);
      expect(grown.partition('t', 8)).toMatchObject({
        createdRevision: revision,
        leaderEpoch: 0,
        minInSyncReplicas: 2,
        flushPolicy: 'commit',
      });
      expect(grown.show('t', 8)).toMatch(/^leader \d le 0 pe 0 live \d,\d,\d kept none$/);
    }
  });

  it('go on at the next broker when others have come or the last leader has gone', () => {
    const cluster = threeBrokers({ partitions: 2 }).up(3, 4);
    grow(cluster, [{ name: 't', totalCount: 6 }]);
    expect(replicasOf(cluster).map((replicas) => replicas[0])).toEqual([0, 1, 2, 3, 4, 0]);
    const other = threeBrokers({ partitions: 3 }).up(3);
    other.fence(2);
    grow(other, [{ name: 't', totalCount: 6 }]);
    expect(replicasOf(other).slice(3)).toEqual([
      [3, 1, 0],
      [0, 3, 1],
      [1, 0, 3],
    ]);
  });

  it('follow the configs of the topic', () => {
    const cluster = threeBrokers({ partitions: 1, configs: { 'min.insync.replicas': '3', 'log.flush.policy': 'interval' } });
    grow(cluster, [{ name: 't', totalCount: 2 }]);
    expect(cluster.partition('t', 1)).toMatchObject({ minInSyncReplicas: 3, flushPolicy: 'interval' });
  });

  it('are refused with what was wrong, each topic for itself', () => {
    const cluster = threeBrokers({ partitions: 2 });
    cluster.create({ name: '__consumer_offsets' });
    const cases: [GrowTopicCommand, string, RegExp][] = [
      [{ name: 'no', totalCount: 3 }, 'UNKNOWN_TOPIC_OR_PARTITION', /no topic no/],
      [{ name: 't', totalCount: 2 }, 'INVALID_PARTITIONS', /has 2 partitions: 2 in all would not be more/],
      [{ name: 't', totalCount: 1 }, 'INVALID_PARTITIONS', /never taken away/],
      [{ name: 't', totalCount: 2.5 }, 'INVALID_PARTITIONS', /2.5/],
      [{ name: 't', totalCount: MAX_PARTITIONS_PER_TOPIC + 1 }, 'INVALID_PARTITIONS', /at most 1000/],
      [{ name: 't', totalCount: 4, assignments: [[0, 1, 2]] }, 'INVALID_REPLICA_ASSIGNMENT', /2 partitions are to be added, and 1/],
      [{ name: 't', totalCount: 3, assignments: [[0, 1]] }, 'INVALID_REPLICA_ASSIGNMENT', /partition 2 has 2 replicas, partition 0 has 3/],
      [{ name: 't', totalCount: 3, assignments: [[0, 1, 1]] }, 'INVALID_REPLICA_ASSIGNMENT', /twice/],
      [{ name: 't', totalCount: 3, assignments: [[0, 1, 9]] }, 'INVALID_REPLICA_ASSIGNMENT', /broker 9 of partition 2/],
      [{ name: '__consumer_offsets', totalCount: 50 }, 'INVALID_TOPIC_EXCEPTION', /internal/],
    ];
    for (const [topic, error, message] of cases) {
      expect([topic, ...grow(cluster, [topic])]).toEqual([topic, { name: topic.name, error, message: expect.stringMatching(message) }]);
    }
    expect(
      grow(cluster, [
        { name: 't', totalCount: 3 },
        { name: 't', totalCount: 4 },
      ]),
    ).toMatchObject([{ error: 'INVALID_REQUEST' }]);
    expect(grow(cluster, [{ name: 't', totalCount: 3 }], true)).toMatchObject([{ error: 'NONE' }]);
    expect(replicasOf(cluster)).toHaveLength(2);
    expect(
      grow(cluster, [
        { name: 'no', totalCount: 3 },
        { name: 't', totalCount: 3, assignments: [[2, 0, 1]] },
      ]),
    ).toMatchObject([{ error: 'UNKNOWN_TOPIC_OR_PARTITION' }, { error: 'NONE' }]);
    expect(replicasOf(cluster)[2]).toEqual([2, 0, 1]);
    for (const brokerId of [0, 1, 2]) cluster.fence(brokerId);
    expect(grow(cluster, [{ name: 't', totalCount: 4 }])[0]).toMatchObject({ error: 'INVALID_REPLICATION_FACTOR' });
  });
});

const KNOWN = ['cleanup.policy', 'retention.ms', 'min.insync.replicas', 'log.flush.policy', 'segment.bytes'];

function alter(
  cluster: ModelCluster,
  operations: readonly TopicConfigOperation[],
  changes: Partial<AlterTopicConfigsCommand> = {},
  options: { validateOnly?: boolean; isHeard?: (brokerId: number) => boolean } = {},
) {
  const command = { resources: [{ type: 'topic', name: 't', operations, ...changes }], validateOnly: options.validateOnly ?? false };
  const { resources } = cluster.do(
    alterTopicConfigs(cluster.state, command, {
      validateTopicConfigs,
      isKnownConfig: (name) => KNOWN.includes(name),
      defaultFlushPolicy: 'commit',
      ...(options.isHeard ? { isHeard: options.isHeard } : {}),
    }),
  );
  return resources[0]!;
}

const set = (name: string, value: string): TopicConfigOperation => ({ name, operation: 'set', value });
const unset = (name: string): TopicConfigOperation => ({ name, operation: 'delete', value: null });
const configsOf = (cluster: ModelCluster) => cluster.image.topicsByName.get('t')!.configs;

describe('configs of a topic', () => {
  it('are set, deleted and replaced; lists are appended to and subtracted from; nothing new commits nothing', () => {
    const cluster = threeBrokers({ configs: { 'retention.ms': '5', 'segment.bytes': '2048' } });
    expect(alter(cluster, [set('retention.ms', '7'), unset('segment.bytes'), unset('min.insync.replicas')])).toEqual({
      type: 'topic',
      name: 't',
      error: 'NONE',
    });
    expect(configsOf(cluster)).toEqual({ 'retention.ms': '7' });
    const { revision } = cluster.image;
    alter(cluster, [set('retention.ms', '7')]);
    alter(cluster, []);
    alter(cluster, [set('retention.ms', '8')], {}, { validateOnly: true });
    expect(cluster.image.revision).toBe(revision);
    alter(cluster, [set('segment.bytes', '4096')], { replacesAll: true });
    expect(configsOf(cluster)).toEqual({ 'segment.bytes': '4096' });

    const list = (operation: 'append' | 'subtract', value: string) => {
      alter(cluster, [{ name: 'cleanup.policy', operation, value }]);
      return configsOf(cluster)['cleanup.policy'];
    };
    expect(list('append', 'compact')).toBe('delete,compact');
    expect(list('append', 'delete, compact')).toBe('delete,compact');
    expect(list('subtract', 'delete')).toBe('compact');
    expect(alter(cluster, [{ name: 'cleanup.policy', operation: 'subtract', value: 'compact' }]).error).toBe('INVALID_CONFIG');
    expect(cluster.partition().partitionEpoch).toBe(0);
  });

  it('are refused with everything that is wrong, and then nothing of them is done', () => {
    const cluster = threeBrokers({ configs: { 'retention.ms': '5' } });
    const cases: [readonly TopicConfigOperation[], string, RegExp][] = [
      [[set('retention.ms', 'soon'), set('nonsense', '1'), unset('nothing')], 'INVALID_CONFIG', /nothing.*soon.*nonsense/],
      [[set('segment.bytes', '1024'), { name: 'retention.ms', operation: 'append', value: '1' }], 'INVALID_CONFIG', /not a list.*appended/],
      [[{ name: 'retention.ms', operation: 'subtract', value: '1' }], 'INVALID_CONFIG', /subtracted/],
      [[{ name: 'retention.ms', operation: 'set', value: null }], 'INVALID_REQUEST', /needs a value/],
      [[set('retention.ms', '1'), unset('retention.ms')], 'INVALID_REQUEST', /more than once/],
    ];
    for (const [operations, error, message] of cases) {
      expect(alter(cluster, operations)).toMatchObject({ error, message: expect.stringMatching(message) });
    }
    expect(alter(cluster, [], { name: 'no' })).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(alter(cluster, [], { type: 'broker', name: '0' })).toMatchObject({
      error: 'INVALID_REQUEST',
      message: expect.stringContaining('restart'),
    });
    expect(alter(cluster, [], { type: 'group', name: 'g' })).toMatchObject({ error: 'INVALID_REQUEST' });
    expect(configsOf(cluster)).toEqual({ 'retention.ms': '5' });
    const twice = { type: 'topic', name: 't', operations: [] };
    const context = { validateTopicConfigs, isKnownConfig: () => true, defaultFlushPolicy: 'commit' as const };
    expect(alterTopicConfigs(cluster.state, { resources: [twice, twice] }, context)).toMatchObject({
      records: [],
      response: { resources: [{ error: 'INVALID_REQUEST' }] },
    });
  });

  it('leave an internal topic compacted', () => {
    const cluster = threeBrokers();
    cluster.create({ name: '__consumer_offsets', configs: { 'cleanup.policy': 'compact' } });
    const changed = alter(cluster, [set('cleanup.policy', 'delete')], { name: '__consumer_offsets' });
    expect(changed).toMatchObject({ error: 'INVALID_CONFIG', message: expect.stringContaining('has to stay compact') });
    expect(alter(cluster, [set('segment.bytes', '4096')], { name: '__consumer_offsets' }).error).toBe('NONE');
  });
});

describe('min.insync.replicas of a topic that lives', () => {
  const minimum = (m: number) => [set('min.insync.replicas', String(m))];

  it('R1: is part of every partition record, under the partition epoch; leader and leader epoch stay', () => {
    const cluster = threeBrokers();
    alter(cluster, minimum(3));
    expect(cluster.partition()).toMatchObject({ minInSyncReplicas: 3, leader: 0, leaderEpoch: 0, partitionEpoch: 1 });
    alter(cluster, [unset('min.insync.replicas')]);
    expect(cluster.partition()).toMatchObject({ minInSyncReplicas: 2, leader: 0, leaderEpoch: 0, partitionEpoch: 2 });
    alter(cluster, minimum(30));
    expect(cluster.partition()).toMatchObject({ minInSyncReplicas: 3 });
  });

  it('R9: a proposal from before the change is refused', () => {
    const cluster = threeBrokers({ configs: { 'min.insync.replicas': '1' } });
    alter(cluster, minimum(2));
    expect(cluster.propose([0], { partitionEpoch: 0 }).error).toBe('INVALID_UPDATE_VERSION');
    expect(cluster.show()).toBe('leader 0 le 0 pe 1 live 0,1,2 kept none');
  });

  it('R10: a lower one lets kept members go that are not needed any more, but not for members that may be gone', () => {
    const cluster = threeBrokers();
    cluster.fence(2);
    cluster.fence(1);
    expect(cluster.show()).toBe('leader 0 le 0 pe 1 live 0 kept 1');
    const { image } = cluster;
    alter(cluster, minimum(1), {}, { isHeard: () => false });
    expect(cluster.show()).toBe('leader 0 le 0 pe 2 live 0 kept 1');
    cluster.image = image;
    alter(cluster, minimum(1));
    expect(cluster.show()).toBe('leader 0 le 0 pe 2 live 0 kept none');
  });

  it('R19: a higher one waits for that many in-sync replicas, which an election by asking counts on', () => {
    const cluster = threeBrokers({ partitions: 2, configs: { 'min.insync.replicas': '1' } });
    cluster.fence(2);
    cluster.fence(1);
    const { revision } = cluster.image;
    expect(alter(cluster, minimum(2))).toMatchObject({
      error: 'INVALID_CONFIG',
      message: expect.stringMatching(/partition 0 has 1 in-sync replicas: wait until it has 2; partition 1/),
    });
    expect(cluster.image.revision).toBe(revision);
    cluster.up(1);
    cluster.propose([0, 1]);
    expect(alter(cluster, minimum(2))).toMatchObject({ message: expect.stringMatching(/^[^0]*partition 1 has 1/) });
  });

  it('R19: does not change while the replicas are asked', () => {
    const cluster = threeBrokers();
    for (const brokerId of [0, 1, 2]) cluster.fence(brokerId);
    for (const brokerId of [1, 2]) cluster.register(brokerId, { isComplete: false });
    expect(cluster.show()).toContain('must ask');
    for (const m of [1, 3])
      expect(alter(cluster, minimum(m))).toMatchObject({ error: 'INVALID_CONFIG', message: expect.stringContaining('asked') });
    expect(alter(cluster, [set('retention.ms', '1')]).error).toBe('NONE');
  });
});

describe('log.flush.policy of a topic that lives', () => {
  it('R1: is part of every partition record, so that who lost its page cache is judged by it from that entry on', () => {
    const cluster = threeBrokers({ partitions: 2 });
    alter(cluster, [set('log.flush.policy', 'interval')]);
    expect([0, 1].map((index) => cluster.partition('t', index).flushPolicy)).toEqual(['interval', 'interval']);
    expect(cluster.partition()).toMatchObject({ leader: 0, leaderEpoch: 0, partitionEpoch: 1 });
    cluster.register(2, { isSameBoot: false, wasCleanShutdown: false });
    expect(cluster.show()).toBe('leader 0 le 0 pe 2 live 0,1 kept none');
    alter(cluster, [unset('log.flush.policy')]);
    cluster.register(1, { isSameBoot: false, wasCleanShutdown: false });
    expect(cluster.show()).toContain('live 0 kept 1');
    // What it wrote under interval and lost, its folder confesses.
    cluster.register(1, { isSameBoot: false, wasCleanShutdown: false, isComplete: false });
    expect(cluster.show()).toContain('live 0 kept none last 1');
  });
});
