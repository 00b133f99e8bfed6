/**
 * `npm run test:k8s [-- --all] [jest options]`: the cluster tests, on the cluster of KUBECONFIG, which then has to have the image
 * yak:dev, or else on one of our own, which is brought up if it is not there and ended if this brought it up. Prints the verdict
 * table at the end; YAK_K8S_VERDICTS names a file that gets it too, between its marks where it has them, as docs/kubernetes.md has.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOurs, KUBECONFIG, ROOT } from '../../tools/k8s/cluster.mjs';
import { verdictTable } from './support/verdict-table.mjs';

const args = process.argv.slice(2);
const isAll = process.env.YAK_K8S_ALL === '1' || args.includes('--all');
const jestArgs = args.filter((arg) => arg !== '--all');

const run = (command, commandArgs, env = {}) =>
  spawnSync(command, commandArgs, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;
const output = (command, commandArgs) => spawnSync(command, commandArgs, { cwd: ROOT, encoding: 'utf8' });

const answers = output('kubectl', ['--kubeconfig', KUBECONFIG, '--request-timeout=5s', 'get', '--raw', '/readyz']).status === 0;
let isStarted = false;

if (!isOurs && !answers) {
  console.error(`test:k8s: the cluster of KUBECONFIG=${KUBECONFIG} does not answer; without KUBECONFIG the tests make one of their own`);
  process.exit(2);
}
if (isOurs && !answers) {
  const code = run('npm', ['run', '--silent', 'k8s:up']);
  if (code !== 0) process.exit(code);
  isStarted = true;
}

function writeVerdicts(file, table) {
  const marked = /(<!-- verdicts -->\n)[^]*?(<!-- \/verdicts -->)/;
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  writeFileSync(file, marked.test(before) ? before.replace(marked, (_, begin, end) => `${begin}\n${table}\n${end}`) : table);
}

const folder = mkdtempSync(join(tmpdir(), 'yak-k8s-'));
const rows = join(folder, 'rows.jsonl');
writeFileSync(rows, '');
const end = () => {
  const text = readFileSync(rows, 'utf8').trim();
  const table = verdictTable(text === '' ? [] : text.split('\n').map((line) => JSON.parse(line)));
  console.log(`\n${table}`);
  if (process.env.YAK_K8S_VERDICTS) writeVerdicts(process.env.YAK_K8S_VERDICTS, table);
  rmSync(folder, { recursive: true, force: true });
  output('kubectl', ['--kubeconfig', KUBECONFIG, 'delete', 'namespace', 'yak-load', '--ignore-not-found', '--wait=false']);
  if (isStarted) run('npm', ['run', '--silent', 'k8s:down']);
};

// Jest is told to stop by the same signal; this lives on to print what there is and to end what it started.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);
const ignored = isAll ? [] : ['--testPathIgnorePatterns=/test/k8s/all/'];
const code = run(process.execPath, ['node_modules/jest/bin/jest.js', '--selectProjects', 'k8s', '--maxWorkers=1', ...jestArgs, ...ignored], {
  NODE_OPTIONS: '--experimental-vm-modules',
  KUBECONFIG,
  YAK_K8S_OURS: isOurs ? '1' : '',
  YAK_K8S_ROWS: rows,
});
end();
process.exit(code);
