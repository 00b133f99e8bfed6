/** Pods that die one at a time, under load: told to, killed, and rolled. The load and the topics live on from test to test. */
import { allReady, coordinators, ensureRunning, pod, replaced } from './support/deployment.js';
import { eventually } from './support/eventually.js';
import { killProcess } from './support/kill-process.js';
import { kubectl } from './support/kubectl.js';
import { LoadPod } from './support/load-pod.js';
import { itWithNodeFaults } from './support/nodes.js';
import { NAMESPACE } from './support/settings.js';
import { underLoad } from './support/under-load.js';

const BROKERS = ['broker-0', 'broker-1', 'broker-2'];
const LIMIT_MS = 420_000;
let load: LoadPod;

beforeAll(async () => {
  await ensureRunning();
  load = await LoadPod.start();
}, 300_000);

afterAll(() => load?.stop(), 60_000);

it.each(BROKERS)(
  'kubectl delete pod %s: it hands its partitions over, no send fails',
  async (name) => {
    await underLoad(load, `delete ${name}`, { kind: 'planned' }, async () => {
      const { uid } = (await pod(name)).metadata;
      await kubectl(['delete', 'pod', name, '-n', NAMESPACE], { timeoutMs: 150_000 });
      await replaced(name, uid);
    });
  },
  LIMIT_MS,
);

it.each(BROKERS)(
  'kubectl delete pod %s --force: others take over, nothing acknowledged is lost',
  async (name) => {
    await underLoad(load, `delete ${name} by force`, { kind: 'unplanned' }, async () => {
      const { uid } = (await pod(name)).metadata;
      await kubectl(['delete', 'pod', name, '-n', NAMESPACE, '--force', '--grace-period=0']);
      await replaced(name, uid);
    });
  },
  LIMIT_MS,
);

itWithNodeFaults(
  'SIGKILL to the process of a broker that leads: others take over, nothing acknowledged is lost',
  async () => {
    await underLoad(load, 'SIGKILL to a leader', { kind: 'unplanned' }, async () => {
      const { leader } = (await load.topicView()).partitions[0]!;
      const name = `broker-${leader}`;
      const restarts = async () => (await pod(name)).status.containerStatuses![0]!.restartCount;
      const before = await restarts();
      await killProcess(name);
      await eventually(`${name} started again`, 60_000, async () =>
        (await restarts()) > before ? null : 'the kubelet has not restarted it',
      );
    });
  },
  LIMIT_MS,
);

it(
  'the acting coordinator is deleted by force: the other one acts with a higher epoch, no send fails',
  async () => {
    await underLoad(load, 'delete the acting coordinator by force', { kind: 'planned' }, async () => {
      const before = await coordinators();
      const began = performance.now();
      await kubectl(['delete', 'pod', before.acting, '-n', NAMESPACE, '--force', '--grace-period=0']);
      const after = await coordinators();
      const tookMs = performance.now() - began;
      expect(after.acting).not.toBe(before.acting);
      expect(after.epoch).toBeGreaterThan(before.epoch);
      return `another one seen acting after ${(tookMs / 1_000).toFixed(1)} s`;
    });
  },
  LIMIT_MS,
);

it(
  'each coordinator is deleted gracefully, the acting one first: no send fails',
  async () => {
    await underLoad(load, 'delete both coordinators, one after the other', { kind: 'planned' }, async () => {
      const before = await coordinators();
      await kubectl(['delete', 'pod', before.acting, '-n', NAMESPACE], { timeoutMs: 60_000 });
      await allReady();
      const then = await coordinators();
      expect(then.acting).not.toBe(before.acting);
      await kubectl(['delete', 'pod', then.standby!, '-n', NAMESPACE], { timeoutMs: 60_000 });
      await allReady();
      expect((await coordinators()).acting).toBe(then.acting);
    });
  },
  LIMIT_MS,
);

it(
  'kubectl rollout restart of brokers and coordinators: no send fails',
  async () => {
    await underLoad(load, 'rollout restart of everything', { kind: 'planned' }, async () => {
      const began = performance.now();
      await kubectl(['rollout', 'restart', 'statefulset/broker', 'deployment/coordinator', '-n', NAMESPACE]);
      for (const what of ['statefulset/broker', 'deployment/coordinator']) {
        await kubectl(['rollout', 'status', what, '-n', NAMESPACE, '--timeout=300s'], { timeoutMs: 310_000 });
      }
      return `took ${Math.round((performance.now() - began) / 1_000)} s`;
    });
  },
  LIMIT_MS,
);
