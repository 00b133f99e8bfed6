/**
 * SIGKILL to the process of a pod, from its node: nothing of it runs any more, not even a handler of SIGTERM, which a pod that is
 * deleted by force still gets. The kubelet starts the container again in the same pod. On our own cluster only.
 */
import { join } from 'node:path';
import { run } from '../../e2e/support/commands.js';
import { pod } from './deployment.js';
import { LK8S_HOME } from './settings.js';

export async function killProcess(name: string): Promise<void> {
  const { spec, status } = await pod(name);
  const id = status.containerStatuses![0]!.containerID!.replace('containerd://', '');
  const socket = join(LK8S_HOME, spec.nodeName!, 'c.sock');
  await run('ctr', ['-a', socket, '-n', 'k8s.io', 'tasks', 'kill', '-s', 'SIGKILL', id]);
}
