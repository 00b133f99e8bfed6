// The Redis store against a real redis-server: what every MetadataLog promises, and what can become of a Redis (R17-R20).
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppendResult, type Expected, MetadataImage, type MetadataLog, type SharedMetadataLog } from '#metadata';
import { COMMAND_TIMEOUT_MS, RedisMetadataLog } from '#metadata-redis';
import { type Logger, silentLogger } from '#seams';
import { NodeRandom, NodeScheduler } from '#seams-node';
import { SimRandom } from '#seams-sim';
import { MetadataChain } from '../../libs/coordinator-core/src/metadata-chain.js';
import { isRedisInstalled, RedisServer } from '../../libs/metadata-redis/src/testing/redis-server.js';
import { metadataLogConformance, sharedMetadataLogConformance } from './metadata-log.js';

const GENESIS: Expected = { opId: '', revision: -1 };
const CLUSTER = { type: 'cluster', version: 1, clusterId: 'c', configuredBrokers: [0], features: {} } as const;
const NO_OP = { type: 'no-op', version: 1 } as const;

const hasRedis = isRedisInstalled();
if (!hasRedis) console.log('the Redis metadata store is skipped: redis-server is not installed (Debian package redis-server)');

let server: RedisServer;
const opened: SharedMetadataLog[] = [];
let names = 0;
let name = '';

async function open(options: { logger?: Logger; url?: string } = {}): Promise<SharedMetadataLog> {
  const log = await RedisMetadataLog.open({ url: server.url, name, random: new NodeRandom(), logger: silentLogger, ...options });
  opened.push(log);
  return log;
}

/** Appends `count` entries from the beginning; answers what the next one has to expect. */
async function fill(log: MetadataLog, epoch: number, count: number, from: Expected = GENESIS): Promise<Expected> {
  let expected = from;
  for (let index = 0; index < count; index++) {
    const opId = `op-${expected.revision + 1}`;
    const result = await log.append(expected, epoch, opId, [expected.revision === -1 ? CLUSTER : NO_OP]);
    expect(result).toMatchObject({ kind: 'appended' });
    expected = { opId, revision: expected.revision + 1 };
  }
  return expected;
}

/** Until it has reconnected. */
async function loaded(log: MetadataLog): ReturnType<MetadataLog['load']> {
  for (let tries = 0; ; tries++) {
    try {
      return await log.load();
    } catch (error) {
      if ((error as { code?: string }).code !== 'METADATA_STORE_UNAVAILABLE' || tries > 500) throw error;
      await sleep(10);
    }
  }
}

/** Short only while Redis is frozen, so that a slow disk makes no test fail. */
function limitAnswers(log: SharedMetadataLog, commandTimeoutMs: number): void {
  const { link } = log as unknown as { link: { client: { options: { commandTimeout: number } } } };
  link.client.options.commandTimeout = commandTimeoutMs;
}

/** Asks again while the outcome is unknown. */
async function known(append: () => Promise<AppendResult>): Promise<AppendResult> {
  for (;;) {
    const result = await append();
    if (result.kind !== 'unknown') return result;
    await sleep(10);
  }
}

/** Only a new history ends a suspicion; answers its coordinator epoch. */
async function beginNewHistory(log: MetadataLog): Promise<number> {
  const epoch = await log.takeOver(1_000_000);
  await log.writeSnapshot({ revision: 1_000_000, coordinatorEpoch: epoch, opId: 'new', records: [CLUSTER] }, epoch);
  expect(await log.append({ opId: 'new', revision: 1_000_000 }, epoch, 'next', [NO_OP])).toMatchObject({ kind: 'appended' });
  expect(await (await open()).load()).toMatchObject({ suspicion: null });
  return epoch;
}

