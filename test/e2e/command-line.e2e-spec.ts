/** What the commands say and how they end when something is wrong: one line that names it, and an exit code. */
import { spawn } from 'node:child_process';
import { type RunOptions, startYak, yak } from './support/commands.js';
import { LocalCluster, ROOT, YAK } from './support/local-cluster.js';

let cluster: LocalCluster;
let bootstrap: string[];

beforeAll(async () => {
  cluster = await LocalCluster.start();
  bootstrap = ['--bootstrap', cluster.bootstrap.join(',')];
}, 30_000);
afterAll(() => cluster?.destroy(), 20_000);

const run = (args: readonly string[], options: RunOptions = {}) => startYak([...args, ...bootstrap], options).done;
const LINES = { inputText: '1\n2\n3\n' };

/** Exit code, and the one line on standard error. */
async function failure(args: readonly string[], options: RunOptions = {}): Promise<[number | null, string]> {
  const { code, stderr } = await run(args, options);
  expect([args.join(' '), stderr.trim().split('\n')]).toEqual([args.join(' '), [stderr.trim()]]);
  return [code, stderr.trim()];
}

it('wrong usage ends with 2 and one line, as JSON if that was asked for', async () => {
  const cases: [string[], string][] = [
    [['bogus'], "yak: unknown command 'bogus' (--help shows the options)"],
    [['produce', 't', '--acks', '2'], 'It has to be 0, 1 or all.'],
    [['produce', 't', '--compression', 'zstd'], 'Allowed choices are none, gzip, snappy, lz4'],
    [['produce', '../t'], 'topic name has characters outside'],
    [['consume', 't', '--offset', '@nonsense'], 'after @ comes a time'],
    [['consume', '..'], 'not allowed'],
    [['topic', 'create', 't', '--config', 'nonsense'], '--config needs name=value'],
    [['topic', 'create'], "missing required argument 'topic'"],
  ];
  for (const [args, text] of cases) {
    const { code, stderr } = await startYak(args, LINES).done;
    expect([args, code, stderr.trim().split('\n').length]).toEqual([args, 2, 1]);
    expect(stderr).toContain(text);
  }
  const { stderr } = await startYak(['produce', '--json']).done;
  expect(JSON.parse(stderr)).toEqual({ error: { code: 'USAGE', message: "missing required argument 'topic'" } });
}, 30_000);

it('topics: what exists, does not exist or cannot be is said, with the exit code for all or a part', async () => {
  expect((await run(['topic', 'create', 'a'])).code).toBe(0);
  expect(await failure(['topic', 'create', 'a'])).toEqual([1, 'yak: topic a was not created: topic a exists']);
  expect((await run(['topic', 'create', 'a', '--if-not-exists'])).code).toBe(0);
  expect((await run(['topic', 'create', 'a', 'b'])).code).toBe(3);
  expect(await failure(['topic', 'create', 'c', '--replication-factor', '9'])).toEqual([1, expect.stringContaining('3 brokers')]);
  expect(await failure(['topic', 'create', 'c', '--config', 'nope=1'])).toEqual([2, expect.stringContaining('unknown topic config nope')]);
  const constructorKey = await failure(['topic', 'create', 'c', '--config', 'constructor=1']);
  expect(constructorKey).toEqual([1, 'yak: the request is not valid: message must not have a key named constructor']);
  expect(await failure(['topic', 'delete', 'c'])).toEqual([1, expect.stringContaining('there is no topic c')]);
  expect(await failure(['topic', 'describe', 'c'])).toEqual([1, expect.stringContaining('topic c was not described: it does not exist')]);
  expect((await run(['topic', 'describe', 'c'])).stdout).toBe('');
  expect(await failure(['cluster', 'leaders', 'c'])).toEqual([1, 'yak: topic c does not exist']);
  expect((await run(['cluster', 'leaders', 'c', 'a'])).code).toBe(3);
}, 60_000);

