// A store that lost a whole takeover: who had the turn before finds its own state untouched; who took over knows better (R19).
import { silentLogger } from '#seams';
import { SimRandom } from '#seams-sim';
import type { Coordinator } from '../metadata-log.js';
import { SharedMetadataLog } from './shared-metadata-log.js';
import { ModelLink } from './testing/model-link.js';
import { StoreModel } from './testing/store-model.js';

const A: Coordinator = { id: 0, host: 'a', port: 1 };
const B: Coordinator = { id: 1, host: 'b', port: 1 };
const GENESIS = { opId: '', revision: -1 };
const CLUSTER = { type: 'cluster', version: 1, clusterId: 'c', configuredBrokers: [0], features: {} } as const;
const NO_OP = { type: 'no-op', version: 1 } as const;

async function lostTakeover() {
  const model = new StoreModel();
  const open = async (seed: number) =>
    SharedMetadataLog.open({ link: new ModelLink(model), random: new SimRandom(seed), logger: silentLogger });
  const [first, second] = [await open(1), await open(2)];
  await first.load();
  await second.load();
  const firstEpoch = await first.takeOver(-1, { actor: A, still: null });
  expect(await first.append(GENESIS, firstEpoch, 'op0', [CLUSTER])).toMatchObject({ kind: 'appended' });
  expect(await first.beat(firstEpoch)).toMatchObject({ kind: 'beaten' });
  const backup = model.copy();
  await second.load();
  const secondEpoch = await second.takeOver(-1, { actor: B, still: { coordinatorEpoch: firstEpoch, beat: 1 } });
  const last = { opId: 'op0', revision: 0 };
  expect(await second.append(last, secondEpoch, 'op1', [NO_OP])).toMatchObject({ kind: 'appended' });
  model.rollBack(backup);
  model.restart();
  return { model, open, first, second, firstEpoch, secondEpoch, last };
}

describe('a takeover that the store lost', () => {
  it('R19: who took over stores what it knows, though the turn is somebody else’s again: nobody goes on from the loss', async () => {
    for (const look of ['load', 'observe'] as const) {
      const { open, first, second, firstEpoch, secondEpoch, last } = await lostTakeover();
      // The old one was frozen all the time, and finds the store as it left it.
      await first.beat(firstEpoch);
      if (look === 'observe') expect(await second.observe({ opId: 'op1', revision: 1 }, B)).toMatchObject({ entries: null });
      expect(await second.load()).toMatchObject({ suspicion: expect.stringContaining('came back older') });
      expect(await first.beat(firstEpoch)).toMatchObject({ kind: 'refused' });
      expect(await first.append(last, firstEpoch, 'fork', [NO_OP])).toMatchObject({ kind: 'refused' });
      expect(await (await open(3)).load()).toMatchObject({ suspicion: expect.stringContaining('came back older') });
      expect(await first.takeOver(-1, { actor: A })).toBeGreaterThan(secondEpoch);
    }
  });

  it('R19: a new history that others began is no loss, whatever one saw before', async () => {
    const { model, open, second } = await lostTakeover();
    const third = await open(4);
    await third.load();
    const epoch = await third.takeOver(1_000_000, { actor: A });
    expect(await third.load()).toMatchObject({ suspicion: expect.stringContaining('restarted') });
    await third.writeSnapshot({ revision: 1_000_000, coordinatorEpoch: epoch, opId: 'new', records: [CLUSTER] }, epoch);
    await second.load();
    expect(await third.beat(epoch)).toMatchObject({ kind: 'beaten' });
    expect(model.copy().state.suspect).toBeUndefined();
  });
});
