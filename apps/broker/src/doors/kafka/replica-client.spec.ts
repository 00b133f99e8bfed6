import type { FetchRequest, ReplicaSession } from '#broker-core';
import { encodeResponse, FrameSplitter, fetchApi, peekRequest } from '#wire';
import { ReplicaClient } from './replica-client.js';
import { DoorWorld, fetched, REPLICATION_PORT, TOPIC_ID } from './testing/door-world.js';

const OTHER_ID = 'BBECAwQFBgcICQoLDA0ODw';

function request(partitions: [string, number][], maxWaitMs = 500): FetchRequest {
  return {
    replica: { brokerId: 1, brokerEpoch: 12 },
    maxWaitMs,
    minBytes: 1,
    maxBytes: 1 << 20,
    isolation: 'read_uncommitted',
    partitions: partitions.map(([topicId, partition]) => ({
      topic: topicId === TOPIC_ID ? 't' : 'other',
      topicId,
      partition,
      fetchOffset: 100 + partition,
      currentLeaderEpoch: 3,
      lastFetchedEpoch: 2,
      logStartOffset: 5,
      maxBytes: 1 << 16,
      flushedEndOffset: 90 + partition,
    })),
  };
}

async function dial(world: DoorWorld, port = REPLICATION_PORT, replicaSocketTimeoutMs?: number): Promise<ReplicaSession> {
  const { network, clock, scheduler } = world.client;
  return world.settle(new ReplicaClient({ network, clock, scheduler, brokerId: 1, replicaSocketTimeoutMs }).dial({ host: 'server', port }));
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'resolved',
    (error) => error.code,
  );

it('a follower’s question arrives as it was asked, and answers come in its order, topics interleaved', async () => {
  const world = await DoorWorld.start();
  const session = await dial(world);
  const asked = request([
    [TOPIC_ID, 2],
    [OTHER_ID, 0],
    [TOPIC_ID, 1],
  ]);
  const response = await world.settle(session.fetch(asked));
  const { request: seen, context } = world.broker.fetches[0]!;
  expect(context).toMatchObject({ clientId: 'yak-replica-1', listener: 'replication' });
  expect(seen).toMatchObject({ replica: asked.replica, maxWaitMs: 500, minBytes: 1, maxBytes: 1 << 20, isolation: 'read_uncommitted' });
  const byKey = (partitions: readonly { topicId: string | null; partition: number }[]) =>
    [...partitions].sort((a, b) => `${a.topicId}${a.partition}`.localeCompare(`${b.topicId}${b.partition}`));
  expect(byKey(seen.partitions)).toEqual(byKey(asked.partitions.map((partition) => ({ ...partition, topic: null }))));
  expect(response.partitions.map(({ topic, partition }) => [topic, partition])).toEqual([
    ['t', 2],
    ['other', 0],
    ['t', 1],
  ]);
  expect(response.partitions[0]).toMatchObject({ error: 'NONE', highWatermark: 10, logStartOffset: 0 });
  expect(Buffer.concat(response.partitions[0]!.records).length).toBe(2005);
});

it('several fetches are under way at once; errors, leaders and diverging epochs come through', async () => {
  const world = await DoorWorld.start();
  world.broker.hold = true;
  const session = await dial(world);
  const [first, second] = [session.fetch(request([[TOPIC_ID, 0]])), session.fetch(request([[TOPIC_ID, 1]]))];
  await world.pause();
  const { fetches } = world.broker;
  expect(fetches).toHaveLength(2);
  const [partition] = fetched(fetches[1]!.request, []).partitions;
  const moved = {
    error: 'FENCED_LEADER_EPOCH' as const,
    divergingEpoch: { leaderEpoch: 2, endOffset: 88 },
    currentLeader: { leader: 0, leaderEpoch: 4 },
  };
  world.server.run('answer', () => {
    fetches[1]!.resolve({ partitions: [{ ...partition!, ...moved }] });
    fetches[0]!.resolve(fetched(fetches[0]!.request, []));
  });
  expect((await world.settle(first)).partitions[0]).toMatchObject({ error: 'NONE', records: [] });
  expect((await world.settle(second)).partitions[0]).toMatchObject(moved);
});

it('closing either side rejects what waits and is told once', async () => {
  const world = await DoorWorld.start();
  world.broker.hold = true;
  for (const close of [(session: ReplicaSession) => session.close(), () => world.server.kill()]) {
    const session = await dial(world);
    let closes = 0;
    session.onClose(() => closes++);
    const waiting = codeOf(session.fetch(request([[TOPIC_ID, 0]])));
    await world.pause();
    close(session);
    expect(await world.settle(waiting)).toBe('CONNECTION_CLOSED');
    expect(await world.settle(codeOf(session.fetch(request([[TOPIC_ID, 0]]))))).toBe('CONNECTION_CLOSED');
    expect(closes).toBe(1);
  }
});

it('a leader that says nothing is given up after the wait and replicaSocketTimeoutMs', async () => {
  const world = await DoorWorld.start();
  world.broker.hold = true;
  const session = await dial(world, REPLICATION_PORT, 2000);
  const before = world.world.nowMs;
  expect(await world.settle(codeOf(session.fetch(request([[TOPIC_ID, 0]], 500))))).toBe('REQUEST_TIMED_OUT');
  expect(world.world.nowMs - before).toBeGreaterThanOrEqual(2500);
  expect(world.world.nowMs - before).toBeLessThan(2600);
});

describe('an answer that is not understood ends the session', () => {
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 1, abortedTransactions: null, records: Buffer.alloc(0) };
  const answer = (correlationId: number, body: object) =>
    Buffer.concat(encodeResponse(fetchApi, 17, correlationId, { responses: [{ topicId: TOPIC_ID, partitions: [partition] }], ...body }));
  it.each([
    ['a foreign correlation id', answer(99, {}), 'MALFORMED_FRAME'],
    ['a partition is missing', answer(1, { responses: [] }), 'MALFORMED_FRAME'],
    [
      'bytes follow',
      Buffer.concat([Buffer.from([0, 0, 0, answer(1, {}).length - 3]), answer(1, {}).subarray(4), Buffer.alloc(1)]),
      'MALFORMED_FRAME',
    ],
    ['an error for the whole', answer(1, { errorCode: 70 }), 'FETCH_SESSION_ID_NOT_FOUND'],
    ['a frame of 2 GiB', Buffer.from('7fffffff', 'hex'), 'MALFORMED_FRAME'],
    ['a frame without an id', Buffer.from('0000000100', 'hex'), 'MALFORMED_FRAME'],
  ])('%s', async (_name, bytes, code) => {
    const world = await DoorWorld.start();
    const splitter = new FrameSplitter(8, 1 << 20);
    const listening = world.server.network.listen({ host: 'server', port: 5000 }, (connection) =>
      connection.onData((chunk) => {
        splitter.push(chunk);
        const frame = splitter.next();
        if (frame === null) return;
        expect(peekRequest(frame)).toEqual({ apiKey: 1, apiVersion: 17, correlationId: 1 });
        connection.write(bytes);
      }),
    );
    await world.settle(listening);
    const session = await dial(world, 5000);
    expect(await world.settle(codeOf(session.fetch(request([[TOPIC_ID, 0]]))))).toBe(code);
    expect(await world.settle(codeOf(session.fetch(request([[TOPIC_ID, 0]]))))).toBe(code);
  });
});
