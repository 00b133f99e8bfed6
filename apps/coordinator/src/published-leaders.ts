/**
 * What is published about the leaders after each entry of the metadata: the rows that it changed, or all of them where a topic
 * went. Nobody in the cluster reads it, and nothing waits for it.
 */
import type { ClusterCoordinator } from '#coordinator-core';
import { deltaOf, type MetadataImage, type PartitionRecord } from '#metadata';
import type { LeaderRow, LeadersPublisher } from '#metadata-redis';

type Publisher = Pick<LeadersPublisher, 'publish'>;

/** From the first entry of each reign on, which makes the publisher write everything. */
export function publishLeaders(coordinator: Pick<ClusterCoordinator, 'onEntry' | 'image'>, publisher: Publisher): void {
  coordinator.onEntry((entry, image) => {
    const clusterId = image.cluster?.clusterId;
    if (clusterId === undefined) return;
    const { deletedTopics, partitions } = deltaOf(entry);
    const changed = deletedTopics.length > 0 ? null : partitions.flatMap((record) => rowOf(record, image) ?? []);
    publisher.publish(entry.coordinatorEpoch, clusterId, () => allRows(coordinator.image), changed);
  });
}

function allRows(image: MetadataImage): readonly LeaderRow[] {
  return [...image.allPartitions()].flatMap((record) => rowOf(record, image) ?? []);
}

function rowOf(record: PartitionRecord, image: MetadataImage): LeaderRow | null {
  const topic = image.topicsById.get(record.topicId);
  if (topic === undefined) return null;
  const { topicId, partition, leader, leaderEpoch, partitionEpoch, isr } = record;
  return {
    topic: topic.name,
    topicId,
    partition,
    leader,
    leaderEpoch,
    partitionEpoch,
    isr: isr.map(({ brokerId }) => brokerId),
    revision: image.revision,
  };
}
