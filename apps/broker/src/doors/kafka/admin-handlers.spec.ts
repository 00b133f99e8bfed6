// Admin APIs at the Kafka door: every version, what cannot even be asked of the verb, and what is said when nobody decides.
import type { ClusterView, TopicView } from '#broker-core';
import { KafkaError, YakError } from '#kernel';
import {
  type Api,
  alterConfigsApi,
  createPartitionsApi,
  createTopicsApi,
  deleteTopicsApi,
  describeClusterApi,
  describeConfigsApi,
  describeTopicPartitionsApi,
  ERROR_CODES,
  incrementalAlterConfigsApi,
  ZERO_UUID,
} from '#wire';
import { PARTITIONS_PER_PAGE_MAX } from './handlers/75-describe-topic-partitions.js';
import { DoorWorld, TOPIC_ID, type WireClient } from './testing/door-world.js';
import type { FakeAdmin } from './testing/fake-admin.js';

const versionsOf = ({ versions }: { versions: Api['versions'] }) =>
  Array.from({ length: versions.max - versions.min + 1 }, (_, i) => versions.min + i);
const codes = (answers: readonly { readonly errorCode: number }[]) => answers.map(({ errorCode }) => errorCode);

async function start(): Promise<{ world: DoorWorld; client: WireClient; admin: FakeAdmin; last: () => unknown }> {
  const world = await DoorWorld.start();
  const { admin } = world.broker;
  return { world, client: await world.connect(), admin, last: () => admin.calls.at(-1)!.request };
}

const topic = (name: string, more: object = {}) => ({
  name,
  numPartitions: -1,
  replicationFactor: -1,
  assignments: [],
  configs: [],
  ...more,
});

describe('CreateTopics', () => {
  it('asks for counts, assignments and configs as given, and tells what came of it in every version', async () => {
    const { client, last, admin } = await start();
    for (const version of versionsOf(createTopicsApi)) {
      admin.refuse.set('there', { error: 'TOPIC_ALREADY_EXISTS', message: 'topic there exists' });
      const body = {
        topics: [
          topic('plain', { numPartitions: 6, replicationFactor: 3, configs: [{ name: 'retention.ms', value: '5' }] }),
          topic('there'),
          topic('placed', {
            assignments: [
              { partitionIndex: 1, brokerIds: [2, 1] },
              { partitionIndex: 0, brokerIds: [1, 2] },
            ],
          }),
        ],
        timeoutMs: 1234,
        validateOnly: version % 2 === 0,
      };
      const { topics } = await client.ask(createTopicsApi, version, body);
      expect(last()).toEqual({
        topics: [
          { name: 'plain', partitions: 6, replicationFactor: 3, configs: { 'retention.ms': '5' } },
          { name: 'there', partitions: -1, replicationFactor: -1, configs: {} },
          {
            name: 'placed',
            partitions: -1,
            replicationFactor: -1,
            assignments: [
              [1, 2],
              [2, 1],
            ],
            configs: {},
          },
        ],
        timeoutMs: 1234,
        validateOnly: version % 2 === 0,
      });
      const knowsMore = version >= 5;
      expect(topics).toMatchObject([
        {
          name: 'plain',
          errorCode: 0,
          errorMessage: null,
          topicId: version >= 7 ? TOPIC_ID : ZERO_UUID,
          numPartitions: knowsMore ? 6 : -1,
          replicationFactor: knowsMore ? 3 : -1,
          configs: knowsMore ? [{ name: 'retention.ms', value: '5', readOnly: false, configSource: 1, isSensitive: false }] : [],
        },
        { name: 'there', errorCode: 36, errorMessage: 'topic there exists', numPartitions: -1, configs: [] },
        { name: 'placed', errorCode: 0 },
      ]);
    }
  });

  it('refuses what is said twice or not at all, without asking for it; the rest is asked for', async () => {
    const { client, last, admin } = await start();
    const topics = [
      topic('twice'),
      topic('gap', { assignments: [{ partitionIndex: 1, brokerIds: [1] }] }),
      topic('twice'),
      topic('same', { assignments: [0, 0].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] })) }),
      topic('empty', { configs: [{ name: 'retention.ms', value: null }] }),
      topic('again', { configs: ['1', '2'].map((value) => ({ name: 'retention.ms', value })) }),
      topic('fine'),
    ];
    const answer = await client.ask(createTopicsApi, 7, { topics, timeoutMs: 1 });
    expect(last()).toMatchObject({ topics: [{ name: 'fine' }] });
    expect(Object.fromEntries(answer.topics.map(({ name, errorCode }) => [name, errorCode]))).toEqual({
      fine: 0,
      twice: ERROR_CODES.INVALID_REQUEST.code,
      gap: ERROR_CODES.INVALID_REPLICA_ASSIGNMENT.code,
      same: ERROR_CODES.INVALID_REPLICA_ASSIGNMENT.code,
      empty: ERROR_CODES.INVALID_CONFIG.code,
      again: ERROR_CODES.INVALID_CONFIG.code,
    });
    await client.ask(createTopicsApi, 7, { topics: [topic('a'), topic('a')], timeoutMs: 1 });
    expect((await client.ask(createTopicsApi, 7, { topics: [], timeoutMs: 1 })).topics).toEqual([]);
    expect(admin.calls).toHaveLength(1);
  });

  it('says so when the asker may not know the configs', async () => {
    const { client, admin } = await start();
    admin.mayDescribeConfigs = false;
    const { topics } = await client.ask(createTopicsApi, 5, { topics: [topic('t')], timeoutMs: 1 });
    expect(topics[0]).toMatchObject({ errorCode: 0, topicConfigErrorCode: 29, configs: null, numPartitions: -1 });
  });
});

