// What can become of a Redis under its users: slow, away, killed, older, empty (R19, R20; docs/adr/0008).
import { setTimeout as sleep } from 'node:timers/promises';
import { MetadataImage } from '#metadata';
import { COMMAND_TIMEOUT_MS } from '#metadata-redis';
import { silentLogger } from '#seams';
import { NodeRandom, NodeScheduler } from '#seams-node';
import { MetadataChain } from '../../libs/coordinator-core/src/metadata-chain.js';
import { describeWithRedis } from '../../libs/metadata-redis/src/testing/redis-server.js';
import {
  beginNewHistory,
  CLUSTER,
  fill,
  GENESIS,
  known,
  knownBeat,
  limitAnswers,
  loaded,
  NO_OP,
  open,
  SELF,
  server,
  useRedis,
} from './redis-store.js';

describeWithRedis('a Redis in trouble', () => {
  useRedis();

  it('R20: ioredis is told to queue nothing, to send nothing twice, and to wait for no answer for ever', async () => {
    const { link } = (await open()) as unknown as { link: { client: { options: object } } };
    expect(link.client.options).toMatchObject({
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
    });
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

  it('R19: a Redis that is killed and started again is beaten on by who acts, and watched by who stands by', async () => {
    const [acting, standby] = [await open(), await open()];
    const epoch = await acting.takeOver(-1, { actor: SELF, still: null });
    const last = await fill(acting, epoch, 3);
    await standby.load();
    for (let round = 1; round <= 2; round++) {
      expect(await acting.beat(epoch)).toMatchObject({ kind: 'beaten' });
      await server.kill();
      expect(await acting.beat(epoch)).toMatchObject({ kind: 'unknown' });
      await expect(standby.observe(last, { ...SELF, id: 2 })).rejects.toMatchObject({ code: 'METADATA_STORE_UNAVAILABLE' });
      await server.start();
      expect((await loaded(standby)).suspicion).toMatch(/restarted or replaced/);
      expect(await knownBeat(acting, epoch)).toMatchObject({ kind: 'beaten' });
      expect(await standby.observe(last, { ...SELF, id: 2 })).toEqual({
        turn: { coordinatorEpoch: epoch, beat: 2 * round, actor: SELF },
        entries: [],
      });
      expect(await standby.load()).toMatchObject({ suspicion: null });
    }
    const heir = await standby.takeOver(-1, { actor: { ...SELF, id: 2 }, still: (await standby.observe(last, SELF)).turn });
    await fill(standby, heir, 1, last);
    expect(await acting.beat(epoch)).toMatchObject({ kind: 'refused' });
  });

  it.each(['a beat short', 'synced now and then after', 'synced now and then before', 'synced except while it rewrites'] as const)(
    'R19: a restart that may have lost something is accepted by nobody: %s',
    async (how) => {
      const log = await open();
      if (how === 'synced now and then before') await server.command('CONFIG', 'SET', 'appendfsync', 'everysec');
      const epoch = await log.takeOver(-1, { actor: SELF, still: null });
      const last = await fill(log, epoch, 2);
      expect(await log.beat(epoch)).toMatchObject({ kind: 'beaten' });
      server.backUp();
      if (how === 'a beat short') expect(await log.beat(epoch)).toMatchObject({ kind: 'beaten' });
      await server.kill();
      if (how === 'a beat short') server.restore('backup');
      if (how === 'synced now and then after') await server.start('--appendfsync', 'everysec');
      else if (how === 'synced except while it rewrites') await server.start('--no-appendfsync-on-rewrite', 'yes');
      else await server.start();
      try {
        expect(await knownBeat(log, epoch)).toEqual({ kind: 'refused', reason: expect.any(String) });
        // Synced now and then, it may even be found older.
        expect((await log.load()).suspicion).toMatch(/restarted or replaced|came back older/);
        expect(await log.append(last, epoch, 'x', [NO_OP])).toMatchObject({ kind: 'refused' });
      } finally {
        await server.command('CONFIG', 'SET', 'appendfsync', 'always');
        await server.command('CONFIG', 'SET', 'no-appendfsync-on-rewrite', 'no');
      }
    },
  );

  it('R20: while Redis is frozen nothing is answered, by no step; what it had read by then it still executes, once', async () => {
    const [acting, standby] = [await open({ commandTimeoutMs: 100 }), await open({ commandTimeoutMs: 100 })];
    limitAnswers(acting, COMMAND_TIMEOUT_MS);
    const epoch = await acting.takeOver(-1, { actor: SELF, still: null });
    const last = await fill(acting, epoch, 1);
    limitAnswers(acting, 100);
    server.freeze();
    try {
      const asked = performance.now();
      const answers = await Promise.all([
        acting.beat(epoch),
        acting.append(last, epoch, 'late', [NO_OP]),
        acting.release(epoch + 1),
        standby.observe(last, SELF).catch((error) => error.code),
        standby.load().catch((error) => error.code),
        acting.takeOver(-1, { actor: SELF, still: { coordinatorEpoch: epoch - 1, beat: null } }).catch((error) => error.code),
        acting
          .writeSnapshot({ revision: 0, coordinatorEpoch: epoch, opId: 'op-0', records: [CLUSTER] }, epoch)
          .catch((error) => error.code),
      ]);
      expect(performance.now() - asked).toBeLessThan(COMMAND_TIMEOUT_MS);
      const unavailable = 'METADATA_STORE_UNAVAILABLE';
      const unknown = expect.objectContaining({ kind: 'unknown' });
      expect(answers).toEqual([unknown, unknown, undefined, unavailable, unavailable, unavailable, unavailable]);
    } finally {
      for (const log of [acting, standby]) limitAnswers(log, COMMAND_TIMEOUT_MS);
      server.thaw();
    }
    expect(await knownBeat(acting, epoch)).toMatchObject({ kind: 'beaten' });
    const { turn, entries } = await standby.observe(last, { ...SELF, id: 2 });
    expect([turn?.beat, entries?.map(({ opId }) => opId)]).toEqual([2, ['late']]);
  });

  it('R20: a Redis that is busy for longer than an answer may take leaves the outcome unknown', async () => {
    const log = await open();
    const epoch = await log.takeOver(-1, { actor: SELF, still: null });
    const last = await fill(log, epoch, 1);
    limitAnswers(log, 50);
    // Before them on the same connection, so it is what they wait for.
    const { link } = log as unknown as { link: { client: { eval(...args: unknown[]): Promise<unknown> } } };
    const busy = link.client.eval('for i = 1, 50000000 do end', 0).catch(() => {});
    expect(await log.beat(epoch)).toMatchObject({ kind: 'unknown' });
    expect(await log.append(last, epoch, 'late', [NO_OP])).toMatchObject({ kind: 'unknown' });
    limitAnswers(log, COMMAND_TIMEOUT_MS);
    await busy;
    expect(await knownBeat(log, epoch)).toMatchObject({ kind: 'beaten' });
    expect(await known(() => log.append(last, epoch, 'settle', [NO_OP]))).toMatchObject({ kind: 'refused' });
    expect((await log.load()).entries.map(({ opId }) => opId)).toEqual(['op-0', 'late']);
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
