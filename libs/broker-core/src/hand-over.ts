/**
 * A planned stop: this broker asks for the one shutdown slot and keeps serving until its leaders have moved and everybody knows
 * (R28). It goes without the slot when time is up, and sooner when there is nobody who could grant it.
 */
import { type Clock, type Scheduler, sleep } from '#seams';
import type { CoordinatorLink } from './coordinator-link.js';

/** How long a planned stop asks for the shutdown slot before it goes without, unless it is told otherwise. */
export const HAND_OVER_TIMEOUT_MS = 30_000;
/**
 * Without an answer of any cluster coordinator for this long the broker goes without the slot. Several times what a takeover
 * between coordinators needs: a stop in the middle of one waits for it.
 */
export const HAND_OVER_SILENCE_MS = 10_000;

const LOOK_INTERVAL_MS = 100;

/** False: the slot was not granted. The link goes on asking until it is stopped. */
export async function handOver(
  link: CoordinatorLink,
  { clock, scheduler }: { clock: Clock; scheduler: Scheduler },
  timeoutMs: number,
): Promise<boolean> {
  let isOver = false;
  const asked = link.handOver(timeoutMs).finally(() => {
    isOver = true;
  });
  const beganAt = clock.monotonicMs();
  const silence = async (): Promise<boolean> => {
    while (!isOver) {
      await sleep(scheduler, LOOK_INTERVAL_MS);
      if (clock.monotonicMs() - Math.max(beganAt, link.lastHeartbeatConfirmedAt ?? beganAt) >= HAND_OVER_SILENCE_MS) break;
    }
    return isOver ? asked : false;
  };
  return Promise.race([asked, silence()]);
}
