import fc from 'fast-check';
import { Deadlines, Timer } from './deadlines.js';

describe('deadlines', () => {
  it('fires every timer once, at the time that it was put off to, in order', () => {
    const step = fc.record({ timer: fc.nat(9), action: fc.constantFrom('arm', 'arm', 'cancel', 'fire'), ms: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const deadlines = new Deadlines<null>();
        const model = new Map<number, number>();
        const fired: number[] = [];
        const timers = Array.from({ length: 10 }, (_, i) => new Timer<null>(() => fired.push(i)));
        let now = 0;
        for (const { timer, action, ms } of steps) {
          if (action === 'arm') {
            deadlines.arm(timers[timer]!, now + ms);
            model.set(timer, now + ms);
          } else if (action === 'cancel') {
            deadlines.cancel(timers[timer]!);
            model.delete(timer);
          } else {
            now += ms;
            const due = [...model].filter(([, at]) => at <= now);
            deadlines.fire(now, null);
            for (const [i] of due) model.delete(i);
            expect(fired.splice(0).sort()).toEqual(due.map(([i]) => i).sort());
          }
          expect(deadlines.next()).toBe(model.size === 0 ? null : Math.min(...model.values()));
          expect(deadlines.armed).toBe(model.size);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('fires equal times in the order of arming, and what is armed for now while it fires', () => {
    const deadlines = new Deadlines<null>();
    const fired: string[] = [];
    const second = new Timer<null>(() => fired.push('second'));
    const third = new Timer<null>(() => fired.push('third'));
    const first = new Timer<null>(() => {
      fired.push('first');
      deadlines.arm(third, 5);
    });
    deadlines.arm(first, 5);
    deadlines.arm(second, 5);
    deadlines.fire(5, null);
    expect(fired).toEqual(['first', 'second', 'third']);
    expect(deadlines.next()).toBeNull();
  });
});
