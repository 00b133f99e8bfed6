/** What a user does first: check, apply, wait, apply again, and run the example producer and consumer. Begins with nothing there. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { allReady, apply, coordinators, killedForMemory, pods, wipe } from './support/deployment.js';
import { eventually } from './support/eventually.js';
import { kubectl, kubectlJson, tryKubectl } from './support/kubectl.js';
import type { List, ObjectMeta } from './support/objects.js';
import { MANIFESTS, NAMESPACE } from './support/settings.js';
import { judged } from './support/verdicts.js';

const EXAMPLES = join(MANIFESTS, 'examples');
const READY_WITHIN_MS = 60_000;

beforeAll(wipe, 180_000);

it('strict server-side dry run: the API server takes every manifest and warns of nothing', async () => {
  await judged('strict server-side dry run', async () => {
    // A dry run makes no namespace, and what lies in one needs it.
    await kubectl(['apply', '-f', join(MANIFESTS, '00-namespace.yaml')]);
    let objects = 0;
    for (const folder of [MANIFESTS, EXAMPLES]) {
      const { code, stdout, stderr } = await tryKubectl(['apply', '--dry-run=server', '--validate=strict', '-f', folder]);
      expect({ folder, code, stderr }).toEqual({ folder, code: 0, stderr: '' });
      objects += stdout.trim().split('\n').length;
    }
    return `${objects} objects, no warning`;
  });
}, 60_000);

it('apply: every pod is ready in less than a minute', async () => {
  await judged('apply, all ready', async () => {
    const began = performance.now();
    await apply();
    await allReady();
    const tookMs = performance.now() - began;
    expect(tookMs).toBeLessThan(READY_WITHIN_MS);
    expect(await coordinators()).toMatchObject({ standby: expect.any(String) });
    return `${(tookMs / 1_000).toFixed(1)} s`;
  });
}, 240_000);

it('apply again: nothing changes and no pod is touched', async () => {
  await judged('apply again changes nothing', async () => {
    const before = await applied();
    const lines = (await apply()).trim().split('\n');
    // For a PodDisruptionBudget kubectl always says "configured": it sends the selector, which the API server finds unchanged.
    expect(lines.filter((line) => !line.endsWith(' unchanged') && !line.startsWith('poddisruptionbudget'))).toEqual([]);
    expect(await applied()).toEqual(before);
    return `${lines.length} objects as before`;
  });
}, 60_000);

it('the example Jobs: what the producer sends, the consumer gets', async () => {
  await judged('example producer and consumer', async () => {
    await kubectl(['apply', '-f', EXAMPLES]);
    const { items: jobs } = await kubectlJson<List<{ metadata: ObjectMeta }>>(['get', 'jobs', '-n', NAMESPACE]);
    const names = jobs.map(({ metadata }) => metadata.name);
    expect(names.length).toBeGreaterThanOrEqual(2);
    for (const name of names) await isComplete(name);
    const deployments = await exampleDeployments();
    for (const name of deployments) {
      await kubectl(['rollout', 'status', `deployment/${name}`, '-n', NAMESPACE, '--timeout=120s'], { timeoutMs: 130_000 });
    }
    const logs = await Promise.all(names.map(async (name) => `${name}: ${(await lastLine(`job/${name}`)).slice(0, 120)}`));
    await kubectl(['delete', '-f', EXAMPLES, '--grace-period=1', '--timeout=60s']);
    expect(await killedForMemory()).toEqual([]);
    return logs.join('; ');
  });
}, 300_000);

/** What an apply could change of the objects, and which pods there are. */
async function applied(): Promise<readonly unknown[]> {
  const { items } = await kubectlJson<List<{ kind: string; metadata: ObjectMeta; spec?: unknown; data?: unknown }>>([
    'get',
    '-f',
    MANIFESTS,
  ]);
  const objects = items.map(({ kind, metadata: { name, uid, labels }, spec, data }) => ({ kind, name, uid, labels, spec, data }));
  return [...objects, ...(await pods()).map(({ metadata }) => metadata.uid).sort()];
}

interface Job {
  readonly status: { readonly succeeded?: number; readonly failed?: number };
  readonly spec: { readonly completions?: number };
}

async function isComplete(name: string): Promise<void> {
  await eventually(`Job ${name} complete`, 120_000, async () => {
    const { status, spec } = await kubectlJson<Job>(['get', 'job', name, '-n', NAMESPACE]);
    if ((status.succeeded ?? 0) >= (spec.completions ?? 1)) return null;
    return `${status.succeeded ?? 0} succeeded, ${status.failed ?? 0} failed; ${await lastLine(`job/${name}`)}`;
  });
}

async function lastLine(what: string): Promise<string> {
  const { stdout, stderr } = await tryKubectl(['logs', what, '-n', NAMESPACE, '--tail=5']);
  return (stdout.trim() || stderr.trim()).split('\n').at(-1) ?? '';
}

/** Deployments that the examples bring, to be told from the coordinator's. */
async function exampleDeployments(): Promise<readonly string[]> {
  const names: string[] = [];
  for (const file of await readdir(EXAMPLES)) {
    if (!/\.ya?ml$/.test(file)) continue;
    for (const document of parseAllDocuments(await readFile(join(EXAMPLES, file), 'utf8'))) {
      const object = document.toJS() as { kind?: string; metadata?: { name: string } } | null;
      if (object?.kind === 'Deployment') names.push(object.metadata!.name);
    }
  }
  return names;
}
