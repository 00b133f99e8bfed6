/**
 * Redis emptied while one broker is dead for good, as processes: the cluster waits, says for whom, and goes on with two brokers by
 * the operator's word. Acknowledged records of partitions with a surviving in-sync replica are all there, and what is left without a
 * leader gets one by an unclean election. Needs a redis-server; without one it says so and is skipped.
 */
import { describeWithRedis, RedisServer } from '../../libs/metadata-redis/src/testing/redis-server.js';
import { type Finished, startYak, yak } from './support/commands.js';
import { LocalCluster, type UpEvent } from './support/local-cluster.js';
import { until } from './support/until.js';

let redis: RedisServer;
let cluster: LocalCluster;
let bootstrap: string[];

/** Asks one that stands by, which names the one that acts. */
function trust(...args: string[]): Promise<Finished> {
  const acting = cluster.events.findLast((event): event is Extract<UpEvent, { event: 'state' }> => {
    return event.event === 'state' && (event.state === 'active' || event.state === 'collecting');
  })!;
  return startYak(['cluster', 'trust', '--coordinators', `127.0.0.1:${cluster.ports.coordinator + 1 - acting.id}`, ...args]).done;
}

async function produce(topic: string, from: number, to: number): Promise<void> {
  const lines = Array.from({ length: to - from }, (_, index) => `${from + index}\n`).join('');
  await yak(['produce', topic, ...bootstrap], { inputText: lines });
}

async function consumed(topic: string): Promise<number[]> {
  const { stdout } = await yak(['consume', topic, '--from-beginning', '--exit-at-end', ...bootstrap]);
  return stdout
    .trim()
    .split('\n')
    .map(Number)
    .sort((a, b) => a - b);
}

async function leaders(topic: string): Promise<number[]> {
  const { stdout } = await yak(['cluster', 'leaders', topic, '--json', ...bootstrap]);
  return (JSON.parse(stdout) as { leader: number }[]).map(({ leader }) => leader);
}

const upTo = (end: number) => Array.from({ length: end }, (_, index) => index);

describeWithRedis('the operator’s word', () => {
  beforeAll(async () => {
    redis = await RedisServer.create();
    // Nobody starts broker 2 again.
    cluster = await LocalCluster.start({ args: ['--coordinators', '2', '--metadata', redis.url, '--no-restart'] });
    bootstrap = ['--bootstrap', cluster.bootstrap.slice(0, 2).join(',')];
  }, 60_000);
  afterAll(async () => {
    await cluster?.destroy();
    await redis?.stop();
  }, 30_000);

  it('R19: Redis is emptied while broker 2 is gone for good: the operator is asked, and trust makes two brokers a cluster again', async () => {
    await yak(['topic', 'create', 'kept', '--partitions', '3', '--replication-factor', '3', ...bootstrap]);
    // All of its replicas have to tell what they hold before one may lead.
    await yak([
      'topic',
      'create',
      'loose',
      '--partitions',
      '3',
      '--replication-factor',
      '3',
      '--config',
      'min.insync.replicas=1',
      ...bootstrap,
    ]);
    await produce('kept', 0, 300);
    await produce('loose', 0, 100);
    cluster.kill('broker', 2);
    const hasMoved = async () => [...(await leaders('kept')), ...(await leaders('loose'))].every((leader) => leader === 0 || leader === 1);
    await until(hasMoved, 20_000, 'the leaders to move');
    await produce('kept', 300, 600);

    expect(await redis.command('FLUSHALL')).toBe('+OK');
    const isCollecting = () => cluster.events.some((event) => event.event === 'state' && event.state === 'collecting');
    await cluster.waitFor(isCollecting, 20_000, 'the loss to be noticed');
    let shown: Finished;
    const haveCome = async () => {
      shown = await trust('--json');
      return shown.code === 2 && (JSON.parse(shown.stdout) as { copies: unknown[] }).copies.length === 2;
    };
    await until(haveCome, 20_000, 'the copies of two brokers', () => `${shown.stdout}${shown.stderr}`);
    expect(JSON.parse(shown!.stdout)).toMatchObject({ isDone: false, action: 'begin-history', brokers: [2] });
    const asked = await trust();
    expect(asked).toMatchObject({ code: 2, stderr: 'yak: nothing was done; --yes does it\n' });
    expect(asked.stdout).toMatch(/state .*waiting for the copies of brokers 2\n/);
    expect(asked.stdout).toMatch(/trust .*without the copies of brokers 2: .*given up/);
    // Leaders serve on all the while (R21).
    await produce('kept', 600, 700);

    expect(await trust('--yes')).toMatchObject({ code: 0, stdout: expect.stringContaining('done: the new history has begun') });
    const areLed = async () => (await leaders('kept')).every((leader) => leader === 0 || leader === 1);
    await until(areLed, 20_000, 'leaders by asking');
    const canCreate = async () => (await startYak(['topic', 'create', 'new', '--replication-factor', '2', ...bootstrap]).done).code === 0;
    await until(canCreate, 20_000, 'the cluster to take changes');
    expect(await consumed('kept')).toEqual(upTo(700));
    await produce('kept', 700, 800);
    expect(await consumed('kept')).toEqual(upTo(800));
    const again = await trust('--yes');
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('not suspect: there is nothing to trust') });

    expect(await leaders('loose')).toEqual([-1, -1, -1]);
    for (const partition of ['0', '1', '2']) {
      const elect = ['topic', 'elect', 'loose', partition, '--unclean', ...bootstrap];
      const warned = await startYak(elect).done;
      expect(warned).toMatchObject({
        code: 2,
        stdout: expect.stringMatching(/waits for answers of 3 intact replicas; 2 came\nWARNING: .*lost/),
      });
      expect((await startYak([...elect, '--yes']).done).stdout).toMatch(new RegExp(`loose-${partition}: broker [01] leads`));
    }
    // Whoever holds most leads, and both held everything.
    expect(await consumed('loose')).toEqual(upTo(100));
  }, 180_000);
});
