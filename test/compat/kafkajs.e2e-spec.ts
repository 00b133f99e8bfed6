/**
 * KafkaJS 2.2.4 as it comes from npm, against a real cluster: producer, idempotent producer, a group of two members with one of
 * them, then a leader and then its coordinator gone, and the admin client.
 */
import { type Admin, ConfigResourceTypes, type Consumer, Kafka, logLevel, type Producer } from 'kafkajs';
import { LocalCluster } from '../e2e/support/local-cluster.js';
import { until } from '../e2e/support/until.js';
import { coordinatorOf } from './support/group-coordinator.js';
import { areSettled } from './support/settled-consumers.js';

let cluster: LocalCluster;
let kafka: Kafka;
let admin: Admin;

beforeAll(async () => {
  cluster = await LocalCluster.start();
  kafka = new Kafka({
    clientId: 'compat',
    brokers: cluster.kafka.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 20, maxRetryTime: 1_000 },
  });
  admin = kafka.admin();
  await admin.connect();
}, 60_000);

afterAll(async () => {
  await admin?.disconnect();
  await cluster?.destroy();
}, 30_000);

async function createTopic(topic: string, numPartitions = 3): Promise<void> {
  await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 3 }], waitForLeaders: true });
}

/** Restarts everything that was killed, so that each test begins with three brokers. */
async function kill(broker: number): Promise<() => Promise<void>> {
  const pid = cluster.kill('broker', broker);
  return () => cluster.restarted('broker', broker, pid);
}

/**
 * One partition per `send`, in turn: KafkaJS 2.2.4 takes a `send` over several partitions for done when the leader of one of
 * them moves to a broker that had answered for another one, and has not sent that part (its sendMessages keeps answers per broker).
 */
async function send(producer: Producer, topic: string, from: number, to: number, partitions = 3): Promise<void> {
  for (let i = from; i < to; i += 50) {
    const partition = (i / 50) % partitions;
    const messages = Array.from({ length: Math.min(50, to - i) }, (_, k) => ({ partition, key: `k${i + k}`, value: String(i + k) }));
    await producer.send({ topic, acks: -1, messages });
  }
}

/** A member that notes what it got, by value. */
async function member(groupId: string, topic: string, seen: Map<string, number>): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6_000, heartbeatInterval: 500, maxWaitTimeInMs: 200, retry: { retries: 20 } });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 200,
    eachMessage: async ({ message }) => {
      const value = message.value!.toString();
      seen.set(value, (seen.get(value) ?? 0) + 1);
    },
  });
  return consumer;
}

it('producer and group consumer: two members share, one leaves, a leader and the coordinator die, nothing is skipped, a third goes on', async () => {
  await createTopic('shared');
  const producer = kafka.producer();
  await producer.connect();
  const seen = new Map<string, number>();
  const first = await member('sharing', 'shared', seen);
  const second = await member('sharing', 'shared', seen);
  await send(producer, 'shared', 0, 1_000);
  await until(() => seen.size === 1_000, 30_000, 'the first 1,000 messages');
  const { groups } = await admin.describeGroups(['sharing']);
  expect(groups[0]).toMatchObject({ state: 'Stable', protocolType: 'consumer', protocol: 'RoundRobinAssigner' });
  expect(groups[0]!.members).toHaveLength(2);

  await second.disconnect();
  await send(producer, 'shared', 1_000, 1_500);
  await until(() => seen.size === 1_500, 30_000, 'the messages after one member left');

  const { leader } = await cluster.leaderOf('shared', 0);
  const back = await kill(leader);
  await send(producer, 'shared', 1_500, 2_000);
  await until(() => seen.size === 2_000, 40_000, 'the messages after a broker died');
  await back();
  const backAgain = await kill(await coordinatorOf(cluster, 'sharing'));
  await send(producer, 'shared', 2_000, 2_500);
  await until(() => seen.size === 2_500, 40_000, 'the messages after the coordinator of the group died');
  await backAgain();
  await areSettled(cluster, [first], ['shared']);
  await first.disconnect();

  const offsets = await admin.fetchOffsets({ groupId: 'sharing', topics: ['shared'] });
  const committed = offsets[0]!.partitions.reduce((sum, { offset }) => sum + Number(offset), 0);
  const ends = await admin.fetchTopicOffsets('shared');
  expect(committed).toBe(ends.reduce((sum, { high }) => sum + Number(high), 0));

  const rest = new Map<string, number>();
  const third = await member('sharing', 'shared', rest);
  await send(producer, 'shared', 2_500, 2_650);
  await until(() => rest.size >= 150, 30_000, 'the messages for the third member');
  expect([...rest.keys()].every((value) => Number(value) >= 2_500)).toBe(true);
  await third.disconnect();
  await producer.disconnect();
}, 150_000);

it('idempotent producer: each message once, through the death of the leader', async () => {
  await createTopic('once', 1);
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    retry: { retries: 50, initialRetryTime: 50, maxRetryTime: 500 },
  });
  await producer.connect();
  await send(producer, 'once', 0, 200, 1);
  const { leader } = await cluster.leaderOf('once', 0);
  const sending = send(producer, 'once', 200, 1_000, 1);
  const back = await kill(leader);
  await sending;
  await back();
  await producer.disconnect();
  const [end] = await admin.fetchTopicOffsets('once');
  expect(Number(end!.high)).toBe(1_000);
}, 60_000);

it('admin: topics, partitions, configs, groups, offsets', async () => {
  await admin.createTopics({
    topics: [{ topic: 'managed', numPartitions: 2, replicationFactor: 3, configEntries: [{ name: 'retention.ms', value: '60000' }] }],
    waitForLeaders: true,
  });
  expect(await admin.createTopics({ topics: [{ topic: 'managed' }] })).toBe(false);
  expect(await admin.listTopics()).toContain('managed');
  await admin.createPartitions({ topicPartitions: [{ topic: 'managed', count: 4 }] });
  const { topics } = await admin.fetchTopicMetadata({ topics: ['managed'] });
  expect(topics[0]!.partitions).toHaveLength(4);

  const retention = async () => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: true,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: 'managed', configNames: ['retention.ms'] }],
    });
    return resources[0]!.configEntries[0]!.configValue;
  };
  expect(await retention()).toBe('60000');
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: 'managed', configEntries: [{ name: 'retention.ms', value: '120000' }] }],
  });
  expect(await retention()).toBe('120000');

  // The one that the test before this one killed may be on its way back.
  await until(async () => (await admin.describeCluster()).brokers.length === 3, 20_000, 'three brokers');
  expect((await admin.describeCluster()).clusterId).toMatch(/^[\w-]{22}$/);

  await admin.setOffsets({ groupId: 'moved', topic: 'managed', partitions: [{ partition: 0, offset: '0' }] });
  const [committed] = await admin.fetchOffsets({ groupId: 'moved', topics: ['managed'] });
  expect(committed!.partitions.find(({ partition }) => partition === 0)!.offset).toBe('0');
  expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toContain('moved');
  await admin.deleteGroups(['moved']);
  expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain('moved');

  await admin.deleteTopics({ topics: ['managed'] });
  expect(await admin.listTopics()).not.toContain('managed');
}, 60_000);
