/**
 * Consumer groups: how long members wait for each other, what a commit costs, and how long a new coordinator loads. Each
 * measurement starts its own cluster of three brokers, and speaks to it over the network as any client does.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GroupConsumer, YakClient } from '#client';
import { OFFSETS_TOPIC } from '#kernel';
import { LocalCluster } from '../test/e2e/support/local-cluster.js';
import { seams } from '../test/e2e/support/seams.js';
import { until } from '../test/e2e/support/until.js';
import { median, newClient, quantile, residentMiB, row } from './measure.js';

const JOINS = 21;
const REBALANCES = 5;
const COMMIT_SECONDS = 5;
const COMMITS_PER_REQUEST = 1_000;
const LOADED_OFFSETS = 1_000_000;
/** Of the test cleaning: every key is committed this often. */
const OVERWRITES = 40;
const OVERWRITTEN_GROUPS = 20;
/** R22: a coordinator that has just started waits a full session before it believes that a broker is dead. */
const BROKER_SESSION_MS = 2_000;

/** Each by its own name too: `npm run bench -- groups-loading`. */
export const GROUP_PARTS = {
  'groups-joins': () => withCluster([], joins),
  'groups-rebalances': () => withCluster([], allRebalances),
  'groups-commits': async () => {
    await withCluster([], (_, client) => commits(client, 'synced'));
    await withCluster(['--set', 'log.flush.policy=interval'], (_, client) => commits(client, 'page cache'));
  },
  'groups-loading': () => withCluster(['--set', 'offsets.topic.num.partitions=1'], loading),
  'groups-cleaning': () => withCluster(['--set', 'log.cleaner.backoff.ms=1000', '--set', 'offsets.topic.segment.bytes=1048576'], cleaning),
};

export async function groups(): Promise<void> {
  for (const measure of Object.values(GROUP_PARTS)) await measure();
}

async function withCluster(args: readonly string[], measure: (cluster: LocalCluster, client: YakClient) => Promise<void>): Promise<void> {
  const cluster = await LocalCluster.start({ args });
  const client = newClient(cluster);
  try {
    await client.admin.createTopics({ topics: [{ name: 'one', partitions: 1, replicationFactor: 3 }] });
    await measure(cluster, client);
  } finally {
    await client.close();
    await cluster.destroy();
  }
}

// ---- joining ----

/** A new group, a new process' connections, one record that waits: from the join to the record. */
async function joins(cluster: LocalCluster, client: YakClient): Promise<void> {
  const producer = client.producer({ acks: -1, lingerMs: 0 });
  await producer.send({ topic: 'one', value: Buffer.from('x') });
  await producer.close();
  const assigned: number[] = [];
  const given: number[] = [];
  for (let i = 0; i < JOINS; i++) {
    const member = newClient(cluster);
    const began = performance.now();
    const consumer = member.groupConsumer({ groupId: `join-${i}`, topics: ['one'] });
    consumer.onEvent((event) => {
      if (event.type === 'assigned') assigned.push(performance.now() - began);
    });
    await consumer[Symbol.asyncIterator]().next();
    given.push(performance.now() - began);
    await consumer.close();
    await member.close();
  }
  row('first join of a new group to its assignment', `first ${assigned[0]!.toFixed(0)} ms, ${spread(assigned)}`);
  row('first join of a new group to its first record', `first ${given[0]!.toFixed(0)} ms, ${spread(given)}`);
}

function spread(times: readonly number[]): string {
  return `median ${median(times).toFixed(0)} ms, worst ${Math.max(...times).toFixed(0)} ms of ${times.length}`;
}

// ---- rebalances ----

/** Members of one group in this process; each with its own connection to the coordinator. */
class Crowd {
  /** Latest generation of each member. */
  private readonly generations = new Map<GroupConsumer, number>();
  readonly members: GroupConsumer[] = [];

  constructor(
    private readonly client: YakClient,
    private readonly groupId: string,
    private readonly heartbeatIntervalMs: number,
  ) {}

  add(): void {
    const { groupId, heartbeatIntervalMs } = this;
    const member = this.client.groupConsumer({ groupId, topics: [groupId], sessionTimeoutMs: 30_000, heartbeatIntervalMs });
    member.onEvent((event) => {
      if (event.type === 'assigned') this.generations.set(member, event.generationId);
    });
    this.members.push(member);
    void drain(member);
  }

  async removeLast(): Promise<void> {
    const member = this.members.pop()!;
    this.generations.delete(member);
    await member.close();
  }

  /** Until every member is in one generation, and that is after `than`. */
  async settled(than: number): Promise<number> {
    const generation = (): number => {
      const known = new Set(this.members.map((member) => this.generations.get(member) ?? -1));
      return known.size === 1 ? [...known][0]! : -1;
    };
    await until(() => generation() > than, 120_000, `${this.members.length} members in one generation`);
    return generation();
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
  }
}

