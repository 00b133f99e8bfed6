/** What each pod holds right now against its limit, as its kubelet counts it. */
import { pods } from './deployment.js';
import { kubectl } from './kubectl.js';
import { nodes } from './nodes.js';
import { NAMESPACE } from './settings.js';

export interface PodMemory {
  readonly pod: string;
  /** Without what of the page cache could be dropped at once; this is what the eviction and the kernel go by. */
  readonly workingSetBytes: number;
  readonly limitBytes: number;
}

interface Summary {
  readonly pods: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers?: readonly { readonly name: string; readonly memory?: { readonly workingSetBytes?: number } }[];
  }[];
}

export async function memoryOfPods(): Promise<readonly PodMemory[]> {
  const summaries = await Promise.all(
    (await nodes()).map(
      async ({ metadata }) => JSON.parse(await kubectl(['get', '--raw', `/api/v1/nodes/${metadata.name}/proxy/stats/summary`])) as Summary,
    ),
  );
  const limits = new Map(
    (await pods()).map(({ metadata, spec }) => [metadata.name, bytesOf(spec.containers[0]!.resources?.limits?.['memory'])]),
  );
  return summaries
    .flatMap((summary) => summary.pods)
    .filter(({ podRef }) => podRef.namespace === NAMESPACE && limits.get(podRef.name) !== undefined)
    .map(({ podRef, containers }) => ({
      pod: podRef.name,
      workingSetBytes: (containers ?? []).reduce((sum, { memory }) => sum + (memory?.workingSetBytes ?? 0), 0),
      limitBytes: limits.get(podRef.name)!,
    }));
}

function bytesOf(quantity: string | undefined): number | undefined {
  const match = /^(\d+)(Ki|Mi|Gi)$/.exec(quantity ?? '');
  if (match === null) return undefined;
  return Number(match[1]) * { Ki: 1_024, Mi: 1_048_576, Gi: 1_073_741_824 }[match[2] as 'Ki' | 'Mi' | 'Gi'];
}
