import { FailureDetector } from './failure-detector.js';

describe('FailureDetector', () => {
  it('R22: a session ends when nothing was heard for longer than the session, not at it', () => {
    const detector = new FailureDetector(2_000);
    detector.beginGrace(0);
    detector.heard(1, 5_000);
    expect(detector.expired([1], 7_000)).toEqual([]);
    expect(detector.expired([1], 7_001)).toEqual([1]);
    expect(detector.lastHeardAt(2)).toBeNull();
  });

  it('R22: after a start, a pause or a regained store everybody gets a full new session', () => {
    const detector = new FailureDetector(2_000);
    detector.beginGrace(0);
    detector.heard(1, 0);
    detector.beginGrace(60_000);
    expect(detector.expired([1, 2], 62_000)).toEqual([]);
    expect(detector.expired([1, 2], 62_001)).toEqual([1, 2]);
  });

  it('R22: the fast path takes at most half of the brokers per session, and nobody during a grace', () => {
    const detector = new FailureDetector(2_000);
    detector.beginGrace(0);
    expect(detector.tryFastFence(3, 1_999)).toBe(false);
    expect(detector.tryFastFence(3, 2_000)).toBe(true);
    expect(detector.tryFastFence(3, 2_001)).toBe(false);
    expect(detector.tryFastFence(4, 2_001)).toBe(true);
    expect(detector.tryFastFence(3, 4_001)).toBe(true);
    expect(new FailureDetector(2_000).tryFastFence(1, 9_000)).toBe(false);
  });
});
