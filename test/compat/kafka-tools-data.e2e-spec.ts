/**
 * Apache Kafka's command-line tools (4.3.1) that write and read records, unmodified, each through the death of a broker:
 * console-producer, console-consumer with a group, producer-perf-test, consumer-perf-test, verifiable-producer,
 * verifiable-consumer, e2e-latency.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasKafkaTools } from '../e2e/support/foreign-tools.js';
import { LocalCluster } from '../e2e/support/local-cluster.js';
import { until } from '../e2e/support/until.js';
import { type ClientProcess, killClients } from './support/client-process.js';
import { coordinatorOf } from './support/group-coordinator.js';
import { KafkaTools } from './support/kafka-tools.js';

let cluster: LocalCluster;
let tools: KafkaTools;
let hasTools = false;

beforeAll(async () => {
  hasTools = await hasKafkaTools();
  if (!hasTools) return;
  cluster = await LocalCluster.start();
  tools = new KafkaTools(cluster.kafka);
}, 120_000);

afterEach(killClients, 20_000);
afterAll(() => cluster?.destroy(), 20_000);

const createTopic = (topic: string, partitions = 3) =>
  tools.run('topics', ['--create', '--topic', topic, '--partitions', String(partitions), '--replication-factor', '3']);

const numbers = (from: number, to: number): string => Array.from({ length: to - from }, (_, n) => `k${from + n}:${from + n}\n`).join('');

it('console-producer and console-consumer with a group: brokers die in between, and the next consumer goes on', async () => {
  if (!hasTools) return;
  await createTopic('console');
  const producer = tools.start(
    'console-producer',
    ['--topic', 'console', '--reader-property', 'parse.key=true', '--reader-property', 'key.separator=:'],
    {
      input: 'open',
    },
  );
  const consumerArgs = ['--topic', 'console', '--group', 'reading', '--from-beginning', '--formatter-property', 'print.key=true'];
  const consumer = tools.start('console-consumer', consumerArgs);
  const read = (client: ClientProcess): number => new Set(client.lines).size;

  producer.write(numbers(0, 200));
  await consumer.saw(() => read(consumer) === 200, 30_000, 'the first 200 records');
  const { leader } = await cluster.leaderOf('console', 0);
  let pid = cluster.kill('broker', leader);
  producer.write(numbers(200, 400));
  await consumer.saw(() => read(consumer) === 400, 30_000, 'the records after a leader died');
  await cluster.restarted('broker', leader, pid);

  const coordinator = await coordinatorOf(cluster, 'reading');
  pid = cluster.kill('broker', coordinator);
  producer.write(numbers(400, 600));
  await consumer.saw(() => read(consumer) === 600, 30_000, 'the records after the coordinator of the group died');
  await cluster.restarted('broker', coordinator, pid);
  await consumer.interrupt();

  producer.write(numbers(600, 700));
  producer.endInput();
  await producer.succeeded();
  const next = await tools.start('console-consumer', [...consumerArgs, '--max-messages', '100']).succeeded();
  expect(new Set(next.lines)).toEqual(new Set(Array.from({ length: 100 }, (_, n) => `k${600 + n}\t${600 + n}`)));
}, 120_000);

it('producer-perf-test through the death of a leader, consumer-perf-test, e2e-latency', async () => {
  if (!hasTools) return;
  await createTopic('perf');
  const producer = tools.start('producer-perf-test', [
    ...['--topic', 'perf', '--num-records', '20000', '--record-size', '100', '--throughput', '5000', '--reporting-interval', '500'],
    ...['--command-property', 'acks=all'],
  ]);
  await producer.saw(({ lines }) => lines.some((line) => / records sent, /.test(line)), 30_000, 'its first report');
  const { leader } = await cluster.leaderOf('perf', 0);
  const pid = cluster.kill('broker', leader);
  await producer.succeeded();
  expect(producer.output).toMatch(/^20000 records sent, /m);
  await cluster.restarted('broker', leader, pid);

  const [consumed, latency] = await Promise.all([
    tools.run('consumer-perf-test', ['--topic', 'perf', '--num-records', '20000', '--group', 'measuring', '--hide-header']),
    tools.run('e2e-latency', ['--topic', 'perf-e2e', '--num-records', '200', '--producer-acks', 'all', '--record-size', '100']),
  ]);
  // It stops at the first poll that has as many; a retry of an idempotent producer adds none.
  expect(Number(consumed.trim().split(', ')[4])).toBe(20_000);
  expect(latency).toMatch(/Percentiles: 50th = \d+, 99th = \d+/);
}, 120_000);

interface ToolEvent {
  readonly name: string;
  readonly value?: string;
  readonly partition?: number;
  readonly offset?: number;
  readonly success?: boolean;
  readonly partitions?: readonly unknown[];
}

const events = (client: ClientProcess): ToolEvent[] => client.lines.map((line) => JSON.parse(line) as ToolEvent);
const named = (client: ClientProcess, name: string): ToolEvent[] => events(client).filter((event) => event.name === name);

it('verifiable-producer and two verifiable-consumers: a broker and a member are killed, every acknowledged record is read', async () => {
  if (!hasTools) return;
  await createTopic('verified', 4);
  const consumer = () =>
    tools.start('verifiable-consumer', [
      ...['--topic', 'verified', '--group-id', 'verifying', '--verbose', '--reset-policy', 'earliest', '--session-timeout', '6000'],
    ]);
  const [stays, dies] = [consumer(), consumer()];
  await until(
    () => [stays, dies].every((client) => named(client, 'partitions_assigned').at(-1)?.partitions?.length === 2),
    30_000,
    'both members to have two partitions',
    () => `${stays.tail()}\n${dies.tail()}`,
  );
  // By itself the tool sends everything once (retries=0) and reports what a dying broker did not answer.
  const settings = join(cluster.folder, 'producer.properties');
  writeFileSync(settings, 'retries=2147483647\nenable.idempotence=true\n');
  const producer = tools.start('verifiable-producer', [
    ...['--topic', 'verified', '--max-messages', '8000', '--throughput', '1000', '--acks', '-1', '--command-config', settings],
  ]);
  await producer.saw(({ lines }) => lines.length > 1_000, 30_000, 'the first 1,000 acknowledged');
  const { leader } = await cluster.leaderOf('verified', 0);
  const pid = cluster.kill('broker', leader);
  await producer.saw(({ lines }) => lines.length > 4_000, 30_000, 'half of them acknowledged');
  dies.kill('SIGKILL');
  await producer.succeeded();
  await cluster.restarted('broker', leader, pid);

  const acknowledged = named(producer, 'producer_send_success');
  expect(named(producer, 'producer_send_error')).toEqual([]);
  expect(acknowledged).toHaveLength(8_000);
  const key = ({ partition, offset, value }: ToolEvent): string => `${partition} ${offset} ${value}`;
  const missing = (): string[] => {
    const read = new Set([stays, dies].flatMap((client) => named(client, 'record_data').map(key)));
    return acknowledged.map(key).filter((one) => !read.has(one));
  };
  await until(
    () => missing().length === 0,
    40_000,
    'every acknowledged record to be read',
    () => `missing ${missing().slice(0, 5)}\n${stays.tail()}`,
  );
  const read = [stays, dies].flatMap((client) => named(client, 'record_data'));
  expect(named(stays, 'offsets_committed').at(-1)).toMatchObject({ success: true });
  await stays.interrupt();
  console.log(`${acknowledged.length} acknowledged, ${read.length - new Set(read.map(key)).size} read again, a broker and a member killed`);
}, 150_000);
