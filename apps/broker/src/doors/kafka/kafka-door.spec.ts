import { KafkaError, YakError } from '#kernel';
import {
  ALL_APIS,
  type Api,
  apiVersionsApi,
  encodeRequest,
  errorCode,
  fetchApi,
  initProducerIdApi,
  listOffsetsApi,
  metadataApi,
  peekCorrelationId,
  produceApi,
  ZERO_UUID,
} from '#wire';
import { HANDLERS } from './handlers/index.js';
import { sendDamaged } from './testing/damaged-frames.js';
import { DoorWorld, fetched, producedAt, TOPIC_ID } from './testing/door-world.js';

const produceBody = (acks = -1, name = 't', index = 0) => ({
  acks,
  timeoutMs: 1000,
  topicData: [{ name, partitionData: [{ index, records: Buffer.from('a batch, opaque to the door') }] }],
});
const fetchBody = (version: number, more: object = {}) => ({
  maxWaitMs: 500,
  minBytes: 1,
  topics: [
    { ...(version < 13 ? { topic: 't' } : { topicId: TOPIC_ID }), partitions: [{ partition: 2, fetchOffset: 7, partitionMaxBytes: 100 }] },
  ],
  ...more,
});
const versionsOf = ({ versions }: Api) => Array.from({ length: versions.max - versions.min + 1 }, (_, i) => versions.min + i);

it('every api that is described has a handler', () => {
  expect(ALL_APIS.filter((api) => HANDLERS[api.key]?.api !== api)).toEqual([]);
});

describe('ApiVersions', () => {
  it('lists the ranges in every version, Produce from 0', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    for (const version of versionsOf(apiVersionsApi as Api)) {
      const software = version < 3 ? {} : { clientSoftwareName: 'lib-x', clientSoftwareVersion: '1.2.3' };
      const answer = await client.ask(apiVersionsApi, version, software);
      expect(answer.errorCode).toBe(0);
      expect(answer.apiKeys).toContainEqual({ apiKey: 0, minVersion: 0, maxVersion: 11 });
      expect(answer.apiKeys.map(({ apiKey }) => apiKey)).toEqual(ALL_APIS.map(({ key }) => key));
      expect(answer.finalizedFeatures).toEqual([]);
    }
  });

  it('an unknown version is answered in v0 with error 35 and its own range (KIP-511)', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    for (const version of [5, 127, -1]) {
      client.raw(Buffer.from(`0000000a0012${(version & 0xffff).toString(16).padStart(4, '0')}00000063ffff`, 'hex'));
    }
    await world.pause();
    expect(client.frames).toHaveLength(3);
    for (const frame of client.frames) {
      expect(peekCorrelationId(frame)).toBe(0x63);
      expect(client.decode(apiVersionsApi, 0, frame)).toMatchObject({
        errorCode: 35,
        apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
      });
    }
    expect(client.isClosed).toBe(false);
  });

  it('what the client is called reaches the context of later requests; a strange name is refused', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    const named = await client.ask(apiVersionsApi, 3, { clientSoftwareName: '<script>', clientSoftwareVersion: '1' });
    expect(named.errorCode).toBe(errorCode('INVALID_REQUEST'));
    await client.ask(apiVersionsApi, 3, { clientSoftwareName: 'librdkafka', clientSoftwareVersion: '2.15' });
    await client.ask(metadataApi, 9, { topics: null });
    expect(world.broker.contexts.at(-1)).toMatchObject({
      listener: 'client',
      clientId: 'tester',
      principal: 'User:ANONYMOUS',
      clientSoftware: { name: 'librdkafka', version: '2.15' },
    });
  });
});

