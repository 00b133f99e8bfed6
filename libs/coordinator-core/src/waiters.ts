/** Requests that wait until something changes: woken all at once, or by their own time-out, never lost. */
import type { Scheduler } from '#seams';

export class Waiters {
  private readonly wake = new Set<() => void>();

  constructor(private readonly scheduler: Scheduler) {}

  /** Resolves at the next wakeAll, or after `maxWaitMs`. */
  wait(maxWaitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        this.wake.delete(finish);
        resolve();
      };
      const timer = this.scheduler.after(maxWaitMs, finish);
      this.wake.add(finish);
    });
  }

  wakeAll(): void {
    for (const finish of [...this.wake]) finish();
  }
}
