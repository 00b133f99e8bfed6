/**
 * How one cluster coordinator holds its store: what it loaded, whether it stands by or has the turn, and under which coordinator
 * epoch. A store that is not shared is taken over at once; a shared one when nobody acts on it (standby.ts), and then it is
 * beaten for (turn.ts).
 */
import type { CoordinatorEpoch } from '#kernel';
import { NO_EPOCH, YakError } from '#kernel';
import type { Claim, Coordinator, MetadataEntry, MetadataLog } from '#metadata';
import { MetadataImage } from '#metadata';
import { withTimeout } from '#seams';
import type { CoordinatorReport, CoordinatorSeams } from './config.js';
import { Standby } from './standby.js';
import { Turn } from './turn.js';

/** So long a stop waits at most for the store to hear that the turn is free. */
export const RELEASE_TIMEOUT_MS = 500;

export interface TurnTakerOptions {
  readonly log: MetadataLog;
  readonly seams: CoordinatorSeams;
  readonly self: () => Coordinator;
  readonly beatIntervalMs: number;
  readonly turnTimeoutMs: number;
  /** Another coordinator acts, and this one stands by. */
  readonly onStandby: (reason: string) => void;
  /** Somebody else took over, or the store is not the one that was taken over any more. */
  readonly onLost: (reason: string) => void;
}

export class TurnTaker {
  /** Of the last takeover; -1 before the first. */
  coordinatorEpoch: CoordinatorEpoch = NO_EPOCH;
  entries: readonly MetadataEntry[] = [];
  private loaded = MetadataImage.empty();
  private opIds = new Map<number, string>();
  private turn: Turn | null = null;
  private standby: Standby | null = null;
  private isClosed = false;
  /** Grows when this one starts over or ends: whatever is under way from before must change nothing any more. */
  private life = 0;

  constructor(private readonly options: TurnTakerOptions) {}

  /** As loaded, or as followed while standing by. */
  get image(): MetadataImage {
    return this.standby?.image ?? this.loaded;
  }

  /** False: the store did not confirm for a session that it is this one's turn. */
  get isSure(): boolean {
    return this.turn?.isSure ?? false;
  }

  get standbys(): readonly Coordinator[] {
    return this.turn?.standbys ?? [];
  }

  /** Null: this one acts, nobody does, or it is not known. */
  get otherActor(): Coordinator | null {
    const actor = this.standby?.actor ?? null;
    const self = this.options.self();
    // Who had this address before has it no more.
    return actor?.host === self.host && actor.port === self.port ? null : actor;
  }

  report(): Pick<CoordinatorReport, 'actor' | 'standbys' | 'storeAnsweredAgeMs'> {
    return {
      actor: this.turn ? this.options.self() : this.otherActor,
      standbys: this.standbys,
      storeAnsweredAgeMs: this.turn?.answeredAgeMs ?? this.standby?.answeredAgeMs ?? null,
    };
  }

  /** Op ids by revision, as far as the loaded chain tells. */
  opIdAt(revision: number): string | null {
    return this.opIds.get(revision) ?? null;
  }

  /** What became of the loaded image while it was acted on. */
  moveTo(image: MetadataImage): void {
    this.loaded = image;
  }

  /** True when the store confirms a turn after the call began. */
  async prove(): Promise<boolean> {
    return (await this.turn?.prove()) ?? false;
  }

  /** Loads the store and waits for the turn. Answers why the store is suspect (null: sound), or 'given up' for giveUp or close. */
  async acquire(): Promise<{ readonly suspicion: string | null } | 'given up'> {
    const { life } = this;
    let suspicion = await this.load(life);
    if (life !== this.life) return 'given up';
    if (!this.options.log.isShared) {
      await this.takeOver(this.loaded.coordinatorEpoch);
    } else {
      if (!(await this.standBy(life))) return 'given up';
      // Nobody else writes from here on; what was written since is part of it.
      suspicion = await this.load(life);
    }
    return life === this.life ? { suspicion } : 'given up';
  }

