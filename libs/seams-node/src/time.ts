/**
 * Real clocks, timers and chance. Monotonic time is CLOCK_MONOTONIC through performance.now(), wall time is Date.now().
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { Cancellable, Clock, Random, Scheduler } from '#seams';

/** setTimeout turns anything longer into 1 ms, so longer waits are made of several. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class NodeClock implements Clock {
  monotonicMs(): number {
    return performance.now();
  }
  wallMs(): number {
    return Date.now();
  }
}

export class NodeScheduler implements Scheduler {
  after(delayMs: number, task: () => void): Cancellable {
    const deadline = performance.now() + delayMs;
    let timer: NodeJS.Timeout | null = null;
    // Node counts whole milliseconds from the start of its loop turn and may fire up to one early: ask the clock again.
    const arm = (remainingMs: number) => {
      timer = setTimeout(
        () => {
          const stillMs = deadline - performance.now();
          if (stillMs > 0) arm(stillMs);
          else task();
        },
        Math.min(Math.ceil(remainingMs), LONGEST_TIMER_MS),
      );
    };
    arm(delayMs);
    return {
      cancel: () => {
        if (timer) clearTimeout(timer);
        timer = null;
      },
    };
  }

  endOfTurn(task: () => void): void {
    setImmediate(task);
  }
}

export class NodeRandom implements Random {
  next(): number {
    return randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
  }
  integer(maxExclusive: number): number {
    return maxExclusive <= 1 ? 0 : randomInt(maxExclusive);
  }
  bytes(length: number): Buffer {
    return randomBytes(length);
  }
}
