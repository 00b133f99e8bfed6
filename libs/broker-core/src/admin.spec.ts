// Admin verbs without a network: what is forwarded, what is refused here, when an answer leaves, and what a broker says of configs.
import { configSettings, defaultServerConfigs, SERVER_CONFIGS } from '#config';
import { type Authorizer, allowAll, type Operation, type RequestContext, YakError } from '#kernel';
import type { MetadataImage } from '#metadata';
import { LogHarness } from '../../log/src/testing/log-harness.js';
import { ModelCluster } from '../../metadata/src/testing/model-cluster.js';
import { Admin, type AdminHost, COORDINATOR_WAIT_MS_MAX, VISIBLE_WAIT_MS_MAX } from './admin.js';
import type { BrokerState } from './broker-state.js';
import { DESCRIBE_CONFIGS_RESOURCES_MAX } from './describe-configs.js';

const context = {
  principal: 'User:alice',
  clientId: 'shop',
  clientAddress: '10.1.2.3:4',
  listener: 'client',
} as RequestContext;

/** Settings as if log.retention.ms alone had been set. */
const settings = configSettings(
  {
    values: { ...defaultServerConfigs(), 'log.retention.ms': 60_000, 'broker.rack': 'a' },
    sources: Object.fromEntries(
      Object.keys(SERVER_CONFIGS).map((name) => [name, name === 'log.retention.ms' || name === 'broker.rack' ? 'file' : 'default']),
    ) as never,
  },
  'broker',
);

/** The coordinator's side is a function; time passes while something is waited for. */
class World implements AdminHost {
  readonly cluster = new ModelCluster().up(0, 1, 2);
  nowMs = 1_000;
  readonly forwarded: { pattern: string; request: never; timeoutMs: number; atMs: number }[] = [];
  answer: (request: never) => unknown = () => ({ topics: [] });
  /** Called whenever somebody waits, before time passes. */
  onWait: () => void = () => {};
  readonly admin: Admin;

  constructor(authorizer: Authorizer = allowAll) {
    const clock = { monotonicMs: () => this.nowMs, wallMs: () => this.nowMs };
    this.admin = new Admin(this, { brokerId: 1, configs: settings }, { clock, authorizer }, () => null as unknown as BrokerState);
  }

  get image(): MetadataImage {
    return this.cluster.image;
  }

  async forward(pattern: string, request: object, timeoutMs: number): Promise<never> {
    this.forwarded.push({ pattern, request: request as never, timeoutMs, atMs: this.nowMs });
    const answer = this.answer(request as never);
    if (answer instanceof Error) throw answer;
    return answer as never;
  }

  async waitForMetadata(condition: (image: MetadataImage) => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = this.nowMs + timeoutMs;
    for (;;) {
      if (condition(this.image)) return true;
      if (this.nowMs >= deadline) return false;
      this.onWait();
      this.nowMs = Math.min(deadline, this.nowMs + 50);
    }
  }

  /** What the clock did while `work` ran. */
  async took(work: Promise<unknown>): Promise<number> {
    const from = this.nowMs;
    await work;
    return this.nowMs - from;
  }
}

/** Refuses these operations. */
const forbidding = (...operations: Operation[]): Authorizer => ({ isAllowed: (_context, operation) => !operations.includes(operation) });

const createdAs = (name: string) => ({ name, topicId: `id-${name}`, error: 'NONE', partitions: 1, replicationFactor: 3 });

