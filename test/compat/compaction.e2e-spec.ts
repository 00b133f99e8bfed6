/**
 * A topic with cleanup.policy=compact: it shrinks while its brokers are killed in turn, keeps the newest value of every key and drops
 * what a tombstone deletes. What compaction leaves of a segment is a header without a record: clients have to get over many of those
 * (KafkaJS would ask for the same offset for ever, librdkafka would give up).
 */
import { type Kafka, Partitioners } from 'kafkajs';
import { start } from '../e2e/support/commands.js';
import { isKcatHere } from '../e2e/support/foreign-tools.js';
import { LocalCluster } from '../e2e/support/local-cluster.js';
import { until } from '../e2e/support/until.js';
import { kafkaClient } from './support/fed-topic.js';
import { areSettled } from './support/settled-consumers.js';

const TOPIC = 'compacted';
const KEYS = 50;
const RECORDS = 12_000;
const CONFIGS = {
  'cleanup.policy': 'compact',
  'segment.bytes': '16384',
  'min.cleanable.dirty.ratio': '0.01',
};

let cluster: LocalCluster;
let kafka: Kafka;
/** What a reader from the beginning has to end with. */
const newest = new Map<string, string>();

beforeAll(async () => {
  // The limit makes a cleaning take about a second, so that kills come in the middle of one.
  cluster = await LocalCluster.start({
    args: ['--set', 'log.cleaner.backoff.ms=50', '--set', 'log.cleaner.io.max.bytes.per.second=1000000'],
  });
  kafka = kafkaClient(cluster);
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = Object.entries(CONFIGS).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1, replicationFactor: 3, configEntries }] });
  await admin.disconnect();
}, 60_000);

afterAll(() => cluster?.destroy(), 20_000);

async function write(pairs: readonly (readonly [string, string | null])[]): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  for (let i = 0; i < pairs.length; i += 50) {
    const messages = pairs.slice(i, i + 50).map(([key, value]) => ({ key, value }));
    await producer.send({ topic: TOPIC, acks: -1, messages });
    for (const [key, value] of pairs.slice(i, i + 50)) value === null ? newest.delete(key) : newest.set(key, value);
  }
  await producer.disconnect();
}

/** Everything from the beginning to the record with the key `end`, in order, by KafkaJS. */
async function readWithKafkaJs(groupId: string): Promise<[string, string | null][]> {
  const records: [string, string | null][] = [];
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, heartbeatInterval: 200 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        records.push([String(message.key), message.value === null ? null : String(message.value)]);
      },
    });
    await until(
      () => records.at(-1)?.[0] === 'end',
      20_000,
      'KafkaJS to read to the end',
      () => `it has ${records.length} records`,
    );
    await areSettled(cluster, [consumer], [TOPIC]);
  } finally {
    await consumer.disconnect();
  }
  return records;
}

/** What a table that is filled from `records` holds. */
function tableOf(records: readonly (readonly [string, string | null])[]): Map<string, string> {
  const table = new Map<string, string>();
  for (const [key, value] of records) value === null ? table.delete(key) : table.set(key, value);
  return table;
}

it('a compacted topic shrinks while every broker is killed in turn, and KafkaJS and kcat read what is newest', async () => {
  const filler = 'x'.repeat(60);
  await write(Array.from({ length: RECORDS }, (_, i) => [`k${i % KEYS}`, `${i} ${filler}`] as const));
  await write(Array.from({ length: 10 }, (_, i) => [`k${i}`, null] as const));
  await write([['end', 'the last one']]);
  for (const broker of [0, 1, 2]) {
    const pid = cluster.kill('broker', broker);
    await cluster.restarted('broker', broker, pid);
  }
  let records: [string, string | null][] = [];
  let reads = 0;
  await until(
    async () => {
      records = await readWithKafkaJs(`reader-${reads++}`);
      expect(tableOf(records)).toEqual(newest);
      return records.length < RECORDS / 10;
    },
    40_000,
    'compaction',
    () => `${records.length} records are left`,
  );
  expect(newest.size).toBe(KEYS - 10 + 1);

  if (!(await isKcatHere())) return;
  const args = ['-C', '-b', cluster.kafka, '-t', TOPIC, '-o', 'beginning', '-e', '-q', '-f', '%k\t%S\t%s\n'];
  const { code, stdout, stderr } = await start('kcat', args).done;
  expect([code, stderr]).toEqual([0, '']);
  const read = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t') as [string, string, string]);
  expect(tableOf(read.map(([key, size, value]) => [key, size === '-1' ? null : value]))).toEqual(newest);
}, 120_000);