describe('what no answer exists for closes the connection, and only that one', () => {
  const frameOf = (hex: string) => Buffer.from(hex, 'hex');
  it.each([
    ['an unknown api key', frameOf('0000000a03e7000000000001ffff')],
    ['a negative api key', frameOf('0000000affff000000000001ffff')],
    ['a version above ours', frameOf('0000000a0003006300000001ffff')],
    ['Produce below 3', frameOf('0000000a0000000200000001ffff')],
    ['a frame shorter than a header', frameOf('0000000700')],
    ['a negative size', frameOf('ffffffff00')],
    ['a size above the limit', frameOf('7fffffff00')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a body that ends early', frameOf('0000000b0003000100000001ffff00')],
    ['a huge count', frameOf('0000000e0003000100000001ffff7fffffff')],
  ])('%s', async (_name, bytes) => {
    const world = await DoorWorld.start();
    const [bad, good] = [await world.connect(), await world.connect()];
    bad.raw(bytes);
    await world.pause();
    expect(bad.isClosed).toBe(true);
    expect(bad.frames).toEqual([]);
    expect(world.door.counters).toMatchObject({ connectionsCut: 1, connectionsOpen: 1 });
    expect((await good.ask(metadataApi, 1, { topics: null })).controllerId).toBe(1);
  });

  it('a thousand requests in one chunk let others have their turn, and are all answered in order', async () => {
    const world = await DoorWorld.start();
    const bad = await world.connect();
    const good = await world.connect();
    const frame = (id: number) => Buffer.concat(encodeRequest(apiVersionsApi, 0, id, 'c', {}));
    bad.raw(Buffer.concat(Array.from({ length: 1_000 }, (_, id) => frame(id))));
    await world.world.runUntil(() => world.door.counters.requests > 0, 1_000);
    expect(world.door.counters.requests).toBeLessThan(100);
    await good.ask(metadataApi, 1, { topics: null });
    await world.world.runFor(1_000);
    expect(bad.frames.map((each) => each.readInt32BE(0))).toEqual([...Array(1_000).keys()]);
  });

  it('damaged frames of every api never do more than that', async () => {
    const world = await DoorWorld.start();
    const requests = [
      encodeRequest(produceApi, 9, 1, 'c', produceBody()),
      encodeRequest(fetchApi, 17, 1, 'c', fetchBody(17)),
      encodeRequest(metadataApi, 12, 1, 'c', { topics: [{ name: 't' }] }),
      encodeRequest(listOffsetsApi, 7, 1, 'c', {
        replicaId: -1,
        topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
      }),
      encodeRequest(initProducerIdApi, 4, 1, 'c', { transactionalId: null, transactionTimeoutMs: 1 }),
      encodeRequest(apiVersionsApi, 3, 1, 'c', { clientSoftwareName: 'n', clientSoftwareVersion: 'v' }),
    ];
    await sendDamaged(world, requests, 60);
    const good = await world.connect();
    expect((await good.ask(metadataApi, 1, { topics: null })).controllerId).toBe(1);
  });
});

describe('order', () => {
  it('pipelined requests start in order of arrival before earlier ones are answered, and answers keep that order', async () => {
    const world = await DoorWorld.start();
    const { broker } = world;
    broker.hold = true;
    const client = await world.connect();
    for (let i = 0; i < 5; i++) client.send(produceApi, 9, produceBody(-1, `t${i}`));
    await world.pause();
    expect(broker.produces.map(({ request }) => request.partitions[0]!.topic)).toEqual(['t0', 't1', 't2', 't3', 't4']);
    world.server.run('acks', () => {
      for (const i of [4, 2, 3, 1]) broker.produces[i]!.resolve(producedAt(broker.produces[i]!.request, i));
    });
    await world.pause();
    expect(client.frames).toEqual([]);
    world.server.run('ack', () => broker.produces[0]!.resolve(producedAt(broker.produces[0]!.request, 0)));
    await world.pause();
    expect(client.ids()).toEqual([1, 2, 3, 4, 5]);
    const offsets = client.frames.map((frame) => client.decode(produceApi, 9, frame).responses[0]!.partitionResponses[0]!.baseOffset);
    expect(offsets).toEqual([0, 1, 2, 3, 4]);
  });

  it('a long poll holds back the answers behind it, not their start', async () => {
    const world = await DoorWorld.start();
    const { broker } = world;
    broker.hold = true;
    const client = await world.connect();
    client.send(fetchApi, 12, fetchBody(12));
    client.send(metadataApi, 9, { topics: null });
    await world.pause();
    expect(broker.fetches).toHaveLength(1);
    expect(broker.asked).toHaveLength(1);
    expect(client.frames).toEqual([]);
    world.server.run('data', () => broker.fetches[0]!.resolve(fetched(broker.fetches[0]!.request, [])));
    await world.pause();
    expect(client.ids()).toEqual([1, 2]);
  });

  it('requests of one chunk are answered in one write', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    const frames = [1, 2, 3, 4].flatMap((id) => encodeRequest(produceApi, 9, id, 'c', produceBody()));
    world.world.network.splitProbability = 0;
    world.world.network.joinProbability = 0;
    client.raw(Buffer.concat(frames));
    await world.pause();
    expect(client.ids()).toEqual([1, 2, 3, 4]);
    expect(client.chunks).toBe(1);
  });
});

