import { YakError } from '#kernel';
import type { Connection } from '#seams';
import { silentLogger } from '#seams';
import { SimWorld } from '#seams-sim';
import type { RpcHandlers } from './contract.js';
import { encodeFrame, FrameKind } from './frame.js';
import type { RpcLimits } from './limits.js';
import { DEFAULT_RPC_LIMITS } from './limits.js';
import type { FetchRequest, ProduceRequest } from './messages.js';
import { NestFraming } from './nest-framing.js';
import { PATTERNS } from './patterns.js';
import { dialRpc, type RpcClientConnection } from './rpc-client-connection.js';
import { RpcServer } from './rpc-server.js';

const ADDRESS = { host: 'server', port: 3125 };

interface Bed {
  readonly world: SimWorld;
  readonly server: RpcServer;
  readonly closed: string[];
  dial(limits?: Partial<RpcLimits>): Promise<RpcClientConnection>;
  raw(): Promise<{ connection: Connection; received: () => string }>;
}

async function bed(handlers: RpcHandlers, limits: Partial<RpcLimits> = {}): Promise<Bed> {
  const world = new SimWorld({ seed: 1 });
  const serverProcess = world.start('server');
  const client = world.start('client');
  const { network, scheduler, clock } = serverProcess;
  const server = new RpcServer({ network, scheduler, clock, logger: silentLogger, handlers, limits });
  const closed: string[] = [];
  server.onConnectionClosed((address) => closed.push(address));
  await server.listen(ADDRESS);
  return {
    world,
    server,
    closed,
    dial: (clientLimits) => world.settle(dialRpc(client.network, client.scheduler, ADDRESS, { timeoutMs: 1000, limits: clientLimits })),
    raw: async () => {
      const connection = await world.settle(client.network.dial(ADDRESS));
      let text = '';
      connection.onData((chunk) => (text += chunk.toString('latin1')));
      return { connection, received: () => text };
    },
  };
}

const pause = (world: SimWorld, process: string, ms: number) =>
  new Promise<void>((resolve) => world.process(process)!.scheduler.after(ms, resolve));

