// A real Nest microservice on 127.0.0.1, port 0, over a fake broker core: stock ClientProxy, binary RpcClient and raw bytes.
import { connect, type Socket } from 'node:net';
import { type ClientProxy, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { endpointFor, type FetchRequest, type ProduceRequest } from '#broker-core';
import type { RequestContext } from '#kernel';
import type { Record as StoredRecord } from '#record';
import { type RpcClient, RpcClientConnection } from '#rpc';
import { silentLogger } from '#seams';
import { NodeNetwork, NodeScheduler } from '#seams-node';
import { type NestDoor, startNestDoor } from '../../../../shared/nest-door/index.js';
import { until } from '../../../../shared/testing/until.js';
import { brokerRpcHandlers, type RpcBroker } from './broker-rpc-handlers.js';
import { type BatchCodec, JsonRecords } from './json-records.js';
import { NestTcpModule } from './nest-tcp.module.js';

/** Stands for a record batch: JSON lines, so that these tests need no batch format. */
const codec: BatchCodec = {
  encode: (records) => Buffer.from(JSON.stringify(records)),
  *decode(batches) {
    if (batches.length === 0) return;
    const parsed = JSON.parse(batches.toString()) as { offset: number; value: { data: number[] } }[];
    for (const r of parsed) yield [{ ...r, value: Buffer.from(r.value.data), key: null, headers: [] } as unknown as StoredRecord];
  },
};
const decoded = (batches: Buffer) => [...codec.decode(batches)].flat();

class FakeBroker implements RpcBroker {
  readonly groups = {} as RpcBroker['groups'];
  /** Every admin verb answers with how it was called. */
  readonly admin = new Proxy({} as RpcBroker['admin'], {
    get: (_, verb) => async (context: RequestContext, request: unknown) => ({ verb, context, request }),
  });
  produced: { context: RequestContext; request: ProduceRequest }[] = [];
  fetched: FetchRequest[] = [];
  revision = 7;
  /** With isHolding, each produce waits until its entry is called. */
  held: (() => void)[] = [];
  isHolding = false;
  readonly watchers = new Set<() => void>();

  async produce(context: RequestContext, request: ProduceRequest) {
    this.produced.push({ context, request });
    if (this.isHolding) await new Promise<void>((resolve) => this.held.push(resolve));
    return {
      partitions: request.partitions.map((p) => ({ ...p, records: undefined, error: 'NONE' as const, baseOffset: 42, logStartOffset: 0 })),
    };
  }

  async fetch(_context: RequestContext, request: FetchRequest) {
    this.fetched.push(request);
    const value = Buffer.from('zwölf 😀');
    const records = codec.encode([10, 11, 12].map((offset) => ({ offset, timestamp: 1, key: null, value, headers: [] })) as never);
    const half = records.length >> 1;
    const isAtEnd = request.partitions[0]!.fetchOffset > 12;
    return {
      partitions: request.partitions.map((p) => ({
        topic: p.topic!,
        topicId: 'id',
        partition: p.partition,
        error: 'NONE' as const,
        highWatermark: 13,
        lastStableOffset: 13,
        logStartOffset: 0,
        records: isAtEnd ? [] : [records.subarray(0, half), records.subarray(half)],
      })),
    };
  }

  listClients(): never {
    throw new Error('see client-door.spec.ts');
  }

  locateRecord = this.listClients;

  async listOffsets() {
    return { partitions: [] };
  }

  async cluster({ listener }: RequestContext) {
    const at = (port: number) => ({ host: 'h', port });
    const listeners = { kafka: at(1), replication: at(2), tcp: at(3), http: at(4), externalTcp: at(5) };
    return {
      clusterId: 'c',
      revision: this.revision,
      controllerId: 0,
      brokers: [{ brokerId: 0, rack: null, endpoint: endpointFor(listeners, listener)! }],
      topics: [{ error: 'NONE' as const, name: 't', topicId: 'id', isInternal: false, partitions: [] }],
    };
  }

  async initProducerId() {
    return { error: 'NONE' as const, producerId: 1, producerEpoch: 0 };
  }

  async forward(): Promise<never> {
    throw new TypeError('a bug with secrets in it');
  }

  get image() {
    return { revision: this.revision, brokers: new Map() };
  }

  async waitForMetadata(condition: (image: { revision: number }) => boolean, timeoutMs: number) {
    const { promise, resolve } = resolvable();
    const check = () => condition(this.image) && resolve();
    this.watchers.add(check);
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    this.watchers.delete(check);
    return condition(this.image);
  }

  publish(revision: number) {
    this.revision = revision;
    for (const check of [...this.watchers]) check();
  }
}

function resolvable() {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

let door: NestDoor;
let broker: FakeBroker;
let stock: ClientProxy;
let binary: RpcClient;
const raw: Socket[] = [];

beforeEach(async () => {
  broker = new FakeBroker();
  const handlers = brokerRpcHandlers(broker);
  door = await startNestDoor(NestTcpModule.over(handlers, new JsonRecords(codec, () => 1_000)), {
    address: { host: '127.0.0.1', port: 0 },
    logger: silentLogger,
    limits: { maxFrameBytes: 64 * 1024, maxInFlight: 4 },
  });
  const { host, port } = door.server.boundAddress;
  stock = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } });
  binary = new RpcClientConnection(await new NodeNetwork().dial({ host, port }), new NodeScheduler(), { maxInFlight: 1_000 });
});

