/**
 * Where a consumer's partitions begin and, with exitAtEnd, end. Partitions that can be asked now are asked together, those
 * without a leader each alone, so that none waits for another one's leader. A reader whose position is set already keeps it.
 */
import type { Offset } from '#kernel';
import { NO_BROKER, NO_EPOCH } from '#kernel';
import type { ClientCore } from './client-core.js';
import type { StartPosition } from './contract.js';
import type { FetchedPartition } from './fetcher.js';
import type { OffsetAnswer } from './offset-lookup.js';
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, lookUpOffsets, offsetError } from './offset-lookup.js';
import type { PartitionReader } from './partition-reader.js';

export interface PositionOptions {
  readonly from: StartPosition;
  readonly exitAtEnd: boolean;
}

export class Positions {
  constructor(
    private readonly core: ClientCore,
    private readonly options: PositionOptions,
    private readonly isAbandoned: () => boolean,
  ) {}

  /** Resolves when all have one, and tells of each group as it gets them. Rejects with what a repeat cannot heal. */
  async find(readers: readonly PartitionReader[], found: (readers: readonly PartitionReader[]) => void): Promise<void> {
    const hasLeader = ({ topic, partition }: PartitionReader) => this.core.metadata.leaderOf(topic, partition).leader !== NO_BROKER;
    const led = readers.filter(hasLeader);
    const groups = readers.filter((reader) => !hasLeader(reader)).map((reader) => [reader]);
    if (led.length > 0) groups.push(led);
    await Promise.all(groups.map((group) => this.findTogether(group).then(() => found(group))));
  }

  /**
   * For a position that is out of range. Retention passed it: on with the first record that is still there. Or records that
   * had been seen are gone with the replicas that had them: on where the log that was read and this one part, or else at the end.
   */
  async findAgain(
    reader: PartitionReader,
    { logStartOffset, divergingEpoch }: FetchedPartition,
  ): Promise<{ readonly lost: Offset; readonly isTrimmed: boolean }> {
    const lost = reader.position;
    const isTrimmed = lost < logStartOffset;
    if (divergingEpoch !== undefined && !isTrimmed) {
      reader.position = Math.max(divergingEpoch.endOffset, logStartOffset);
      return { lost, isTrimmed };
    }
    reader.position = -1;
    reader.lastFetchedEpoch = NO_EPOCH;
    const [found] = await this.lookUp([reader], isTrimmed ? EARLIEST_TIMESTAMP : LATEST_TIMESTAMP);
    reader.position = found!.offset;
    reader.leaderEpoch = Math.max(reader.leaderEpoch, found!.leaderEpoch);
    if (!isTrimmed && this.options.exitAtEnd) reader.endOffset = Math.min(reader.endOffset, reader.position);
    return { lost, isTrimmed };
  }

  private async lookUp(readers: readonly PartitionReader[], timestamp: number): Promise<OffsetAnswer[]> {
    const questions = readers.map(({ topic, partition }) => ({ topic, partition, timestamp }));
    const answers = await lookUpOffsets(this.core, questions, () => true, this.isAbandoned);
    for (const answer of answers) if (answer.error !== 'NONE') throw offsetError(answer);
    return answers;
  }

  private async findTogether(readers: readonly PartitionReader[]): Promise<void> {
    if (this.options.exitAtEnd) {
      const ends = await this.lookUp(readers, LATEST_TIMESTAMP);
      for (const [index, reader] of readers.entries()) reader.endOffset = ends[index]!.offset;
    }
    const open = readers.filter((reader) => reader.position < 0);
    if (open.length === 0) return;
    const starts = await this.startsOf(open);
    for (const [index, reader] of open.entries()) reader.position = starts[index]!;
  }

  private async startsOf(readers: readonly PartitionReader[]): Promise<Offset[]> {
    const { from } = this.options;
    if (typeof from === 'object' && 'offset' in from) return readers.map(() => from.offset);
    const timestamp = from === 'earliest' ? EARLIEST_TIMESTAMP : from === 'latest' ? LATEST_TIMESTAMP : from.timestamp;
    const starts = await this.lookUp(readers, timestamp);
    const missing = readers.filter((_, index) => starts[index]!.offset < 0);
    // No record is that young: the first one that will be.
    const ends = missing.length === 0 ? [] : await this.lookUp(missing, LATEST_TIMESTAMP);
    return starts.map(({ offset }, index) => (offset >= 0 ? offset : ends[missing.indexOf(readers[index]!)]!.offset));
  }
}