describe('a change that nobody decides', () => {
  const changes: [string, (client: WireClient) => Promise<readonly { errorCode: number; errorMessage: string | null }[]>][] = [
    ['CreateTopics', async (client) => (await client.ask(createTopicsApi, 7, { topics: [topic('t')], timeoutMs: 1 })).topics],
    ['DeleteTopics', async (client) => (await client.ask(deleteTopicsApi, 6, { topics: [{ name: 't' }], timeoutMs: 1 })).responses],
    [
      'CreatePartitions',
      async (client) =>
        (
          await client.ask(createPartitionsApi, 3, {
            topics: [{ name: 't', count: 2, assignments: null }],
            timeoutMs: 1,
            validateOnly: false,
          })
        ).results,
    ],
    [
      'AlterConfigs',
      async (client) =>
        (await client.ask(alterConfigsApi, 2, { resources: [{ resourceType: 2, resourceName: 't', configs: [] }], validateOnly: false }))
          .responses,
    ],
    [
      'IncrementalAlterConfigs',
      async (client) =>
        (
          await client.ask(incrementalAlterConfigsApi, 1, {
            resources: [{ resourceType: 2, resourceName: 't', configs: [{ name: 'a', configOperation: 1, value: null }] }],
            validateOnly: false,
          })
        ).responses,
    ],
  ];

  it.each(changes)('%s: is told apart from one that may have been made', async (_name, change) => {
    const { client, admin } = await start();
    const expected: [Error, number, string][] = [
      [new YakError('UNAVAILABLE', 'no coordinator'), ERROR_CODES.NOT_CONTROLLER.code, 'nothing was changed'],
      [new YakError('BUSY', 'too many'), ERROR_CODES.NOT_CONTROLLER.code, 'nothing was changed'],
      [new YakError('CONNECTION_CLOSED', 'lost'), ERROR_CODES.REQUEST_TIMED_OUT.code, 'outcome is unknown'],
      [new YakError('REQUEST_TIMEOUT', 'late'), ERROR_CODES.REQUEST_TIMED_OUT.code, 'outcome is unknown'],
      [new YakError('NOT_ACTIVE', 'resigned'), ERROR_CODES.REQUEST_TIMED_OUT.code, 'outcome is unknown'],
      [new YakError('INVALID', 'topics: too many'), ERROR_CODES.INVALID_REQUEST.code, 'too many'],
      [new YakError('UNKNOWN_PATTERN', 'what?'), ERROR_CODES.UNSUPPORTED_VERSION.code, 'older release'],
      [new KafkaError('POLICY_VIOLATION', 'no'), ERROR_CODES.POLICY_VIOLATION.code, 'no'],
    ];
    for (const [failure, code, message] of expected) {
      admin.failure = failure;
      expect(await change(client)).toMatchObject([{ errorCode: code, errorMessage: expect.stringContaining(message) }]);
    }
    // Bugs, here or there, keep their reason to the log.
    for (const bug of [new TypeError('secret'), new YakError('INTERNAL', 'the log has the reason')]) {
      admin.failure = bug;
      expect(await change(client)).toMatchObject([{ errorCode: -1, errorMessage: null }]);
    }
  });
});

