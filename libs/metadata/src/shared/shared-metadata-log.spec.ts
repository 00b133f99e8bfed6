// What becomes of a shared store that is restarted, and of answers that go missing, on the model of its steps (docs/adr/0008).
import { silentLogger } from '#seams';
import { SimRandom } from '#seams-sim';
import type { Coordinator, Expected } from '../metadata-log.js';
import { BEATS_PER_CHECK, SharedMetadataLog } from './shared-metadata-log.js';
import { ModelLink } from './testing/model-link.js';
import { StoreModel } from './testing/store-model.js';

const GENESIS: Expected = { opId: '', revision: -1 };
const CLUSTER = { type: 'cluster', version: 1, clusterId: 'c', configuredBrokers: [0], features: {} } as const;
const NO_OP = { type: 'no-op', version: 1 } as const;
const A: Coordinator = { id: 0, host: 'a', port: 1 };
const B: Coordinator = { id: 1, host: 'b', port: 1 };
const RESTARTED = /restarted or replaced/;

let model: StoreModel;
let seeds = 0;

beforeEach(() => {
  model = new StoreModel();
});

async function open(): Promise<{ log: SharedMetadataLog; link: ModelLink }> {
  const link = new ModelLink(model);
  return { link, log: await SharedMetadataLog.open({ link, random: new SimRandom(seeds++), logger: silentLogger }) };
}

/** Who acts, with three entries and two beats behind it. */
async function acting() {
  const { log, link } = await open();
  await log.load();
  const epoch = await log.takeOver(-1, { actor: A, still: null });
  let last = GENESIS;
  for (let revision = 0; revision < 3; revision++) last = await append(log, epoch, last, `op${revision}`);
  for (let beat = 0; beat < 2; beat++) expect(await log.beat(epoch)).toMatchObject({ kind: 'beaten' });
  return { log, link, epoch, last };
}

async function append(log: SharedMetadataLog, epoch: number, expected: Expected, opId: string): Promise<Expected> {
  const result = await log.append(expected, epoch, opId, [expected.revision === -1 ? CLUSTER : NO_OP]);
  expect(result).toMatchObject({ kind: 'appended' });
  return { opId, revision: expected.revision + 1 };
}

async function suspicionOfAnother(): Promise<string | null> {
  return (await (await open()).log.load()).suspicion;
}

