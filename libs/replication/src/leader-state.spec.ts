import type { PartitionRecord } from '#metadata';
import { type BrokerStatus, GREY_LEADER_REPORT_INTERVAL_MS, LeaderState } from './leader-state.js';
import { partitionRecord, seats } from './testing/partition-record.js';

const LAG_MS = 1_000;

function setUp(record: PartitionRecord = partitionRecord(), log = { start: 100, highWatermark: 90, end: 100, held: 100 }) {
  const brokers = new Map<number, BrokerStatus>(
    [0, 1, 2, 3].map((id) => [id, { brokerEpoch: id + 10, isFenced: false, isShuttingDown: false }]),
  );
  const state = new LeaderState({
    brokerId: 0,
    record,
    epochStartOffset: log.start,
    highWatermark: log.highWatermark,
    heldEndOffset: log.held,
    logEndOffset: log.end,
    now: 0,
  });
  return {
    state,
    brokers,
    status: (id: number) => brokers.get(id) ?? null,
    /** A fetch of `id` under its registered epoch that holds all it has. */
    fetched: (id: number, end: number, now = 0, held = end) => state.followerFetched(id, id + 10, end, held, now),
  };
}

describe('high watermark', () => {
  it('R1: every member of the ISR must hold a record in this leader epoch before it is committed', () => {
    const { state, fetched } = setUp();
    state.localAdvanced(110, 110);
    fetched(1, 110);
    expect(state.highWatermark).toBe(90);
    fetched(2, 105);
    expect(state.highWatermark).toBe(105);
  });

  it('R1: the first move of an epoch goes to its start or beyond: older records are not committed on their own', () => {
    const { state, fetched } = setUp();
    fetched(1, 95);
    fetched(2, 95);
    expect(state.highWatermark).toBe(90);
    expect(state.isHighWatermarkFresh).toBe(false);
    fetched(1, 100);
    fetched(2, 100);
    expect(state.highWatermark).toBe(100);
    expect(state.isHighWatermarkFresh).toBe(true);
  });

  it('R1: it stands still while the committed ISR is smaller than m', () => {
    const { state } = setUp(partitionRecord({ isr: seats(0) }));
    state.localAdvanced(120, 120);
    expect(state.highWatermark).toBe(90);
  });

  it('R1: m is that of the committed record, also when it changes within the leader epoch', () => {
    const { state, status } = setUp(partitionRecord({ isr: seats(0) }));
    state.localAdvanced(120, 120);
    expect(state.highWatermark).toBe(90);
    expect(state.committedChanged(partitionRecord({ isr: seats(0), minInSyncReplicas: 1, partitionEpoch: 8 }))).toBe(true);
    expect(state.highWatermark).toBe(120);
    expect(state.hasEnoughReplicas(status)).toBe(true);
    state.committedChanged(partitionRecord({ isr: seats(0), minInSyncReplicas: 2, partitionEpoch: 9 }));
    expect(state.hasEnoughReplicas(status)).toBe(false);
    state.localAdvanced(130, 130);
    expect(state.highWatermark).toBe(120);
  });

  it('R1: a kept member that is fenced holds it back', () => {
    const { state, brokers, fetched, status } = setUp(partitionRecord({ isr: seats(0, 1) }));
    brokers.set(1, { brokerEpoch: 11, isFenced: true, isShuttingDown: false });
    state.localAdvanced(120, 120);
    fetched(2, 120);
    expect(state.highWatermark).toBe(90);
    expect(state.hasEnoughReplicas(status)).toBe(false);
  });

  it('R1: a position counts only under the broker epoch of its seat', () => {
    const { state, fetched } = setUp();
    state.localAdvanced(110, 110);
    fetched(2, 110);
    state.followerFetched(1, 10, 110, 110, 0);
    expect(state.highWatermark).toBe(90);
    fetched(1, 110);
    expect(state.highWatermark).toBe(110);
  });

  it('R2: what a follower fetched but did not sync does not count, nor does what the leader did not sync', () => {
    const { state, fetched } = setUp();
    state.localAdvanced(120, 110);
    fetched(1, 120, 0, 104);
    fetched(2, 120, 0, 120);
    expect(state.highWatermark).toBe(104);
    fetched(1, 120, 0, 120);
    expect(state.highWatermark).toBe(110);
    state.localAdvanced(120, 120);
    expect(state.highWatermark).toBe(120);
  });

  it('R8: a follower that only asks to join holds it back as long as the proposal may have been committed', () => {
    const { state, fetched, status } = setUp(partitionRecord({ isr: seats(0, 1) }));
    fetched(1, 100);
    fetched(2, 100);
    expect(state.propose(status, LAG_MS, 1)?.isr).toEqual(seats(0, 1, 2));
    state.localAdvanced(110, 110);
    fetched(1, 110);
    expect(state.highWatermark).toBe(100);
    fetched(2, 110);
    expect(state.highWatermark).toBe(110);
  });

  it('S6: it never goes back within the epoch', () => {
    const { state, fetched } = setUp();
    state.localAdvanced(110, 110);
    fetched(1, 110);
    fetched(2, 110);
    fetched(2, 101, 0, 101);
    expect(state.highWatermark).toBe(110);
    state.committedChanged(partitionRecord({ isr: seats(0, 1, 2, 3), partitionEpoch: 8 }));
    expect(state.highWatermark).toBe(110);
  });
});

