/**
 * Two cluster coordinators on one Redis, by `yak up`, and everything that can happen to the three of them under load: records go
 * on being acknowledged, none is lost or doubled, somebody acts again within 3 s, and the cluster can be changed then. Needs a
 * redis-server; without one it says so and is skipped.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { YakClient } from '#client';
import { describeWithRedis, RedisServer } from '../../libs/metadata-redis/src/testing/redis-server.js';
import { startYak, yak } from './support/commands.js';
import { LocalCluster, type UpEvent } from './support/local-cluster.js';
import { seams } from './support/seams.js';
import { OwnLoad } from './support/stop-load.js';
import { until } from './support/until.js';

const TAKEOVER_AIM_MS = 3_000;
/** A machine that stops everybody for so long explains a late takeover: it is printed, not judged. */
const STALL_MS = 500;
const PARTITIONS = 6;

type StateEvent = Extract<UpEvent, { event: 'state' }>;

let redis: RedisServer;
let cluster: LocalCluster;
let client: YakClient;
let load: OwnLoad;

function states(): StateEvent[] {
  return cluster.events.filter((event): event is StateEvent => event.event === 'state');
}

/** Who acts, as last told. */
function actor(): StateEvent {
  const last = states().findLast(({ state }) => state === 'active');
  if (last === undefined) throw new Error('no coordinator ever acted');
  return last;
}

const other = (id: number): number => 1 - id;

/** How late timers of this process were at worst: it shares the machine with the cluster. */
function watchStalls(): () => number {
  let last = performance.now();
  let worst = 0;
  const timer = setInterval(() => {
    worst = Math.max(worst, performance.now() - last - 20);
    last = performance.now();
  }, 20);
  return () => {
    clearInterval(timer);
    return worst;
  };
}

function coordinatorPauses(): number {
  const logs = join(cluster.data, 'logs');
  const texts = readdirSync(logs)
    .filter((name) => name.startsWith('coordinator'))
    .map((name) => readFileSync(join(logs, name), 'utf8'));
  return texts.join('').split('the cluster coordinator was paused').length - 1;
}

let topics = 0;

/** Answers the error, NONE for a topic that was created. */
async function tryToCreateTopic(): Promise<string> {
  const name = `made-${topics++}`;
  return (await client.admin.createTopics({ topics: [{ name, partitions: 1, replicationFactor: 3 }] })).topics[0]!.error;
}

/** Proof that a coordinator acts: the cluster can be changed. */
async function createTopic(): Promise<void> {
  expect(await tryToCreateTopic()).toBe('NONE');
}

async function acknowledgesOn(what: string): Promise<void> {
  const before = load.acknowledged.size;
  await until(() => load.acknowledged.size > before + 200, 5_000, `records to be acknowledged ${what}`);
}

/** From the fault to the next coordinator that acts, and to the next change of the cluster. */
async function takeover(what: string, fault: () => void, aimMs = TAKEOVER_AIM_MS): Promise<void> {
  const from = states().length;
  const pauses = coordinatorPauses();
  const stalledMs = watchStalls();
  const began = performance.now();
  fault();
  const isTakenOver = () =>
    states()
      .slice(from)
      .some(({ state }) => state === 'active');
  await cluster.waitFor(isTakenOver, 20_000, `somebody to act after ${what}`);
  const tookMs = performance.now() - began;
  await createTopic();
  const changedMs = performance.now() - began;
  const worstMs = stalledMs();
  const isExcused = worstMs > STALL_MS || coordinatorPauses() > pauses;
  console.log(
    `${what}: another one acts after ${tookMs.toFixed(0)} ms, a topic is created after ${changedMs.toFixed(0)} ms` +
      (isExcused ? `; not judged, the machine stalled (this process for ${worstMs.toFixed(0)} ms)` : ''),
  );
  if (!isExcused) expect(tookMs).toBeLessThan(aimMs);
}

