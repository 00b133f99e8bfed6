/** A broker that is told to stop at a bad moment ends quickly and in order all the same: the next start finds a clean folder. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { YakClient } from '#client';
import { type Running, startYak } from './support/commands.js';
import { LocalCluster } from './support/local-cluster.js';
import { seams } from './support/seams.js';
import { until } from './support/until.js';

/** HAND_OVER_SILENCE_MS of the broker, and what closing takes. */
const WITHOUT_COORDINATOR_MS = 10_000 + 3_000;
const QUICK_MS = 3_000;
const SESSION_MS = 2_000;
/** The timeout of a probe that nobody set. Machines are shared: asserted at three times. */
const PROBE_AIM_MS = 1_000;
const CLEAN_MARKER = '.kafka_cleanshutdown';

const opened: LocalCluster[] = [];

async function startCluster(brokers: number, args: readonly string[] = []): Promise<LocalCluster> {
  const cluster = await LocalCluster.start({ brokers, args });
  opened.push(cluster);
  return cluster;
}

afterEach(async () => {
  for (const cluster of opened.splice(0)) await cluster.destroy();
}, 30_000);

/** Answers how long it took. */
async function ended(cluster: LocalCluster, pid: number): Promise<number> {
  const began = performance.now();
  const exit = () => cluster.events.find((event) => event.event === 'exited' && event.pid === pid);
  await cluster.waitFor(() => exit() !== undefined, 40_000, `process ${pid} to end`);
  expect(exit()).toMatchObject({ code: 0 });
  return performance.now() - began;
}

function isClean(cluster: LocalCluster, id: number): boolean {
  return existsSync(join(cluster.data, `broker-${id}`, CLEAN_MARKER));
}

it('with the cluster coordinator away it waits for another one for a while and goes; a second SIGTERM ends the wait, not the flush', async () => {
  const cluster = await startCluster(3, ['--no-restart']);
  const client = new YakClient({ bootstrap: cluster.bootstrap }, seams);
  await client.admin.createTopics({ topics: [{ name: 't', partitions: 3, replicationFactor: 3 }] });
  await client.producer().send({ topic: 't', value: Buffer.from('1') });
  await client.close();
  const frozen = cluster.kill('coordinator', 0, 'SIGSTOP');
  try {
    const patient = await ended(cluster, cluster.kill('broker', 0, 'SIGTERM'));
    expect(patient).toBeGreaterThan(5_000);
    expect(patient).toBeLessThan(WITHOUT_COORDINATOR_MS);
    const hurried = cluster.kill('broker', 1, 'SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.kill(hurried, 'SIGTERM');
    expect(await ended(cluster, hurried)).toBeLessThan(QUICK_MS);
    expect([isClean(cluster, 0), isClean(cluster, 1)]).toEqual([true, true]);
    console.log(`without a coordinator the stop took ${patient.toFixed(0)} ms`);
  } finally {
    process.kill(frozen, 'SIGCONT');
  }
}, 90_000);

it('fenced: it has nothing to hand over', async () => {
  const cluster = await startCluster(3, ['--no-restart']);
  const pid = cluster.kill('broker', 2, 'SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 2 * SESSION_MS));
  process.kill(pid, 'SIGTERM');
  process.kill(pid, 'SIGCONT');
  expect(await ended(cluster, pid)).toBeLessThan(QUICK_MS);
  expect(isClean(cluster, 2)).toBe(true);
}, 60_000);

/** A broker alone, on the folder of a cluster that is down. */
function startAlone(cluster: LocalCluster): Running {
  const ports = ['--kafka-port', '0', '--replication-port', '0', '--tcp-port', '0', '--http-port', String(cluster.ports.http)];
  const coordinators = ['--coordinators', `127.0.0.1:${cluster.ports.coordinator}`];
  return startYak(['broker', '--id', '0', '--data', join(cluster.data, 'broker-0'), ...coordinators, ...ports]);
}

interface Startup {
  readonly status: number;
  readonly state: string;
  readonly recovery: { readonly done: number; readonly total: number; readonly bytesRead: number };
}

/** Null while nobody listens. */
async function startupz(cluster: LocalCluster): Promise<Startup | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${cluster.ports.http}/startupz`);
    return { ...((await response.json()) as Omit<Startup, 'status'>), status: response.status };
  } catch {
    return null;
  }
}

async function stopAlone(broker: Running): Promise<number> {
  const began = performance.now();
  broker.process.kill('SIGTERM');
  const { code, stderr } = await broker.done;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return performance.now() - began;
}

it('before it is registered, and in the middle of a long recovery, which answers probes and shows how far it is', async () => {
  const cluster = await startCluster(1, ['--set', 'log.flush.policy=interval', '--set', 'log.segment.bytes=268435456']);
  const client = new YakClient({ bootstrap: cluster.bootstrap }, seams);
  await client.admin.createTopics({ topics: [{ name: 'big', partitions: 1, replicationFactor: 1 }] });
  const producer = client.producer({ batchBytes: 262_144 });
  const value = seams.random.bytes(65_536);
  for (let i = 0; i < 16_000; i++) {
    await producer.ready();
    producer.append({ topic: 'big', value });
  }
  await producer.close();
  await client.close();
  await cluster.stop();

  const unregistered = startAlone(cluster);
  await until(async () => (await startupz(cluster))?.status === 200, 20_000, 'the broker to have recovered');
  expect(await stopAlone(unregistered)).toBeLessThan(QUICK_MS);

  // Nothing is known of what is synced, as after damage: every byte is read and checked.
  const folder = join(cluster.data, 'broker-0');
  rmSync(join(folder, 'recovery-point-offset-checkpoint'));
  rmSync(join(folder, CLEAN_MARKER), { force: true });
  for (const name of readdirSync(join(folder, 'big-0'))) if (name.endsWith('.index')) rmSync(join(folder, 'big-0', name));
  const cutShort = startAlone(cluster);
  await until(async () => ((await startupz(cluster))?.recovery.bytesRead ?? 0) > 0, 20_000, 'the recovery to have begun');
  expect(await stopAlone(cutShort)).toBeLessThan(QUICK_MS);

  const again = startAlone(cluster);
  const seen: { bytesRead: number; done: number; tookMs: number }[] = [];
  await until(
    async () => {
      const began = performance.now();
      const answer = await startupz(cluster);
      if (answer?.status === 503) seen.push({ ...answer.recovery, tookMs: performance.now() - began });
      return answer?.status === 200;
    },
    60_000,
    'the recovery to end',
  );
  await stopAlone(again);
  const slowest = Math.max(...seen.map(({ tookMs }) => tookMs));
  const last = seen.at(-1)!;
  console.log(
    `${seen.length} probes during a recovery that read ${(last.bytesRead / 2 ** 20).toFixed(0)} MiB, the slowest took ${slowest.toFixed(0)} ms`,
  );
  expect(slowest).toBeLessThan(3 * PROBE_AIM_MS);
  // One partition is nearly everything: the bytes move while the count of partitions stands still.
  expect(new Set(seen.map(({ bytesRead }) => bytesRead)).size).toBeGreaterThan(5);
}, 120_000);
