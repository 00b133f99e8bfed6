/**
 * What the client knows of the cluster, learned from any process and only ever forward: of one topic id a leader of a lower
 * leader epoch is never believed again, whoever says it. A new topic id (the topic was made anew) starts over.
 */
import type { BrokerId, LeaderEpoch } from '#kernel';
import { NO_BROKER, NO_EPOCH } from '#kernel';
import type { MetadataResponse, PartitionMetadata, TopicMetadata } from '#rpc';
import type { Address } from '#seams';

export interface PartitionLeader {
  /** NO_BROKER: none now. */
  readonly leader: BrokerId;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: number;
}

interface KnownTopic {
  readonly topicId: string;
  /** Of the answer that named this topic id. */
  readonly revision: number;
  readonly partitions: PartitionLeader[];
}

export class ClusterMetadata {
  clusterId: string | null = null;
  /** Highest of all answers; -1 unknown. */
  revision = -1;
  private readonly brokers = new Map<BrokerId, Address>();
  private readonly topics = new Map<string, KnownTopic>();

  apply(response: MetadataResponse): void {
    const isOlder = response.revision < this.revision;
    this.clusterId ??= response.clusterId;
    this.revision = Math.max(this.revision, response.revision);
    for (const broker of response.brokers) {
      if (!isOlder || !this.brokers.has(broker.id)) this.brokers.set(broker.id, { host: broker.host, port: broker.port });
    }
    for (const topic of response.topics) this.applyTopic(topic, response.revision);
  }

  /** What a broker that no longer leads says about who does. Taken only when it is news. */
  applyHint(topic: string, partition: number, hint: { leader: BrokerId; leaderEpoch: LeaderEpoch }): void {
    const known = this.topics.get(topic)?.partitions[partition];
    if (known === undefined || hint.leader < 0 || hint.leaderEpoch <= known.leaderEpoch) return;
    this.topics.get(topic)!.partitions[partition] = { ...hint, partitionEpoch: NO_EPOCH };
  }

  /** Null while nothing is known of the topic. */
  partitionCount(topic: string): number | null {
    return this.topics.get(topic)?.partitions.length ?? null;
  }

  topicId(topic: string): string | null {
    return this.topics.get(topic)?.topicId ?? null;
  }

  leaderOf(topic: string, partition: number): PartitionLeader {
    return this.topics.get(topic)?.partitions[partition] ?? { leader: NO_BROKER, leaderEpoch: NO_EPOCH, partitionEpoch: NO_EPOCH };
  }

  addressOf(broker: BrokerId): Address | null {
    return this.brokers.get(broker) ?? null;
  }

  /** In the order of their ids. */
  brokerAddresses(): Address[] {
    return [...this.brokers.entries()].sort(([a], [b]) => a - b).map(([, address]) => address);
  }

  private applyTopic(topic: TopicMetadata, revision: number): void {
    const known = this.topics.get(topic.name);
    const isStale = known !== undefined && revision < known.revision;
    if (topic.error === 'UNKNOWN_TOPIC_OR_PARTITION' || topic.error === 'UNKNOWN_TOPIC_ID') {
      if (!isStale) this.topics.delete(topic.name);
      return;
    }
    if (topic.error !== 'NONE' && topic.partitions.length === 0) return;
    const isSame = known?.topicId === topic.topicId;
    if (known !== undefined && !isSame && isStale) return;
    const target = isSame ? known! : { topicId: topic.topicId, revision, partitions: [] as PartitionLeader[] };
    for (const partition of topic.partitions) {
      if (isNews(partition, target.partitions[partition.partition])) {
        const { leader, leaderEpoch, partitionEpoch } = partition;
        target.partitions[partition.partition] = { leader, leaderEpoch, partitionEpoch };
      }
    }
    this.topics.set(topic.name, target);
  }
}

function isNews(partition: PartitionMetadata, known: PartitionLeader | undefined): boolean {
  if (known === undefined) return true;
  if (partition.leaderEpoch !== known.leaderEpoch) return partition.leaderEpoch > known.leaderEpoch;
  return partition.partitionEpoch >= known.partitionEpoch;
}
