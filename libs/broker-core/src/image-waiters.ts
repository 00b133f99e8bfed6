/** Who waits until a condition on the metadata image holds. Conditions are looked at when somebody comes and when the image changed. */
import type { MetadataImage } from '#metadata';
import type { Scheduler } from '#seams';

export class ImageWaiters {
  private readonly waiters = new Set<() => void>();
  private isStopped = false;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly image: () => MetadataImage,
  ) {}

  /** Resolves true as soon as `condition` holds, false after `timeoutMs` or at the end. */
  waitFor(condition: (image: MetadataImage) => boolean, timeoutMs: number): Promise<boolean> {
    if (condition(this.image())) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (isMet: boolean): void => {
        this.waiters.delete(check);
        timer.cancel();
        resolve(isMet);
      };
      const check = (): void => {
        if (condition(this.image())) finish(true);
        else if (this.isStopped) finish(false);
      };
      const timer = this.scheduler.after(timeoutMs, () => finish(false));
      this.waiters.add(check);
    });
  }

  wakeAll(): void {
    for (const waiter of [...this.waiters]) waiter();
  }

  stop(): void {
    this.isStopped = true;
    this.wakeAll();
  }
}
