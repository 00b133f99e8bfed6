// The coordinator's Nest door over handlers that repeat what they got: nothing valid is lost on the way in, nothing wrong gets in.
import type { RequestContext } from '#kernel';
import { type PatternKey, type RpcClient, RpcClientConnection, RpcFailureError, type RpcMessages } from '#rpc';
import { silentLogger } from '#seams';
import { NodeNetwork, NodeScheduler } from '#seams-node';
import { type NestDoor, startNestDoor } from '../../../../shared/nest-door/index.js';
import type { CoordinatorPattern, CoordinatorRpcHandlers } from './coordinator.controller.js';
import { NestTcpModule } from './nest-tcp.module.js';

const seen: unknown[] = [];
const addresses: string[] = [];
const contexts: RequestContext[] = [];
let door: NestDoor;
let client: RpcClient;

beforeAll(async () => {
  const handlers = Object.fromEntries(Object.keys(valid).map((pattern) => [pattern, repeat])) as unknown as CoordinatorRpcHandlers;
  door = await startNestDoor(NestTcpModule.over(handlers), { address: { host: '127.0.0.1', port: 0 }, logger: silentLogger });
  client = new RpcClientConnection(await new NodeNetwork().dial(door.server.boundAddress), new NodeScheduler());
});
afterAll(async () => {
  client.close();
  await door.app.close();
});

const at = { host: 'yak-0.yak', port: 9092 };
const partition = {
  type: 'partition' as const,
  version: 1 as const,
  topicId: 'id',
  partition: 0,
  replicas: [0, 1],
  directoryIds: ['a', ''],
  isr: [{ brokerId: 0, brokerEpoch: 3 }],
  leader: 0,
  leaderEpoch: 2,
  partitionEpoch: 5,
  addingReplicas: [],
  removingReplicas: [],
  minInSyncReplicas: 2,
  flushPolicy: 'commit' as const,
  lastKnown: [],
  mustAsk: false,
  possibleLoss: false,
};

const valid: { [K in CoordinatorPattern]: RpcMessages[K][0] } = {
  registerBroker: {
    brokerId: 0,
    incarnationId: 'i',
    directoryId: 'd',
    clusterId: null,
    listeners: { kafka: at, replication: at, tcp: at, http: at, externalKafka: at },
    rack: null,
    software: { name: 'yak', version: '' },
    protocol: { min: 1, max: 1 },
    isBlank: true,
    storedBrokerEpoch: -1,
    wasCleanShutdown: false,
    isSameBoot: true,
    isComplete: true,
    lostPartitions: [{ topicId: 'id', partition: 3 }],
    metadataRevision: -1,
    metadataOpId: '',
    highestCoordinatorEpoch: -1,
  },
  brokerHeartbeat: {
    brokerId: 0,
    brokerEpoch: 1,
    appliedRevision: 2,
    appliedOpId: 'o',
    wantsUnfenced: true,
    wantsShutdown: false,
    oldestSyncAgeMs: 0.25,
    isComplete: true,
    isDirectoryOffline: false,
    lastProbeWallMs: 0,
  },
  metadataFetch: { brokerId: 0, afterRevision: -1, afterOpId: '', maxWaitMs: 5_000 },
  alterPartition: {
    brokerId: 0,
    brokerEpoch: 1,
    topicId: 'id',
    partition: 0,
    leaderEpoch: 2,
    partitionEpoch: 5,
    isr: [{ brokerId: 0, brokerEpoch: 1 }],
  },
  allocateProducerIds: { brokerId: 0, brokerEpoch: 1 },
  reportPositions: {
    brokerId: 0,
    brokerEpoch: 1,
    positions: [{ topicId: 'id', partition: 0, leaderEpoch: 3, lastEpoch: 2, caughtUpEpoch: 2, syncedEndOffset: 10, maxProducerId: -1 }],
  },
  offerMetadataCopy: {
    brokerId: 0,
    incarnationId: 'i',
    snapshot: {
      revision: 9,
      coordinatorEpoch: 1,
      opId: 'o',
      records: [{ type: 'topic', version: 1, name: 't', topicId: 'id', configs: { a: 'b' } }, partition],
    },
    highestCoordinatorEpoch: 1,
    maxBrokerEpochSeen: 4,
    maxLeaderEpochSeen: 2,
    maxProducerIdSeen: -1,
  },
  metadata: { topics: ['t'], allowAutoTopicCreation: false, newerThanRevision: 3, maxWaitMs: 10 },
  createTopics: { topics: [{ name: 't', assignments: [[0, 1], [1]], configs: { 'retention.ms': '1' } }], validateOnly: true, timeoutMs: 5 },
  deleteTopics: { topics: [{ name: 't' }, { topicId: 'id' }], timeoutMs: 5 },
  createPartitions: { topics: [{ name: 't', totalCount: 5, assignments: [[0, 1], [1]] }], validateOnly: true, timeoutMs: 5 },
  alterConfigs: {
    resources: [
      { type: 'topic', name: 't', operations: [{ name: 'retention.ms', operation: 'delete', value: null }], replacesAll: true },
      { type: 'broker', name: '', operations: [] },
    ],
    timeoutMs: 5,
  },
  describeCluster: {},
  listClients: {},
  trustStore: { confirm: { action: 'begin-history', coordinatorEpoch: 4, brokers: [2] } },
  electLeader: { topic: 't', partition: 0, kind: 'unclean', validateOnly: true, timeoutMs: 5 },
};

