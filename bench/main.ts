/**
 * Where we stand, measured and printed, never asserted: `npm run bench -- [start-up] [memory] [produce] [groups]` (default: all).
 * With KAFKA_TOOLS set to a script that runs Apache Kafka's command-line tools (`$KAFKA_TOOLS producer-perf-test …`), produce
 * is driven by Kafka's own load generator as well. Machines differ and are noisy: compare ratios within one run.
 */
import { spawn } from 'node:child_process';
import { LocalCluster } from '../test/e2e/support/local-cluster.js';
import { seams } from '../test/e2e/support/seams.js';
import { GROUP_PARTS, groups } from './groups.js';
import { limitedMemory } from './limited-memory.js';
import { cpuSeconds, median, newClient, residentMiB, row } from './measure.js';

const RUNS = 5;
const RECORD_BYTES = 1024;
const RECORDS = 300_000;

/** From starting `yak up` on an empty folder to the first record acknowledged by all in-sync replicas. */
async function startUp(): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const began = performance.now();
    const cluster = await LocalCluster.start();
    const client = newClient(cluster);
    const producer = client.producer({ acks: -1, lingerMs: 0, allowAutoTopicCreation: true });
    await producer.send({ topic: 'first', value: Buffer.from('x') });
    times.push(performance.now() - began);
    await producer.close();
    await client.close();
    await cluster.destroy();
  }
  row('start to the first acknowledged record, 3 brokers', `median ${median(times).toFixed(0)} ms of ${RUNS}`);
}

async function memory(): Promise<void> {
  const cluster = await LocalCluster.start();
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  const brokers = [0, 1, 2].map((id) => residentMiB(cluster.pid('broker', id)));
  row('resident memory of an idle broker, after 15 s', `${brokers.map((mib) => mib.toFixed(0)).join(', ')} MiB`);
  row('resident memory of an idle coordinator', `${residentMiB(cluster.pid('coordinator', 0)).toFixed(0)} MiB`);
  await cluster.destroy();
}

async function produce(): Promise<void> {
  for (const brokers of [1, 3]) {
    for (const flush of ['commit', 'interval']) {
      const cluster = await LocalCluster.start({ brokers, args: ['--set', `log.flush.policy=${flush}`] });
      const client = newClient(cluster);
      await client.admin.createTopics({ topics: [{ name: 'load', partitions: 6, replicationFactor: brokers }] });
      const pids = Array.from({ length: brokers }, (_, id) => cluster.pid('broker', id));
      const cpu = (): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
      const name = `${brokers} broker${brokers > 1 ? 's' : ''}, ${flush}, acks=all, 1 KiB records, 16 KiB batches`;

      const before = cpu();
      const producer = client.producer({ acks: -1, batchBytes: 16 * 1024, lingerMs: 5 });
      const value = seams.random.bytes(RECORD_BYTES);
      const began = performance.now();
      for (let i = 0; i < RECORDS; i++) {
        await producer.ready();
        producer.append({ topic: 'load', value });
      }
      await producer.flush();
      const seconds = (performance.now() - began) / 1000;
      await producer.close();
      const gigabytes = (RECORDS * RECORD_BYTES) / 1e9;
      row(
        `own client, ${name}`,
        `${((gigabytes * 1000) / seconds).toFixed(0)} MB/s, ${((cpu() - before) / gigabytes).toFixed(1)} CPU s/GB`,
      );

      if (process.env['KAFKA_TOOLS']) {
        await perfTest(cluster);
        const middle = cpu();
        const line = await perfTest(cluster);
        row(`Kafka's producer-perf-test, ${name}`, `${line}, ${((cpu() - middle) / gigabytes).toFixed(1)} CPU s/GB`);
      }
      await client.close();
      await cluster.destroy();
    }
  }
}

function perfTest(cluster: LocalCluster): Promise<string> {
  const args = [
    'producer-perf-test',
    '--topic',
    'load',
    '--num-records',
    String(RECORDS),
    '--record-size',
    String(RECORD_BYTES),
    '--throughput',
    '-1',
  ];
  args.push('--producer-props', `bootstrap.servers=${cluster.kafka}`, 'acks=all', 'batch.size=16384', 'linger.ms=5');
  const child = spawn(process.env['KAFKA_TOOLS']!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  return new Promise((resolve) =>
    child.once('close', () => resolve(/\(([\d.]+ MB\/sec)\)(?![\s\S]*MB\/sec)/.exec(output)?.[1] ?? 'no figure')),
  );
}

const ALL = { 'start-up': startUp, memory, 'memory-limit': limitedMemory, produce, groups };
const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(ALL)) {
  const measure = { ...ALL, ...GROUP_PARTS }[name as keyof typeof ALL];
  if (!measure) throw new Error(`unknown measurement ${name}: choose from ${Object.keys(ALL).join(', ')}`);
  await measure();
}
