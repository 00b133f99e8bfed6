/**
 * The load of the cluster tests: KafkaJS as it comes from npm, in a pod of its own, asked over HTTP (GET only, so that the API
 * server's proxy reaches it from anywhere). One idempotent producer for each of three partitions, so that one stuck leader does
 * not hide the others, with short client timeouts, since the recovery of the cluster is measured and not the patience of a
 * client; and one producer with nothing but KafkaJS's defaults, for what a user with an ordinary program sees.
 * A send has failed when KafkaJS gives it up, or after 120 s without an answer (the Java client's delivery timeout).
 */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { burst } from './burst.js';
import { Ledger } from './ledger.js';
import { readBack } from './read-back.js';
import { roundTrip } from './round-trip.js';
import { endsWhenSilent } from './silent-peer.js';

const BOOTSTRAP = (process.env['BOOTSTRAP'] ?? 'yak.yak:9092').split(',');
const TOPIC = process.env['TOPIC'] ?? 'load';
const HTTP_PORT = Number(process.env['HTTP_PORT'] ?? 8000);
const PARTITIONS = 3;
const PLAIN_PARTITION = PARTITIONS;
const PAUSE_MS = 25;
const DELIVERY_TIMEOUT_MS = 120_000;

const now = () => performance.now();

/** What may go wrong while a cluster comes up is tried again; KafkaJS's own words end up on standard error. */
const patient = new Kafka({
  clientId: 'load',
  brokers: BOOTSTRAP,
  logLevel: logLevel.WARN,
  connectionTimeout: 1_000,
  requestTimeout: 3_000,
  socketFactory: endsWhenSilent(3_000),
  retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 400 },
});
const plain = new Kafka({ clientId: 'load-plain', brokers: BOOTSTRAP, logLevel: logLevel.WARN, socketFactory: endsWhenSilent(30_000) });
/** Members of a group wait for each other: no short timeouts here. */
const reader = new Kafka({
  clientId: 'load-reader',
  brokers: BOOTSTRAP,
  logLevel: logLevel.WARN,
  retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 100 },
});

interface Flow {
  readonly ledger: Ledger;
  readonly partition: number;
  readonly once: boolean;
  readonly open: () => Producer;
}

const flows: Flow[] = [
  ...Array.from({ length: PARTITIONS }, (_, partition) => ({
    ledger: new Ledger(`p${partition}`, now),
    partition,
    once: true,
    open: () =>
      patient.producer({
        idempotent: true,
        maxInFlightRequests: 1,
        retry: { initialRetryTime: 50, maxRetryTime: 500, retries: Number.MAX_SAFE_INTEGER },
      }),
  })),
  { ledger: new Ledger('plain', now), partition: PLAIN_PARTITION, once: false, open: () => plain.producer() },
];

let admin: Admin;
let isReady = false;
let readBacks = 0;

async function run({ ledger, partition, open }: Flow): Promise<never> {
  let producer = open();
  await producer.connect();
  for (;;) {
    const id = ledger.begin();
    const began = now();
    try {
      const [answer] = await deliver(producer, partition, `${ledger.flow}:${id}`);
      ledger.acknowledge(id, Number(answer?.baseOffset ?? -1));
    } catch (error) {
      ledger.fail(id, now() - began, describe(error));
      console.error(`failed: ${ledger.flow}:${id} after ${Math.round(now() - began)} ms: ${describe(error)}`);
      // A producer that gave a record up has a hole in its sequence numbers; what an application does then is to take a new one.
      await producer.disconnect().catch(() => undefined);
      producer = open();
      await producer.connect().catch((reason: unknown) => console.error(`cannot connect again: ${describe(reason)}`));
    }
    await sleep(PAUSE_MS);
  }
}

function deliver(producer: Producer, partition: number, value: string) {
  let timer: NodeJS.Timeout;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${DELIVERY_TIMEOUT_MS} ms`)), DELIVERY_TIMEOUT_MS);
  });
  const send = producer.send({ topic: TOPIC, acks: -1, messages: [{ partition, value }] });
  return Promise.race([send, timeout]).finally(() => clearTimeout(timer));
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

async function createTopic(topic: string, numPartitions: number): Promise<void> {
  const configEntries = [{ name: 'min.insync.replicas', value: '2' }];
  await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 3, configEntries }], waitForLeaders: true });
}

async function topicMetadata(topic: string) {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const { brokers } = await admin.describeCluster();
  return { brokers, partitions: topics[0]!.partitions };
}

const routes: Record<string, (query: URLSearchParams) => unknown> = {
  '/healthz': () => ({ ready: isReady }),
  '/begin': () => {
    for (const { ledger } of flows) ledger.beginWindow();
    return {};
  },
  '/window': () => ({
    flows: flows.map(({ ledger, once }) => ({ ...ledger.window(), once })),
    failures: flows.flatMap(({ ledger }) => ledger.recentFailures()),
  }),
  '/read-back': () => {
    const expected = flows.map(({ ledger, once }) => ({ flow: ledger.flow, once, acknowledged: ledger.acknowledged() }));
    return readBack(reader, TOPIC, `read-back-${++readBacks}`, expected);
  },
  '/topic': (query) => topicMetadata(query.get('name') ?? TOPIC),
  '/create': async (query) => {
    await createTopic(query.get('name')!, Number(query.get('partitions') ?? 3));
    return topicMetadata(query.get('name')!);
  },
  '/round-trip': (query) => roundTrip(reader, query.get('name')!, Number(query.get('records') ?? 100)),
  '/burst': (query) => burst(patient, query.get('name')!, Number(query.get('seconds') ?? 10), Number(query.get('bytes') ?? 50_000)),
};

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://load');
  const route = routes[url.pathname];
  const reply = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (route === undefined) return reply(404, { error: `no ${url.pathname}; there are ${Object.keys(routes).join(' ')}` });
  Promise.resolve()
    .then(() => route(url.searchParams))
    .then(
      (body) => reply(200, body),
      // 200 on purpose: the API server's proxy hides the body of other answers from kubectl.
      (error: unknown) => reply(200, { error: describe(error) }),
    );
});

server.listen(HTTP_PORT);
process.once('SIGTERM', () => process.exit(0));
admin = patient.admin();
await admin.connect();
await createTopic(TOPIC, PARTITIONS + 1).catch((error: unknown) => {
  if (!describe(error).includes('already exists')) throw error;
});
for (const flow of flows) {
  run(flow).catch((error: unknown) => {
    console.error(`flow ${flow.ledger.flow} ended: ${describe(error)}`);
    process.exit(1);
  });
}
isReady = true;
console.log(`load: sending to ${TOPIC} at ${BOOTSTRAP.join(',')}`);
