/** Which cluster the scripts work on, and how they run commands. KUBECONFIG that names our own cluster's file counts as unset. */
import { spawnSync } from 'node:child_process';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const LK8S = join(ROOT, 'tools/k8s/lk8s');

export const LK8S_HOME = process.env.LK8S_HOME || '/var/tmp/lk8s';

const own = join(LK8S_HOME, 'pki/admin.conf');
const given = process.env.KUBECONFIG;
export const isOurs = !given || resolve(given) === resolve(own);
export const KUBECONFIG = isOurs ? own : given;

const program = `k8s:${basename(process.argv[1] ?? 'up', '.mjs')}`;
const env = { ...process.env, KUBECONFIG };

export function say(message) {
  console.error(`${program}: ${message}`);
}

export function fail(message) {
  say(message);
  process.exit(1);
}

/** What it prints is the user's. Ends the script when the command fails, unless it may. @returns its exit code */
export function show(command, args, { mayFail = false } = {}) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, env, stdio: 'inherit' });
  if (status !== 0 && !mayFail) fail(`${basename(args[0] ?? command)} did not succeed${error ? `: ${error.message}` : ''}`);
  return status ?? 1;
}

export function kubectl(...args) {
  if (show('kubectl', args, { mayFail: true }) !== 0) fail(`this failed: kubectl ${args.join(' ')}`);
}

export function capture(command, args, more = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, env: { ...env, ...more }, encoding: 'utf8' });
  return { code: status ?? 1, stdout: stdout ?? '', stderr: error?.code === 'ENOENT' ? 'not installed' : (stderr ?? '') };
}
