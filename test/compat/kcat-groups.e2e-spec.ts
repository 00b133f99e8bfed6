/**
 * kcat (librdkafka) in group mode: members share, one is killed, brokers are killed, a member that comes back goes on where the
 * group had committed; nothing that was acknowledged is skipped.
 */
import { isKcatHere } from '../e2e/support/foreign-tools.js';
import { LocalCluster } from '../e2e/support/local-cluster.js';
import { until } from '../e2e/support/until.js';
import { killClients } from './support/client-process.js';
import { FedTopic } from './support/fed-topic.js';
import { coordinatorOf } from './support/group-coordinator.js';
import { KcatMember } from './support/kcat-member.js';

const PARTITIONS = 6;

let cluster: LocalCluster;
let topic: FedTopic;
let hasKcat = false;

beforeAll(async () => {
  hasKcat = await isKcatHere();
  if (hasKcat) cluster = await LocalCluster.start();
}, 60_000);

afterEach(async () => {
  await killClients();
  await topic?.close();
}, 30_000);

afterAll(() => cluster?.destroy(), 20_000);

/** Until together they have all partitions, each of them its part. */
async function haveShared(members: readonly KcatMember[], parts: readonly number[]): Promise<void> {
  const isShared = (): boolean =>
    members.every((member, n) => member.partitions.length === parts[n]) &&
    new Set(members.flatMap((member) => member.partitions)).size === PARTITIONS;
  await until(isShared, 20_000, `${members.map(({ name }) => name)} to share`, () => members.map((member) => member.tail()).join('\n'));
}

it('two members share; one is killed and the other takes over; a third goes on where they had committed', async () => {
  if (!hasKcat) return;
  topic = await FedTopic.create(cluster, 'shared', PARTITIONS);
  const first = new KcatMember(cluster, 'first', 'sharing', 'shared');
  const second = new KcatMember(cluster, 'second', 'sharing', 'shared');
  await haveShared([first, second], [3, 3]);
  await topic.feed(600);
  await topic.wasReadBy(() => [...first.values, ...second.values], 20_000);
  expect(first.values).toHaveLength(300);
  expect(second.values).toHaveLength(300);

  second.kill('SIGKILL');
  await topic.feed(600);
  await topic.wasReadBy(
    () => [...first.values, ...second.values],
    20_000,
    () => first.tail(),
  );
  expect(first.partitions).toHaveLength(PARTITIONS);

  await first.interrupt();
  expect(await topic.isCommittedToTheEnd('sharing')).toBe(true);
  const third = new KcatMember(cluster, 'third', 'sharing', 'shared');
  await topic.feed(150);
  await topic.wasReadBy(
    () => [...first.values, ...second.values, ...third.values],
    20_000,
    () => third.tail(),
  );
  expect(third.values.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 150 }, (_, n) => 1_200 + n));
}, 90_000);

it('the coordinator of the group is killed, then every other broker in turn, while records keep coming', async () => {
  if (!hasKcat) return;
  topic = await FedTopic.create(cluster, 'stormy', PARTITIONS);
  const members = ['first', 'second'].map((name) => new KcatMember(cluster, name, 'weathering', 'stormy'));
  const values = (): string[] => members.flatMap((member) => member.values);
  const seen = (): string => members.map((member) => member.tail()).join('\n');
  await haveShared(members, [3, 3]);
  await topic.feed(300);
  await until(() => topic.isCommittedToTheEnd('weathering'), 20_000, 'the members to commit', seen);
  topic.start();
  const coordinator = await coordinatorOf(cluster, 'weathering');
  for (const broker of [coordinator, ...[0, 1, 2].filter((id) => id !== coordinator)]) {
    const pid = cluster.kill('broker', broker);
    const before = topic.acknowledged;
    await until(() => topic.acknowledged > before + 100, 30_000, `records to be acknowledged without broker ${broker}`);
    await topic.wasReadBy(values, 30_000, seen);
    await cluster.restarted('broker', broker, pid);
    await topic.isInSync();
  }
  await topic.stop();
  await topic.wasReadBy(values, 30_000, seen);
  // What was committed before the first death is not read again (R24).
  expect(values().filter((value) => Number(value) < 300)).toHaveLength(300);
  // The one that leaves first commits and hands over; what both read is then committed to the end.
  for (const member of members) await member.interrupt();
  expect(await topic.isCommittedToTheEnd('weathering')).toBe(true);
  console.log(`${topic.acknowledged} acknowledged, ${values().length - new Set(values()).size} read again, 3 brokers killed`);
}, 150_000);

it('static members: one is killed and comes back within its session, and nobody rebalances', async () => {
  if (!hasKcat) return;
  topic = await FedTopic.create(cluster, 'static', PARTITIONS);
  const member = (name: string, instanceId: string): KcatMember =>
    new KcatMember(cluster, name, 'resting', 'static', [`group.instance.id=${instanceId}`, 'session.timeout.ms=15000']);
  const stays = member('stays', 'a');
  const goes = member('goes', 'b');
  await haveShared([stays, goes], [3, 3]);
  await topic.feed(300);
  await topic.wasReadBy(() => [...stays.values, ...goes.values], 20_000);
  const rebalances = (): number => stays.errorLines.filter((line) => line.includes('rebalanced')).length;
  const rebalancesBefore = rebalances();

  goes.kill('SIGKILL');
  await goes.done;
  await topic.feed(300);
  const back = member('back', 'b');
  await topic.wasReadBy(
    () => [...stays.values, ...goes.values, ...back.values],
    20_000,
    () => back.tail(),
  );
  expect(back.partitions).toEqual(goes.partitions);
  expect(rebalances()).toBe(rebalancesBefore);
}, 60_000);

it('cooperative-sticky: a member joins one that reads, then is left alone', async () => {
  if (!hasKcat) return;
  topic = await FedTopic.create(cluster, 'sticky', PARTITIONS);
  const member = (name: string): KcatMember =>
    new KcatMember(cluster, name, 'cooperating', 'sticky', ['partition.assignment.strategy=cooperative-sticky']);
  const first = member('first');
  await topic.feed(300);
  await topic.wasReadBy(() => first.values, 20_000);
  const second = member('second');
  const values = (): string[] => [...first.values, ...second.values];
  const tails = (): string => [first.tail(), second.tail()].join('\n');
  const feedUntilSecondReads = async (): Promise<boolean> => {
    await topic.feed(150);
    return second.values.length > 0;
  };
  await until(feedUntilSecondReads, 20_000, 'the second member to read', tails);
  await topic.wasReadBy(values, 20_000, tails);
  first.kill('SIGKILL');
  await topic.feed(300);
  await topic.wasReadBy(values, 20_000, tails);
}, 60_000);
