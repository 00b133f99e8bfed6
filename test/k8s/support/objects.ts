/** The few fields of Kubernetes objects that the tests look at. */
export interface ObjectMeta {
  readonly name: string;
  readonly uid: string;
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly deletionTimestamp?: string;
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly containerID?: string;
  readonly state: Record<string, { reason?: string; message?: string }>;
  readonly lastState: { terminated?: { reason: string; exitCode: number; finishedAt: string } };
}

export interface Pod {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { name: string; resources?: { limits?: Record<string, string> } }[];
  };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface Workload {
  readonly metadata: ObjectMeta & { readonly generation: number };
  readonly spec: { readonly replicas: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

export interface Node {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly unschedulable?: boolean };
  readonly status: { readonly conditions: readonly { type: string; status: string }[] };
}

export interface List<T> {
  readonly items: readonly T[];
}

export function isReady(pod: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp === undefined &&
    pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
  );
}

/** One line: phase, reason, restarts. */
export function stateOf(pod: Pod): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'being deleted';
  const statuses = pod.status.containerStatuses ?? [];
  const reasons = statuses.flatMap(({ state }) => Object.values(state).map(({ reason }) => reason ?? ''));
  const condition = pod.status.conditions?.find(({ status, message }) => status === 'False' && message !== undefined);
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return [pod.status.phase, ...reasons, condition?.message ?? '', restarts > 0 ? `${restarts} restarts` : ''].filter(Boolean).join(', ');
}
