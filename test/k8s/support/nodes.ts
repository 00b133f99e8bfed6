/** Faults of whole nodes, on our own cluster only, and what Kubernetes thinks of the nodes. Every fault is undone by `healAllNodes`. */
import { run } from '../../e2e/support/commands.js';
import { eventually } from './eventually.js';
import { kubectl, kubectlJson } from './kubectl.js';
import type { List, Node } from './objects.js';
import { IS_OUR_CLUSTER, LK8S } from './settings.js';

type Fault = 'cut-node' | 'kill-node';
const UNDO = { 'cut-node': 'heal-node', 'kill-node': 'start-node' } as const;
const faults = new Map<string, Fault>();

/** For tests that need to cut or kill nodes; says so once where they cannot. */
export const itWithNodeFaults = IS_OUR_CLUSTER ? it : it.skip;
if (!IS_OUR_CLUSTER) console.log('skipped: tests that cut off or power down nodes; this cluster (KUBECONFIG) is not ours to break');

/** The network of a node goes; its pods live on. */
export async function cutOff(node: string): Promise<void> {
  await begin('cut-node', node);
}

/** Its pods die by SIGKILL and it goes silent. */
export async function powerOff(node: string): Promise<void> {
  await begin('kill-node', node);
}

export async function restore(node: string): Promise<void> {
  const fault = faults.get(node);
  if (fault === undefined) return;
  await run('bash', [LK8S, UNDO[fault], numberOf(node)]);
  faults.delete(node);
}

/** For afterEach: whatever a test left behind. */
export async function healAllNodes(): Promise<void> {
  for (const node of faults.keys()) await restore(node);
  for (const { metadata, spec } of await nodes()) if (spec.unschedulable) await kubectl(['uncordon', metadata.name]);
}

export async function nodes(): Promise<readonly Node[]> {
  return (await kubectlJson<List<Node>>(['get', 'nodes'])).items;
}

export async function nodesAreReady(): Promise<void> {
  await eventually('all nodes Ready', 120_000, async () => {
    const missing = (await nodes()).filter((node) => !isNodeReady(node)).map(({ metadata }) => metadata.name);
    return missing.length === 0 ? null : `${missing.join(', ')} not Ready`;
  });
}

/** What Kubernetes has to notice by itself: on our cluster about 16 s, on others 40 to 50 s. */
export async function nodeIsLost(node: string): Promise<void> {
  await eventually(`${node} NotReady`, 120_000, async () => {
    const found = (await nodes()).find(({ metadata }) => metadata.name === node);
    return found !== undefined && !isNodeReady(found) ? null : `${node} is still Ready`;
  });
}

function isNodeReady({ status }: Node): boolean {
  return status.conditions.some((one) => one.type === 'Ready' && one.status === 'True');
}

async function begin(fault: Fault, node: string): Promise<void> {
  faults.set(node, fault);
  await run('bash', [LK8S, fault, numberOf(node)]);
}

/** `n2` is node 2 of the cluster tool. */
function numberOf(node: string): string {
  return node.replace(/^\D+/, '');
}
