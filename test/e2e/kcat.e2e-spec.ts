/**
 * An unmodified librdkafka client on the Kafka door: what it writes `yak consume` reads and the other way round, through the
 * death of leaders; every codec, acks, keys and headers, offsets and times.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, start, succeeded, yak } from './support/commands.js';
import { isKcatHere } from './support/foreign-tools.js';
import { LocalCluster } from './support/local-cluster.js';
import { writeRealText } from './support/text.js';

let cluster: LocalCluster;
let hasKcat = false;

beforeAll(async () => {
  hasKcat = await isKcatHere();
  if (hasKcat) cluster = await LocalCluster.start();
}, 60_000);

afterAll(() => cluster?.destroy(), 20_000);

const kcat = (args: string[], options = {}) => run('kcat', ['-b', cluster.kafka, '-q', ...args], options);

it('lists brokers and topics', async () => {
  if (!hasKcat) return;
  await yak(['topic', 'create', 'listed', '--partitions', '2', '--bootstrap', cluster.bootstrap[0]!]);
  const { stdout } = await run('kcat', ['-b', cluster.kafka, '-L']);
  expect(stdout).toContain('3 brokers');
  expect(stdout).toMatch(/topic "listed" with 2 partitions/);
}, 30_000);

it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
  'codec %s: keys, headers and values written by kcat come back on both doors',
  async (codec) => {
    if (!hasKcat) return;
    const topic = `codec-${codec}`;
    const lines = Array.from({ length: 500 }, (_, i) => `key${i}:value ${i} ${'x'.repeat(50)}`);
    await kcat(['-P', '-t', topic, '-p', '0', '-K:', '-H', 'origin=kcat', '-z', codec, '-X', 'acks=all'], {
      inputText: `${lines.join('\n')}\n`,
    });
    const back = await kcat(['-C', '-t', topic, '-p', '0', '-o', 'beginning', '-e', '-f', '%k:%s|%h\n']);
    expect(back.stdout.trimEnd().split('\n')).toEqual(lines.map((line) => `${line}|origin=kcat`));
    const ours = await yak([
      'consume',
      topic,
      '--partition',
      '0',
      '--from-beginning',
      '--exit-at-end',
      '--bootstrap',
      cluster.bootstrap.join(','),
    ]);
    expect(ours.stdout.trimEnd().split('\n')).toEqual(lines.map((line) => line.slice(line.indexOf(':') + 1)));
  },
  30_000,
);

it.each(['0', '1', 'all'])(
  'acks=%s, and an idempotent producer',
  async (acks) => {
    if (!hasKcat) return;
    const topic = `acks-${acks}`;
    await kcat(['-P', '-t', topic, '-p', '0', '-X', `acks=${acks}`, ...(acks === 'all' ? ['-X', 'enable.idempotence=true'] : [])], {
      inputText: 'one\ntwo\nthree\n',
    });
    // acks=0 has no answer that could be waited for: the consumer asks until all three are there.
    const back = await kcat(['-C', '-t', topic, '-p', '0', '-o', 'beginning', '-c', '3']);
    expect(back.stdout).toBe('one\ntwo\nthree\n');
  },
  30_000,
);

it('reads from an offset, from the end backwards, and from a time', async () => {
  if (!hasKcat) return;
  await kcat(['-P', '-t', 'seek', '-p', '0', '-X', 'acks=all'], { inputText: 'a\nb\nc\nd\n' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const between = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await kcat(['-P', '-t', 'seek', '-p', '0', '-X', 'acks=all'], { inputText: 'e\nf\n' });
  expect((await kcat(['-C', '-t', 'seek', '-p', '0', '-o', '2', '-e'])).stdout).toBe('c\nd\ne\nf\n');
  expect((await kcat(['-C', '-t', 'seek', '-p', '0', '-o', '-1', '-e'])).stdout).toBe('f\n');
  expect((await kcat(['-C', '-t', 'seek', '-p', '0', '-o', `s@${between}`, '-e'])).stdout).toBe('e\nf\n');
  const time = await yak([
    'consume',
    'seek',
    '--offset',
    `@${between}`,
    '--partition',
    '0',
    '--exit-at-end',
    '--bootstrap',
    cluster.bootstrap[0]!,
  ]);
  expect(time.stdout).toBe('e\nf\n');
}, 30_000);

it('a text written by kcat through the death of a leader is read by yak consume, and the other way round', async () => {
  if (!hasKcat) return;
  const text = join(cluster.folder, 'text');
  writeRealText(text, 200_000);
  // kcat drops empty lines and lines cannot hold its delimiter: compare what a line-based tool can carry.
  const kept = readFileSync(text)
    .toString('latin1')
    .split('\n')
    .filter((line) => line.length > 0);
  writeFileSync(`${text}.in`, Buffer.from(`${kept.join('\n')}\n`, 'latin1'));

  const killLeader = async (topic: string): Promise<void> => {
    const { leader } = await cluster.leaderOf(topic, 0);
    const pid = cluster.kill('broker', leader);
    await cluster.restarted('broker', leader, pid);
  };
  const feed = async (stdin: NodeJS.WritableStream, topic: string): Promise<void> => {
    const content = readFileSync(`${text}.in`);
    const chunk = Math.ceil(content.length / 100);
    for (let i = 0; i < 100; i++) {
      stdin.write(content.subarray(i * chunk, (i + 1) * chunk));
      if (i === 30 || i === 65) void killLeader(topic);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    stdin.end();
  };
  const bootstrap = cluster.bootstrap.join(',');

  await yak(['topic', 'create', 'from-kcat', '--partitions', '1', '--bootstrap', bootstrap]);
  const args = [
    '-b',
    cluster.kafka,
    '-q',
    '-P',
    '-t',
    'from-kcat',
    '-p',
    '0',
    '-X',
    'acks=all',
    '-X',
    'enable.idempotence=true',
    '-X',
    'message.timeout.ms=60000',
  ];
  const writing = start('kcat', args, { keepStdinOpen: true });
  await feed(writing.process.stdin!, 'from-kcat');
  succeeded('kcat -P', await writing.done);
  await yak(['consume', 'from-kcat', '--from-beginning', '--exit-at-end', '--bootstrap', bootstrap], { output: `${text}.out` });
  await run('cmp', [`${text}.in`, `${text}.out`]);

  await yak(['topic', 'create', 'from-yak', '--partitions', '1', '--bootstrap', bootstrap]);
  const ours = start(process.execPath, ['bin/yak.mjs', 'produce', 'from-yak', '--bootstrap', bootstrap], { keepStdinOpen: true });
  await feed(ours.process.stdin!, 'from-yak');
  succeeded('yak produce', await ours.done);
  await kcat(['-C', '-t', 'from-yak', '-p', '0', '-o', 'beginning', '-e'], { output: `${text}.out` });
  await run('cmp', [`${text}.in`, `${text}.out`]);
}, 120_000);
