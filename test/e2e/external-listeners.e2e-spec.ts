/**
 * Clients outside of the brokers' network. Three brokers whose own addresses lead nowhere from here (host names that cannot be
 * resolved, as those of a cluster's DNS), each with an external listener that is reached through a forwarded port only. What
 * comes in there works, groups and the death of a leader included; what comes in by the inner door does not get far.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Admin, type Consumer, Kafka, logLevel } from 'kafkajs';
import { metadataApi } from '#wire';
import { run, start, yak } from './support/commands.js';
import { isKcatHere } from './support/foreign-tools.js';
import { reserveClusterPorts } from './support/free-ports.js';
import { PortForward } from './support/port-forward.js';
import { RawPeer } from './support/raw-peer.js';
import { type ReadyLine, ServerProcess } from './support/server-process.js';
import { until } from './support/until.js';

const BROKERS = [0, 1, 2];
const folder = mkdtempSync(join(tmpdir(), 'yak-external-'));
const forwards: PortForward[] = [];
const processes = new Map<string, ServerProcess>();
const ready = new Map<number, ReadyLine>();
let coordinator: string;
let reserved: Awaited<ReturnType<typeof reserveClusterPorts>>;
let admin: Admin;
const members: Consumer[] = [];

const set = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);

function startBroker(id: number, external: boolean): ServerProcess {
  const args = ['--id', String(id), '--data', join(folder, `broker-${id}`), '--coordinators', coordinator];
  args.push('--kafka-port', '0', '--tcp-port', '0', '--http-port', '0');
  // What is not said otherwise (replication, the external Nest door) is found at the address that it binds.
  args.push(...set({ 'advertised.kafka.address': 'broker-{id}.invalid:9092', 'advertised.tcp.address': 'broker-{id}.invalid:3125' }));
  if (external) {
    const address = `localhost:${forwards[id]!.port}`;
    args.push(...set({ 'external.kafka.port': '0', 'advertised.external.kafka.address': address, 'external.tcp.port': '0' }));
  }
  const broker = new ServerProcess('broker', args);
  processes.set(`broker-${id}`, broker);
  return broker;
}

const kafkaAt = (...brokers: string[]) =>
  new Kafka({
    clientId: 'outside',
    brokers,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 20, maxRetryTime: 1_000 },
  });
const outside = (id: number) => `localhost:${forwards[id]!.port}`;
const endpoints = async (of: Admin) => (await of.describeCluster()).brokers.map(({ host, port }) => `${host}:${port}`).sort();

/** Metadata as the wire has it: KafkaJS would follow what it is told. */
async function metadataAt(address: string, topic?: string) {
  const peer = await RawPeer.dial(Number(address.split(':')[1]));
  const answer = await peer.ask(metadataApi, 12, { topics: topic === undefined ? [] : [{ name: topic }], allowAutoTopicCreation: false });
  peer.destroy();
  const partitions = answer.topics.flatMap((each) => each.partitions);
  return { brokers: answer.brokers.map(({ host, port }) => `${host}:${port}`).sort(), partitions };
}

beforeAll(async () => {
  for (const _ of BROKERS) forwards.push(await PortForward.open());
  reserved = await reserveClusterPorts();
  const { coordinator: port } = reserved.ports;
  coordinator = `127.0.0.1:${port}`;
  const args = ['--data', join(folder, 'coordinator'), '--tcp-port', String(port), '--http-port', '0', '--brokers', BROKERS.join(',')];
  processes.set('coordinator', new ServerProcess('coordinator', args));
  const brokers = BROKERS.map((id) => startBroker(id, true));
  for (const id of BROKERS) {
    const said = await brokers[id]!.ready();
    ready.set(id, said);
    forwards[id]!.target = said.externalKafka!;
  }
  admin = kafkaAt(outside(0)).admin();
  await admin.connect();
  await until(async () => (await endpoints(admin)).length === BROKERS.length, 20_000, 'three brokers');
  await admin.createTopics({ topics: [{ topic: 'seen', numPartitions: 3, replicationFactor: 3 }], waitForLeaders: true });
}, 60_000);

afterAll(async () => {
  await Promise.all(members.map((each) => each.disconnect()));
  await admin?.disconnect();
  await Promise.all([...processes.values()].map((each) => each.kill()));
  await Promise.all(forwards.map((each) => each.close()));
  reserved?.release();
  rmSync(folder, { recursive: true, force: true });
}, 20_000);

async function member(groupId: string, seen: Set<string>): Promise<Consumer> {
  const consumer = kafkaAt(outside(1)).consumer({ groupId, sessionTimeout: 6_000, heartbeatInterval: 500, maxWaitTimeInMs: 200 });
  members.push(consumer);
  await consumer.connect();
  await consumer.subscribe({ topic: 'seen', fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void seen.add(message.value!.toString()) });
  return consumer;
}

it('who comes in by a forwarded port is told forwarded ports, and who comes in by the inner one is not', async () => {
  expect(await endpoints(admin)).toEqual(BROKERS.map(outside).sort());
  expect((await metadataAt(outside(1))).brokers).toEqual(BROKERS.map(outside).sort());
  expect((await metadataAt(ready.get(1)!.kafka!)).brokers).toEqual(BROKERS.map((id) => `broker-${id}.invalid:9092`));

  const lost = new Kafka({
    clientId: 'lost',
    brokers: [ready.get(0)!.kafka!],
    logLevel: logLevel.NOTHING,
    retry: { retries: 1 },
  }).producer();
  await lost.connect();
  await expect(lost.send({ topic: 'seen', messages: [{ value: 'never' }] })).rejects.toThrow(/broker-\d\.invalid/);
  await lost.disconnect();
}, 60_000);

