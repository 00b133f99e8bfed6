/** Kafka clients as they come, inside of the cluster and outside, by each kind of address; and how full the memory gets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { isInstalled, run, start, yak } from '../../e2e/support/commands.js';
import { allReady, ensureRunning, killedForMemory, nodeOf } from '../support/deployment.js';
import { eventually } from '../support/eventually.js';
import { packKcat, runInPod } from '../support/kcat-pod.js';
import { kubectl } from '../support/kubectl.js';
import { roundTrip } from '../support/load/round-trip.js';
import { LoadPod } from '../support/load-pod.js';
import { memoryOfPods } from '../support/memory.js';
import { IS_OUR_CLUSTER, MANIFESTS, NAMESPACE } from '../support/settings.js';
import { judged } from '../support/verdicts.js';

const RECORDS = 200;
let load: LoadPod;

beforeAll(async () => {
  await ensureRunning();
  load = await LoadPod.start();
  await load.createTopic('clients', 3).catch((error: unknown) => {
    if (!String(error).includes('already exists')) throw error;
  });
}, 300_000);

afterAll(() => load?.stop(), 60_000);

const itOnOurCluster = IS_OUR_CLUSTER ? it : it.skip;
if (!IS_OUR_CLUSTER)
  console.log('skipped: kcat in a pod and NodePorts; from here the nodes of this cluster (KUBECONFIG) are not reached as ours are');

it('KafkaJS in another pod, from the Service yak', async () => {
  await judged('KafkaJS in a pod', async () => {
    expect(await load.roundTrip('clients', RECORDS)).toEqual({ sent: RECORDS, received: RECORDS });
    return `${RECORDS} records there and back`;
  });
}, 120_000);

itOnOurCluster(
  'kcat in another pod, from the Service yak',
  async () => {
    await judged('kcat (librdkafka) in a pod', async () => {
      if (!(await isInstalled('kcat'))) return 'skipped: kcat is not installed here (Debian package kcat)';
      const folder = await mkdtemp(join(tmpdir(), 'yak-kcat-'));
      try {
        await packKcat(folder);
        const listing = JSON.parse(await runInPod(['-b', 'yak:9092', '-L', '-J'])) as { brokers: { name: string }[] };
        expect(listing.brokers).toHaveLength(3);
        for (const { name } of listing.brokers) expect(name).toMatch(/^broker-\d\.broker\.yak\.svc.*:9092$/);
        const read = await runInPod(['-b', 'yak:9092', '-C', '-t', 'clients', '-o', 'beginning', '-e', '-q']);
        const lines = read.trim().split('\n').length;
        expect(lines).toBeGreaterThanOrEqual(RECORDS);
        return `${listing.brokers.length} brokers by name, ${lines} records read`;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  },
  180_000,
);

it('KafkaJS and yak on this machine through kubectl port-forward', async () => {
  await judged('clients through port-forward', async () => {
    const forward = start('bash', [join(MANIFESTS, 'port-forward.sh')]);
    try {
      const kafka = outside(['localhost:19090', 'localhost:19091', 'localhost:19092']);
      await isReached(kafka);
      expect(await roundTrip(kafka, 'clients', RECORDS)).toEqual({ sent: RECORDS, received: RECORDS });
      const { stdout } = await yak(['cluster', '--bootstrap', 'localhost:13125', '--json'], {});
      expect(JSON.parse(stdout)).toMatchObject({ brokers: expect.arrayContaining([expect.objectContaining({ id: 2 })]) });
      const sent = await yak(['produce', 'clients', '--bootstrap', 'localhost:13125', '--json'], { inputText: 'from outside\n' });
      expect(JSON.parse(sent.stdout)).toMatchObject({ records: 1, failed: 0 });
      return `${RECORDS} records there and back at localhost:19090; yak at localhost:13125`;
    } finally {
      forward.process.kill('SIGTERM');
      await forward.done;
    }
  });
}, 120_000);

itOnOurCluster(
  'KafkaJS on this machine through a NodePort of every broker',
  async () => {
    await judged('clients through NodePorts', async () => {
      await kubectl(['apply', '-k', join(MANIFESTS, 'overlays', 'external-access')]);
      await kubectl(['rollout', 'status', 'statefulset/broker', '-n', NAMESPACE, '--timeout=300s'], { timeoutMs: 310_000 });
      try {
        const { stdout: hosts } = await run('kubectl', [
          'get',
          'node',
          await nodeOf('broker-0'),
          '-o',
          'jsonpath={.status.addresses[0].address}',
        ]);
        const kafka = outside([`${hosts.trim()}:31090`]);
        await isReached(kafka);
        expect(await roundTrip(kafka, 'clients', RECORDS)).toEqual({ sent: RECORDS, received: RECORDS });
        return `${RECORDS} records there and back from ${hosts.trim()}:31090`;
      } finally {
        await kubectl([
          'delete',
          'service',
          'yak-external',
          'broker-0-external',
          'broker-1-external',
          'broker-2-external',
          '-n',
          NAMESPACE,
          '--ignore-not-found',
        ]);
        await kubectl(['delete', 'networkpolicy', 'broker-external', '-n', NAMESPACE, '--ignore-not-found']);
        await kubectl(['apply', '-f', MANIFESTS]);
        await kubectl(['rollout', 'status', 'statefulset/broker', '-n', NAMESPACE, '--timeout=300s'], { timeoutMs: 310_000 });
        await allReady();
      }
    });
  },
  700_000,
);

it('memory: busy as they can be, every pod keeps a distance to its limit and none is killed', async () => {
  await judged('memory under load', async () => {
    const samples: Awaited<ReturnType<typeof memoryOfPods>>[] = [];
    let isBusy = true;
    const busy = load.burst('burst', 30, 20_000).finally(() => {
      isBusy = false;
    });
    busy.catch(() => undefined);
    while (isBusy) {
      samples.push(await memoryOfPods());
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    const { megabytesPerSecond, failed, errors } = await busy;
    expect({ failed, errors }).toEqual({ failed: 0, errors: [] });
    expect(await killedForMemory()).toEqual([]);
    const worst = new Map<string, { share: number; text: string }>();
    for (const one of samples.flat()) {
      const share = one.workingSetBytes / one.limitBytes;
      if (share > (worst.get(one.pod)?.share ?? 0))
        worst.set(one.pod, { share, text: `${one.pod} ${mebi(one.workingSetBytes)} of ${mebi(one.limitBytes)} Mi` });
    }
    const said = [...worst.values()].map(({ text }) => text).join(', ');
    expect(worst.size).toBeGreaterThanOrEqual(6);
    for (const { share, text } of worst.values()) expect({ text, tooFull: share > 0.95 }).toEqual({ text, tooFull: false });
    return `at ${megabytesPerSecond} MB/s: ${said}`;
  });
}, 180_000);

function outside(brokers: string[]): Kafka {
  return new Kafka({
    clientId: 'outside',
    brokers,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
  });
}

async function isReached(kafka: Kafka): Promise<void> {
  await eventually('the brokers from outside', 60_000, async () => {
    const admin = kafka.admin();
    await admin.connect();
    const { brokers } = await admin.describeCluster().finally(() => admin.disconnect());
    return brokers.length === 3 ? null : `${brokers.length} brokers`;
  });
}

function mebi(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}
