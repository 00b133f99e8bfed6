import type { GroupReader } from '#groups';
import { allowAll, type RequestContext } from '#kernel';
import type { MetadataImage } from '#metadata';
import { silentLogger } from '#seams';
import { LogHarness } from '../../../log/src/testing/log-harness.js';
import { partitionRecord } from '../../../replication/src/testing/partition-record.js';
import type { BrokerState } from '../broker-state.js';
import { fetch } from '../fetch.js';
import { Partition } from '../partition.js';
import { produce } from '../produce.js';
import { QueuedBytes } from '../queued-bytes.js';
import { partitionHost } from '../testing/partition-host.js';
import { ClientRegistry } from './client-registry.js';
import { locateRecord } from './locate-record.js';

const PRODUCER: RequestContext = {
  principal: 'User:ANONYMOUS',
  listener: 'client',
  clientId: 'p-1',
  clientSoftware: { name: 'kafkajs', version: '2.2.4' },
  clientAddress: '10.0.0.1:5000',
  deadline: Number.POSITIVE_INFINITY,
};
const CONSUMER: RequestContext = { ...PRODUCER, clientId: 'c-1', clientSoftware: null, clientAddress: '10.0.0.2:5001' };

/** Broker 0 that leads t-0 with followers 1 and 2, and the verbs over it. */
async function leader() {
  const harness = await LogHarness.open();
  const { clock, scheduler } = harness.time;
  const log = harness.create('t', 0);
  const clients = new ClientRegistry(clock, 0);
  const host = partitionHost(harness);
  const partition = new Partition(host, partitionRecord({ leader: -1 }), log, 0);
  partition.update(partitionRecord({ leader: 0, leaderEpoch: 5, partitionEpoch: 8 }));
  const image = {
    topicsByName: new Map([['t', { topicId: 'id' }]]),
    partition: (_: string, index: number) => (index < 2 ? {} : undefined),
  };
  const broker = {
    brokerId: 0,
    clients,
    clock,
    scheduler,
    logger: silentLogger,
    counters: host.counters,
    authorizer: allowAll,
    fetchMaxBytes: 1 << 20,
    queued: new QueuedBytes(clock, Number.POSITIVE_INFINITY),
    image: image as unknown as MetadataImage,
    isCutOffFromReplicas: () => false,
    currentLeader: () => ({}),
    partition: (_: string, index: number) => (index === 0 ? partition : null),
    locate: () => partition,
  } as unknown as BrokerState;
  const reader: GroupReader = { groupId: 'g', state: 'Stable', committedOffset: 2, committedAtMs: 1, owner: null };
  return {
    harness,
    partition,
    log,
    clients,
    broker,
    send(count: number, sequence: number) {
      clients.requested(PRODUCER);
      const records = harness.batch(count, { producerId: 40, producerEpoch: 1, sequence, timestamp: harness.time.wall - 7 });
      const request = { acks: -1 as const, timeoutMs: 1_000, transactionalId: null, partitions: [{ topic: 't', partition: 0, records }] };
      return produce(broker, PRODUCER, request);
    },
    /** Both followers have everything below `end`, and say so. */
    async replicated(end: number) {
      await harness.time.turn();
      for (const id of [1, 2]) partition.followerFetched(partition.leader!, id, id + 10, end, end, null);
      await harness.time.turn();
    },
    async read(fetchOffset: number) {
      clients.requested(CONSUMER);
      const asked = {
        topic: 't',
        topicId: null,
        partition: 0,
        fetchOffset,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
        logStartOffset: -1,
      };
      const partitions = [{ ...asked, maxBytes: 1 << 20, flushedEndOffset: null }];
      const request = { replica: null, maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 20, isolation: 'read_uncommitted' as const, partitions };
      return (await fetch(broker, CONSUMER, request)).partitions[0]!;
    },
    locate: (offset: number, index = 0, topic = 't') =>
      harness.drive(locateRecord(broker, CONSUMER, { topic, partition: index, offset }, () => [reader])),
  };
}

