// The published leaders against a real redis-server: what readers find, what subscribers hear, and what a replaced publisher may not.
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Logger, silentLogger } from '#seams';
import { NodeRandom } from '#seams-node';
import { CHANGED_ROWS_MAX, type LeaderRow, LeadersPublisher } from './leaders-publisher.js';
import { RedisMetadataLog } from './redis-metadata-log.js';
import { describeWithRedis, RedisServer } from './testing/redis-server.js';

const HASH = 'yak:c1:leaders';

function row(topic: string, partition: number, leader: number, change: Partial<LeaderRow> = {}): LeaderRow {
  return { topic, topicId: `id-${topic}`, partition, leader, leaderEpoch: 3, partitionEpoch: 7, isr: [leader], revision: 40, ...change };
}

describeWithRedis('the published leaders', () => {
  let server: RedisServer;
  let reader: Redis;
  let subscriber: Redis;
  let heard: { channel: string; topic: string; leader?: number; isDeleted?: boolean }[];
  let publishers: LeadersPublisher[];
  let epoch: number;
  const logs: { close(): Promise<void> }[] = [];

  async function publisher(logger: Logger = silentLogger): Promise<LeadersPublisher> {
    const opened = await LeadersPublisher.open({ url: server.url, name: 'main', logger });
    publishers.push(opened);
    return opened;
  }

  async function nextEpoch(): Promise<number> {
    const log = await RedisMetadataLog.open({ url: server.url, name: 'main', random: new NodeRandom(), logger: silentLogger });
    logs.push(log);
    return log.takeOver(-1);
  }

  async function rows(): Promise<Record<string, unknown>> {
    const stored = await reader.hgetall(HASH);
    return Object.fromEntries(Object.entries(stored).map(([field, text]) => [field, JSON.parse(text)]));
  }

  async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    for (let tries = 0; !(await isSo()); tries++) {
      if (tries > 400) throw new Error('it did not come to that');
      await sleep(10);
    }
  }

  beforeAll(async () => {
    server = await RedisServer.create();
    reader = new Redis(server.url, { retryStrategy: () => 20 });
    subscriber = new Redis(server.url, { retryStrategy: () => 20 });
    for (const client of [reader, subscriber]) client.on('error', () => {});
    subscriber.on('message', (channel: string, text: string) => heard.push({ channel, ...JSON.parse(text) }));
    await subscriber.subscribe(HASH);
  });
  beforeEach(async () => {
    await reader.del(HASH, `${HASH}:position`);
    heard = [];
    publishers = [];
    epoch = await nextEpoch();
  });
  afterEach(async () => {
    for (const opened of publishers) opened.close();
    for (const log of logs.splice(0)) await log.close();
  });
  afterAll(async () => {
    reader?.disconnect();
    subscriber?.disconnect();
    await server?.stop();
  });

  it('a reign begins with the whole hash and tells the differences; an election writes and tells its rows only', async () => {
    const leaders = await publisher();
    let all = [row('a', 0, 1), row('a', 1, 2), row('b', 0, 3)];
    leaders.publish(epoch, 'c1', () => all, null);
    await until(() => heard.length === 3);
    expect((await rows())['a-1']).toEqual({ ...row('a', 1, 2), coordinatorEpoch: epoch });
    expect(heard.every(({ channel }) => channel === HASH)).toBe(true);

    const changed = row('a', 1, 3, { leaderEpoch: 4, revision: 41 });
    leaders.publish(epoch, 'c1', () => [row('all', 0, 1)], [changed]);
    await until(() => heard.length === 4);
    expect(heard[3]).toEqual({ channel: HASH, ...changed, coordinatorEpoch: epoch });

    // The next reign finds what it would write: nothing to tell but what is new and what is gone.
    const next = await nextEpoch();
    all = [row('a', 0, 1, { revision: 90 }), changed, row('c', 0, 1)];
    (await publisher()).publish(next, 'c1', () => all, null);
    await until(() => heard.length === 6);
    expect(heard.slice(4).map(({ topic, leader, isDeleted }) => [topic, leader ?? isDeleted])).toEqual([
      ['c', 1],
      ['b', true],
    ]);
    expect(Object.keys(await rows()).sort()).toEqual(['a-0', 'a-1', 'c-0']);
    expect((await rows())['a-0']).toMatchObject({ revision: 40, coordinatorEpoch: epoch });
  });

  it('R17: a coordinator that was replaced publishes nothing any more, and neither does a step that comes late', async () => {
    const old = await publisher();
    old.publish(epoch, 'c1', () => [row('a', 0, 1)], null);
    await until(() => heard.length === 1);
    const next = await nextEpoch();
    old.publish(epoch, 'c1', () => [row('a', 0, 9)], [row('a', 0, 9)]);
    await until(() => (old as unknown as { reign: unknown }).reign === null);
    expect((await rows())['a-0']).toMatchObject({ leader: 1 });
    old.publish(next, 'c1', () => [row('a', 0, 2)], null);
    await until(() => heard.length === 2);

    // What was sent before and arrives after: the same sequence numbers again.
    const twin = await publisher();
    twin.publish(next, 'c1', () => [row('a', 0, 7)], null);
    await until(() => (twin as unknown as { client: Redis }).client.status === 'ready');
    await twin.settled();
    expect((await rows())['a-0']).toMatchObject({ leader: 2 });
    expect(heard.length).toBe(2);
  });

  it('more rows than one step takes are written and dropped as a whole', async () => {
    const many = Array.from({ length: 1_201 }, (_, partition) => row('many', partition, 1));
    const leaders = await publisher();
    leaders.publish(epoch, 'c1', () => many, null);
    await until(async () => (await reader.hlen(HASH)) === 1_201);
    leaders.publish(epoch, 'c1', () => [row('a', 0, 1)], null);
    await until(async () => (await reader.hlen(HASH)) === 1);
    await until(() => heard.length === 2 * 1_201 + 1);
  });

  it('R20: a Redis that is away costs no memory and no waiting; once it is back it has all of it, what was missed included', async () => {
    const warnings: unknown[] = [];
    const leaders = await publisher({ ...silentLogger, warn: (_message, fields) => void warnings.push(fields?.['reason']) });
    let all = [row('a', 0, 1), row('gone', 0, 1)];
    leaders.publish(epoch, 'c1', () => all, null);
    await until(() => heard.length === 2);
    await server.kill();
    all = [row('a', 0, 2)];
    for (let change = 0; change <= CHANGED_ROWS_MAX + 10; change++) leaders.publish(epoch, 'c1', () => all, [row('x', change, 1)]);
    expect((leaders as unknown as { changed: Map<string, unknown> }).changed.size).toBeLessThanOrEqual(CHANGED_ROWS_MAX);
    await until(() => warnings.length > 0);
    await server.start();
    await until(async () => Object.keys(await rows().catch(() => ({}))).length === 1);
    expect(await rows()).toMatchObject({ 'a-0': { leader: 2 } });
    expect(new Set(warnings).size).toBe(warnings.length);
  });

  it('R20: what a frozen Redis was sent is written anew, newest last', async () => {
    const leaders = await publisher();
    const { options } = (leaders as unknown as { client: Redis }).client;
    let all = [row('a', 0, 1)];
    leaders.publish(epoch, 'c1', () => all, null);
    await until(() => heard.length === 1);
    await leaders.settled();
    server.freeze();
    options.commandTimeout = 100;
    try {
      leaders.publish(epoch, 'c1', () => all, [row('a', 0, 5)]);
      await leaders.settled();
      all = [row('a', 0, 6)];
      leaders.publish(epoch, 'c1', () => all, [row('a', 0, 6)]);
    } finally {
      options.commandTimeout = 2_000;
      server.thaw();
    }
    await until(async () => ((await rows()) as { 'a-0': LeaderRow })['a-0'].leader === 6);
    await leaders.settled();
    await sleep(50);
    expect(await rows()).toMatchObject({ 'a-0': { leader: 6 } });
  });

  it('a Redis that says no is asked again with the next change, not before', async () => {
    const warnings: unknown[] = [];
    const leaders = await publisher({ ...silentLogger, warn: (_message, fields) => void warnings.push(fields?.['reason']) });
    leaders.publish(epoch, 'c1', () => [row('a', 0, 1)], null);
    await until(() => heard.length === 1);
    await reader.del(HASH);
    await reader.set(HASH, 'not a hash');
    leaders.publish(epoch, 'c1', () => [row('a', 0, 2)], [row('a', 0, 2)]);
    await leaders.settled();
    expect(warnings).toEqual([expect.stringContaining('WRONGTYPE')]);
    await reader.del(HASH);
    leaders.publish(epoch, 'c1', () => [row('a', 0, 3), row('b', 0, 3)], [row('a', 0, 3)]);
    await until(async () => Object.keys(await rows()).length === 2);
  });
});
