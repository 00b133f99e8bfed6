import { type GroupConfig, GroupTable, type JoinGroupResponse, type OffsetCommitResponse, type OffsetFetchResponse } from '#groups';
import { type KafkaErrorName, OFFSETS_TOPIC } from '#kernel';
import type { PartitionRecord } from '#metadata';
import type { BrokerStatus } from '#replication';
import { silentLogger } from '#seams';
import { SimRandom } from '#seams-sim';
import { LogHarness } from '../../../log/src/testing/log-harness.js';
import { partitionRecord } from '../../../replication/src/testing/partition-record.js';
import { ParkedFetches } from '../parked-fetches.js';
import { Partition } from '../partition.js';
import { partitionHost } from '../testing/partition-host.js';
import { GroupShard } from './group-shard.js';
import { confirmLeadership } from './leadership.js';

const CONFIG: GroupConfig = {
  minSessionTimeoutMs: 500,
  maxSessionTimeoutMs: 60_000,
  initialRebalanceDelayMs: 0,
  maxSize: 500,
  groupMetadataMaxBytes: 1_000_000,
  offsetMetadataMaxBytes: 4_096,
  offsetsRetentionMs: 1_000_000,
};
const COMMIT_TIMEOUT_MS = 5_000;
const CLIENT = { clientId: 'client', clientHost: '/10.0.0.1' };
const TOPIC_ID = 'BBBBBBBBBBBBBBBBBBBBBB';

/** Broker 0 with a real log leads the groups' partition; followers 1 and 2 fetch when the test says so. */
async function setUp() {
  const harness = await LogHarness.open();
  const log = harness.create(OFFSETS_TOPIC, 0);
  const brokers = new Map<number, BrokerStatus>(
    [0, 1, 2].map((id) => [id, { brokerEpoch: id + 10, isFenced: false, isShuttingDown: false }]),
  );
  const { clock, scheduler } = harness.time;
  const host = partitionHost(harness, { replicaLagTimeMaxMs: 60_000, status: (id) => brokers.get(id) ?? null });
  const partition = new Partition(host, partitionRecord({ leader: -1 }), log, 0);
  const parkedFetches = new ParkedFetches();
  const world = {
    harness,
    partition,
    brokers,
    parkedFetches,
    isCutOff: false,
    heartbeat: async (): Promise<boolean> => false,
    lead(leaderEpoch: number, partitionEpoch: number, changes: Partial<PartitionRecord> = {}): GroupShard {
      partition.update(partitionRecord({ leader: 0, leaderEpoch, partitionEpoch, ...changes }));
      const shard: GroupShard = new GroupShard(
        {
          clock,
          scheduler,
          logger: silentLogger,
          commitTimeoutMs: COMMIT_TIMEOUT_MS,
          retentionCheckIntervalMs: 600_000,
          newMachine: () => new GroupTable(CONFIG, new SimRandom(1)),
          canWrite: (asked, state) => asked.leader === state && asked.canCommit() && asked.log.storageProblem === null && !world.isCutOff,
          isCutOff: () => world.isCutOff,
          confirmLeadership: (asked, state) =>
            confirmLeadership(
              { scheduler, parkedFetches, timeoutMs: COMMIT_TIMEOUT_MS, confirmByHeartbeat: () => world.heartbeat() },
              asked,
              state,
            ),
          loaded: () => {},
        },
        partition,
        partition.leader!,
      );
      void shard.load();
      return shard;
    },
    /** Both followers hold everything, and what was written here is synced. */
    async followersCatchUp(): Promise<void> {
      await harness.time.turn();
      await harness.drive(log.flush());
      for (const id of [1, 2]) {
        if (partition.leader)
          partition.followerFetched(partition.leader, id, id + 10, log.logEndOffset, log.logEndOffset, parkedFetches.mark());
      }
      for (let i = 0; i < 5; i++) await harness.time.turn();
    },
    async active(leaderEpoch = 5, partitionEpoch = 8): Promise<GroupShard> {
      const shard = world.lead(leaderEpoch, partitionEpoch);
      await world.followersCatchUp();
      await harness.time.turn();
      expect(shard.isActive).toBe(true);
      return shard;
    },
  };
  return world;
}

