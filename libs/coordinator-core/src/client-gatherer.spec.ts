import type { MetadataImage } from '#metadata';
import { type ConnectedClient, type ListClientsResponse, RpcServer } from '#rpc';
import { silentLogger } from '#seams';
import { SimWorld } from '#seams-sim';
import { CLIENTS_GATHERED_MAX, ClientGatherer, GATHER_TIMEOUT_MS, merged, PARTITIONS_GATHERED_MAX } from './client-gatherer.js';

const PORT = 3125;

function client(brokerId: number, partitions = 0): ConnectedClient {
  return {
    brokerId,
    door: 'kafka',
    clientId: `of-${brokerId}`,
    software: null,
    address: 'h:1',
    listener: 'client',
    principal: 'User:ANONYMOUS',
    connectedAtMs: 1,
    lastRequestAtMs: 1,
    produced: [],
    fetched: Array.from({ length: partitions }, (_, partition) => ({ topic: 't', partition, nextOffset: 1, lastFetchedAtMs: 1 })),
    groups: [],
  };
}

const answer = (clients: readonly ConnectedClient[], omitted = 0): ListClientsResponse => ({ clients, omitted, silentBrokers: [] });

/** Brokers by id; null: fenced. */
function imageOf(fenced: readonly boolean[]): MetadataImage {
  const brokers = fenced.map((isFenced, brokerId) => ({ brokerId, isFenced, listeners: { tcp: { host: `b${brokerId}`, port: PORT } } }));
  return { brokers: new Map(brokers.reverse().map((one) => [one.brokerId, one])) } as unknown as MetadataImage;
}

async function bed() {
  const world = new SimWorld({ seed: 5 });
  const { network, scheduler, clock } = world.start('coordinator');
  const serve = async (id: number, listClients: () => Promise<ListClientsResponse>) => {
    const process = world.start(`b${id}`);
    const server = new RpcServer({ ...process, logger: silentLogger, handlers: { listClients } });
    await server.listen({ host: `b${id}`, port: PORT });
  };
  return { world, serve, clock, gatherer: new ClientGatherer({ network, scheduler }) };
}

it('asks every live broker at once; who is fenced is not asked, who does not answer is named', async () => {
  const { world, serve, clock, gatherer } = await bed();
  await serve(0, async () => answer([client(0)], 2));
  await serve(1, () => new Promise(() => {}));
  await serve(2, async () => answer([client(2), client(2)], 1));
  await serve(3, () => Promise.reject(new Error('never asked')));
  const startedAt = clock.monotonicMs();
  const gathered = await world.settle(gatherer.gather(imageOf([false, false, false, true, false])));
  expect(gathered.clients.map((one) => one.brokerId)).toEqual([0, 2, 2]);
  expect(gathered).toMatchObject({ omitted: 3, silentBrokers: [1, 4] });
  expect(clock.monotonicMs() - startedAt).toBeLessThan(GATHER_TIMEOUT_MS + 100);
});

it('questions that come while a round is under way share it; the next one starts another', async () => {
  const { world, serve, gatherer } = await bed();
  let rounds = 0;
  await serve(0, async () => answer([], ++rounds));
  const image = imageOf([false]);
  const [one, two] = await world.settle(Promise.all([gatherer.gather(image), gatherer.gather(image)]));
  expect([one.omitted, two.omitted]).toEqual([1, 1]);
  expect(await world.settle(gatherer.gather(image))).toMatchObject({ omitted: 2 });
});

it('one answer has a bound: what is beyond it is counted', () => {
  const many = Array.from({ length: CLIENTS_GATHERED_MAX + 1 }, () => client(0));
  expect(merged([{ brokerId: 0, response: answer(many, 1) }])).toMatchObject({ omitted: 2 });
  const wide = merged([
    { brokerId: 0, response: answer([client(0, PARTITIONS_GATHERED_MAX)]) },
    { brokerId: 1, response: answer([client(1, 1), client(1)]) },
  ]);
  expect(wide.clients.map((one) => one.fetched.length)).toEqual([PARTITIONS_GATHERED_MAX, 0]);
  expect(wide.omitted).toBe(1);
});
