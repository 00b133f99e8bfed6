/**
 * Keeps the cleaner small: it gives the event loop back after a few milliseconds or bytes, and over time it moves no more bytes than
 * it was allowed. Stopping wakes whoever waits here; everyone asks `isStopped` afterwards.
 */
import type { Cancellable, Clock, Scheduler } from '#seams';
import { CLEANER_BURST_MS, CLEANER_STEP_BYTES, CLEANER_STEP_MS } from '../limits.js';

export class Pace {
  isStopped = false;
  /** Milliseconds that the throttle took, in all. */
  throttledMs = 0;
  private stepBytes = 0;
  private stepStartedMs: number;
  /** The allowance is used up to here. */
  private paidUntilMs: number;
  private wake: (() => void) | null = null;
  private timer: Cancellable | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly scheduler: Scheduler,
    private readonly bytesPerSecond: number,
  ) {
    this.stepStartedMs = clock.monotonicMs();
    this.paidUntilMs = this.stepStartedMs;
  }

  /** `bytes` were read or written. Resolves when more may be done; at once within a step. */
  async spend(bytes: number): Promise<void> {
    this.stepBytes += bytes;
    const nowMs = this.clock.monotonicMs();
    this.paidUntilMs = Math.max(this.paidUntilMs, nowMs - CLEANER_BURST_MS) + (bytes * 1000) / this.bytesPerSecond;
    if (this.stepBytes < CLEANER_STEP_BYTES && nowMs - this.stepStartedMs < CLEANER_STEP_MS) return;
    const aheadMs = Math.ceil(this.paidUntilMs - nowMs);
    if (aheadMs > 0) {
      this.throttledMs += aheadMs;
      await this.sleep(aheadMs);
    } else await new Promise<void>((resolve) => this.scheduler.endOfTurn(resolve));
    this.stepBytes = 0;
    this.stepStartedMs = this.clock.monotonicMs();
  }

  /** Resolves after `delayMs`, or when stopped. */
  sleep(delayMs: number): Promise<void> {
    if (this.isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      this.wake = resolve;
      this.timer = this.scheduler.after(delayMs, resolve);
    });
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
    this.wake?.();
  }
}
