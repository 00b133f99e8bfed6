import { allowAll } from '#kernel';
import { recordBatch } from '#record';
import { silentLogger } from '#seams';
import { LogHarness } from '../../log/src/testing/log-harness.js';
import { partitionRecord, seats } from '../../replication/src/testing/partition-record.js';
import type { BrokerState } from './broker-state.js';
import { Counters } from './counters.js';
import { fetch } from './fetch.js';
import { Partition } from './partition.js';
import { QueuedBytes } from './queued-bytes.js';
import { REPLICA_FETCH_BACKOFF_MS, ReplicaFetcher } from './replica-fetcher.js';
import { partitionHost } from './testing/partition-host.js';
import type { FetchPartition, FetchPartitionResponse, FetchRequest, FetchResponse } from './verbs.js';

const LEADER_EPOCH = 5;

/** Broker 0 follows broker 1 for the given topics; the test answers the fetches by hand. */
async function following(...topics: string[]) {
  const harness = await LogHarness.open();
  const fetches: { request: FetchRequest; answer: (response: FetchResponse) => void }[] = [];
  const session = {
    fetch: (request: FetchRequest) =>
      request.maxBytes === 0
        ? Promise.resolve({ partitions: request.partitions.map((asked) => answerOf(asked)) })
        : new Promise<FetchResponse>((answer) => fetches.push({ request, answer })),
    onClose: () => {},
    close: () => {},
  };
  const fetcher = new ReplicaFetcher({
    leader: 1,
    self: { brokerId: 0, brokerEpoch: () => 10 },
    endpoint: () => ({ host: 'b1', port: 9192 }),
    dialer: { dial: async () => session },
    scheduler: harness.time.scheduler,
    logger: silentLogger,
    waitMaxMs: 500,
    partitionMaxBytes: 1_000_000,
    responseMaxBytes: 1_000_000,
  });
  const host = partitionHost(harness, {
    status: () => null,
    roleChanged: (partition) => fetcher.add(partition, LEADER_EPOCH),
    followerHeld: (partition) => fetcher.heldAdvanced(partition),
  });
  const partitions = topics.map((topic) => {
    const partition = new Partition(host, partitionRecord({ leader: -1, leaderEpoch: 4 }), harness.create(topic), 0);
    partition.update(partitionRecord({ leader: 1, leaderEpoch: LEADER_EPOCH, partitionEpoch: 8 }));
    return partition;
  });
  await harness.time.turn();
  /** Answers the fetch that waits; partitions without records here come back empty. */
  const answer = async (records: Record<string, Buffer[]> = {}): Promise<string[]> => {
    const { request, answer: settle } = fetches.shift()!;
    settle({ partitions: request.partitions.map((asked) => answerOf(asked, records[asked.topic!])) });
    await harness.time.turn();
    return request.partitions.map((asked) => asked.topic!);
  };
  return { harness, fetcher, fetches, partitions, answer };
}

function answerOf(asked: FetchPartition, records: Buffer[] = []): FetchPartitionResponse {
  const { topic, topicId, partition } = asked;
  return { topic: topic!, topicId: topicId!, partition, error: 'NONE', highWatermark: 0, lastStableOffset: 0, logStartOffset: 0, records };
}

/** One record at `offset`, as a leader of that epoch sends it. */
function sent(harness: LogHarness, offset: number, leaderEpoch: number): Buffer[] {
  const batch = harness.batch();
  recordBatch.setBaseOffset(batch, offset);
  recordBatch.setLeaderEpoch(batch, leaderEpoch);
  return [batch];
}

