// Group messages through a real Nest microservice on 127.0.0.1, port 0: what the verbs get, and what peers of both kinds get back.
import { type ClientProxy, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import type { GroupVerbs } from '#broker-core';
import type { RequestContext } from '#kernel';
import { RpcClientConnection } from '#rpc';
import { silentLogger } from '#seams';
import { NodeNetwork, NodeScheduler } from '#seams-node';
import { type NestDoor, startNestDoor } from '../../../../shared/nest-door/index.js';
import { brokerRpcHandlers, type RpcBroker } from './broker-rpc-handlers.js';
import type { JsonRecords } from './json-records.js';
import { NestTcpModule } from './nest-tcp.module.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON came back
type Json = any;

const METADATA = Buffer.from([0, 255, 254, 1]);
const ANSWERS = {
  findCoordinators: [
    { key: 'g', error: 'NONE', brokerId: 2, endpoint: { host: 'b2', port: 3127 } },
    { key: 'h', error: 'COORDINATOR_NOT_AVAILABLE', message: 'no leader', brokerId: -1, listeners: null },
  ],
  join: { error: 'NONE', generationId: 3, memberId: 'm', members: [{ memberId: 'm', groupInstanceId: null, metadata: METADATA }] },
  sync: { error: 'NONE', protocolType: 'consumer', protocolName: 'range', assignment: METADATA },
  heartbeat: { error: 'REBALANCE_IN_PROGRESS' },
  leave: { error: 'NONE', members: [{ memberId: 'm', groupInstanceId: null, error: 'UNKNOWN_MEMBER_ID' }] },
  commitOffsets: { partitions: [{ topic: 't', partition: 0, error: 'NONE' }] },
  fetchOffsets: { error: 'NONE', partitions: [] },
  deleteOffsets: { error: 'GROUP_ID_NOT_FOUND', partitions: [] },
  describe: [{ groupId: 'g', error: 'NONE', state: 'Stable', members: [{ memberId: 'm', metadata: METADATA, assignment: METADATA }] }],
  list: { error: 'NONE', groups: [{ groupId: 'g', protocolType: 'consumer', state: 'Stable', groupType: 'classic' }] },
  delete: [{ groupId: 'g', error: 'NON_EMPTY_GROUP' }],
  history: { error: 'NONE', groupId: 'g', rebalances: [] },
} as const;

let calls: { verb: string; context: RequestContext; request: Json }[];
/** Joins wait until their entry is called. */
let held: (() => void)[];
let isHolding: boolean;
let door: NestDoor;
let stock: ClientProxy;
let binary: RpcClientConnection;

const groups = Object.fromEntries(
  Object.entries(ANSWERS).map(([verb, answer]) => [
    verb,
    async (context: RequestContext, request: unknown) => {
      calls.push({ verb, context, request });
      if (verb === 'join' && isHolding) await new Promise<void>((resolve) => held.push(resolve));
      return answer;
    },
  ]),
) as unknown as GroupVerbs;

beforeEach(async () => {
  [calls, held, isHolding] = [[], [], false];
  door = await startNestDoor(NestTcpModule.over(brokerRpcHandlers({ groups } as RpcBroker), {} as JsonRecords), {
    address: { host: '127.0.0.1', port: 0 },
    logger: silentLogger,
    limits: { maxInFlight: 2 },
  });
  const { host, port } = door.server.boundAddress;
  stock = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } });
  binary = new RpcClientConnection(await new NodeNetwork().dial({ host, port }), new NodeScheduler());
});

afterEach(async () => {
  binary.close();
  await stock.close();
  await door.app.close();
});

const ask = (pattern: string, data: unknown): Promise<Json> => lastValueFrom(stock.send(pattern, data));
const fieldsOf = (pattern: string, data: unknown): Promise<Json> =>
  ask(pattern, data).then(
    (x) => Promise.reject(new Error(JSON.stringify(x))),
    (error) => Object.fromEntries(error.fields.map(({ field, reason }: Json) => [field, reason])),
  );