describe('limits of one connection', () => {
  it('requestsInFlightMax: what is above it is not started until answers have left', async () => {
    const world = await DoorWorld.start({ requestsInFlightMax: 3 });
    const { broker } = world;
    broker.hold = true;
    const client = await world.connect();
    for (let i = 0; i < 10; i++) client.send(produceApi, 9, produceBody());
    await world.pause();
    expect(broker.produces).toHaveLength(3);
    for (let done = 0; done < 10; done++) {
      world.server.run('ack', () => broker.produces[done]!.resolve(producedAt(broker.produces[done]!.request, done)));
      await world.pause();
      expect(broker.produces).toHaveLength(Math.min(10, done + 4));
    }
    expect(client.ids()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('replyBytesMax: running fetches count with what they may grow to', async () => {
    const world = await DoorWorld.start({ replyBytesMax: 1000 });
    const { broker } = world;
    broker.hold = true;
    const client = await world.connect();
    const bigFetch = {
      ...fetchBody(12),
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }],
    };
    for (let i = 0; i < 4; i++) client.send(fetchApi, 12, bigFetch);
    await world.pause();
    expect(broker.fetches).toHaveLength(2);
    world.server.run('data', () => broker.fetches[1]!.resolve(fetched(broker.fetches[1]!.request, [])));
    await world.pause();
    expect(broker.fetches).toHaveLength(3);
  });

  it('a peer that does not read is cut after sendStallMsMax, a slow one is not', async () => {
    const world = await DoorWorld.start({ sendStallMsMax: 5000 });
    const { broker } = world;
    broker.hold = true;
    const [stalled, slow] = [await world.connect(), await world.connect()];
    stalled.connection.pause();
    slow.connection.pause();
    for (const client of [stalled, slow]) client.send(fetchApi, 12, fetchBody(12));
    await world.pause();
    world.server.run('data', () => {
      for (const call of broker.fetches) call.resolve(fetched(call.request, [Buffer.alloc(30 << 20)]));
    });
    for (let second = 0; second < 8; second++) {
      slow.connection.resume();
      await world.world.runFor(1);
      slow.connection.pause();
      await world.world.runFor(999);
    }
    expect([stalled.isClosed, slow.isClosed]).toEqual([false, false]);
    expect(world.door.counters.connectionsCut).toBe(1);
    slow.connection.resume();
    await world.world.runFor(1000);
    expect(slow.frames[0]!.length).toBeGreaterThan(30 << 20);
    expect(world.door.counters).toMatchObject({ connectionsCut: 1, connectionsOpen: 1 });
  });

  it('a frame that does not become whole, and a connection that says nothing, are closed in time', async () => {
    const world = await DoorWorld.start({ partialFrameMsMax: 3000, connectionIdleMsMax: 20_000 });
    const [partial, idle] = [await world.connect(), await world.connect()];
    partial.raw(Buffer.from('00000100', 'hex'));
    await world.world.runFor(2000);
    partial.raw(Buffer.from('00', 'hex'));
    expect(partial.isClosed).toBe(false);
    await world.world.runFor(3000);
    expect(partial.isClosed).toBe(true);
    expect(idle.isClosed).toBe(false);
    await world.world.runFor(17_000);
    expect(idle.isClosed).toBe(true);
    expect(world.door.counters).toMatchObject({ connectionsCut: 1, connectionsOpen: 0 });
  });

  it('a long poll is not idle', async () => {
    const world = await DoorWorld.start({ connectionIdleMsMax: 5000 });
    world.broker.hold = true;
    const client = await world.connect();
    client.send(fetchApi, 12, fetchBody(12));
    await world.world.runFor(9000);
    expect(client.isClosed).toBe(false);
  });

  it('connectionsMax: one more is closed on arrival', async () => {
    const world = await DoorWorld.start({ connectionsMax: 2 });
    const clients = [await world.connect(), await world.connect(), await world.connect()];
    await world.pause();
    expect(clients.map(({ isClosed }) => isClosed)).toEqual([false, false, true]);
    expect(world.door.counters).toMatchObject({ connectionsRefused: 1, connectionsOpen: 2, connectionsAccepted: 2 });
  });
});

describe('Produce', () => {
  it('is answered in every version, with what the version can carry', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    for (const version of versionsOf(produceApi as Api)) {
      const { responses } = await client.ask(produceApi, version, produceBody(1));
      expect(responses).toMatchObject([
        { name: 't', partitionResponses: [{ index: 0, errorCode: 0, baseOffset: 100, logAppendTimeMs: -1 }] },
      ]);
    }
    expect(world.broker.produces[0]!.request).toMatchObject({ acks: 1, timeoutMs: 1000, transactionalId: null });
    expect(world.broker.produces[0]!.request.partitions[0]!.records!.toString()).toBe('a batch, opaque to the door');
  });

  it('acks=0 is never answered; its failure closes the connection', async () => {
    const world = await DoorWorld.start();
    const { broker } = world;
    const client = await world.connect();
    client.send(produceApi, 9, produceBody(0));
    await client.ask(produceApi, 9, produceBody(1));
    expect(client.ids()).toEqual([2]);
    broker.hold = true;
    client.send(produceApi, 9, produceBody(0));
    await world.pause();
    const { partitions } = producedAt(broker.produces[2]!.request, -1);
    world.server.run('refuse', () => broker.produces[2]!.resolve({ partitions: [{ ...partitions[0]!, error: 'NOT_LEADER_OR_FOLLOWER' }] }));
    await world.pause();
    expect(client.isClosed).toBe(true);
    expect(client.ids()).toEqual([2]);
  });

  it('acks outside -1, 0, 1 and zstd below v7 are refused without an append', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    const strange = await client.ask(produceApi, 9, produceBody(2));
    expect(strange.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: errorCode('INVALID_REQUIRED_ACKS'), baseOffset: -1 });
    expect(world.broker.produces).toHaveLength(0);

    const zstd = Buffer.alloc(70);
    zstd.writeInt32BE(58, 8);
    zstd.writeInt16BE(4, 21);
    const partitionData = [
      { index: 0, records: Buffer.alloc(70) },
      { index: 1, records: zstd },
      { index: 2, records: Buffer.alloc(70) },
    ];
    const body = { acks: 1, timeoutMs: 1, topicData: [{ name: 't', partitionData }] };
    const codes = async (version: number) =>
      (await client.ask(produceApi, version, body)).responses[0]!.partitionResponses.map(({ index, errorCode: code }) => [index, code]);
    expect(await codes(6)).toEqual([
      [0, 0],
      [1, errorCode('UNSUPPORTED_COMPRESSION_TYPE')],
      [2, 0],
    ]);
    expect(world.broker.produces[0]!.request.partitions.map(({ partition }) => partition)).toEqual([0, 2]);
    expect(await codes(7)).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
  });

  it('a new leader is named together with its address on this listener (KIP-951)', async () => {
    const world = await DoorWorld.start();
    const { broker } = world;
    broker.hold = true;
    const currentLeader = { leader: 1, leaderEpoch: 9 };
    for (const version of [9, 10]) {
      const client = await world.connect();
      client.send(produceApi, version, produceBody());
      await world.pause();
      const call = broker.produces.at(-1)!;
      const { partitions } = producedAt(call.request, -1);
      world.server.run('moved', () =>
        call.resolve({ partitions: [{ ...partitions[0]!, error: 'NOT_LEADER_OR_FOLLOWER', currentLeader }] }),
      );
      await world.pause();
      const answer = client.decode(produceApi, version, client.frames[0]!);
      expect(answer.responses[0]!.partitionResponses[0]).toMatchObject({
        errorCode: 6,
        currentLeader: version < 10 ? null : { leaderId: 1, leaderEpoch: 9 },
      });
      expect(answer.nodeEndpoints).toEqual(version < 10 ? [] : [{ nodeId: 1, host: 'public-1', port: 9092, rack: null }]);
    }
  });

  it('a verb that fails as a whole gives every partition its error, and the connection lives', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    const codeAfter = async (failure: Error) => {
      world.broker.failure = failure;
      return (await client.ask(produceApi, 3, produceBody())).responses[0]!.partitionResponses[0]!.errorCode;
    };
    expect(await codeAfter(new KafkaError('NOT_ENOUGH_REPLICAS'))).toBe(19);
    expect(await codeAfter(new KafkaError('KAFKA_STORAGE_ERROR'))).toBe(errorCode('NOT_LEADER_OR_FOLLOWER'));
    expect(await codeAfter(new TypeError('a bug'))).toBe(-1);
    client.send(metadataApi, 9, { topics: null });
    await world.pause();
    expect(client.isClosed).toBe(true);
  });

  it('a broker that has not recovered its data closes the connection: no error code makes every client come back', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    world.broker.failure = new YakError('UNAVAILABLE', 'this broker has not recovered its data yet');
    client.send(fetchApi, 11, fetchBody(11));
    await world.pause();
    expect(client.isClosed).toBe(true);
  });
});