describe('changes', () => {
  it('are forwarded in the name of the asker, whatever the request says of it, and answered when the image shows them', async () => {
    const world = new World();
    world.answer = () => ({ topics: [createdAs('t')] });
    let waits = 0;
    world.onWait = () => {
      if (++waits === 3) world.cluster.create({ name: 't', assignments: [[0, 1, 2]] });
    };
    const forged = { principal: 'User:root', clientId: null, clientAddress: 'x:1' };
    const work = world.admin.createTopics(context, { topics: [{ name: 't' }], timeoutMs: 20_000, onBehalfOf: forged });
    expect(await world.took(work)).toBe(150);
    expect((await work).topics).toEqual([createdAs('t')]);
    expect(world.forwarded).toEqual([
      {
        pattern: 'createTopics',
        request: {
          topics: [{ name: 't' }],
          timeoutMs: 20_000,
          onBehalfOf: { principal: 'User:alice', clientId: 'shop', clientAddress: '10.1.2.3:4' },
        },
        timeoutMs: 21_000,
        atMs: 1_000,
      },
    ]);
  });

  it('R13: an election by the operator is forwarded in his name and answered when it is seen here; who may not is refused here', async () => {
    const world = new World();
    world.cluster.create({ name: 't', assignments: [[1, 2]] });
    const leader = world.cluster.image.partition(world.cluster.image.topicsByName.get('t')!.topicId, 0)!;
    const request = { topic: 't', partition: 0, kind: 'unclean' as const };
    const elected = { error: 'NONE', leader: leader.leader, leaderEpoch: leader.leaderEpoch, isr: [1], possibleLoss: true, waitsFor: null };
    world.answer = () => elected;
    expect(await world.took(world.admin.electLeader(context, request))).toBe(0);
    expect(world.forwarded).toMatchObject([{ pattern: 'electLeader', request: { ...request, onBehalfOf: { principal: 'User:alice' } } }]);
    world.answer = () => ({ ...elected, leader: 2, leaderEpoch: leader.leaderEpoch + 1 });
    expect(await world.took(world.admin.electLeader(context, request))).toBe(VISIBLE_WAIT_MS_MAX);
    expect(await world.took(world.admin.electLeader(context, { ...request, validateOnly: true }))).toBe(0);
    const forbidden = new World(forbidding('ALTER'));
    expect(await forbidden.admin.electLeader(context, request)).toMatchObject({ error: 'CLUSTER_AUTHORIZATION_FAILED', leader: -1 });
    expect(forbidden.forwarded).toEqual([]);
  });

  it('wait for leaders that run, not for ever, and not at all with timeoutMs 0 or when nothing was decided', async () => {
    const world = new World();
    world.cluster.create({ name: 't', assignments: [[0]] });
    world.cluster.fence(0);
    world.answer = () => ({ topics: [createdAs('t')] });
    const create = (more: object = {}) => world.took(world.admin.createTopics(context, { topics: [{ name: 't' }], ...more }));
    expect(await create()).toBe(VISIBLE_WAIT_MS_MAX);
    expect(await create({ timeoutMs: 700 })).toBe(700);
    expect(await create({ timeoutMs: 0 })).toBe(0);
    expect(await create({ validateOnly: true })).toBe(0);
    world.answer = () => ({ topics: [{ ...createdAs('t'), error: 'TOPIC_ALREADY_EXISTS' }] });
    expect(await create()).toBe(0);
    expect(world.forwarded.at(-1)!.timeoutMs).toBe(31_000);
    await create({ timeoutMs: 10_000_000 });
    expect(world.forwarded.at(-1)!.timeoutMs).toBe(61_000);
    await create({ timeoutMs: -5 });
    expect(world.forwarded.at(-1)!.timeoutMs).toBe(1_000);
  });

  it('deletions are seen when the topic is gone; one that was deleted meanwhile is not waited for', async () => {
    const world = new World();
    world.cluster.create({ name: 't', assignments: [[0]] });
    world.answer = () => ({ topics: [{ name: 't', topicId: 'id-t', error: 'NONE' }] });
    let waits = 0;
    world.onWait = () => {
      if (++waits === 2) world.cluster.commit([{ type: 'topic-deleted', version: 1, name: 't', topicId: 'id-t' }]);
    };
    expect(await world.took(world.admin.deleteTopics(context, { topics: [{ topicId: 'id-t' }] }))).toBe(100);
    world.answer = () => ({ topics: [createdAs('t')] });
    expect(await world.took(world.admin.createTopics(context, { topics: [{ name: 't' }] }))).toBe(0);
  });

  it('new partitions are seen when all of them are there and led, configs when the record is as the operations leave it', async () => {
    const world = new World();
    world.cluster.create({ name: 't', assignments: [[0, 1, 2]], configs: { 'retention.ms': '5', 'segment.bytes': '9999' } });
    world.answer = () => ({ topics: [{ name: 't', error: 'NONE' }] });
    const first = world.cluster.partition('t');
    let waits = 0;
    world.onWait = () => {
      waits++;
      if (waits === 1) world.cluster.commit([{ ...first, partition: 1, leader: -1 }]);
      if (waits === 3) world.cluster.commit([{ ...first, partition: 1 }]);
    };
    expect(await world.took(world.admin.createPartitions(context, { topics: [{ name: 't', totalCount: 2 }] }))).toBe(150);

    world.answer = () => ({ resources: [{ type: 'topic', name: 't', error: 'NONE' }] });
    const topic = { type: 'topic', version: 1, name: 't', topicId: 'id-t' } as const;
    const steps: Record<string, string>[] = [{ 'retention.ms': '7' }, { 'retention.ms': '7', 'cleanup.policy': 'delete,compact' }];
    world.onWait = () => {
      const configs = steps.shift();
      if (configs) world.cluster.commit([{ ...topic, configs }]);
    };
    const operations = [
      { name: 'retention.ms', operation: 'set', value: '7' },
      { name: 'segment.bytes', operation: 'delete', value: null },
      { name: 'cleanup.policy', operation: 'append', value: 'compact' },
      { name: 'cleanup.policy', operation: 'subtract', value: 'other' },
    ] as const;
    const alter = (more: object = {}) =>
      world.took(world.admin.alterConfigs(context, { resources: [{ type: 'topic', name: 't', operations, ...more }] }));
    expect(await alter()).toBe(100);
    expect(await alter()).toBe(0);
    const replacing = { operations: [operations[0]], replacesAll: true };
    world.onWait = () => {
      if (world.nowMs % 200 === 0) world.cluster.commit([{ ...topic, configs: { 'retention.ms': '7' } }]);
    };
    expect(await alter(replacing)).toBeGreaterThan(0);
    expect(await alter(replacing)).toBe(0);
  });

  it('messages carry whole milliseconds, whatever the clock says', async () => {
    const world = new World();
    world.nowMs = 1_000.3;
    let failures = 0;
    world.answer = () => {
      world.nowMs += 0.123;
      return failures++ < 2 ? new YakError('BUSY', 'full') : { topics: [] };
    };
    await world.admin.deleteTopics(context, { topics: [{ name: 't' }], timeoutMs: 1_000 });
    expect(world.forwarded.map(({ request }) => (request as { timeoutMs: number }).timeoutMs)).toEqual([1_000, 900, 800]);
  });

  it('that were surely not begun are tried again until the coordinator is back, for a moment; others never', async () => {
    const world = new World();
    world.answer = () =>
      world.nowMs < 1_900 ? new YakError('UNAVAILABLE', 'nobody') : { topics: [{ name: 't', topicId: 'x', error: 'NONE' }] };
    await world.admin.deleteTopics(context, { topics: [{ name: 't' }] });
    expect(world.nowMs).toBe(1_900);

    world.answer = () => new YakError('UNAVAILABLE', 'nobody');
    const failing = (timeoutMs: number) =>
      world.took(
        expect(world.admin.deleteTopics(context, { topics: [{ name: 't' }], timeoutMs })).rejects.toMatchObject({ code: 'UNAVAILABLE' }),
      );
    expect(await failing(60_000)).toBe(COORDINATOR_WAIT_MS_MAX);
    expect(await failing(300)).toBe(300);
    expect(await failing(0)).toBe(0);

    for (const code of ['CONNECTION_CLOSED', 'REQUEST_TIMEOUT', 'NOT_ACTIVE', 'INVALID']) {
      world.answer = () => new YakError(code, 'lost');
      const before = world.forwarded.length;
      await expect(world.admin.deleteTopics(context, { topics: [{ name: 't' }] })).rejects.toMatchObject({ code });
      expect(world.forwarded).toHaveLength(before + 1);
    }
  });
});