const timeoutMs = 2_000;
const base64 = METADATA.toString('base64');

it('a stock ClientProxy joins with what it knows, and gets every byte as base64', async () => {
  const joined = await ask('yak.joinGroup', {
    groupId: 'g',
    clientId: 'me',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    protocols: [{ name: 'range', metadata: base64 }],
    later: 1,
  });
  expect(joined).toEqual({ ...ANSWERS.join, members: [{ memberId: 'm', groupInstanceId: null, metadata: base64 }] });
  expect(calls[0]!.context).toMatchObject({ clientId: 'me', listener: 'nest', clientAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/) });
  expect(calls[0]!.request).toMatchObject({
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: METADATA }],
    requiresKnownMemberId: false,
    supportsSkippingAssignment: false,
    reason: null,
  });
  expect(calls[0]!.request).not.toHaveProperty('later');
});

it('our client asks every message, and gets what the verbs answered', async () => {
  const member = { groupId: 'g', generationId: 3, memberId: 'm', groupInstanceId: null };
  const found = await binary.request('findCoordinator', { groupIds: ['g', 'h'] }, { timeoutMs });
  expect(found.coordinators).toEqual([
    { groupId: 'g', error: 'NONE', brokerId: 2, host: 'b2', port: 3127 },
    { groupId: 'h', error: 'COORDINATOR_NOT_AVAILABLE', message: 'no leader', brokerId: -1, host: '', port: -1 },
  ]);
  expect(calls.at(-1)!.request).toEqual({ keyType: 'group', keys: ['g', 'h'] });

  const assignments = [{ memberId: 'm', assignment: base64 }];
  const synced = await binary.request('syncGroup', { ...member, protocolType: null, protocolName: null, assignments }, { timeoutMs });
  expect(synced).toEqual({ ...ANSWERS.sync, assignment: base64 });
  expect(calls.at(-1)!.request.assignments).toEqual([{ memberId: 'm', assignment: METADATA }]);

  expect(await binary.request('groupHeartbeat', { ...member, clientId: 'c' }, { timeoutMs })).toEqual(ANSWERS.heartbeat);
  expect(calls.at(-1)!.context.clientId).toBe('c');
  const members = [{ memberId: 'm', groupInstanceId: null, reason: 'done' }];
  expect(await binary.request('leaveGroup', { groupId: 'g', members }, { timeoutMs })).toEqual(ANSWERS.leave);

  const partitions = [{ topic: 't', partition: 0, offset: 7, leaderEpoch: -1, metadata: null }];
  expect(await binary.request('commitOffsets', { ...member, partitions }, { timeoutMs })).toEqual(ANSWERS.commitOffsets);
  expect(calls.at(-1)!.request).toEqual({ ...member, partitions });
  const fetched = { groupId: 'g', partitions: null, requireStable: false };
  expect(await binary.request('fetchOffsets', fetched, { timeoutMs })).toEqual(ANSWERS.fetchOffsets);
  expect(calls.at(-1)!.request).toEqual(fetched);
  const deleted = { groupId: 'g', partitions: [{ topic: 't', partition: 0 }] };
  expect(await binary.request('deleteOffsets', deleted, { timeoutMs })).toEqual(ANSWERS.deleteOffsets);

  const described = await binary.request('describeGroups', { groupIds: ['g'] }, { timeoutMs });
  expect(described.groups[0]!.members).toEqual([{ memberId: 'm', metadata: base64, assignment: base64 }]);
  expect(await binary.request('listGroups', {}, { timeoutMs })).toEqual(ANSWERS.list);
  expect(calls.at(-1)!.request).toBeNull();
  await binary.request('listGroups', { states: ['Empty'] }, { timeoutMs });
  expect(calls.at(-1)!.request).toEqual(['Empty']);
  expect(await binary.request('deleteGroups', { groupIds: ['g'] }, { timeoutMs })).toEqual({ groups: ANSWERS.delete });
  expect(await binary.request('groupHistory', { groupId: 'g' }, { timeoutMs })).toEqual(ANSWERS.history);
});

