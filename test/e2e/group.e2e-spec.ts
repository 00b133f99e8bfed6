/**
 * Groups as users run them, `yak consume --group` in processes, while members and brokers are killed. The judge: every
 * acknowledged record was printed by some member, no commit was ever undone, and at the end the group has committed everything.
 * Records that were printed twice are allowed, counted and printed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { YakClient } from '#client';
import { yak } from './support/commands.js';
import { MemberProcess, PrintedRecords } from './support/group-members.js';
import { GroupWatch } from './support/group-watch.js';
import { LocalCluster } from './support/local-cluster.js';
import { seams } from './support/seams.js';
import { until } from './support/until.js';

const PARTITIONS = 6;
const RECORDS_PER_TURN = 10;
const TURN_MS = 20;
const BROKER_SESSION_MS = 2_000;
const FIRST_RECORD_AIM_MS = 300;
const SETTLED_AIM_MS = 3_000;

let cluster: LocalCluster;
let client: YakClient;

function newClient(): YakClient {
  return new YakClient({ bootstrap: [...cluster.bootstrap, `127.0.0.1:${cluster.ports.coordinator}`] }, seams);
}

beforeAll(async () => {
  cluster = await LocalCluster.start();
  client = newClient();
}, 60_000);

afterAll(async () => {
  await client?.close();
  await cluster?.destroy();
}, 20_000);

async function createTopic(name: string, partitions: number): Promise<void> {
  await yak(['topic', 'create', name, '--partitions', String(partitions), '--bootstrap', cluster.bootstrap[0]!]);
}

async function allInSync(topic: string): Promise<void> {
  const isWhole = async (): Promise<boolean> => {
    const topics = await client.admin.describeTopics([topic, '__consumer_offsets']);
    return topics.length === 2 && topics.every(({ partitions }) => partitions.every(({ isr }) => isr.length === cluster.brokerCount));
  };
  await until(isWhole, 30_000, 'every replica to be in sync');
}

async function describeGroup(groupId: string) {
  return (await client.admin.groups.describe([groupId]))[0]!;
}

/** Numbered records at a steady rate over all partitions, until stopped. */
class SteadyProducer {
  /** partition:offset of what was acknowledged, to its value. */
  readonly acknowledged = new Map<string, string>();
  readonly failures: string[] = [];
  private isOver = false;
  private readonly done: Promise<void>;

  constructor(private readonly topic: string) {
    this.done = this.run();
  }

  private async run(): Promise<void> {
    const producer = client.producer({ acks: -1 });
    for (let number = 0; !this.isOver; ) {
      for (let i = 0; i < RECORDS_PER_TURN; i++, number++) {
        const value = String(number);
        producer.send({ topic: this.topic, partition: number % PARTITIONS, value: Buffer.from(value) }).then(
          ({ partition, offset }) => this.acknowledged.set(`${partition}:${offset}`, value),
          (error) => this.failures.push(`${value}: ${String(error)}`),
        );
      }
      await sleep(TURN_MS);
    }
    await producer.close();
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.done;
  }
}

interface Faults {
  readonly forMs: number;
  readonly memberEveryMs: number;
}

/** Kills members and brokers, each in turn, for a while; answers how many brokers died. */
async function killAll(members: readonly MemberProcess[], topic: string, faults: Faults): Promise<number> {
  let end = performance.now() + faults.forMs;
  let brokerDeaths = 0;
  const killMembers = async (): Promise<void> => {
    for (let turn = 0; ; turn++) {
      await sleep(faults.memberEveryMs);
      if (performance.now() > end) return;
      await members[turn % members.length]!.replace();
    }
  };
  const killBrokers = async (): Promise<void> => {
    while (performance.now() < end) {
      const id = brokerDeaths % cluster.brokerCount;
      const pid = cluster.kill('broker', id);
      brokerDeaths++;
      await cluster.servesAgain('broker', id, pid);
      await allInSync(topic);
      // The quick path fences at most half of the brokers per session (R22): each death here stands alone.
      await sleep(2 * BROKER_SESSION_MS);
    }
  };
  const endAll = (error: unknown): never => {
    end = 0;
    throw error;
  };
  await Promise.all([killMembers().catch(endAll), killBrokers().catch(endAll)]);
  return brokerDeaths;
}

interface Outcome {
  readonly producer: SteadyProducer;
  readonly printed: PrintedRecords;
  readonly watch: GroupWatch;
  readonly brokerDeaths: number;
  readonly memberDeaths: number;
}