describe('refused at this broker', () => {
  it('names that cannot be, and internal topics; the rest of the request goes on', async () => {
    const world = new World();
    world.answer = () => ({ topics: [createdAs('fine')] });
    const topics = [{ name: 'not/legal' }, { name: 'fine' }, { name: '__consumer_offsets' }];
    const answer = await world.admin.createTopics(context, { topics, timeoutMs: 0 });
    expect(Object.fromEntries(answer.topics.map(({ name, error }) => [name, error]))).toEqual({
      fine: 'NONE',
      'not/legal': 'INVALID_TOPIC_EXCEPTION',
      __consumer_offsets: 'INVALID_TOPIC_EXCEPTION',
    });
    expect(world.forwarded).toMatchObject([{ request: { topics: [{ name: 'fine' }] } }]);

    world.cluster.create({ name: '__consumer_offsets', assignments: [[0, 1, 2]] });
    const gone = await world.admin.deleteTopics(context, { topics: [{ topicId: 'id-__consumer_offsets' }, { topicId: 'nobody' }] });
    expect(gone.topics.map(({ error }) => error)).toEqual(['INVALID_TOPIC_EXCEPTION', 'UNKNOWN_TOPIC_ID']);
    const grown = await world.admin.createPartitions(context, { topics: [{ name: '__consumer_offsets', totalCount: 50 }] });
    expect(grown.topics[0]!.error).toBe('INVALID_TOPIC_EXCEPTION');
    expect(world.forwarded).toHaveLength(1);
  });

  it('counts and names that are impossible, so that one of them does not spoil the whole request', async () => {
    const world = new World();
    const long = 'x'.repeat(5_000);
    const topics = [{ name: 'a', partitions: 0 }, { name: 'b', partitions: -2 }, { name: 'c', replicationFactor: 0 }, { name: long }];
    const errors = [
      (await world.admin.createTopics(context, { topics })).topics,
      (await world.admin.deleteTopics(context, { topics: [{ name: '' }, { name: long }] })).topics,
      (await world.admin.createPartitions(context, { topics: ['t', long].map((name) => ({ name, totalCount: 0 })) })).topics,
      (await world.admin.alterConfigs(context, { resources: [{ type: 'topic', name: long, operations: [] }] })).resources,
    ].map((answers) => answers.map(({ error }) => error));
    expect(errors).toEqual([
      ['INVALID_PARTITIONS', 'INVALID_PARTITIONS', 'INVALID_REPLICATION_FACTOR', 'INVALID_TOPIC_EXCEPTION'],
      ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'],
      ['INVALID_PARTITIONS', 'UNKNOWN_TOPIC_OR_PARTITION'],
      ['INVALID_TOPIC_EXCEPTION'],
    ]);
    expect(world.forwarded).toEqual([]);
  });

  it('what the asker may not do, by the operation of each verb', async () => {
    const world = new World(forbidding('CREATE', 'DELETE', 'ALTER', 'ALTER_CONFIGS', 'DESCRIBE_CONFIGS'));
    const { admin } = world;
    world.cluster.create({ name: 't', assignments: [[0, 1, 2]] });
    const operations = [{ name: 'retention.ms', operation: 'set', value: '7' }] as const;
    const resources = [
      { type: 'topic', name: 't', operations, names: null },
      { type: 'broker', name: '1', operations, names: null },
    ] as const;
    const errors = [
      (await admin.createTopics(context, { topics: [{ name: 't' }] })).topics,
      (await admin.deleteTopics(context, { topics: [{ name: 't' }, { topicId: 'id-t' }] })).topics,
      (await admin.createPartitions(context, { topics: [{ name: 't', totalCount: 9 }] })).topics,
      (await admin.alterConfigs(context, { resources })).resources,
      (await admin.describeConfigs(context, { resources })).resources,
    ].map((answers) => answers.map(({ error }) => error));
    const topic = 'TOPIC_AUTHORIZATION_FAILED';
    expect(errors).toEqual([
      [topic],
      [topic, topic],
      [topic],
      [topic, 'CLUSTER_AUTHORIZATION_FAILED'],
      [topic, 'CLUSTER_AUTHORIZATION_FAILED'],
    ]);
    expect(admin.configsOfNewTopic(context, { name: 't', configs: {}, replicationFactor: 1 })).toBeNull();
    expect(world.forwarded).toEqual([]);
    // Who may create any topic in the cluster may create this one.
    const onCluster: Authorizer = { isAllowed: (_context, _operation, { type }) => type === 'CLUSTER' };
    const other = new World(onCluster);
    other.answer = () => ({ topics: [createdAs('t')] });
    expect((await other.admin.createTopics(context, { topics: [{ name: 't' }], timeoutMs: 0 })).topics[0]!.error).toBe('NONE');
  });

  it('configs of brokers and of kinds that have none', async () => {
    const world = new World();
    const operations = [{ name: 'log.retention.ms', operation: 'set', value: '7' }] as const;
    const resources = (['broker', 'group', 'broker-logger', 'client-metrics'] as const).map((type) => ({ type, name: '1', operations }));
    const answer = await world.admin.alterConfigs(context, { resources });
    expect(answer.resources.map(({ error }) => error)).toEqual(Array(4).fill('INVALID_REQUEST'));
    expect(answer.resources[0]!.message).toContain('read at start only');
    expect(world.forwarded).toEqual([]);
  });
});

