/**
 * Where a consumer's partitions begin and, with exitAtEnd, end. Partitions that can be asked now are asked together, those
 * without a leader each alone, so that none waits for another one's leader. A partition is read as soon as its `position` is set.
 */
import type { Offset } from '#kernel';
import { NO_BROKER } from '#kernel';
import type { ClientCore } from './client-core.js';
import type { OffsetAnswer } from './offset-lookup.js';
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, lookUpOffsets, offsetError } from './offset-lookup.js';
import type { ConsumerOptions } from './options.js';
import type { PartitionReader } from './partition-reader.js';

export class Positions {
  constructor(
    private readonly core: ClientCore,
    private readonly options: ConsumerOptions,
    private readonly isAbandoned: () => boolean,
  ) {}

  /** Resolves when all have one, and tells of each group as it gets them. Rejects with what a repeat cannot heal. */
  async find(readers: readonly PartitionReader[], found: () => void): Promise<void> {
    const hasLeader = ({ partition }: PartitionReader) => this.core.metadata.leaderOf(this.options.topic, partition).leader !== NO_BROKER;
    const led = readers.filter(hasLeader);
    const groups = readers.filter((reader) => !hasLeader(reader)).map((reader) => [reader]);
    if (led.length > 0) groups.push(led);
    await Promise.all(groups.map((group) => this.findTogether(group).then(found)));
  }

  async lookUp(readers: readonly PartitionReader[], timestamp: number): Promise<OffsetAnswer[]> {
    const questions = readers.map(({ partition }) => ({ topic: this.options.topic, partition, timestamp }));
    const answers = await lookUpOffsets(this.core, questions, () => true, this.isAbandoned);
    for (const answer of answers) if (answer.error !== 'NONE') throw offsetError(answer);
    return answers;
  }

  private async findTogether(readers: readonly PartitionReader[]): Promise<void> {
    if (this.options.exitAtEnd) {
      const ends = await this.lookUp(readers, LATEST_TIMESTAMP);
      for (const [index, reader] of readers.entries()) reader.endOffset = ends[index]!.offset;
    }
    const starts = await this.startsOf(readers);
    for (const [index, reader] of readers.entries()) reader.position = starts[index]!;
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
