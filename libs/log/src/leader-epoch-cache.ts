/**
 * Where each leader epoch begins in this log (KIP-101, KIP-279). Both columns increase strictly; epochs without records are
 * allowed at the end only, since a later epoch at the same offset replaces them. Pure: the log stores it after each change.
 */
import { assert, CorruptionError, type LeaderEpoch, NO_EPOCH, type Offset } from '#kernel';
import type { EpochEnd } from './contract.js';
import { decodeCheckpoint, encodeCheckpoint, parseInteger } from './text-checkpoint.js';

export const LEADER_EPOCH_CHECKPOINT = 'leader-epoch-checkpoint';

export interface EpochStart {
  readonly leaderEpoch: LeaderEpoch;
  readonly startOffset: Offset;
}

const UNKNOWN: EpochEnd = { leaderEpoch: NO_EPOCH, endOffset: -1 };

export class LeaderEpochCache {
  /** Highest known, -1 when none. A plain field: read for every append. */
  latestEpoch: LeaderEpoch = NO_EPOCH;
  private starts: EpochStart[] = [];

  get entries(): readonly EpochStart[] {
    return this.starts;
  }

  /** `leaderEpoch` begins at `startOffset`. Answers whether anything changed: an epoch that is already the latest does not. */
  assign(leaderEpoch: LeaderEpoch, startOffset: Offset): boolean {
    if (leaderEpoch === this.latestEpoch) return false;
    assert(leaderEpoch > this.latestEpoch, `leader epoch ${leaderEpoch} begins after ${this.latestEpoch}`);
    this.truncateFromEnd(startOffset);
    this.starts.push({ leaderEpoch, startOffset });
    this.latestEpoch = leaderEpoch;
    return true;
  }

  endOffsetFor(leaderEpoch: LeaderEpoch, logEndOffset: Offset): EpochEnd {
    if (leaderEpoch === NO_EPOCH || this.starts.length === 0 || leaderEpoch > this.latestEpoch) return UNKNOWN;
    if (leaderEpoch === this.latestEpoch) return { leaderEpoch, endOffset: logEndOffset };
    const higher = this.starts.findIndex((start) => start.leaderEpoch > leaderEpoch);
    const endOffset = this.starts[higher]!.startOffset;
    return { leaderEpoch: higher === 0 ? leaderEpoch : this.starts[higher - 1]!.leaderEpoch, endOffset };
  }

  /** The epoch that `offset` was written in, -1 when unknown. */
  epochAt(offset: Offset): LeaderEpoch {
    return this.starts.findLast((start) => start.startOffset <= offset)?.leaderEpoch ?? NO_EPOCH;
  }

  /** Drops epochs that begin at or after `offset`. Answers whether there were any. */
  truncateFromEnd(offset: Offset): boolean {
    const before = this.starts.length;
    while (this.starts.length > 0 && this.starts.at(-1)!.startOffset >= offset) this.starts.pop();
    this.latestEpoch = this.starts.at(-1)?.leaderEpoch ?? NO_EPOCH;
    return this.starts.length !== before;
  }

  /** The log begins at `offset` now: older epochs go, the one in force there begins there. */
  truncateFromStart(offset: Offset): boolean {
    let inForce = -1;
    while (inForce + 1 < this.starts.length && this.starts[inForce + 1]!.startOffset <= offset) inForce++;
    if (inForce < 0 || (inForce === 0 && this.starts[0]!.startOffset === offset)) return false;
    this.starts.splice(0, inForce + 1, { leaderEpoch: this.starts[inForce]!.leaderEpoch, startOffset: offset });
    return true;
  }

  clear(): void {
    this.starts = [];
    this.latestEpoch = NO_EPOCH;
  }

  encode(): Buffer {
    return encodeCheckpoint(this.starts.map(({ leaderEpoch, startOffset }) => `${leaderEpoch} ${startOffset}`));
  }

  /** Throws CorruptionError when the file is damaged or its columns do not increase. */
  static decode(content: Buffer): LeaderEpochCache {
    const cache = new LeaderEpochCache();
    let previousOffset = -1;
    for (const [epochText, offsetText] of decodeCheckpoint(content, LEADER_EPOCH_CHECKPOINT, 2)) {
      const leaderEpoch = parseInteger(epochText!, LEADER_EPOCH_CHECKPOINT);
      const startOffset = parseInteger(offsetText!, LEADER_EPOCH_CHECKPOINT);
      if (leaderEpoch <= cache.latestEpoch || startOffset <= previousOffset) {
        throw new CorruptionError(`${LEADER_EPOCH_CHECKPOINT} does not increase at "${leaderEpoch} ${startOffset}"`);
      }
      cache.starts.push({ leaderEpoch, startOffset });
      cache.latestEpoch = leaderEpoch;
      previousOffset = startOffset;
    }
    return cache;
  }
}
