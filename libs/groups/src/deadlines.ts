/**
 * Timers of all groups of one table in one heap. A timer that is put off (a session, at every heartbeat) only notes its new
 * time; the heap learns of it when the old one comes up. So putting off is free and the next deadline costs O(1) amortized.
 * Equal times fire in the order in which they were armed, so that a run replays.
 */
import type { MonotonicMs } from '#kernel';

export class Timer<Context> {
  /** When it fires; null: not armed. */
  at: MonotonicMs | null = null;
  /** Where the heap has it; <= at. */
  queuedAt: MonotonicMs = 0;
  sequence = 0;
  /** Position in the heap, or -1. */
  index = -1;

  constructor(readonly fire: (context: Context) => void) {}
}

export class Deadlines<Context> {
  private readonly heap: Timer<Context>[] = [];
  private sequence = 0;

  /** Arms, or moves, the timer. */
  arm(timer: Timer<Context>, at: MonotonicMs): void {
    timer.at = at;
    if (timer.index < 0) {
      this.queue(timer);
    } else if (at < timer.queuedAt) {
      this.unqueue(timer);
      this.queue(timer);
    }
  }

  cancel(timer: Timer<Context>): void {
    timer.at = null;
    if (timer.index >= 0) this.unqueue(timer);
  }

  /** The earliest time for which a timer is armed, or null. */
  next(): MonotonicMs | null {
    for (;;) {
      const top = this.heap[0];
      if (!top) return null;
      if (top.queuedAt === top.at) return top.at;
      this.unqueue(top);
      this.queue(top);
    }
  }

  /** Fires everything whose time has come, also what a timer arms for `now` while it fires. */
  fire(now: MonotonicMs, context: Context): void {
    for (let next = this.next(); next !== null && next <= now; next = this.next()) {
      const timer = this.heap[0]!;
      this.cancel(timer);
      timer.fire(context);
    }
  }

  get armed(): number {
    return this.heap.length;
  }

  private queue(timer: Timer<Context>): void {
    timer.queuedAt = timer.at!;
    timer.sequence = this.sequence++;
    this.heap.push(timer);
    this.rise(timer, this.heap.length - 1);
  }

  private unqueue(timer: Timer<Context>): void {
    const { index } = timer;
    const last = this.heap.pop()!;
    timer.index = -1;
    if (last === timer) return;
    this.sink(last, index);
    this.rise(last, last.index);
  }

  private rise(timer: Timer<Context>, from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, this.heap[parent]!)) break;
      this.place(this.heap[parent]!, at);
      at = parent;
    }
    this.place(timer, at);
  }

  private sink(timer: Timer<Context>, from: number): void {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.heap.length) break;
      if (child + 1 < this.heap.length && isBefore(this.heap[child + 1]!, this.heap[child]!)) child++;
      if (!isBefore(this.heap[child]!, timer)) break;
      this.place(this.heap[child]!, at);
      at = child;
    }
    this.place(timer, at);
  }

  private place(timer: Timer<Context>, index: number): void {
    this.heap[index] = timer;
    timer.index = index;
  }
}

function isBefore<Context>(a: Timer<Context>, b: Timer<Context>): boolean {
  return a.queuedAt < b.queuedAt || (a.queuedAt === b.queuedAt && a.sequence < b.sequence);
}
