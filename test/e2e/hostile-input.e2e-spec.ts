/**
 * Wrong, hostile and merely strange bytes on every door of real processes. Each gets its error or a closed connection; no
 * process restarts, memory stays where it was, and an ordinary client is served all the time (the witness, below).
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, YakClient } from '#client';
import { RecordBatchBuilder } from '#record';
import { encodeFrame, FRAME_HEADER_BYTES, FrameKind, PATTERNS } from '#rpc';
import {
  ALL_APIS,
  apiVersionsApi,
  deleteGroupsApi,
  describeConfigsApi,
  describeGroupsApi,
  describeTopicPartitionsApi,
  encodeRequest,
  errorCode,
  fetchApi,
  findCoordinatorApi,
  heartbeatApi,
  initProducerIdApi,
  joinGroupApi,
  leaveGroupApi,
  listGroupsApi,
  listOffsetsApi,
  metadataApi,
  offsetCommitApi,
  offsetFetchApi,
  peekCorrelationId,
  produceApi,
  syncGroupApi,
} from '#wire';
import { LocalCluster, ROOT, type UpEvent } from './support/local-cluster.js';
import { nestJson, RawPeer } from './support/raw-peer.js';
import { seams } from './support/seams.js';

const MIB = 1024 * 1024;
const RSS_GROWTH_MAX = 128 * MIB;
/** Of the witness; a session lasts 2 s, so a process that is busy for longer loses its leaders. */
const PAUSE_MS_MAX = 2_000;

let cluster: LocalCluster;
let client: Client;
let witness: Witness;
let rssBefore: number[];
let rssHighest: number[];
let sampling: NodeJS.Timeout;

const pids = (): number[] => [cluster.pid('coordinator', 0), ...[0, 1, 2].map((id) => cluster.pid('broker', id))];

function rssOf(all: readonly number[]): number[] {
  const lines = execFileSync('ps', ['-o', 'pid=,rss=', '-p', all.join(',')], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const byPid = new Map(lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]));
  return all.map((pid) => (byPid.get(pid) ?? 0) * 1024);
}

/** An ordinary client: a record every 50 ms to each partition, with acks=all, and one that reads them. */
class Witness {
  sent = 0;
  acknowledged = 0;
  consumed = 0;
  longestPauseMs = 0;
  failure: unknown = null;
  private readonly timer: NodeJS.Timeout;
  private isStopped = false;

  constructor(own: Client) {
    const producer = own.producer({ deliveryTimeoutMs: 30_000 });
    const consumer = own.consumer({ topic: 'witness', from: 'latest' });
    this.read(consumer).catch((error) => {
      this.failure = error;
    });
    this.timer = setInterval(() => {
      for (let partition = 0; partition < 3; partition++) {
        this.sent++;
        const sentAt = performance.now();
        producer.send({ topic: 'witness', partition, value: Buffer.from(`${this.sent}`) }).then(
          () => {
            this.acknowledged++;
            this.longestPauseMs = Math.max(this.longestPauseMs, performance.now() - sentAt);
          },
          (error) => {
            this.failure = error;
          },
        );
      }
    }, 50);
  }

  private async read(consumer: ReturnType<Client['consumer']>): Promise<void> {
    for await (const records of consumer) {
      this.consumed += records.length;
    }
  }