(hasRedis ? describe : describe.skip)('the Redis store', () => {
  beforeAll(async () => {
    server = await RedisServer.create();
  });
  beforeEach(() => {
    name = `store-${names++}`;
  });
  afterEach(async () => {
    for (const log of opened.splice(0)) await log.close();
  });
  afterAll(() => server?.stop());

  for (const conformance of [metadataLogConformance, sharedMetadataLogConformance]) {
    conformance('redis', async () => ({
      open,
      restart: async () => {
        for (const log of opened.splice(0)) await log.close();
      },
    }));
  }

  it('R17: of two coordinators the older one is refused, in appends and snapshots, and learns it from the store', async () => {
    const [old, young] = [await open(), await open()];
    const oldEpoch = await old.takeOver(-1);
    const expected = await fill(old, oldEpoch, 2);
    const youngEpoch = await young.takeOver(-1);
    expect(youngEpoch).toBeGreaterThan(oldEpoch);
    expect(await old.append(expected, oldEpoch, 'x', [NO_OP])).toMatchObject({ kind: 'refused', reason: expect.stringContaining('epoch') });
    const snapshot = { revision: 1, coordinatorEpoch: oldEpoch, opId: 'op-1', records: [CLUSTER] };
    await expect(old.writeSnapshot(snapshot, oldEpoch)).rejects.toMatchObject({ code: 'STALE_COORDINATOR_EPOCH' });
    await expect(old.markSuspect('of old')).rejects.toMatchObject({ code: 'STALE_COORDINATOR_EPOCH' });
    await fill(young, youngEpoch, 1, expected);
    expect(await young.load()).toMatchObject({ suspicion: null, entries: [{}, {}, { opId: 'op-2' }] });
  });

  it('a snapshot that arrives late trims nothing that came after it, and ends no suspicion', async () => {
    const log = await open();
    const epoch = await log.takeOver(-1);
    await fill(log, epoch, 6);
    const at = (revision: number) => ({ revision, coordinatorEpoch: epoch, opId: `op-${revision}`, records: [CLUSTER] });
    await log.writeSnapshot(at(3), epoch);
    await log.writeSnapshot(at(3), epoch);
    await expect(log.writeSnapshot(at(1), epoch)).rejects.toMatchObject({ code: 'SNAPSHOT_REFUSED' });
    await expect(log.writeSnapshot({ ...at(4), opId: 'other' }, epoch)).rejects.toMatchObject({ code: 'SNAPSHOT_REFUSED' });
    const other = await open();
    await other.takeOver(-1);
    await other.markSuspect('broker 2 knows more');
    const current = await open();
    await current.load();
    const late = await open();
    await late.load();
    Object.assign(late, { suspicion: null });
    await expect(late.writeSnapshot(at(5), await current.takeOver(-1))).rejects.toMatchObject({ code: 'METADATA_STORE_SUSPECT' });
    const { snapshot, entries, suspicion } = await (await open()).load();
    expect([snapshot?.revision, entries.map(({ revision }) => revision), suspicion]).toEqual([3, [4, 5], 'broker 2 knows more']);
  });

  it('clusters that share a Redis do not see each other', async () => {
    const log = await open();
    await fill(log, await log.takeOver(-1), 2);
    name = `store-${names++}`;
    expect(await (await open()).load()).toEqual({ snapshot: null, entries: [], suspicion: null });
  });

  it('R20: a script that Redis forgot is sent again, and stored once', async () => {
    const log = await open();
    const epoch = await log.takeOver(-1);
    await server.command('SCRIPT', 'FLUSH');
    await fill(log, epoch, 1);
    expect((await log.load()).entries.length).toBe(1);
  });

  it('R19, R20: a full Redis answers nothing for certain, and a suspicion that it could not store is not forgotten', async () => {
    const log = await open();
    const epoch = await log.takeOver(-1);
    const expected = await fill(log, epoch, 2);
    try {
      await server.command('CONFIG', 'SET', 'maxmemory', '1');
      expect(await log.append(expected, epoch, 'x', [NO_OP])).toMatchObject({ kind: 'unknown', reason: expect.stringContaining('OOM') });
      await expect(log.markSuspect('broker 2 knows more')).rejects.toMatchObject({ code: 'METADATA_STORE_UNAVAILABLE' });
    } finally {
      await server.command('CONFIG', 'SET', 'maxmemory', '0');
    }
    expect(await (await open()).load()).toMatchObject({ suspicion: null });
    expect(await log.load()).toMatchObject({ suspicion: 'broker 2 knows more', entries: [{}, {}] });
    expect(await (await open()).load()).toMatchObject({ suspicion: 'broker 2 knows more' });
    await beginNewHistory(log);
    expect(await log.load()).toMatchObject({ suspicion: null });
  });

  it('works for a user of Redis who may do no more than docs/formats/redis-metadata.md says, and says when the password is wrong', async () => {
    const page = readFileSync('docs/formats/redis-metadata.md', 'utf8');
    const rules = /^ACL SETUSER (.*)$/m.exec(page)![1]!.replaceAll('<name>', name).replaceAll('<password>', 'secret').split(' ');
    expect(await server.command('ACL', 'SETUSER', ...rules)).toBe('+OK');
    const url = (password: string) => server.url.replace('://', `://yak:${password}@`);
    const warnings: unknown[] = [];
    const logger: Logger = { ...silentLogger, warn: (_message, fields) => void warnings.push(fields?.['reason']) };
    const log = await open({ url: url('secret'), logger });
    const epoch = await log.takeOver(-1);
    await fill(log, epoch, 3);
    await log.writeSnapshot({ revision: 1, coordinatorEpoch: epoch, opId: 'op-1', records: [CLUSTER] }, epoch);
    await log.markSuspect('broker 2 knows more');
    await beginNewHistory(log);
    expect(warnings).toEqual([]);
    const other = await open({ url: url('wrong') });
    await expect(other.load()).rejects.toMatchObject({
      message: expect.stringMatching(/^redis 127.0.0.1:\d+: .*(WRONGPASS|NOAUTH)/),
    });
  });

  it('R19: a broken chain is suspect, and only its good part is told', async () => {
    const log = await open();
    const epoch = await log.takeOver(-1);
    const expected = await fill(log, epoch, 4);
    await server.command('LSET', `yak:${name}:metadata:entries`, '2', '00000000 {"revision":2}');
    const { entries, suspicion } = await (await open()).load();
    expect(entries.map(({ opId }) => opId)).toEqual(['op-0', 'op-1']);
    expect(suspicion).toBe('the entry of revision 2 is damaged');
    expect(await log.append(expected, epoch, 'x', [NO_OP])).toMatchObject({ kind: 'refused', reason: expect.stringContaining('suspect') });
    await beginNewHistory(await open());
  });

  it('refuses metadata of another format, and an address or a name that cannot be one, in words', async () => {
    await server.command('HSET', `yak:${name}:metadata:state`, 'format', '7');
    const log = await open();
    await expect(log.load()).rejects.toMatchObject({ code: 'UNSUPPORTED_METADATA', message: expect.stringContaining('"7"') });
    await expect(log.takeOver(-1)).rejects.toMatchObject({ code: 'UNSUPPORTED_METADATA' });
    const options = { name: 'a', random: new SimRandom(1), logger: silentLogger };
    for (const [url, problem] of [
      ['localhost:6379', 'begins with localhost:'],
      ['no url', 'is not a URL'],
      ['http://host', 'begins with http:'],
      ['redis://host/zero', 'database "zero"'],
    ] as const)
      await expect(RedisMetadataLog.open({ ...options, url })).rejects.toMatchObject({ message: expect.stringContaining(problem) });
    await expect(RedisMetadataLog.open({ ...options, url: server.url, name: 'a:b' })).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it('R19: a Redis that may throw metadata away is refused; one that may forget the last of it is warned about, once', async () => {
    const warnings: unknown[] = [];
    const logger: Logger = { ...silentLogger, warn: (_message, fields) => void warnings.push(fields?.['reason']) };
    const log = await open({ logger });
    try {
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
      await expect(log.load()).rejects.toMatchObject({ code: 'METADATA_STORE_UNSAFE', message: expect.stringContaining('allkeys-lru') });
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      await log.load();
      expect(warnings).toEqual([]);
      await server.command('CONFIG', 'SET', 'appendfsync', 'everysec');
      await log.load();
      await log.load();
      await server.command('CONFIG', 'SET', 'appendonly', 'no');
      await log.load();
      expect(warnings).toEqual([expect.stringContaining('appendfsync is everysec'), expect.stringContaining('appendonly is off')]);
      await server.command('REPLICAOF', '127.0.0.1', '1');
      await expect(log.load()).rejects.toMatchObject({ code: 'METADATA_STORE_UNSAFE', message: expect.stringContaining('replica') });
    } finally {
      await server.command('REPLICAOF', 'NO', 'ONE');
      for (const [key, value] of [
        ['maxmemory-policy', 'noeviction'],
        ['appendonly', 'yes'],
        ['appendfsync', 'always'],
      ])
        await server.command('CONFIG', 'SET', key!, value!);
    }
  });

  it('R20: a frozen Redis leaves an append unknown; once it goes on, only the no-op tells that it was stored', async () => {
    const log = await open();
    const epoch = await log.takeOver(-1);
    const expected = await fill(log, epoch, 2);
    limitAnswers(log, 100);
    server.freeze();
    try {
      expect(await log.append(expected, epoch, 'late', [NO_OP])).toMatchObject({
        kind: 'unknown',
        reason: expect.stringContaining('timed out'),
      });
      expect(await log.append(expected, epoch, 'settle', [NO_OP])).toMatchObject({ kind: 'unknown' });
    } finally {
      limitAnswers(log, COMMAND_TIMEOUT_MS);
      server.thaw();
    }
    // The first of them was stored while nobody listened, so the second never is.
    expect(await known(() => log.append(expected, epoch, 'settle-2', [NO_OP]))).toMatchObject({ kind: 'refused' });
    expect((await log.load()).entries.slice(2).map(({ opId }) => opId)).toEqual(['late']);
  });

  it('R20: the chain above it answers a command exactly once, after a frozen Redis and after one that never got it', async () => {
    const log = await open();
    const epoch = await log.takeOver(-1);
    const committed: string[] = [];
    const image = MetadataImage.empty();
    const chain = new MetadataChain(
      {
        log,
        random: new NodeRandom(),
        scheduler: new NodeScheduler(),
        logger: silentLogger,
        snapshotEveryEntries: 1_000,
        onCommitted: ({ records }) => void committed.push(...records.map(({ type }) => type)),
        onRegained: () => {},
        onStopped: () => {},
      },
      image,
      epoch,
      [],
    );
    await chain.submit(() => ({ records: [CLUSTER], response: null }));
    limitAnswers(log, 100);
    server.freeze();
    let isAnswered = false;
    const answer = chain
      .submit(() => ({ records: [{ type: 'producer-ids', version: 1, nextProducerId: 5 } as const], response: 'done' }))
      .finally(() => {
        isAnswered = true;
      });
    try {
      await sleep(250);
      expect(isAnswered).toBe(false);
    } finally {
      limitAnswers(log, COMMAND_TIMEOUT_MS);
      server.thaw();
    }
    expect(await answer).toBe('done');
    expect(committed.filter((type) => type !== 'no-op')).toEqual(['cluster', 'producer-ids']);
    chain.stop('the test is over');
  });

  it('R19: a Redis that was killed in the middle of appends keeps what was answered, and is suspect for all but the one that acted', async () => {
    const log = await open();
    const epoch = await log.takeOver(-1);
    let expected = GENESIS;
    let isUnknown = false;
    const killed = sleep(60).then(() => server.kill());
    while (!isUnknown) {
      const opId = `op-${expected.revision + 1}`;
      const result = await log.append(expected, epoch, opId, [expected.revision === -1 ? CLUSTER : NO_OP]);
      if (result.kind === 'appended') expected = { opId, revision: result.entry.revision };
      else {
        expect(result.kind).toBe('unknown');
        isUnknown = true;
      }
    }
    await killed;
    expect(await log.append(expected, epoch, 'x', [NO_OP])).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('not connected'),
    });
    await expect(log.takeOver(-1)).rejects.toMatchObject({ code: 'METADATA_STORE_UNAVAILABLE' });
    await server.start();

    const fresh = await loaded(await open());
    expect(fresh.suspicion).toMatch(/restarted or replaced \(run id \w+, was \w+\)/);
    const stored = fresh.entries.at(-1)?.revision ?? -1;
    expect([expected.revision, expected.revision + 1]).toContain(stored);
    // The process that acted finds out by itself, whatever it asks first; it alone knows that nothing was lost.
    const last = fresh.entries.at(-1)!;
    const next = await known(() => log.append({ opId: last.opId, revision: last.revision }, epoch, 'y', [NO_OP]));
    expect(next).toMatchObject({ kind: 'appended' });
    expect(await (await open()).load()).toMatchObject({ suspicion: null, entries: { length: stored + 2 } });
  });

  it('R19: a Redis that comes back empty is suspect for who knew it, and hands out no coordinator epoch again', async () => {
    const log = await open();
    const epoch = await log.takeOver(40);
    await fill(log, epoch, 3);
    await server.kill();
    server.restore('nothing');
    await server.start();
    // A process that never saw it takes it for new: the brokers will tell it.
    expect(await loaded(await open())).toEqual({ snapshot: null, entries: [], suspicion: null });
    const { suspicion } = await loaded(log);
    expect(suspicion).toBe(`the store came back empty; it held revision 2 of coordinator epoch ${epoch}`);
    // From now on everybody knows.
    const other = await open();
    expect(await other.load()).toEqual({ snapshot: null, entries: [], suspicion });
    expect(await other.takeOver(-1)).toBeGreaterThan(epoch);
    await beginNewHistory(log);
  });

  it('R19: a Redis that comes back with older data is suspect for everybody, and hands out no coordinator epoch again', async () => {
    const log = await open();
    const first = await log.takeOver(-1);
    const expected = await fill(log, first, 2);
    server.backUp();
    const second = await log.takeOver(-1);
    await fill(log, second, 2, expected);
    await server.kill();
    server.restore('backup');
    await server.start();
    expect((await loaded(log)).suspicion).toBe(
      `the store came back older, with revision 1 of coordinator epoch ${first}; it held revision 3 of coordinator epoch ${second}`,
    );
    const other = await open();
    expect((await other.load()).suspicion).toMatch('came back older');
    const third = await other.takeOver(-1);
    expect(third).toBeGreaterThan(second);
    expect(await other.append(expected, third, 'x', [NO_OP])).toMatchObject({ kind: 'refused' });
    await beginNewHistory(log);
  });

  it('R19: a Redis that restarts while a new history begins is taken over again before it counts', async () => {
    const log = await open();
    await fill(log, await log.takeOver(-1), 1);
    await log.markSuspect('broker 2 knows more');
    const epoch = await log.takeOver(1_000_000);
    await server.kill();
    await server.start();
    const snapshot = (coordinatorEpoch: number) => ({ revision: 1_000_000, coordinatorEpoch, opId: 'new', records: [CLUSTER] });
    await expect(
      (async () => {
        for (;;) {
          await log.writeSnapshot(snapshot(epoch), epoch).catch((error) => {
            if (error.code !== 'METADATA_STORE_UNAVAILABLE') throw error;
          });
          await sleep(10);
        }
      })(),
    ).rejects.toMatchObject({ code: 'METADATA_STORE_CHANGED' });
    const again = await log.takeOver(1_000_000);
    expect(again).toBeGreaterThan(epoch);
    await log.writeSnapshot(snapshot(again), again);
    expect(await (await open()).load()).toMatchObject({ suspicion: null, snapshot: { opId: 'new' } });
  });

  it('R19: a Redis that is emptied without a restart is found out by what it is asked next', async () => {
    const log = await open();
    const epoch = await log.takeOver(-1);
    const expected = await fill(log, epoch, 2);
    await server.command('FLUSHALL');
    expect(await log.append(expected, epoch, 'x', [NO_OP])).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('holds no metadata'),
    });
    await expect(log.takeOver(-1)).rejects.toMatchObject({ code: 'METADATA_STORE_CHANGED' });
    expect((await log.load()).suspicion).toMatch('the store is another one');
    expect(await log.takeOver(-1)).toBeGreaterThan(epoch);
  });

  it('a Redis that is not there when the store is opened is used once it is', async () => {
    await server.kill();
    const log = await open();
    await expect(log.load()).rejects.toMatchObject({
      code: 'METADATA_STORE_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await server.start();
    expect((await loaded(log)).suspicion).toBeNull();
    await fill(log, await log.takeOver(-1), 1);
    await log.close();
    expect(await log.append(GENESIS, 0, 'x', [])).toMatchObject({ kind: 'refused' });
    await expect(log.load()).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });
});
