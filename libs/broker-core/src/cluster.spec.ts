// The metadata verb: automatic creation (in whose name, and how much at a time), and what is told on which listener.
import { allowAll, type ListenerName, type RequestContext } from '#kernel';
import { type BrokerListeners, type BrokerRecord, MetadataImage, type PartitionRecord } from '#metadata';
import type { BrokerState } from './broker-state.js';
import { AUTO_CREATE_TOPICS_MAX, cluster } from './cluster.js';

const context = { principal: 'User:alice', clientId: null, clientAddress: '10.1.2.3:4' } as RequestContext;
const broker = { brokerId: 0, image: MetadataImage.empty(), authorizer: allowAll } as unknown as BrokerState;

it('missing topics are created in the name of who asks, each once, and only so many for one question', async () => {
  const created: { names: readonly string[]; context: RequestContext }[] = [];
  const creator = {
    isAllowed: true,
    create: async (names: readonly string[], by: RequestContext) => created.push({ names, context: by }) > 0,
  };
  const names = Array.from({ length: AUTO_CREATE_TOPICS_MAX + 50 }, (_, i) => `t${i}`);
  const topics = ['t0', 'not/legal', ...names].map((name) => ({ name }));
  const view = await cluster(broker, creator, context, { topics, allowAutoTopicCreation: true });
  expect(created).toEqual([{ names: names.slice(0, AUTO_CREATE_TOPICS_MAX), context }]);
  expect(view.topics).toHaveLength(topics.length);
  expect(view.topics.at(-1)!.error).toBe('LEADER_NOT_AVAILABLE');
  expect(view.topics[0]!.error).toBe('UNKNOWN_TOPIC_OR_PARTITION');
});

it('a question that names very many missing topics costs as much as it is long, not its square', async () => {
  const creator = { isAllowed: true, create: async () => true };
  const topics = Array.from({ length: 150_000 }, (_, i) => ({ name: `missing${i}` }));
  const view = await cluster(broker, creator, context, { topics, allowAutoTopicCreation: true });
  expect(view.topics.filter((topic) => topic.error === 'LEADER_NOT_AVAILABLE')).toHaveLength(topics.length - AUTO_CREATE_TOPICS_MAX);
});

it('a topic that only waits for the coordinator is not called unknown', async () => {
  const creator = { isAllowed: true, create: async () => false };
  const topics = [{ name: 'waits' }, { name: 'not/legal' }];
  const view = await cluster(broker, creator, context, { topics, allowAutoTopicCreation: true });
  expect(view.topics.map((topic) => topic.error)).toEqual(['LEADER_NOT_AVAILABLE', 'INVALID_TOPIC_EXCEPTION']);
  const plain = await cluster(broker, creator, context, { topics, allowAutoTopicCreation: false });
  expect(plain.topics[0]!.error).toBe('UNKNOWN_TOPIC_OR_PARTITION');
});

