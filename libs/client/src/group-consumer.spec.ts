import { KafkaError, YakError } from '#kernel';
import { recordBatch } from '#record';
import type { ConsumedRecord } from './contract.js';
import type { GroupConsumerConfig } from './group-contract.js';
import { FakeCluster } from './testing/fake-cluster.js';
import { isShared, Member, store } from './testing/group-member.js';

const codeOf = (error: unknown) => (error instanceof YakError ? error.code : String(error));

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => String(from + i));
}

async function until(cluster: FakeCluster, condition: () => boolean, maxMs = 20_000): Promise<void> {
  expect(await cluster.world.runUntil(condition, maxMs)).toBe(true);
}

describe('group consumer', () => {
  it('joins, reads everything from the start, commits what was done with, and its successor goes on there', async () => {
    const cluster = await FakeCluster.start(1, { t: 2 });
    store(cluster, 0, numbers(0, 10));
    store(cluster, 1, numbers(0, 5));
    const first = new Member(cluster, 'm1');
    await until(cluster, () => first.records.length === 15);
    expect(first.of('assigned')[0]).toMatchObject({ generationId: 1, isLeader: true, protocol: 'range' });
    await until(cluster, () => cluster.groups.committed('g', 't', 0) === 10 && cluster.groups.committed('g', 't', 1) === 5);
    store(cluster, 0, numbers(10, 12));
    await until(cluster, () => first.records.length === 17);
    await cluster.world.settle(first.consumer.close());
    expect([first.isDone, cluster.groups.committed('g', 't', 0), cluster.groups.describe('g').state]).toEqual([true, 12, 'Empty']);

    store(cluster, 0, ['next']);
    const second = new Member(cluster, 'm2');
    await until(cluster, () => second.records.length === 1);
    expect(second.values()).toEqual(['next']);
    await cluster.world.runFor(500);
    expect(second.records).toHaveLength(1);
  });

  it('shares partitions with a second member, without a record lost or given twice, and takes all back when that one leaves', async () => {
    const cluster = await FakeCluster.start(2, { t: 4 });
    for (let partition = 0; partition < 4; partition++) store(cluster, partition, numbers(0, 20));
    const first = new Member(cluster, 'm1');
    await until(cluster, () => first.records.length === 80);
    const second = new Member(cluster, 'm2');
    await until(cluster, () => isShared([first, second], 4));
    expect([first.partitions.length, second.partitions.length]).toEqual([2, 2]);
    expect(first.of('revoking')).toMatchObject([{ reason: 'the group is rebalancing', partitions: { length: 4 } }]);
    for (let partition = 0; partition < 4; partition++) store(cluster, partition, numbers(20, 30));
    await until(cluster, () => first.records.length + second.records.length === 120);
    await cluster.world.settle(second.consumer.close());
    await until(cluster, () => isShared([first], 4));
    for (let partition = 0; partition < 4; partition++) store(cluster, partition, numbers(30, 31));
    await until(cluster, () => first.records.length + second.records.length === 124);
    for (let partition = 0; partition < 4; partition++) {
      expect([...first.values(partition), ...second.values(partition)].map(Number).sort((a, b) => a - b)).toEqual(
        numbers(0, 31).map(Number),
      );
    }
    const rebalance = await cluster.world.settle(first.consumer.lastRebalance());
    expect(rebalance!.causes.map(({ kind, clientId }) => [kind, clientId])).toContainEqual(['left', 'm2']);
  });

  it('takes over from a member that died, from its last commit', async () => {
    const cluster = await FakeCluster.start(3, { t: 2 });
    const members = [new Member(cluster, 'm1'), new Member(cluster, 'm2')];
    await until(cluster, () => isShared(members, 2));
    for (const partition of [0, 1]) store(cluster, partition, numbers(0, 10));
    await until(cluster, () => members[0]!.records.length + members[1]!.records.length === 20);
    await until(cluster, () => cluster.groups.committed('g', 't', 1) === 10 && cluster.groups.committed('g', 't', 0) === 10);
    cluster.world.process('m2')!.kill();
    const diedAt = cluster.world.nowMs;
    await until(cluster, () => isShared([members[0]!], 2));
    expect(cluster.world.nowMs - diedAt).toBeLessThan(2000);
    for (const partition of [0, 1]) store(cluster, partition, ['new']);
    await until(cluster, () => members[0]!.values(0).at(-1) === 'new' && members[0]!.values(1).at(-1) === 'new');
    expect([...members[0]!.values(0), ...members[0]!.values(1)]).toHaveLength(12);
  });

  it('keeps its membership when the coordinator moves, freezes, dies or is not there for longer than a session', async () => {
    const cluster = await FakeCluster.start(4, { t: 2 });
    const member = new Member(cluster, 'm1');
    const { groups } = cluster;
    await until(cluster, () => member.partitions.length === 2);
    const disturbances = [
      () => groups.move(1),
      () => {
        cluster.broker(1).freeze();
        cluster.moveAllFrom(1);
        groups.move(2);
      },
      () => {
        cluster.broker(1).resume();
        cluster.broker(2).kill();
        cluster.moveAllFrom(2);
        groups.move(0);
      },
      async () => {
        groups.move(-1);
        await cluster.world.runFor(3000);
        groups.move(1);
      },
    ];
    for (const [round, disturb] of disturbances.entries()) {
      await disturb();
      store(cluster, 0, [`round ${round}`]);
      await until(cluster, () => member.values().length === round + 1);
      await until(cluster, () => groups.committed('g', 't', 0) === round + 1);
      await cluster.world.runFor(2500);
    }
    expect(member.of('assigned')).toHaveLength(1);
    expect([member.of('lost'), member.of('revoking'), member.failure]).toEqual([[], [], null]);
    expect(member.of('coordinator').map(({ brokerId }) => brokerId)).toEqual(expect.arrayContaining([0, null, 1, 2]));
  });

  it('a coordinator that is dead and still named is told to be gone once, and the next one when it is reached', async () => {
    const cluster = await FakeCluster.start(3, { t: 1 });
    const member = new Member(cluster, 'm1');
    await until(cluster, () => member.partitions.length === 1);
    cluster.broker(0).kill();
    cluster.moveAllFrom(0);
    await cluster.world.runFor(3000);
    cluster.groups.move(1);
    await cluster.world.runFor(6000);
    expect(member.of('coordinator').map(({ brokerId }) => brokerId)).toEqual([0, null, 1]);
  });

  it('R24: a coordinator that loads is waited for: no start is guessed meanwhile', async () => {
    const cluster = await FakeCluster.start(5, { t: 1 });
    store(cluster, 0, numbers(0, 10));
    const first = new Member(cluster, 'm1');
    await until(cluster, () => cluster.groups.committed('g', 't', 0) === 10);
    await cluster.world.settle(first.consumer.close());
    store(cluster, 0, ['after']);
    let refusals = 0;
    cluster.groups.refuse = (pattern) => {
      if (pattern !== 'fetchOffsets' || refusals >= 20) return null;
      return (['COORDINATOR_LOAD_IN_PROGRESS', 'UNSTABLE_OFFSET_COMMIT', 'NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE'] as const)[
        refusals++ % 4
      ]!;
    };
    const second = new Member(cluster, 'm2');
    await until(cluster, () => second.records.length > 0);
    expect([second.values(), refusals]).toEqual([['after'], 20]);
    cluster.groups.load(true);
    await cluster.world.runFor(3000);
    cluster.groups.load(false);
    store(cluster, 0, ['later']);
    await until(cluster, () => cluster.groups.committed('g', 't', 0) === 12);
    expect(second.of('assigned')).toHaveLength(1);

    cluster.groups.refuse = (pattern) => (pattern === 'fetchOffsets' ? 'GROUP_AUTHORIZATION_FAILED' : null);
    await cluster.world.settle(second.consumer.close());
    const third = new Member(cluster, 'm3');
    await until(cluster, () => third.failure !== null);
    expect(codeOf(third.failure)).toBe('GROUP_AUTHORIZATION_FAILED');
    expect(third.records).toEqual([]);
  });

  it('a static member that comes back within its session gets its partitions without a rebalance', async () => {
    const cluster = await FakeCluster.start(6, { t: 2 });
    const first = new Member(cluster, 'm1', { groupInstanceId: 'i1', sessionTimeoutMs: 5000 });
    const second = new Member(cluster, 'm2', { groupInstanceId: 'i2', sessionTimeoutMs: 5000 });
    await until(cluster, () => isShared([first, second], 2));
    store(cluster, 0, ['a']);
    store(cluster, 1, ['a']);
    await until(cluster, () => first.records.length + second.records.length === 2);
    const before = cluster.groups.describe('g').generationId;
    const partitions = first.partitions;
    await cluster.world.settle(first.consumer.close());
    expect(cluster.groups.leaves).toBe(0);
    const again = new Member(cluster, 'm1b', { groupInstanceId: 'i1', sessionTimeoutMs: 5000 });
    await until(cluster, () => again.partitions.length === 1);
    expect([again.partitions, cluster.groups.describe('g').generationId]).toEqual([partitions, before]);
    for (const partition of [0, 1]) store(cluster, partition, ['b']);
    await until(cluster, () => again.records.length === 1);
    await cluster.world.runFor(2000);
    expect([again.values(0).concat(again.values(1)), second.of('revoking')]).toEqual([['b'], []]);
    await cluster.world.settle(again.consumer.close({ leave: true }));
    await until(cluster, () => second.partitions.length === 2);
  });

  it('a static leader that comes back to topics that grew meanwhile asks for a new assignment', async () => {
    const cluster = await FakeCluster.start(7, { t: 1 });
    const config = { groupInstanceId: 'i1', sessionTimeoutMs: 20_000 };
    const first = new Member(cluster, 'm1', config);
    await until(cluster, () => first.partitions.length === 1);
    await cluster.world.settle(first.consumer.close());
    cluster.addPartitions('t', 3);
    const again = new Member(cluster, 'm1b', config);
    await until(cluster, () => again.partitions.length === 3);
    expect(again.of('revoking')[0]!.reason).toContain('nobody had t-1');
  });

  it('fences the older of two processes with one instance id, with an error that says what to do', async () => {
    const cluster = await FakeCluster.start(8, { t: 1 });
    const first = new Member(cluster, 'm1', { groupInstanceId: 'i1' });
    await until(cluster, () => first.partitions.length === 1);
    const second = new Member(cluster, 'm2', { groupInstanceId: 'i1' });
    await until(cluster, () => first.failure !== null && second.partitions.length === 1);
    expect(codeOf(first.failure)).toBe('FENCED_INSTANCE_ID');
    expect((first.failure as Error).message).toMatch(/instance i1 .* give every process an instance id of its own/);
    store(cluster, 0, ['a']);
    await until(cluster, () => second.records.length === 1);
    await cluster.world.runFor(3000);
    expect([first.records.length, second.partitions.length, cluster.groups.leaves]).toEqual([0, 1, 0]);
  });

  it('commits nothing that is still in hand by itself, and everything that was taken when asked to', async () => {
    const cluster = await FakeCluster.start(9, { t: 1 });
    store(cluster, 0, numbers(0, 3));
    store(cluster, 0, numbers(3, 6));
    let release = () => {};
    const auto = new Member(cluster, 'm1', { maxBytes: 1, partitionMaxBytes: 1 });
    auto.body = async (batch) => {
      if (batch[0]!.offset === 3) await new Promise<void>((resolve) => (release = resolve));
    };
    await until(cluster, () => auto.records.length === 6);
    await cluster.world.runFor(1000);
    expect(cluster.groups.committed('g', 't', 0)).toBe(3);
    await cluster.world.settle(auto.consumer.commit());
    expect(cluster.groups.committed('g', 't', 0)).toBe(6);
    await cluster.world.runFor(1000);
    release();
    await cluster.world.runFor(1000);
    expect(cluster.groups.commitsOf('g', 't', 0).map(({ value }) => value!.offset)).toEqual([3, 6]);
    // A loop that breaks has not done with its last batch.
    auto.body = () => Promise.reject(new Error('broken'));
    store(cluster, 0, ['not done']);
    await until(cluster, () => auto.failure !== null);
    await cluster.world.runFor(1000);
    expect([cluster.groups.committed('g', 't', 0), cluster.groups.describe('g').state]).toEqual([6, 'Empty']);
  });

  it('commits by hand: only what is assigned and was taken, with the leader epoch of the last record', async () => {
    const cluster = await FakeCluster.start(10, { t: 2 });
    store(cluster, 0, numbers(0, 5));
    cluster.move('t', 0, 1);
    store(cluster, 0, numbers(5, 10));
    const member = new Member(cluster, 'm1', { autoCommitIntervalMs: null, topics: ['t'] });
    await until(cluster, () => member.records.length === 10);
    await cluster.world.runFor(1000);
    expect(cluster.groups.committed('g', 't', 0)).toBe(null);
    const commit = (offset: number, partition = 0) => member.consumer.commitOffsets([{ topic: 't', partition, offset }]);
    for (const offset of [3, 5, 6, 10]) await cluster.world.settle(commit(offset));
    expect(cluster.groups.commitsOf('g', 't', 0).map(({ value }) => [value!.offset, value!.leaderEpoch])).toEqual([
      [3, 0],
      [5, 0],
      [6, 1],
      [10, 1],
    ]);
    expect(codeOf(await commit(11).catch((error) => error))).toBe('NOT_TAKEN');
    expect(codeOf(await commit(0, 7).catch((error) => error))).toBe('NOT_ASSIGNED');
    cluster.groups.refuse = (pattern) => (pattern === 'commitOffsets' ? 'GROUP_AUTHORIZATION_FAILED' : null);
    const refused = await cluster.world.settle(commit(4).catch((error) => error));
    expect([codeOf(refused), refused.message]).toEqual(['GROUP_AUTHORIZATION_FAILED', expect.stringContaining('t-0: not committed')]);
  });

  it('waits with a rebalance for a caller who is busy, lets listeners commit, and then goes on where they did', async () => {
    const cluster = await FakeCluster.start(11, { t: 2 });
    for (const partition of [0, 1]) store(cluster, partition, numbers(0, 4));
    const slow = new Member(cluster, 'm1', { autoCommitIntervalMs: null, maxBytes: 1, partitionMaxBytes: 1 });
    slow.workMs = 1500;
    const finished: ConsumedRecord[] = [];
    slow.onBatchDone = (batch) => finished.push(...batch);
    slow.consumer.onEvent(async (event) => {
      if (event.type !== 'revoking') return;
      await slow.consumer.commitOffsets(finished.map(({ topic, partition, offset }) => ({ topic, partition, offset: offset + 1 })));
    });
    await until(cluster, () => slow.records.length === 4);
    const second = new Member(cluster, 'm2');
    await until(cluster, () => isShared([slow, second], 2));
    expect(finished).toHaveLength(4);
    await until(cluster, () => slow.records.length + second.records.length === 8);
    await cluster.world.runFor(3000);
    expect(slow.records.length + second.records.length).toBe(8);
    expect(slow.of('lost')).toEqual([]);
  });

  it('does not commit for a caller who comes back too late, and says so', async () => {
    const cluster = await FakeCluster.start(12, { t: 1 });
    store(cluster, 0, numbers(0, 4));
    const late = new Member(cluster, 'm1', { autoCommitIntervalMs: null });
    let outcome: unknown = null;
    late.body = async () => {
      const { scheduler } = cluster.world.process('m1')!;
      await new Promise<void>((resolve) => scheduler.after(10_000, resolve));
      outcome ??= await late.consumer.commit().then(
        () => 'committed',
        (error) => error,
      );
    };
    await until(cluster, () => late.records.length === 4);
    const second = new Member(cluster, 'm2');
    await until(cluster, () => second.records.length === 4 || late.records.length === 8);
    await until(cluster, () => outcome !== null);
    expect(codeOf(outcome)).toBe('REBALANCE_IN_PROGRESS');
    expect((outcome as Error).message).toContain('will be given out again');
  });

  it('H8: a commit that waited while the partition went to another member is refused, also when it comes back', async () => {
    const cluster = await FakeCluster.start(21, { t: 1 });
    store(cluster, 0, numbers(0, 10));
    const first = new Member(cluster, 'm1', { autoCommitIntervalMs: null });
    await until(cluster, () => first.records.length === 10);
    cluster.groups.refuse = (pattern) => (pattern === 'commitOffsets' ? 'COORDINATOR_LOAD_IN_PROGRESS' : null);
    const commits = [5, 10].map((offset) => first.consumer.commitOffsets([{ topic: 't', partition: 0, offset }]).then(String, codeOf));
    const second = new Member(cluster, 'm2', { autoCommitIntervalMs: null });
    await until(cluster, () => second.partitions.length + first.of('assigned').length > 1);
    await cluster.world.settle(second.consumer.close());
    cluster.groups.refuse = () => null;
    expect(await cluster.world.settle(Promise.all(commits))).toEqual(['ILLEGAL_GENERATION', 'NOT_ASSIGNED']);
    await until(cluster, () => isShared([first], 1) && first.records.length >= 20);
    expect(cluster.groups.committed('g', 't', 0)).toBe(null);
  });

  it('H8: a member that was frozen for longer than its session commits nothing over its successor, and joins again', async () => {
    const cluster = await FakeCluster.start(13, { t: 1 });
    const first = new Member(cluster, 'm1', { autoCommitIntervalMs: null });
    store(cluster, 0, numbers(0, 4));
    await until(cluster, () => first.records.length === 4);
    cluster.world.process('m1')!.freeze();
    const second = new Member(cluster, 'm2');
    await until(cluster, () => second.records.length === 4);
    store(cluster, 0, numbers(4, 8));
    await until(cluster, () => cluster.groups.committed('g', 't', 0) === 8);
    cluster.world.process('m1')!.resume();
    const outcome = await cluster.world.settle(first.consumer.commit().then(String, codeOf));
    expect(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION']).toContain(outcome);
    await until(cluster, () => first.of('lost').length === 1 && isShared([first, second], 1));
    expect(first.of('lost')[0]).toMatchObject({ partitions: [{ topic: 't', partition: 0 }] });
    const offsets = cluster.groups.commitsOf('g', 't', 0).map(({ value }) => value!.offset);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  });

  it('the leader asks for a new assignment when a topic grows, comes, is made anew or goes', async () => {
    const cluster = await FakeCluster.start(14, { t: 1 });
    const members = ['m1', 'm2'].map((name) => new Member(cluster, name, { topics: ['t', 'u'] }));
    const all = () => members.flatMap((member) => member.partitions).sort();
    await until(cluster, () => isShared(members, 1));
    cluster.addPartitions('t', 3);
    await until(cluster, () => isShared(members, 3));
    cluster.addTopic('u', 2);
    store(cluster, 1, ['first of u'], 'u');
    await until(cluster, () => isShared(members, 5));
    await until(cluster, () => cluster.groups.committed('g', 'u', 1) === 1);
    cluster.removeTopic('u');
    cluster.addTopic('u', 2, 'id-u-new');
    store(cluster, 1, ['first of the new u'], 'u');
    await until(cluster, () => members.some((member) => member.values(1, 'u').includes('first of the new u')));
    await until(cluster, () => isShared(members, 5));
    cluster.removeTopic('u');
    await until(cluster, () => isShared(members, 3));
    expect(all()).toEqual(['t-0', 't-1', 't-2']);
    const reasons = members.flatMap((member) => member.of('revoking').map(({ reason }) => reason));
    for (const part of ['topic t has 3 partitions now, 1 before', 'topic u was created', 'topic u was deleted']) {
      expect(reasons).toContainEqual(expect.stringContaining(part));
    }
    expect(members.map((member) => member.failure)).toEqual([null, null]);
  });

  it('says which offsets retention took before it read them, and goes on with the first that is left', async () => {
    const cluster = await FakeCluster.start(15, { t: 1 });
    store(cluster, 0, numbers(0, 5));
    const first = new Member(cluster, 'm1');
    await until(cluster, () => cluster.groups.committed('g', 't', 0) === 5);
    await cluster.world.settle(first.consumer.close());
    store(cluster, 0, numbers(5, 10));
    store(cluster, 0, numbers(10, 12));
    const target = cluster.partition('t', 0);
    target.batches = target.batches.slice(2);
    target.logStartOffset = 10;
    const second = new Member(cluster, 'm2', { from: 'latest' });
    await until(cluster, () => second.records.length === 2);
    expect(second.values()).toEqual(['10', '11']);
    expect(second.of('out-of-range')).toEqual([
      { type: 'out-of-range', cause: 'retention', topic: 't', partition: 0, position: 5, now: 10 },
    ]);
    await cluster.world.settle(second.consumer.close());
    // And what was committed is no longer there at all: on at the end, with the position committed.
    target.batches = [];
    target.logStartOffset = target.endOffset = 4;
    cluster.move('t', 0, 1);
    const third = new Member(cluster, 'm3');
    await until(cluster, () => third.of('out-of-range').length === 1);
    expect(third.of('out-of-range')[0]).toMatchObject({ cause: 'truncation', position: 12, now: 4 });
    store(cluster, 0, ['new']);
    await until(cluster, () => third.records.length === 1);
    await until(cluster, () => cluster.groups.committed('g', 't', 0) === 5);
  });

  it('KIP-320: notices that what it committed was replaced by other records at the same offsets, and reads those', async () => {
    const cluster = await FakeCluster.start(17, { t: 1 });
    store(cluster, 0, numbers(0, 5));
    cluster.move('t', 0, 1);
    store(cluster, 0, ['lost', 'lost too']);
    const first = new Member(cluster, 'm1');
    await until(cluster, () => cluster.groups.committed('g', 't', 0) === 7);
    await cluster.world.settle(first.consumer.close());
    // An election among replicas that never had them, and new records in their place.
    const target = cluster.partition('t', 0);
    target.batches = target.batches.filter((batch) => recordBatch.baseOffset(batch) < 5);
    target.endOffset = 5;
    cluster.move('t', 0, 2);
    store(cluster, 0, numbers(5, 10));
    const second = new Member(cluster, 'm2');
    await until(cluster, () => second.records.length === 5);
    expect(second.values()).toEqual(['5', '6', '7', '8', '9']);
    expect(second.of('out-of-range')).toEqual([
      { type: 'out-of-range', cause: 'truncation', topic: 't', partition: 0, position: 7, now: 5 },
    ]);
    expect([second.failure, first.failure]).toEqual([null, null]);
  });

  it('KIP-320: an epoch without records is no divergence', async () => {
    const cluster = await FakeCluster.start(18, { t: 1 });
    store(cluster, 0, numbers(0, 3));
    const member = new Member(cluster, 'm1');
    await until(cluster, () => member.records.length === 3);
    cluster.move('t', 0, 1);
    cluster.move('t', 0, 2);
    store(cluster, 0, numbers(3, 6));
    await until(cluster, () => member.records.length === 6);
    expect([member.values(), member.of('out-of-range')]).toEqual([numbers(0, 6), []]);
  });

  it('KIP-320: does not take the end of a deposed leader for the end of the log', async () => {
    const cluster = await FakeCluster.start(16, { t: 1 });
    const config = { groupId: 'g', topics: ['t'] };
    store(cluster, 0, numbers(0, 5));
    cluster.move('t', 0, 1);
    store(cluster, 0, numbers(5, 10));
    const first = new Member(cluster, 'm1', config);
    await until(cluster, () => cluster.groups.committed('g', 't', 0) === 10);
    await cluster.world.settle(first.consumer.close());
    // Whoever asks now hears of the old leader, which ends at 5.
    const target = cluster.partition('t', 0);
    const { batches, endOffset } = target;
    Object.assign(target, { leader: 0, leaderEpoch: 0, batches: batches.slice(0, 1), endOffset: 5 });
    const second = new Member(cluster, 'm2', config);
    await until(cluster, () => second.partitions.length === 1);
    await cluster.world.runFor(2000);
    Object.assign(target, { leader: 1, leaderEpoch: 1, batches, endOffset });
    store(cluster, 0, ['next']);
    await until(cluster, () => second.records.length > 0);
    expect([second.values(), second.of('out-of-range')]).toEqual([['next'], []]);
  });

  it('begins with new records when told so, and the start stays where it was found though nothing was read', async () => {
    const cluster = await FakeCluster.start(17, { t: 1 });
    store(cluster, 0, numbers(0, 5));
    const first = new Member(cluster, 'm1', { from: 'latest', autoCommitIntervalMs: null });
    await until(cluster, () => first.partitions.length === 1);
    await until(cluster, () => cluster.groups.committed('g', 't', 0) === 5);
    cluster.world.process('m1')!.kill();
    store(cluster, 0, ['between']);
    const second = new Member(cluster, 'm2', { from: 'latest' });
    await until(cluster, () => second.records.length === 1);
    expect(second.values()).toEqual(['between']);
  });

  it('ends at the end of what was there, having read and committed all of it', async () => {
    const cluster = await FakeCluster.start(18, { t: 3 });
    for (const partition of [0, 1, 2]) store(cluster, partition, numbers(0, 10));
    const member = new Member(cluster, 'm1', { exitAtEnd: true });
    await until(cluster, () => member.isDone);
    expect(member.records).toHaveLength(30);
    await cluster.world.settle(member.consumer.close());
    expect([0, 1, 2].map((partition) => cluster.groups.committed('g', 't', partition))).toEqual([10, 10, 10]);
  });

  it('refuses nonsense, and tells what the group refuses', async () => {
    const cluster = await FakeCluster.start(19, { t: 1 });
    const client = cluster.client();
    const bad = (config: Partial<GroupConsumerConfig>) => () => client.groupConsumer({ groupId: 'g', topics: ['t'], ...config });
    expect(bad({ groupId: '' })).toThrow('groupId is empty');
    expect(bad({ topics: [] })).toThrow('topics is empty');
    expect(bad({ topics: ['..'] })).toThrow('not allowed');
    expect(bad({ heartbeatIntervalMs: 10_000 })).toThrow('below sessionTimeoutMs');
    const member = new Member(cluster, 'm1', { sessionTimeoutMs: 5, heartbeatIntervalMs: 1 });
    await until(cluster, () => member.failure !== null);
    expect(member.failure).toBeInstanceOf(KafkaError);
    expect((member.failure as Error).message).toMatch(/session timeout of 5 ms .*INVALID_SESSION_TIMEOUT/);
    await cluster.world.settle(client.close());
    expect(() => client.groupConsumer({ groupId: 'g', topics: ['t'] })).toThrow('closed');
  });

  it('closes within seconds when nobody answers, and leaves nothing running', async () => {
    const cluster = await FakeCluster.start(20, { t: 1 });
    const member = new Member(cluster, 'm1');
    await until(cluster, () => member.partitions.length === 1);
    for (const id of cluster.brokerIds) cluster.broker(id).freeze();
    const startedAt = cluster.world.nowMs;
    await cluster.world.settle(member.consumer.close());
    expect(cluster.world.nowMs - startedAt).toBeLessThan(6000);
    expect(member.isDone).toBe(true);
  });
});