  /** Throws a YakError: `NOT_MY_TURN` when somebody took over, or beat, since `still` was seen; `NOT_ACTIVE` when given up meanwhile. */
  async takeOver(atLeast: CoordinatorEpoch, still?: Claim['still']): Promise<void> {
    const { log, seams, self, beatIntervalMs, turnTimeoutMs } = this.options;
    const { life } = this;
    const askedAt = seams.clock.monotonicMs();
    const claim = still === undefined ? { actor: self() } : { actor: self(), still };
    const coordinatorEpoch = await log.takeOver(Math.max(this.coordinatorEpoch, atLeast), claim);
    this.coordinatorEpoch = Math.max(this.coordinatorEpoch, coordinatorEpoch);
    if (life !== this.life) {
      if (!this.isClosed) void log.release(coordinatorEpoch);
      throw new YakError('NOT_ACTIVE', 'the turn was given up before it was answered');
    }
    this.turn?.end();
    const onLost = (reason: string): void => {
      if (this.turn !== turn) return;
      this.turn = null;
      this.options.onLost(reason);
    };
    const turn: Turn = new Turn({ log, coordinatorEpoch, seams, beatIntervalMs, turnTimeoutMs, onLost }, askedAt);
    this.turn = turn;
  }

  /** Stops beating and standing by; the store is told nothing. */
  giveUp(): void {
    this.life++;
    this.standby?.stop();
    this.turn?.end();
    this.turn = null;
  }

  /** Releases the turn, so that a standby takes over at once, and closes the store. */
  async close(): Promise<void> {
    const { turn } = this;
    const { log, seams } = this.options;
    this.isClosed = true;
    this.giveUp();
    if (turn) {
      const released = log.release(turn.coordinatorEpoch);
      // Closing a store that does not answer must not wait for it: a lost release costs others a session.
      await withTimeout(seams.scheduler, RELEASE_TIMEOUT_MS, released, () => new YakError('TIMED_OUT', 'not released in time')).catch(
        () => {},
      );
    }
    await log.close();
  }

  private async load(life: number): Promise<string | null> {
    const { snapshot, entries, suspicion } = await this.options.log.load();
    if (life !== this.life) return suspicion;
    this.loaded = MetadataImage.fromChain({ snapshot, entries });
    this.entries = entries;
    this.opIds = new Map(entries.map((entry) => [entry.revision, entry.opId]));
    if (snapshot) this.opIds.set(snapshot.revision, snapshot.opId);
    return suspicion;
  }

  /** Until the turn is this one's; false when given up meanwhile. */
  private async standBy(life: number): Promise<boolean> {
    const { log, seams, self, beatIntervalMs, turnTimeoutMs } = this.options;
    const ownCoordinatorEpoch = (): CoordinatorEpoch => this.coordinatorEpoch;
    const standby = new Standby({ log, self: self(), seams, beatIntervalMs, turnTimeoutMs, ownCoordinatorEpoch }, this.loaded);
    this.standby = standby;
    try {
      for (;;) {
        const free = await standby.wait(() => this.options.onStandby(actingReason(standby.actor)));
        if (free === null || life !== this.life) return false;
        try {
          await this.takeOver(standby.image.coordinatorEpoch, free.still);
          return true;
        } catch (error) {
          if (life !== this.life) return false;
          // Another standby was quicker.
          if (!(error instanceof YakError) || error.code !== 'NOT_MY_TURN') throw error;
        }
      }
    } finally {
      if (this.standby === standby) {
        this.loaded = standby.image;
        this.standby = null;
      }
    }
  }
}

function actingReason(actor: Coordinator | null): string {
  return actor === null ? 'nobody acts' : `coordinator ${actor.id} at ${actor.host}:${actor.port} acts`;
}
