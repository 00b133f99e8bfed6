// The listener for clients outside of the brokers' network: as the client listener in all but the addresses that it tells.
import {
  type Api,
  describeClusterApi,
  describeTopicPartitionsApi,
  errorCode,
  fetchApi,
  findCoordinatorApi,
  metadataApi,
  produceApi,
} from '#wire';
import { DoorWorld, fetched, producedAt, TOPIC_ID } from './testing/door-world.js';

const versionsOf = ({ versions }: Api) => Array.from({ length: versions.max - versions.min + 1 }, (_, i) => versions.min + i);
const fetchTopics = [{ topicId: TOPIC_ID, partitions: [{ partition: 2, fetchOffset: 7, partitionMaxBytes: 100 }] }];
const currentLeader = { leader: 1, leaderEpoch: 9 };
const moved = { error: 'NOT_LEADER_OR_FOLLOWER' as const, currentLeader };

it('no answer names an inner address: metadata, coordinators, the description of the cluster, endpoints of new leaders', async () => {
  const world = await DoorWorld.start();
  const client = await world.connect('external');
  const told: unknown[] = [];
  for (const version of versionsOf(metadataApi as Api)) {
    const { brokers } = await client.ask(metadataApi, version, { topics: [] });
    expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual(['outer-0:9094', 'outer-1:9094']);
    told.push(brokers);
  }
  for (const version of versionsOf(describeClusterApi as Api)) {
    const { brokers } = await client.ask(describeClusterApi, version, { includeClusterAuthorizedOperations: false });
    expect(brokers).toHaveLength(2);
    told.push(brokers);
  }
  for (const version of versionsOf(findCoordinatorApi as Api)) {
    const answer = await client.ask(findCoordinatorApi, version, version < 4 ? { key: 'g' } : { coordinatorKeys: ['g'] });
    expect(version < 4 ? answer : answer.coordinators[0]).toMatchObject({ nodeId: 1, host: 'outer-1', port: 9094 });
    told.push(answer);
  }

  world.broker.hold = true;
  client.send(fetchApi, 17, { maxWaitMs: 500, minBytes: 1, topics: fetchTopics });
  client.send(produceApi, 11, {
    acks: -1,
    timeoutMs: 9,
    topicData: [{ name: 't', partitionData: [{ index: 2, records: Buffer.from('b') }] }],
  });
  await world.pause();
  const [fetch, produce] = [world.broker.fetches[0]!, world.broker.produces[0]!];
  const framesBefore = client.frames.length;
  world.server.run('moved', () => {
    fetch.resolve({ partitions: fetched(fetch.request, []).partitions.map((each) => ({ ...each, ...moved })) });
    produce.resolve({ partitions: producedAt(produce.request, -1).partitions.map((each) => ({ ...each, ...moved })) });
  });
  await world.pause();
  const [fetchAnswer, produceAnswer] = client.frames.slice(framesBefore);
  const expected = [{ nodeId: 1, host: 'outer-1', port: 9094, rack: null }];
  expect(client.decode(fetchApi, 17, fetchAnswer!).nodeEndpoints).toEqual(expected);
  expect(client.decode(produceApi, 11, produceAnswer!).nodeEndpoints).toEqual(expected);
  expect(JSON.stringify(told)).not.toMatch(/public|inner|nest-|http-/);
  expect(new Set(world.broker.contexts.map(({ listener }) => listener))).toEqual(new Set(['external']));
});

it('a leader without the listener is error 72, which is said as "no leader" below v6', async () => {
  const world = await DoorWorld.start();
  const client = await world.connect('external');
  const partition = {
    error: 'LISTENER_NOT_FOUND' as const,
    partition: 0,
    leader: -1,
    leaderEpoch: 4,
    partitionEpoch: 1,
    replicas: [2],
    isr: [2],
    eligibleLeaderReplicas: [],
    offlineReplicas: [2],
  };
  const topics = [{ error: 'NONE' as const, name: 't', topicId: TOPIC_ID, isInternal: false, partitions: [partition] }];
  world.broker.view = { ...world.broker.view, topics };
  for (const version of versionsOf(metadataApi as Api)) {
    const [topic] = (await client.ask(metadataApi, version, { topics: [{ name: 't' }] })).topics;
    expect(topic!.partitions[0]).toMatchObject({ errorCode: version < 6 ? 5 : 72, leaderId: -1 });
  }
  const pages = await client.ask(describeTopicPartitionsApi, 0, { topics: [{ name: 't' }], responsePartitionLimit: 10, cursor: null });
  expect(pages.topics[0]!.partitions[0]).toMatchObject({ errorCode: 72, leaderId: -1 });
});

it('a replica id is refused: followers come in by the replication listener only', async () => {
  const world = await DoorWorld.start();
  const client = await world.connect('external');
  const follower = { maxWaitMs: 1, minBytes: 1, replicaState: { replicaId: 2, replicaEpoch: 77 }, topics: fetchTopics };
  const refused = await client.ask(fetchApi, 17, follower);
  expect(refused.responses[0]!.partitions[0]!.errorCode).toBe(errorCode('TOPIC_AUTHORIZATION_FAILED'));
  expect(world.broker.fetches).toHaveLength(0);
});

it('its connections are listed with its name, and idle ones end as on the client listener', async () => {
  const world = await DoorWorld.start({ connectionIdleMsMax: 5_000 });
  const { clients } = world;
  const client = await world.connect('external');
  await client.ask(metadataApi, 12, { topics: [] });
  expect(clients.list().clients).toMatchObject([{ door: 'kafka', listener: 'external' }]);
  await world.world.runFor(7_000);
  expect(client.isClosed).toBe(true);
  expect(clients.list().clients).toEqual([]);
});