/** The whole run: members join, records flow, everything dies in turn, the members drain what is left and are stopped. */
async function runUnderFaults(topic: string, memberArgs: (index: number) => string[], faults: Faults): Promise<Outcome> {
  await createTopic(topic, PARTITIONS);
  const printed = new PrintedRecords();
  const common = ['--group', topic, '--bootstrap', cluster.bootstrap.join(','), '--auto-commit-interval-ms', '300'];
  const members = [0, 1, 2].map((index) => new MemberProcess([topic, ...common, ...memberArgs(index)], printed));
  let watch: GroupWatch | null = null;
  try {
    for (const member of members) member.start();
    await until(async () => isWhole(await describeGroup(topic), members.length), 20_000, 'three members in one generation');
    await allInSync(topic);
    watch = new GroupWatch(client, topic);
    const producer = new SteadyProducer(topic);
    await until(() => printed.values.size > 0, 20_000, 'the first record');
    printed.begin();

    const brokerDeaths = await killAll(members, topic, faults);
    await producer.stop();
    printed.end();
    await until(() => hasCommittedAll(topic), 60_000, 'the group to commit everything');
    await watch.look();
    await watch.stop();
    const lives = members.reduce((sum, one) => sum + one.lives, 0);
    for (const member of members) {
      const { code, stderr } = await member.stop();
      if (code !== 130) throw new Error(`a member ended with ${code}: ${stderr}`);
    }
    return { producer, printed, watch, brokerDeaths, memberDeaths: lives - members.length };
  } catch (error) {
    await Promise.all(members.map((one) => one.kill()));
    console.log(members.map((member, index) => `--- member ${index}\n${member.complaints}`).join('\n'));
    throw error;
  } finally {
    await Promise.all(members.map((one) => one.kill()));
    await watch?.stop();
  }
}

function isWhole(group: { readonly state: string; readonly members: readonly unknown[] }, members: number): boolean {
  return group.state === 'Stable' && group.members.length === members;
}

async function hasCommittedAll(groupId: string): Promise<boolean> {
  const progress = await client.admin.groups.progress(groupId);
  return progress.length === PARTITIONS && progress.every(({ lagRecords }) => lagRecords === 0);
}

function tell(name: string, { producer, printed, watch, brokerDeaths, memberDeaths }: Outcome): void {
  const generations = watch.stableGenerations;
  console.log(
    [
      `${name}: ${producer.acknowledged.size} records acknowledged, ${printed.values.size} printed, ${printed.reReads} of them again`,
      `${memberDeaths} deaths of members, ${brokerDeaths} of brokers`,
      `${watch.rebalances.size} rebalances, generations ${generations[0]} to ${generations.at(-1)}`,
      `longest pause of a partition ${(printed.longestPauseMs / 1000).toFixed(1)} s`,
      `${watch.looks} looks at the group, ${watch.unanswered} not answered`,
    ].join('; '),
  );
}

async function expectNothingLost(topic: string, { producer, printed, watch }: Outcome): Promise<void> {
  expect(producer.failures).toEqual([]);
  expect(producer.acknowledged.size).toBeGreaterThan(1_000);
  const skipped = [...producer.acknowledged].filter(([key, value]) => printed.values.get(key) !== value);
  expect({ skipped: skipped.length, first: skipped.slice(0, 5) }).toEqual({ skipped: 0, first: [] });
  expect(printed.contradictions).toEqual([]);
  expect(watch.undone).toEqual([]);

  const { stdout } = await yak(['group', 'describe', topic, '--json', '--bootstrap', cluster.bootstrap.join(',')]);
  const { partitions } = JSON.parse(stdout) as { partitions: { committedOffset: number; endOffset: number }[] };
  expect(partitions).toHaveLength(PARTITIONS);
  for (const { committedOffset, endOffset } of partitions) expect(committedOffset).toBe(endOffset);
}

it('a first join on a quiet cluster is given its first record at once', async () => {
  await createTopic('first', 1);
  const producer = client.producer({ acks: -1, lingerMs: 0 });
  await producer.send({ topic: 'first', value: Buffer.from('x') });
  await producer.close();
  const member = newClient();
  const began = performance.now();
  const consumer = member.groupConsumer({ groupId: 'first', topics: ['first'] });
  const { value } = await consumer[Symbol.asyncIterator]().next();
  const tookMs = performance.now() - began;
  await consumer.close();
  await member.close();
  console.log(`first join to first record: ${tookMs.toFixed(0)} ms (aim ${FIRST_RECORD_AIM_MS} ms)`);
  expect(value?.[0]?.value?.toString()).toBe('x');
  expect(tookMs).toBeLessThan(10 * FIRST_RECORD_AIM_MS);
}, 30_000);

