/**
 * What every MetadataLog promises (libs/metadata/src/metadata-log.ts). An adapter's spec calls this with a way to open the
 * same store again; `restart` loses what the adapter's medium may lose in the harshest crash that it survives.
 */
import type { Coordinator, Expected, MetadataEntry, MetadataLog, MetadataRecord } from '#metadata';
import { GENESIS_OP_ID, MetadataImage } from '#metadata';

export interface MetadataLogStore {
  /** Opens the store; a shared one as often as one likes, another once at a time. */
  open(): Promise<MetadataLog>;
  /** The process that had it open dies. */
  restart(): Promise<void>;
}

const GENESIS: Expected = { opId: GENESIS_OP_ID, revision: -1 };
const CLUSTER: MetadataRecord = { type: 'cluster', version: 1, clusterId: 'c', configuredBrokers: [0], features: {} };

function ids(nextProducerId: number): MetadataRecord {
  return { type: 'producer-ids', version: 1, nextProducerId };
}

/** Appends and expects it to be stored; answers what the next one has to expect. */
async function store(
  log: MetadataLog,
  expected: Expected,
  epoch: number,
  opId: string,
  records: readonly MetadataRecord[],
): Promise<Expected> {
  const result = await log.append(expected, epoch, opId, records);
  expect(result).toEqual({
    kind: 'appended',
    entry: { revision: expected.revision + 1, coordinatorEpoch: epoch, opId, previousOpId: expected.opId, records } satisfies MetadataEntry,
  });
  return { opId, revision: expected.revision + 1 };
}