let refusal: Error | null = null;

async function repeat(request: unknown, context: RequestContext) {
  if (refusal) throw refusal;
  seen.push(JSON.parse(JSON.stringify(request)));
  contexts.push(context);
  addresses.push(context.clientAddress);
  return { error: 'NONE' };
}

it.each(Object.keys(valid) as CoordinatorPattern[])('hands %s on as it came', async (pattern) => {
  seen.length = 0;
  await client.request(pattern, valid[pattern] as never, { timeoutMs: 2_000 });
  expect(seen).toEqual([valid[pattern]]);
});

const wrong: [PatternKey, object, string, string][] = [
  [
    'registerBroker',
    { listeners: { kafka: at, replication: at, tcp: { host: 'h', port: 70_000 }, http: at } },
    'listeners.tcp.port',
    'from 1 to 65535',
  ],
  [
    'registerBroker',
    { listeners: { kafka: at, replication: at, tcp: at, http: at, externalKafka: { host: '', port: 1 } } },
    'listeners.externalKafka.host',
    'text of 1 to 255',
  ],
  [
    'registerBroker',
    { listeners: { kafka: at, replication: at, tcp: at, http: at, externalTcp: 'out:1' } },
    'listeners.externalTcp',
    'object',
  ],
  ['registerBroker', { brokerId: -1 }, 'brokerId', 'from 0'],
  ['registerBroker', { clusterId: undefined }, 'clusterId', 'text of 1 to 100'],
  ['registerBroker', { software: null }, 'software', 'should not be null'],
  ['brokerHeartbeat', { wantsUnfenced: 'yes' }, 'wantsUnfenced', 'boolean'],
  ['brokerHeartbeat', { oldestSyncAgeMs: null }, 'oldestSyncAgeMs', 'milliseconds'],
  ['metadataFetch', { maxWaitMs: 1e9 }, 'maxWaitMs', 'from 0 to 300000'],
  ['alterPartition', { isr: [{ brokerId: 0 }] }, 'isr.0.brokerEpoch', 'at least -1'],
  ['reportPositions', { positions: [{}] }, 'positions.0.topicId', 'text'],
  [
    'offerMetadataCopy',
    { snapshot: { ...valid.offerMetadataCopy.snapshot, records: [{ type: 'topic' }] } },
    'snapshot.records',
    'a type and a version',
  ],
  ['deleteTopics', { topics: [{}] }, 'topics.0.name', 'text'],
  ['createPartitions', { topics: [{ name: 't', totalCount: 'many' }] }, 'topics.0.totalCount', 'integer'],
  ['alterConfigs', { resources: [{ type: 'topik', name: 't', operations: [] }] }, 'resources.0.type', 'one of topic, broker'],
  [
    'alterConfigs',
    { resources: [{ type: 'topic', name: 't', operations: [{ name: 'x', operation: 'add', value: 'y' }] }] },
    'resources.0.operations.0.operation',
    'one of set, delete, append, subtract',
  ],
  [
    'trustStore',
    { confirm: { action: 'trust', coordinatorEpoch: 4, brokers: [] } },
    'confirm.action',
    'one of begin-history, begin-cluster',
  ],
  ['trustStore', { confirm: { action: 'begin-history', coordinatorEpoch: 4, brokers: [-1] } }, 'confirm.brokers', 'from 0'],
  ['trustStore', { confirm: { action: 'begin-history', brokers: [] } }, 'confirm.coordinatorEpoch', 'at least -1'],
  ['trustStore', { confirm: true }, 'confirm', 'object'],
  ['electLeader', { kind: 'any' }, 'kind', 'one of preferred, unclean'],
  ['electLeader', { partition: -1 }, 'partition', 'from 0'],
];

