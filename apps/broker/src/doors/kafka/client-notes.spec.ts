// What the Kafka door tells the registry of clients, over the simulated network.
import { ClientRegistry } from '#broker-core';
import { SimWorld } from '#seams-sim';
import { apiVersionsApi, listOffsetsApi } from '#wire';
import { KafkaDoor } from './kafka-door.js';
import { CLIENT_PORT, type DoorWorld, FakeBroker, REPLICATION_PORT, WireClient } from './testing/door-world.js';

async function start() {
  const world = new SimWorld({ seed: 3 });
  const server = world.start('server');
  const caller = world.start('client');
  const { network, clock, scheduler, logger } = server;
  const clients = new ClientRegistry(clock, 2);
  const door = new KafkaDoor({ network, clock, scheduler, logger, broker: new FakeBroker(), clients });
  await world.settle(door.listen({ host: 'server', port: CLIENT_PORT }, 'client'));
  await world.settle(door.listen({ host: 'server', port: REPLICATION_PORT }, 'replication'));
  const connect = async (port: number) =>
    new WireClient({ world } as DoorWorld, await world.settle(caller.network.dial({ host: 'server', port })));
  return { world, door, clients, connect, listed: () => clients.list().clients };
}

const VERSION = 3;
const hello = { clientSoftwareName: 'kafkajs', clientSoftwareVersion: '2.2.4' };

it('lists a connection from its first request on, with what it says of itself, until it closes', async () => {
  const { world, connect, listed } = await start();
  const client = await connect(CLIENT_PORT);
  await world.runFor(50);
  expect(listed()).toEqual([]);
  await client.ask(apiVersionsApi, VERSION, hello);
  const [first] = listed();
  expect(first).toMatchObject({ brokerId: 2, door: 'kafka', clientId: 'tester' });
  await world.runFor(30);
  await client.ask(listOffsetsApi, 1, { replicaId: -1, topics: [] } as never);
  expect(listed()).toMatchObject([{ software: { name: 'kafkajs', version: '2.2.4' }, connectedAtMs: first!.connectedAtMs }]);
  expect(listed()[0]!.lastRequestAtMs).toBeGreaterThan(first!.lastRequestAtMs);
  client.connection.end();
  await world.runFor(50);
  expect(listed()).toEqual([]);
});

it('forgets a connection that it cuts, and does not list followers', async () => {
  const { world, connect, listed } = await start();
  const follower = await connect(REPLICATION_PORT);
  await follower.ask(apiVersionsApi, VERSION, hello);
  expect(listed()).toEqual([]);
  const hostile = await connect(CLIENT_PORT);
  await hostile.ask(apiVersionsApi, VERSION, hello);
  expect(listed()).toHaveLength(1);
  hostile.raw(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
  await world.runFor(50);
  expect(hostile.isClosed).toBe(true);
  expect(listed()).toEqual([]);
});
