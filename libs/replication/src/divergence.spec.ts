import fc from 'fast-check';
import { divergingEpoch, type EpochHistory, truncationOffset } from './divergence.js';

/** A log as the list of its records' epochs, plus epochs that began without a record. */
class ModelLog implements EpochHistory {
  readonly logStartOffset = 0;
  constructor(
    public records: number[],
    public began: { epoch: number; start: number }[] = [],
  ) {}
  private starts(): { epoch: number; start: number }[] {
    const starts = new Map<number, number>();
    this.records.forEach((epoch, offset) => {
      if (!starts.has(epoch)) starts.set(epoch, offset);
    });
    for (const { epoch, start } of this.began) if (!starts.has(epoch) && start <= this.records.length) starts.set(epoch, start);
    return [...starts].map(([epoch, start]) => ({ epoch, start })).sort((a, b) => a.epoch - b.epoch);
  }
  get latestEpoch(): number {
    return this.starts().at(-1)?.epoch ?? -1;
  }
  endOffsetForEpoch(leaderEpoch: number) {
    const starts = this.starts();
    if (leaderEpoch < 0 || starts.length === 0 || leaderEpoch > starts.at(-1)!.epoch) return { leaderEpoch: -1, endOffset: -1 };
    if (leaderEpoch < starts[0]!.epoch) return { leaderEpoch, endOffset: starts[0]!.start };
    let at = starts.length - 1;
    while (starts[at]!.epoch > leaderEpoch) at--;
    return { leaderEpoch: starts[at]!.epoch, endOffset: starts[at + 1]?.start ?? this.records.length };
  }
  truncateTo(offset: number) {
    this.records = this.records.slice(0, offset);
    this.began = this.began.filter((entry) => entry.start < offset);
  }
}

/** The longest common prefix of records. */
function agreement(a: number[], b: number[]): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  return at;
}

const history = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 6 }).map((epochs) => [...epochs].sort((a, b) => a - b));

it('R3: over all pairs of epoch histories, repeating "fetch, truncate" ends in a prefix of the leader and keeps what both share', () => {
  fc.assert(
    fc.property(history, history, fc.boolean(), (leaderEpochs, followerEpochs, beganEmpty) => {
      const leader = new ModelLog(leaderEpochs, [{ epoch: 5, start: leaderEpochs.length }]);
      const last = followerEpochs.at(-1) ?? -1;
      const follower = new ModelLog(followerEpochs, beganEmpty && last < 4 ? [{ epoch: 4, start: followerEpochs.length }] : []);
      // An epoch has one leader and starts once: logs that both know it are equal up to its start.
      const shared = agreement(leaderEpochs, followerEpochs);
      const isPossible = leaderEpochs.every((epoch) => !followerEpochs.includes(epoch) || leaderEpochs.indexOf(epoch) < shared);
      fc.pre(!(beganEmpty && leaderEpochs.includes(4)));
      fc.pre(isPossible);
      for (let round = 0; ; round++) {
        expect(round).toBeLessThan(10);
        const diverging = divergingEpoch(leader, follower.records.length, follower.latestEpoch);
        if (!diverging) break;
        follower.truncateTo(truncationOffset(follower, diverging));
      }
      expect(leaderEpochs.slice(0, follower.records.length)).toEqual(follower.records);
      expect(follower.records.length).toBeGreaterThanOrEqual(shared);
    }),
    { numRuns: 3_000 },
  );
});

it('R3: a follower whose last epoch the leader has never heard of goes back to the leader’s newest older one', () => {
  const leader = new ModelLog([1, 1, 3, 3], [{ epoch: 5, start: 4 }]);
  expect(divergingEpoch(leader, 6, 4)).toEqual({ leaderEpoch: 3, endOffset: 4 });
  expect(divergingEpoch(leader, 4, 3)).toBeNull();
  expect(divergingEpoch(leader, 5, 3)).toEqual({ leaderEpoch: 3, endOffset: 4 });
  expect(divergingEpoch(leader, 0, -1)).toBeNull();
});