it('KafkaJS produces and consumes in a group through forwarded ports, also when the leader of a partition dies', async () => {
  const seen = new Set<string>();
  const producer = kafkaAt(outside(2)).producer();
  await producer.connect();
  const send = async (from: number, to: number) => {
    for (let i = from; i < to; i++) await producer.send({ topic: 'seen', acks: -1, messages: [{ partition: i % 3, value: `js${i}` }] });
  };
  const consumer = await member('outside', seen);
  await send(0, 150);
  await until(() => seen.size === 150, 30_000, 'the first 150 messages');
  expect(forwards.every(({ connections }) => connections > 0)).toBe(true);

  const listed = async (id: number) =>
    (await (await fetch(`http://${ready.get(id)!.http}/v1/clients`)).json()) as { clients: { listener: string }[] };
  const listeners = (await Promise.all(BROKERS.map(listed))).flatMap(({ clients }) => clients.map(({ listener }) => listener));
  expect(new Set(listeners)).toEqual(new Set(['external']));

  const { topics } = await admin.fetchTopicMetadata({ topics: ['seen'] });
  const { leader } = topics[0]!.partitions.find(({ partitionId }) => partitionId === 1)!;
  await processes.get(`broker-${leader}`)!.kill();
  await send(150, 300);
  await until(() => seen.size === 300, 40_000, 'the messages after the death of a leader');
  await consumer.disconnect();
  await producer.disconnect();

  const back = startBroker(leader, true);
  const said = await back.ready();
  ready.set(leader, said);
  forwards[leader]!.target = said.externalKafka!;
  await until(async () => (await endpoints(admin)).length === BROKERS.length, 20_000, 'three brokers');
}, 120_000);

it('kcat produces and consumes in a group through forwarded ports; by the inner door nothing arrives', async () => {
  if (!(await isKcatHere())) return;
  const lines = Array.from({ length: 200 }, (_, i) => `kcat ${i}`);
  await run('kcat', ['-b', outside(0), '-q', '-P', '-t', 'by-kcat', '-X', 'acks=all'], { inputText: `${lines.join('\n')}\n` });
  const back = await run('kcat', ['-b', outside(1), '-q', '-G', 'kcats', '-c', '200', '-X', 'auto.offset.reset=earliest', 'by-kcat']);
  expect(back.stdout.trimEnd().split('\n').sort()).toEqual([...lines].sort());
  const { stdout } = await run('kcat', ['-b', outside(2), '-L']);
  expect(BROKERS.every((id) => stdout.includes(`at ${outside(id)}`))).toBe(true);
  expect(stdout).not.toContain('invalid');

  const inner = ['-b', ready.get(0)!.kafka!, '-q', '-P', '-t', 'by-kcat', '-X', 'acks=all', '-X', 'message.timeout.ms=2000'];
  const failed = await start('kcat', inner, { inputText: 'never\n' }).done;
  expect(failed.code).not.toBe(0);
}, 60_000);

it('the external Nest door: yak produces, consumes and describes the cluster, with addresses from outside only', async () => {
  const bootstrap = ready.get(0)!.externalTcp!;
  const lines = Array.from({ length: 100 }, (_, i) => `nest ${i}`);
  await yak(['produce', 'by-yak', '--bootstrap', bootstrap], { inputText: `${lines.join('\n')}\n` });
  const back = await yak(['consume', 'by-yak', '--from-beginning', '--exit-at-end', '--bootstrap', bootstrap]);
  expect(back.stdout.trimEnd().split('\n').sort()).toEqual([...lines].sort());

  const { brokers } = JSON.parse((await yak(['cluster', '--json', '--bootstrap', bootstrap])).stdout) as {
    brokers: { id: number; tcp: string; kafka: string; externalKafka: string }[];
  };
  for (const { id, tcp, kafka, externalKafka } of brokers) {
    expect({ tcp, kafka, externalKafka }).toEqual({ tcp: ready.get(id)!.externalTcp, kafka: outside(id), externalKafka: outside(id) });
  }
}, 60_000);

it('a broker without the external listener is not there for who comes in from outside, and everything else goes on', async () => {
  await processes.get('broker-2')!.kill('SIGTERM');
  const said = await startBroker(2, false).ready();
  expect(said.externalKafka).toBeUndefined();
  ready.set(2, said);
  const inner = ready.get(0)!.kafka!;
  await until(async () => (await metadataAt(inner)).brokers.length === 3, 20_000, 'three brokers');
  expect(await endpoints(admin)).toEqual([0, 1].map(outside).sort());

  const topics = [0, 2].map((id) => ({ topic: `on-${id}`, replicaAssignment: [{ partition: 0, replicas: [id] }] }));
  await admin.createTopics({ topics, waitForLeaders: false });
  await until(async () => (await metadataAt(inner, 'on-2')).partitions[0]?.leaderId === 2, 20_000, 'a leader');
  await until(async () => (await metadataAt(outside(0), 'on-2')).partitions[0]?.errorCode === 72, 20_000, 'error 72 outside');
  expect((await metadataAt(outside(0), 'on-2')).partitions[0]).toMatchObject({ leaderId: -1, offlineReplicas: [2] });
  await yak(['produce', 'on-0', '--bootstrap', ready.get(0)!.externalTcp!], { inputText: 'still here\n' });
}, 60_000);
