/**
 * A pod that sends all the time with KafkaJS as it comes from npm (load/load-program.ts), in a namespace of its own. The program
 * comes in a ConfigMap, so no image has to be built for it and it runs on any cluster; it is asked through the API server.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { eventually } from './eventually.js';
import { kubectl, podView, tryKubectl } from './kubectl.js';
import type { Burst } from './load/burst.js';
import type { FailedSend, FlowWindow } from './load/ledger.js';
import type { ReadBack } from './load/read-back.js';
import type { RoundTrip } from './load/round-trip.js';
import { IMAGE, LOAD_NAMESPACE, ROOT } from './settings.js';

const PORT = 8000;
const POD = 'load';

export interface LoadWindow {
  readonly flows: readonly (FlowWindow & { readonly once: boolean })[];
  readonly failures: readonly FailedSend[];
}

export interface TopicView {
  readonly brokers: readonly { nodeId: number; host: string; port: number }[];
  readonly partitions: readonly { partitionId: number; leader: number; replicas: readonly number[]; isr: readonly number[] }[];
}

export interface LoadOptions {
  /** It may run on any node but these: those that the tests are going to break. */
  readonly notOn?: readonly string[];
}

export class LoadPod {
  private constructor(readonly topic: string) {}

  static async start({ notOn = [] }: LoadOptions = {}): Promise<LoadPod> {
    // A topic of its own: the accounts begin at nothing.
    const topic = `load-${Date.now().toString(36)}`;
    await kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: LOAD_NAMESPACE } }),
    });
    await tryKubectl(['delete', 'pod', POD, '-n', LOAD_NAMESPACE, '--force', '--grace-period=0', '--ignore-not-found']);
    await putProgram();
    await kubectl(['create', '-f', '-'], { input: JSON.stringify(manifest(topic, notOn)) });
    const load = new LoadPod(topic);
    await eventually('the load sending', 120_000, async () => {
      const { ready } = await load.ask<{ ready: boolean }>('/healthz');
      return ready ? null : 'no topic yet';
    });
    await load.begin();
    await load.isSettled();
    return load;
  }

  async stop(): Promise<void> {
    await tryKubectl(['delete', 'pod', POD, '-n', LOAD_NAMESPACE, '--force', '--grace-period=0', '--ignore-not-found']);
  }

  /** Counts and pauses begin anew. */
  async begin(): Promise<void> {
    await this.ask('/begin');
  }

  async window(): Promise<LoadWindow> {
    return this.ask('/window');
  }

  async readBack(): Promise<ReadBack> {
    return this.ask('/read-back', 150_000);
  }

  async topicView(topic = this.topic): Promise<TopicView> {
    return this.ask(`/topic?name=${topic}`);
  }

  async createTopic(topic: string, partitions: number): Promise<TopicView> {
    return this.ask(`/create?name=${topic}&partitions=${partitions}`);
  }

  async roundTrip(topic: string, records: number): Promise<RoundTrip> {
    return this.ask(`/round-trip?name=${topic}&records=${records}`);
  }

  async burst(topic: string, seconds: number, recordBytes: number): Promise<Burst> {
    return this.ask(`/burst?name=${topic}&seconds=${seconds}&bytes=${recordBytes}`, seconds * 1_000 + 60_000);
  }

  /** Every partition has its leader and all replicas in sync, and every flow gets its acknowledgements again. */
  async isSettled(timeoutMs = 120_000): Promise<void> {
    await eventually('the load settled: full ISR and every flow acknowledged', timeoutMs, async () => {
      const { partitions } = await this.topicView();
      const open = partitions.filter(({ leader, replicas, isr }) => leader < 0 || isr.length < replicas.length);
      if (open.length > 0) {
        return open.map((one) => `${this.topic}-${one.partitionId} leader ${one.leader} isr ${one.isr} of ${one.replicas}`).join('; ');
      }
      const { flows } = await this.window();
      const quiet = flows.filter(({ lastAckAgeMs, acknowledged }) => lastAckAgeMs > 1_000 || acknowledged === 0);
      return quiet.length === 0
        ? null
        : quiet.map(({ flow, lastAckAgeMs }) => `${flow} without an answer for ${lastAckAgeMs} ms`).join('; ');
    });
  }

  private async ask<T>(path: string, timeoutMs = 30_000): Promise<T> {
    const answer = await podView<T & { error?: string }>(POD, PORT, path, LOAD_NAMESPACE, timeoutMs);
    if (typeof answer === 'object' && answer !== null && typeof answer.error === 'string') throw new Error(`load ${path}: ${answer.error}`);
    return answer;
  }
}

/** Not with `apply`: its annotation would hold the program a second time and be too long. */
async function putProgram(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'yak-load-'));
  try {
    const outfile = join(folder, 'load.mjs');
    await build({
      entryPoints: [join(ROOT, 'test/k8s/support/load/load-program.ts')],
      outfile,
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      banner: { js: "import{createRequire as requireOf}from'node:module';const require=requireOf(import.meta.url);" },
    });
    await tryKubectl(['delete', 'configmap', 'load', '-n', LOAD_NAMESPACE, '--ignore-not-found']);
    await kubectl(['create', 'configmap', 'load', '-n', LOAD_NAMESPACE, `--from-file=${outfile}`]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function manifest(topic: string, notOn: readonly string[]) {
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'NotIn', values: notOn }] }],
      },
    },
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: POD, namespace: LOAD_NAMESPACE, labels: { app: 'load' } },
    spec: {
      ...(notOn.length > 0 ? { affinity } : {}),
      enableServiceLinks: false,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 2,
      restartPolicy: 'Never',
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, runAsGroup: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'load',
          image: IMAGE,
          imagePullPolicy: 'IfNotPresent',
          command: ['/nodejs/bin/node', '/load/load.mjs'],
          env: [
            { name: 'TOPIC', value: topic },
            { name: 'HTTP_PORT', value: String(PORT) },
          ],
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          volumeMounts: [{ name: 'program', mountPath: '/load' }],
        },
      ],
      volumes: [{ name: 'program', configMap: { name: 'load' } }],
    },
  };
}