interface Asked<R> {
  response: R | null;
}
function asked<R>(promise: Promise<R>): Asked<R> {
  const result: Asked<R> = { response: null };
  void promise.then((response) => {
    result.response = response;
  });
  return result;
}

function commit(shard: GroupShard, offset: number, groupId = 'g'): Asked<OffsetCommitResponse> {
  const failed = (error: KafkaErrorName): OffsetCommitResponse => ({ partitions: [{ topic: 't', partition: 0, error }] });
  const partitions = [{ topic: 't', partition: 0, offset, leaderEpoch: 3, metadata: null }];
  return asked(
    shard.command<OffsetCommitResponse>(failed, (machine, reply, now) =>
      machine.commitOffsets({ groupId, generationId: -1, memberId: '', groupInstanceId: null, partitions }, reply, () => TOPIC_ID, now),
    ),
  );
}

function committed(shard: GroupShard, groupId = 'g'): Asked<OffsetFetchResponse> {
  const failed = (error: KafkaErrorName): OffsetFetchResponse => ({ error, partitions: [] });
  return asked(
    shard.lookUp(failed, (machine) => machine.fetchOffsets({ groupId, partitions: [{ topic: 't', partition: 0 }], requireStable: false })),
  );
}

function join(shard: GroupShard): Asked<JoinGroupResponse> {
  const failed = (error: KafkaErrorName) => ({ error, generationId: -1 }) as JoinGroupResponse;
  const request = {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from([0, 0, 0, 0, 0, 0]) }],
    requiresKnownMemberId: false,
    supportsSkippingAssignment: true,
    reason: null,
  };
  return asked(shard.command<JoinGroupResponse>(failed, (machine, reply, now) => machine.join(request, CLIENT, reply, now)));
}

const errorOf = ({ response }: Asked<OffsetCommitResponse>) => response?.partitions[0]?.error ?? null;

