/**
 * A planned stop (SIGTERM, as `kubectl delete pod`, a roll or a drain send it) loses nothing and fails nothing: every broker in
 * turn, again and again, under load from three client libraries. A failed send is one that a library told its user of.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { YakClient } from '#client';
import { yak } from './support/commands.js';
import { isKcatHere } from './support/foreign-tools.js';
import { LocalCluster } from './support/local-cluster.js';
import { seams } from './support/seams.js';
import { KafkaJsLoad, KafkaJsReaders, KcatLoad, type Load, OwnLoad, OwnReaders, type Readers } from './support/stop-load.js';
import { until } from './support/until.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 2);
const PARTITIONS = 6;
const SESSION_MS = 2_000;

let cluster: LocalCluster;
let client: YakClient;

beforeAll(async () => {
  cluster = await LocalCluster.start();
  client = new YakClient({ bootstrap: cluster.bootstrap }, seams);
}, 60_000);

afterAll(async () => {
  await client?.close();
  await cluster?.destroy();
}, 30_000);

async function allInSync(topics: readonly string[]): Promise<void> {
  const isWhole = async (): Promise<boolean> => {
    const answers = await client.admin.describeTopics([...topics, '__consumer_offsets']);
    return answers.every(({ partitions }) => partitions.every(({ isr }) => isr.length === cluster.brokerCount));
  };
  await until(isWhole, 30_000, 'every replica to be in sync');
}

function exitOf(pid: number) {
  return cluster.events.find((event) => event.event === 'exited' && event.pid === pid) as { code?: number | null } | undefined;
}

/** Told to stop, gone with code 0, started again by the supervisor, ready, in sync. Answers how long the stop took. */
async function stopAndReturn(id: number, topics: readonly string[]): Promise<number> {
  const began = performance.now();
  const pid = cluster.kill('broker', id, 'SIGTERM');
  await cluster.waitFor(() => exitOf(pid) !== undefined, 60_000, `broker ${id} to end`);
  const tookMs = performance.now() - began;
  expect(exitOf(pid)).toMatchObject({ code: 0 });
  await cluster.servesAgain('broker', id, pid);
  await allInSync(topics);
  return tookMs;
}

async function createTopic(name: string): Promise<void> {
  await client.admin.createTopics({ topics: [{ name, partitions: PARTITIONS, replicationFactor: 3 }] });
}

async function readBack(topic: string): Promise<Map<string, number>> {
  const { stdout } = await yak(['consume', topic, '--from-beginning', '--exit-at-end', '--bootstrap', cluster.bootstrap.join(',')]);
  const seen = new Map<string, number>();
  for (const line of stdout.trimEnd().split('\n')) seen.set(line, (seen.get(line) ?? 0) + 1);
  return seen;
}

function judge(load: Load, stored: ReadonlyMap<string, number>) {
  const lost = [...load.acknowledged].filter((value) => !stored.has(value));
  const doubled = [...stored].filter(([, times]) => times > 1).length;
  const pause = load.longestSendMs === null ? '' : `, longest pause of a send ${load.longestSendMs.toFixed(0)} ms`;
  console.log(
    `${load.name}: ${load.acknowledged.size} acknowledged, ${load.failures.length} failed, ${lost.length} lost, ${doubled} doubled${pause}`,
  );
  return { failures: load.failures.slice(0, 3), lost: lost.slice(0, 3), doubled };
}

