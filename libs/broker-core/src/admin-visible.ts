/** When a decided change counts as seen here. A topic that was deleted meanwhile is not waited for. */
import { isLiveSeat, type MetadataImage, type TopicRecord } from '#metadata';
import type { AlterConfigsRequest, ConfigOperation, CreatePartitionsRequest, CreateTopicsResponse, DeleteTopicsResponse } from '#rpc';

/** Created, and every partition has a leader that runs. */
export function isTopicVisible(image: MetadataImage, { topicId }: CreateTopicsResponse['topics'][number]): boolean {
  if (image.deletedTopics.has(topicId)) return true;
  const topic = image.topicsById.get(topicId);
  return topic !== undefined && hasLeaders(image, topic);
}

export function isDeletionVisible(image: MetadataImage, { topicId }: DeleteTopicsResponse['topics'][number]): boolean {
  return !image.topicsById.has(topicId);
}

/** All partitions are there, and every one has a leader that runs. */
export function arePartitionsVisible(image: MetadataImage, { name, totalCount }: CreatePartitionsRequest['topics'][number]): boolean {
  const topic = image.topicsByName.get(name);
  return topic !== undefined && image.partitionsOf(topic.topicId).length >= totalCount && hasLeaders(image, topic);
}

/** The topic's record is as the operations leave it, unless somebody changes it again at the same moment. */
export function areConfigsVisible(
  image: MetadataImage,
  { name, operations, replacesAll }: AlterConfigsRequest['resources'][number],
): boolean {
  const topic = image.topicsByName.get(name);
  if (topic === undefined) return false;
  if (replacesAll && Object.keys(topic.configs).some((config) => !operations.some((operation) => operation.name === config))) return false;
  return operations.every((operation) => isDone(topic.configs[operation.name], operation));
}

function isDone(value: string | undefined, { operation, value: wanted }: ConfigOperation): boolean {
  switch (operation) {
    case 'set':
      return value === wanted;
    case 'delete':
      return value === undefined;
    case 'append':
      return itemsOf(wanted).every((item) => itemsOf(value).includes(item));
    case 'subtract':
      return itemsOf(wanted).every((item) => !itemsOf(value).includes(item));
  }
}

function itemsOf(list: string | null | undefined): string[] {
  return (list ?? '').split(',').map((item) => item.trim());
}

function hasLeaders(image: MetadataImage, { topicId }: TopicRecord): boolean {
  return image.partitionsOf(topicId).every(({ leader, isr }) => isr.some((seat) => seat.brokerId === leader && isLiveSeat(seat, image)));
}
