// Who is connected, over a real Nest microservice on 127.0.0.1, port 0: peers of both kinds, and the two questions.
import { type ClientProxy, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { ClientRegistry } from '#broker-core';
import type { RequestContext } from '#kernel';
import { dialRpc, type LocateRecordRequest, type LocateRecordResponse } from '#rpc';
import { silentLogger } from '#seams';
import { NodeClock, NodeNetwork, NodeScheduler } from '#seams-node';
import { type NestDoor, startNestDoor } from '../../../../shared/nest-door/index.js';
import { until } from '../../../../shared/testing/until.js';
import { brokerRpcHandlers, type RpcBroker } from './broker-rpc-handlers.js';
import type { JsonRecords } from './json-records.js';
import { NestTcpModule } from './nest-tcp.module.js';

const timeoutMs = 2_000;
const FOUND = { error: 'NONE', brokerId: 1, replica: null, batch: null, producer: null, fetchedBy: [], groups: [] } as LocateRecordResponse;
let clients: ClientRegistry;
let asked: { context: RequestContext; request: LocateRecordRequest }[];
let door: NestDoor;
let stock: ClientProxy;

beforeEach(async () => {
  clients = new ClientRegistry(new NodeClock(), 1);
  asked = [];
  const broker = {
    listClients: () => clients.list(),
    locateRecord: async (context: RequestContext, request: LocateRecordRequest) => {
      asked.push({ context, request });
      return FOUND;
    },
  } as unknown as RpcBroker;
  door = await startNestDoor(NestTcpModule.over(brokerRpcHandlers(broker), {} as JsonRecords), {
    address: { host: '127.0.0.1', port: 0 },
    logger: silentLogger,
  });
  door.server.onRequest((context, pattern) => pattern !== 'listClients' && clients.requested(context));
  door.server.onConnectionClosed((clientAddress, listener) => clients.disconnected({ listener, clientAddress }));
  const { host, port } = door.server.boundAddress;
  stock = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } });
});

afterEach(async () => {
  await stock.close();
  await door.app.close();
});

const request = { topic: 't', partition: 0, offset: 12 };
const dial = (clientId: string) =>
  dialRpc(new NodeNetwork(), new NodeScheduler(), door.server.boundAddress, {
    timeoutMs,
    introduction: { clientId, clientSoftware: { name: 'yak', version: '1' } },
  });

it('our clients say once who they are, stock ones in any request; both are forgotten when they leave', async () => {
  const ours = await dial('mine');
  expect(await ours.request('locateRecord', request, { timeoutMs })).toEqual(FOUND);
  await ours.request('locateRecord', request, { timeoutMs });
  expect(asked.map(({ context }) => context.clientId)).toEqual(['mine', 'mine']);
  expect(asked[1]).toMatchObject({ request, context: { clientSoftware: { name: 'yak', version: '1' } } });
  expect(asked[0]!.request).toEqual(request);

  expect(await lastValueFrom(stock.send('yak.locateRecord', request))).toEqual(FOUND);
  await lastValueFrom(stock.send('yak.locateRecord', { ...request, clientId: 'stock' }));
  const listed = (await ours.request('listClients', {}, { timeoutMs })).clients;
  expect(listed.map(({ door: at, clientId, software }) => [at, clientId, software?.name ?? null])).toEqual([
    ['nest', 'mine', 'yak'],
    ['nest', 'stock', null],
  ]);
  ours.close();
  await stock.close();
  await until(() => clients.list().clients.length === 0);
});

it('who only asks for the list is not on it', async () => {
  const coordinator = await dial('coordinator');
  expect(await coordinator.request('listClients', {}, { timeoutMs })).toEqual({ clients: [], omitted: 0, silentBrokers: [] });
  coordinator.close();
});

it('a question for no possible record is refused with the field and why', async () => {
  const refused = await lastValueFrom(stock.send('yak.locateRecord', { topic: '', partition: -1, offset: 1.5 })).then(
    () => null,
    (error) => error.fields.map((one: { field: string }) => one.field),
  );
  expect(refused).toEqual(['topic', 'partition', 'offset']);
  expect(asked).toEqual([]);
});
