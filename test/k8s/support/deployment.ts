/**
 * The application as the manifests make it: applied, wiped, ready, and which pod runs where. `ensureRunning` is how a spec file
 * begins: it takes a healthy deployment as it is and applies the manifests otherwise.
 */
import { eventually } from './eventually.js';
import { kubectl, kubectlJson, podView, tryKubectl } from './kubectl.js';
import { isReady, type List, type Pod, stateOf, type Workload } from './objects.js';
import { LOAD_NAMESPACE, MANIFESTS, NAMESPACE } from './settings.js';

const WORKLOADS = ['broker', 'coordinator', 'redis'];
const COORDINATOR_HTTP = 8180;
export const READY_LIMIT_MS = 180_000;

export async function apply(): Promise<string> {
  return kubectl(['apply', '-f', MANIFESTS]);
}

/** Nothing of it is left, volumes included. Does not wait for anybody's planned stop. */
export async function wipe(): Promise<void> {
  for (const namespace of [LOAD_NAMESPACE, NAMESPACE]) {
    await tryKubectl(['delete', 'statefulsets,deployments,jobs', '--all', '-n', namespace, '--cascade=background']);
    await tryKubectl(['delete', 'pods', '--all', '-n', namespace, '--force', '--grace-period=0']);
    await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s'], { timeoutMs: 130_000 });
  }
}

export async function ensureRunning(): Promise<void> {
  if ((await missing()) === null) return;
  await apply();
  await allReady();
}

export async function allReady(timeoutMs = READY_LIMIT_MS): Promise<number> {
  return eventually('every pod ready', timeoutMs, missing);
}

/** What is not ready or not up to date, in words; null when everything is. */
export async function missing(): Promise<string | null> {
  const all = (await kubectlJson<List<Workload>>(['get', 'statefulsets,deployments', '-n', NAMESPACE])).items;
  const items = all.filter(({ metadata }) => WORKLOADS.includes(metadata.name));
  const absent = WORKLOADS.filter((name) => !items.some(({ metadata }) => metadata.name === name));
  if (absent.length > 0) return `no ${absent.join(', ')} in namespace ${NAMESPACE}`;
  const behind = items
    .filter(
      ({ metadata, spec, status }) =>
        status.observedGeneration !== metadata.generation ||
        (status.readyReplicas ?? 0) !== spec.replicas ||
        (status.updatedReplicas ?? 0) !== spec.replicas,
    )
    .map(({ metadata, spec, status }) => `${metadata.name} ${status.readyReplicas ?? 0} of ${spec.replicas} ready`);
  const pods = (await podsOf(/^(broker|coordinator|redis)-/)).filter((pod) => !isReady(pod));
  const states = pods.map((pod) => `${pod.metadata.name}: ${stateOf(pod)}`);
  return behind.length + states.length === 0 ? null : [...behind, ...states].join('; ');
}

export async function pods(namespace = NAMESPACE): Promise<readonly Pod[]> {
  return (await kubectlJson<List<Pod>>(['get', 'pods', '-n', namespace])).items;
}

export async function podsOf(name: RegExp): Promise<readonly Pod[]> {
  return (await pods()).filter(({ metadata }) => name.test(metadata.name));
}

export async function pod(name: string): Promise<Pod> {
  return kubectlJson<Pod>(['get', 'pod', name, '-n', NAMESPACE]);
}

export async function nodeOf(name: string): Promise<string> {
  return (await pod(name)).spec.nodeName!;
}

/** The pod that is named now is another one than the one with this uid, and everything is ready. */
export async function replaced(name: string, uid: string): Promise<void> {
  await eventually(`${name} made anew`, READY_LIMIT_MS, async () => {
    const { metadata } = await pod(name);
    return metadata.uid === uid ? `${name} is still the old pod` : null;
  });
  await allReady();
}

export interface Coordinators {
  readonly acting: string;
  readonly standby: string | undefined;
  readonly epoch: number;
}

interface CoordinatorView {
  readonly state: string;
  readonly coordinatorEpoch: number;
  readonly reason?: string;
}

/** Waits until exactly one of the coordinator pods says that it acts. */
export async function coordinators(): Promise<Coordinators> {
  let found: Coordinators | undefined;
  await eventually('one acting coordinator', 60_000, async () => {
    const names = (await podsOf(/^coordinator-/)).filter(isReady).map(({ metadata }) => metadata.name);
    const views = await Promise.all(names.map((name) => podView<CoordinatorView>(name, COORDINATOR_HTTP, '/livez')));
    const acting = names.filter((_, i) => views[i]!.state === 'active');
    if (acting.length !== 1) return `${acting.length} act: ${names.map((name, i) => `${name} ${views[i]!.state}`).join(', ')}`;
    const standby = names.find((_, i) => views[i]!.state === 'standby');
    found = { acting: acting[0]!, standby, epoch: views[names.indexOf(acting[0]!)]!.coordinatorEpoch };
    return null;
  });
  return found!;
}

/** Containers that the kernel killed for memory since the pods began: there should be none. */
export async function killedForMemory(): Promise<readonly string[]> {
  return (await podsOf(/^(broker|coordinator|redis)-/)).flatMap(({ metadata, status }) =>
    (status.containerStatuses ?? [])
      .filter(({ lastState }) => lastState.terminated?.reason === 'OOMKilled')
      .map(({ name, lastState }) => `${metadata.name}/${name} was killed for memory at ${lastState.terminated!.finishedAt}`),
  );
}
