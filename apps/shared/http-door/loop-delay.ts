/**
 * How late this process's event loop runs: a timer that should fire every PERIOD_MS is compared with the monotonic clock.
 * Cheap enough to be always on, unlike a histogram with a fine resolution, which wakes an idle process all the time.
 */
const PERIOD_MS = 250;
const WINDOW = 40;

export class LoopDelay {
  private readonly delaysMs: number[] = [];
  private readonly timer: NodeJS.Timeout;
  private expectedAt: number;

  constructor() {
    this.expectedAt = performance.now() + PERIOD_MS;
    this.timer = setInterval(() => this.tick(), PERIOD_MS).unref();
  }

  /** Worst delay of the last ten seconds, and the latest; a stall that is still going on cannot be seen from inside. */
  get report(): { readonly lastMs: number; readonly worstMs: number } {
    return { lastMs: round(this.delaysMs.at(-1) ?? 0), worstMs: round(Math.max(0, ...this.delaysMs)) };
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const now = performance.now();
    this.delaysMs.push(Math.max(0, now - this.expectedAt));
    if (this.delaysMs.length > WINDOW) this.delaysMs.shift();
    this.expectedAt = now + PERIOD_MS;
  }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
