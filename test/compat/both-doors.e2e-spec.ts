/**
 * One group with members on both doors: `yak consume --group` on the Nest door beside kcat, Apache Kafka's console-consumer and
 * KafkaJS on the Kafka door. They agree on an assignor, share the partitions, take over from each other, and skip nothing.
 */
import { hasKafkaTools, isKcatHere } from '../e2e/support/foreign-tools.js';
import { LocalCluster } from '../e2e/support/local-cluster.js';
import { until } from '../e2e/support/until.js';
import { assignmentsOf } from './support/assignments.js';
import { type ClientProcess, killClients, yakProcess } from './support/client-process.js';
import { FedTopic, kafkaClient } from './support/fed-topic.js';
import { coordinatorOf } from './support/group-coordinator.js';
import { KafkaTools } from './support/kafka-tools.js';
import { KcatMember } from './support/kcat-member.js';

const PARTITIONS = 6;

let cluster: LocalCluster;
let topic: FedTopic;
let hasTools = false;
let hasKcat = false;

beforeAll(async () => {
  hasKcat = await isKcatHere();
  hasTools = await hasKafkaTools();
  cluster = await LocalCluster.start();
}, 120_000);

afterEach(async () => {
  await killClients();
  await topic?.close();
}, 30_000);

afterAll(() => cluster?.destroy(), 20_000);

/** The value is the last word of a line, whoever printed it. */
const valuesOf = (clients: readonly ClientProcess[]): string[] =>
  clients.flatMap(({ lines }) => lines.map((line) => line.split(/[\s]/).at(-1)!));

const tails = (clients: readonly ClientProcess[]) => (): string => clients.map((client) => client.tail()).join('\n');

function yakMember(groupId: string, name: string): ClientProcess {
  return yakProcess([
    ...['consume', name, '--group', groupId, '--format', '%p %o %v\\n', '--bootstrap', cluster.bootstrap.join(',')],
    ...['--session-timeout-ms', '3000', '--auto-commit-interval-ms', '200'],
  ]);
}

function javaMember(groupId: string, name: string): ClientProcess {
  const settings = ['session.timeout.ms=3000', 'heartbeat.interval.ms=300', 'auto.commit.interval.ms=200'];
  return new KafkaTools(cluster.kafka).start('console-consumer', [
    ...['--topic', name, '--group', groupId, '--from-beginning', '--formatter-property', 'print.partition=true'],
    ...settings.flatMap((one) => ['--command-property', one]),
  ]);
}

/** Until the group is stable with that many members, and each has its share of the partitions. */
async function haveShared(groupId: string, count: number, clients: readonly ClientProcess[]): Promise<string> {
  let protocol = '';
  const isShared = async (): Promise<boolean> => {
    const group = await assignmentsOf(topic.admin, groupId, topic.topic);
    protocol = group.protocol;
    const sizes = group.members.map(({ partitions }) => partitions.length);
    const all = new Set(group.members.flatMap(({ partitions }) => partitions));
    return (
      group.state === 'Stable' && sizes.length === count && sizes.every((size) => size === PARTITIONS / count) && all.size === PARTITIONS
    );
  };
  await until(() => isShared().catch(() => false), 30_000, `${count} members of ${groupId} to share`, tails(clients));
  return protocol;
}

it('yak consume, kcat and the Java console-consumer in one group: shared by range, and nothing is skipped when members and the coordinator die', async () => {
  topic = await FedTopic.create(cluster, 'mixed', PARTITIONS);
  const ours = yakMember('mixing', 'mixed');
  const kcat = hasKcat ? new KcatMember(cluster, 'kcat', 'mixing', 'mixed') : null;
  const java = hasTools ? javaMember('mixing', 'mixed') : null;
  const clients = [ours, kcat, java].filter((client) => client !== null);
  const values = (): string[] => valuesOf(clients);
  expect(await haveShared('mixing', clients.length, clients)).toBe('range');

  await topic.feed(600);
  await topic.wasReadBy(values, 20_000, tails(clients));
  for (const client of clients) expect(client.lines).toHaveLength(600 / clients.length);

  await until(() => topic.isCommittedToTheEnd('mixing'), 20_000, 'the members to commit', tails(clients));
  topic.start();
  const coordinator = await coordinatorOf(cluster, 'mixing');
  const pid = cluster.kill('broker', coordinator);
  await cluster.restarted('broker', coordinator, pid);
  await topic.isInSync();
  kcat?.kill('SIGKILL');
  const beforeJavaDies = topic.acknowledged;
  await until(() => topic.acknowledged > beforeJavaDies + 100, 20_000, 'more to be acknowledged');
  java?.kill('SIGKILL');
  await topic.stop();
  // Only ours is left: it takes over what the others had, from where they had committed.
  await topic.wasReadBy(values, 30_000, tails(clients));
  await haveShared('mixing', 1, clients);

  // What was committed when the coordinator died is not read again (R24).
  expect(values().filter((value) => Number(value) < 600)).toHaveLength(600);

  // And back: one of Kafka's goes on where ours has left.
  await ours.interrupt();
  expect(await topic.isCommittedToTheEnd('mixing')).toBe(true);
  console.log(
    `${topic.acknowledged} acknowledged, ${values().length - new Set(values()).size} read again, two members and a broker killed`,
  );
  if (hasKcat) {
    const next = new KcatMember(cluster, 'next', 'mixing', 'mixed');
    clients.push(next);
    const before = topic.acknowledged;
    await topic.feed(150);
    await topic.wasReadBy(values, 20_000, tails(clients));
    expect(next.values.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 150 }, (_, n) => before + n));
  }
}, 150_000);

it('yak consume and KafkaJS in one group: shared by RoundRobinAssigner, the one name that KafkaJS knows', async () => {
  topic = await FedTopic.create(cluster, 'paired', PARTITIONS);
  const ours = yakMember('pairing', 'paired');
  const read: string[] = [];
  const consumer = kafkaClient(cluster).consumer({
    groupId: 'pairing',
    sessionTimeout: 3_000,
    heartbeatInterval: 300,
    maxWaitTimeInMs: 100,
    retry: { retries: 20 },
  });
  await consumer.connect();
  await consumer.subscribe({ topic: 'paired', fromBeginning: true });
  await consumer.run({ autoCommitInterval: 200, eachMessage: async ({ message }) => void read.push(message.value!.toString()) });
  const values = (): string[] => [...valuesOf([ours]), ...read];
  try {
    expect(await haveShared('pairing', 2, [ours])).toBe('RoundRobinAssigner');
    await topic.feed(600);
    await topic.wasReadBy(values, 20_000, tails([ours]));
    expect([ours.lines.length, read.length]).toEqual([300, 300]);
    ours.kill('SIGKILL');
    await topic.feed(300);
    await topic.wasReadBy(values, 20_000, tails([ours]));
  } finally {
    await consumer.disconnect();
  }
  expect(await topic.isCommittedToTheEnd('pairing')).toBe(true);
  const next = yakMember('pairing', 'paired');
  await topic.feed(150);
  await topic.wasReadBy(() => [...values(), ...valuesOf([next])], 20_000, tails([next]));
  expect(valuesOf([next]).sort()).toEqual(Array.from({ length: 150 }, (_, n) => String(900 + n)).sort());
}, 90_000);
