/**
 * Waits for a condition of the cluster. The probe says what is still missing (null: nothing), so that a timeout names it; then
 * pods, events and logs are written to a file that the error names. A probe that throws has not been met.
 */
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubectlJson, tryKubectl } from './kubectl.js';
import type { List, Pod } from './objects.js';
import { DUMPS, LOAD_NAMESPACE, NAMESPACE } from './settings.js';

const POLL_MS = 250;

export async function eventually(what: string, timeoutMs: number, missing: () => Promise<string | null>): Promise<number> {
  const began = performance.now();
  let last = '';
  for (;;) {
    try {
      const now = await missing();
      if (now === null) return performance.now() - began;
      last = now;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() - began > timeoutMs) {
      const { file, summary } = await dump(what);
      throw new Error(`${what}: not in ${timeoutMs / 1_000} s. Still missing: ${last}\n${summary}\nAll pods, events and logs: ${file}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Pods, events and the logs of every container (of the one before too, where there was one). */
export async function dump(why: string): Promise<{ file: string; summary: string }> {
  await mkdir(DUMPS, { recursive: true });
  const file = join(DUMPS, `${new Date().toISOString().replaceAll(':', '-')}-${why.replaceAll(/\W+/g, '-').slice(0, 60)}.txt`);
  const pods = await text(['get', 'pods,pvc,nodes', '-A', '-o', 'wide']);
  const events = await text(['get', 'events', '-n', NAMESPACE, '--sort-by=.lastTimestamp']);
  await writeFile(file, `${why}\n\n${pods}\n\n${events}\n`);
  for (const namespace of [NAMESPACE, LOAD_NAMESPACE]) {
    const { items } = await kubectlJson<List<Pod>>(['get', 'pods', '-n', namespace]).catch(() => ({ items: [] }));
    for (const { metadata, status } of items) {
      await log(file, namespace, metadata.name, []);
      const restarts = status.containerStatuses?.some(({ restartCount }) => restartCount > 0);
      if (restarts === true) await log(file, namespace, metadata.name, ['--previous']);
    }
  }
  const ours = pods.split('\n').filter((line) => line.includes(NAMESPACE));
  return { file, summary: [...ours, 'last events:', ...events.trimEnd().split('\n').slice(-12)].join('\n') };
}

async function log(file: string, namespace: string, pod: string, more: readonly string[]): Promise<void> {
  const lines = await text(['logs', '-n', namespace, pod, '--all-containers', '--tail=400', ...more]);
  await appendFile(file, `\n=== ${namespace}/${pod} ${more.join(' ')}\n${lines}\n`);
}

async function text(args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await tryKubectl(args, { timeoutMs: 20_000 });
  return stdout + stderr;
}
