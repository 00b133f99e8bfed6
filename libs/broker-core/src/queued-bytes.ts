/**
 * What clients make this process hold: requests that are not answered and answers that are not read, over all connections. Every
 * connection has limits of its own; this is the one for all of them together, so that many modest ones do not add up to more memory
 * than there is. Above it, doors read on only from who holds little, and fetches wait. Followers are not held up: requests wait for them.
 *
 * A sum that is taken anew every few milliseconds, not an account: nothing can leak from it.
 */
import type { MonotonicMs } from '#kernel';
import type { Clock } from '#seams';

/** The sum is not older than this. Milliseconds. */
export const QUEUED_BYTES_AGE_MS = 10;
/** A connection that holds less is always read from: heartbeats, questions for metadata, and fetches are small. */
export const QUEUED_BYTES_FREE = 64 * 1024;
/** A fetch that is answered at all may take this much; a single larger batch still comes whole (KIP-74). */
export const FETCH_BYTES_MIN = 64 * 1024;

export class QueuedBytes {
  private readonly sources: (() => number)[] = [];
  private measuredAt: MonotonicMs = Number.NEGATIVE_INFINITY;
  private measured = 0;
  /** Of answers that were made since, and are in the sum next time. */
  private answered = 0;
  /** Being read from disk. */
  private reading = 0;

  constructor(
    private readonly clock: Clock,
    readonly limitBytes: number,
  ) {}

  /** `held` answers the bytes that the connections of one door hold now. */
  watch(held: () => number): void {
    this.sources.push(held);
  }

  get bytes(): number {
    if (this.limitBytes === Number.POSITIVE_INFINITY) return 0;
    const now = this.clock.monotonicMs();
    if (now - this.measuredAt >= QUEUED_BYTES_AGE_MS) {
      this.measuredAt = now;
      this.measured = 0;
      this.answered = 0;
      for (const held of this.sources) this.measured += held();
    }
    return this.measured + this.answered + this.reading;
  }

  get isFull(): boolean {
    return this.bytes >= this.limitBytes;
  }

  /** How large the next answer to a fetch may get: a quarter of what is left, so that others find something, too. 0: it has to wait. */
  nextAnswerBytes(): number {
    const left = this.limitBytes - this.bytes;
    return left <= 0 ? 0 : Math.max(FETCH_BYTES_MIN, left / 4);
  }

  noteAnswer(bytes: number): void {
    this.answered += bytes;
  }

  /** Until the answer, which is called once: bytes that are on their way from the disk. */
  noteReading(bytes: number): () => void {
    this.reading += bytes;
    return () => {
      this.reading -= bytes;
    };
  }
}