export function metadataLogConformance(name: string, create: () => Promise<MetadataLogStore>): void {
  describe(`MetadataLog conformance: ${name}`, () => {
    it('an empty store is empty and not suspect', async () => {
      const log = await (await create()).open();
      expect(await log.load()).toEqual({ snapshot: null, entries: [], suspicion: null });
      await log.close();
    });

    it('R17: what was appended is there after a crash, linked by op ids', async () => {
      const medium = await create();
      let log = await medium.open();
      const epoch = await log.takeOver(-1);
      const first = await store(log, GENESIS, epoch, 'a', [CLUSTER]);
      await store(log, first, epoch, 'b', [ids(1)]);
      await medium.restart();
      log = await medium.open();
      const loaded = await log.load();
      expect(loaded.suspicion).toBeNull();
      expect(loaded.entries.map((entry) => [entry.revision, entry.opId, entry.previousOpId])).toEqual([
        [0, 'a', GENESIS_OP_ID],
        [1, 'b', 'a'],
      ]);
      await log.close();
    });

    it('R17: each takeover raises the coordinator epoch for good, above what is asked for and across crashes', async () => {
      const medium = await create();
      let log = await medium.open();
      const first = await log.takeOver(-1);
      const second = await log.takeOver(-1);
      expect(second).toBeGreaterThan(first);
      await medium.restart();
      log = await medium.open();
      const third = await log.takeOver(40);
      expect(third).toBeGreaterThan(40);
      await medium.restart();
      log = await medium.open();
      expect(await log.takeOver(-1)).toBeGreaterThan(third);
      await log.close();
    });

    it('R17: append is one compare-and-set on coordinator epoch and last op id; what is refused leaves no trace', async () => {
      const medium = await create();
      let log = await medium.open();
      const old = await log.takeOver(-1);
      const first = await store(log, GENESIS, old, 'a', [CLUSTER]);
      const epoch = await log.takeOver(-1);
      const refused: [Expected, number][] = [
        [first, old],
        [first, epoch + 1],
        [GENESIS, epoch],
        [{ opId: 'x', revision: 0 }, epoch],
        [{ opId: 'a', revision: 1 }, epoch],
      ];
      for (const [expected, coordinatorEpoch] of refused) {
        expect(await log.append(expected, coordinatorEpoch, 'refused', [ids(1)])).toMatchObject({
          kind: 'refused',
          reason: expect.any(String),
        });
      }
      await store(log, first, epoch, 'b', [ids(2)]);
      await medium.restart();
      log = await medium.open();
      expect((await log.load()).entries.map((entry) => entry.opId)).toEqual(['a', 'b']);
      await log.close();
    });

    it('R17: of two appends with the same expectation one is stored', async () => {
      const log = await (await create()).open();
      const epoch = await log.takeOver(-1);
      const results = await Promise.all([log.append(GENESIS, epoch, 'a', [CLUSTER]), log.append(GENESIS, epoch, 'b', [CLUSTER])]);
      expect(results.map((result) => result.kind).sort()).toEqual(['appended', 'refused']);
      expect((await log.load()).entries.length).toBe(1);
      await log.close();
    });

    it('a snapshot replaces what it covers and keeps what came later', async () => {
      const medium = await create();
      let log = await medium.open();
      const epoch = await log.takeOver(-1);
      let last = await store(log, GENESIS, epoch, 'a', [CLUSTER]);
      last = await store(log, last, epoch, 'b', [ids(5)]);
      const snapshot = MetadataImage.fromChain(await log.load()).toSnapshot();
      last = await store(log, last, epoch, 'c', [ids(9)]);
      await log.writeSnapshot(snapshot, epoch);
      await store(log, last, epoch, 'd', [ids(11)]);
      await medium.restart();
      log = await medium.open();
      const loaded = await log.load();
      expect(loaded.snapshot).toEqual(snapshot);
      expect(loaded.entries.map((entry) => entry.opId)).toEqual(['c', 'd']);
      expect(MetadataImage.fromChain(loaded)).toMatchObject({ revision: 3, nextProducerId: 11 });
      await log.close();
    });

    it('a snapshot of a deposed coordinator is refused', async () => {
      const log = await (await create()).open();
      const old = await log.takeOver(-1);
      await store(log, GENESIS, old, 'a', [CLUSTER]);
      const snapshot = MetadataImage.fromChain(await log.load()).toSnapshot();
      await log.takeOver(-1);
      await expect(log.writeSnapshot(snapshot, old)).rejects.toMatchObject({ code: 'STALE_COORDINATOR_EPOCH' });
      expect((await log.load()).entries.length).toBe(1);
      await log.close();
    });

    it('R19: a snapshot of another history replaces everything, and the chain goes on from it', async () => {
      const medium = await create();
      let log = await medium.open();
      const old = await log.takeOver(-1);
      await store(log, GENESIS, old, 'a', [CLUSTER]);
      const epoch = await log.takeOver(1_000_000);
      await log.writeSnapshot({ revision: 1_000_000, coordinatorEpoch: epoch, opId: 'new', records: [CLUSTER, ids(7)] }, epoch);
      expect(await log.append({ opId: 'a', revision: 0 }, epoch, 'b', [ids(1)])).toMatchObject({ kind: 'refused' });
      await store(log, { opId: 'new', revision: 1_000_000 }, epoch, 'c', [ids(8)]);
      await medium.restart();
      log = await medium.open();
      expect(MetadataImage.fromChain(await log.load())).toMatchObject({ revision: 1_000_001, opId: 'c', nextProducerId: 8 });
      await log.close();
    });

    it('R19: a suspicion from outside survives restarts, lets nothing in, and ends with a new history', async () => {
      const medium = await create();
      let log = await medium.open();
      const old = await log.takeOver(-1);
      const expected = await store(log, GENESIS, old, 'a', [CLUSTER]);
      await log.markSuspect('broker 2 holds\nmore');
      expect(await log.append(expected, old, 'b', [ids(1)])).toMatchObject({ kind: 'refused', reason: expect.stringContaining('suspect') });
      for (let start = 0; start < 2; start++) {
        await medium.restart();
        log = await medium.open();
        const loaded = await log.load();
        expect(loaded.suspicion).toBe('broker 2 holds more');
        expect(MetadataImage.fromChain(loaded)).toMatchObject({ revision: 0, opId: 'a' });
      }
      const epoch = await log.takeOver(1_000_000);
      await log.writeSnapshot({ revision: 1_000_000, coordinatorEpoch: epoch, opId: 'new', records: [CLUSTER] }, epoch);
      await store(log, { opId: 'new', revision: 1_000_000 }, epoch, 'c', [ids(8)]);
      await medium.restart();
      log = await medium.open();
      expect(await log.load()).toMatchObject({ suspicion: null });
      await log.close();
    });
  });
}