  async wasServed(): Promise<void> {
    if (this.isStopped) return;
    const { acknowledged, consumed } = this;
    const deadline = performance.now() + 10_000;
    while (this.acknowledged < acknowledged + 3 || this.consumed < consumed + 3) {
      if (performance.now() > deadline) throw new Error(`the witness is not served: ${JSON.stringify(this)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(this.failure).toBeNull();
  }

  stop(): void {
    this.isStopped = true;
    clearInterval(this.timer);
  }
}

beforeAll(async () => {
  cluster = await LocalCluster.start();
  client = new YakClient({ bootstrap: cluster.bootstrap, clientId: 'witness' }, seams);
  for (const name of ['witness', 'target', 'large']) {
    const { topics } = await client.admin.createTopics({ topics: [{ name, partitions: 3, replicationFactor: 3 }] });
    expect(topics[0]!.error).toBe('NONE');
  }
  const producer = client.producer();
  for (let i = 0; i < 320; i++) {
    await producer.ready();
    producer.append({ topic: 'large', partition: i % 3, value: Buffer.alloc(64 * 1024, i) });
  }
  await producer.flush();
  witness = new Witness(client);
  await witness.wasServed();
  const watched = pids();
  rssBefore = rssOf(watched);
  rssHighest = [...rssBefore];
  sampling = setInterval(() => {
    rssHighest = rssOf(watched).map((rss, i) => Math.max(rss, rssHighest[i]!));
  }, 250);
}, 60_000);

afterEach(() => witness.wasServed(), 15_000);

afterAll(async () => {
  clearInterval(sampling);
  witness?.stop();
  await client?.close();
  await cluster?.destroy();
}, 30_000);

const kafkaPort = (id = 0) => cluster.ports.kafka + id;
const nestPort = (id = 0) => cluster.ports.tcp + id;

async function closesOn(port: number, bytes: Uint8Array | string): Promise<RawPeer> {
  const peer = await RawPeer.dial(port);
  await peer.write(bytes).closed();
  return peer;
}

/** A Kafka frame of these bytes. */
function sized(bytes: Buffer, declared = bytes.length): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(declared);
  return Buffer.concat([size, bytes]);
}

const header = (apiKey: number, version: number, ...rest: number[]): Buffer => {
  const bytes = Buffer.alloc(10);
  bytes.writeInt16BE(apiKey, 0);
  bytes.writeInt16BE(version, 2);
  bytes.writeInt32BE(7, 4);
  bytes.writeInt16BE(-1, 8);
  return Buffer.concat([bytes, Buffer.from(rest)]);
};

const GARBAGE: readonly [string, Buffer][] = [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ['a TLS hello', Buffer.from('16030100c8010000c40303', 'hex')],
  ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')],
  ['0xff', Buffer.alloc(64, 0xff)],
  ['Redis', Buffer.from('*1\r\n$4\r\nPING\r\n')],
];

describe('the Kafka door', () => {
  it.each(GARBAGE)('closes on %s', async (_name, bytes) => {
    await closesOn(kafkaPort(), bytes);
  });

  it('closes on sizes that no frame has', async () => {
    for (const size of [0, 1, 7, -1, -(2 ** 31), 2 ** 31 - 1, 104_857_601]) await closesOn(kafkaPort(), sized(header(18, 0), size));
  });

  it('closes on unknown apis and versions, but says which versions of ApiVersions it has', async () => {
    for (const [key, version] of [
      [999, 0],
      [-1, 0],
      [32767, 0],
      [0, 99],
      [0, -1],
      [1, 18],
      [3, 32767],
    ] as const) {
      await closesOn(kafkaPort(), sized(header(key, version)));
    }
    const peer = await RawPeer.dial(kafkaPort());
    peer.write(sized(header(18, 99)));
    await peer.until(() => peer.frames().length === 1, 'the answer');
    expect(peer.frames()[0]!.readInt16BE(4)).toBe(errorCode('UNSUPPORTED_VERSION'));
    peer.destroy();
  });

  it('closes on counts and lengths that cannot be, however they are spelled', async () => {
    const int32 = (value: number) => [...Buffer.from([value >> 24, value >> 16, value >> 8, value])];
    const bodies = [
      header(3, 1, ...int32(2 ** 31 - 1)),
      header(3, 1, ...int32(-2)),
      header(3, 1, ...int32(1), 0x7f, 0xff),
      header(3, 1, ...int32(1), 0x80, 0x00),
      header(3, 12, 0, 0xff, 0xff, 0xff, 0xff, 0x0f),
      header(3, 12, 0xff, 0xff, 0xff, 0xff, 0x7f),
      Buffer.concat([header(18, 3), Buffer.from([0xc0, 0x84, 0x3d]), Buffer.alloc(2 * MIB, 0)]),
      Buffer.concat([header(3, 1, ...int32(1_000_000)), Buffer.alloc(2 * MIB, 0)]),
      header(0, 9, 0, 0, 0xff, 0xff, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f),
    ];
    for (const body of bodies) await closesOn(kafkaPort(), sized(body));
  });

  it("answers with Kafka's errors what is wrong inside a request", async () => {
    const peer = await RawPeer.dial(kafkaPort());
    const { topics } = await peer.ask(metadataApi, 4, { topics: [{ name: 'target' }], allowAutoTopicCreation: false });
    const { leaderId } = topics[0]!.partitions[0]!;
    peer.destroy();
    const leader = await RawPeer.dial(kafkaPort(leaderId));
    const produce = async (name: string, records: Buffer | null, acks = -1, index = 0) => {
      const body = { transactionalId: null, acks, timeoutMs: 5_000, topicData: [{ name, partitionData: [{ index, records }] }] };
      return (await leader.ask(produceApi, 9, body)).responses[0]!.partitionResponses[0]!.errorCode;
    };
    const batch = (value = Buffer.from('v')): Buffer => {
      const builder = new RecordBatchBuilder();
      builder.append({ timestamp: Date.now(), key: null, value });
      return builder.build();
    };
    const changed = (change: (bytes: Buffer) => void): Buffer => {
      const bytes = Buffer.from(batch());
      change(bytes);
      return bytes;
    };
    expect(await produce('target', batch())).toBe(0);
    for (const name of ['', '.', '..', '../target', 'a/b', 'a\0b', 'x'.repeat(250), '__consumer_offsets']) {
      expect([name, await produce(name, batch())]).not.toEqual([name, 0]);
    }
    expect(
      await produce(
        'target',
        changed((b) => b.writeUInt8(b.at(-1)! ^ 1, b.length - 1)),
      ),
    ).toBe(errorCode('CORRUPT_MESSAGE'));
    expect(await produce('target', batch(Buffer.alloc(2 * MIB)))).toBe(errorCode('MESSAGE_TOO_LARGE'));
    const wrong = [
      null,
      Buffer.alloc(0),
      Buffer.alloc(61),
      Buffer.alloc(500, 0xff),
      changed((b) => b.writeInt8(1, 16)),
      changed((b) => b.writeInt32BE(-1, 8)),
      changed((b) => b.writeInt32BE(2 ** 31 - 1, 8)),
      changed((b) => b.writeInt32BE(1_000_000, 57)),
      changed((b) => b.writeInt32BE(-1, 23)),
      batch().subarray(0, 40),
      Buffer.concat([batch(), batch()]),
    ];
    for (const records of wrong) expect(await produce('target', records)).not.toBe(0);
    expect(await produce('target', batch(), 7)).toBe(errorCode('INVALID_REQUIRED_ACKS'));
    for (const index of [-1, 3, 2 ** 31 - 1])
      expect(await produce('target', batch(), -1, index)).toBe(errorCode('UNKNOWN_TOPIC_OR_PARTITION'));

    const fetchBody = (replicaId: number, fetchOffset: number) => ({
      replicaId,
      maxWaitMs: 10,
      minBytes: 1,
      maxBytes: MIB,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [{ topic: 'target', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: MIB }] }],
      forgottenTopicsData: [],
    });
    const fetched = async (replicaId: number, offset: number) => {
      const answer = await leader.ask(fetchApi, 11, fetchBody(replicaId, offset) as never);
      return answer.errorCode || answer.responses[0]!.partitions[0]!.errorCode;
    };
    expect(await fetched(-1, 0)).toBe(0);
    expect(await fetched(1, 0)).toBe(errorCode('TOPIC_AUTHORIZATION_FAILED'));
    for (const offset of [-1, 10_000]) expect(await fetched(-1, offset)).toBe(errorCode('OFFSET_OUT_OF_RANGE'));
    const names = ['../x', '.', 'a b', ''].map((name) => ({ name }));
    const refused = await leader.ask(metadataApi, 4, { topics: names, allowAutoTopicCreation: true });
    expect(refused.topics.map((topic) => topic.errorCode)).toEqual(names.map(() => errorCode('INVALID_TOPIC_EXCEPTION')));
    expect((await leader.ask(initProducerIdApi, 1, { transactionalId: 't', transactionTimeoutMs: 1 })).errorCode).not.toBe(0);
    leader.destroy();
  }, 30_000);

  it('closes on damaged frames of every api, or answers them', async () => {
    const frames = [
      encodeRequest(metadataApi, 12, 1, 'c', { topics: [{ name: 'target' }], allowAutoTopicCreation: false }),
      encodeRequest(apiVersionsApi, 3, 1, 'c', { clientSoftwareName: 'n', clientSoftwareVersion: 'v' }),
      encodeRequest(listOffsetsApi, 7, 1, 'c', {
        replicaId: -1,
        topics: [{ name: 'target', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
      }),
      encodeRequest(initProducerIdApi, 4, 1, 'c', { transactionalId: null, transactionTimeoutMs: 1 }),
    ].map((chunks) => Buffer.concat(chunks));
    let random = 12345;
    const next = (below: number) => (random = (random * 1103515245 + 12345) & 0x7fffffff) % below;
    for (let round = 0; round < 200; round++) {
      const damaged = Buffer.from(frames[round % frames.length]!);
      for (let i = 0; i <= round % 3; i++) damaged[4 + next(damaged.length - 4)] = next(256);
      const peer = await RawPeer.dial(kafkaPort(round % 3));
      peer.write(damaged);
      await peer.until(() => peer.isClosed || peer.frames().length > 0, `an end of round ${round}`);
      peer.destroy();
    }
  }, 30_000);

  it('holds half frames without taking the memory that they announce', async () => {
    const peers = await Promise.all(Array.from({ length: 100 }, (_, i) => RawPeer.dial(kafkaPort(i % 3))));
    for (const peer of peers) peer.write(sized(header(0, 9), 104_857_600)).write(Buffer.alloc(64 * 1024));
    await witness.wasServed();
    for (const byte of [0, 0, 0]) for (const peer of peers) peer.write(Buffer.from([byte]));
    await witness.wasServed();
    expect(peers.filter((peer) => peer.isClosed)).toEqual([]);
    for (const peer of peers) peer.destroy();
  }, 30_000);

  it('answers 10,000 pipelined requests, in order', async () => {
    const peer = await RawPeer.dial(kafkaPort());
    const requests = Array.from({ length: 10_000 }, (_, id) => {
      if (id % 2 === 0) return encodeRequest(apiVersionsApi, 0, id, 'c', {});
      return encodeRequest(metadataApi, 4, id, 'c', { topics: [{ name: 'target' }], allowAutoTopicCreation: false });
    });
    peer.write(Buffer.concat(requests.flat()));
    await peer.until(() => peer.frames().length === 10_000, '10,000 answers');
    expect(peer.frames().map(peekCorrelationId)).toEqual([...Array(10_000).keys()]);
    peer.destroy();
  }, 30_000);

  it('stops reading for a peer that asks for everything and reads nothing', async () => {
    const peers: RawPeer[] = [];
    for (const id of [0, 1, 2]) {
      const peer = await RawPeer.dial(kafkaPort(id));
      peer.socket.pause();
      const partitions = [0, 1, 2].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 2 ** 31 - 1 }));
      const body = { replicaId: -1, maxWaitMs: 0, minBytes: 0, maxBytes: 2 ** 31 - 1, isolationLevel: 0, sessionId: 0, sessionEpoch: -1 };
      const request = Buffer.concat(
        encodeRequest(fetchApi, 11, 1, 'c', { ...body, topics: [{ topic: 'large', partitions }], forgottenTopicsData: [] } as never),
      );
      peer.write(Buffer.concat(Array.from({ length: 500 }, () => request)));
      peers.push(peer);
    }
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await witness.wasServed();
    }
    for (const peer of peers) peer.destroy();
  }, 30_000);
});

/** Where a group is coordinated; waits for `__consumer_offsets`. */
async function coordinatorOf(groupId: string): Promise<RawPeer> {
  const anybody = await RawPeer.dial(kafkaPort());
  for (const deadline = performance.now() + 10_000; ; ) {
    const { coordinators } = await anybody.ask(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: [groupId] });
    const { errorCode: code, port } = coordinators[0]!;
    if (code === 0) {
      anybody.destroy();
      return RawPeer.dial(port);
    }
    if (performance.now() > deadline) throw new Error(`no coordinator of ${groupId}: error ${code}`);
  }
}

const joinOf = (groupId: string, more: object = {}) => ({
  groupId,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 2 ** 31 - 1,
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  ...more,
});

/** Joins, syncs, beats and leaves, as a group of one that nobody disturbs. */
async function groupWorks(groupId: string): Promise<void> {
  const peer = await coordinatorOf(groupId);
  const joined = await peer.ask(joinGroupApi, 3, joinOf(groupId));
  expect([joined.errorCode, joined.leader]).toEqual([0, joined.memberId]);
  const { generationId, memberId } = joined;
  const assignments = [{ memberId, assignment: Buffer.from('mine') }];
  const synced = await peer.ask(syncGroupApi, 3, { groupId, generationId, memberId, groupInstanceId: null, assignments });
  expect([synced.errorCode, synced.assignment.toString()]).toEqual([0, 'mine']);
  expect((await peer.ask(heartbeatApi, 3, { groupId, generationId, memberId, groupInstanceId: null })).errorCode).toBe(0);
  expect((await peer.ask(leaveGroupApi, 1, { groupId, memberId })).errorCode).toBe(0);
  peer.destroy();
}

describe('groups and admin calls at the Kafka door', () => {
  const names = (count: number, prefix = 'nobody') => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

  it('damaged frames of every version are answered or end their connection', async () => {
    const folder = join(ROOT, 'test', 'fixtures', 'wire', 'golden');
    const mayWait = new Set([joinGroupApi.key, syncGroupApi.key]);
    const frames: { key: number; bytes: Buffer }[] = [];
    for (const file of readdirSync(folder)) {
      const api = ALL_APIS.find(({ key }) => key >= 8 && key !== 18 && key !== 22 && file.startsWith(String(key).padStart(2, '0')));
      if (api === undefined) continue;
      const golden = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
        frames: { message: string; version: number; hex: string }[];
      };
      for (const { message, version, hex } of golden.frames) {
        if (!message.endsWith('Request') || !api.serves(version)) continue;
        const tags = api.requestHeaderVersion(version) === 2 ? [0] : [];
        frames.push({ key: api.key, bytes: Buffer.concat([header(api.key, version, ...tags), Buffer.from(hex, 'hex')]) });
      }
    }
    expect(frames.length).toBeGreaterThan(100);
    let random = 4711;
    const next = (below: number) => (random = (random * 1103515245 + 12345) & 0x7fffffff) % below;
    const COUNTS = [0, -1, 2 ** 31 - 1, -(2 ** 31), 1_000_000];
    const damaged = frames.flatMap(({ key, bytes }) => {
      const counted = Buffer.from(bytes);
      if (bytes.length > 15) counted.writeInt32BE(COUNTS[next(COUNTS.length)]!, 11 + next(bytes.length - 14));
      const flipped = Buffer.from(bytes);
      for (let i = 0; i <= next(3); i++) flipped[10 + next(bytes.length - 10)] = next(256);
      const cut = bytes.subarray(0, 10 + next(bytes.length - 10));
      return [bytes, counted, flipped, cut].map((one) => ({ key, bytes: sized(Buffer.from(one)) }));
    });
    const send = async ({ key, bytes }: { key: number; bytes: Buffer }, index: number): Promise<void> => {
      const peer = await RawPeer.dial(kafkaPort(index % 3));
      peer.write(bytes);
      const ended = peer.until(() => peer.isClosed || peer.frames().length > 0, `an end of ${bytes.toString('hex')}`);
      if (mayWait.has(key)) await Promise.race([ended.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 100))]);
      else await ended;
      peer.destroy();
    };
    for (let from = 0; from < damaged.length; from += 30) await Promise.all(damaged.slice(from, from + 30).map(send));
  }, 60_000);

  it('a request that names very many groups, topics or partitions holds nobody up', async () => {
    const peer = await coordinatorOf('victim');
    const partitions = Array.from({ length: 60_000 }, (_, partitionIndex) => ({ partitionIndex, committedOffset: 1 }));
    const commit = (topic: string, of = partitions) => {
      const topics = [{ name: topic, partitions: of.map((each) => ({ ...each, committedMetadata: null })) }];
      return peer.ask(offsetCommitApi, 5, {
        groupId: 'victim',
        generationIdOrMemberEpoch: -1,
        memberId: '',
        groupInstanceId: null,
        topics,
      });
    };
    const committed = await commit('not-there');
    expect(new Set(committed.topics[0]!.partitions.map((each) => each.errorCode))).toEqual(
      new Set([errorCode('UNKNOWN_TOPIC_OR_PARTITION')]),
    );
    const mixed = (await commit('target', [...partitions.slice(0, 5), ...partitions.slice(0, 1)])).topics[0]!.partitions;
    expect(mixed.map((each) => [each.partitionIndex, each.errorCode])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 3],
      [4, 3],
      [0, 0],
    ]);

    const groups = names(20_000);
    const described = await peer.ask(describeGroupsApi, 5, { groups, includeAuthorizedOperations: false });
    expect(described.groups).toHaveLength(groups.length);
    expect(described.groups.at(-1)!.errorCode).toBe(errorCode('INVALID_REQUEST'));
    expect((await peer.ask(deleteGroupsApi, 2, { groupsNames: groups })).results).toHaveLength(groups.length);
    const asked = groups.map((groupId) => ({ groupId, topics: null }));
    expect((await peer.ask(offsetFetchApi, 8, { groups: asked, requireStable: false })).groups).toHaveLength(groups.length);
    const found = await peer.ask(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: groups });
    expect(found.coordinators.filter((each) => each.errorCode === 0)).toHaveLength(10_000);

    const topics = groups.map((name) => ({ name }));
    const pages = await peer.ask(describeTopicPartitionsApi, 0, { topics, responsePartitionLimit: 2 ** 31 - 1, cursor: null });
    expect(pages.topics).toHaveLength(topics.length);
    const resources = groups.map((resourceName) => ({ resourceType: 2, resourceName, configurationKeys: null }));
    const configs = await peer.ask(describeConfigsApi, 4, { resources, includeSynonyms: true, includeDocumentation: true });
    expect(configs.results).toHaveLength(resources.length);
    const many = names(20_000).map((name) => ({ name, metadata: Buffer.alloc(0) }));
    expect((await peer.ask(joinGroupApi, 3, joinOf('victim', { protocols: many }))).errorCode).toBe(errorCode('INVALID_REQUEST'));
    peer.destroy();
    await groupWorks('victim');
  }, 60_000);

  it('a storm of joins and 10,000 groups that nobody comes back to leave the others theirs', async () => {
    const first = await coordinatorOf('stormy');
    const port = first.socket.remotePort!;
    first.destroy();
    const members = await Promise.all(Array.from({ length: 300 }, () => RawPeer.dial(port)));
    for (const peer of members) peer.write(Buffer.concat(encodeRequest(joinGroupApi, 3, 1, 'storm', joinOf('stormy') as never)));
    const ids = await RawPeer.dial(port);
    const requests = Array.from({ length: 10_000 }, (_, i) =>
      encodeRequest(joinGroupApi, 5, i, 'c'.repeat(255), joinOf(`once-${i}`) as never),
    );
    ids.write(Buffer.concat(requests.flat()));
    await groupWorks('calm');
    await ids.until(() => ids.frames().length === 10_000, '10,000 answers');
    for (const peer of members) peer.destroy();
    ids.destroy();

    const peer = await coordinatorOf('large');
    const large = joinOf('large', { protocols: [{ name: 'range', metadata: Buffer.alloc(5 * MIB) }] });
    expect((await peer.ask(joinGroupApi, 3, large)).errorCode).toBe(errorCode('GROUP_MAX_SIZE_REACHED'));
    const partition = { partitionIndex: 0, committedOffset: 1, committedMetadata: 'x'.repeat(30_000) };
    const topics = [{ name: 'target', partitions: [partition] }];
    const answer = await peer.ask(offsetCommitApi, 5, {
      groupId: 'large',
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      topics,
    });
    expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(errorCode('OFFSET_METADATA_TOO_LARGE'));
    for (const wrong of [
      { groupId: '' },
      { groupId: 'x'.repeat(256) },
      { sessionTimeoutMs: 2 ** 31 - 1 },
      { protocols: [] },
      { groupInstanceId: '' },
    ]) {
      expect([wrong, (await peer.ask(joinGroupApi, 5, joinOf('large', wrong))).errorCode]).not.toEqual([wrong, 0]);
    }
    peer.destroy();
  }, 60_000);

  it('stops answering a peer that asks for every group and reads nothing', async () => {
    const peers = await Promise.all([0, 1, 2].map((id) => RawPeer.dial(kafkaPort(id))));
    const request = Buffer.concat(encodeRequest(listGroupsApi, 4, 1, 'c', { statesFilter: [] }));
    for (const peer of peers) {
      peer.socket.pause();
      peer.write(Buffer.concat(Array.from({ length: 5_000 }, () => request)));
    }
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await witness.wasServed();
    }
    for (const peer of peers) peer.destroy();
  }, 30_000);
});

describe('the Nest door', () => {
  const frame = (pattern: number, body: unknown, id = 1): Buffer =>
    Buffer.concat(encodeFrame({ kind: FrameKind.request, pattern, id, body }, { maxFrameBytes: 64 * MIB }));
  const metadata = frame(PATTERNS.metadata.code, { topics: ['target'] });
  const changed = (change: (bytes: Buffer) => void, of: Buffer = metadata): Buffer => {
    const bytes = Buffer.from(of);
    change(bytes);
    return bytes;
  };
  /** One stock JSON message and what it is answered with. */
  const told = async (
    port: number,
    pattern: unknown,
    data: unknown,
  ): Promise<{ err?: { code: string; fields?: unknown[] }; response?: unknown }> => {
    const peer = await RawPeer.dial(port);
    peer.write(nestJson({ pattern, id: 'x', data }));
    const parsed = () => {
      const text = peer.received.toString();
      try {
        return JSON.parse(text.slice(text.indexOf('#') + 1));
      } catch {
        return null;
      }
    };
    await peer.until(() => parsed() !== null, 'an answer');
    peer.destroy();
    return parsed();
  };

  it.each(GARBAGE)('closes on %s, at brokers and at the coordinator', async (_name, bytes) => {
    for (const port of [nestPort(), cluster.ports.coordinator]) await closesOn(port, bytes);
  });

  it('closes on binary frames that are none', async () => {
    const produce = frame(PATTERNS.produce.code, {
      acks: 1,
      timeoutMs: 1,
      partitions: [{ topic: 't', partition: 0, records: Buffer.from('abc') }],
    });
    const wrong = [
      changed((b) => b.writeUInt8(9, 1)),
      changed((b) => b.writeUInt8(2, 2)),
      changed((b) => b.writeUInt8(0, 2)),
      changed((b) => b.writeUInt8(1, 3)),
      changed((b) => b.writeUInt32BE(2 ** 32 - 1, 10)),
      changed((b) => b.writeUInt32BE(2 ** 32 - 1, 14)),
      changed((b) => b.writeUInt32BE(b.readUInt32BE(10) - 1, 10)),
      changed((b) => b.writeUInt8(0x7b, b.length - 1)),
      changed((b) => {
        b.writeUInt32BE(b.readUInt32BE(10) - 2, 10);
        b.writeUInt32BE(2, 14);
      }),
      Buffer.concat([metadata, metadata].map((bytes) => changed((b) => b.writeUInt32BE(5, 6), bytes))),
      changed((b) => b.write('records":9', b.indexOf('records":')), produce),
      changed((b) => b.write('-', b.indexOf('records":') + 9), produce),
      Buffer.concat([changed((b) => b.writeUInt32BE(5 * MIB, 10)).subarray(0, FRAME_HEADER_BYTES), Buffer.alloc(1000, 0x20)]),
    ];
    for (const [index, bytes] of wrong.entries()) {
      await closesOn(nestPort(), bytes).catch((error) => Promise.reject(new Error(`frame ${index}: ${error.message}`)));
    }
  });

  it('closes on JSON frames with a wrong length, and on JSON that is none', async () => {
    const texts = ['#{}', '12x#{}', '9999999999#{}', '99999999999#{}', '3#{{{', '2#[]', '4#null', '1#5', '5#"abc"', '1#{}'];
    for (const text of [...texts, '46#{"pattern":"yak.metadata","id":{},"data":null}']) await closesOn(nestPort(), text);
    await closesOn(nestPort(), Buffer.concat([Buffer.from('8#'), Buffer.alloc(8, 0x80)]));
  });

  it('names the field that is wrong, and never follows keys of prototypes', async () => {
    const invalid = async (pattern: string, data: unknown) =>
      expect([pattern, (await told(nestPort(), pattern, data)).err?.code]).toEqual([pattern, 'INVALID']);
    for (const data of [null, 5, 'x', [], {}, { partitions: 5 }, { partitions: [null] }, { partitions: {} }]) {
      await invalid('yak.produce', data);
      await invalid('yak.fetch', data);
    }
    const partition = (extra: object) => ({ partitions: [{ topic: 'target', partition: 0, ...extra }] });
    for (const records of ['%%%', 'AAA', '====', 5, null, {}, { type: 'Buffer', data: [256] }, [], [5], [{ value: {} }]]) {
      await invalid('yak.produce', partition({ records }));
    }
    for (const topic of ['../x', '', 'x'.repeat(250), { toString: 1 }])
      await invalid('yak.fetch', { partitions: [{ topic, partition: 0, fetchOffset: 0 }] });
    for (const fetchOffset of [-1, 1.5, '0', 2 ** 60, null]) await invalid('yak.fetch', partition({ fetchOffset }));
    await invalid('yak.createTopics', { topics: [{ name: 'p1', configs: { a: {} } }] });

    const polluted =
      JSON.parse(`{"partitions":[{"topic":"target","partition":0,"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},
      "records":[{"value":"v","headers":{"__proto__":"x","constructor":"y"}}]}],"__proto__":{"acks":7},"constructor":1,"hasOwnProperty":1,"toString":1}`);
    const answer = await told(nestPort(), 'yak.produce', polluted);
    expect(answer.err?.code ?? 'stored').toBe('stored');
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      await invalid('yak.createTopics', { topics: [{ name: 'p2', configs: JSON.parse(`{"${name}":"1"}`) }] });
    }
    for (const pattern of ['__proto__', 'constructor', 'no.such', { cmd: 'x' }, 'coordinator.alterPartition']) {
      expect((await told(nestPort(), pattern, {})).err?.code).toBe('UNKNOWN_PATTERN');
    }
  }, 30_000);

  it('names what is wrong with a group request, and takes a thousand joins over one connection', async () => {
    const invalid = async (pattern: string, data: unknown) =>
      expect([pattern, (await told(nestPort(), pattern, data)).err?.code]).toEqual([pattern, 'INVALID']);
    const join = { groupId: 'nest', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocols: [{ name: 'range', metadata: '' }] };
    for (const wrong of [
      { groupId: '' },
      { groupId: 'x'.repeat(256) },
      { groupId: {} },
      { sessionTimeoutMs: -1 },
      { rebalanceTimeoutMs: 2 ** 31 },
      { protocols: [] },
      { protocols: Array.from({ length: 33 }, (_, i) => ({ name: `p${i}`, metadata: '' })) },
      { protocols: [{ name: 'range', metadata: '%%%%' }] },
      { protocols: [{ name: 'range', metadata: 'A'.repeat(100_000) }] },
      { memberId: 'x'.repeat(1_001) },
      { groupInstanceId: '' },
    ])
      await invalid('yak.joinGroup', { ...join, ...wrong });
    for (const offset of [-1, 1.5, 2 ** 60, '1']) {
      await invalid('yak.commitOffsets', { groupId: 'nest', partitions: [{ topic: 'target', partition: 0, offset }] });
    }
    for (const groupIds of [[], [''], ['x'.repeat(256)], Array(1_001).fill('g'), 'g', [{}]])
      await invalid('yak.describeGroups', { groupIds });
    await invalid('yak.listGroups', { states: ['Nonsense'] });

    const peer = await RawPeer.dial(nestPort());
    const joins = Array.from({ length: 1_500 }, (_, i) =>
      nestJson({ pattern: 'yak.joinGroup', id: `${i}`, data: { ...join, groupId: `nest-${i % 3}` } }),
    );
    peer.write(Buffer.concat(joins));
    await witness.wasServed();
    peer.destroy();
    await groupWorks('after-the-joins');
  }, 30_000);

  it('is not held up by messages that are large, wide or deep', async () => {
    const list = (item: string, count: number) => `[${`${item},`.repeat(count - 1)}${item}]`;
    const json = (pattern: string, data: string) => nestJson(`{"pattern":"${pattern}","id":"1","data":${data}}`);
    for (const port of [nestPort(1), cluster.ports.coordinator]) {
      for (const bytes of [
        json('yak.createTopics', `{"topics":${list('{}', 1_000_000)}}`),
        json('yak.metadata', `{"topics":${list('""', 1_000_000)}}`),
        json('yak.describeCluster', `{"x":${list('[]', 1_000_000)}}`),
        json('yak.describeCluster', `{${[...Array(100_000).keys()].map((key) => `"k${key}":1`).join()}}`),
        json('yak.metadata', `{"topics":${'['.repeat(500_000)}${']'.repeat(500_000)}}`),
      ]) {
        const peer = await RawPeer.dial(port);
        peer.write(bytes);
        await peer.until(() => peer.isClosed || peer.received.includes('INVALID'), `a refusal of ${bytes.length} bytes`);
        peer.destroy();
      }
      await closesOn(port, json('yak.describeCluster', `{"x":${list('[]', 5_000_000)}}`));
      await closesOn(port, nestJson(`{"pattern":${'['.repeat(100_000)}${']'.repeat(100_000)},"id":"1","data":{}}`));
    }
  }, 60_000);

  it('answers 10,000 pipelined requests, binary and JSON, and ignores events', async () => {
    const binary = await RawPeer.dial(nestPort());
    binary.write(Buffer.concat(Array.from({ length: 10_000 }, (_, id) => changed((b) => b.writeUInt32BE(id, 6)))));
    const json = await RawPeer.dial(nestPort());
    const message = (id: number) => ({ pattern: id % 2 ? 'yak.metadata' : 'no.such', id: `<${id}>`, data: { topics: ['target'] } });
    json.write(Buffer.concat(Array.from({ length: 10_000 }, (_, id) => nestJson(message(id)))));
    const events = await RawPeer.dial(nestPort());
    events.write(Buffer.concat(Array.from({ length: 10_000 }, () => nestJson({ pattern: 'yak.metadata', data: {} }))));
    events.write(nestJson({ pattern: 'yak.metadata', id: 'last', data: { topics: [] } }));
    await events.until(() => events.received.includes('"last"'), 'the answer behind the events');
    for (const peer of [binary, json]) await peer.silent();
    expect(binary.received.toString('latin1').split('clusterId').length - 1).toBe(10_000);
    expect(new Set(json.received.toString().match(/"id":"<\d+>"/g)).size).toBe(10_000);
    for (const peer of [binary, json, events]) peer.destroy();
  }, 60_000);

  it('stops reading for a peer that asks for everything and reads nothing', async () => {
    const peers: RawPeer[] = [];
    for (const id of [0, 1, 2]) {
      for (const isBinary of [true, false]) {
        const peer = await RawPeer.dial(nestPort(id));
        peer.socket.pause();
        const partitions = [0, 1, 2].map((partition) => ({ topic: 'large', partition, fetchOffset: 0, maxBytes: 2 ** 40 }));
        const data = { maxWaitMs: 0, minBytes: 0, maxBytes: 2 ** 40, partitions };
        const request = (n: number) =>
          isBinary ? frame(PATTERNS.fetch.code, data, n) : nestJson({ pattern: 'yak.fetch', id: `${n}`, data });
        peer.write(Buffer.concat(Array.from({ length: 500 }, (_, n) => request(n))));
        peers.push(peer);
      }
    }
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await witness.wasServed();
    }
    for (const peer of peers) peer.destroy();
  }, 30_000);

  it('holds half frames without taking the memory that they announce', async () => {
    const half = changed((b) => b.writeUInt32BE(16 * MIB - 1000, 14), frame(PATTERNS.produce.code, {})).subarray(0, FRAME_HEADER_BYTES);
    const peers = await Promise.all(Array.from({ length: 100 }, (_, i) => RawPeer.dial(nestPort(i % 3))));
    for (const [i, peer] of peers.entries()) peer.write(i % 2 ? half : '4000000#{"pattern":').write(Buffer.alloc(64 * 1024, 0x20));
    await witness.wasServed();
    expect(peers.filter((peer) => peer.isClosed)).toEqual([]);
    for (const peer of peers) peer.destroy();
  }, 30_000);
});

it('the HTTP door bounds heads, answers what is no read with an error, and goes on', async () => {
  const port = cluster.ports.http;
  const first = async (text: string): Promise<string> => {
    const peer = await RawPeer.dial(port);
    peer.write(text);
    await peer.until(() => peer.isClosed || peer.receivedBytes > 0, 'an answer');
    peer.destroy();
    return peer.received.toString().split('\r\n')[0]!;
  };
  expect(await first('POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n')).toContain('405');
  expect(await first(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(MIB)}\r\n\r\n`)).toContain('431');
  expect(await first('GET http://evil/ HTTP/1.1\r\nHost: evil\r\n\r\n')).toMatch(/400|421/);
  expect(await first('GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n')).toContain('421');
  expect(await first('GET /constructor HTTP/1.1\r\nHost: localhost\r\n\r\n')).toContain('404');
  expect(await first('\x16\x03\x01\x00\xc8')).toContain('400');
  expect(await first('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')).toContain('200');
});

it('no process was restarted, none kept memory, and the witness lost nothing', async () => {
  const exited = cluster.events.filter((event: UpEvent) => event.event === 'exited');
  expect(exited).toEqual([]);
  const growth = rssHighest.map((rss, i) => Math.round((rss - rssBefore[i]!) / MIB));
  process.stdout.write(`growth of resident memory at its highest, MiB: coordinator ${growth[0]}, brokers ${growth.slice(1).join(', ')}; `);
  process.stdout.write(`longest pause of the witness ${Math.round(witness.longestPauseMs)} ms\n`);
  expect(growth.filter((mib) => mib * MIB > RSS_GROWTH_MAX)).toEqual([]);
  expect(witness.longestPauseMs).toBeLessThan(PAUSE_MS_MAX);
  witness.stop();
  const deadline = performance.now() + 10_000;
  while (witness.consumed < witness.sent && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  expect([witness.acknowledged, witness.consumed]).toEqual([witness.sent, witness.sent]);
}, 20_000);