async function drain(member: GroupConsumer): Promise<void> {
  for await (const _records of member);
}

async function allRebalances(cluster: LocalCluster, client: YakClient): Promise<void> {
  for (const members of [10, 100]) {
    // With Kafka's heartbeats, and with quick ones, which show what the coordinator and the members themselves take.
    for (const heartbeatIntervalMs of [3_000, 100]) await rebalances(cluster, client, members, heartbeatIntervalMs);
  }
}

async function rebalances(cluster: LocalCluster, client: YakClient, members: number, heartbeatIntervalMs: number): Promise<void> {
  const name = `crowd-${members}-${heartbeatIntervalMs}`;
  const partitions = 2 * members + 2;
  await client.admin.createTopics({ topics: [{ name, partitions, replicationFactor: 1 }] });
  const crowd = new Crowd(client, name, heartbeatIntervalMs);
  const began = performance.now();
  for (let i = 0; i < members; i++) crowd.add();
  let generation = await crowd.settled(0);
  const startMs = performance.now() - began;
  const times: number[] = [];
  for (let i = 0; i < REBALANCES; i++) {
    const before = performance.now();
    crowd.add();
    generation = await crowd.settled(generation);
    times.push(performance.now() - before);
    await crowd.removeLast();
    generation = await crowd.settled(generation);
  }
  await crowd.close();
  const what = `${members} members, ${partitions} partitions, heartbeats every ${heartbeatIntervalMs} ms`;
  row(`${what}: start together`, `${startMs.toFixed(0)} ms`);
  row(`${what}: one more joins`, spread(times));
  row(
    '  resident memory of the brokers',
    `${cluster.bootstrap.map((_, id) => residentMiB(cluster.pid('broker', id)).toFixed(0)).join(', ')} MiB`,
  );
}

// ---- commits ----

/** Each committer has a group of its own and commits one partition, again as soon as it is answered. */
async function commits(client: YakClient, flush: string): Promise<void> {
  const commit = async (group: number, offset: number): Promise<void> => {
    const { partitions } = await client.admin.groups.commitOffsets(`committer-${group}`, [
      { topic: 'one', partition: 0, offset, leaderEpoch: -1, metadata: null },
    ]);
    if (partitions[0]?.error !== 'NONE') throw new Error(`a commit was answered ${partitions[0]?.error}`);
  };
  for (const committers of [1, 16, 100]) {
    const latencies: number[] = [];
    const run = async (group: number, forMs: number, note: number[] | null): Promise<void> => {
      const end = performance.now() + forMs;
      for (let offset = 0; performance.now() < end; offset++) {
        const began = performance.now();
        await commit(group, offset);
        note?.push(performance.now() - began);
      }
    };
    const all = (forMs: number, note: number[] | null) => Promise.all(Array.from({ length: committers }, (_, i) => run(i, forMs, note)));
    await all(1_000, null);
    await all(COMMIT_SECONDS * 1_000, latencies);
    row(
      `${flush}: commits of ${committers} group${committers > 1 ? 's' : ''}, each one after the other`,
      `${(latencies.length / COMMIT_SECONDS).toFixed(0)}/s, p50 ${quantile(latencies, 0.5).toFixed(1)} ms, p99 ${quantile(latencies, 0.99).toFixed(1)} ms`,
    );
  }
}

// ---- loading ----

async function commitMany(client: YakClient, groupId: string, topic: string, partitions: number, offset: number): Promise<void> {
  for (let from = 0; from < partitions; from += COMMITS_PER_REQUEST) {
    const some = Array.from({ length: Math.min(COMMITS_PER_REQUEST, partitions - from) }, (_, i) => {
      return { topic, partition: from + i, offset, leaderEpoch: -1, metadata: null };
    });
    const { partitions: answers } = await client.admin.groups.commitOffsets(groupId, some);
    const refused = answers.find(({ error }) => error !== 'NONE');
    if (refused) throw new Error(`a commit was answered ${refused.error}`);
  }
}

async function createWideTopic(client: YakClient, name: string, partitions: number): Promise<void> {
  await client.admin.createTopics({ topics: [{ name, partitions, replicationFactor: 1 }] });
  const hasAll = async () =>
    (await client.admin.describeTopics([name]))[0]?.partitions.filter(({ leader }) => leader >= 0).length === partitions;
  await until(hasAll, 60_000, `${partitions} partitions`);
}