describe('Fetch', () => {
  it('is answered in every version: names below 13, ids from there, records never null', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    for (const version of versionsOf(fetchApi as Api)) {
      const answer = await client.ask(fetchApi, version, fetchBody(version));
      expect(answer).toMatchObject({ errorCode: 0, sessionId: 0 });
      const [topic] = answer.responses;
      expect(topic).toMatchObject(version < 13 ? { topic: 't' } : { topicId: TOPIC_ID });
      expect(topic!.partitions).toMatchObject([
        { partitionIndex: 2, errorCode: 0, highWatermark: 10, lastStableOffset: 10, preferredReadReplica: -1, abortedTransactions: null },
      ]);
      expect(topic!.partitions[0]!.records!.length).toBe(2005);
      const asked = world.broker.fetches.at(-1)!.request;
      expect(asked).toMatchObject({ replica: null, maxWaitMs: 500, minBytes: 1, isolation: 'read_uncommitted' });
      const { topic: name, topicId } = asked.partitions[0]!;
      expect([name, topicId]).toEqual(version < 13 ? ['t', null] : [null, TOPIC_ID]);
    }
    world.broker.hold = true;
    client.send(fetchApi, 11, fetchBody(11, { isolationLevel: 1 }));
    await world.pause();
    world.server.run('empty', () => world.broker.fetches.at(-1)!.resolve(fetched(world.broker.fetches.at(-1)!.request, [])));
    await world.pause();
    const [partition] = client.decode(fetchApi, 11, client.frames.at(-1)!).responses[0]!.partitions;
    expect(partition!.records).toEqual(Buffer.alloc(0));
    expect(partition!.abortedTransactions).toEqual([]);
  });

  it('sessions are declined: full fetches get session id 0, incremental ones error 70 (KIP-227)', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    for (const [sessionId, sessionEpoch] of [
      [0, -1],
      [0, 0],
      [5, 0],
      [5, -1],
    ]) {
      const answer = await client.ask(fetchApi, 12, fetchBody(12, { sessionId, sessionEpoch }));
      expect([answer.errorCode, answer.sessionId, answer.responses.length]).toEqual([0, 0, 1]);
    }
    const incremental = await client.ask(fetchApi, 12, fetchBody(12, { sessionId: 5, sessionEpoch: 1 }));
    expect(incremental).toMatchObject({ errorCode: 70, sessionId: 0, responses: [] });
  });

  it('a replica id is refused on the client listener and accepted on the replication listener, with its epoch and durable end', async () => {
    const world = await DoorWorld.start();
    const replicaState = { replicaId: 2, replicaEpoch: 77 };
    const partitions = [{ partition: 2, fetchOffset: 7, partitionMaxBytes: 100, logStartOffset: 3, flushedEndOffset: 6 }];
    const follower = { maxWaitMs: 1, minBytes: 1, replicaState, topics: [{ topicId: TOPIC_ID, partitions }] };
    const outside = await world.connect('client');
    const refused = await outside.ask(fetchApi, 17, follower);
    expect(refused.responses[0]!.partitions[0]!.errorCode).toBe(errorCode('TOPIC_AUTHORIZATION_FAILED'));
    expect((await outside.ask(fetchApi, 11, fetchBody(11, { replicaId: 0 }))).responses[0]!.partitions[0]!.errorCode).toBe(29);
    expect(world.broker.fetches).toHaveLength(0);

    await outside.ask(fetchApi, 17, { ...follower, replicaState: null });
    expect(world.broker.fetches[0]!.request.partitions[0]).toMatchObject({ logStartOffset: -1, flushedEndOffset: null });

    const inside = await world.connect('replication');
    expect((await inside.ask(fetchApi, 17, follower)).responses[0]!.partitions[0]!.errorCode).toBe(0);
    const { request, context } = world.broker.fetches[1]!;
    expect(context.listener).toBe('replication');
    expect(request.replica).toEqual({ brokerId: 2, brokerEpoch: 77 });
    expect(request.partitions[0]).toMatchObject({ logStartOffset: 3, flushedEndOffset: 6, fetchOffset: 7 });
  });

  it('diverging epoch, current leader and its endpoint travel in their tags; storage errors wear an older name below v6', async () => {
    const world = await DoorWorld.start();
    world.broker.hold = true;
    const ask = async (version: number) => {
      const client = await world.connect();
      client.send(fetchApi, version, fetchBody(version));
      await world.pause();
      const call = world.broker.fetches.at(-1)!;
      const [good] = fetched(call.request, []).partitions;
      const divergingEpoch = { leaderEpoch: 4, endOffset: 55 };
      const moved = { ...good!, error: 'KAFKA_STORAGE_ERROR' as const, divergingEpoch, currentLeader: { leader: 0, leaderEpoch: 5 } };
      world.server.run('moved', () => call.resolve({ partitions: [moved] }));
      await world.pause();
      return client.decode(fetchApi, version, client.frames[0]!);
    };
    expect((await ask(5)).responses[0]!.partitions[0]!.errorCode).toBe(6);
    const answer = await ask(16);
    expect(answer.responses[0]!.partitions[0]).toMatchObject({
      errorCode: 56,
      divergingEpoch: { epoch: 4, endOffset: 55 },
      currentLeader: { leaderId: 0, leaderEpoch: 5 },
    });
    expect(answer.nodeEndpoints).toEqual([{ nodeId: 0, host: 'public-0', port: 9092, rack: null }]);
    expect((await ask(15)).nodeEndpoints).toEqual([]);
  });

  it('zstd is not sent to who asks below v10', async () => {
    const world = await DoorWorld.start();
    world.broker.hold = true;
    const batch = Buffer.alloc(80);
    batch.writeInt32BE(68, 8);
    const zstd = Buffer.from(batch);
    zstd.writeInt16BE(4, 21);
    const codes: number[] = [];
    for (const version of [9, 10]) {
      const client = await world.connect();
      client.send(fetchApi, version, fetchBody(version));
      await world.pause();
      const call = world.broker.fetches.at(-1)!;
      world.server.run('data', () => call.resolve(fetched(call.request, [Buffer.concat([batch, zstd])])));
      await world.pause();
      codes.push(client.decode(fetchApi, version, client.frames[0]!).responses[0]!.partitions[0]!.errorCode);
    }
    expect(codes).toEqual([errorCode('UNSUPPORTED_COMPRESSION_TYPE'), 0]);
  });
});

