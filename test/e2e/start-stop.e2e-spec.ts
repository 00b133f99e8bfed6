/** What `yak up` promises about starting, stopping and mistakes, beside what the smoke test shows. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startYak, yak } from './support/commands.js';
import { LocalCluster } from './support/local-cluster.js';

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await LocalCluster.start();
}, 30_000);
afterAll(() => cluster?.destroy(), 20_000);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const upOn = (data: string, shift: number): string[] => [
  'up',
  ...['--data', data, '--tcp-port', String(cluster.ports.tcp + shift), '--kafka-port', String(cluster.ports.kafka + shift)],
  ...['--http-port', String(cluster.ports.http + shift), '--coordinator-port', String(cluster.ports.coordinator + shift)],
];

it('R11: a data folder that a running cluster holds is refused with one clear sentence', async () => {
  const { code, stderr } = await startYak(upOn(cluster.data, 4)).done;
  expect(code).toBe(1);
  expect(stderr).toMatch(/data/);
  expect(stderr).not.toMatch(/\n\s+at /);
}, 30_000);

it('R11: a second process for the same broker folder is refused too', async () => {
  const args = [
    'broker',
    '--id',
    '0',
    '--data',
    join(cluster.data, 'broker-0'),
    '--coordinators',
    `127.0.0.1:${cluster.ports.coordinator}`,
  ];
  const ports = ['--kafka-port', '0', '--replication-port', '0', '--tcp-port', '0', '--http-port', '0'];
  const { code, stderr } = await startYak([...args, ...ports]).done;
  expect(code).toBe(1);
  expect(stderr).toMatch(/in use/);
}, 30_000);

it('R14: a broker folder of another cluster is refused', async () => {
  const other = await LocalCluster.start({ brokers: 1 });
  await other.stop();
  const args = ['broker', '--id', '0', '--data', join(other.data, 'broker-0'), '--coordinators', `127.0.0.1:${cluster.ports.coordinator}`];
  const ports = ['--kafka-port', '0', '--replication-port', '0', '--tcp-port', '0', '--http-port', '0'];
  const { code, stderr } = await startYak([...args, ...ports]).done;
  expect(code).toBe(1);
  expect(stderr).toMatch(/cluster/);
  await other.destroy();
}, 60_000);

it('a folder that cannot be a data folder is refused', async () => {
  const file = join(cluster.folder, 'a-file');
  writeFileSync(file, '');
  const { code, stderr } = await startYak(upOn(join(file, 'data'), 4)).done;
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  if (process.getuid?.() === 0) return; // root may write anywhere
  const locked = join(cluster.folder, 'locked');
  mkdirSync(locked);
  chmodSync(locked, 0o500);
  expect((await startYak(upOn(locked, 4)).done).code).toBe(1);
}, 30_000);

it('if the supervisor dies its processes stop too, and a second start finds the data', async () => {
  const bootstrap = cluster.bootstrap.join(',');
  await yak(['produce', 'kept', '--bootstrap', bootstrap], { inputText: 'still here\n' });
  const pids = [cluster.pid('coordinator', 0), ...[0, 1, 2].map((id) => cluster.pid('broker', id))];
  cluster.killSupervisor();
  for (let attempt = 0; attempt < 100 && pids.some(isAlive); attempt++) await new Promise((resolve) => setTimeout(resolve, 100));
  expect(pids.filter(isAlive)).toEqual([]);
  await cluster.up();
  const { stdout } = await yak(['consume', 'kept', '--from-beginning', '--exit-at-end', '--bootstrap', bootstrap]);
  expect(stdout).toBe('still here\n');
  expect(existsSync(join(cluster.data, 'logs'))).toBe(true);
}, 60_000);