describe('DeleteTopics', () => {
  it('by name, and in v6 by id; the answer is of the same kind', async () => {
    const { client, admin, last } = await start();
    admin.refuse.set('gone', { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: 'there is no topic gone' });
    for (const version of versionsOf(deleteTopicsApi).slice(0, -1)) {
      const { responses } = await client.ask(deleteTopicsApi, version, { topicNames: ['a', 'gone', 'a'], timeoutMs: 7 });
      expect(last()).toEqual({ topics: [{ name: 'gone' }], timeoutMs: 7 });
      const message = version >= 5 ? 'there is no topic gone' : null;
      expect(responses).toMatchObject([
        { name: 'gone', errorCode: 3, errorMessage: message },
        { name: 'a', errorCode: ERROR_CODES.INVALID_REQUEST.code },
      ]);
    }
    const topics = [{ name: 'a' }, { name: null, topicId: TOPIC_ID }, { name: 'b', topicId: TOPIC_ID }, { name: null }];
    const { responses } = await client.ask(deleteTopicsApi, 6, { topics, timeoutMs: 7 });
    expect(last()).toEqual({ topics: [{ name: 'a' }, { topicId: TOPIC_ID }], timeoutMs: 7 });
    expect(responses).toMatchObject([
      { name: 'a', topicId: ZERO_UUID, errorCode: 0 },
      { name: null, topicId: TOPIC_ID, errorCode: 0 },
      { name: 'b', errorCode: ERROR_CODES.INVALID_REQUEST.code },
      { name: null, topicId: ZERO_UUID, errorCode: ERROR_CODES.INVALID_REQUEST.code },
    ]);
  });
});

describe('CreatePartitions', () => {
  it('asks for the total, with rows where there are any, in every version', async () => {
    const { client, admin, last } = await start();
    admin.refuse.set('b', { error: 'INVALID_PARTITIONS', message: 'fewer than now' });
    for (const version of versionsOf(createPartitionsApi)) {
      const body = {
        topics: [
          { name: 'a', count: 4, assignments: [{ brokerIds: [1, 2] }] },
          { name: 'b', count: 1, assignments: null },
          { name: 'c', count: 9, assignments: [] },
          { name: 'c', count: 8, assignments: null },
          { name: 'd', count: 9, assignments: [] },
        ],
        timeoutMs: 9,
        validateOnly: true,
      };
      const { results } = await client.ask(createPartitionsApi, version, body);
      expect(last()).toEqual({
        topics: [
          { name: 'a', totalCount: 4, assignments: [[1, 2]] },
          { name: 'b', totalCount: 1 },
          { name: 'd', totalCount: 9 },
        ],
        timeoutMs: 9,
        validateOnly: true,
      });
      expect(results).toMatchObject([
        { name: 'a', errorCode: 0, errorMessage: null },
        { name: 'b', errorCode: 37, errorMessage: 'fewer than now' },
        { name: 'd', errorCode: 0 },
        { name: 'c', errorCode: 42 },
      ]);
    }
  });
});