it('says which batch holds the record, who brought it, when it was committed and who is past it', async () => {
  const { harness, send, replicated, read, locate, clients } = await leader();
  const storedAt = harness.time.wall;
  const first = send(3, 0);
  await replicated(3);
  await harness.time.advance(500);
  void send(2, 3);
  await replicated(5);
  expect((await first).partitions).toMatchObject([{ error: 'NONE', baseOffset: 0 }]);
  await read(0);
  await read(4);

  expect(await locate(3)).toEqual({
    error: 'NONE',
    brokerId: 0,
    replica: {
      role: 'leader',
      isInSync: true,
      leaderEpoch: 5,
      logStartOffset: 0,
      flushedEndOffset: 5,
      logEndOffset: 5,
      highWatermark: 5,
      committedAtMs: storedAt + 500,
    },
    batch: {
      baseOffset: 3,
      lastOffset: 4,
      leaderEpoch: 5,
      timestamp: storedAt + 500 - 7,
      producerId: 40,
      producerEpoch: 1,
      baseSequence: 3,
      sizeBytes: expect.any(Number),
    },
    producer: { clientId: 'p-1', address: '10.0.0.1:5000', software: 'kafkajs 2.2.4', atMs: storedAt + 500 },
    fetchedBy: [{ clientId: 'c-1', address: '10.0.0.2:5001', groupId: null, memberId: null, atMs: storedAt + 500 }],
    groups: [{ groupId: 'g', state: 'Stable', committedOffset: 2, committedAtMs: 1, owner: null }],
  });
  expect((await locate(4)).fetchedBy).toEqual([]);
  expect((await locate(1)).replica!.committedAtMs).toBe(storedAt);
  expect(clients.list().clients).toMatchObject([
    {
      clientId: 'p-1',
      produced: [{ topic: 't', partition: 0, producerId: 40, lastAcknowledgedOffset: 4, lastAcknowledgedAtMs: storedAt + 500 }],
    },
    { clientId: 'c-1', fetched: [{ topic: 't', partition: 0, nextOffset: 4 }] },
  ]);
});

it('knows a producer that has left, and tells a repeat from what is stored', async () => {
  const { harness, send, replicated, locate, clients } = await leader();
  const storedAt = harness.time.wall;
  void send(1, 0);
  await replicated(1);
  await harness.time.advance(100);
  expect((await send(1, 0)).partitions).toMatchObject([{ error: 'NONE', baseOffset: 0 }]);
  clients.disconnected(PRODUCER);
  expect((await locate(0)).producer).toMatchObject({ clientId: 'p-1', atMs: storedAt });
});

it('says what is not here: not committed, not written, deleted, unread offsets, no replica, no topic', async () => {
  const { send, harness, locate, log, read, clients } = await leader();
  void send(2, 0);
  await harness.time.turn();
  expect(await locate(1)).toMatchObject({ batch: { baseOffset: 0 }, replica: { highWatermark: 0, committedAtMs: null } });
  expect(await locate(2)).toMatchObject({ error: 'NONE', batch: null, producer: null, replica: { logEndOffset: 2 } });
  expect((await read(99)).error).toBe('OFFSET_OUT_OF_RANGE');
  expect(clients.list().clients[1]).toMatchObject({ clientId: 'c-1', fetched: [] });
  log.advanceLogStartOffset(1);
  expect(await locate(0)).toMatchObject({ batch: null, replica: { logStartOffset: 1 } });
  expect(await locate(0, 1)).toMatchObject({ error: 'NONE', replica: null, batch: null, groups: [{ groupId: 'g' }] });
  expect(await locate(0, 2)).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION', message: 'topic t has no partition 2' });
  expect(await locate(0, 0, 'u')).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION', message: 'there is no topic u' });
});

it('a batch of an earlier leader epoch is not taken for one that came through this broker at the same offset', async () => {
  const { harness, send, partition, locate, log } = await leader();
  void send(1, 0);
  await harness.time.turn();
  partition.update(partitionRecord({ leader: 1, leaderEpoch: 6, partitionEpoch: 9 }));
  partition.truncate(0);
  const other = harness.batch(1);
  other.writeInt32BE(6, 12);
  log.appendAsFollower(other);
  await harness.time.turn();
  expect(await locate(0)).toMatchObject({ batch: { baseOffset: 0, leaderEpoch: 6, producerId: -1 }, producer: null });
});
