/** What every Clock and Scheduler must do. `settle` lets that much (virtual) time pass. */
import type { Clock, Scheduler } from '#seams';
import { sleep, withTimeout } from '#seams';

export interface SchedulerFixture {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  settle(ms: number): Promise<void>;
}

export function schedulerConformance(name: string, create: () => SchedulerFixture): void {
  describe(`Scheduler conformance: ${name}`, () => {
    it('runs a task once, never at once and never early', async () => {
      const { clock, scheduler, settle } = create();
      const startedMs = clock.monotonicMs();
      const ranAfterMs: number[] = [];
      for (const delayMs of [0, 1, 5, 12]) scheduler.after(delayMs, () => ranAfterMs.push(clock.monotonicMs() - startedMs - delayMs));
      expect(ranAfterMs).toEqual([]);
      await settle(60);
      expect(ranAfterMs).toHaveLength(4);
      expect(Math.min(...ranAfterMs)).toBeGreaterThanOrEqual(0);
    });

    it('does not run what was cancelled, and cancelling again or too late is harmless', async () => {
      const { scheduler, settle } = create();
      const ran: string[] = [];
      const cancelled = scheduler.after(1, () => ran.push('cancelled'));
      cancelled.cancel();
      cancelled.cancel();
      const kept = scheduler.after(1, () => ran.push('kept'));
      await settle(30);
      kept.cancel();
      expect(ran).toEqual(['kept']);
    });

    it('runs endOfTurn tasks in order, after microtasks, and later ones in a later turn', async () => {
      const { scheduler, settle } = create();
      const ran: string[] = [];
      scheduler.endOfTurn(() => {
        ran.push('first');
        scheduler.endOfTurn(() => ran.push('next turn'));
        void Promise.resolve().then(() => ran.push('microtask of first'));
      });
      scheduler.endOfTurn(() => ran.push('second'));
      void Promise.resolve().then(() => ran.push('microtask'));
      expect(ran).toEqual([]);
      await settle(20);
      expect(ran).toEqual(['microtask', 'first', 'microtask of first', 'second', 'next turn']);
    });

    it('sleeps, and gives up on work that takes too long without stopping it', async () => {
      const { scheduler, settle } = create();
      const outcomes: unknown[] = [];
      void withTimeout(scheduler, 5, sleep(scheduler, 15), () => new Error('too long')).catch((error) => outcomes.push(error.message));
      void withTimeout(scheduler, 40, sleep(scheduler, 2), () => new Error('never')).then(() => outcomes.push('in time'));
      await settle(60);
      expect(outcomes.sort()).toEqual(['in time', 'too long']);
    });

    it('R25: has a monotonic clock that does not go back and a wall clock near the right year', async () => {
      const { clock, settle } = create();
      const before = clock.monotonicMs();
      await settle(3);
      expect(clock.monotonicMs()).toBeGreaterThan(before);
      expect(new Date(clock.wallMs()).getUTCFullYear()).toBeGreaterThanOrEqual(2025);
      expect(Number.isInteger(clock.wallMs())).toBe(true);
    });
  });
}
