/** A node is drained and comes back; the node of a leader is cut off and healed. */
import { ensureRunning, nodeOf, pods } from './support/deployment.js';
import { eventually } from './support/eventually.js';
import { kubectl, tryKubectl } from './support/kubectl.js';
import { LoadPod } from './support/load-pod.js';
import { cutOff, healAllNodes, itWithNodeFaults, nodeIsLost, nodesAreReady, restore } from './support/nodes.js';
import { placed } from './support/placement.js';
import { NAMESPACE } from './support/settings.js';
import { underLoad } from './support/under-load.js';

const LIMIT_MS = 420_000;
let load: LoadPod;
/** The one that is drained and cut: it has a broker, and not Redis, whose loss is a test of its own. */
let victim: { node: string; broker: string };

beforeAll(async () => {
  await ensureRunning();
  victim = await placed();
  load = await LoadPod.start({ notOn: [victim.node] });
}, 300_000);

afterEach(async () => {
  await healAllNodes();
  await nodesAreReady();
}, 180_000);

afterAll(() => load?.stop(), 60_000);

it(
  'kubectl drain: no send fails, a second broker is not evicted meanwhile, and uncordon brings the first one back',
  async () => {
    await underLoad(load, 'drain a node, uncordon it', { kind: 'planned' }, async () => {
      const { node, broker } = victim;
      const args = ['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=150s'];
      await kubectl(args, { timeoutMs: 160_000 });
      const other = (await pods()).find(
        ({ metadata, spec }) => /^broker-/.test(metadata.name) && spec.nodeName !== node && metadata.name !== broker,
      )!;
      const eviction = await evict(other.metadata.name);
      expect(eviction.code).not.toBe(0);
      expect(eviction.stderr).toMatch(/disruption budget/);
      await kubectl(['uncordon', node]);
      return `second eviction: ${/disruption budget/.test(eviction.stderr) ? 'refused by the budget' : eviction.stderr}`;
    });
  },
  LIMIT_MS,
);

itWithNodeFaults(
  'the node of a leader is cut off: others lead on; healed, it follows and nothing acknowledged is lost',
  async () => {
    await underLoad(load, 'cut off the node of a leader, heal it', { kind: 'unplanned' }, async () => {
      const id = Number(victim.broker.split('-')[1]);
      await eventually(`${victim.broker} leading`, 60_000, async () => {
        const { partitions } = await load.topicView();
        return partitions.some(({ leader }) => leader === id) ? null : 'it leads no partition of the load';
      });
      await load.begin();
      await cutOff(victim.node);
      await eventually(`others leading what ${victim.broker} led`, 60_000, async () => {
        const led = (await load.topicView()).partitions.filter(({ leader }) => leader === id || leader < 0);
        return led.length === 0 ? null : `partitions ${led.map(({ partitionId }) => partitionId).join(', ')} are still its own`;
      });
      await nodeIsLost(victim.node);
      await restore(victim.node);
      await nodesAreReady();
      expect(await nodeOf(victim.broker)).toBe(victim.node);
    });
  },
  LIMIT_MS,
);

/** `kubectl` has no word for a single eviction. */
async function evict(name: string) {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: NAMESPACE } };
  return tryKubectl(['create', '--raw', `/api/v1/namespaces/${NAMESPACE}/pods/${name}/eviction`, '-f', '-'], {
    input: JSON.stringify(body),
  });
}