it.each(wrong)('refuses a wrong %s, case %#, by naming the field', async (pattern, change, field, reason) => {
  seen.length = 0;
  const request = { ...valid[pattern as CoordinatorPattern], ...change };
  const failure = await client.request(pattern, request as never, { timeoutMs: 2_000 }).then(
    () => null,
    (error: RpcFailureError) => error,
  );
  expect(failure).toMatchObject({ code: 'INVALID', fields: expect.arrayContaining([{ field, reason: expect.stringContaining(reason) }]) });
  expect(seen).toEqual([]);
});

it('decides admin calls in the name of whom a broker forwards them for, and everything else in that of the connection', async () => {
  const asker = { principal: 'User:alice', clientId: 'her-app', clientAddress: '10.1.2.3:4567' };
  for (const pattern of ['createTopics', 'deleteTopics', 'createPartitions', 'alterConfigs', 'electLeader'] as const) {
    await client.request(pattern, { ...valid[pattern], onBehalfOf: asker } as never, { timeoutMs: 2_000 });
    expect(contexts.at(-1)).toMatchObject(asker);
    await client.request(pattern, valid[pattern] as never, { timeoutMs: 2_000 });
    expect(contexts.at(-1)).toMatchObject({ principal: 'User:ANONYMOUS', clientAddress: expect.stringContaining('127.0.0.1') });
    const request = { ...valid[pattern], onBehalfOf: { ...asker, principal: '' } };
    const nobody = client.request(pattern, request as never, { timeoutMs: 2_000 });
    await expect(nobody).rejects.toMatchObject({ code: 'INVALID', fields: [{ field: 'onBehalfOf.principal' }] });
  }
});

it('a standby says who acts: the hint survives the way through Nest', async () => {
  const acting = { host: 'yak-1.coordinator', port: 3180 };
  refusal = new RpcFailureError('NOT_ACTIVE', 'it stands by', undefined, acting);
  try {
    await expect(client.request('describeCluster', {}, { timeoutMs: 2_000 })).rejects.toMatchObject({ code: 'NOT_ACTIVE', acting });
  } finally {
    refusal = null;
  }
});

it('R9: an ISR without members never reaches the coordinator (KAFKA-15353)', async () => {
  seen.length = 0;
  const empty = client.request('alterPartition', { ...valid.alterPartition, isr: [] }, { timeoutMs: 2_000 });
  await expect(empty).rejects.toMatchObject({ code: 'INVALID', fields: [{ field: 'isr', reason: expect.any(String) }] });
  expect(seen).toEqual([]);
});

it('R22: requests carry the address by which their connection is known when it closes', async () => {
  const second = new RpcClientConnection(await new NodeNetwork().dial(door.server.boundAddress), new NodeScheduler());
  await second.request('describeCluster', {}, { timeoutMs: 2_000 });
  const address = addresses.at(-1);
  const closed = new Promise((resolve) => door.server.onConnectionClosed(resolve));
  second.close();
  expect(await closed).toBe(address);
});