afterEach(async () => {
  for (const socket of raw.splice(0)) socket.destroy();
  binary.close();
  await stock.close();
  await door.app.close();
});

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON came back
type Json = any;

const ask = (pattern: string, data: unknown): Promise<Json> => lastValueFrom(stock.send(pattern, data));
const refusal = (pattern: string, data: unknown): Promise<Json> =>
  ask(pattern, data).then(
    (x) => Promise.reject(new Error(JSON.stringify(x))),
    (error) => error,
  );

describe('a stock Nest ClientProxy', () => {
  it('cannot choose in whose name an admin call is made', async () => {
    const forged = { principal: 'User:root', clientId: 'x', clientAddress: '10.0.0.1:1' };
    for (const pattern of ['yak.createTopics', 'yak.deleteTopics', 'yak.createPartitions', 'yak.alterConfigs', 'yak.electLeader']) {
      const named =
        pattern === 'yak.alterConfigs'
          ? { resources: [{ type: 'topic', name: 't', operations: [] }] }
          : { topics: [{ name: 't', totalCount: 2 }], topic: 't', partition: 0, kind: 'preferred' };
      const { context } = await ask(pattern, { ...named, onBehalfOf: forged });
      expect(context).toMatchObject({
        principal: 'User:ANONYMOUS',
        clientId: null,
        clientAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      });
    }
  });

  it('may look up one time per partition in a request', async () => {
    const at = (partition: number, timestamp: number) => ({ topic: 't', partition, timestamp });
    expect(await ask('yak.listOffsets', { partitions: [at(0, 5), at(0, -1), at(0, -2), at(0, -1), at(1, 5)] })).toEqual({ partitions: [] });
    const { fields } = await refusal('yak.listOffsets', { partitions: [at(0, 5), at(0, -3)] });
    expect(fields).toEqual([{ field: 'partitions.1', reason: expect.stringContaining('by time again') }]);
  });

  it('produces records as objects, with defaults acks all and now', async () => {
    const records = [
      { key: 'k', value: 'grüße', headers: { h: 'x' } },
      { value: null, timestamp: 5 },
    ];
    const answer = await ask('yak.produce', { clientId: 'me', partitions: [{ topic: 't', partition: 1, records }] });
    expect(answer.partitions[0]).toMatchObject({ topic: 't', partition: 1, error: 'NONE', baseOffset: 42 });
    const { context, request } = broker.produced[0]!;
    expect(context).toMatchObject({ clientId: 'me', listener: 'nest', principal: 'User:ANONYMOUS' });
    expect(context.clientAddress).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(request).toMatchObject({ acks: -1, timeoutMs: 30_000 });
    const batch = JSON.parse(request.partitions[0]!.records!.toString());
    expect(batch.map((r: Json) => r.timestamp)).toEqual([1_000, 5]);
    expect(Buffer.from(batch[0].value.data).toString()).toBe('grüße');
  });

  it('gets no more records than it asked bytes for, at whole batches, but always one batch', async () => {
    const partitions = [{ topic: 't', partition: 0, fetchOffset: 10 }];
    expect((await ask('yak.fetch', { maxBytes: 1, partitions })).partitions[0].records.map((r: Json) => r.offset)).toEqual([10]);
    expect(broker.fetched.at(-1)).toMatchObject({ maxBytes: 1 });
    await ask('yak.fetch', { maxBytes: 2 ** 40, maxWaitMs: 2 ** 40, partitions });
    expect(broker.fetched.at(-1)).toMatchObject({ maxBytes: 4 * 1024 * 1024, maxWaitMs: 30_000 });
    await ask('yak.produce', { timeoutMs: 2 ** 40, partitions: [{ topic: 't', partition: 0, records: 'AAAA' }] });
    expect(broker.produced.at(-1)!.request.timeoutMs).toBe(60_000);
  });

  it('produces whole batches as base64, byte for byte', async () => {
    const batch = Buffer.from([0, 255, 1, 254]);
    await ask('yak.produce', { acks: 1, timeoutMs: 5, partitions: [{ topic: 't', partition: 0, records: batch.toString('base64') }] });
    expect(broker.produced[0]!.request).toMatchObject({ acks: 1, timeoutMs: 5 });
    expect(broker.produced[0]!.request.partitions[0]!.records).toEqual(batch);
  });

  it('fetches readable records from the asked offset on, text or base64, or whole batches', async () => {
    const from = (encoding?: string) => ask('yak.fetch', { encoding, partitions: [{ topic: 't', partition: 0, fetchOffset: 11 }] });
    const text = await from();
    expect(text.partitions[0].records.map((r: Json) => [r.offset, r.value])).toEqual([
      [11, 'zwölf 😀'],
      [12, 'zwölf 😀'],
    ]);
    expect((await from('base64')).partitions[0].records[0].value).toBe(Buffer.from('zwölf 😀').toString('base64'));
    const batches = Buffer.from((await from('batch')).partitions[0].records, 'base64');
    expect(decoded(batches)).toHaveLength(3);
    const atEnd = (encoding: string) => ask('yak.fetch', { encoding, partitions: [{ topic: 't', partition: 0, fetchOffset: 13 }] });
    expect((await atEnd('utf8')).partitions[0].records).toEqual([]);
    expect((await atEnd('batch')).partitions[0].records).toBe('');
  });

  it('lists topics with the Nest addresses of the brokers, by pattern name and by number', async () => {
    const byName = await ask('yak.metadata', { topics: null });
    expect(byName).toMatchObject({ clusterId: 'c', revision: 7, brokers: [{ id: 0, host: 'h', port: 3 }], topics: [{ name: 't' }] });
    expect(await ask(1 as never, {})).toEqual(byName);
  });

  it('learns which field of an admin message is wrong and why', async () => {
    const topics = [
      { name: 't', partitions: 'three', configs: { a: 1 } },
      { name: 7, assignments: [[]] },
    ];
    const error = await refusal('yak.createTopics', { topics, timeoutMs: -1 });
    expect(error.code).toBe('INVALID');
    expect(error.fields).toEqual(
      expect.arrayContaining([
        { field: 'topics.0.partitions', reason: 'must be an integer from -1 to 2147483647' },
        { field: 'topics.0.configs', reason: 'must be an object whose values are all strings' },
        { field: 'topics.1.name', reason: 'must be text of at most 1000 characters' },
        { field: 'timeoutMs', reason: 'must be an integer from 0 to 300000' },
      ]),
    );
    for (const wrong of ['text', 7, []]) expect(await refusal('yak.createTopics', wrong)).toMatchObject({ code: 'INVALID' });
  });

  it('learns which field of a record message is wrong and why', async () => {
    const partitions = (extra: object) => ({ partitions: [{ topic: 't', partition: 0, ...extra }] });
    const reasons = async (pattern: string, data: unknown) => (await refusal(pattern, data)).fields[0];
    expect(await reasons('yak.produce', { acks: 2, ...partitions({ records: 'AAAA' }) })).toMatchObject({ field: 'acks' });
    expect(await reasons('yak.produce', partitions({ records: 'no base64!' }))).toMatchObject({ field: 'partitions.0.records' });
    expect(await reasons('yak.produce', partitions({ records: [{ value: 5 }] }))).toEqual({
      field: 'partitions.0.records.0.value',
      reason: 'must be text or null',
    });
    expect(await reasons('yak.produce', {})).toMatchObject({ field: 'partitions' });
    expect(await reasons('yak.fetch', partitions({ fetchOffset: -1 }))).toMatchObject({ field: 'partitions.0.fetchOffset' });
    expect(await reasons('yak.fetch', { partitions: [{ topic: 'a/b', partition: 0, fetchOffset: 0 }] })).toMatchObject({
      field: 'partitions.0.topic',
    });
    expect(broker.produced).toHaveLength(0);
  });

  it('gets admin calls to the admin verbs, unknown fields dropped, and no inner detail of a bug', async () => {
    const answer = await ask('yak.deleteTopics', { topics: [{ name: 't', later: 1 }], later: 1 });
    expect(answer).toMatchObject({ verb: 'deleteTopics' });
    expect(answer.request).toEqual({ topics: [{ name: 't' }] });
    const operations = [{ name: 'retention.ms', operation: 'delete' }];
    const altered = await ask('yak.alterConfigs', { resources: [{ type: 'topic', name: 't', operations }] });
    expect(altered).toMatchObject({ verb: 'alterConfigs', request: { resources: [{ operations: [{ ...operations[0], value: null }] }] } });
    const described = await ask('yak.describeConfigs', { resources: [{ type: 'topic', name: 't' }] });
    expect(described).toMatchObject({ verb: 'describeConfigs', request: { resources: [{ type: 'topic', name: 't', names: null }] } });
    expect(await ask('yak.createPartitions', { topics: [{ name: 't', totalCount: 2 }] })).toMatchObject({ verb: 'createPartitions' });
    expect(await ask('yak.electLeader', { topic: 't', partition: 1, kind: 'unclean' })).toMatchObject({ verb: 'electLeader' });
    expect(await refusal('yak.electLeader', { topic: 't', partition: 1 })).toMatchObject({ fields: [{ field: 'kind' }] });
    expect(await refusal('yak.describeConfigs', { resources: [{ type: 'topics', name: 't', names: [5] }] })).toMatchObject({
      fields: [{ field: 'resources.0.names' }, { field: 'resources.0.type' }],
    });
    const bug = await refusal('yak.describeCluster', {});
    expect(bug.code).toBe('INTERNAL');
    expect(JSON.stringify(bug)).not.toContain('secrets');
    expect(await refusal('yak.nothing', {})).toMatchObject({ code: 'UNKNOWN_PATTERN' });
  });
});

