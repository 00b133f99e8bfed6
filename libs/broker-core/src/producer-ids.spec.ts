import { YakError } from '#kernel';
import { ProducerIds } from './producer-ids.js';

describe('ProducerIds', () => {
  it('R21: a coordinator that is away is an error after which clients try again, until there is a block', async () => {
    let isAway = true;
    let asked = 0;
    const ids = new ProducerIds(async () => {
      asked++;
      if (isAway) throw new YakError('UNAVAILABLE', 'no cluster coordinator serves this broker now');
      return { firstProducerId: 1_000, count: 2 };
    });
    expect(await ids.take()).toEqual({ error: 'COORDINATOR_LOAD_IN_PROGRESS', producerId: -1, producerEpoch: -1 });
    isAway = false;
    const taken = await Promise.all([ids.take(), ids.take()]);
    expect(taken.map(({ error, producerId }) => [error, producerId])).toEqual([
      ['NONE', 1_000],
      ['NONE', 1_001],
    ]);
    expect(asked).toBe(2);
    isAway = true;
    expect((await ids.take()).error).toBe('COORDINATOR_LOAD_IN_PROGRESS');
  });
});
