/** Redis, where the metadata of the cluster is kept: its pod dies, it is away, its volume is lost. Leaders serve on in each case (R21). */
import { allReady, coordinators, ensureRunning, pod, replaced } from '../support/deployment.js';
import { eventually } from '../support/eventually.js';
import { kubectl, tryKubectl } from '../support/kubectl.js';
import { LoadPod } from '../support/load-pod.js';
import { NAMESPACE } from '../support/settings.js';
import { underLoad } from '../support/under-load.js';

const LIMIT_MS = 420_000;
const AWAY_MS = 15_000;
let load: LoadPod;

beforeAll(async () => {
  await ensureRunning();
  load = await LoadPod.start();
}, 300_000);

afterEach(() => kubectl(['scale', 'statefulset/redis', '--replicas=1', '-n', NAMESPACE]), 60_000);
afterAll(() => load?.stop(), 60_000);

it.each([
  ['gracefully', []],
  ['by force', ['--force', '--grace-period=0']],
])(
  'R21: the Redis pod is deleted %s: no send fails',
  async (how, more) => {
    await underLoad(load, `delete the Redis pod ${how}`, { kind: 'planned' }, async () => {
      const { uid } = (await pod('redis-0')).metadata;
      await kubectl(['delete', 'pod', 'redis-0', '-n', NAMESPACE, ...more]);
      await replaced('redis-0', uid);
      await coordinators();
    });
  },
  LIMIT_MS,
);

it(
  'R21: without Redis for a while leaders go on; back again, a coordinator acts and topics can be made',
  async () => {
    await underLoad(load, `no Redis for ${AWAY_MS / 1_000} s`, { kind: 'planned', pauseLimitMs: 10_000 }, async () => {
      await redisIsGone();
      await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
      await redisIsBack();
      const { epoch } = await coordinators();
      await load.createTopic(`after-outage-${epoch}`, 3);
    });
  },
  LIMIT_MS,
);

it(
  'R22: the volume of Redis is lost: the metadata comes back from the brokers, and a failover works after it',
  async () => {
    await underLoad(load, 'the volume of Redis lost', { kind: 'planned' }, async () => {
      await redisIsGone();
      await kubectl(['delete', 'pvc', 'data-redis-0', '-n', NAMESPACE], { timeoutMs: 60_000 });
      await redisIsBack();
      const { epoch } = await coordinators();
      await load.createTopic(`after-loss-${epoch}`, 3);
      return 'metadata taken from the brokers';
    });
    await underLoad(load, 'the acting coordinator killed after that', { kind: 'planned' }, async () => {
      const before = await coordinators();
      await kubectl(['delete', 'pod', before.acting, '-n', NAMESPACE, '--force', '--grace-period=0']);
      const after = await coordinators();
      // The standby had seen the lost store too. It goes on from the new history: one that began another would be far above.
      expect(after.epoch).toBeGreaterThan(before.epoch);
      expect(after.epoch).toBeLessThan(before.epoch + 1_000);
    });
    await underLoad(load, 'a broker killed after Redis lost its volume', { kind: 'unplanned' }, async () => {
      const { uid } = (await pod('broker-1')).metadata;
      await kubectl(['delete', 'pod', 'broker-1', '-n', NAMESPACE, '--force', '--grace-period=0']);
      await replaced('broker-1', uid);
    });
  },
  LIMIT_MS,
);

async function redisIsGone(): Promise<void> {
  await kubectl(['scale', 'statefulset/redis', '--replicas=0', '-n', NAMESPACE]);
  await eventually('redis-0 gone', 60_000, async () => {
    return (await tryKubectl(['get', 'pod', 'redis-0', '-n', NAMESPACE])).code === 0 ? 'the pod is still there' : null;
  });
}

async function redisIsBack(): Promise<void> {
  await kubectl(['scale', 'statefulset/redis', '--replicas=1', '-n', NAMESPACE]);
  await allReady();
}