describe('listeners', () => {
  const at = (host: string, port: number) => ({ host, port });
  const listenersOf = (id: number, isExternal: boolean): BrokerListeners => ({
    kafka: at(`in-${id}`, 9092),
    replication: at(`in-${id}`, 9192),
    tcp: at(`in-${id}`, 3125),
    http: at(`in-${id}`, 8080),
    ...(isExternal && { externalKafka: at('out', 29_090 + id), externalTcp: at('out', 29_190 + id) }),
  });
  const brokerRecord = (brokerId: number, isExternal: boolean, isFenced = false) =>
    ({
      type: 'broker',
      version: 1,
      brokerId,
      brokerEpoch: 1,
      listeners: listenersOf(brokerId, isExternal),
      rack: null,
      isFenced,
    }) as BrokerRecord;
  const partition = (index: number, leader: number) =>
    ({
      type: 'partition',
      version: 1,
      topicId: 'T',
      partition: index,
      replicas: [0, 1, 2],
      directoryIds: ['', '', ''],
      isr: [0, 1].map((brokerId) => ({ brokerId, brokerEpoch: 1 })),
      leader,
      leaderEpoch: 3,
      partitionEpoch: 4,
      lastKnown: [],
    }) as unknown as PartitionRecord;
  // 0 has external listeners, 1 has none, 2 has them and is fenced.
  const image = MetadataImage.fromSnapshot({
    revision: 1,
    opId: 'o',
    coordinatorEpoch: 1,
    records: [
      brokerRecord(0, true),
      brokerRecord(1, false),
      brokerRecord(2, true, true),
      { type: 'topic', version: 1, name: 't', topicId: 'T', configs: {} },
      ...[0, 1, 2].map((leader) => partition(leader, leader)),
    ],
  });
  const nobody = { isAllowed: false, create: async () => false };
  const ask = (listener: ListenerName, brokerId = 0) =>
    cluster(
      { ...broker, brokerId, image } as BrokerState,
      nobody,
      { ...context, listener },
      { topics: null, allowAutoTopicCreation: false },
    );

  it.each([
    ['client', 'in-0:9092', 'in-1:9092'],
    ['replication', 'in-0:9192', 'in-1:9192'],
    ['nest', 'in-0:3125', 'in-1:3125'],
    ['external', 'out:29090'],
    ['external-nest', 'out:29190'],
  ] as const)('%s: brokers that run and have it, with their addresses on it and no other', async (listener, ...expected) => {
    const { brokers } = await ask(listener);
    expect(brokers.map(({ endpoint }) => `${endpoint.host}:${endpoint.port}`)).toEqual(expected);
    for (const known of brokers) expect(Object.keys(known).sort()).toEqual(['brokerId', 'endpoint', 'rack']);
  });

  it('a leader without the listener is not told as the leader: LISTENER_NOT_FOUND, not "no leader"', async () => {
    const [outside, inside] = await Promise.all([ask('external'), ask('client')]);
    const shown = (view: typeof outside) =>
      view.topics[0]!.partitions.map(({ error, leader, leaderEpoch }) => [error, leader, leaderEpoch]);
    expect(shown(outside)).toEqual([
      ['NONE', 0, 3],
      ['LISTENER_NOT_FOUND', -1, 3],
      ['LEADER_NOT_AVAILABLE', -1, 3],
    ]);
    expect(shown(inside)).toEqual([
      ['NONE', 0, 3],
      ['NONE', 1, 3],
      ['LEADER_NOT_AVAILABLE', -1, 3],
    ]);
    expect(outside.topics[0]!.partitions[0]).toMatchObject({ replicas: [0, 1, 2], isr: [0, 1], offlineReplicas: [1, 2] });
    expect(inside.topics[0]!.partitions[0]).toMatchObject({ replicas: [0, 1, 2], isr: [0, 1], offlineReplicas: [2] });
  });

  it('the broker for admin calls is one that who asks can reach', async () => {
    expect((await ask('client', 1)).controllerId).toBe(1);
    expect((await ask('external', 1)).controllerId).toBe(0);
    expect((await ask('external', 2)).controllerId).toBe(0);
  });
});

it('R28: a broker that is on its way out is told to clients until it is gone', async () => {
  const record = (brokerId: number, isFenced: boolean): BrokerRecord => {
    const at = { host: `b-${brokerId}`, port: 9092 };
    const listeners = { kafka: at, replication: at, tcp: at, http: at };
    return { type: 'broker', version: 1, brokerId, brokerEpoch: 1, listeners, rack: null, isFenced, isShuttingDown: true } as BrokerRecord;
  };
  const image = MetadataImage.fromSnapshot({ revision: 1, opId: 'o', coordinatorEpoch: 1, records: [record(0, false), record(1, true)] });
  const nobody = { isAllowed: false, create: async () => false };
  const asked = { topics: [], allowAutoTopicCreation: false };
  const view = await cluster({ ...broker, image } as BrokerState, nobody, { ...context, listener: 'client' }, asked);
  expect(view.brokers.map(({ brokerId }) => brokerId)).toEqual([0]);
});
