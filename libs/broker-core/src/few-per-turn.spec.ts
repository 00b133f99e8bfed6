import { FewPerTurn } from './few-per-turn.js';

function setUp(perTurnMax: number) {
  let tasks: (() => void)[] = [];
  const done: number[] = [];
  const few = new FewPerTurn<number>(
    { after: () => ({ cancel: () => {} }), endOfTurn: (task) => void tasks.push(task) },
    perTurnMax,
    (item) => done.push(item),
  );
  const turn = (): void => {
    const due = tasks;
    tasks = [];
    for (const task of due) task();
  };
  return { few, done, turn };
}

describe('a few per turn', () => {
  it('does the first at once, the others in later turns, each once', () => {
    const { few, done, turn } = setUp(2);
    expect([1, 2, 3, 4, 5, 3].map((item) => few.add(item))).toEqual([true, true, false, false, false, false]);
    expect(done).toEqual([1, 2]);
    turn();
    expect(done).toEqual([1, 2, 3, 4]);
    expect([few.has(4), few.has(5)]).toEqual([false, true]);
    turn();
    turn();
    expect(done).toEqual([1, 2, 3, 4, 5]);
    expect(few.add(6)).toBe(true);
  });

  it('what is removed is not done', () => {
    const { few, done, turn } = setUp(1);
    few.add(1);
    few.add(2);
    few.add(3);
    few.remove(2);
    turn();
    turn();
    expect(done).toEqual([1, 3]);
  });
});
