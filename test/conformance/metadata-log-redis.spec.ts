// The Redis store against a real redis-server: what every MetadataLog promises, and what a Redis has to be.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LeaderRow, LeadersPublisher, RedisMetadataLog } from '#metadata-redis';
import { type Logger, silentLogger } from '#seams';
import { SimRandom } from '#seams-sim';
import { describeWithRedis } from '../../libs/metadata-redis/src/testing/redis-server.js';
import { metadataLogConformance, sharedMetadataLogConformance } from './metadata-log.js';
import { beginNewHistory, CLUSTER, closeAll, fill, NO_OP, name, nextStore, open, SELF, server, useRedis } from './redis-store.js';

const ROW: LeaderRow = { topic: 'a', topicId: 'id', partition: 0, leader: 1, leaderEpoch: 0, partitionEpoch: 0, isr: [1], revision: 0 };

describeWithRedis('the Redis store', () => {
  useRedis();

  for (const conformance of [metadataLogConformance, sharedMetadataLogConformance]) {
    conformance('redis', async () => ({ open, restart: closeAll }));
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
    nextStore();
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
    const rules = /^ACL SETUSER (.*)$/m
      .exec(page)![1]!
      .replaceAll('<name>', name)
      .replaceAll('<clusterId>', name)
      .replaceAll('<password>', 'secret')
      .split(' ');
    expect(await server.command('ACL', 'SETUSER', ...rules)).toBe('+OK');
    const url = (password: string) => server.url.replace('://', `://yak:${password}@`);
    const warnings: unknown[] = [];
    const logger: Logger = { ...silentLogger, warn: (_message, fields) => void warnings.push(fields?.['reason']) };
    const log = await open({ url: url('secret'), logger });
    const epoch = await log.takeOver(-1);
    await fill(log, epoch, 3);
    await log.writeSnapshot({ revision: 1, coordinatorEpoch: epoch, opId: 'op-1', records: [CLUSTER] }, epoch);
    expect(await log.observe({ opId: 'op-2', revision: 2 }, SELF)).toMatchObject({ entries: [] });
    expect(await log.beat(await log.takeOver(-1, { actor: { ...SELF, id: 2 } }))).toEqual({ kind: 'beaten', standbys: [] });
    await log.markSuspect('broker 2 knows more');
    const newEpoch = await beginNewHistory(log);
    await log.release(newEpoch);
    const publisher = await LeadersPublisher.open({ url: url('secret'), name, logger });
    publisher.publish(newEpoch, name, () => [ROW], null);
    publisher.publish(newEpoch, name, () => [], null);
    while ((await server.command('EXISTS', `yak:${name}:leaders:position`)) !== ':1') await sleep(5);
    await publisher.settled();
    publisher.close();
    expect(warnings).toEqual([]);
    // A password that is given beside the address goes before the one in it.
    await (await open({ url: url('wrong'), password: 'secret' })).load();
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
});