it('says which field of a group message is wrong and why, before any verb is asked', async () => {
  const join = { groupId: 'g', sessionTimeoutMs: 1, rebalanceTimeoutMs: 1, protocols: [{ name: 'range', metadata: '' }] };
  expect(
    await fieldsOf('yak.joinGroup', { ...join, groupId: 'x'.repeat(256), sessionTimeoutMs: 0, protocols: [], groupInstanceId: '' }),
  ).toEqual({
    groupId: 'must be text of 1 to 255 characters',
    sessionTimeoutMs: 'must be an integer from 1 to 2147483647',
    protocols: 'must contain at least 1 elements',
    groupInstanceId: 'must be text of 1 to 249 characters',
  });
  // Half a character would be another one once it was stored.
  expect(await fieldsOf('yak.joinGroup', { ...join, groupId: 'g\ud800' })).toHaveProperty('groupId');
  const tooMuch = Buffer.alloc(64 * 1024 + 1).toString('base64');
  for (const metadata of [tooMuch, 'no base64!', 'abc', 7]) {
    expect(await fieldsOf('yak.joinGroup', { ...join, protocols: [{ name: 'range', metadata }] })).toEqual({
      'protocols.0.metadata': 'must be base64 of at most 65536 bytes',
    });
  }
  const partitions = [{ topic: 't', partition: -1, offset: 2 ** 53, metadata: 5 }];
  expect(await fieldsOf('yak.commitOffsets', { groupId: 'g', partitions })).toEqual({
    'partitions.0.partition': 'must be an integer from 0 to 2147483647',
    'partitions.0.offset': 'must be an integer of at least 0',
    'partitions.0.metadata': 'must be text of at most 65536 characters',
  });
  expect(await fieldsOf('yak.describeGroups', { groupIds: ['g', ''] })).toEqual({
    groupIds: 'must have only entries that are text of 1 to 255 characters',
  });
  expect(await fieldsOf('yak.listGroups', { states: ['Asleep'] })).toEqual({
    states: 'must be some of Empty, PreparingRebalance, CompletingRebalance, Stable, Dead',
  });
  for (const pattern of [
    'yak.groupHeartbeat',
    'yak.syncGroup',
    'yak.leaveGroup',
    'yak.fetchOffsets',
    'yak.deleteOffsets',
    'yak.groupHistory',
  ])
    expect(await fieldsOf(pattern, {})).toHaveProperty('groupId');
  expect(calls).toEqual([]);
});

it('joins that wait hold up nothing else, and nothing is left of them when their connection is gone', async () => {
  isHolding = true;
  const join = {
    groupId: 'g',
    sessionTimeoutMs: 1,
    rebalanceTimeoutMs: 1,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: '' }],
    requiresKnownMemberId: false,
    supportsSkippingAssignment: false,
    reason: null,
  };
  const joins = Array.from({ length: 5 }, () => binary.request('joinGroup', join, { timeoutMs: 60_000 }));
  const outcomes = Promise.allSettled(joins);
  const beat = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null };
  expect(await binary.request('groupHeartbeat', beat, { timeoutMs })).toEqual(ANSWERS.heartbeat);
  expect(held).toHaveLength(5);
  expect(door.server.inFlight).toBe(5);

  const closed = new Promise((resolve) => door.server.onConnectionClosed(resolve));
  binary.close();
  await closed;
  expect([door.server.connectionCount, door.server.inFlight]).toEqual([0, 0]);
  for (const release of held) release();
  expect((await outcomes).map((one) => one.status)).toEqual(Array(5).fill('rejected'));
  isHolding = false;
  expect(await ask('yak.groupHeartbeat', beat)).toEqual(ANSWERS.heartbeat);
});