describe('ListOffsets', () => {
  it('a partition that is asked for more than once in a request is refused each time, the others are served', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    const partitions = [1, 0, 1, 2].map((partitionIndex) => ({ partitionIndex, timestamp: 12345 }));
    const answer = await client.ask(listOffsetsApi, 7, { replicaId: -1, topics: [{ name: 't', partitions }] });
    const refused = errorCode('INVALID_REQUEST');
    expect(answer.topics[0]!.partitions.map((each) => [each.partitionIndex, each.errorCode])).toEqual([
      [1, refused],
      [0, 0],
      [1, refused],
      [2, 0],
    ]);
    expect(world.broker.listed.at(-1)!.partitions.map((each) => each.partition)).toEqual([0, 2]);
  });

  it('special timestamps are served from the version that knows them', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    const ask = async (version: number, timestamp: number, name = 't') => {
      const topics = [{ name, partitions: [{ partitionIndex: 1, timestamp }] }];
      const [partition] = (await client.ask(listOffsetsApi, version, { replicaId: -1, topics })).topics[0]!.partitions;
      return [partition!.errorCode, partition!.offset];
    };
    const unsupported = [errorCode('UNSUPPORTED_VERSION'), -1];
    expect(await ask(1, -1)).toEqual([0, 42]);
    expect(await ask(1, 12345)).toEqual([0, 42]);
    expect([await ask(6, -3), await ask(7, -3)]).toEqual([unsupported, [0, 42]]);
    expect([await ask(7, -4), await ask(8, -4)]).toEqual([unsupported, [0, 42]]);
    expect([await ask(8, -5), await ask(9, -5)]).toEqual([unsupported, [0, -1]]);
    expect(world.broker.listed.at(-1)!.partitions).toMatchObject([{ timestamp: -1 }]);
    expect(await ask(9, -6)).toEqual(unsupported);
    expect([await ask(4, -1, 'gone'), await ask(5, -1, 'gone')]).toEqual([
      [errorCode('LEADER_NOT_AVAILABLE'), -1],
      [errorCode('OFFSET_NOT_AVAILABLE'), -1],
    ]);
  });
});