const A: Coordinator = { id: 0, host: 'a', port: 3180 };
const B: Coordinator = { id: 1, host: 'b', port: 3180 };

/** What a store promises, in addition, that several cluster coordinators share. */
export function sharedMetadataLogConformance(name: string, create: () => Promise<MetadataLogStore>): void {
  describe(`shared MetadataLog conformance: ${name}`, () => {
    it('R18: the turn is seen by whoever looks: who acts, since which epoch, and every beat', async () => {
      const medium = await create();
      const [acting, standby] = [await medium.open(), await medium.open()];
      expect([acting.isShared, standby.isShared]).toEqual([true, true]);
      expect(await standby.observe(GENESIS, B)).toEqual({ turn: null, entries: [] });
      const epoch = await acting.takeOver(-1, { actor: A, still: null });
      const seen = async () => (await standby.observe(GENESIS, B)).turn;
      expect(await seen()).toEqual({ coordinatorEpoch: epoch, beat: 0, actor: A });
      for (const beat of [1, 2, 3]) {
        expect(await acting.beat(epoch)).toMatchObject({ kind: 'beaten' });
        expect(await seen()).toEqual({ coordinatorEpoch: epoch, beat, actor: A });
      }
      await acting.release(epoch);
      expect(await seen()).toEqual({ coordinatorEpoch: epoch, beat: 3, actor: null });
      expect(await acting.beat(epoch)).toMatchObject({ kind: 'refused' });
    });

    it('R18: a claim holds only while nobody took over and nobody beat since; of many at once one is taken', async () => {
      const medium = await create();
      const [first, second] = [await medium.open(), await medium.open()];
      const epoch = await first.takeOver(-1, { actor: A, still: null });
      await expect(second.takeOver(-1, { actor: B, still: null })).rejects.toMatchObject({ code: 'NOT_MY_TURN' });
      const { turn } = await second.observe(GENESIS, B);
      await first.beat(epoch);
      await expect(second.takeOver(-1, { actor: B, still: turn })).rejects.toMatchObject({ code: 'NOT_MY_TURN' });
      await store(first, GENESIS, epoch, 'a', [CLUSTER]);
      const still = (await second.observe(GENESIS, B)).turn;
      const claims = [first.takeOver(-1, { actor: A, still }), second.takeOver(-1, { actor: B, still })];
      const outcomes = await Promise.allSettled(claims);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const winner = outcomes[0]!.status === 'fulfilled' ? first : second;
      const next = (await winner.observe(GENESIS, B)).turn!;
      expect(next).toMatchObject({ beat: 0, actor: winner === first ? A : B });
      expect(next.coordinatorEpoch).toBeGreaterThan(epoch);
      // One's own turn is claimed anew whatever was beaten.
      await winner.beat(next.coordinatorEpoch);
      const again = { coordinatorEpoch: next.coordinatorEpoch, beat: null };
      expect(await winner.takeOver(-1, { actor: A, still: again })).toBeGreaterThan(next.coordinatorEpoch);
      await expect(winner.takeOver(-1, { actor: A, still: again })).rejects.toMatchObject({ code: 'NOT_MY_TURN' });
    });

    it('R17: one that was replaced is refused whatever it asks, and its release takes nothing from its heir', async () => {
      const medium = await create();
      const [old, heir] = [await medium.open(), await medium.open()];
      const epoch = await old.takeOver(-1, { actor: A, still: null });
      const last = await store(old, GENESIS, epoch, 'a', [CLUSTER]);
      const next = await heir.takeOver(-1, { actor: B, still: (await heir.observe(GENESIS, B)).turn });
      expect(await old.beat(epoch)).toMatchObject({ kind: 'refused', reason: expect.stringContaining('epoch') });
      expect(await old.append(last, epoch, 'x', [ids(1)])).toMatchObject({ kind: 'refused' });
      await old.release(epoch);
      expect((await old.observe(last, A)).turn).toEqual({ coordinatorEpoch: next, beat: 0, actor: B });
      expect(await heir.beat(next)).toMatchObject({ kind: 'beaten' });
    });

    it('a standby follows entry by entry, from wherever it is in this history, and loads where it cannot', async () => {
      const medium = await create();
      const [acting, standby] = [await medium.open(), await medium.open()];
      const epoch = await acting.takeOver(-1, { actor: A, still: null });
      let last = GENESIS;
      for (const opId of ['a', 'b', 'c', 'd'])
        last = await store(acting, last, epoch, opId, [opId === 'a' ? CLUSTER : ids(last.revision + 5)]);
      const opIds = async (after: Expected) => (await standby.observe(after, B)).entries?.map(({ opId }) => opId) ?? null;
      expect(await opIds(GENESIS)).toEqual(['a', 'b', 'c', 'd']);
      expect(await opIds({ opId: 'b', revision: 1 })).toEqual(['c', 'd']);
      expect(await opIds(last)).toEqual([]);
      for (const foreign of [
        { opId: 'x', revision: 1 },
        { opId: 'd', revision: 9 },
        { opId: 'b', revision: 2 },
      ])
        expect(await opIds(foreign)).toBeNull();
      const { snapshot, entries } = await acting.load();
      const image = MetadataImage.fromChain({ snapshot, entries: entries.slice(0, 2) });
      await acting.writeSnapshot(image.toSnapshot(), epoch);
      expect(await opIds(GENESIS)).toBeNull();
      expect(await opIds({ opId: 'a', revision: 0 })).toBeNull();
      expect(await opIds({ opId: 'b', revision: 1 })).toEqual(['c', 'd']);
      expect(await opIds({ opId: 'c', revision: 2 })).toEqual(['d']);
      expect(MetadataImage.fromChain(await standby.load())).toMatchObject({ revision: 3, opId: 'd' });
    });

    it('beat tells who looked lately, itself excluded, and forgets who did not', async () => {
      const medium = await create();
      const [acting, standby] = [await medium.open(), await medium.open()];
      const epoch = await acting.takeOver(-1, { actor: A, still: null });
      const beat = () => acting.beat(epoch);
      expect(await beat()).toEqual({ kind: 'beaten', standbys: [] });
      for (const coordinator of [{ ...B, id: 2, host: 'c' }, B, A]) await standby.observe(GENESIS, coordinator);
      expect(await beat()).toEqual({ kind: 'beaten', standbys: [B, { ...B, id: 2, host: 'c' }] });
      for (let beats = 0; beats < 8; beats++) {
        await standby.observe(GENESIS, B);
        expect(await beat()).toMatchObject({ kind: 'beaten', standbys: { length: 2 } });
      }
      for (let beats = 0; beats < 4; beats++) {
        await standby.observe(GENESIS, B);
        await beat();
      }
      expect(await beat()).toEqual({ kind: 'beaten', standbys: [B] });
    });

    it('R17: the turn outlives its holder: what was seen of it still has to stand still for whoever comes next', async () => {
      const medium = await create();
      const first = await medium.open();
      const epoch = await first.takeOver(-1, { actor: A, still: null });
      await first.beat(epoch);
      await medium.restart();
      const next = await medium.open();
      const { turn } = await next.observe(GENESIS, B);
      expect(turn).toEqual({ coordinatorEpoch: epoch, beat: 1, actor: A });
      expect(await next.takeOver(-1, { actor: B, still: turn })).toBeGreaterThan(epoch);
    });
  });
}
