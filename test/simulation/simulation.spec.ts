import { runSeed } from './run-seed.js';
import { drawOptions } from './swarm-options.js';

const SEED = 3;

describe('simulation', () => {
  /**
   * A taste of what `npm run sim` does with a thousand seeds. Real time is not what is tested: a busy machine may take long. A seed
   * without kills inside disk operations: the test runner fails a test for the rejections that end the code of a dead process.
   */
  it('a seed loses nothing, and the same seed gives the same trace', async () => {
    const first = await runSeed(SEED);
    expect(first.failure).toBeNull();
    expect(first.totals.acknowledged).toBeGreaterThanOrEqual(200);
    expect(first.totals.faults).toBeGreaterThanOrEqual(3);
    const second = await runSeed(SEED);
    expect(second.traceHash).toBe(first.traceHash);
    expect(second.totals).toEqual(first.totals);
  }, 60_000);

  it('draws the same options for the same seed and others for another', () => {
    expect(drawOptions(5)).toEqual(drawOptions(5));
    expect(drawOptions(5)).not.toEqual(drawOptions(6));
  });
});
