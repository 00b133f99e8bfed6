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

const SAMPLE = /^container_memory_working_set_bytes\{container="([^"]+)",namespace="([^"]+)",pod="([^"]+)"\} (\S+)/gm;

/** Samples are some seconds old: a kubelet takes one every ten to fifteen. */
export async function memoryOfPods(): Promise<readonly PodMemory[]> {
  const names = (await nodes()).map(({ metadata }) => metadata.name);
  const pages = await Promise.all(names.map((name) => kubectl(['get', '--raw', `/api/v1/nodes/${name}/proxy/metrics/resource`])));
  const limits = new Map(
    (await pods()).flatMap(({ metadata, spec }) =>
      spec.containers.map(({ name, resources }) => [`${metadata.name}/${name}`, bytesOf(resources?.limits?.['memory'])] as const),
    ),
  );
  return [...pages.join('\n').matchAll(SAMPLE)].flatMap(([, container, namespace, pod, bytes]) => {
    const limitBytes = limits.get(`${pod}/${container}`);
    if (namespace !== NAMESPACE || limitBytes === undefined) return [];
    return [{ pod: pod!, workingSetBytes: Number(bytes), limitBytes }];
  });
}

function bytesOf(quantity: string | undefined): number | undefined {
  const match = /^(\d+)(Ki|Mi|Gi)$/.exec(quantity ?? '');
  if (match === null) return undefined;
  return Number(match[1]) * { Ki: 1_024, Mi: 1_048_576, Gi: 1_073_741_824 }[match[2] as 'Ki' | 'Mi' | 'Gi'];
}
