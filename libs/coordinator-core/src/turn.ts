/**
 * This cluster coordinator's turn on its store, from takeover to the first refusal: it beats, so that standbys stay where they
 * are, and it knows how sure it may be that it still acts (R17, R18). A store that is not shared is always its turn.
 *
 * Nothing here makes anything safe: every append is tested against the coordinator epoch by the store itself. What is
 * decided here is when this process stops answering for a cluster that may be somebody else's by now.
 */
import type { CoordinatorEpoch } from '#kernel';
import type { BeatResult, Coordinator, MetadataLog } from '#metadata';
import type { Cancellable, Clock, Logger, Scheduler } from '#seams';

export interface TurnOptions {
  readonly log: MetadataLog;
  readonly coordinatorEpoch: CoordinatorEpoch;
  readonly seams: { readonly clock: Clock; readonly scheduler: Scheduler; readonly logger: Logger };
  readonly beatIntervalMs: number;
  /** Without an answer for this long it is not sure any more; the same as a standby waits before it takes over. */
  readonly turnTimeoutMs: number;
  /** Once: somebody else took over, or the store is another one. */
  readonly onLost: (reason: string) => void;
}

export class Turn {
  standbys: readonly Coordinator[] = [];
  private answeredAt: number;
  private isEnded = false;
  private wasSure = true;
  private timer: Cancellable | null = null;
  private running: Promise<boolean> | null = null;
  private following: Promise<boolean> | null = null;

  /** Call right after takeOver was answered; `askedAt`: when it was asked, monotonic ms. */
  constructor(
    private readonly options: TurnOptions,
    askedAt: number,
  ) {
    this.answeredAt = askedAt;
    if (options.log.isShared) this.schedule();
  }

  get coordinatorEpoch(): CoordinatorEpoch {
    return this.options.coordinatorEpoch;
  }

  /** False: the store has not confirmed this turn for a session; another coordinator may act by now. */
  get isSure(): boolean {
    if (this.isEnded) return false;
    return !this.options.log.isShared || this.ageMs <= this.options.turnTimeoutMs;
  }

  /** Since the last confirmed question was asked; null: the store is not shared. */
  get answeredAgeMs(): number | null {
    return this.options.log.isShared ? this.ageMs : null;
  }

  /** Resolves true when the store confirmed this turn after the call began. Questions that come together share one beat. */
  prove(): Promise<boolean> {
    if (this.isEnded) return Promise.resolve(false);
    if (!this.options.log.isShared) return Promise.resolve(true);
    if (this.running === null) return this.beat();
    this.following ??= this.running.then(() => {
      this.following = null;
      return this.isEnded ? false : this.beat();
    });
    return this.following;
  }

  end(): void {
    this.isEnded = true;
    this.timer?.cancel();
  }

  private schedule(): void {
    this.timer = this.options.seams.scheduler.after(this.options.beatIntervalMs, () => {
      if (this.isEnded) return;
      this.noteSureness();
      if (this.running === null) void this.beat();
      this.schedule();
    });
  }

  private beat(): Promise<boolean> {
    this.running = this.beatOnce().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async beatOnce(): Promise<boolean> {
    const askedAt = this.now();
    let result: BeatResult;
    try {
      result = await this.options.log.beat(this.coordinatorEpoch);
    } catch (error) {
      result = { kind: 'unknown', reason: (error as Error).message };
    }
    if (this.isEnded) return false;
    if (result.kind === 'beaten') {
      this.answeredAt = askedAt;
      this.standbys = result.standbys;
      this.noteSureness();
      return true;
    }
    if (result.kind === 'refused') {
      this.end();
      this.options.onLost(result.reason);
    }
    return false;
  }

  private noteSureness(): void {
    const { isSure } = this;
    if (isSure === this.wasSure) return;
    this.wasSure = isSure;
    const { logger } = this.options.seams;
    if (isSure) logger.info('the metadata store answers again', { coordinatorEpoch: this.coordinatorEpoch });
    else logger.warn('the metadata store does not answer; brokers serve on, nothing is decided', { forMs: Math.round(this.ageMs) });
  }

  private get ageMs(): number {
    return this.now() - this.answeredAt;
  }

  private now(): number {
    return this.options.seams.clock.monotonicMs();
  }
}
