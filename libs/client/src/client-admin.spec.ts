import { KafkaError, YakError } from '#kernel';
import { type ConnectedClient, type LocateRecordResponse, type RpcHandlers, RpcServer } from '#rpc';
import { silentLogger } from '#seams';
import { BROKER_ANSWER_TIMEOUT_MS } from './client-admin.js';
import { FakeCluster } from './testing/fake-cluster.js';

const COORDINATOR = { id: 0, host: 'reigning', port: 3180, coordinatorEpoch: 1, isSuspect: false, store: 'embedded' };
const client = (brokerId: number) => ({ brokerId, clientId: `of-${brokerId}` }) as ConnectedClient;
const located = (brokerId: number): LocateRecordResponse => ({
  error: 'NONE',
  brokerId,
  replica: null,
  batch: null,
  producer: null,
  fetchedBy: [],
  groups: [],
});

async function world(handlersOf: (id: number) => RpcHandlers) {
  const cluster = await FakeCluster.start(8, { t: 2 });
  for (const id of cluster.brokerIds) Object.assign(cluster.served.get(id)!, handlersOf(id));
  return { cluster, admin: cluster.client({ bootstrap: ['b0:3125', 'b1:3125'], requestTimeoutMs: 5_000 }).admin.clients };
}

it('the cluster coordinator is asked for the clients of all', async () => {
  const { cluster, admin } = await world(() => ({
    describeCluster: async () => ({ clusterId: 'c', revision: 1, coordinator: COORDINATOR, brokers: [] }),
    listClients: async () => ({ clients: [], omitted: 99, silentBrokers: [] }),
  }));
  const gathered = { clients: [client(0), client(1)], omitted: 1, silentBrokers: [2] };
  const { network, scheduler, clock } = cluster.world.start('reigning');
  const server = new RpcServer({ network, scheduler, clock, logger: silentLogger, handlers: { listClients: async () => gathered } });
  await server.listen(COORDINATOR);
  expect(await cluster.world.settle(admin.list())).toEqual(gathered);
});

it('while it is away each broker is asked, and who is silent is named', async () => {
  const { cluster, admin } = await world((id) => ({
    describeCluster: () => Promise.reject(new YakError('UNAVAILABLE', 'no cluster coordinator')),
    listClients: () => (id === 1 ? new Promise(() => {}) : Promise.resolve({ clients: [client(id)], omitted: 2, silentBrokers: [] })),
  }));
  expect(await cluster.world.settle(admin.list(), 20_000)).toEqual({ clients: [client(0), client(2)], omitted: 4, silentBrokers: [1] });
});

it('a refusal is an answer: nobody else is asked', async () => {
  const { cluster, admin } = await world(() => ({
    describeCluster: () => Promise.reject(new YakError('CLUSTER_AUTHORIZATION_FAILED', 'no')),
    listClients: async () => ({ clients: [], omitted: 0, silentBrokers: [] }),
  }));
  await expect(cluster.world.settle(admin.list())).rejects.toMatchObject({ code: 'CLUSTER_AUTHORIZATION_FAILED' });
});

it('a record is looked for on every live broker', async () => {
  const { cluster, admin } = await world((id) => ({
    locateRecord: async () => (id === 2 ? new Promise<never>(() => {}) : located(id)),
  }));
  const found = await cluster.world.settle(admin.where({ topic: 't', partition: 1, offset: 3 }), BROKER_ANSWER_TIMEOUT_MS * 2);
  expect(found.answers).toEqual([located(0), located(1)]);
  expect(found).toMatchObject({ partition: { partition: 1 }, silentBrokers: [2] });
});

it('a topic or partition that does not exist is an error that says so', async () => {
  const { cluster, admin } = await world(() => ({}));
  const where = (topic: string, partition: number) =>
    cluster.world.settle(admin.where({ topic, partition, offset: 0 })).then(
      () => 'found',
      (error: KafkaError) => [error instanceof KafkaError, error.message],
    );
  expect(await where('t', 2)).toEqual([true, 'topic t has no partition 2: it has 2, from 0 to 1']);
  expect(await where('u', 0)).toEqual([true, 'topic u does not exist']);
});
