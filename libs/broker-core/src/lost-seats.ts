/**
 * Seats of this broker whose data is gone or damaged: their folder is missing though it had been made, is quarantined, failed
 * while it was read, or belongs to another topic id (R14, R15). They are confessed at registration, and wiped and refilled only
 * once the committed record has no seat for this broker.
 */
import { type BrokerId, partitionKey, type TopicId } from '#kernel';
import type { LogDirectory } from '#log';
import type { MetadataImage, PartitionRecord } from '#metadata';
import type { Logger } from '#seams';

export interface LostSeat {
  readonly topicId: TopicId;
  readonly partition: number;
}

export class LostSeats {
  private readonly byKey = new Map<string, LostSeat>();

  constructor(private readonly directory: LogDirectory) {}

  get size(): number {
    return this.byKey.size;
  }

  get all(): LostSeat[] {
    return [...this.byKey.values()].map(({ topicId, partition }) => ({ topicId, partition }));
  }

  has(key: string): boolean {
    return this.byKey.has(key);
  }

  isLost(topicId: TopicId, partition: number): boolean {
    return this.all.some((seat) => seat.topicId === topicId && seat.partition === partition);
  }

  add(key: string, seat: LostSeat): void {
    this.byKey.set(key, seat);
  }

  delete(key: string): void {
    this.byKey.delete(key);
  }

  forgetDeleted(image: MetadataImage): void {
    for (const [key, seat] of this.byKey) if (image.deletedTopics.has(seat.topicId)) this.byKey.delete(key);
  }

  /** Its folder is there and must not be served: found at start, or while it was read. */
  isDamaged(key: string): boolean {
    if (this.directory.quarantined.some((folder) => partitionKey(folder.topic, folder.partition) === key)) return true;
    return this.directory.partitions.get(key)?.failure != null;
  }

  /** Created after the last "folders made" mark: a missing folder of it is no loss (R14). */
  isMaybeNotMade(record: PartitionRecord): boolean {
    return (record.createdRevision ?? -1) > this.directory.state.foldersMadeRevision;
  }

  /** At start, from this broker's own copy of the metadata (R14). */
  find(image: MetadataImage, brokerId: BrokerId, logger: Logger): void {
    for (const topic of image.topicsById.values()) {
      for (const record of image.partitionsOf(topic.topicId)) {
        if (!record.replicas.includes(brokerId)) continue;
        const key = partitionKey(topic.name, record.partition);
        if (this.directory.partitions.get(key)?.topicId === topic.topicId) continue;
        if (this.isMaybeNotMade(record) && !this.isDamaged(key)) continue;
        this.add(key, { topicId: topic.topicId, partition: record.partition });
        logger.error('the data of a replica is lost or damaged', { topic: topic.name, partition: record.partition });
      }
    }
  }
}
