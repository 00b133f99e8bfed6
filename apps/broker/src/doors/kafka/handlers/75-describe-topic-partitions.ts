/**
 * DescribeTopicPartitions: topics by name, at most so many partitions a page; the cursor names the first partition of the next
 * page. Pages are cut from the metadata of their moment: a topic that is created or deleted meanwhile is there or not.
 */
import type { TopicView } from '#broker-core';
import type { KafkaErrorName } from '#kernel';
import {
  type DescribeTopicPartitionsRequestBody,
  type DescribeTopicPartitionsResponseValue,
  describeTopicPartitionsApi,
  errorCode,
  ZERO_UUID,
} from '#wire';
import { ClosingReason, type Handler } from '../handler.js';

/** However many are asked for (Kafka: max.request.partition.size.limit). */
export const PARTITIONS_PER_PAGE_MAX = 2_000;

/** Roughly, with names and lists of usual lengths. */
const TOPIC_BYTES = 100;
const PARTITION_BYTES = 100;

type TopicAnswer = DescribeTopicPartitionsResponseValue['topics'][number];

export const describeTopicPartitionsHandler: Handler<typeof describeTopicPartitionsApi> = {
  api: describeTopicPartitionsApi,
  limitations: [
    `At most ${PARTITIONS_PER_PAGE_MAX} partitions a page.`,
    'Authorized operations are not told (-2147483648). The last known eligible leader replicas are not told.',
  ],

  async handle({ broker }, { body, context }) {
    const { cursor } = body;
    const isAll = body.topics.length === 0;
    const wanted = [...new Set(body.topics.map(({ name }) => name))].filter((name) => cursor === null || name >= cursor.topicName);
    if (cursor !== null && (cursor.partitionIndex < 0 || !(isAll || wanted.includes(cursor.topicName))))
      return failure(body, 'INVALID_REQUEST');
    const view = await broker.cluster(context, {
      topics: isAll ? null : wanted.map((name) => ({ name })),
      allowAutoTopicCreation: false,
    });
    const topics = view.topics
      // Who asks for all hears nothing of what he may not see.
      .filter(({ name, error }) => !isAll || (error === 'NONE' && (cursor === null || name! >= cursor.topicName)))
      .sort((a, b) => (a.name! < b.name! ? -1 : a.name! > b.name! ? 1 : 0));
    return page(topics, cursor, Math.max(1, Math.min(body.responsePartitionLimit, PARTITIONS_PER_PAGE_MAX)));
  },

  failed: ({ body }, error) => failure(body, error),

  replyBytesMax: ({ topics }) => topics.length * TOPIC_BYTES + PARTITIONS_PER_PAGE_MAX * PARTITION_BYTES,
};

function page(
  topics: readonly TopicView[],
  cursor: DescribeTopicPartitionsRequestBody['cursor'],
  limit: number,
): DescribeTopicPartitionsResponseValue {
  const answers: TopicAnswer[] = [];
  let left = limit;
  for (const topic of topics) {
    const from = cursor !== null && topic.name === cursor.topicName ? cursor.partitionIndex : 0;
    const remaining = topic.partitions.length - Math.min(from, topic.partitions.length);
    if (left === 0 && remaining > 0) return { topics: answers, nextCursor: { topicName: topic.name!, partitionIndex: from } };
    const taken = topic.partitions.slice(from, from + left);
    answers.push(topicAnswer(topic, taken));
    left -= taken.length;
    if (taken.length < remaining) return { topics: answers, nextCursor: { topicName: topic.name!, partitionIndex: from + taken.length } };
  }
  return { topics: answers, nextCursor: null };
}

function topicAnswer({ error, name, topicId, isInternal }: TopicView, partitions: TopicView['partitions']): TopicAnswer {
  return {
    errorCode: errorCode(error),
    name,
    topicId: topicId || ZERO_UUID,
    isInternal,
    partitions: partitions.map((each) => ({
      errorCode: errorCode(each.error),
      partitionIndex: each.partition,
      leaderId: each.leader,
      leaderEpoch: each.leaderEpoch,
      replicaNodes: each.replicas,
      isrNodes: each.isr,
      eligibleLeaderReplicas: each.eligibleLeaderReplicas,
      lastKnownElr: [],
      offlineReplicas: each.offlineReplicas,
    })),
  };
}

/** There is no error for the whole: without topics to carry it, the connection has to go. */
function failure(
  { topics }: DescribeTopicPartitionsRequestBody,
  error: KafkaErrorName,
): DescribeTopicPartitionsResponseValue | ClosingReason {
  if (topics.length === 0) return new ClosingReason(`DescribeTopicPartitions failed: ${error}`);
  return { topics: topics.map(({ name }) => ({ errorCode: errorCode(error), name, partitions: [] })) };
}
