/**
 * Who waits for memory at the Kafka door. While clients together hold more than the process has for them, connections that hold much
 * are not read from; they go on when there is room. Once in a while one of them has its turn all the same: those who each hold a part
 * of a frame would else wait for each other for ever.
 */
import type { QueuedBytes } from '#broker-core';
import type { Cancellable, Clock, Logger, Scheduler } from '#seams';
import type { RoomForAll } from './handler.js';

/** Those who wait are looked at this often. Milliseconds. */
export const ROOM_INTERVAL_MS = 20;
/** Without room, one has its turn this often. */
export const ROOM_TURN_MS = 1_000;
/** The log says again that there is no room after this. */
const SAID_MS = 60_000;

export class RoomQueue implements RoomForAll {
  private waiting: ((isItsTurn: boolean) => void)[] = [];
  private timer: Cancellable | null = null;
  private lastTurnMs = 0;
  private saidAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly queued: QueuedBytes,
    private readonly seams: { readonly clock: Clock; readonly scheduler: Scheduler; readonly logger: Logger },
  ) {}

  get isFull(): boolean {
    return this.queued.isFull;
  }

  wait(again: (isItsTurn: boolean) => void): void {
    if (this.waiting.length === 0) this.lastTurnMs = this.seams.clock.monotonicMs();
    this.waiting.push(again);
    this.timer ??= this.plan();
    this.say();
  }

  close(): void {
    this.timer?.cancel();
    this.timer = null;
    this.waiting = [];
  }

  private plan(): Cancellable {
    return this.seams.scheduler.after(ROOM_INTERVAL_MS, () => {
      this.timer = null;
      this.look();
      if (this.waiting.length > 0) this.timer ??= this.plan();
    });
  }

  private look(): void {
    const now = this.seams.clock.monotonicMs();
    if (!this.queued.isFull) {
      for (const again of this.waiting.splice(0)) again(false);
    } else if (now - this.lastTurnMs >= ROOM_TURN_MS) {
      this.lastTurnMs = now;
      this.waiting.shift()?.(true);
    }
  }

  private say(): void {
    const now = this.seams.clock.monotonicMs();
    if (now - this.saidAtMs < SAID_MS) return;
    this.saidAtMs = now;
    this.seams.logger.warn('clients wait for memory: what they sent and have not read is at its limit (queued.max.request.bytes)', {
      bytes: this.queued.bytes,
      limitBytes: this.queued.limitBytes,
    });
  }
}