describeWithRedis('two coordinators on one Redis', () => {
  beforeAll(async () => {
    redis = await RedisServer.create();
    cluster = await LocalCluster.start({ args: ['--coordinators', '2', '--metadata', redis.url] });
    client = new YakClient({ bootstrap: cluster.bootstrap }, seams);
    await client.admin.createTopics({ topics: [{ name: 'load', partitions: PARTITIONS, replicationFactor: 3 }] });
    load = new OwnLoad(client, 'load', PARTITIONS);
  }, 60_000);

  afterAll(async () => {
    await client?.close();
    await cluster?.destroy();
    await redis?.stop();
  }, 30_000);

  it('one acts and one stands by, in the ready event, in yak cluster and on the HTTP doors', async () => {
    const ready = cluster.events.find((event) => event.event === 'ready') as Extract<UpEvent, { event: 'ready' }>;
    expect(ready.coordinators.map(({ state }) => state).sort()).toEqual(['active', 'standby']);
    const { id } = actor();
    const doors = ready.coordinators.map(({ http }) => `http://${http}`);
    const [acting, standing] = [doors[id]!, doors[other(id)]!];
    const isSeen = async () => ((await json(`${acting}/v1/cluster`))['standbys'] as { id: number }[])[0]?.id === other(id);
    await until(isSeen, 5_000, 'the acting one to see who stands by');
    expect(await json(`${standing}/v1/cluster`)).toMatchObject({ state: 'standby', actor: { id }, clusterId: ready.clusterId });
    for (const door of doors) expect((await fetch(`${door}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${standing}/metrics`)).text()).toMatch(/^yak_coordinator_standby 1$/m);
    const described = (await yak(['cluster', '--json', '--bootstrap', cluster.bootstrap[0]!])).stdout;
    expect(JSON.parse(described)).toMatchObject({ coordinator: { id, store: expect.stringMatching(/^redis 127\.0\.0\.1:\d+$/) } });
  }, 30_000);

  it('SIGKILL of the acting one: the other takes over in 3 s, and the killed one comes back to stand by', async () => {
    const { id, coordinatorEpoch } = actor();
    const pid = cluster.pid('coordinator', id);
    await takeover('SIGKILL', () => cluster.kill('coordinator', id));
    expect(actor()).toMatchObject({ id: other(id) });
    expect(actor().coordinatorEpoch).toBeGreaterThan(coordinatorEpoch);
    await cluster.servesAgain('coordinator', id, pid);
    expect(states().findLast((event) => event.id === id)).toMatchObject({ state: 'standby' });
    await acknowledgesOn('after the takeover');
  }, 60_000);

  it('SIGTERM of the acting one: it gives its turn up, and nobody waits for a session', async () => {
    const { id } = actor();
    const pid = cluster.pid('coordinator', id);
    await takeover('SIGTERM', () => cluster.kill('coordinator', id, 'SIGTERM'), 1_500);
    await cluster.servesAgain('coordinator', id, pid);
  }, 60_000);

  it('SIGSTOP of the acting one: the other takes over; the frozen one wakes up fenced and stands by', async () => {
    const { id, coordinatorEpoch } = actor();
    let pid = 0;
    await takeover('SIGSTOP', () => {
      pid = cluster.kill('coordinator', id, 'SIGSTOP');
    });
    await acknowledgesOn('while the old one is frozen');
    const from = states().length;
    process.kill(pid, 'SIGCONT');
    const standsBy = () =>
      states()
        .slice(from)
        .some((event) => event.id === id && event.state === 'standby');
    await cluster.waitFor(standsBy, 10_000, 'the thawed one to stand by');
    expect(actor()).toMatchObject({ id: other(id) });
    expect(actor().coordinatorEpoch).toBeGreaterThan(coordinatorEpoch);
    await createTopic();
  }, 60_000);

  it('R21: Redis frozen for 5 s: records are acknowledged all the while, and the cluster can be changed right after', async () => {
    redis.freeze();
    const began = performance.now();
    while (performance.now() - began < 5_000) await acknowledgesOn('while Redis is frozen');
    const { http } = (cluster.events.find((event) => event.event === 'ready') as Extract<UpEvent, { event: 'ready' }>).coordinators[0]!;
    expect((await fetch(`http://${http}/livez`)).status).toBe(200);
    const ready = await fetch(`http://${http}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('metadata store has not answered');
    redis.thaw();
    await createTopic();
    console.log(`Redis frozen for 5 s: changed ${(performance.now() - began - 5_000).toFixed(0)} ms after it was thawed`);
  }, 60_000);

  it('Redis killed and started again with its file: accepted as it is, no new history', async () => {
    const { coordinatorEpoch } = actor();
    const from = states().length;
    await redis.kill();
    await acknowledgesOn('while Redis is gone');
    await sleep(2_500);
    await redis.start();
    await createTopic();
    expect(
      states()
        .slice(from)
        .filter(({ state }) => state === 'collecting'),
    ).toEqual([]);
    expect(actor().coordinatorEpoch).toBeLessThanOrEqual(coordinatorEpoch + 1);
    await acknowledgesOn('after Redis came back');
  }, 60_000);

  it('R19: FLUSHALL: the metadata comes back from the copies of the brokers, as a new history of the same cluster', async () => {
    const { clusterId } = JSON.parse((await yak(['cluster', '--json', '--bootstrap', cluster.bootstrap[0]!])).stdout) as {
      clusterId: string;
    };
    const from = states().length;
    const began = performance.now();
    expect(await redis.command('FLUSHALL')).toBe('+OK');
    const recovered = () => {
      const since = states().slice(from);
      const collecting = since.findIndex(({ state }) => state === 'collecting');
      return collecting >= 0 && since.slice(collecting).some(({ state }) => state === 'active');
    };
    await cluster.waitFor(recovered, 20_000, 'a new history');
    const recoveredMs = performance.now() - began;
    // Not before every broker has told what it holds.
    await until(async () => (await tryToCreateTopic()) === 'NONE', 10_000, 'the new history to take changes');
    const changedMs = performance.now() - began;
    console.log(`FLUSHALL: a new history after ${recoveredMs.toFixed(0)} ms, a topic is created after ${changedMs.toFixed(0)} ms`);
    const described = JSON.parse((await yak(['topic', 'describe', 'load', '--json', '--bootstrap', cluster.bootstrap[0]!])).stdout);
    expect(JSON.stringify(described)).toContain('"partition":5');
    const after = JSON.parse((await yak(['cluster', '--json', '--bootstrap', cluster.bootstrap[0]!])).stdout);
    expect(after).toMatchObject({ clusterId });
    const isPublished = async () => (await redis.command('HEXISTS', `yak:${clusterId}:leaders`, 'load-5')) === ':1';
    await until(isPublished, 5_000, 'the leaders to be published again');
    await acknowledgesOn('under the new history');
  }, 60_000);

  it('every acknowledged record is read back once', async () => {
    await load.stop();
    const { stdout } = await yak(['consume', 'load', '--from-beginning', '--exit-at-end', '--bootstrap', cluster.bootstrap.join(',')]);
    const seen = new Map<string, number>();
    for (const line of stdout.trimEnd().split('\n')) seen.set(line, (seen.get(line) ?? 0) + 1);
    const lost = [...load.acknowledged].filter((value) => !seen.has(value));
    const doubled = [...seen].filter(([, times]) => times > 1);
    console.log(
      `${load.acknowledged.size} acknowledged, ${load.failures.length} failed, ${lost.length} lost, ${doubled.length} doubled; ` +
        `longest send ${load.longestSendMs.toFixed(0)} ms`,
    );
    expect({ failures: load.failures.slice(0, 3), lost: lost.slice(0, 3), doubled: doubled.slice(0, 3) }).toEqual({
      failures: [],
      lost: [],
      doubled: [],
    });
    expect(load.acknowledged.size).toBeGreaterThan(1_000);
    expect(await cluster.stop()).toBe(0);
  }, 60_000);
});

describeWithRedis('yak up and its Redis', () => {
  let server: RedisServer;
  let first: LocalCluster;

  beforeAll(async () => {
    server = await RedisServer.create();
    await server.command('ACL', 'SETUSER', 'yak', 'on', '>hunter2', '~*', '&*', '+@all');
    const url = server.url.replace('redis://', 'redis://yak:hunter2@');
    first = await LocalCluster.start({ brokers: 1, args: ['--metadata', url, '--set', 'metadata.name=first'] });
  }, 60_000);

  afterAll(async () => {
    await first?.destroy();
    await server?.stop();
  }, 30_000);

  async function refused(data: string, ...args: string[]): Promise<{ code: number | null; stderr: string; tookMs: number }> {
    const { ports } = first;
    const own = ['--tcp-port', `${ports.tcp + 10}`, '--kafka-port', `${ports.kafka + 10}`, '--http-port', `${ports.http + 10}`];
    own.push('--coordinator-port', `${ports.coordinator + 5}`, '--data', join(first.folder, data));
    const began = performance.now();
    const { code, stderr } = await startYak(['up', ...own, ...args]).done;
    return { code, stderr, tookMs: performance.now() - began };
  }

  it('the password is in no argument of a process and in no log', () => {
    for (const [app, id] of [
      ['coordinator', 0],
      ['broker', 0],
    ] as const) {
      const pid = first.pid(app, id);
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('hunter2');
      if (app === 'broker') expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('hunter2');
    }
    const logs = join(first.data, 'logs');
    const names = readdirSync(logs);
    expect(names).toContain('coordinator.log');
    for (const name of names) expect(readFileSync(join(logs, name), 'utf8')).not.toContain('hunter2');
    expect(JSON.stringify(first.events)).not.toContain('hunter2');
  });

  it('a Redis that is not there, or does not let us in, is one line that says what to do', async () => {
    const nobody = await refused('a', '--metadata', 'redis://127.0.0.1:1');
    expect(nobody).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^yak: the metadata store cannot be used: redis 127\.0\.0\.1:1: .*ECONNREFUSED.*; start it, or correct --metadata and its password\n$/,
      ),
    });
    expect(nobody.tookMs).toBeLessThan(10_000);
    const stranger = await refused('a', '--metadata', server.url.replace('redis://', 'redis://yak:wrong@'));
    expect(stranger).toMatchObject({ code: 1, stderr: expect.stringMatching(/WRONGPASS/) });
    expect(stranger.stderr).not.toContain('wrong@');
    const many = await refused('a', '--coordinators', '2');
    expect(many).toMatchObject({ code: 2, stderr: expect.stringMatching(/--coordinators 2 needs a store that they share: --metadata/) });
  }, 60_000);

  it('an empty data folder, and that of another cluster, are refused for a Redis that has one; another name is another cluster', async () => {
    const empty = await refused('b', '--metadata', server.url, '--set', 'metadata.name=first');
    expect(empty).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/holds the metadata of cluster .* has no broker of it.*--data.*metadata\.name/),
    });
    const second = await LocalCluster.start({ brokers: 1, args: ['--metadata', server.url, '--set', 'metadata.name=second'] });
    await second.stop();
    try {
      const foreign = await startYak([
        'up',
        '--data',
        second.data,
        '--metadata',
        server.url,
        '--set',
        'metadata.name=first',
        ...portsOf(second),
      ]).done;
      expect(foreign).toMatchObject({ code: 1, stderr: expect.stringMatching(/but data folder .* belongs to cluster/) });
    } finally {
      await second.destroy();
    }
  }, 60_000);
});

function portsOf({ ports }: LocalCluster): string[] {
  const { tcp, kafka, http, coordinator } = ports;
  return ['--tcp-port', `${tcp}`, '--kafka-port', `${kafka}`, '--http-port', `${http}`, '--coordinator-port', `${coordinator}`];
}

async function json(url: string): Promise<Record<string, unknown>> {
  return (await (await fetch(url)).json()) as Record<string, unknown>;
}
