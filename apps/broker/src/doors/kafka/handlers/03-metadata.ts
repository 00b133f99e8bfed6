/**
 * Metadata: brokers with the addresses of the listener that was asked, topics with ids and epochs.
 * Missing topics are created by the verb, before the answer, where the request and the broker allow it.
 */
import type { ClusterView, TopicsRequest, TopicView } from '#broker-core';
import type { KafkaErrorName } from '#kernel';
import { type MetadataRequestBody, type MetadataResponseValue, metadataApi, ZERO_UUID } from '#wire';
import { ClosingReason, type Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';
import { nodeEndpoint } from './node-endpoints.js';

type AskedTopic = NonNullable<MetadataRequestBody['topics']>[number];
type TopicResponse = MetadataResponseValue['topics'][number];

/** Versions 10 and 11 have the field for a topic id but may not use it. */
const FIRST_TOPIC_ID_VERSION = 12;

export const metadataHandler: Handler<typeof metadataApi> = {
  api: metadataApi,
  limitations: ['Authorized operations are not told (-2147483648), asked or not.'],

  async handle({ broker }, request) {
    const { body, version } = request;
    const isAll = body.topics === null || (version === 0 && body.topics.length === 0);
    const [served, refused] = isAll ? [null, []] : partition(body.topics!, (topic) => isServed(topic, version));
    const view = await broker.cluster(request.context, {
      topics: served === null ? null : served.map(toVerb),
      allowAutoTopicCreation: !isAll && (version < 4 || body.allowAutoTopicCreation),
    });
    return {
      brokers: view.brokers.map(nodeEndpoint),
      clusterId: view.clusterId,
      controllerId: view.controllerId,
      topics: [
        ...view.topics.map((topic) => topicResponse(version, topic)),
        ...refused.map((topic) => refusedTopic(version, topic, 'INVALID_REQUEST')),
      ],
    };
  },

  // These versions have no error for the whole, and an empty cluster is not what is true.
  failed: (_request, error) => new ClosingReason(`Metadata failed: ${error}`),
};

function isServed(topic: AskedTopic, version: number): boolean {
  if (topic.topicId !== ZERO_UUID) return version >= FIRST_TOPIC_ID_VERSION;
  return topic.name !== null;
}

function toVerb({ topicId, name }: AskedTopic): NonNullable<TopicsRequest['topics']>[number] {
  return topicId === ZERO_UUID ? { name: name! } : { topicId };
}

function topicResponse(version: number, topic: TopicView): TopicResponse {
  return {
    errorCode: wireErrorCode(metadataApi.key, version, topic.error),
    name: nameFor(version, topic.name),
    topicId: topic.topicId || ZERO_UUID,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map((each) => partitionResponse(version, each)),
  };
}

function partitionResponse(version: number, view: ClusterView['topics'][number]['partitions'][number]) {
  return {
    errorCode: wireErrorCode(metadataApi.key, version, view.error),
    partitionIndex: view.partition,
    leaderId: view.leader,
    leaderEpoch: view.leaderEpoch,
    replicaNodes: view.replicas,
    isrNodes: view.isr,
    offlineReplicas: view.offlineReplicas,
  };
}

function refusedTopic(version: number, { name, topicId }: AskedTopic, error: KafkaErrorName): TopicResponse {
  return { errorCode: wireErrorCode(metadataApi.key, version, error), name: nameFor(version, name), topicId, partitions: [] };
}

function nameFor(version: number, name: string | null): string | null {
  return name ?? (version < FIRST_TOPIC_ID_VERSION ? '' : null);
}

function partition<T>(values: readonly T[], belongsFirst: (value: T) => boolean): [T[], T[]] {
  const first: T[] = [];
  const second: T[] = [];
  for (const value of values) (belongsFirst(value) ? first : second).push(value);
  return [first, second];
}