describe('a restart that the acting coordinator lived through', () => {
  it('R19: is accepted by whatever is asked first: beat, append, snapshot or load', async () => {
    for (const first of ['beat', 'append', 'snapshot', 'load'] as const) {
      model = new StoreModel();
      const { log, epoch, last } = await acting();
      model.restart();
      expect(await suspicionOfAnother()).toMatch(RESTARTED);
      if (first === 'beat') expect(await log.beat(epoch)).toMatchObject({ kind: 'beaten' });
      if (first === 'append') await append(log, epoch, last, 'next');
      if (first === 'snapshot') await log.writeSnapshot({ revision: 1, coordinatorEpoch: epoch, opId: 'op1', records: [CLUSTER] }, epoch);
      if (first === 'load') expect(await log.load()).toMatchObject({ suspicion: null });
      expect(await suspicionOfAnother()).toBeNull();
      expect(await log.beat(epoch)).toMatchObject({ kind: 'beaten' });
      // And the next one too.
      model.restart();
      await append(log, epoch, first === 'append' ? { opId: 'next', revision: 3 } : last, 'after');
    }
  });

  it('R19, R20: is accepted with an own entry and own beats of unknown outcome, stored or not', async () => {
    for (const fate of ['unanswered', 'lost'] as const) {
      model = new StoreModel();
      const { log, link, epoch, last } = await acting();
      link.fates.push(fate, fate, fate);
      expect(await log.append(last, epoch, 'unknown', [NO_OP])).toMatchObject({ kind: 'unknown' });
      for (let beat = 0; beat < 2; beat++) expect(await log.beat(epoch)).toMatchObject({ kind: 'unknown' });
      model.restart();
      expect(await log.beat(epoch)).toMatchObject({ kind: 'beaten' });
      const { entries, suspicion } = await log.load();
      expect([entries.at(-1)?.opId, suspicion]).toEqual([fate === 'lost' ? 'op2' : 'unknown', null]);
      // The chain settles it with a no-op of the same expectation, as ever.
      expect(await log.append(last, epoch, 'settled', [NO_OP])).toMatchObject({ kind: fate === 'lost' ? 'appended' : 'refused' });
    }
  });

  it('R19: an answer that goes missing on the way to acceptance is no refusal', async () => {
    const { log, link, epoch, last } = await acting();
    for (const fates of [
      ['answered', 'lost'],
      ['answered', 'unanswered'],
      ['answered', 'answered', 'unanswered'],
    ] as const) {
      model.restart();
      link.fates.push(...fates);
      expect(await log.beat(epoch)).toMatchObject({ kind: 'unknown' });
      link.fates.length = 0;
      expect(await log.beat(epoch)).toMatchObject({ kind: 'beaten' });
    }
    await append(log, epoch, last, 'next');
    expect(await suspicionOfAnother()).toBeNull();
  });

  it('R19: a step that was sent before the restart and arrives after it writes nothing, even when the restart is accepted', async () => {
    const { log, epoch, last } = await acting();
    const runId = model.runId;
    model.restart();
    expect(await log.beat(epoch)).toMatchObject({ kind: 'beaten' });
    expect(model.run(['append', epoch, runId, last.opId, last.revision, 'late', '0 {}'])).toEqual(['restarted', model.runId]);
  });

  const losses: [string, (at: Awaited<ReturnType<typeof acting>>) => Promise<void> | void][] = [
    [
      'an old volume, a beat short',
      async ({ log, epoch }) => {
        const copy = model.copy();
        await log.beat(epoch);
        model.rollBack(copy);
      },
    ],
    [
      'an old volume, an entry short',
      async ({ log, epoch, last }) => {
        const copy = model.copy();
        await append(log, epoch, last, 'gone');
        model.rollBack(copy);
      },
    ],
    ['nothing at all', () => model.empty()],
    ['a store that was not durable when it was checked after the restart', ({ link }) => void Object.assign(link, { isDurable: false })],
    [
      'a store that was not durable for a while before',
      async ({ log, link, epoch }) => {
        link.isDurable = false;
        for (let beat = 0; beat < BEATS_PER_CHECK; beat++) await log.beat(epoch);
        link.isDurable = true;
      },
    ],
    [
      'another coordinator that took over',
      async () => {
        await (await open()).log.takeOver(-1, { actor: B });
      },
    ],
    [
      'an old volume on which another took over under the same epoch',
      async ({ epoch }) => {
        const fields = model.copy().state;
        model.run(['take-over', epoch - 1, model.runId, 'other', '{"id":0,"host":"a","port":1}', 'any']);
        const { state, ...rest } = model.copy();
        model.rollBack({ ...rest, state: { ...fields, turnId: state['turnId']! } });
      },
    ],
    [
      'an entry that this process never sent',
      ({ epoch, last }) =>
        void model.run(['append', epoch, model.runId, last.opId, last.revision, 'foreign', model.copy().entries.at(-1)!]),
    ],
    [
      'a damaged entry',
      () => {
        const copy = model.copy();
        model.rollBack({ ...copy, entries: [copy.entries[0]!, 'x', copy.entries[2]!] });
      },
    ],
    ['a mark', ({ epoch }) => void model.run(['mark', epoch, 'broker 2 knows more', 'x'])],
  ];
  it.each(losses)('R19: is suspect when it comes back with %s', async (_what, befalls) => {
    const at = await acting();
    await befalls(at);
    model.restart();
    expect(await at.log.beat(at.epoch)).toMatchObject({ kind: 'refused' });
    expect((await at.log.load()).suspicion).not.toBeNull();
    expect(await at.log.append(at.last, at.epoch, 'x', [NO_OP])).toMatchObject({ kind: 'refused' });
    const { state } = model.copy();
    expect(state['runId'] !== model.runId || state['suspect'] !== undefined).toBe(true);
  });

  it('R19: is suspect for one that took over after it, or was not sure of durability when it took over', async () => {
    await acting();
    model.restart();
    const heir = await open();
    expect((await heir.log.load()).suspicion).toMatch(RESTARTED);
    const epoch = await heir.log.takeOver(-1, { actor: B });
    expect((await heir.log.load()).suspicion).toMatch(RESTARTED);
    model.restart();
    expect(await heir.log.beat(epoch)).toMatchObject({ kind: 'refused' });

    model = new StoreModel();
    const unsure = await open();
    unsure.link.isDurable = false;
    const own = await unsure.log.takeOver(-1, { actor: A });
    unsure.link.isDurable = true;
    model.restart();
    expect(await unsure.log.beat(own)).toMatchObject({ kind: 'refused' });
  });

  it('R19: is suspect for one that was told of a suspicion, whether or not the store heard of it', async () => {
    const { log, link, epoch } = await acting();
    link.fates.push('lost');
    await expect(log.markSuspect('broker 2 knows more')).rejects.toMatchObject({ code: 'METADATA_STORE_UNAVAILABLE' });
    model.restart();
    expect((await log.load()).suspicion).not.toBeNull();
    expect(await log.beat(epoch)).toMatchObject({ kind: 'beaten' });
    expect((await log.load()).suspicion).not.toBeNull();
    expect(model.copy().state['runId']).not.toBe(model.runId);
  });

  it('R19: is suspect once the turn was released, and when nobody lived through it, for everybody', async () => {
    const { log, epoch } = await acting();
    await log.release(epoch);
    model.restart();
    expect((await log.load()).suspicion).toMatch(RESTARTED);
    expect(await suspicionOfAnother()).toMatch(RESTARTED);
    // Told, not stored: it shows as long as it is so.
    expect(model.copy().state['suspect']).toBeUndefined();
    expect(await log.append({ opId: 'op2', revision: 2 }, epoch, 'x', [NO_OP])).toMatchObject({ kind: 'refused' });
  });
});