it('R24: the coordinator of a group dies while its members join: the group settles at the next one', async () => {
  await createTopic('settle', PARTITIONS);
  const clients = [newClient(), newClient(), newClient()];
  try {
    const generations = new Map<number, number>();
    const taken = new Set<string>();
    let giveBack = (): void => {};
    const isGivenBack = new Promise<void>((resolve) => {
      giveBack = resolve;
    });
    const join = (index: number): void => {
      const consumer = clients[index]!.groupConsumer({ groupId: 'settle', topics: ['settle'] });
      consumer.onEvent((event) => {
        if (event.type === 'assigned') generations.set(index, event.generationId);
        // The first member holds the rebalance open for as long as it does not give its partitions back.
        return event.type === 'revoking' && index === 0 ? isGivenBack : undefined;
      });
      void (async () => {
        for await (const records of consumer) for (const { value } of records) taken.add(String(value));
      })();
    };
    join(0);
    await until(async () => isWhole(await describeGroup('settle'), 1), 20_000, 'the first member');
    await allInSync('settle');
    await sleep(BROKER_SESSION_MS);
    generations.clear();
    join(1);
    join(2);
    await until(async () => (await describeGroup('settle')).state === 'PreparingRebalance', 20_000, 'the join phase');

    const { coordinatorId, state } = await describeGroup('settle');
    expect(state).toBe('PreparingRebalance');
    cluster.kill('broker', coordinatorId);
    const began = performance.now();
    giveBack();
    await until(() => generations.size === 3 && new Set(generations.values()).size === 1, 30_000, 'all three in one generation');
    const tookMs = performance.now() - began;
    console.log(`death of the coordinator in the join phase to the next generation: ${tookMs.toFixed(0)} ms (aim ${SETTLED_AIM_MS} ms)`);
    const group = await describeGroup('settle');
    expect(group.coordinatorId).not.toBe(coordinatorId);
    expect(isWhole(group, 3)).toBe(true);
    expect(tookMs).toBeLessThan(3 * SETTLED_AIM_MS);

    const producer = client.producer({ acks: -1, lingerMs: 0 });
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await producer.send({ topic: 'settle', partition, value: Buffer.from(String(partition)) });
    }
    await producer.close();
    await until(() => taken.size === PARTITIONS, 20_000, 'the record of every partition');
  } finally {
    await Promise.all(clients.map((one) => one.close()));
  }
}, 90_000);

it('R24: members and brokers are killed in turn: no acknowledged record is skipped, no commit undone', async () => {
  const outcome = await runUnderFaults('work', () => ['--session-timeout-ms', '3000'], { forMs: 60_000, memberEveryMs: 5_000 });
  tell('members that join anew', outcome);
  await expectNothingLost('work', outcome);
  expect(outcome.memberDeaths).toBeGreaterThanOrEqual(6);
  expect(outcome.brokerDeaths).toBeGreaterThanOrEqual(3);
  expect(outcome.watch.rebalances.size).toBeGreaterThanOrEqual(6);
}, 180_000);

it('R24: static members that come back within their session: the same generation from the start to the end', async () => {
  const memberArgs = (index: number): string[] => ['--instance-id', `worker-${index}`, '--session-timeout-ms', '10000'];
  const outcome = await runUnderFaults('static', memberArgs, { forMs: 45_000, memberEveryMs: 4_000 });
  tell('static members', outcome);
  await expectNothingLost('static', outcome);
  expect(outcome.memberDeaths).toBeGreaterThanOrEqual(6);
  expect(outcome.brokerDeaths).toBeGreaterThanOrEqual(3);
  expect(outcome.watch.stableGenerations).toHaveLength(1);
  const { stdout } = await yak(['group', 'why', 'static', '--json', '--bootstrap', cluster.bootstrap.join(',')]);
  const { rebalances } = JSON.parse(stdout) as { rebalances: { generationId: number }[] };
  expect(rebalances.at(-1)!.generationId).toBe(outcome.watch.stableGenerations[0]);
}, 180_000);
