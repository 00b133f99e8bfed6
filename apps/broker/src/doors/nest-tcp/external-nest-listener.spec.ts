// A second address of the Nest door, for clients outside of the brokers' network, over real sockets on 127.0.0.1, port 0.
import { type ClientProxy, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { ClientRegistry, endpointFor } from '#broker-core';
import type { RequestContext } from '#kernel';
import { dialRpc } from '#rpc';
import { type Address, silentLogger } from '#seams';
import { NodeClock, NodeNetwork, NodeScheduler } from '#seams-node';
import { type NestDoor, startNestDoor } from '../../../../shared/nest-door/index.js';
import { until } from '../../../../shared/testing/until.js';
import { listenersOf } from '../kafka/testing/listeners-of.js';
import { brokerRpcHandlers, type RpcBroker } from './broker-rpc-handlers.js';
import type { JsonRecords } from './json-records.js';
import { NestTcpModule } from './nest-tcp.module.js';

const timeoutMs = 2_000;
const LOCAL = { host: '127.0.0.1', port: 0 };
const clients = new ClientRegistry(new NodeClock(), 1);
let door: NestDoor;
let external: Address;
let proxies: ClientProxy[] = [];

/** Brokers 0 to 2; the last one has no external listeners. */
const broker = {
  listClients: () => clients.list(),
  image: { revision: 7, brokers: new Map([0, 1, 2].map((id) => [id, { listeners: listenersOf(id) }])) },
  cluster: async ({ listener }: RequestContext) => ({
    clusterId: 'c',
    revision: 7,
    controllerId: 0,
    brokers: [0, 1].map((brokerId) => ({ brokerId, rack: null, endpoint: endpointFor(listenersOf(brokerId), listener)! })),
    topics: [],
  }),
  groups: {
    findCoordinators: async ({ listener }: RequestContext) => [
      { key: 'g', error: 'NONE', brokerId: 1, endpoint: endpointFor(listenersOf(1), listener) },
    ],
  },
  forward: async () => ({
    clusterId: 'c',
    brokers: [0, 2].map((id) => ({ id, tcp: `nest-${id}:3125`, kafka: `public-${id}:9092`, http: `http-${id}:8080` })),
  }),
} as unknown as RpcBroker;

beforeAll(async () => {
  door = await startNestDoor(NestTcpModule.over(brokerRpcHandlers(broker), {} as JsonRecords), { address: LOCAL, logger: silentLogger });
  door.server.onRequest((context) => clients.requested(context));
  door.server.onConnectionClosed((clientAddress, listener) => clients.disconnected({ listener, clientAddress }));
  external = await door.server.listenAlso(LOCAL, 'external-nest');
});

afterAll(() => door.app.close());

afterEach(async () => {
  await Promise.all(proxies.map((each) => each.close()));
  proxies = [];
});

const stock = ({ host, port }: Address): ClientProxy => {
  const proxy = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } });
  proxies.push(proxy);
  return proxy;
};
const ask = (at: Address, pattern: string, request: object) => lastValueFrom(stock(at).send(pattern, request));

it('metadata, coordinators and the description of the cluster have the addresses of the door that was asked', async () => {
  const told = async (at: Address) => {
    const { brokers } = await ask(at, 'yak.metadata', { topics: [] });
    const { coordinators } = await ask(at, 'yak.findCoordinator', { groupIds: ['g'] });
    return [...brokers, ...coordinators].map(({ host, port }: Address) => `${host}:${port}`);
  };
  expect(await told(door.server.boundAddress)).toEqual(['nest-0:3125', 'nest-1:3125', 'nest-1:3125']);
  expect(await told(external)).toEqual(['outer-nest-0:3126', 'outer-nest-1:3126', 'outer-nest-1:3126']);

  const inside = await ask(door.server.boundAddress, 'yak.describeCluster', {});
  expect(inside.brokers).toEqual([
    {
      id: 0,
      tcp: 'nest-0:3125',
      kafka: 'public-0:9092',
      http: 'http-0:8080',
      externalKafka: 'outer-0:9094',
      externalTcp: 'outer-nest-0:3126',
    },
    { id: 2, tcp: 'nest-2:3125', kafka: 'public-2:9092', http: 'http-2:8080' },
  ]);
  expect((await ask(external, 'yak.describeCluster', {})).brokers).toMatchObject([
    { id: 0, tcp: 'outer-nest-0:3126', kafka: 'outer-0:9094' },
    { id: 2, tcp: '', kafka: '' },
  ]);
});

it('binary clients are served there too, and listed with the listener that they came in by', async () => {
  const introduction = { clientId: 'far away', clientSoftware: null };
  const client = await dialRpc(new NodeNetwork(), new NodeScheduler(), external, { timeoutMs, introduction: introduction as never });
  expect((await client.request('metadata', { topics: [] }, { timeoutMs })).brokers[0]).toMatchObject({ host: 'outer-nest-0', port: 3126 });
  expect(clients.list().clients).toMatchObject([{ door: 'nest', listener: 'external-nest', clientId: 'far away' }]);
  client.close();
  await until(() => clients.list().clients.length === 0);
});

it('names an address that is in use, and closes with the first one', async () => {
  await expect(door.server.listenAlso(external, 'external-nest')).rejects.toMatchObject({
    code: 'ADDRESS_IN_USE',
    message: expect.stringContaining(`${external.host}:${external.port}`),
  });
  const other = await startNestDoor(NestTcpModule.over(brokerRpcHandlers(broker), {} as JsonRecords), {
    address: LOCAL,
    logger: silentLogger,
  });
  const also = await other.server.listenAlso(LOCAL, 'external-nest');
  await ask(also, 'yak.metadata', { topics: [] });
  expect(await other.server.drain(1_000)).toBe(true);
  await expect(new NodeNetwork().dial(also)).rejects.toMatchObject({ code: 'CONNECTION_REFUSED' });
  await other.app.close();
  await until(() => other.server.connectionCount === 0);
});
