/**
 * Apache Kafka's administrative command-line tools (4.3.1), unmodified: topics, configs, get-offsets, consumer-groups, groups,
 * broker-api-versions, cluster; and what they say of what is not there.
 */
import { hasKafkaTools } from '../e2e/support/foreign-tools.js';
import { LocalCluster } from '../e2e/support/local-cluster.js';
import { killClients } from './support/client-process.js';
import { kafkaClient } from './support/fed-topic.js';
import { coordinatorOf } from './support/group-coordinator.js';
import { KafkaTools, tableRows } from './support/kafka-tools.js';

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

it('topics: create, list, describe, alter, delete', async () => {
  if (!hasTools) return;
  const topics = (...args: string[]) => tools.run('topics', args);
  const create = (topic: string, ...args: string[]) => topics('--create', '--topic', topic, ...args);
  const assignment = ['--replica-assignment', '0:1,1:2,2:0'];
  const created = await Promise.all([
    create('made', '--partitions', '2', '--replication-factor', '3', '--config', 'retention.ms=60000'),
    create('placed', ...assignment),
  ]);
  expect(created).toEqual(['Created topic made.', 'Created topic placed.']);

  const [again, unknown, impossible, listed, made, placed] = await Promise.all([
    tools.complaint('topics', ['--create', '--topic', 'made']),
    tools.complaint('topics', ['--describe', '--topic', 'absent']),
    tools.complaint('topics', ['--create', '--topic', 'wide', '--replication-factor', '4']),
    topics('--list'),
    topics('--describe', '--topic', 'made'),
    topics('--describe', '--topic', 'placed'),
  ]);
  expect(again).toMatch(/TopicExistsException.*'?made'?/s);
  expect(unknown).toMatch(/'absent' does not exist/);
  expect(impossible).toMatch(/InvalidReplicationFactorException/);
  expect(listed.split('\n')).toEqual(expect.arrayContaining(['made', 'placed']));
  expect(made).toMatch(/PartitionCount: 2\s+ReplicationFactor: 3\s+Configs: .*retention\.ms=60000/);
  expect(made).toMatch(/Partition: 1\s+Leader: [012]\s+Replicas: [012],[012],[012]\s+Isr: [012],[012],[012]/);
  expect(placed).toMatch(/Partition: 0\s+Leader: 0\s+Replicas: 0,1\s/);
  expect(placed).toMatch(/Partition: 2\s+Leader: 2\s+Replicas: 2,0\s/);

  await topics('--alter', '--topic', 'made', '--partitions', '5');
  const [grown, shrunk] = await Promise.all([
    topics('--describe', '--topic', 'made'),
    tools.complaint('topics', ['--alter', '--topic', 'made', '--partitions', '1']),
  ]);
  expect(grown).toMatch(/PartitionCount: 5/);
  expect(shrunk).toMatch(/InvalidPartitionsException/);
  await topics('--delete', '--topic', 'made');
  expect((await topics('--list')).split('\n')).not.toContain('made');
}, 90_000);