describe('Metadata', () => {
  it('answers with the addresses of the listener that was asked', async () => {
    const world = await DoorWorld.start();
    for (const [listener, host] of [
      ['client', 'public-0'],
      ['replication', 'inner-0'],
      ['external', 'outer-0'],
    ] as const) {
      const client = await world.connect(listener);
      const answer = await client.ask(metadataApi, 12, { topics: null });
      expect(answer).toMatchObject({ clusterId: 'cluster', controllerId: 1 });
      expect(answer.brokers[0]).toMatchObject({ nodeId: 0, host, port: { client: 9092, replication: 9192, external: 9094 }[listener] });
    }
  });

  it('"all" and "none" are said as the version says them; creation is implied below v4 and never for all', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    const askedFor = async (version: number, topics: { name: string }[] | null, allowAutoTopicCreation?: boolean) => {
      await client.ask(metadataApi, version, { topics, allowAutoTopicCreation });
      return world.broker.asked.at(-1);
    };
    expect(await askedFor(0, [])).toEqual({ topics: null, allowAutoTopicCreation: false });
    expect(await askedFor(1, [])).toEqual({ topics: [], allowAutoTopicCreation: true });
    expect(await askedFor(1, null)).toEqual({ topics: null, allowAutoTopicCreation: false });
    expect(await askedFor(3, [{ name: 'a' }], false)).toEqual({ topics: [{ name: 'a' }], allowAutoTopicCreation: true });
    expect(await askedFor(4, [{ name: 'a' }], false)).toEqual({ topics: [{ name: 'a' }], allowAutoTopicCreation: false });
  });

  it('topics are asked by id from v12, and shown with ids from v10, in every version', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    const partition = {
      error: 'LEADER_NOT_AVAILABLE' as const,
      partition: 0,
      leader: -1,
      leaderEpoch: 4,
      partitionEpoch: 1,
      replicas: [0, 1],
      isr: [0],
      eligibleLeaderReplicas: [],
      offlineReplicas: [1],
    };
    const topics = [
      { error: 'NONE' as const, name: 't', topicId: TOPIC_ID, isInternal: true, partitions: [partition] },
      { error: 'UNKNOWN_TOPIC_ID' as const, name: null, topicId: '', isInternal: false, partitions: [] },
    ];
    world.broker.view = { ...world.broker.view, topics };
    for (const version of versionsOf(metadataApi as Api)) {
      const [known, unknown] = (await client.ask(metadataApi, version, { topics: [{ name: 't' }] })).topics;
      expect(known).toMatchObject({ errorCode: 0, name: 't', topicId: version < 10 ? ZERO_UUID : TOPIC_ID, isInternal: version > 0 });
      expect(known!.partitions[0]).toMatchObject({
        errorCode: 5,
        leaderId: -1,
        leaderEpoch: version < 7 ? -1 : 4,
        replicaNodes: [0, 1],
        isrNodes: [0],
        offlineReplicas: version < 5 ? [] : [1],
      });
      expect([unknown!.name, unknown!.errorCode]).toEqual(version < 12 ? ['', 3] : [null, 100]);
    }
    await client.ask(metadataApi, 12, { topics: [{ topicId: TOPIC_ID, name: null }] });
    expect(world.broker.asked.at(-1)!.topics).toEqual([{ topicId: TOPIC_ID }]);
    const early = await client.ask(metadataApi, 11, { topics: [{ topicId: TOPIC_ID, name: 'x' }, { name: 't' }] });
    expect(world.broker.asked.at(-1)!.topics).toEqual([{ name: 't' }]);
    expect(early.topics.at(-1)).toMatchObject({ errorCode: errorCode('INVALID_REQUEST'), name: 'x', topicId: TOPIC_ID });
  });
});

