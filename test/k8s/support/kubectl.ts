/** kubectl as a child process: text or JSON out, and errors that say the command and what it printed. Nothing here retries. */
import { type Finished, start, succeeded } from '../../e2e/support/commands.js';
import { NAMESPACE } from './settings.js';

interface KubectlOptions {
  readonly input?: string;
  /** After this long kubectl is killed and the call fails; default 120 s. */
  readonly timeoutMs?: number;
}

/** The answer whatever the exit code; never rejects for one. */
export async function tryKubectl(args: readonly string[], options: KubectlOptions = {}): Promise<Finished> {
  const timeoutMs = options.timeoutMs ?? 120_000;
  const running = start('kubectl', args, { inputText: options.input ?? '' });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    running.process.kill('SIGKILL');
  }, timeoutMs);
  const finished = await running.done.finally(() => clearTimeout(timer));
  return isLate ? { ...finished, stderr: `${finished.stderr}\nkilled after ${timeoutMs} ms without an end` } : finished;
}

export async function kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<string> {
  return succeeded(`kubectl ${args.join(' ')}`, await tryKubectl(args, options)).stdout;
}

export async function kubectlJson<T>(args: readonly string[], options: KubectlOptions = {}): Promise<T> {
  return JSON.parse(await kubectl([...args, '-o', 'json'], options)) as T;
}

/** A view of a pod's HTTP port, by way of the API server: works on every cluster, and while the pod is not ready. */
export async function podView<T>(pod: string, port: number, path: string, namespace = NAMESPACE, timeoutMs = 120_000): Promise<T> {
  const url = `/api/v1/namespaces/${namespace}/pods/${pod}:${port}/proxy${path}`;
  return JSON.parse(await kubectl(['get', '--raw', url], { timeoutMs })) as T;
}