describe('the Nest door', () => {
  it('serves binary frames with record bytes untouched, and answers metadata watchers when something changed', async () => {
    const batch = Buffer.from([1, 2, 3]);
    await binary.request(
      'produce',
      { acks: -1, timeoutMs: 1, partitions: [{ topic: 't', partition: 0, records: batch }] },
      { timeoutMs: 2_000 },
    );
    expect(broker.produced[0]!.request.partitions[0]!.records).toEqual(batch);
    const wanted = { topic: 't', partition: 0, fetchOffset: 11, maxBytes: 1 };
    const fetched = await binary.request('fetch', { maxWaitMs: 1, minBytes: 1, maxBytes: 1, partitions: [wanted] }, { timeoutMs: 2_000 });
    expect(decoded(fetched.partitions[0]!.records)).toHaveLength(3);

    const watch = binary.request('metadata', { topics: [], newerThanRevision: 7, maxWaitMs: 60_000 }, { timeoutMs: 2_000 });
    await until(() => broker.watchers.size === 1);
    broker.publish(8);
    expect((await watch).revision).toBe(8);
    expect(broker.watchers.size).toBe(0);
    const waited = await binary.request('metadata', { topics: [], newerThanRevision: 8, maxWaitMs: 5 }, { timeoutMs: 2_000 });
    expect(waited.revision).toBe(8);
  });

  it('closes a connection that sends something else, and goes on serving the others', async () => {
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '12x#{}', '9999999999#', 'Y\x01\x09\x00aaaaaaaaaaaaaa', '3#{{{']) {
      const socket = dialRaw();
      socket.write(Buffer.from(bytes, 'latin1'));
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect(await ask('yak.metadata', {})).toMatchObject({ clusterId: 'c' });
  });

  it('answers a message of too many values, keys or levels without looking at them', async () => {
    const { host } = door.server.boundAddress;
    const wide = await startNestDoor(NestTcpModule.over(brokerRpcHandlers(broker), new JsonRecords(codec, () => 0)), {
      address: { host: '127.0.0.1', port: 0 },
      logger: silentLogger,
    });
    await stock.close();
    stock = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port: wide.server.boundAddress.port } });
    const reason = async (data: unknown) => (await refusal('yak.createTopics', data)).fields[0].reason;
    const deep = JSON.parse(`${'['.repeat(20)}${']'.repeat(20)}`);
    const startedMs = performance.now();
    expect(await reason({ topics: Array.from({ length: 60_000 }, () => ({ a: 1 })) })).toContain('more than 100000 values');
    expect(
      await reason({ topics: [{ name: 't', configs: Object.fromEntries([...Array(50_000).keys()].map((k) => [k, 'v'])) }] }),
    ).toContain('more than 1000 keys');
    expect(await reason({ topics: deep })).toContain('deeper than 16');
    for (const key of ['__proto__', 'constructor', 'toString']) {
      expect(await reason({ topics: [{ name: 't', configs: JSON.parse(`{"${key}":"1"}`) }] })).toContain(`key named ${key}`);
    }
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    await wide.app.close();
  });

  it('answers all of what came in one piece, also what needs no waiting', async () => {
    const socket = dialRaw();
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    const message = (id: number) => JSON.stringify({ pattern: 'no.such', id: String(id), data: {} });
    socket.write(Array.from({ length: 200 }, (_, id) => `${message(id).length}#${message(id)}`).join(''));
    await until(() => text.split('UNKNOWN_PATTERN').length === 201);
    const huge = JSON.stringify({ pattern: 'p'.repeat(50_000), id: 'huge', data: {} });
    socket.write(`${huge.length}#${huge}`);
    await until(() => text.includes('huge'));
    expect(text.length).toBeLessThan(40_000);
  });

  it('handles at most maxInFlight requests of a connection at once, and then the rest', async () => {
    broker.isHolding = true;
    const partitions = [{ topic: 't', partition: 0, records: Buffer.from('x') }];
    const all = Array.from({ length: 10 }, () => binary.request('produce', { acks: -1, timeoutMs: 1, partitions }, { timeoutMs: 5_000 }));
    await until(() => broker.held.length === 4);
    const late = binary.request('metadata', { topics: [] }, { timeoutMs: 5_000 });
    const stillWaits = await Promise.race([late.then(() => 'answered'), new Promise((resolve) => setTimeout(resolve, 20, 'waits'))]);
    expect([stillWaits, broker.held.length]).toEqual(['waits', 4]);
    broker.isHolding = false;
    for (const release of broker.held) release();
    const answers = await Promise.all(all);
    expect(answers.map((answer) => answer.partitions[0]!.error)).toEqual(Array(10).fill('NONE'));
    expect((await late).clusterId).toBe('c');
  });

  it('drains: a running request is answered, a new one is told that the process stops', async () => {
    broker.isHolding = true;
    const partitions = [{ topic: 't', partition: 0, records: 'AAAA' }];
    const running = ask('yak.produce', { partitions });
    await until(() => broker.held.length === 1);
    const drained = door.server.drain(2_000);
    expect(await refusal('yak.metadata', {})).toMatchObject({ code: 'UNAVAILABLE' });
    broker.held[0]!();
    expect((await running).partitions[0].error).toBe('NONE');
    expect(await drained).toBe(true);
  });

  it('names an address that is in use, and tells when a connection is gone', async () => {
    const { host, port } = door.server.boundAddress;
    const handlers = brokerRpcHandlers(broker);
    const second = startNestDoor(NestTcpModule.over(handlers, new JsonRecords(codec, () => 0)), {
      address: { host, port },
      logger: silentLogger,
    });
    await expect(second).rejects.toMatchObject({ code: 'ADDRESS_IN_USE', message: expect.stringContaining(`${host}:${port}`) });

    const gone: string[] = [];
    door.server.onConnectionClosed((address) => gone.push(address));
    const socket = dialRaw();
    await new Promise((resolve) => socket.once('connect', resolve));
    const address = `127.0.0.1:${socket.localPort}`;
    socket.destroy();
    await until(() => gone.includes(address));
  });
});

function dialRaw(): Socket {
  const { host, port } = door.server.boundAddress;
  const socket = connect(port, host).on('error', () => {});
  raw.push(socket);
  return socket;
}
