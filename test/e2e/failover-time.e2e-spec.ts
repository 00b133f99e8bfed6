/**
 * From the death of a leader to the next acknowledged send of a partition that it led, twenty times gone at once (SIGKILL)
 * and a few times frozen (SIGSTOP). Printed; asserted only at three times the aim.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { YakClient } from '#client';
import { yak } from './support/commands.js';
import { LocalCluster } from './support/local-cluster.js';
import { seams } from './support/seams.js';

const AIM_KILLED_MS = 1_000;
const SESSION_MS = 2_000;
const AIM_FROZEN_MS = 3_500;

let cluster: LocalCluster;
let client: YakClient;

beforeAll(async () => {
  cluster = await LocalCluster.start();
  // A coordinator that has just started gives every broker a full new session (R22): the first death is not timed inside it.
  await new Promise((resolve) => setTimeout(resolve, SESSION_MS));
  await yak(['topic', 'create', 'beat', '--partitions', '1', '--bootstrap', cluster.bootstrap[0]!]);
  client = new YakClient({ bootstrap: [...cluster.bootstrap, `127.0.0.1:${cluster.ports.coordinator}`] }, seams);
}, 60_000);

afterAll(async () => {
  await client?.close();
  await cluster?.destroy();
}, 20_000);

async function recoveryMs(signal: 'SIGKILL' | 'SIGSTOP'): Promise<number> {
  const producer = client.producer({ acks: -1, lingerMs: 0 });
  await producer.send({ topic: 'beat', value: Buffer.from('before') });
  const { leader, leaderEpoch } = await cluster.leaderOf('beat', 0);
  const pid = cluster.kill('broker', leader, signal);
  const began = performance.now();
  await producer.send({ topic: 'beat', value: Buffer.from('after') });
  const took = performance.now() - began;
  await producer.close();
  await cluster.waitFor(() => leaderMoved(leaderEpoch), 20_000, 'a new leader');
  if (signal === 'SIGSTOP') process.kill(pid, 'SIGCONT');
  else await cluster.restarted('broker', leader, pid);
  await allInSync();
  // The quick path fences at most half of the brokers per session (R22): each death here stands alone.
  await new Promise((resolve) => setTimeout(resolve, SESSION_MS));
  return took;
}

function leaderMoved(than: number): boolean {
  return cluster.events.some((event) => event.event === 'leader' && event.topic === 'beat' && event.leaderEpoch > than);
}

async function allInSync(): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const topics = await client.admin.describeTopics(['beat']);
    if (topics[0]?.partitions[0]?.isr.length === 3) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the replica did not come back into the ISR within 20 s');
}

function coordinatorPauses(): number {
  return readFileSync(join(cluster.data, 'logs', 'coordinator.log'), 'utf8').split('the cluster coordinator was paused').length - 1;
}

function median(times: number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

function summary(times: number[]): string {
  return `median ${median(times).toFixed(0)} ms, worst ${Math.max(...times).toFixed(0)} ms of ${times.length}`;
}

it('a leader that is gone at once: writes resume within a second', async () => {
  const times: number[] = [];
  for (let i = 0; i < 20; i++) times.push(await recoveryMs('SIGKILL'));
  const late = times.filter((time) => time > AIM_KILLED_MS).length;
  console.log(
    `SIGKILL of the leader to the next acknowledged send: ${summary(times)}, ${late} above ${AIM_KILLED_MS} ms, ${coordinatorPauses()} pauses of the coordinator`,
  );
  expect(median(times)).toBeLessThan(3 * AIM_KILLED_MS);
  // A machine that stalls the coordinator for more than 500 ms gives every broker a full new session (R22): a death that falls
  // into it is found as late as a freeze. The coordinator logs each such pause; without one the aim holds for every death.
  expect(Math.max(...times)).toBeLessThan(3 * (coordinatorPauses() === 0 ? AIM_KILLED_MS : AIM_FROZEN_MS));
}, 300_000);

it('a leader that is frozen: writes resume when its session is over', async () => {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(await recoveryMs('SIGSTOP'));
  console.log(`SIGSTOP of the leader to the next acknowledged send: ${summary(times)}`);
  expect(Math.max(...times)).toBeLessThan(3 * AIM_FROZEN_MS);
}, 300_000);