describe('ReplicaFetcher', () => {
  it('R19: whoever has all that the leader has reached the epoch, at once for every partition, durably before it is told', async () => {
    const { harness, fetcher, fetches, partitions, answer } = await following('a', 'b', 'c');
    await answer();
    expect(fetches[0]!.request.partitions).toHaveLength(3);
    await answer();
    expect(partitions.map((each) => each.log.caughtUpEpoch)).toEqual([LEADER_EPOCH, LEADER_EPOCH, LEADER_EPOCH]);
    fetcher.stop();
    await harness.restart('powerLoss');
    for (const topic of ['a', 'b', 'c']) expect(harness.log(`${topic}-0`).caughtUpEpoch).toBe(LEADER_EPOCH);
  });

  it('R19: a replica that got nothing for want of room has not reached the epoch', async () => {
    const { harness, fetcher, partitions, fetches, answer } = await following('first', 'second', 'starved');
    const starved = partitions[2]!.log;
    const ends: Record<string, number> = { first: 0, second: 0 };
    let starvings = 0;
    // As long as another one fills the response before it, the leader may have more of it than it sent.
    for (;;) {
      const asked = fetches[0]!.request.partitions.map((each) => each.topic!);
      if (asked[0] === 'starved') break;
      await answer({ [asked[0]!]: sent(harness, ends[asked[0]!]!++, 3) });
      if (asked.includes('starved')) starvings++;
      expect(starved.caughtUpEpoch).toBe(-1);
      expect(starvings).toBeLessThan(5);
    }
    expect(starvings).toBeGreaterThan(0);
    // It comes first soon, and then gets what there is.
    expect(fetches[0]!.request.partitions.find((each) => each.topic === 'starved')!.flushedEndOffset).toBe(-1);
    await answer({ starved: sent(harness, 0, 3) });
    expect(starved.caughtUpEpoch).toBe(-1);
    while (starved.caughtUpEpoch === -1) await answer();
    expect(starved.caughtUpEpoch).toBe(LEADER_EPOCH);
    expect(starved.logEndOffset).toBe(1);
    fetcher.stop();
  });

  it('R5: an answer is dropped when leader epoch, leader or log end are not what they were when the request left', async () => {
    const { harness, fetcher, partitions, fetches, answer } = await following('t');
    const log = harness.log('t-0');
    await answer({ t: sent(harness, 0, LEADER_EPOCH) });
    expect(log.logEndOffset).toBe(1);
    // The log was cut meanwhile.
    partitions[0]!.truncate(0);
    await answer({ t: sent(harness, 1, LEADER_EPOCH) });
    expect(log.logEndOffset).toBe(0);
    // The same leader in a later epoch: what was asked in the old one does not count.
    expect(fetches[0]!.request.partitions[0]!.currentLeaderEpoch).toBe(LEADER_EPOCH);
    partitions[0]!.update(partitionRecord({ leader: 1, leaderEpoch: LEADER_EPOCH + 1, partitionEpoch: 9 }));
    await answer({ t: sent(harness, 0, LEADER_EPOCH) });
    expect(log.logEndOffset).toBe(0);
    fetcher.stop();
  });

  it('R5: batches of a later epoch than the request’s, at offsets that are taken, or damaged are not appended', async () => {
    const { harness, fetcher, answer } = await following('t');
    const log = harness.log('t-0');
    const damaged = sent(harness, 0, LEADER_EPOCH);
    damaged[0]![damaged[0]!.length - 1]! ^= 1;
    const twice = [Buffer.concat([...sent(harness, 3, LEADER_EPOCH), ...sent(harness, 3, LEADER_EPOCH)])];
    for (const records of [sent(harness, 0, LEADER_EPOCH + 1), twice, damaged]) {
      await answer({ t: records });
      expect(log.logEndOffset).toBe(0);
      await harness.time.advance(2 * REPLICA_FETCH_BACKOFF_MS);
    }
    await answer({ t: sent(harness, 0, LEADER_EPOCH) });
    expect(log.logEndOffset).toBe(1);
    fetcher.stop();
  });

  it('R3: it truncates to the smaller of both ends and asks again before it appends anything', async () => {
    const { harness, fetcher, partitions, fetches, answer } = await following('t');
    const log = harness.log('t-0');
    await answer({ t: [...sent(harness, 0, 2), ...sent(harness, 1, 4), ...sent(harness, 2, 4)] });
    expect(fetches[0]!.request.partitions[0]).toMatchObject({ fetchOffset: 3, lastFetchedEpoch: 4 });
    const { request, answer: settle } = fetches.shift()!;
    const response = answerOf(request.partitions[0]!, sent(harness, 3, LEADER_EPOCH));
    settle({ partitions: [{ ...response, divergingEpoch: { leaderEpoch: 2, endOffset: 5 } }] });
    await harness.time.turn();
    expect(log.logEndOffset).toBe(1);
    expect(fetches[0]!.request.partitions[0]).toMatchObject({ fetchOffset: 1, lastFetchedEpoch: 2 });
    expect(partitions[0]!.role.kind).toBe('follower');
    fetcher.stop();
  });

  it('R27: readers of a follower see nothing above its own high watermark', async () => {
    const { harness, fetcher, partitions, answer } = await following('t');
    const partition = partitions[0]!;
    await answer({ t: [...sent(harness, 0, LEADER_EPOCH), ...sent(harness, 1, LEADER_EPOCH)] });
    fetcher.stop();
    const broker = {
      clock: harness.time.clock,
      authorizer: allowAll,
      clients: { of: () => null },
      locate: () => partition,
      counters: new Counters(),
      fetchMaxBytes: 1_000_000,
      queued: new QueuedBytes(harness.time.clock, Number.POSITIVE_INFINITY),
      currentLeader: () => ({}),
    } as unknown as BrokerState;
    const asked = { topic: 't', topicId: null, partition: 0, currentLeaderEpoch: -1, lastFetchedEpoch: -1, maxBytes: 1_000_000 };
    const read = async (fetchOffset: number) => {
      const partitions = [{ ...asked, fetchOffset, logStartOffset: -1 }];
      const request = { replica: null, maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, isolation: 'read_uncommitted', partitions };
      const { error, records } = (await fetch(broker, { listener: 'kafka' } as never, request as never)).partitions[0]!;
      return error === 'NONE' ? records.length : error;
    };
    expect(await read(0)).toBe(0);
    partition.learnHighWatermark(1);
    expect(await read(0)).toBe(1);
    expect(await read(1)).toBe(0);
    // Nothing at all once it is not in sync under its broker epoch.
    partition.update(partitionRecord({ leader: 1, leaderEpoch: LEADER_EPOCH, partitionEpoch: 9, isr: seats(1, 2) }));
    expect(await read(0)).toBe('NOT_LEADER_OR_FOLLOWER');
  });
});
