/** Nodes without power, one without Redis and one with it, and all pods at once. */
import { ensureRunning, nodeOf } from '../support/deployment.js';
import { kubectl } from '../support/kubectl.js';
import { LoadPod } from '../support/load-pod.js';
import { cutOff, healAllNodes, itWithNodeFaults, nodeIsLost, nodesAreReady, powerOff, restore } from '../support/nodes.js';
import { placed } from '../support/placement.js';
import { NAMESPACE } from '../support/settings.js';
import { underLoad } from '../support/under-load.js';

const LIMIT_MS = 600_000;
/** What waits for Redis waits as long as its node is away, which is the test's doing. */
const WITH_REDIS_LIMIT_MS = 180_000;
let load: LoadPod;

beforeAll(async () => {
  await ensureRunning();
  const [without, withRedis] = [await placed(false), await placed(true)];
  load = await LoadPod.start({ notOn: [without.node, withRedis.node] });
}, 300_000);

afterEach(async () => {
  await healAllNodes();
  await nodesAreReady();
}, 180_000);

afterAll(() => load?.stop(), 60_000);

itWithNodeFaults(
  'power loss of a node without Redis: others lead on, the broker comes back on its own disk',
  async () => {
    await underLoad(load, 'power loss of a node without Redis', { kind: 'unplanned' }, async () => {
      const { node, broker } = await placed(false);
      await powerOff(node);
      await nodeIsLost(node);
      await restore(node);
      await nodesAreReady();
      expect(await nodeOf(broker)).toBe(node);
    });
  },
  LIMIT_MS,
);

itWithNodeFaults(
  'power loss of the node with Redis on it: nobody is elected until it is back; nothing acknowledged is lost',
  async () => {
    await underLoad(load, 'power loss of the node with Redis', { kind: 'unplanned', pauseLimitMs: WITH_REDIS_LIMIT_MS }, async () => {
      const { node } = await placed(true);
      return awayFor(node, powerOff);
    });
  },
  LIMIT_MS,
);

itWithNodeFaults(
  'the node with Redis on it is cut off and healed: nobody is elected meanwhile; nothing acknowledged is lost',
  async () => {
    await underLoad(load, 'cut off the node with Redis, heal it', { kind: 'unplanned', pauseLimitMs: WITH_REDIS_LIMIT_MS }, async () => {
      const { node } = await placed(true);
      return awayFor(node, cutOff);
    });
  },
  LIMIT_MS,
);

it(
  'all pods at once, by force: the cluster comes back by itself with everything that was acknowledged',
  async () => {
    await underLoad(load, 'all pods at once by force', { kind: 'unplanned', pauseLimitMs: 90_000 }, async () => {
      await kubectl(['delete', 'pods', '--all', '-n', NAMESPACE, '--force', '--grace-period=0']);
    });
  },
  LIMIT_MS,
);

/** The note tells how long the node was away, since the pause is to be compared with that. */
async function awayFor(node: string, fault: (node: string) => Promise<void>): Promise<string> {
  const began = performance.now();
  await fault(node);
  await nodeIsLost(node);
  await restore(node);
  const away = performance.now() - began;
  await nodesAreReady();
  return `the node was away for ${Math.round(away / 1_000)} s`;
}