/** All groups in one partition of the offsets topic, the worst case: its leader dies, and another broker loads all of it. */
async function loading(cluster: LocalCluster, client: YakClient): Promise<void> {
  await createWideTopic(client, 'wide', COMMITS_PER_REQUEST);
  const groupCount = LOADED_OFFSETS / COMMITS_PER_REQUEST;
  const began = performance.now();
  let next = 0;
  const commitSome = async (): Promise<void> => {
    while (next < groupCount) await commitMany(client, `loaded-${next++}`, 'wide', COMMITS_PER_REQUEST, 7);
  };
  await Promise.all([1, 2, 3, 4].map(commitSome));
  const writtenMs = performance.now() - began;
  row(`${LOADED_OFFSETS} offsets of ${groupCount} groups: to commit them`, `${(writtenMs / 1000).toFixed(1)} s`);
  row('  size of the offsets topic, one replica', `${mebibytes(offsetsBytes(cluster, 0))} MiB`);

  await sleep(2 * BROKER_SESSION_MS);
  const { coordinatorId } = (await client.admin.groups.describe(['loaded-0']))[0]!;
  const elected = new Promise<number>((resolve) => {
    const from = cluster.events.length;
    const isElected = () =>
      cluster.events
        .slice(from)
        .some((event) => event.event === 'leader' && event.topic === OFFSETS_TOPIC && event.leader !== coordinatorId && event.leader >= 0);
    void cluster.waitFor(isElected, 30_000, 'a new leader of the offsets').then(() => resolve(performance.now()));
  });
  const killedAt = performance.now();
  cluster.kill('broker', coordinatorId);
  const electedAt = await elected;
  // A client of its own: it asks again sooner than others do, and waits for nothing that was asked of the dead.
  const asker = new YakClient({ bootstrap: cluster.bootstrap, retryBackoffMs: 10, retryBackoffMaxMs: 20 }, seams);
  const { partitions } = await asker.admin.groups.fetchOffsets('loaded-0', [{ topic: 'wide', partition: 999 }]);
  const answeredAt = performance.now();
  await asker.close();
  if (partitions[0]?.offset !== 7) throw new Error(`the new coordinator answered ${partitions[0]?.offset}`);
  row('  its leader is killed: to the election of another', `${(electedAt - killedAt).toFixed(0)} ms`);
  row('  from there to the first answer about an offset: loading', `${(answeredAt - electedAt).toFixed(0)} ms`);
  const { coordinatorId: newId } = (await client.admin.groups.describe(['loaded-0']))[0]!;
  row('  resident memory of the new coordinator', `${residentMiB(cluster.pid('broker', newId)).toFixed(0)} MiB`);
}

// ---- cleaning ----

/** Few keys, committed over and over: what the cleaner leaves of them. */
async function cleaning(cluster: LocalCluster, client: YakClient): Promise<void> {
  await createWideTopic(client, 'wide', COMMITS_PER_REQUEST);
  let largest = 0;
  const look = (): number => {
    const bytes = offsetsBytes(cluster, 0);
    largest = Math.max(largest, bytes);
    return bytes;
  };
  for (let round = 0; round < OVERWRITES; round++) {
    const groupNumbers = Array.from({ length: OVERWRITTEN_GROUPS }, (_, i) => i);
    await Promise.all(groupNumbers.map((i) => commitMany(client, `cleaned-${i}`, 'wide', COMMITS_PER_REQUEST, round)));
    look();
  }
  const written = OVERWRITES * OVERWRITTEN_GROUPS * COMMITS_PER_REQUEST;
  row(`${written} commits of ${OVERWRITTEN_GROUPS * COMMITS_PER_REQUEST} offsets: largest size seen`, `${mebibytes(largest)} MiB`);
  const began = performance.now();
  let smallest = look();
  let smallestAt = performance.now();
  await until(
    () => {
      const bytes = look();
      if (bytes < smallest) {
        smallest = bytes;
        smallestAt = performance.now();
      }
      return performance.now() - smallestAt > 10_000;
    },
    180_000,
    'the cleaner to have nothing more to do',
  );
  row('  once the cleaner rests', `${mebibytes(smallest)} MiB, ${((smallestAt - began) / 1000).toFixed(1)} s after the last commit`);
}

/** Of all partitions on one broker, indexes included. */
function offsetsBytes(cluster: LocalCluster, brokerId: number): number {
  const data = join(cluster.data, `broker-${brokerId}`);
  let bytes = 0;
  for (const folder of readdirSync(data).filter((name) => name.startsWith(`${OFFSETS_TOPIC}-`))) {
    for (const file of readdirSync(join(data, folder))) {
      // Deleted since the folder was read.
      bytes += statSync(join(data, folder, file), { throwIfNoEntry: false })?.size ?? 0;
    }
  }
  return bytes;
}

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}
