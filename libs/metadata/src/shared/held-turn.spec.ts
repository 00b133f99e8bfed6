// Each condition of docs/adr/0008 by itself: with one of them broken, the store is not as this process left it.
import type { MetadataEntry } from '../records.js';
import { HeldTurn } from './held-turn.js';
import type { StoredChain, Witness } from './stored-chain.js';

const SEEN: Witness = { storeId: 's', coordinatorEpoch: 4, revision: 2, opId: 'c' };
const NEXT: MetadataEntry = { revision: 3, coordinatorEpoch: 4, opId: 'd', previousOpId: 'c', records: [] };
const LEFT: StoredChain = {
  exists: true,
  storeId: 's',
  runId: 'r',
  coordinatorEpoch: 4,
  turnId: 't',
  beat: 7,
  actor: null,
  revision: 2,
  opId: 'c',
  snapshotRevision: -1,
  suspect: null,
  snapshot: null,
  entries: [],
  damage: null,
};

/** Seven beats answered, two more sent. */
function held(isDurable = true): HeldTurn {
  const turn = new HeldTurn(4, 't', isDurable);
  for (let beat = 1; beat <= 7; beat++) turn.beatAnswered(turn.beatSent(), beat);
  for (let beat = 0; beat < 2; beat++) turn.beatSent();
  return turn;
}

describe('a held turn', () => {
  it('R19: is what the store holds, with beats of unknown outcome counted or not', () => {
    for (const beat of [7, 8, 9]) expect(held().left({ ...LEFT, beat }, SEEN)).toBe(true);
  });

  it('R19: is not what the store holds when anything of it differs', () => {
    const different: Partial<StoredChain>[] = [
      { damage: 'an entry is damaged' },
      { suspect: 'broker 2 knows more' },
      { coordinatorEpoch: 5 },
      { turnId: 'u' },
      { beat: 6 },
      { beat: 10 },
      { opId: 'x' },
      { revision: 1, opId: 'b' },
    ];
    for (const difference of different) expect([difference, held().left({ ...LEFT, ...difference }, SEEN)]).toEqual([difference, false]);
    expect(held(false).left(LEFT, SEEN)).toBe(false);
    const doubtful = held();
    doubtful.wasNotDurable();
    expect(doubtful.left(LEFT, SEEN)).toBe(false);
  });

  it('R19, R20: goes one entry further only by an append of its own', () => {
    const further: StoredChain = { ...LEFT, revision: 3, opId: 'd', entries: [NEXT] };
    expect(held().left(further, SEEN)).toBe(false);
    const turn = held();
    turn.appendSent(3);
    expect(turn.left(further, SEEN)).toBe(true);
    expect(turn.left(LEFT, SEEN)).toBe(true);
    const foreign: StoredChain[] = [
      { ...further, entries: [] },
      { ...further, entries: [{ ...NEXT, coordinatorEpoch: 3 }] },
      { ...further, entries: [{ ...NEXT, previousOpId: 'x' }] },
      { ...further, revision: 4, entries: [NEXT, { ...NEXT, revision: 4 }] },
    ];
    for (const chain of foreign) expect(turn.left(chain, SEEN)).toBe(false);
  });
});
