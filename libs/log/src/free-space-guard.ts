/** Keeps a reserve: producing stops before the disk is full, so that deletes, metadata and recovery still have room (R16). */
import type { Clock, Disk } from '#seams';
import { FOLLOWER_RESERVE_SHARE, FREE_SPACE_CHECK_INTERVAL_MS, FREE_SPACE_RESERVE_BYTES, FREE_SPACE_RESERVE_SHARE } from './limits.js';

export class FreeSpaceGuard {
  private checkedMs = Number.NEGATIVE_INFINITY;
  private freeBytes = Number.POSITIVE_INFINITY;
  private readonly reserveBytes: number;

  constructor(
    private readonly disk: Disk,
    private readonly clock: Clock,
    private readonly path: string,
    /** What our own files take already: with what is free, the most that the folder could have. */
    ownBytes: number,
  ) {
    this.reserveBytes = Math.min(FREE_SPACE_RESERVE_BYTES, FREE_SPACE_RESERVE_SHARE * (disk.freeBytes(path) + ownBytes));
  }

  producerProblem(): string | null {
    return this.problemBelow(this.reserveBytes);
  }

  followerProblem(): string | null {
    return this.problemBelow(this.reserveBytes * FOLLOWER_RESERVE_SHARE);
  }

  /** Asks the disk at most once a second. */
  private problemBelow(reserveBytes: number): string | null {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.checkedMs >= FREE_SPACE_CHECK_INTERVAL_MS) {
      this.checkedMs = nowMs;
      this.freeBytes = this.disk.freeBytes(this.path);
    }
    if (this.freeBytes >= reserveBytes) return null;
    return `only ${this.freeBytes} bytes are free below ${this.path}; the reserve is ${Math.ceil(reserveBytes)}: free some space`;
  }
}
