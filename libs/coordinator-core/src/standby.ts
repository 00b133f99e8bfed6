/**
 * Stands by for the cluster coordinator that acts on the same store: looks at its beat, keeps a warm copy of the metadata, and
 * says when the turn is free. It is free when the beat stood still for a session between two answered looks of this
 * process's own clock (a store that is away proves nothing about who acts), or when it was released.
 */
import type { Coordinator, MetadataEntry, MetadataLog, StoredTurn } from '#metadata';
import { MetadataImage } from '#metadata';
import type { Clock, Logger, Scheduler } from '#seams';
import { sleep } from '#seams';

export interface StandbyOptions {
  readonly log: MetadataLog;
  readonly self: Coordinator;
  readonly seams: { readonly clock: Clock; readonly scheduler: Scheduler; readonly logger: Logger };
  readonly beatIntervalMs: number;
  readonly turnTimeoutMs: number;
  /** A turn of this very process may be taken up again at once: nobody else can be beating under it. */
  readonly ownCoordinatorEpoch: () => number;
}

export class Standby {
  /** Who acts, as last seen. */
  actor: Coordinator | null = null;
  /** Null: never. */
  private answeredAt: number | null = null;
  private isStopped = false;

  /** `image`: what was loaded; moves on with what the acting one writes. */
  constructor(
    private readonly options: StandbyOptions,
    public image: MetadataImage,
  ) {}

  get answeredAgeMs(): number | null {
    return this.answeredAt === null ? null : this.now() - this.answeredAt;
  }

  stop(): void {
    this.isStopped = true;
  }

  /**
   * Resolves with what to claim when the turn is free (turn null: nobody ever had it), with null when stopped. `onSeen` is
   * called after the first look that found somebody acting. Rejects with what `load` throws beside METADATA_STORE_UNAVAILABLE.
   */
  async wait(onSeen: () => void): Promise<{ readonly still: StoredTurn | null } | null> {
    const { log, self, seams, beatIntervalMs, turnTimeoutMs } = this.options;
    let seen: { readonly turn: StoredTurn; readonly since: number } | null = null;
    let isAway = false;
    while (!this.isStopped) {
      const askedAt = this.now();
      try {
        const { revision, opId } = this.image;
        const { turn, entries } = await log.observe({ revision, opId }, self);
        if (this.isStopped) return null;
        if (turn === null || turn.actor === null || this.isOwn(turn, turn.actor)) return { still: turn };
        const isSame = seen?.turn.coordinatorEpoch === turn.coordinatorEpoch && seen.turn.beat === turn.beat;
        if (seen !== null && isSame && askedAt - seen.since >= turnTimeoutMs) return { still: turn };
        this.answeredAt = askedAt;
        this.actor = turn.actor;
        if (seen === null || isAway) onSeen();
        if (!isSame) seen = { turn, since: this.now() };
        isAway = false;
        await this.follow(entries);
      } catch (error) {
        if ((error as { code?: string }).code !== 'METADATA_STORE_UNAVAILABLE') throw error;
        if (!isAway) seams.logger.warn('the metadata store does not answer; standing by', { reason: (error as Error).message });
        isAway = true;
        // The acting one could not beat either.
        seen = null;
      }
      await sleep(seams.scheduler, beatIntervalMs);
    }
    return null;
  }

  /** A store that went back may have given an epoch of this process to another one. */
  private isOwn({ coordinatorEpoch }: StoredTurn, { id, host, port }: Coordinator): boolean {
    const { self, ownCoordinatorEpoch } = this.options;
    return coordinatorEpoch === ownCoordinatorEpoch() && id === self.id && host === self.host && port === self.port;
  }

  private async follow(entries: readonly MetadataEntry[] | null): Promise<void> {
    if (entries !== null) {
      for (const entry of entries) this.image = this.image.apply(entry);
      return;
    }
    this.image = MetadataImage.fromChain(await this.options.log.load());
  }

  private now(): number {
    return this.options.seams.clock.monotonicMs();
  }
}
