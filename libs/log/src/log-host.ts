import type { Offset, WallMs } from '#kernel';
import type { Clock, Disk, Logger, Scheduler } from '#seams';

/** What a partition's log asks of the data folder it lives in. */
export interface LogHost {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** The wall clock as it was at the start plus what has passed since: a step of the wall clock expires nothing (R25). */
  steadyMs(): WallMs;
  /** Runs changing disk work. A YakError out of it takes the whole directory offline, this log included, and is thrown on (R16). */
  guard<T>(work: () => T): T;
  diskFailed(error: unknown): void;
  /** Why nothing may be produced for lack of space, or null. Cheap. */
  producerSpaceProblem(): string | null;
  /** The same for followers, who may go further. */
  followerSpaceProblem(): string | null;
  tailCacheBytesMax(): number;
  /** Durable before it returns: the stored recovery point of this log is at most `offset`. */
  lowerRecoveryPoint(key: string, offset: Offset): void;
  /** Durable before it returns: this log begins at `offset`, whatever older segments a crash brings back. */
  storeLogStartOffset(key: string, offset: Offset): void;
  /** Durable before it returns: this folder may hold records that count as held and are not synced. */
  intervalModeBegins(): void;
  /** Damage was found below the recovery point of one log: the folder is no longer complete (R8). */
  partitionDamaged(): void;
}
