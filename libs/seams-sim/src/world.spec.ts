import type { Connection } from '#seams';
import { sleep } from '#seams';
import type { SimProcess } from './process.js';
import { SimWorld } from './world.js';

const PORT = 9092;

/** A server that echoes and a client that keeps one connection; answers what happened to it. */
async function echoPair(
  world: SimWorld,
): Promise<{ server: SimProcess; client: SimProcess; connection: Connection; received: string[]; closes: (string | null)[] }> {
  const server = world.start('server');
  const client = world.start('client');
  await world.settle(
    server.network.listen({ host: 'server', port: PORT }, (connection) => connection.onData((chunk) => connection.write(chunk))),
  );
  const connection = await world.settle(client.network.dial({ host: 'server', port: PORT }));
  const received: string[] = [];
  const closes: (string | null)[] = [];
  connection.onData((chunk) => received.push(chunk.toString()));
  connection.onClose((error) => closes.push(error ? (error as Error & { code: string }).code : null));
  return { server, client, connection, received, closes };
}

async function dialCode(world: SimWorld, client: SimProcess): Promise<string> {
  return world.settle(
    client.network.dial({ host: 'server', port: PORT }, { timeoutMs: 5000 }).then(
      () => 'CONNECTED',
      (error) => error.code,
    ),
  );
}

describe('SimWorld', () => {
  it('gives the same trace for the same seed and another for another', async () => {
    const run = async (seed: number) => {
      const world = new SimWorld({ seed });
      const { connection, server } = await echoPair(world);
      for (let index = 0; index < 20; index++) connection.write(Buffer.from(`message ${index}`));
      await world.runFor(5);
      server.kill({ loseUnsynced: true });
      await world.runFor(50);
      return world.trace.hash;
    };
    const first = await run(1);
    expect(await run(1)).toBe(first);
    expect(await run(2)).not.toBe(first);
  });

  it('drains every microtask before the next event, however deep', async () => {
    const world = new SimWorld({ seed: 1 });
    const process = world.start('p');
    const order: string[] = [];
    process.run('a', async () => {
      for (let depth = 0; depth < 200; depth++) await null;
      order.push('deep');
    });
    process.run('b', () => order.push('next'), 1);
    await world.runFor(10);
    expect(order).toEqual(['deep', 'next']);
  });

  it('holds the events of a frozen process and delivers them late, in order per connection', async () => {
    const world = new SimWorld({ seed: 3 });
    const { server, connection, received } = await echoPair(world);
    const ran: number[] = [];
    server.scheduler.after(10, () => ran.push(world.nowMs));
    server.freeze();
    for (let index = 0; index < 10; index++) connection.write(Buffer.from(String(index)));
    await world.runFor(1000);
    expect([ran, received]).toEqual([[], []]);
    server.resume();
    await world.runFor(50);
    expect(ran[0]).toBeGreaterThanOrEqual(1000);
    expect(received.join('')).toBe('0123456789');
  });

  it('never runs anything of a killed process again, and its peers see a reset', async () => {
    const world = new SimWorld({ seed: 4 });
    const { server, client, closes } = await echoPair(world);
    let wasRun = false;
    void sleep(server.scheduler, 1).then(() => (wasRun = true));
    server.scheduler.endOfTurn(() => (wasRun = true));
    server.disk
      .open('/f', { create: true })
      .sync()
      .then(() => (wasRun = true));
    server.kill();
    await world.runFor(100);
    expect(wasRun).toBe(false);
    expect(closes).toEqual(['ECONNRESET']);
    expect(await dialCode(world, client)).toBe('CONNECTION_REFUSED');
  });

  it('says nothing to the peers of a host without power until it is back', async () => {
    const world = new SimWorld({ seed: 5 });
    const { server, client, closes } = await echoPair(world);
    server.kill({ loseUnsynced: true });
    expect(await dialCode(world, client)).toBe('CONNECT_TIMEOUT');
    expect(closes).toEqual([]);
    world.start('server');
    await world.runFor(100);
    expect(closes).toEqual(['ECONNRESET']);
    expect(await dialCode(world, client)).toBe('CONNECTION_REFUSED');
  });

  it('a frozen process is accepted by its kernel or lets a dial time out, but never refuses', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 12; seed++) {
      const world = new SimWorld({ seed });
      const { server, client } = await echoPair(world);
      server.freeze();
      outcomes.add(await dialCode(world, client));
    }
    expect([...outcomes].sort()).toEqual(['CONNECTED', 'CONNECT_TIMEOUT']);
  });

  it('blocks one direction of a link and delivers what waited when it heals', async () => {
    const world = new SimWorld({ seed: 6 });
    const { client, connection, received } = await echoPair(world);
    world.network.block('server', 'client');
    connection.write(Buffer.from('hello'));
    await world.runFor(2000);
    expect(received).toEqual([]);
    expect(await dialCode(world, client)).toBe('CONNECT_TIMEOUT');
    world.network.unblockAll();
    await world.runFor(10);
    expect(received.join('')).toBe('hello');
  });

  it('loses a tail when a connection is cut, never a part in the middle', async () => {
    const lengths = new Set<number>();
    for (let seed = 0; seed < 30; seed++) {
      const world = new SimWorld({ seed });
      const { connection, received, closes } = await echoPair(world);
      for (let index = 0; index < 8; index++) connection.write(Buffer.from(String(index)));
      await world.runFor(0.4);
      world.network.cut('client', 'server');
      await world.runFor(100);
      expect('01234567'.startsWith(received.join(''))).toBe(true);
      expect(closes).toEqual(['ECONNRESET']);
      lengths.add(received.join('').length);
    }
    expect(lengths.size).toBeGreaterThan(2);
  });

  it('R27: a receiver may change its chunk without reaching back into the sender', async () => {
    const world = new SimWorld({ seed: 7 });
    const server = world.start('server');
    const client = world.start('client');
    await world.settle(server.network.listen({ host: 'server', port: PORT }, (connection) => connection.onData((chunk) => chunk.fill(0))));
    const connection = await world.settle(client.network.dial({ host: 'server', port: PORT }));
    const sent = Buffer.from('mine');
    connection.write(sent);
    await world.runFor(10);
    expect(sent.toString()).toBe('mine');
  });

  it('ends a run with what simulated code threw', async () => {
    const world = new SimWorld({ seed: 8 });
    world.start('p').run('bug', () => {
      throw new Error('a bug');
    });
    await expect(world.runFor(10)).rejects.toThrow('a bug');
  });

  it('R25: a wall clock may jump while the monotonic one goes on', async () => {
    const world = new SimWorld({ seed: 9 });
    const process = world.start('p');
    const [monotonic, wall] = [process.clock.monotonicMs(), process.clock.wallMs()];
    process.wallOffsetMs = -3_600_000;
    await world.runFor(10);
    expect(process.clock.monotonicMs() - monotonic).toBeCloseTo(10);
    expect(process.clock.wallMs() - wall).toBe(-3_599_990);
  });
});
