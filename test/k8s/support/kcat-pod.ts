/** kcat as this machine has it, packed with its libraries as an image of our own cluster, and run as a pod that ends. */
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../e2e/support/commands.js';
import { eventually } from './eventually.js';
import { kubectl, kubectlJson, tryKubectl } from './kubectl.js';
import type { Pod } from './objects.js';
import { LK8S, NAMESPACE, ROOT } from './settings.js';

const IMAGE = 'localhost/kcat:test';
let runs = 0;

export async function packKcat(folder: string): Promise<void> {
  const root = join(folder, 'root');
  const { stdout: where } = await run('sh', ['-c', 'command -v kcat']);
  const { stdout: libraries } = await run('ldd', [where.trim()]);
  const files = [...libraries.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
  for (const file of new Set(files)) {
    await mkdir(join(root, dirname(file)), { recursive: true });
    await cp(file, join(root, file), { dereference: true });
  }
  await cp(where.trim(), join(root, 'kcat'), { dereference: true });
  const archive = join(folder, 'kcat.tar');
  await run('python3', [join(ROOT, 'tools/k8s/lib/mkimage.py'), archive, IMAGE, '["/kcat"]', root, '65532:65532']);
  await run('bash', [LK8S, 'load', archive]);
}

/** In the namespace of the application, with what "restricted" asks for. The pod's output, when it has ended with 0. */
export async function runInPod(args: readonly string[]): Promise<string> {
  const name = `kcat-${++runs}`;
  await tryKubectl(['delete', 'pod', name, '-n', NAMESPACE, '--ignore-not-found', '--force', '--grace-period=0']);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { 'app.kubernetes.io/component': 'client' } },
    spec: {
      restartPolicy: 'Never',
      enableServiceLinks: false,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, runAsGroup: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'kcat',
          image: IMAGE,
          imagePullPolicy: 'Never',
          args,
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
  await kubectl(['create', '-f', '-'], { input: JSON.stringify(pod) });
  await eventually(`pod ${name} ended`, 60_000, async () => {
    const { status } = await kubectlJson<Pod>(['get', 'pod', name, '-n', NAMESPACE]);
    return status.phase === 'Succeeded' || status.phase === 'Failed' ? null : status.phase;
  });
  const { status } = await kubectlJson<Pod>(['get', 'pod', name, '-n', NAMESPACE]);
  const output = await kubectl(['logs', name, '-n', NAMESPACE]);
  await kubectl(['delete', 'pod', name, '-n', NAMESPACE, '--force', '--grace-period=0']);
  if (status.phase !== 'Succeeded') throw new Error(`kcat ${args.join(' ')} failed in its pod: ${output.slice(-1_000)}`);
  return output;
}
