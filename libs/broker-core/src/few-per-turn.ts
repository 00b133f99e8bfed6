/**
 * Things that each cost blocking syncs, done a few per turn of the event loop, so that heartbeats and requests go on in between
 * however many there are. One that is added twice is done once; the first of a turn are done at once.
 */
import type { Scheduler } from '#seams';

export class FewPerTurn<T> {
  private readonly waiting = new Set<T>();
  private doneThisTurn = 0;
  private isScheduled = false;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly perTurnMax: number,
    private readonly perform: (item: T) => void,
  ) {}

  /** False: it has to wait for a later turn. */
  add(item: T): boolean {
    this.waiting.add(item);
    this.work();
    return !this.waiting.has(item);
  }

  has(item: T): boolean {
    return this.waiting.has(item);
  }

  remove(item: T): void {
    this.waiting.delete(item);
  }

  private work(): void {
    for (const item of this.waiting) {
      if (this.doneThisTurn >= this.perTurnMax) break;
      this.doneThisTurn++;
      this.waiting.delete(item);
      this.perform(item);
    }
    if (this.doneThisTurn === 0 || this.isScheduled) return;
    this.isScheduled = true;
    this.scheduler.endOfTurn(() => {
      this.isScheduled = false;
      this.doneThisTurn = 0;
      this.work();
    });
  }
}
