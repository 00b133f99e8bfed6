import { runSeed } from './run-seed.js';
import { drawOptions } from './swarm-options.js';

/** A taste of what `npm run sim` does with a thousand seeds. */
const SEEDS = [1, 2, 3];

describe('simulation', () => {
  it.each(SEEDS)('seed %i loses nothing, and the same seed gives the same trace', async (seed) => {
    const first = await runSeed(seed);
    expect(first.failure).toBeNull();
    const second = await runSeed(seed);
    expect(second.traceHash).toBe(first.traceHash);
    expect(second.totals).toEqual(first.totals);
  });

  it('draws the same options for the same seed and others for another', () => {
    expect(drawOptions(5)).toEqual(drawOptions(5));
    expect(drawOptions(5)).not.toEqual(drawOptions(6));
  });
});