describe('ISR proposals', () => {
  it('R8: a follower is admitted only when it durably holds the watermark and the epoch start, in this epoch, under its registered epoch', () => {
    const { state, brokers, fetched, status } = setUp(partitionRecord({ isr: seats(0, 1) }));
    fetched(1, 100);
    fetched(2, 100, 0, 99);
    expect(state.propose(status, LAG_MS, 1)).toBeNull();
    state.followerFetched(2, 9, 100, 100, 1);
    expect(state.propose(status, LAG_MS, 1)).toBeNull();
    fetched(2, 100);
    brokers.set(2, { brokerEpoch: 12, isFenced: true, isShuttingDown: false });
    expect(state.propose(status, LAG_MS, 1)).toBeNull();
    brokers.set(2, { brokerEpoch: 12, isFenced: false, isShuttingDown: true });
    expect(state.propose(status, LAG_MS, 1)).toBeNull();
    brokers.set(2, { brokerEpoch: 12, isFenced: false, isShuttingDown: false });
    expect(state.propose(status, LAG_MS, 1)).toMatchObject({ partitionEpoch: 7, reason: 'expand' });
  });

  it('R7: expansion is not barred while the watermark is still stale', () => {
    const { state, fetched, status } = setUp(partitionRecord({ isr: seats(0), minInSyncReplicas: 2 }));
    fetched(1, 100);
    expect(state.isHighWatermarkFresh).toBe(false);
    expect(state.propose(status, LAG_MS, 1)?.isr).toEqual(seats(0, 1));
  });

  it('R9: one proposal at a time, ended only by a committed partition epoch above the one it named', () => {
    const { state, fetched, status } = setUp(partitionRecord({ isr: seats(0, 1) }));
    fetched(1, 100);
    fetched(2, 100);
    const proposal = state.propose(status, LAG_MS, 1);
    expect(state.propose(status, LAG_MS, 2)).toBeNull();
    state.committedChanged(partitionRecord({ isr: seats(0, 1), partitionEpoch: 7 }));
    expect(state.proposal).toBe(proposal);
    state.committedChanged(partitionRecord({ isr: seats(0, 1), partitionEpoch: 8 }));
    expect(state.proposal).toBeNull();
  });

  it('a member that stays behind for longer than replica.lag.time.max.ms is proposed to leave, an idle one is not', () => {
    const { state, fetched, status } = setUp();
    fetched(1, 100, 10);
    fetched(2, 100, 10);
    expect(state.propose(status, LAG_MS, 60_000)).toBeNull();
    fetched(1, 100, 60_000);
    fetched(2, 100, 60_000);
    state.localAdvanced(200, 200);
    fetched(1, 200, 60_010);
    fetched(2, 100, 60_010);
    expect(state.propose(status, LAG_MS, 60_900)).toBeNull();
    fetched(2, 150, 61_100);
    fetched(1, 200, 62_100);
    expect(state.propose(status, LAG_MS, 62_200)).toMatchObject({ isr: seats(0, 1), reason: 'shrink' });
  });

  it('a follower that always holds what the leader had one fetch ago is not behind', () => {
    const { state, fetched, status } = setUp();
    for (let i = 1; i <= 20; i++) {
      state.localAdvanced(100 + i * 10, 100 + i * 10);
      fetched(1, 100 + i * 10, i * 500);
      fetched(2, 90 + i * 10, i * 500);
      expect(state.propose(status, LAG_MS, i * 500)).toBeNull();
    }
  });

  it('R10: it never shrinks below m on its own account; it reports itself as grey at most every 10 s', () => {
    const { state, fetched, status } = setUp(partitionRecord({ isr: seats(0, 1) }));
    fetched(1, 100, 0);
    state.localAdvanced(200, 200);
    fetched(2, 0, 0, -1);
    const report = state.propose(status, LAG_MS, 5_000);
    expect(report?.isr).toEqual(seats(0));
    state.committedChanged(partitionRecord({ isr: seats(0, 1), partitionEpoch: 8 }));
    expect(state.propose(status, LAG_MS, 5_000 + GREY_LEADER_REPORT_INTERVAL_MS - 1)).toBeNull();
    expect(state.propose(status, LAG_MS, 5_000 + GREY_LEADER_REPORT_INTERVAL_MS)).not.toBeNull();
  });
});

describe('reach', () => {
  it('R21: tells when an in-sync follower last fetched in this epoch, and that a lone leader needs none', () => {
    const { state, fetched } = setUp();
    expect(state.lastIsrFetchAt()).toBe(0);
    fetched(1, 100, 700);
    expect(state.lastIsrFetchAt()).toBe(700);
    expect(setUp(partitionRecord({ replicas: [0], isr: seats(0), minInSyncReplicas: 1 })).state.lastIsrFetchAt()).toBeNull();
  });
});
