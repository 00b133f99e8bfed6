import type { MonotonicMs, WallMs } from '#kernel';

/** Two clocks: durations and deadlines are monotonic, the wall clock only stamps data (R25). */
export interface Clock {
  monotonicMs(): MonotonicMs;
  wallMs(): WallMs;
}

export interface Cancellable {
  /** Idempotent; after it returns the callback does not run. */
  cancel(): void;
}

export interface Scheduler {
  /** Runs `task` once, not before `delayMs` (>= 0) have passed, never synchronously. */
  after(delayMs: number, task: () => void): Cancellable;
  /** Runs `task` once after everything that is already readable in this turn of the event loop was handled (setImmediate). */
  endOfTurn(task: () => void): void;
}

/** Seeded under test, so that a run replays. */
export interface Random {
  /** 0 <= n < 1. */
  next(): number;
  /** Integer, 0 <= n < maxExclusive. */
  integer(maxExclusive: number): number;
  bytes(length: number): Buffer;
}

/** 16 random bytes as 22 characters of URL-safe base64, the way Kafka prints ids; never starts with "-". */
export function randomId(random: Random): string {
  for (;;) {
    const id = random.bytes(16).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

export function sleep(scheduler: Scheduler, delayMs: number): Promise<void> {
  return new Promise((resolve) => scheduler.after(delayMs, resolve));
}

/** The value of `work`, or a rejection with what `onTimeout` builds after `delayMs`; `work` itself is not stopped. */
export function withTimeout<T>(scheduler: Scheduler, delayMs: number, work: Promise<T>, onTimeout: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = scheduler.after(delayMs, () => reject(onTimeout()));
    work.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
