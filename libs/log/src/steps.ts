/**
 * Long blocking work, cut into steps, so that who drives it can let others have their turn in between: probes have to be answered
 * while a large log is recovered. Between two steps nobody else may touch what the work is about.
 *
 * A step tells the bytes that were read since the one before, or names a file that has to be synced before the work goes on.
 */
import type { Clock, DiskFile, Scheduler } from '#seams';

/** Work for this long before others have their turn. Milliseconds. */
export const TURN_MS = 10;

export type Steps<T> = Generator<number | DiskFile, T>;

/** All at once, blocking. */
export function finishNow<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (typeof step.value !== 'number') step.value.syncNow();
  }
}

/** In turns. Rejects with what the work throws, or what a sync fails with; then the work ends where it is. */
export async function finishInTurns<T>(
  steps: Steps<T>,
  { clock, scheduler }: { clock: Clock; scheduler: Scheduler },
  onBytesRead: (bytes: number) => void,
): Promise<T> {
  let turnBegan = clock.monotonicMs();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (typeof step.value !== 'number') await step.value.sync();
    else {
      onBytesRead(step.value);
      if (clock.monotonicMs() - turnBegan < TURN_MS) continue;
      await new Promise<void>((resolve) => scheduler.endOfTurn(resolve));
    }
    turnBegan = clock.monotonicMs();
  }
}