describe('describeConfigs', () => {
  it('a topic has its own configs, the broker’s where it has none, and defaults; the first synonym acts', async () => {
    const world = new World();
    world.cluster.create({ name: 't', assignments: [[0, 1, 2]], configs: { 'segment.bytes': '4096' } });
    const resources = [
      { type: 'topic', name: 't', names: ['segment.bytes', 'retention.ms', 'max.message.bytes', 'min.insync.replicas', 'no.such'] },
    ] as const;
    const [topic] = (await world.admin.describeConfigs(context, { resources })).resources;
    expect(topic!.error).toBe('NONE');
    const short = topic!.configs.map(({ name, value, source, type, isReadOnly, synonyms }) => ({
      [`${name}=${value} ${source} ${type}${isReadOnly ? ' read-only' : ''}`]: synonyms.map(
        (one) => `${one.name}=${one.value} ${one.source}`,
      ),
    }));
    expect(short).toEqual([
      { 'retention.ms=60000 static-broker long': ['log.retention.ms=60000 static-broker', 'log.retention.ms=604800000 default'] },
      { 'segment.bytes=4096 topic int': ['segment.bytes=4096 topic', 'log.segment.bytes=1073741824 default'] },
      { 'max.message.bytes=1048588 default int': ['message.max.bytes=1048588 default'] },
      { 'min.insync.replicas=2 default int': ['min.insync.replicas=2 default'] },
    ]);
    expect(topic!.configs.every(({ documentation }) => documentation.length > 20)).toBe(true);
    const all = await world.admin.describeConfigs(context, { resources: [{ type: 'topic', name: 't', names: null }] });
    const created = world.admin.configsOfNewTopic(context, { name: 't', configs: { 'segment.bytes': '4096' }, replicationFactor: 3 });
    expect(all.resources[0]!.configs).toEqual(created);
  });

  it('a broker speaks for itself only, and everything is read-only', async () => {
    const world = new World();
    const ask = async (name: string) =>
      (await world.admin.describeConfigs(context, { resources: [{ type: 'broker', name, names: null }] })).resources[0]!;
    const own = await ask('1');
    expect(own.error).toBe('NONE');
    expect(own.configs.every(({ isReadOnly }) => isReadOnly)).toBe(true);
    const value = (name: string) => own.configs.find((config) => config.name === name);
    expect(value('log.retention.ms')).toMatchObject({ value: '60000', source: 'static-broker', type: 'long' });
    expect(value('auto.create.topics.enable')).toMatchObject({ value: 'true', source: 'default', type: 'boolean' });
    expect(value('coordinators')).toMatchObject({ value: '127.0.0.1:3180', type: 'list' });
    expect(value('broker.rack')!.synonyms).toEqual([
      { name: 'broker.rack', value: 'a', source: 'static-broker' },
      { name: 'broker.rack', value: null, source: 'default' },
    ]);
    // The coordinator's are not this process's.
    expect(value('configured.brokers')).toBeUndefined();
    expect(await ask('')).toMatchObject({ error: 'NONE', configs: [] });
    expect(await ask('2')).toMatchObject({ error: 'INVALID_REQUEST', message: expect.stringContaining('ask broker 2') });
    expect(await ask('one')).toMatchObject({ error: 'INVALID_REQUEST' });
  });

  it('unknown topics, illegal names, kinds without configs and requests without end are answered with why', async () => {
    const world = new World();
    const one = (type: string, name: string) => ({ type, name, names: null }) as never;
    const { resources } = await world.admin.describeConfigs(context, {
      resources: [one('topic', 'gone'), one('topic', 'not/legal'), one('group', 'g'), one('client-metrics', 'm')],
    });
    expect(resources.map(({ error }) => error)).toEqual([
      'UNKNOWN_TOPIC_OR_PARTITION',
      'INVALID_TOPIC_EXCEPTION',
      'INVALID_REQUEST',
      'INVALID_REQUEST',
    ]);
    const many = Array.from({ length: DESCRIBE_CONFIGS_RESOURCES_MAX + 1 }, () => one('broker', ''));
    const answers = (await world.admin.describeConfigs(context, { resources: many })).resources;
    expect(answers.slice(-2).map(({ error }) => error)).toEqual(['NONE', 'INVALID_REQUEST']);
  });
});

