/** What a step of the metadata touched, so that a listener looks at these and not at everything. */
import type { BrokerId, TopicId } from '#kernel';
import type { MetadataImage } from './image.js';
import type { BrokerRecord, MetadataEntry, PartitionRecord, TopicDeletedRecord, TopicRecord } from './records.js';

export interface MetadataDelta {
  /** Created, or with other configs. */
  readonly topics: readonly TopicRecord[];
  readonly deletedTopics: readonly TopicDeletedRecord[];
  /** Last record of each touched partition. */
  readonly partitions: readonly PartitionRecord[];
  readonly brokers: readonly BrokerRecord[];
  /** Cluster record, features, producer ids or the coordinator itself changed. */
  readonly isClusterChanged: boolean;
}

/** Of one entry, by its records alone. */
export function deltaOf(entry: Pick<MetadataEntry, 'records'>): MetadataDelta {
  const topics = new Map<TopicId, TopicRecord>();
  const deletedTopics = new Map<TopicId, TopicDeletedRecord>();
  const partitions = new Map<string, PartitionRecord>();
  const brokers = new Map<BrokerId, BrokerRecord>();
  let isClusterChanged = false;
  for (const record of entry.records) {
    if (record.type === 'topic') topics.set(record.topicId, record);
    else if (record.type === 'topic-deleted') deletedTopics.set(record.topicId, record);
    else if (record.type === 'partition') partitions.set(`${record.topicId}/${record.partition}`, record);
    else if (record.type === 'broker') brokers.set(record.brokerId, record);
    else if (record.type !== 'no-op') isClusterChanged = true;
  }
  const alive = (topicId: TopicId): boolean => !deletedTopics.has(topicId);
  return {
    topics: [...topics.values()].filter((topic) => alive(topic.topicId)),
    deletedTopics: [...deletedTopics.values()],
    partitions: [...partitions.values()].filter((partition) => alive(partition.topicId)),
    brokers: [...brokers.values()],
    isClusterChanged,
  };
}

/** Between two images, for a copy that jumped over a snapshot. Records that were applied are shared, so identity is enough within a history. */
export function deltaBetween(before: MetadataImage, after: MetadataImage): MetadataDelta {
  return {
    topics: [...after.topicsById.values()].filter((topic) => before.topicsById.get(topic.topicId) !== topic),
    deletedTopics: [...after.deletedTopics.values()].filter(
      (deleted) => before.topicsById.has(deleted.topicId) || !before.deletedTopics.has(deleted.topicId),
    ),
    partitions: [...after.allPartitions()].filter((partition) => before.partition(partition.topicId, partition.partition) !== partition),
    brokers: [...after.brokers.values()].filter((broker) => before.brokers.get(broker.brokerId) !== broker),
    isClusterChanged:
      before.cluster !== after.cluster || before.coordinator !== after.coordinator || before.nextProducerId !== after.nextProducerId,
  };
}