describe('the groups of one partition', () => {
  it('R24: a commit is answered once it is below the high watermark, not before', async () => {
    const world = await setUp();
    const shard = await world.active();
    const asked = commit(shard, 42);
    await world.harness.time.turn();
    expect(asked.response).toBeNull();
    await world.followersCatchUp();
    expect(errorOf(asked)).toBe('NONE');
  });

  it('R24: nobody sees a commit that could still be lost', async () => {
    const world = await setUp();
    const shard = await world.active();
    commit(shard, 42);
    const seen = committed(shard);
    world.heartbeat = async () => true;
    await world.harness.time.turn();
    expect(seen.response).toBeNull();
    await world.followersCatchUp();
    expect(seen.response?.partitions[0]?.offset).toBe(42);
  });

  it('R24: a generation is answered once it is below the high watermark', async () => {
    const world = await setUp();
    const shard = await world.active();
    const joined = join(shard);
    await world.harness.time.advance(10);
    expect(joined.response).toBeNull();
    await world.followersCatchUp();
    expect(joined.response).toMatchObject({ error: 'NONE', generationId: 1 });
  });

  it('R24: while it loads everybody is told so, never "no offset"', async () => {
    const world = await setUp();
    const first = await world.active();
    const done = commit(first, 7);
    await world.followersCatchUp();
    expect(errorOf(done)).toBe('NONE');
    // Written, but nobody else holds it yet: the new epoch has to commit it before anything is known.
    commit(first, 8);
    await world.harness.time.turn();
    first.close();
    const shard = world.lead(6, 9);
    const early = [committed(shard), asked(Promise.resolve(commit(shard, 9)))];
    await world.harness.time.turn();
    expect(shard.isLoading).toBe(true);
    expect(early[0]!.response).toEqual({ error: 'COORDINATOR_LOAD_IN_PROGRESS', partitions: [] });
    await world.followersCatchUp();
    expect(shard.isActive).toBe(true);
    world.heartbeat = async () => true;
    const late = committed(shard);
    await world.harness.time.turn();
    expect(late.response?.partitions[0]).toMatchObject({ offset: 8, leaderEpoch: 3, error: 'NONE' });
  });

  it('R24: a look-up waits for a proof that this is still the leader: a later heartbeat', async () => {
    const world = await setUp();
    const shard = await world.active();
    let answerHeartbeat: (isConfirmed: boolean) => void = () => {};
    world.heartbeat = () => new Promise((resolve) => (answerHeartbeat = resolve));
    const seen = committed(shard);
    await world.harness.time.turn();
    expect(seen.response).toBeNull();
    answerHeartbeat(true);
    await world.harness.time.turn();
    expect(seen.response).toMatchObject({ error: 'NONE', partitions: [{ offset: -1 }] });
  });

  it('R24: or a fetch of every other in-sync replica that was sent after it; waiting fetches are answered so that they come', async () => {
    const world = await setUp();
    const shard = await world.active();
    const released: number[] = [];
    for (const id of [1, 2]) world.parkedFetches.add(id, () => released.push(id));
    const seen = committed(shard);
    expect(released).toEqual([1, 2]);
    const { partition, parkedFetches } = world;
    const end = partition.log.logEndOffset;
    const fetched = (id: number, isArrival: boolean): void => {
      const sentAfter = isArrival ? parkedFetches.sentAfter(id, `10.0.0.${id}:40000`) : null;
      partition.followerFetched(partition.leader!, id, id + 10, end, end, sentAfter);
    };
    for (const id of [1, 2]) parkedFetches.answered(id, `10.0.0.${id}:40000`);
    fetched(1, true);
    fetched(2, false);
    await world.harness.time.turn();
    expect(seen.response).toBeNull();
    fetched(2, true);
    await world.harness.time.turn();
    expect(seen.response?.error).toBe('NONE');
  });

  it('R24: a fetch that lay in a socket while this broker stood still does not confirm that it leads, though it is read after the question', async () => {
    const world = await setUp();
    const { partition, parkedFetches } = world;
    const shard = await world.active();
    const end = partition.log.logEndOffset;
    const arrive = (id: number, port: number): void =>
      partition.followerFetched(partition.leader!, id, id + 10, end, end, parkedFetches.sentAfter(id, `10.0.0.${id}:${port}`));
    for (const id of [1, 2]) parkedFetches.answered(id, `10.0.0.${id}:40000`);
    // Sent before another leader was elected and acknowledged commits; so was the first on a connection that nobody has seen yet.
    const seen = committed(shard);
    const released: number[] = [];
    for (const id of [1, 2]) {
      parkedFetches.add(id, () => released.push(id));
      arrive(id, 40_000);
      arrive(id, 50_000);
    }
    await world.harness.time.turn();
    expect(seen.response).toBeNull();
    // They are answered at once. What comes then was sent by a follower of this very epoch.
    expect(new Set(released)).toEqual(new Set([1, 2]));
    for (const id of [1, 2]) {
      parkedFetches.answered(id, `10.0.0.${id}:40000`);
      arrive(id, 40_000);
    }
    await world.harness.time.turn();
    expect(seen.response?.error).toBe('NONE');
  });

  it('R24: a deposed leader does not answer a look-up', async () => {
    const world = await setUp();
    const shard = await world.active();
    let answerHeartbeat: (isConfirmed: boolean) => void = () => {};
    world.heartbeat = () => new Promise((resolve) => (answerHeartbeat = resolve));
    const seen = committed(shard);
    world.partition.update(partitionRecord({ leader: 1, leaderEpoch: 6, partitionEpoch: 9 }));
    shard.close();
    answerHeartbeat(true);
    await world.harness.time.turn();
    expect(seen.response?.error).toBe('NOT_COORDINATOR');
  });

  it('R23: who waits when another takes over is failed, and nothing is completed later', async () => {
    const world = await setUp();
    const shard = await world.active();
    const asked = commit(shard, 42);
    await world.harness.time.turn();
    world.partition.update(partitionRecord({ leader: 1, leaderEpoch: 6, partitionEpoch: 9 }));
    shard.close();
    await world.harness.time.turn();
    expect(errorOf(asked)).toBe('NOT_COORDINATOR');
  });

  it('R21: commits are refused while they could not be replicated, and heartbeats when cut off', async () => {
    const world = await setUp();
    const shard = await world.active();
    for (const id of [1, 2]) world.brokers.set(id, { brokerEpoch: id + 10, isFenced: true, isShuttingDown: false });
    const refused = commit(shard, 42);
    await world.harness.time.turn();
    expect(errorOf(refused)).toBe('COORDINATOR_NOT_AVAILABLE');
    const beat = () =>
      shard.immediately(
        (error) => ({ error }),
        (machine, now) => machine.heartbeat({ groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }, now),
      );
    expect(beat().error).toBe('UNKNOWN_MEMBER_ID');
    world.isCutOff = true;
    expect(beat().error).toBe('COORDINATOR_NOT_AVAILABLE');
  });

  it('R21: no session ends because heartbeats were refused while this broker was cut off', async () => {
    const world = await setUp();
    const shard = await world.active();
    join(shard);
    await world.harness.time.advance(10);
    await world.followersCatchUp();
    const membersOf = () => shard.peek((machine) => machine.describe('g').members.length, -1);
    world.isCutOff = true;
    await world.harness.time.advance(30_000);
    world.isCutOff = false;
    await world.harness.time.advance(9_000);
    expect(membersOf()).toBe(1);
    // Of its own silence it does.
    await world.harness.time.advance(11_000);
    expect(membersOf()).toBe(0);
  });

  it('R16: where space is short changes are refused, and the groups stay as they are', async () => {
    const world = await setUp();
    const shard = await world.active();
    const { disk, time } = world.harness;
    const done = commit(shard, 7);
    await world.followersCatchUp();
    expect(errorOf(done)).toBe('NONE');
    disk.setCapacity(500_000_000);
    await time.advance(1_100);
    const refused = commit(shard, 8);
    await time.turn();
    expect(errorOf(refused)).toBe('COORDINATOR_NOT_AVAILABLE');
    expect(shard.isActive).toBe(true);
    disk.setCapacity(Number.POSITIVE_INFINITY);
    await time.advance(1_100);
    const stored = commit(shard, 9);
    await world.followersCatchUp();
    expect(errorOf(stored)).toBe('NONE');
  });

  it('a commit that no replica confirms in time is answered as not available: its outcome is unknown', async () => {
    const world = await setUp();
    const shard = await world.active();
    const asked = commit(shard, 42);
    await world.harness.time.advance(COMMIT_TIMEOUT_MS + 1);
    expect(errorOf(asked)).toBe('COORDINATOR_NOT_AVAILABLE');
    await world.followersCatchUp();
    world.heartbeat = async () => true;
    const seen = committed(shard);
    await world.followersCatchUp();
    expect(seen.response?.partitions[0]?.offset).toBe(42);
  });

  it('the tombstones of a topic with very many commits go in several batches', async () => {
    const world = await setUp();
    const shard = await world.active();
    const partitions = Array.from({ length: 12_000 }, (_, partition) => ({
      topic: 't',
      partition,
      offset: 1,
      leaderEpoch: 0,
      metadata: 'x'.repeat(60),
    }));
    const request = { groupId: 'g', generationId: -1, memberId: '', groupInstanceId: null, partitions };
    const failed = (error: KafkaErrorName): OffsetCommitResponse => ({ partitions: [{ topic: 't', partition: 0, error }] });
    const stored = asked(
      shard.command<OffsetCommitResponse>(failed, (machine, reply, now) => machine.commitOffsets(request, reply, () => TOPIC_ID, now)),
    );
    await world.followersCatchUp();
    expect(new Set(stored.response?.partitions.map(({ error }) => error))).toEqual(new Set(['NONE']));
    expect(shard.size.offsets).toBe(12_000);
    shard.change((machine) => machine.topicsDeleted((topicId) => topicId === TOPIC_ID));
    expect(shard.size.offsets).toBe(0);
    expect(shard.isActive).toBe(true);
  });

  it('R24: what a table reads back is what it had: members, generation and offsets survive a change of the coordinator', async () => {
    const world = await setUp();
    const first = await world.active();
    const joined = join(first);
    await world.harness.time.advance(10);
    await world.followersCatchUp();
    const before = first.peek((machine) => machine.describe('g'), null);
    expect(joined.response?.generationId).toBe(1);
    world.partition.update(partitionRecord({ leader: 1, leaderEpoch: 6, partitionEpoch: 9 }));
    first.close();
    const second = await world.active(7, 10);
    const after = second.peek((machine) => machine.describe('g'), null);
    expect(after?.generationId).toBe(before?.generationId);
    expect(after?.state).toBe('CompletingRebalance');
    expect(after?.members.map(({ memberId }) => memberId)).toEqual(before?.members.map(({ memberId }) => memberId));
  });
});