describe('offsetsForLeaderEpochs', () => {
  it('the leader tells where an epoch ended in its log; others and other epochs are refused', async () => {
    const harness = await LogHarness.open();
    const log = harness.create('t', 0);
    log.beginLeaderEpoch(3);
    log.appendAsLeader(harness.batch(2), 3);
    log.beginLeaderEpoch(6);
    log.appendAsLeader(harness.batch(1), 6);
    const led = { leader: { leaderEpoch: 6 }, role: { kind: 'leader' }, log };
    const state = {
      authorizer: { isAllowed: (_context: unknown, _operation: unknown, { name }: { name: string }) => name !== 'secret' },
      partition: (topic: string, partition: number) =>
        topic !== 't' ? null : partition === 0 ? led : { leader: null, role: { kind: partition === 1 ? 'follower' : 'failed' } },
      missingPartitionError: () => 'UNKNOWN_TOPIC_OR_PARTITION',
    } as unknown as BrokerState;
    const world = new World();
    const admin = new Admin(world, { brokerId: 1, configs: [] }, { clock: null as never, authorizer: allowAll }, () => state);
    const ask = async (leaderEpoch: number, more: object = {}) => {
      const asked = { topic: 't', partition: 0, currentLeaderEpoch: -1, leaderEpoch, ...more };
      const { partitions } = await admin.offsetsForLeaderEpochs(context, { partitions: [asked] });
      return [partitions[0]!.error, partitions[0]!.leaderEpoch, partitions[0]!.endOffset];
    };
    expect(await ask(6)).toEqual(['NONE', 6, 3]);
    expect(await ask(5, { currentLeaderEpoch: 6 })).toEqual(['NONE', 3, 2]);
    expect(await ask(2)).toEqual(['NONE', 2, 0]);
    for (const unknown of [7, -1, -9]) expect(await ask(unknown)).toEqual(['NONE', -1, -1]);
    expect(await ask(6, { currentLeaderEpoch: 5 })).toEqual(['FENCED_LEADER_EPOCH', -1, -1]);
    expect(await ask(6, { currentLeaderEpoch: 7 })).toEqual(['UNKNOWN_LEADER_EPOCH', -1, -1]);
    expect(await ask(6, { partition: 1 })).toEqual(['NOT_LEADER_OR_FOLLOWER', -1, -1]);
    expect(await ask(6, { partition: 2 })).toEqual(['KAFKA_STORAGE_ERROR', -1, -1]);
    expect(await ask(6, { topic: 'gone' })).toEqual(['UNKNOWN_TOPIC_OR_PARTITION', -1, -1]);
    expect(await ask(6, { topic: 'secret' })).toEqual(['TOPIC_AUTHORIZATION_FAILED', -1, -1]);
  });
});
