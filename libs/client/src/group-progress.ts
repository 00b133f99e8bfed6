/**
 * How far a member is in each partition that it has: what the caller took, what it came back from, and what is committed. It
 * decides what may be committed: never more than was taken in this very assignment. No I/O in here.
 */
import type { CommittedPartition } from '#groups';
import type { LeaderEpoch, Offset } from '#kernel';
import { NO_EPOCH, partitionKey, YakError } from '#kernel';
import { recordBatch } from '#record';
import type { OffsetToCommit } from './group-contract.js';
import { notAssigned } from './group-errors.js';
import type { FetchedBatch, PartitionReader } from './partition-reader.js';

interface ReaderProgress {
  readonly reader: PartitionReader;
  /** Next offset after what the caller was given. */
  taken: Offset;
  /** The same when it last asked for more: what was given before is done with. */
  returned: Offset;
  /** -1: the group has committed nothing here. */
  committed: Offset;
  hasTaken: boolean;
  /** Records from `from` on (inclusive) have that leader epoch, up to the next entry. Never empty. */
  epochs: { readonly from: Offset; readonly leaderEpoch: LeaderEpoch }[];
}

export type ResolvedOffset = Required<OffsetToCommit>;

export class GroupProgress {
  private readonly partitions = new Map<string, ReaderProgress>();
  private inHand = false;

  /** The caller has records for which it has not come back yet. */
  get isInHand(): boolean {
    return this.inHand;
  }

  /** Something was taken that is not committed. */
  get isUncommitted(): boolean {
    return [...this.partitions.values()].some(({ hasTaken, taken, committed }) => hasTaken && taken !== committed);
  }

  /** At its position; `committed` is where that comes from, or null. */
  begin(reader: PartitionReader, committed: CommittedPartition | null): void {
    this.partitions.set(partitionKey(reader.topic, reader.partition), {
      reader,
      taken: reader.position,
      returned: reader.position,
      committed: committed?.offset ?? -1,
      hasTaken: false,
      epochs: [{ from: reader.position - 1, leaderEpoch: committed?.leaderEpoch ?? NO_EPOCH }],
    });
  }

  end(reader: PartitionReader): void {
    const key = partitionKey(reader.topic, reader.partition);
    if (this.partitions.get(key)?.reader === reader) this.partitions.delete(key);
  }

  given({ reader, bytes, startOffset, nextOffset }: FetchedBatch): void {
    const progress = this.partitions.get(partitionKey(reader.topic, reader.partition));
    if (progress?.reader !== reader) return;
    progress.taken = nextOffset;
    progress.hasTaken = true;
    this.inHand = true;
    const leaderEpoch = recordBatch.leaderEpoch(bytes);
    if (progress.epochs.at(-1)!.leaderEpoch !== leaderEpoch) progress.epochs.push({ from: startOffset, leaderEpoch });
  }

  /** The reader was set elsewhere, and nothing of it is waiting to be given out. */
  moved(reader: PartitionReader): void {
    const progress = this.partitions.get(partitionKey(reader.topic, reader.partition));
    if (progress?.reader !== reader) return;
    progress.taken = reader.position;
    progress.epochs = [{ from: reader.position - 1, leaderEpoch: reader.leaderEpoch }];
  }

  /** The caller asks for more. */
  callerReturned(): void {
    this.inHand = false;
    for (const progress of this.partitions.values()) progress.returned = progress.taken;
  }

  /** What is not committed yet. A start that nobody committed is committed too: it stays where it was first found. */
  open(upTo: 'taken' | 'returned'): ResolvedOffset[] {
    const offsets: ResolvedOffset[] = [];
    for (const progress of this.partitions.values()) {
      const offset = progress[upTo];
      // Backwards only where the log itself was set back.
      if (offset > progress.committed || progress.committed > progress.taken) offsets.push(resolved(progress, { offset }));
    }
    return offsets;
  }

  /** Throws NOT_ASSIGNED, NOT_TAKEN. */
  check(offsets: readonly OffsetToCommit[]): ResolvedOffset[] {
    return offsets.map((wanted) => {
      const key = partitionKey(wanted.topic, wanted.partition);
      const progress = this.partitions.get(key);
      if (progress === undefined) throw notAssigned(wanted);
      if (!Number.isSafeInteger(wanted.offset) || wanted.offset < 0 || wanted.offset > progress.taken) {
        throw new YakError(
          'NOT_TAKEN',
          `offset ${wanted.offset} of ${key} cannot be committed: records up to ${progress.taken} (exclusive) were taken`,
        );
      }
      return resolved(progress, wanted);
    });
  }

  committed(offsets: readonly ResolvedOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      const progress = this.partitions.get(partitionKey(topic, partition));
      if (progress === undefined) continue;
      progress.committed = offset;
      while (progress.epochs.length > 1 && progress.epochs[1]!.from < offset) progress.epochs.shift();
    }
  }
}

function resolved(
  { reader, epochs }: ReaderProgress,
  wanted: { offset: Offset; leaderEpoch?: LeaderEpoch; metadata?: string },
): ResolvedOffset {
  const { offset, metadata = '' } = wanted;
  const leaderEpoch = wanted.leaderEpoch ?? epochs.findLast(({ from }) => from < offset)?.leaderEpoch ?? NO_EPOCH;
  return { topic: reader.topic, partition: reader.partition, offset, leaderEpoch, metadata };
}