it('R28: a rolling restart under load fails no send, loses nothing and disturbs no group', async () => {
  const hasKcat = await isKcatHere();
  const topics = ['own', 'kafkajs', ...(hasKcat ? ['kcat'] : [])];
  for (const topic of topics) await createTopic(topic);
  const loads: Load[] = [new OwnLoad(client, 'own', PARTITIONS), await KafkaJsLoad.start(cluster.kafka, 'kafkajs', PARTITIONS)];
  if (hasKcat) loads.push(new KcatLoad(cluster.kafka, 'kcat'));
  const readers: Readers[] = [new OwnReaders(client, 'own', 2), await KafkaJsReaders.start(cluster.kafka, 'kafkajs', 2)];
  await until(() => readers.every((one) => one.seen.size > 0), 30_000, 'both groups to read');
  await allInSync(topics);

  const stopsMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let id = 0; id < cluster.brokerCount; id++) stopsMs.push(await stopAndReturn(id, topics));
  }
  console.log(`${stopsMs.length} stops, each took ${stopsMs.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  for (const load of loads) await load.stop();
  for (const [index, one] of readers.entries()) {
    const load = loads[index]!;
    await until(
      () => [...load.acknowledged].every((value) => one.seen.has(value)),
      30_000,
      `the ${one.name} to have read everything`,
      () => `${one.seen.size} of ${load.acknowledged.size}; ${one.troubles.join('; ')}`,
    );
    const again = [...one.seen.values()].filter((times) => times > 1).length;
    console.log(
      `${one.name}: ${one.seen.size} read, ${again} of them again, ${one.restarts} restarts; troubles: ${one.troubles.join('; ') || 'none'}`,
    );
    await one.stop();
  }
  for (const load of loads) {
    const { doubled, ...verdict } = judge(load, await readBack(load.topic));
    expect({ client: load.name, ...verdict }).toEqual({ client: load.name, failures: [], lost: [] });
    // Without idempotence (KafkaJS and librdkafka by default) a retry of what was stored may store it again.
    if (load.name === 'own client') expect(doubled).toBe(0);
    expect(load.acknowledged.size).toBeGreaterThan(500);
  }
  expect(readers.flatMap((one) => one.troubles)).toEqual([]);
}, 240_000);

async function probe(id: number, path: string): Promise<{ status: number; reasons: string[] }> {
  const response = await fetch(`http://127.0.0.1:${cluster.ports.http + id}${path}`);
  return { status: response.status, reasons: ((await response.json()) as { reasons: string[] }).reasons };
}

it('R28: two brokers told to stop at once go one after the other; the one that waits is not ready, and serves', async () => {
  await createTopic('both');
  const load = new OwnLoad(client, 'both', PARTITIONS);
  await sleep(500);
  await allInSync(['both']);
  const pids = [0, 1].map((id) => cluster.kill('broker', id, 'SIGTERM'));
  await cluster.waitFor(() => pids.some((pid) => exitOf(pid) !== undefined), 60_000, 'one broker to end');
  const waiting = exitOf(pids[0]!) ? 1 : 0;
  expect(await probe(waiting, '/readyz')).toMatchObject({ status: 503, reasons: expect.arrayContaining(['stopping']) });
  expect(await probe(waiting, '/livez')).toMatchObject({ status: 200 });
  const { topics } = await client.admin.metadata(['both']);
  expect(topics[0]!.partitions.map(({ leader }) => leader)).toContain(waiting);
  await cluster.waitFor(() => pids.every((pid) => exitOf(pid) !== undefined), 60_000, 'both brokers to end');
  expect(pids.map((pid) => exitOf(pid)?.code)).toEqual([0, 0]);
  const exits = cluster.events.flatMap((event, index) => (event.event === 'exited' && pids.includes(event.pid) ? [index] : []));
  // The first one serves again before the second one goes: with two away, two in-sync replicas would be too few.
  const between = cluster.events.slice(exits[0], exits[1]).filter((event) => event.event === 'serving');
  expect(between).toHaveLength(1);
  for (const [id, pid] of pids.entries()) await cluster.servesAgain('broker', id, pid);
  await allInSync(['both']);
  await load.stop();
  const { doubled, ...verdict } = judge(load, await readBack('both'));
  expect({ ...verdict, doubled }).toEqual({ failures: [], lost: [], doubled: 0 });
  await sleep(SESSION_MS);
}, 120_000);
