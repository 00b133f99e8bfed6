/**
 * Runs a step again and again, with every microtask drained in between. A tick that is queued from a microtask runs only
 * when the microtask queue is empty, so this is as complete as a setImmediate per step and four times cheaper; a real
 * setImmediate now and then lets the surrounding process breathe (and reports unhandled rejections). The one place in the
 * simulation that touches the real event loop.
 */
const STEPS_PER_REAL_TURN = 256;

/** Resolves once `step` answered false; rejects with what it threw. */
export function runDrained(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let steps = 0;
    const turn = () => {
      try {
        if (!step()) {
          // One real turn: rejections that nobody handled are told before the caller goes on.
          setImmediate(resolve);
          return;
        }
      } catch (error) {
        reject(error);
        return;
      }
      if (++steps % STEPS_PER_REAL_TURN === 0) setImmediate(turn);
      else queueMicrotask(afterMicrotasks);
    };
    const afterMicrotasks = () => process.nextTick(turn);
    // The caller's own microtasks come first.
    queueMicrotask(afterMicrotasks);
  });
}