it('InitProducerId gives fresh ids, and refuses half of an old one', async () => {
  const world = await DoorWorld.start();
  const client = await world.connect();
  for (const version of versionsOf(initProducerIdApi as Api)) {
    const answer = await client.ask(initProducerIdApi, version, {
      transactionalId: null,
      transactionTimeoutMs: 0,
      producerId: 0,
      producerEpoch: 0,
    });
    expect(answer).toMatchObject({ errorCode: 0, producerId: 4000, producerEpoch: 0 });
  }
  const codeOf = async (more: object) =>
    (await client.ask(initProducerIdApi, 3, { transactionalId: null, transactionTimeoutMs: 0, ...more })).errorCode;
  expect(await codeOf({ producerId: 5 })).toBe(42);
  expect(await codeOf({ producerEpoch: 5 })).toBe(42);
  expect(await codeOf({ transactionalId: '' })).toBe(42);
});

describe('close', () => {
  it('answers under way leave, nothing new is started, long polls are not waited for', async () => {
    const world = await DoorWorld.start();
    const { broker } = world;
    broker.hold = true;
    const [busy, polling, idle] = [await world.connect(), await world.connect(), await world.connect()];
    busy.send(produceApi, 9, produceBody());
    polling.send(fetchApi, 12, fetchBody(12));
    await world.pause();
    const closing = world.door.close();
    await world.pause();
    expect([busy.isClosed, polling.isClosed, idle.isClosed]).toEqual([false, true, true]);
    busy.send(produceApi, 9, produceBody());
    await world.pause();
    expect(broker.produces).toHaveLength(1);
    world.server.run('ack', () => broker.produces[0]!.resolve(producedAt(broker.produces[0]!.request, 5)));
    await world.settle(closing);
    await world.pause();
    expect(busy.ids()).toEqual([1]);
    expect(busy.isClosed).toBe(true);
    expect(world.door.counters.connectionsOpen).toBe(0);
    await expect(world.connect()).rejects.toThrow();
  });

  it('gives up after drainMsMax', async () => {
    const world = await DoorWorld.start({ drainMsMax: 700 });
    world.broker.hold = true;
    const client = await world.connect();
    client.send(produceApi, 9, produceBody());
    await world.pause();
    const before = world.world.nowMs;
    await world.settle(world.door.close());
    expect(world.world.nowMs - before).toBeGreaterThanOrEqual(700);
    expect(world.world.nowMs - before).toBeLessThan(800);
    await world.pause();
    expect(client.isClosed).toBe(true);
  });
});