describe('configs', () => {
  it('DescribeConfigs: sources, types, synonyms and documentation as the version and the request want them', async () => {
    const { client, admin, last } = await start();
    admin.refuse.set('gone', { error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    for (const version of versionsOf(describeConfigsApi)) {
      for (const isWanted of [true, false]) {
        const body = {
          resources: [
            { resourceType: 2, resourceName: 't', configurationKeys: ['retention.ms'] },
            { resourceType: 3, resourceName: 'x', configurationKeys: null },
            { resourceType: 4, resourceName: '1', configurationKeys: [] },
            { resourceType: 2, resourceName: 'gone', configurationKeys: null },
          ],
          includeSynonyms: isWanted,
          ...(version >= 3 && { includeDocumentation: isWanted }),
        };
        const { results } = await client.ask(describeConfigsApi, version, body);
        expect(last()).toEqual({
          resources: [
            { type: 'topic', name: 't', names: ['retention.ms'] },
            { type: 'broker', name: '1', names: null },
            { type: 'topic', name: 'gone', names: null },
          ],
        });
        expect(codes(results)).toEqual([0, ERROR_CODES.INVALID_REQUEST.code, 0, 3]);
        expect(results.map(({ resourceType, resourceName }) => `${resourceType} ${resourceName}`)).toEqual(['2 t', '3 x', '4 1', '2 gone']);
        const sources = ['retention.ms=5 1', 'log.retention.ms=6 4', 'log.retention.ms=7 5'];
        expect(results[0]!.configs).toMatchObject([
          { name: 'retention.ms', value: '5', readOnly: false, configSource: 1, isSensitive: false, configType: version >= 3 ? 5 : 0 },
        ]);
        const { synonyms, documentation } = results[0]!.configs[0]!;
        expect(synonyms.map(({ name, value, source }) => `${name}=${value} ${source}`)).toEqual(isWanted ? sources : []);
        expect(documentation).toBe(isWanted && version >= 3 ? 'How long.' : null);
      }
    }
    admin.failure = new TypeError('bug');
    const { results } = await client.ask(describeConfigsApi, 4, {
      resources: [{ resourceType: 2, resourceName: 't', configurationKeys: null }],
    });
    expect(results).toMatchObject([{ errorCode: -1, resourceType: 2, resourceName: 't', configs: [] }]);
  });

  it('AlterConfigs replaces, IncrementalAlterConfigs adds to; each resource and config once', async () => {
    const { client, admin, last } = await start();
    admin.refuse.set('1', { error: 'INVALID_REQUEST', message: 'read at start only' });
    const set = (name: string, value: string | null = '1') => ({ name, value });
    for (const version of versionsOf(alterConfigsApi)) {
      const resources = [
        { resourceType: 2, resourceName: 't', configs: [set('a'), set('b')] },
        { resourceType: 4, resourceName: '1', configs: [set('a')] },
        { resourceType: 2, resourceName: 'null', configs: [set('a', null)] },
        { resourceType: 2, resourceName: 'twice', configs: [set('a'), set('a')] },
        { resourceType: 7, resourceName: 'kind', configs: [] },
        ...[1, 2].map(() => ({ resourceType: 2, resourceName: 'again', configs: [] })),
      ];
      const { responses } = await client.ask(alterConfigsApi, version, { resources, validateOnly: true });
      expect(last()).toEqual({
        resources: [
          { type: 'topic', name: 't', operations: ['a', 'b'].map((name) => ({ name, operation: 'set', value: '1' })), replacesAll: true },
          { type: 'broker', name: '1', operations: [{ name: 'a', operation: 'set', value: '1' }], replacesAll: true },
        ],
        validateOnly: true,
      });
      expect(Object.fromEntries(responses.map((each) => [`${each.resourceType} ${each.resourceName}`, each.errorCode]))).toEqual({
        '2 t': 0,
        '4 1': 42,
        '2 null': 42,
        '2 twice': 42,
        '7 kind': 42,
        '2 again': 42,
      });
      expect(responses).toHaveLength(6);
    }
    for (const version of versionsOf(incrementalAlterConfigsApi)) {
      const operation = (name: string, configOperation: number, value: string | null = '1') => ({ name, configOperation, value });
      const resources = [
        { resourceType: 2, resourceName: 't', configs: [operation('a', 0), operation('b', 1, 'x'), operation('c', 2), operation('d', 3)] },
        { resourceType: 2, resourceName: 'op', configs: [operation('a', 4)] },
        { resourceType: 2, resourceName: 'null', configs: [operation('a', 2, null)] },
        { resourceType: 2, resourceName: 'twice', configs: [operation('a', 0), operation('a', 1)] },
      ];
      const { responses } = await client.ask(incrementalAlterConfigsApi, version, { resources, validateOnly: false });
      expect(last()).toEqual({
        resources: [
          {
            type: 'topic',
            name: 't',
            operations: [
              { name: 'a', operation: 'set', value: '1' },
              { name: 'b', operation: 'delete', value: null },
              { name: 'c', operation: 'append', value: '1' },
              { name: 'd', operation: 'subtract', value: '1' },
            ],
            replacesAll: false,
          },
        ],
        validateOnly: false,
      });
      expect(Object.fromEntries(responses.map(({ resourceName, errorCode }) => [resourceName, errorCode]))).toEqual({
        t: 0,
        op: 42,
        null: 42,
        twice: 42,
      });
    }
  });
});

describe('DescribeCluster', () => {
  it('names the brokers of the listener that was asked; controllers are elsewhere', async () => {
    const { world, client } = await start();
    for (const version of versionsOf(describeClusterApi)) {
      const answer = await client.ask(describeClusterApi, version, { includeClusterAuthorizedOperations: true });
      expect(answer).toMatchObject({ errorCode: 0, clusterId: 'cluster', controllerId: 1, endpointType: 1 });
      expect(answer.brokers).toEqual([0, 1].map((brokerId) => ({ brokerId, host: `public-${brokerId}`, port: 9092, rack: null })));
    }
    const inner = await (await world.connect('replication')).ask(describeClusterApi, 0, { includeClusterAuthorizedOperations: false });
    expect(inner.brokers[0]).toMatchObject({ host: 'inner-0', port: 9192 });
    const of = (endpointType: number) => client.ask(describeClusterApi, 1, { includeClusterAuthorizedOperations: false, endpointType });
    expect(await of(2)).toMatchObject({ errorCode: 114, brokers: [] });
    expect(await of(9)).toMatchObject({ errorCode: 115, brokers: [] });
    world.broker.failure = new YakError('INTERNAL', 'a bug');
    expect(await of(1)).toMatchObject({ errorCode: -1, brokers: [] });
  });
});

describe('DescribeTopicPartitions', () => {
  const view = (name: string, count: number, error: TopicView['error'] = 'NONE'): TopicView => ({
    error,
    name,
    topicId: error === 'NONE' ? TOPIC_ID : '',
    isInternal: false,
    partitions: Array.from({ length: count }, (_, partition) => ({
      error: 'NONE',
      partition,
      leader: 1,
      leaderEpoch: 4,
      partitionEpoch: 9,
      replicas: [1, 2, 3],
      isr: [1],
      eligibleLeaderReplicas: [2],
      offlineReplicas: [2, 3],
    })),
  });

  /** A broker that has these topics. */
  function have(world: DoorWorld, ...topics: TopicView[]): void {
    world.broker.cluster = async (_context, request): Promise<ClusterView> => {
      world.broker.asked.push(request);
      const named = request.topics?.map((asked) => topics.find((each) => 'name' in asked && each.name === asked.name)!);
      return { ...world.broker.view, topics: named ?? topics };
    };
  }

  const ask = (client: WireClient, topics: string[], limit = 2_000, cursor: { topicName: string; partitionIndex: number } | null = null) =>
    client.ask(describeTopicPartitionsApi, 0, { topics: topics.map((name) => ({ name })), responsePartitionLimit: limit, cursor });

  it('tells leaders, members and those that may lead without a loss', async () => {
    const { world, client } = await start();
    have(world, view('t', 1), view('gone', 0, 'UNKNOWN_TOPIC_OR_PARTITION'));
    const answer = await ask(client, ['t', 'gone', 't']);
    expect(world.broker.asked.at(-1)).toEqual({ topics: [{ name: 't' }, { name: 'gone' }], allowAutoTopicCreation: false });
    expect(answer.nextCursor).toBeNull();
    expect(answer.topics).toMatchObject([
      { name: 'gone', errorCode: 3, topicId: ZERO_UUID, partitions: [] },
      { name: 't', errorCode: 0, topicId: TOPIC_ID },
    ]);
    expect(answer.topics[1]!.partitions).toEqual([
      {
        errorCode: 0,
        partitionIndex: 0,
        leaderId: 1,
        leaderEpoch: 4,
        replicaNodes: [1, 2, 3],
        isrNodes: [1],
        eligibleLeaderReplicas: [2],
        lastKnownElr: [],
        offlineReplicas: [2, 3],
      },
    ]);
  });

  it.each([
    ['of topics by name', ['c', 'a', 'b', 'empty']],
    ['of all topics, without those that may not be seen', []],
  ])('pages %s come to every partition once, in order, whatever the limit', async (_name, asked) => {
    const { world, client } = await start();
    have(world, view('b', 3), view('a', 2), view('hidden', 0, 'TOPIC_AUTHORIZATION_FAILED'), view('c', 4), view('empty', 0));
    const all = ['a-0', 'a-1', 'b-0', 'b-1', 'b-2', 'c-0', 'c-1', 'c-2', 'c-3'];
    for (const limit of [-1, 1, 2, 3, 4, 5, 8, 9, 10]) {
      const seen: string[] = [];
      let cursor: { topicName: string; partitionIndex: number } | null = null;
      let pages = 0;
      do {
        const answer: Awaited<ReturnType<typeof ask>> = await ask(client, asked, limit, cursor);
        const page = answer.topics.flatMap(({ name, partitions }) => partitions.map((each) => `${name}-${each.partitionIndex}`));
        expect(page.length).toBeLessThanOrEqual(Math.max(1, limit));
        expect(answer.topics.every(({ errorCode }) => errorCode === 0)).toBe(true);
        seen.push(...page);
        cursor = answer.nextCursor;
        pages++;
      } while (cursor !== null && pages < 20);
      expect({ limit, seen, pages }).toEqual({ limit, seen: all, pages: Math.ceil(all.length / Math.max(1, limit)) });
    }
  });

  it('a page has an end, a cursor must be one of ours, and a topic that is gone does not end the pages', async () => {
    const { world, client } = await start();
    have(world, view('big', PARTITIONS_PER_PAGE_MAX + 5), view('last', 1));
    const first = await ask(client, [], 1_000_000);
    expect(first.topics[0]!.partitions).toHaveLength(PARTITIONS_PER_PAGE_MAX);
    expect(first.nextCursor).toEqual({ topicName: 'big', partitionIndex: PARTITIONS_PER_PAGE_MAX });
    const after = await ask(client, [], 10, { topicName: 'deleted', partitionIndex: 7 });
    expect(after.topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([['last', 1]]);
    for (const cursor of [
      { topicName: 'other', partitionIndex: 0 },
      { topicName: 'last', partitionIndex: -1 },
    ]) {
      expect(codes((await ask(client, ['big', 'last'], 10, cursor)).topics)).toEqual([42, 42]);
    }
    await expect(ask(client, [], 10, { topicName: 'last', partitionIndex: -1 })).rejects.toThrow('closed');
  });
});
