/** Elections by asking that are under way (R13, R19): which partitions are asked, and who answered what. Decides nothing. */
import type { BrokerEpoch, BrokerId } from '#kernel';
import type { MetadataImage, PartitionName, PartitionRecord, Position } from '#metadata';
import { isAsking } from '#metadata';

/** Partitions asked for in one heartbeat's answer; the rest follows in the next. */
export const MAX_ASKS_PER_HEARTBEAT = 500;

export class Asking {
  private readonly partitions = new Map<string, PartitionName>();
  private readonly answers = new Map<string, Map<BrokerId, Position>>();

  reset(image: MetadataImage): void {
    this.partitions.clear();
    this.answers.clear();
    for (const partition of image.allPartitions()) this.changed(partition);
  }

  changed(partition: PartitionRecord): void {
    const key = keyOf(partition);
    if (isAsking(partition)) {
      this.partitions.set(key, { topicId: partition.topicId, partition: partition.partition });
    } else {
      this.partitions.delete(key);
      this.answers.delete(key);
    }
  }

  /** Of partitions in `image`; those of deleted topics are dropped. */
  names(image: MetadataImage): PartitionName[] {
    for (const [key, name] of this.partitions) {
      if (image.partition(name.topicId, name.partition)) continue;
      this.partitions.delete(key);
      this.answers.delete(key);
    }
    return [...this.partitions.values()];
  }

  answered(name: PartitionName, position: Position): void {
    const key = keyOf(name);
    if (!this.partitions.has(key)) return;
    const known = this.answers.get(key) ?? new Map<BrokerId, Position>();
    this.answers.set(key, known.set(position.brokerId, position));
  }

  positions(name: PartitionName): Position[] {
    return [...(this.answers.get(keyOf(name))?.values() ?? [])];
  }

  /** What this incarnation has not answered yet. */
  asksFor(
    brokerId: BrokerId,
    brokerEpoch: BrokerEpoch,
    image: MetadataImage,
  ): { topicId: string; partition: number; leaderEpoch: number }[] {
    const asks: { topicId: string; partition: number; leaderEpoch: number }[] = [];
    for (const name of this.names(image)) {
      const record = image.partition(name.topicId, name.partition)!;
      if (!record.replicas.includes(brokerId)) continue;
      const answer = this.answers.get(keyOf(name))?.get(brokerId);
      if (answer?.brokerEpoch === brokerEpoch && answer.leaderEpoch === record.leaderEpoch) continue;
      asks.push({ topicId: name.topicId, partition: name.partition, leaderEpoch: record.leaderEpoch });
      if (asks.length === MAX_ASKS_PER_HEARTBEAT) break;
    }
    return asks;
  }
}

function keyOf(name: PartitionName): string {
  return `${name.topicId}/${name.partition}`;
}
