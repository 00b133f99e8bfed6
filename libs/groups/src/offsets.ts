/**
 * Committed offsets of all groups of one table, as they were applied. It changes by records only; who may commit, and what
 * goes when, is decided elsewhere (group-requests.ts, retention.ts).
 */
import type { TopicId } from '#kernel';
import type { CommittedPartition, OffsetFetchRequest, TopicPartition } from './messages.js';
import type { CommittedOffset, OffsetRecord } from './records.js';

export interface CommittedEntry extends TopicPartition {
  readonly groupId: string;
  readonly value: CommittedOffset;
}
type Partitions = Map<number, CommittedEntry>;

export class CommittedOffsets {
  private readonly byGroup = new Map<string, Map<string, Partitions>>();
  private readonly byTopicId = new Map<TopicId, Set<CommittedEntry>>();
  private held = 0;
  private last: CommittedEntry | null = null;

  get count(): number {
    return this.held;
  }

  /** Ids of all groups that have a commit. */
  get groupIds(): Iterable<string> {
    return this.byGroup.keys();
  }

  hasGroup(groupId: string): boolean {
    return this.byGroup.has(groupId);
  }

  get(groupId: string, topic: string, partition: number): CommittedOffset | null {
    return this.byGroup.get(groupId)?.get(topic)?.get(partition)?.value ?? null;
  }

  *of(groupId: string): Iterable<CommittedEntry> {
    for (const partitions of this.byGroup.get(groupId)?.values() ?? []) yield* partitions.values();
  }

  /** Of every group that committed for a topic that is gone. */
  *ofDeletedTopics(isDeleted: (topicId: TopicId) => boolean): Iterable<CommittedEntry> {
    for (const [topicId, entries] of this.byTopicId) if (isDeleted(topicId)) yield* entries;
  }

  apply({ groupId, topic, partition, value }: OffsetRecord): void {
    this.remove(groupId, topic, partition);
    if (value) this.add(this.sharing({ groupId, topic, partition, value }));
  }

  /** Records that follow each other mostly name the same group and topic: a million commits hold each text once, not a million times. */
  private sharing(entry: CommittedEntry): CommittedEntry {
    const { last } = this;
    if (last !== null && last.groupId === entry.groupId && last.topic === entry.topic && last.value.topicId === entry.value.topicId) {
      const { groupId, topic } = last;
      this.last = { groupId, topic, partition: entry.partition, value: { ...entry.value, topicId: last.value.topicId } };
    } else this.last = entry;
    return this.last;
  }

  /** `topicIdOf` answers null where it knows no topic of that name. */
  fetch({ groupId, partitions }: OffsetFetchRequest, topicIdOf: (topic: string) => TopicId | null): CommittedPartition[] {
    const counts = ({ topic, value }: CommittedEntry): boolean => {
      const topicId = value.topicId === '' ? null : topicIdOf(topic);
      return topicId === null || topicId === value.topicId;
    };
    if (partitions === null) return [...this.of(groupId)].filter(counts).map(toCommitted).sort(byTopicPartition);
    return partitions.map(({ topic, partition }) => {
      const entry = this.byGroup.get(groupId)?.get(topic)?.get(partition);
      return entry && counts(entry)
        ? toCommitted(entry)
        : { topic, partition, offset: -1, leaderEpoch: -1, metadata: '', committedAtMs: 0, error: 'NONE' };
    });
  }

  private add(entry: CommittedEntry): void {
    const topics = this.byGroup.get(entry.groupId) ?? new Map<string, Partitions>();
    const partitions: Partitions = topics.get(entry.topic) ?? new Map();
    this.byGroup.set(entry.groupId, topics.set(entry.topic, partitions.set(entry.partition, entry)));
    this.held++;
    const { topicId } = entry.value;
    if (topicId === '') return;
    const entries = this.byTopicId.get(topicId);
    if (entries) entries.add(entry);
    else this.byTopicId.set(topicId, new Set([entry]));
  }

  private remove(groupId: string, topic: string, partition: number): void {
    const topics = this.byGroup.get(groupId);
    const partitions = topics?.get(topic);
    const entry = partitions?.get(partition);
    if (!topics || !partitions || !entry) return;
    partitions.delete(partition);
    if (partitions.size === 0) topics.delete(topic);
    if (topics.size === 0) this.byGroup.delete(groupId);
    this.held--;
    const entries = this.byTopicId.get(entry.value.topicId);
    entries?.delete(entry);
    if (entries?.size === 0) this.byTopicId.delete(entry.value.topicId);
  }
}

function toCommitted({ topic, partition, value }: CommittedEntry): CommittedPartition {
  const { offset, leaderEpoch, metadata, committedAtMs } = value;
  return { topic, partition, offset, leaderEpoch, metadata, committedAtMs, error: 'NONE' };
}

function byTopicPartition(a: TopicPartition, b: TopicPartition): number {
  return a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition;
}
