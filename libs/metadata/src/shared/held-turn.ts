/**
 * What a process remembers of the coordinator epoch that it took over: enough to tell, after a restart of the store, whether
 * the store holds exactly what it left there (docs/adr/0008). Decides nothing about who acts.
 */
import type { CoordinatorEpoch } from '#kernel';
import type { StoredChain, Witness } from './stored-chain.js';

export class HeldTurn {
  /** Last answered. Each later one that was sent may have been counted too. */
  private beat = 0;
  private beatsSent = 0;
  private beatsSentAtAnswer = 0;
  /** Highest of an append that was sent, whatever became of it. */
  private revisionSent = -1;

  constructor(
    readonly coordinatorEpoch: CoordinatorEpoch,
    private readonly turnId: string,
    /** Whether the store kept what it answered through a crash, whenever it was asked since the takeover. */
    private isDurable: boolean,
  ) {}

  /** Answers the number of this beat among those sent, for `beatAnswered`. */
  beatSent(): number {
    return ++this.beatsSent;
  }

  beatAnswered(number: number, beat: number): void {
    if (beat <= this.beat) return;
    this.beat = beat;
    this.beatsSentAtAnswer = number;
  }

  appendSent(revision: number): void {
    this.revisionSent = Math.max(this.revisionSent, revision);
  }

  wasNotDurable(): void {
    this.isDurable = false;
  }

  /**
   * Whether this turn alone left the store so. Nobody else writes under this turn id, so one entry beyond what was seen is its
   * own of unknown outcome, if it sent one. A store that went back lacks a beat that was answered.
   */
  left(chain: StoredChain, seen: Witness): boolean {
    if (!this.isDurable || chain.damage !== null || chain.suspect !== null) return false;
    if (chain.coordinatorEpoch !== this.coordinatorEpoch || chain.turnId !== this.turnId) return false;
    if (chain.beat < this.beat || chain.beat > this.beat + this.beatsSent - this.beatsSentAtAnswer) return false;
    if (chain.revision === seen.revision) return chain.opId === seen.opId;
    const last = chain.entries.at(-1);
    return (
      chain.revision === seen.revision + 1 &&
      this.revisionSent >= chain.revision &&
      last !== undefined &&
      last.coordinatorEpoch === this.coordinatorEpoch &&
      last.previousOpId === seen.opId
    );
  }
}
