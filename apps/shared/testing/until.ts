/** For specs of doors on real sockets: waits for a state, never for a time. */
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 4_000;

export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('the awaited state did not come');
    await sleep(2);
  }
}