describe('RpcServer and RpcClientConnection', () => {
  it('answers requests in any order, batches intact', async () => {
    let world!: SimWorld;
    const seen: ProduceRequest[] = [];
    const { dial, ...rest } = await bed({
      produce: async (request, context) => {
        seen.push(request);
        expect(context).toMatchObject({ listener: 'nest', clientId: 'me', principal: 'User:ANONYMOUS' });
        return { partitions: [] };
      },
      fetch: async (request) => {
        await pause(world, 'server', request.maxWaitMs);
        const records = Buffer.alloc(request.maxBytes, request.partitions[0]!.partition);
        return {
          partitions: [{ topic: 't', partition: 1, error: 'NONE', highWatermark: 9, logStartOffset: 0, records: [records, records] }],
        };
      },
    });
    world = rest.world;
    const client = await dial();
    const fetchOf = (maxWaitMs: number, maxBytes: number): FetchRequest => ({
      maxWaitMs,
      minBytes: 1,
      maxBytes,
      partitions: [{ topic: 't', partition: 1, fetchOffset: 0, maxBytes }],
    });
    const order: string[] = [];
    const slow = client.request('fetch', fetchOf(50, 90_000), { timeoutMs: 1000 }).finally(() => order.push('slow'));
    const quick = client.request('fetch', fetchOf(1, 3), { timeoutMs: 1000 }).finally(() => order.push('quick'));
    const records = Buffer.from('a batch');
    const produced = client.request(
      'produce',
      { clientId: 'me', acks: -1, timeoutMs: 1, partitions: [{ topic: 't', partition: 0, records }] },
      { timeoutMs: 1000 },
    );
    const [slowAnswer, quickAnswer] = await world.settle(Promise.all([slow, quick, produced]));
    expect(order).toEqual(['quick', 'slow']);
    expect(quickAnswer.partitions[0]!.records).toEqual(Buffer.alloc(6, 1));
    expect(slowAnswer.partitions[0]!.records.equals(Buffer.alloc(180_000, 1))).toBe(true);
    expect(seen[0]!.partitions[0]!.records).toEqual(records);
  });

  it('tells failures by code, and nothing of an internal one', async () => {
    const { world, dial } = await bed({
      describeCluster: async () => {
        throw new YakError('NOT_ACTIVE', 'another one acts');
      },
      createTopics: async () => {
        throw new Error('secret');
      },
      deleteTopics: async () => {
        throw { code: 'INVALID', message: 'wrong: topics is empty', fields: [{ field: 'topics', reason: 'is empty' }] };
      },
    });
    const client = await dial();
    const codes = await world.settle(
      Promise.all(
        [
          client.request('describeCluster', {}, { timeoutMs: 100 }),
          client.request('createTopics', { topics: [] }, { timeoutMs: 100 }),
          client.request('deleteTopics', { topics: [] }, { timeoutMs: 100 }),
          client.request('metadata', { topics: null }, { timeoutMs: 100 }),
        ].map((request: Promise<unknown>) => request.catch((error: YakError) => `${error.code}: ${error.message}`)),
      ),
    );
    expect(codes).toEqual([
      'NOT_ACTIVE: another one acts',
      'INTERNAL: the process could not answer; its log has the reason',
      'INVALID: wrong: topics is empty',
      'UNKNOWN_PATTERN: nothing answers to pattern 1 here',
    ]);
  });

  it('times out, ignores the late answer, and rejects what is open when the connection goes', async () => {
    let world!: SimWorld;
    const made = await bed({
      initProducerId: async () => {
        await pause(world, 'server', 100);
        return { error: 'NONE', producerId: 1, producerEpoch: 0 };
      },
    });
    world = made.world;
    const client = await made.dial();
    const late = client.request('initProducerId', {}, { timeoutMs: 50 }).catch((error: YakError) => error.code);
    expect(await world.settle(late)).toBe('REQUEST_TIMEOUT');
    const answered = client.request('initProducerId', {}, { timeoutMs: 500 });
    expect(await world.settle(answered)).toMatchObject({ producerId: 1 });
    const lost = client.request('initProducerId', {}, { timeoutMs: 500 }).catch((error: YakError) => error.code);
    await world.runFor(10);
    await made.server.close();
    expect(await world.settle(lost)).toBe('CONNECTION_CLOSED');
    expect(client.isClosed).toBe(true);
    expect(await client.request('initProducerId', {}, { timeoutMs: 500 }).catch((error: YakError) => error.code)).toBe('CONNECTION_CLOSED');
    expect(made.closed).toHaveLength(1);
  });

  it('keeps no more in flight than maxInFlight at both ends and loses nothing', async () => {
    let world!: SimWorld;
    let running = 0;
    let most = 0;
    const handlers: RpcHandlers = {
      initProducerId: async () => {
        most = Math.max(most, ++running);
        await pause(world, 'server', 5);
        running--;
        return { error: 'NONE', producerId: 0, producerEpoch: 0 };
      },
    };
    const made = await bed(handlers, { maxInFlight: 4 });
    world = made.world;
    for (const clientInFlight of [2, 64]) {
      most = 0;
      const client = await made.dial({ maxInFlight: clientInFlight });
      const all = Array.from({ length: 40 }, () => client.request('initProducerId', {}, { timeoutMs: 5000 }));
      await world.settle(Promise.all(all));
      expect(most).toBe(Math.min(4, clientInFlight));
    }
    const client = await made.dial({ maxInFlight: 1, maxQueuedRequests: 1 });
    const codes = [1, 2, 3].map(() =>
      client.request('initProducerId', {}, { timeoutMs: 5000 }).then(
        () => 'ok',
        (error: YakError) => error.code,
      ),
    );
    expect(await world.settle(Promise.all(codes))).toEqual(['ok', 'ok', 'BUSY']);
  });

  it('joins and syncs that wait for other members hold up nothing else, at either end, up to maxParked', async () => {
    const waiting: (() => void)[] = [];
    const handlers: RpcHandlers = {
      joinGroup: async () => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return {
          error: 'NONE',
          generationId: 1,
          protocolType: '',
          protocolName: '',
          leader: '',
          skipAssignment: false,
          memberId: '',
          members: [],
        };
      },
      groupHeartbeat: async () => ({ error: 'NONE' }),
    };
    const limits = { maxInFlight: 2, maxParked: 5 };
    const { world, dial } = await bed(handlers, limits);
    const client = await dial(limits);
    const join = () => client.request('joinGroup', {} as never, { timeoutMs: 60_000 });
    const beat = () =>
      client.request('groupHeartbeat', {} as never, { timeoutMs: 100 }).then(
        ({ error }) => error,
        (error) => error.code,
      );
    const joins = Array.from({ length: 6 }, join);
    expect(await world.settle(beat())).toBe('NONE');
    expect(waiting).toHaveLength(6);
    joins.push(join());
    expect(await world.settle(beat())).toBe('REQUEST_TIMEOUT');
    waiting.shift()!();
    expect(await world.settle(beat())).toBe('NONE');
    for (const resolve of waiting) resolve();
    expect(await world.settle(Promise.all(joins))).toHaveLength(7);
  });

  it('cuts a reader that does not read, and a frame that never ends', async () => {
    const answer = {
      partitions: [
        { topic: 't', partition: 0, error: 'NONE' as const, highWatermark: 0, logStartOffset: 0, records: Buffer.alloc(100_000) },
      ],
    };
    const { world, raw, closed } = await bed(
      { fetch: async () => answer },
      { maxSendBufferBytes: 400_000, partialFrameTimeoutMs: 2000, drainTimeoutMs: 500 },
    );
    const request = encodeFrame({ kind: FrameKind.request, pattern: PATTERNS.fetch.code, id: 1, body: {} }, DEFAULT_RPC_LIMITS)[0]!;
    const requests = (count: number) =>
      Buffer.concat(
        Array.from({ length: count }, (_, id) => {
          const bytes = Buffer.from(request);
          bytes.writeUInt32BE(id, 6);
          return bytes;
        }),
      );
    const greedy = await raw();
    greedy.connection.pause();
    greedy.connection.write(requests(40));
    expect(await world.runUntil(() => closed.length === 1, 100)).toBe(true);

    const idle = await raw();
    idle.connection.pause();
    idle.connection.write(requests(3));
    await world.runFor(400);
    expect(closed).toHaveLength(1);
    await world.runFor(200);
    expect(closed).toHaveLength(2);

    const half = await raw();
    half.connection.write(Buffer.from(request.subarray(0, 10)));
    await world.runFor(1900);
    expect(closed).toHaveLength(2);
    await world.runFor(200);
    expect(closed).toHaveLength(3);
  });

  it('closes a connection that speaks something else', async () => {
    const { world, raw, closed } = await bed({});
    const http = await raw();
    http.connection.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect(await world.runUntil(() => closed.length === 1, 1000)).toBe(true);
  });

  it('serves a stock ClientProxy: JSON by name or number, base64 batches', async () => {
    const { world, raw } = await bed({
      produce: async (request) => ({
        partitions: request.partitions.map(({ topic, partition, records }) => ({
          topic,
          partition,
          error: 'NONE',
          baseOffset: records.length,
          logStartOffset: 0,
        })),
      }),
      fetch: async () => ({
        partitions: [
          {
            topic: 'é😀',
            partition: 0,
            error: 'NONE',
            highWatermark: 1,
            logStartOffset: 0,
            records: [Buffer.from('one'), Buffer.from('two')],
          },
        ],
      }),
    });
    const stock = await raw();
    const send = (message: unknown) => {
      const json = JSON.stringify(message);
      stock.connection.write(Buffer.from(`${json.length}#${json}`));
    };
    send({
      pattern: 'yak.produce',
      id: 'p',
      data: { partitions: [{ topic: 't', partition: 0, records: Buffer.from('12345').toString('base64') }] },
    });
    send({ pattern: '10', id: 'q', data: { partitions: [{ topic: 't', partition: 0, records: Buffer.from('1234') }] } });
    send({ pattern: 'yak.fetch', id: 'f', data: {} });
    send({ pattern: { cmd: 'x' }, id: 'u', data: {} });
    await world.runFor(100);
    const received = Buffer.from(stock.received(), 'latin1').toString('utf8');
    const answers = received
      .split(/\d+#(?=\{)/)
      .slice(1)
      .map((json) => JSON.parse(json));
    const byId = Object.fromEntries(answers.map((answer) => [answer.id, answer]));
    expect(byId['p'].response.partitions[0].baseOffset).toBe(5);
    expect(byId['q'].response.partitions[0].baseOffset).toBe(4);
    expect(byId['f']).toMatchObject({
      isDisposed: true,
      response: { partitions: [{ topic: 'é😀', records: Buffer.from('onetwo').toString('base64') }] },
    });
    expect(byId['u'].err).toMatchObject({ code: 'UNKNOWN_PATTERN' });
    const [length, json] = received
      .slice(received.lastIndexOf('#') - 4)
      .match(/(\d+)#(.*)/)!
      .slice(1) as [string, string];
    expect(Number(length)).toBe(json.length);
  });
});

describe('NestFraming', () => {
  const frame = (id: number, body: unknown = {}) =>
    encodeFrame({ kind: FrameKind.request, pattern: PATTERNS.metadata.code, id, body }, DEFAULT_RPC_LIMITS)[0] as Buffer;

  it('hands out what fits in flight and the rest as replies go out', () => {
    const framing = new NestFraming({ maxInFlight: 2 });
    expect(framing.isBinary).toBeNull();
    expect(framing.feed(Buffer.concat([frame(1), frame(2), frame(3)])).map((packet) => packet.id)).toEqual([1, 2]);
    expect(framing.isFull).toBe(true);
    expect(framing.encodeReply({ id: 2, response: {} })).toHaveLength(1);
    expect(framing.feed().map((packet) => packet.id)).toEqual([3]);
    expect(framing.encodeReply({ id: 2, response: 'again' })).toEqual([]);
  });

  it('counts bytes in flight, those that fetches ask for included, and hands out nothing while it is held', () => {
    const fetch = (id: number, maxBytes: unknown) =>
      encodeFrame({ kind: FrameKind.request, pattern: PATTERNS.fetch.code, id, body: { maxBytes } }, DEFAULT_RPC_LIMITS)[0] as Buffer;
    const framing = new NestFraming({ maxInFlightBytes: 1000 });
    const ids = (chunk?: Buffer) => framing.feed(chunk).map((packet) => packet.id);
    expect(ids(Buffer.concat([fetch(1, 700), fetch(2, 2 ** 40), fetch(3, 1), fetch(4, -5)]))).toEqual([1, 2]);
    framing.encodeReply({ id: 1, response: {} });
    expect(ids()).toEqual([]);
    framing.encodeReply({ id: 2, response: {} });
    framing.isHeld = true;
    expect([framing.isFull, ids()]).toEqual([true, []]);
    framing.isHeld = false;
    expect(ids()).toEqual([3, 4]);
    expect(ids(frame(5, { padding: 'x'.repeat(1000) }))).toEqual([5]);
    expect(framing.isFull).toBe(true);
    for (const id of [3, 4, 5]) framing.encodeReply({ id, err: 'gone' });
    expect(ids(Buffer.concat([frame(6), frame(7)]))).toEqual([6, 7]);
  });

  it('takes no more JSON of a stock peer than of others, whatever a control connection may send', () => {
    const framing = new NestFraming({ maxJsonBytes: 128 * 1024 * 1024 });
    expect(() => framing.feed(Buffer.from(`${DEFAULT_RPC_LIMITS.maxJsonBytes + 1}#`))).toThrow('above maxJsonBytes');
  });

  it('refuses an id that is in flight, and a reply that is too large becomes a failure', () => {
    const framing = new NestFraming({ maxFrameBytes: 200 });
    framing.feed(frame(1));
    expect(() => framing.feed(frame(1))).toThrow('already in flight');
    const [reply] = framing.encodeReply({ id: 1, response: 'x'.repeat(300) });
    expect(reply![2]).toBe(FrameKind.failure);
    expect(Buffer.from(reply!).toString()).toContain('TOO_LARGE');
  });

  it('leaves what is no base64 for validation to name', () => {
    const framing = new NestFraming();
    const json = JSON.stringify({ pattern: 'yak.produce', id: '1', data: { partitions: [{ records: '***' }, 5, { records: 7 }] } });
    const [packet] = framing.feed(Buffer.from(`${json.length}#${json}`));
    expect(packet!.data).toEqual({ partitions: [{ records: '***' }, 5, { records: 7 }] });
  });
});
