import { recordBatch } from '#record';
import { silentLogger } from '#seams';
import { LogHarness } from '../../log/src/testing/log-harness.js';
import { partitionRecord } from '../../replication/src/testing/partition-record.js';
import { Counters } from './counters.js';
import { Partition, type PartitionHost } from './partition.js';
import { ReplicaFetcher } from './replica-fetcher.js';
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
  const host: PartitionHost = {
    brokerId: 0,
    brokerEpoch: 10,
    clock: harness.time.clock,
    scheduler: harness.time.scheduler,
    logger: silentLogger,
    counters: new Counters(),
    replicaLagTimeMaxMs: 10_000,
    status: () => null,
    emit: () => {},
    proposalPending: () => {},
    roleChanged: (partition) => fetcher.add(partition, LEADER_EPOCH),
    followerHeld: (partition) => fetcher.heldAdvanced(partition),
  };
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
});
