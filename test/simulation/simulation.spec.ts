import { runSeed } from './run-seed.js';
import { drawOptions } from './swarm-options.js';

/** One coordinator on its embedded store; two that share a store. Small ones. */
const SEEDS = { embedded: 33, shared: 3 };

describe('simulation', () => {
  /**
   * A taste of what `npm run sim` does with a thousand seeds. Real time is not what is tested: a busy machine may take long. Seeds
   * without kills inside disk operations: the test runner fails a test for the rejections that end the code of a dead process.
   */
  it.each(Object.entries(SEEDS))(
    'a seed with %s store loses nothing, and the same seed gives the same trace',
    async (kind, seed) => {
      expect(drawOptions(seed).store === null).toBe(kind === 'embedded');
      const first = await runSeed(seed);
      expect(first.failure).toBeNull();
      expect(first.totals.acknowledged).toBeGreaterThanOrEqual(200);
      expect(first.totals.faults).toBeGreaterThanOrEqual(3);
      const second = await runSeed(seed);
      expect(second.traceHash).toBe(first.traceHash);
      expect(second.totals).toEqual(first.totals);
    },
    60_000,
  );

  it('draws the same options for the same seed and others for another', () => {
    expect(drawOptions(5)).toEqual(drawOptions(5));
    expect(drawOptions(5)).not.toEqual(drawOptions(6));
  });
});
