/**
 * The main job as a user does it: a real text goes in through `yak produce` with acks=all while processes are killed, and
 * comes out of `yak consume` line by line, once, in order. `cmp` is the judge.
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { type Running, run, startYak, succeeded, yak } from './support/commands.js';
import { LocalCluster } from './support/local-cluster.js';
import { writeRealText } from './support/text.js';

const LINES = 500_000;
/** The text is fed for about this long, so that the kills fall into the middle of it. */
const FEED_MS = 12_000;

let cluster: LocalCluster;
let text: string;

beforeAll(async () => {
  cluster = await LocalCluster.start();
  text = join(cluster.folder, 'text');
  writeRealText(text, LINES);
  await run('sh', ['-c', `awk '{ print NR "\\t" $0 }' ${text} > ${text}.numbered`]);
}, 60_000);

afterAll(() => cluster.destroy(), 20_000);

/** Feeds `file` to `yak produce` evenly over FEED_MS and runs each step at its share of the file. */
async function produceWhile(
  topic: string,
  file: string,
  args: string[],
  steps: { at: number; run: () => Promise<void> | void }[],
): Promise<void> {
  const bootstrap = [...cluster.bootstrap, `127.0.0.1:${cluster.ports.coordinator}`].join(',');
  const produce: Running = startYak(['produce', topic, '--bootstrap', bootstrap, '--acks', 'all', '--json', ...args], {
    keepStdinOpen: true,
  });
  const { size } = await import('node:fs/promises').then(({ stat }) => stat(file));
  const chunkBytes = 64 * 1024;
  const pauseMs = FEED_MS / (size / chunkBytes);
  let fed = 0;
  const pending = [...steps];
  const running: Promise<void>[] = [];
  for await (const chunk of createReadStream(file, { highWaterMark: chunkBytes })) {
    if (!produce.process.stdin!.write(chunk)) await new Promise((resolve) => produce.process.stdin!.once('drain', resolve));
    fed += (chunk as Buffer).length;
    while (pending.length > 0 && fed >= pending[0]!.at * size) running.push(Promise.resolve(pending.shift()!.run()));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  produce.process.stdin!.end();
  await Promise.all(running);
  const finished = succeeded('yak produce', await produce.done);
  const summary = JSON.parse(finished.stdout.trim().split('\n').at(-1)!) as Record<string, unknown>;
  console.log(`${topic}: ${JSON.stringify(summary)}`);
}

async function consumeTo(topic: string, output: string, args: string[] = []): Promise<void> {
  const bootstrap = cluster.bootstrap.join(',');
  await yak(['consume', topic, '--from-beginning', '--exit-at-end', '--bootstrap', bootstrap, ...args], { output });
}

async function killLeader(topic: string): Promise<void> {
  const { leader } = await cluster.leaderOf(topic, 0);
  const pid = cluster.kill('broker', leader);
  await cluster.restarted('broker', leader, pid);
}

it('R26: leaders are killed one after the other: every line once and in order, and numbered lines over three partitions too', async () => {
  await yak(['topic', 'create', 'text', '--partitions', '1', '--bootstrap', cluster.bootstrap[0]!]);
  await produceWhile(
    'text',
    text,
    [],
    [
      { at: 0.25, run: () => killLeader('text') },
      { at: 0.6, run: () => killLeader('text') },
    ],
  );
  await consumeTo('text', `${text}.out`);
  await run('cmp', [text, `${text}.out`]);

  await produceWhile(
    'spread',
    `${text}.numbered`,
    ['--partitions', '3'],
    [
      { at: 0.25, run: () => killLeader('spread') },
      { at: 0.6, run: () => killLeader('spread') },
    ],
  );
  for (const partition of ['0', '1', '2']) {
    await consumeTo('spread', `${text}.p${partition}`, ['--partition', partition]);
    await run('sort', ['--check', '--numeric-sort', `${text}.p${partition}`], { env: { LC_ALL: 'C' } });
  }
  await run('sh', ['-c', `cat ${text}.p? | LC_ALL=C sort --numeric-sort --stable | cmp - ${text}.numbered`]);
}, 180_000);

it('R21: the cluster coordinator is killed: producing goes on and every line is there', async () => {
  await yak(['topic', 'create', 'headless', '--partitions', '1', '--bootstrap', cluster.bootstrap[0]!]);
  await produceWhile(
    'headless',
    text,
    [],
    [
      { at: 0.3, run: () => void cluster.kill('coordinator', 0) },
      { at: 0.7, run: () => void cluster.kill('coordinator', 0) },
    ],
  );
  await consumeTo('headless', `${text}.out`);
  await run('cmp', [text, `${text}.out`]);
}, 120_000);

it('R13: all four processes are killed at once: they come back alone and every line is there', async () => {
  await yak(['topic', 'create', 'blackout', '--partitions', '1', '--bootstrap', cluster.bootstrap[0]!]);
  const killAll = (): void => {
    for (const id of [0, 1, 2]) cluster.kill('broker', id);
    cluster.kill('coordinator', 0);
  };
  await produceWhile('blackout', text, [], [{ at: 0.4, run: killAll }]);
  await consumeTo('blackout', `${text}.out`);
  await run('cmp', [text, `${text}.out`]);
}, 120_000);
