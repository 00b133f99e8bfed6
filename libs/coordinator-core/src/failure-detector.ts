/**
 * Who has not been heard for a session (R22). Pure: told who was heard and when, it answers who is expired; reading clocks,
 * dialling and fencing are the coordinator's.
 *
 * Invariants: after a grace (start, own pause, regained store) nobody expires before a full new session has passed; the
 * fast path takes at most half of the brokers per session and nobody during a grace.
 */
import type { BrokerId, MonotonicMs } from '#kernel';

/** An own delay above this counts as a pause: others may have spoken while we could not hear. */
export const PAUSE_MS = 500;

export class FailureDetector {
  private readonly heardAt = new Map<BrokerId, MonotonicMs>();
  private graceAt: MonotonicMs = Number.NEGATIVE_INFINITY;
  private fastFences: MonotonicMs[] = [];

  constructor(private readonly sessionTimeoutMs: number) {}

  /** Everybody gets a full new session from `now`. */
  beginGrace(now: MonotonicMs): void {
    this.graceAt = now;
  }

  isGrace(now: MonotonicMs): boolean {
    return now - this.graceAt < this.sessionTimeoutMs;
  }

  heard(brokerId: BrokerId, now: MonotonicMs): void {
    this.heardAt.set(brokerId, now);
  }

  /** Null: not heard by this coordinator yet. */
  lastHeardAt(brokerId: BrokerId): MonotonicMs | null {
    return this.heardAt.get(brokerId) ?? null;
  }

  forgetAll(): void {
    this.heardAt.clear();
    this.fastFences = [];
  }

  /** Of `watched`, those whose session is over. A broker that was never heard is counted from the last grace. */
  expired(watched: Iterable<BrokerId>, now: MonotonicMs): BrokerId[] {
    return [...watched].filter((brokerId) => {
      const since = Math.max(this.heardAt.get(brokerId) ?? this.graceAt, this.graceAt);
      return now - since > this.sessionTimeoutMs;
    });
  }

  /** Whether a broker that is provably gone may be fenced before its session ends; true counts against the limit. */
  tryFastFence(brokerCount: number, now: MonotonicMs): boolean {
    if (this.isGrace(now)) return false;
    this.fastFences = this.fastFences.filter((at) => now - at < this.sessionTimeoutMs);
    if (this.fastFences.length + 1 > Math.floor(brokerCount / 2)) return false;
    this.fastFences.push(now);
    return true;
  }
}
