import type { Random } from '#seams';

/** Pause before the next attempt: doubles from `firstMs` up to `maxMs`, 20 % more or less by chance so that clients spread. */
export function backoffMs(attempts: number, firstMs: number, maxMs: number, random: Random): number {
  const pause = Math.min(maxMs, firstMs * 2 ** Math.min(attempts - 1, 20));
  return Math.round(pause * (0.8 + 0.4 * random.next()));
}
