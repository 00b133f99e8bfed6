/**
 * The partitions of one generation on their way to being read: waits for topics that are not known yet, asks what the group has
 * committed, and begins there, or where the config says when nothing is committed. An error is never taken for "nothing".
 */
import type { CommittedPartition, TopicPartition } from '#groups';
import { KafkaError, NO_EPOCH, partitionKey } from '#kernel';
import type { ClientCore } from './client-core.js';
import type { FetchedPartition } from './fetcher.js';
import type { GroupCoordinatorLink } from './group-coordinator-link.js';
import type { Generation } from './group-generation.js';
import type { GroupOptions } from './group-options.js';
import { GROUP_ATTEMPT_TIMEOUT_MS } from './group-options.js';
import { GroupProgress } from './group-progress.js';
import { PartitionReader } from './partition-reader.js';
import { Positions } from './positions.js';

export class GroupAssignment {
  readonly progress = new GroupProgress();
  private readonly readers = new Map<string, PartitionReader>();
  private readonly begun = new Set<PartitionReader>();
  private readonly positions: Positions;
  private isOver = false;

  constructor(
    readonly generation: Generation,
    private readonly core: ClientCore,
    private readonly options: GroupOptions,
    private readonly link: GroupCoordinatorLink,
    /** They can be fetched from now on. */
    private readonly ready: (readers: readonly PartitionReader[]) => void,
  ) {
    this.positions = new Positions(core, options, () => this.isOver);
    for (const partition of generation.partitions) this.newReader(partition);
  }

  get partitions(): readonly TopicPartition[] {
    return [...this.readers.values()].map(({ topic, partition }) => ({ topic, partition }));
  }

  get allReaders(): readonly PartitionReader[] {
    return [...this.readers.values()];
  }

  /** Of every partition the beginning and, with exitAtEnd, the end is known, and it is reached. */
  get isAtEnd(): boolean {
    return this.allReaders.every((reader) => this.begun.has(reader) && reader.isAtEnd);
  }

  has(reader: PartitionReader): boolean {
    return !this.isOver && this.readers.get(partitionKey(reader.topic, reader.partition)) === reader;
  }

  /** Resolves when all have begun, or when it is over; rejects with what no repeat would change. */
  async begin(readers: readonly PartitionReader[] = this.allReaders): Promise<void> {
    const topics = [...new Set(readers.map((reader) => reader.topic))];
    try {
      await Promise.all(
        topics.map((topic) =>
          this.beginTopic(
            topic,
            readers.filter((reader) => reader.topic === topic),
          ),
        ),
      );
    } catch (error) {
      if (!this.isOver) throw error;
    }
  }

  /** The topic is another one now, or gone: its partitions start over, from its own commits, if it comes (back). */
  restart(topic: string): { readonly dropped: readonly PartitionReader[]; readonly fresh: readonly PartitionReader[] } {
    const dropped = this.allReaders.filter((reader) => reader.topic === topic);
    for (const reader of dropped) this.progress.end(reader);
    return { dropped, fresh: dropped.map((reader) => this.newReader(reader)) };
  }

  /** Answers how it goes on; null when the assignment is over meanwhile. */
  async findAgain(reader: PartitionReader, answer: FetchedPartition): Promise<{ position: number; isTrimmed: boolean } | null> {
    try {
      const { lost, isTrimmed } = await this.positions.findAgain(reader, answer);
      return this.has(reader) ? { position: lost, isTrimmed } : null;
    } catch (error) {
      if (this.isOver) return null;
      throw error;
    }
  }

  end(): void {
    this.isOver = true;
  }

  private newReader({ topic, partition }: TopicPartition): PartitionReader {
    const reader = new PartitionReader(topic, partition);
    this.readers.set(partitionKey(topic, partition), reader);
    return reader;
  }

  private async beginTopic(topic: string, readers: readonly PartitionReader[]): Promise<void> {
    if (!(await this.topicIsKnown(topic, readers))) return;
    const committed = await this.committed(readers);
    if (committed === null) return;
    for (const reader of readers) {
      const { offset = -1, leaderEpoch = NO_EPOCH } = committed.get(reader.partition) ?? {};
      reader.position = offset;
      reader.leaderEpoch = leaderEpoch;
      reader.lastFetchedEpoch = leaderEpoch;
    }
    await this.positions.find(readers, (found) => {
      const current = found.filter((reader) => this.has(reader));
      for (const reader of current) {
        this.begun.add(reader);
        this.progress.begin(reader, committed.get(reader.partition) ?? null);
      }
      this.ready(current);
    });
  }

  /** A leader may know of partitions that this member's metadata does not have yet. False: it is over. */
  private async topicIsKnown(topic: string, readers: readonly PartitionReader[]): Promise<boolean> {
    const { logger } = this.core.seams;
    const least = Math.max(...readers.map((reader) => reader.partition)) + 1;
    for (let attempt = 1; ; attempt++) {
      await this.core.follower.fetch([topic]).catch((error) => logger.debug('metadata is unavailable', { topic, reason: error.message }));
      if (this.isOver) return false;
      if ((this.core.metadata.partitionCount(topic) ?? 0) >= least) return true;
      await this.core.pauseAfter(attempt);
      if (this.isOver) return false;
    }
  }

  /** By partition; those without a commit are missing. Null: it is over. */
  private async committed(readers: readonly PartitionReader[]): Promise<Map<number, CommittedPartition> | null> {
    const { groupId } = this.options;
    const request = { groupId, partitions: readers.map(({ topic, partition }) => ({ topic, partition })), requireStable: true };
    const answer = await this.link.ask('fetchOffsets', request, { timeoutMs: GROUP_ATTEMPT_TIMEOUT_MS, mayGoOn: () => !this.isOver });
    if (answer === null || this.isOver) return null;
    const committed = new Map<number, CommittedPartition>();
    for (const { topic, partition } of readers) {
      const found = answer.partitions.find((one) => one.topic === topic && one.partition === partition);
      const error = answer.error !== 'NONE' ? answer.error : (found?.error ?? 'UNKNOWN_SERVER_ERROR');
      if (error !== 'NONE')
        throw new KafkaError(error, `what group ${groupId} committed for ${topic}-${partition} cannot be read: ${error}`);
      if (found!.offset >= 0) committed.set(partition, found!);
    }
    return committed;
  }
}