it('configs: describe, add, delete for topics; describe for a broker, whose configs are read at start', async () => {
  if (!hasTools) return;
  const configs = (...args: string[]) => tools.run('configs', args);
  const ofTopic = ['--entity-type', 'topics', '--entity-name', 'tuned'];
  const ofBroker = ['--entity-type', 'brokers', '--entity-name', '0'];
  await tools.run('topics', ['--create', '--topic', 'tuned', '--partitions', '1', '--config', 'retention.ms=60000']);
  expect(await configs(...ofTopic, '--describe')).toMatch(
    /retention\.ms=60000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention\.ms=60000/,
  );
  expect(await configs(...ofTopic, '--alter', '--add-config', 'max.message.bytes=2000,retention.ms=5000')).toMatch(/Completed updating/);
  expect(await configs(...ofTopic, '--alter', '--delete-config', 'retention.ms')).toMatch(/Completed updating/);
  const [described, all, unknown, broker, refused] = await Promise.all([
    configs(...ofTopic, '--describe'),
    configs(...ofTopic, '--describe', '--all'),
    tools.complaint('configs', [...ofTopic, '--alter', '--add-config', 'retention.centuries=1']),
    configs(...ofBroker, '--describe', '--all'),
    tools.complaint('configs', [...ofBroker, '--alter', '--add-config', 'offsets.retention.minutes=5']),
  ]);
  expect(described).toMatch(/max\.message\.bytes=2000/);
  expect(described).not.toMatch(/retention\.ms/);
  expect(all).toMatch(/retention\.ms=604800000 sensitive=false synonyms=\{DEFAULT_CONFIG:/);
  expect(unknown).toMatch(/InvalidConfigurationException.*retention\.centuries/s);
  expect(broker).toMatch(/offsets\.retention\.minutes=10080/);
  expect(refused).toMatch(/InvalidRequestException.*read at start/s);

  // What was set acts: a record that is too big is refused, and the tool says why.
  const tooBig = await tools.complaint('console-producer', ['--topic', 'tuned'], { input: `${'x'.repeat(3_000)}\n` });
  expect(tooBig).toMatch(/RecordTooLargeException/);
}, 90_000);

it('get-offsets: earliest, latest, by time, of the newest timestamp', async () => {
  if (!hasTools) return;
  const kafka = kafkaClient(cluster);
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createTopics({ topics: [{ topic: 'timed', numPartitions: 2 }], waitForLeaders: true });
  const base = Date.now() - 100_000;
  const at = (seconds: number) => ({ partition: 0, value: 'x', timestamp: String(base + seconds * 1_000) });
  await producer.send({ topic: 'timed', messages: [at(0), at(10), at(30), at(20)] });
  await Promise.all([admin.disconnect(), producer.disconnect()]);

  const offsets = (...time: string[]) => tools.run('get-offsets', ['--topic', 'timed', ...time]);
  const answers = await Promise.all([
    offsets(),
    offsets('--time', 'earliest'),
    offsets('--time', String(base + 5_000)),
    offsets('--time', 'max-timestamp'),
  ]);
  expect(answers).toEqual([
    'timed:0:4\ntimed:1:0',
    'timed:0:0\ntimed:1:0',
    expect.stringMatching(/^timed:0:1\b/),
    expect.stringMatching(/^timed:0:2\b/),
  ]);
}, 60_000);

it('consumer-groups: list, describe, members, state, reset-offsets, delete-offsets, delete', async () => {
  if (!hasTools) return;
  const groups = (...args: string[]) => tools.run('consumer-groups', args);
  await tools.run('topics', ['--create', '--topic', 'grouped', '--partitions', '2', '--replication-factor', '3']);
  const between = await fill('grouped');
  const consumer = tools.start('console-consumer', ['--topic', 'grouped', '--group', 'kept', '--from-beginning']);
  await consumer.saw(({ lines }) => lines.length === 40, 30_000, 'the 40 records of both partitions');

  const [listed, members, state, live, kept] = await Promise.all([
    groups('--list'),
    groups('--describe', '--group', 'kept', '--members', '--verbose'),
    groups('--describe', '--group', 'kept', '--state'),
    tools.complaint('consumer-groups', ['--delete', '--group', 'kept']),
    tools.complaint('consumer-groups', ['--reset-offsets', '--group', 'kept', '--topic', 'grouped', '--to-earliest', '--execute']),
  ]);
  expect(listed.split('\n')).toContain('kept');
  expect(tableRows(members, 'CONSUMER-ID')).toEqual([
    expect.objectContaining({ GROUP: 'kept', 'CLIENT-ID': 'console-consumer', '#PARTITIONS': '2' }),
  ]);
  expect(members).toMatch(/grouped:0,1\b/);
  const coordinator = await coordinatorOf(cluster, 'kept');
  expect(state).toMatch(new RegExp(`kept\\s+127\\.0\\.0\\.1:\\d+\\s+\\(${coordinator}\\)\\s+range\\s+Stable\\s+1`));
  expect(live).toMatch(/GroupNotEmptyException/);
  expect(kept).toMatch(/can only be reset if the group 'kept' is inactive/i);

  await consumer.interrupt();
  const described = tableRows(await groups('--describe', '--group', 'kept'), 'CURRENT-OFFSET');
  const positions = { 'CURRENT-OFFSET': '20', 'LOG-END-OFFSET': '20', LAG: '0' };
  expect(described).toEqual([
    expect.objectContaining({ PARTITION: '0', ...positions }),
    expect.objectContaining({ PARTITION: '1', ...positions }),
  ]);

  const reset = async (...args: string[]) => {
    const rows = tableRows(await groups('--reset-offsets', '--group', 'kept', '--topic', 'grouped', ...args), 'NEW-OFFSET');
    return rows.map((row) => `${row['PARTITION']}:${row['NEW-OFFSET']}`).sort();
  };
  const admin = kafkaClient(cluster).admin();
  await admin.connect();
  const committed = async () => {
    const [topic] = await admin.fetchOffsets({ groupId: 'kept', topics: ['grouped'] });
    return topic!.partitions.map(({ partition, offset }) => `${partition}:${offset}`).sort();
  };
  expect(await reset('--to-earliest', '--dry-run')).toEqual(['0:0', '1:0']);
  expect(await committed()).toEqual(['0:20', '1:20']);
  expect(await reset('--to-earliest', '--execute')).toEqual(['0:0', '1:0']);
  expect(await committed()).toEqual(['0:0', '1:0']);
  expect(await reset('--shift-by', '7', '--execute')).toEqual(['0:7', '1:7']);
  expect(await reset('--to-datetime', new Date(between).toISOString(), '--execute')).toEqual(['0:10', '1:10']);
  expect(await committed()).toEqual(['0:10', '1:10']);

  expect(await groups('--delete-offsets', '--group', 'kept', '--topic', 'grouped:1')).toMatch(/Successful/);
  expect(await committed()).toEqual(['0:10', '1:-1']);
  await admin.disconnect();
  // The coordinator dies: what was answered is still there.
  const pid = cluster.kill('broker', coordinator);
  expect(await groups('--delete', '--group', 'kept')).toMatch(/was successful/);
  await cluster.restarted('broker', coordinator, pid);
  const [left, gone] = await Promise.all([groups('--list'), tools.complaint('consumer-groups', ['--delete', '--group', 'kept'])]);
  expect(left.split('\n')).not.toContain('kept');
  expect(gone).toMatch(/GroupIdNotFoundException/);
}, 120_000);

/** Ten records per partition, a pause, ten more; answers a time within the pause. */
async function fill(topic: string): Promise<number> {
  const producer = kafkaClient(cluster).producer();
  await producer.connect();
  const now = Date.now();
  for (const timestamp of [now - 60_000, now - 10_000]) {
    for (const partition of [0, 1]) {
      const messages = Array.from({ length: 10 }, (_, n) => ({ partition, value: `${partition} ${n}`, timestamp: String(timestamp) }));
      await producer.send({ topic, messages });
    }
  }
  await producer.disconnect();
  return now - 30_000;
}

it('broker-api-versions, cluster and groups', async () => {
  if (!hasTools) return;
  const admin = kafkaClient(cluster).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'followed', numPartitions: 1 }], waitForLeaders: true });
  await admin.setOffsets({ groupId: 'listed', topic: 'followed', partitions: [{ partition: 0, offset: '0' }] });
  await admin.disconnect();
  const [versions, id, groups] = await Promise.all([
    tools.run('broker-api-versions', []),
    tools.run('cluster', ['cluster-id']),
    tools.run('groups', ['--list']),
  ]);
  expect(versions.match(/^127\.0\.0\.1:\d+ \(id: [012] rack: null isFenced: false\)/gm)).toHaveLength(3);
  for (const range of ['Fetch(1): 4 to 17', 'JoinGroup(11): 0 to 9', 'CreateTopics(19): 2 to 7', 'EndTxn(26): UNSUPPORTED']) {
    expect(versions).toContain(range);
  }
  expect(id).toMatch(/^Cluster ID: [\w-]{22}$/);
  expect(tableRows(groups, 'GROUP')).toContainEqual(expect.objectContaining({ GROUP: 'listed', TYPE: 'Classic', PROTOCOL: 'consumer' }));
}, 60_000);