it('produce: a file that is not there, a partition that is not there, a line that is too long, nothing at all', async () => {
  const missing = await failure(['produce', 'p', '--file', '/no/such/file']);
  expect(missing).toEqual([1, expect.stringContaining('yak: /no/such/file cannot be read: ENOENT')]);
  expect(await run(['produce', 'p', '--file', ROOT])).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be read: EISDIR') });
  expect(await failure(['produce', 'p', '--partition', '99'], LINES)).toEqual([1, 'yak: topic p has no partition 99; it has 3 (0 to 2)']);
  const long = Buffer.concat([Buffer.from('1\n'), Buffer.alloc(2_000_000, 120), Buffer.from('\n3\n')]);
  const [code, text] = await failure(['produce', 'p'], { inputText: long });
  expect([code, text]).toEqual([
    3,
    expect.stringMatching(/1 of 3 lines not acknowledged: a record of 2000\d+ bytes is larger than topic p/),
  ]);
  expect((await yak(['produce', 'p', ...bootstrap])).stdout).toMatch(/^0 records, 0 B/);
  const unconfirmed = JSON.parse((await yak(['produce', 'p', '--acks', '0', '--json', ...bootstrap], LINES)).stdout);
  expect(unconfirmed).toMatchObject({ records: 3, partitions: [{ records: 3, firstOffset: -1, lastOffset: -1 }] });
}, 60_000);

it('produce: ends when a record is given up, although the input goes on', async () => {
  const running = startYak(['produce', 'p', '--partition', '99', ...bootstrap], { keepStdinOpen: true });
  running.process.stdin!.write('a line\n');
  expect((await running.done).code).toBe(1);
}, 20_000);

it('consume: what is not there, a reader that goes away, an end', async () => {
  await yak(['produce', 'r', '--partition', '0', ...bootstrap], { inputText: 'x\n'.repeat(50_000) });
  expect(await failure(['consume', 'nope', '--exit-at-end'])).toEqual([1, expect.stringContaining('topic nope does not exist')]);
  expect(await failure(['consume', 'r', '--partition', '9'])).toEqual([1, expect.stringContaining('no partition 9')]);
  const beyond = await failure(['consume', 'r', '--partition', '0', '--offset', '99999999']);
  expect(beyond).toEqual([1, expect.stringContaining('offset 99999999 is beyond its end')]);
  expect((await yak(['consume', 'r', '--offset', '@2100-01-01T00:00:00Z', '--exit-at-end', ...bootstrap])).stdout).toBe('');
  expect((await yak(['consume', 'r', '--offset', '49999', '--partition', '0', '--max-messages', '1', ...bootstrap])).stdout).toBe('x\n');
  const piped = spawn('sh', ['-c', `"${process.execPath}" "${YAK}" consume r --from-beginning ${bootstrap.join(' ')} | head -1`], {
    cwd: ROOT,
  });
  let output = '';
  piped.stdout.on('data', (chunk) => (output += chunk));
  piped.stderr.on('data', (chunk) => (output += chunk));
  expect(await new Promise((resolve) => piped.once('close', resolve))).toBe(0);
  expect(output).toBe('x\n');
}, 60_000);

it('a topic that only the coordinator could create is waited for, not called missing', async () => {
  cluster.kill('coordinator', 0, 'SIGSTOP');
  const running = startYak(['produce', 'waits', ...bootstrap], LINES);
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  cluster.kill('coordinator', 0, 'SIGCONT');
  expect(await running.done).toMatchObject({ code: 0, stdout: expect.stringContaining('3 records') });
}, 60_000);

it('nobody there: 4, and what was tried', async () => {
  const { code, stderr } = await startYak(['topic', 'list', '--bootstrap', '127.0.0.1:1', '--timeout-ms', '1500']).done;
  expect([code, stderr]).toEqual([4, expect.stringContaining('no answer from 127.0.0.1:1 within 1.5 s: nobody listens on 127.0.0.1:1')]);
  const wrongDoor = await startYak(['topic', 'list', '--bootstrap', cluster.kafka, '--timeout-ms', '1500']).done;
  expect([wrongDoor.code, wrongDoor.stderr]).toEqual([4, expect.stringContaining('is it a Nest TCP door')]);
}, 20_000);
