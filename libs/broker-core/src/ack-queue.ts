/**
 * Produce requests that wait for an end offset to be passed, in the leader epoch that accepted them. The owner completes
 * it as the end advances and fails it before it stops leading (R23); nothing is ever completed afterwards.
 */
import type { KafkaErrorName, Offset } from '#kernel';

interface Waiting {
  /** Exclusive end that has to be reached. */
  readonly end: Offset;
  readonly settle: (error: KafkaErrorName) => void;
}

export class AckQueue {
  /** Ascending by end. Everything before `head` is done. */
  private waiting: Waiting[] = [];
  private head = 0;

  get size(): number {
    return this.waiting.length - this.head;
  }

  add(end: Offset, settle: (error: KafkaErrorName) => void): void {
    const entry = { end, settle };
    let at = this.waiting.length;
    // A duplicate waits for an older end than what came in between (R26); appends arrive in order.
    while (at > this.head && this.waiting[at - 1]!.end > end) at--;
    if (at === this.waiting.length) this.waiting.push(entry);
    else this.waiting.splice(at, 0, entry);
  }

  /** Settles with NONE all that wait for an end <= `reached`. */
  complete(reached: Offset): void {
    while (this.head < this.waiting.length && this.waiting[this.head]!.end <= reached) {
      this.waiting[this.head++]!.settle('NONE');
    }
    if (this.head === this.waiting.length) {
      this.waiting = [];
      this.head = 0;
    } else if (this.head > 1024) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
  }

  failAll(error: KafkaErrorName): void {
    const failed = this.waiting.slice(this.head);
    this.waiting = [];
    this.head = 0;
    for (const entry of failed) entry.settle(error);
  }
}