describe('a standby', () => {
  it('R19: stores no suspicion of a restart or a loss while it is the turn of another, and goes on once that is accepted', async () => {
    const { log, epoch, last } = await acting();
    const standby = (await open()).log;
    await standby.load();
    model.restart();
    expect((await standby.observe(last, B)).entries).toEqual([]);
    expect((await standby.load()).suspicion).toMatch(RESTARTED);
    expect(await log.beat(epoch)).toMatchObject({ kind: 'beaten', standbys: [B] });
    await append(log, epoch, last, 'next');
    const { turn, entries } = await standby.observe(last, B);
    expect([turn, entries?.map(({ opId }) => opId)]).toEqual([{ coordinatorEpoch: epoch, beat: 3, actor: A }, ['next']]);
    expect(await standby.load()).toMatchObject({ suspicion: null });
  });

  it('R19: takes over a store whose restart was accepted without a further load, and not one whose restart was not', async () => {
    const { log, epoch, last } = await acting();
    const standby = (await open()).log;
    await standby.load();
    model.restart();
    const { turn } = await standby.observe(last, B);
    await expect(standby.takeOver(-1, { actor: B, still: turn })).rejects.toMatchObject({ code: 'METADATA_STORE_CHANGED' });
    await log.beat(epoch);
    const after = await standby.observe(last, B);
    const next = await standby.takeOver(-1, { actor: B, still: after.turn });
    await append(standby, next, last, 'of-b');
    expect(await log.beat(epoch)).toMatchObject({ kind: 'refused', reason: expect.stringContaining('replaced by') });
  });

  it('R19: has to load where what it is shown is not what it saw, and tells of it', async () => {
    const { log, epoch, last } = await acting();
    const copy = model.copy();
    const end = await append(log, epoch, last, 'gone');
    const standby = (await open()).log;
    await standby.load();
    await log.release(epoch);
    model.rollBack(copy);
    expect((await standby.observe(end, B)).entries).toBeNull();
    expect((await standby.observe(last, B)).entries).toBeNull();
    expect((await standby.load()).suspicion).toMatch('came back older');
    model.empty();
    expect(await standby.observe(GENESIS, B)).toEqual({ turn: null, entries: null });
    expect((await standby.load()).suspicion).toMatch('came back empty');
    expect(await suspicionOfAnother()).toMatch('came back empty');
  });

  it('R19: a loss that it saw is stored by whoever has the turn next', async () => {
    const { log, epoch, last } = await acting();
    const copy = model.copy();
    await append(log, epoch, last, 'gone');
    const standby = (await open()).log;
    await standby.load();
    model.rollBack(copy);
    model.restart();
    expect((await standby.load()).suspicion).toMatch('came back older');
    expect(model.copy().state['suspect']).toBeUndefined();
    await standby.takeOver(-1, { actor: B });
    expect((await standby.load()).suspicion).toMatch('came back older');
    expect(await suspicionOfAnother()).toMatch('came back older');
  });

  it('R19: a new history in the place of the store that it saw is followed and taken over; a new cluster there is not', async () => {
    for (const begun of [1_000_000, 5]) {
      model = new StoreModel();
      const { last } = await acting();
      const standby = (await open()).log;
      await standby.load();
      model.empty();
      model.restart();
      expect((await standby.load()).suspicion).toMatch('came back empty');
      const other = (await open()).log;
      await other.load();
      const epoch = await other.takeOver(begun, { actor: A });
      const first = { revision: begun, opId: 'new' };
      await other.writeSnapshot({ ...first, coordinatorEpoch: epoch, records: [CLUSTER] }, epoch);
      if (begun === 5) {
        expect((await standby.observe(last, B)).entries).toBeNull();
        expect((await standby.load()).suspicion).toMatch('another one');
        continue;
      }
      expect((await standby.load()).suspicion).toBeNull();
      const second = await append(other, epoch, first, 'after');
      const { turn, entries } = await standby.observe(first, B);
      expect(entries?.map(({ opId }) => opId)).toEqual(['after']);
      const next = await standby.takeOver(-1, { actor: B, still: turn });
      expect(next).toBe(epoch + 1);
      expect((await standby.load()).suspicion).toBeNull();
      await append(standby, next, second, 'of-b');
    }
  });

  it('loads that run while something is appended hold none of it against the store', async () => {
    const { log, link, epoch, last } = await acting();
    const loads = [log.load(), log.load()];
    const end = await append(log, epoch, last, 'meanwhile');
    for (const load of loads) expect(await load).toMatchObject({ suspicion: null });
    await append(log, epoch, end, 'more');
    expect(link.asked.filter((verb) => verb === 'mark')).toEqual([]);
  });
});
