/** What a client may know of the cluster: brokers, topics, leaders. Creates missing topics first where that is allowed. */
import { isInternalTopic, type KafkaErrorName, type ListenerName, type RequestContext, topicNameProblem } from '#kernel';
import {
  type BrokerRecord,
  type Endpoint,
  isLiveSeat,
  keptMembers,
  liveMembers,
  type MetadataImage,
  type PartitionRecord,
  type TopicRecord,
} from '#metadata';
import type { BrokerState } from './broker-state.js';
import { endpointFor } from './endpoint-for.js';
import type { ClusterView, TopicsRequest, TopicView } from './verbs.js';

/** Topics that one question may bring about: the rest comes when it is asked for again. A name costs its sender next to nothing. */
export const AUTO_CREATE_TOPICS_MAX = 100;

export interface TopicCreator {
  /**
   * Creates topics with the cluster's defaults and waits until this broker's metadata has them, leaders included. False: that
   * has to wait, for the cluster coordinator or for its news; they may come about later.
   */
  create(names: readonly string[], context: RequestContext): Promise<boolean>;
  readonly isAllowed: boolean;
}

export async function cluster(
  broker: BrokerState,
  creator: TopicCreator,
  context: RequestContext,
  request: TopicsRequest,
): Promise<ClusterView> {
  let pending: ReadonlySet<string> = new Set();
  if (request.topics && request.allowAutoTopicCreation && creator.isAllowed) {
    const names = request.topics.flatMap((topic) => ('name' in topic && isCreatable(broker, context, topic.name) ? [topic.name] : []));
    const missing = [...new Set(names)];
    const wasAsked = missing.length === 0 || (await creator.create(missing.slice(0, AUTO_CREATE_TOPICS_MAX), context));
    pending = new Set(wasAsked ? missing.slice(AUTO_CREATE_TOPICS_MAX) : missing);
  }
  const { image } = broker;
  const asked = request.topics ?? [...image.topicsById.values()].map((topic) => ({ name: topic.name }));
  const brokers = reachableBrokers(image, context);
  return {
    clusterId: image.cluster?.clusterId ?? '',
    revision: image.revision,
    brokers,
    // Any live broker takes admin calls; this one if it can, so that the call stays here.
    controllerId: (brokers.find(({ brokerId }) => brokerId === broker.brokerId) ?? brokers[0])?.brokerId ?? -1,
    topics: asked.map((topic) => {
      const view = viewTopic(broker, context, topic);
      // "Unknown" would make clients give up on what only waits for the coordinator, or for the next question.
      const isPending = view.error === 'UNKNOWN_TOPIC_OR_PARTITION' && pending.has(view.name!);
      return isPending ? { ...view, error: 'LEADER_NOT_AVAILABLE' as const } : view;
    }),
  };
}

function isCreatable(broker: BrokerState, context: RequestContext, name: string): boolean {
  if (broker.image.topicsByName.has(name) || topicNameProblem(name) !== null || isInternalTopic(name)) return false;
  return broker.authorizer.isAllowed(context, 'CREATE', { type: 'TOPIC', name });
}

/**
 * As in Kafka: a broker without the listener that the question came in on is not there for who asks. One that is on its way out stays
 * until it is gone: KafkaJS asks the group coordinator that it knows, and fails where that is not in its metadata any more.
 */
function reachableBrokers(image: MetadataImage, { listener }: RequestContext): ClusterView['brokers'] {
  return [...image.brokers.values()].flatMap((known) => {
    const endpoint = liveEndpoint(known, listener);
    return endpoint === null ? [] : [{ brokerId: known.brokerId, rack: known.rack, endpoint }];
  });
}

function viewTopic(broker: BrokerState, context: RequestContext, asked: { name: string } | { topicId: string }): TopicView {
  const { image } = broker;
  const topic = 'name' in asked ? image.topicsByName.get(asked.name) : image.topicsById.get(asked.topicId);
  const name = 'name' in asked ? asked.name : (topic?.name ?? null);
  if (name !== null && !broker.authorizer.isAllowed(context, 'DESCRIBE', { type: 'TOPIC', name }))
    return unknown(asked, 'TOPIC_AUTHORIZATION_FAILED');
  if (!topic) {
    if (!('name' in asked)) return unknown(asked, 'UNKNOWN_TOPIC_ID');
    return unknown(asked, topicNameProblem(asked.name) === null ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION');
  }
  return describeTopic(image, topic, context);
}

function describeTopic(image: MetadataImage, topic: TopicRecord, context: RequestContext): TopicView {
  return {
    error: 'NONE',
    name: topic.name,
    topicId: topic.topicId,
    isInternal: isInternalTopic(topic.name),
    partitions: image.partitionsOf(topic.topicId).map((record) => describePartition(image, record, context)),
  };
}

function describePartition(image: MetadataImage, record: PartitionRecord, { listener }: RequestContext): TopicView['partitions'][number] {
  const leaderBroker = image.brokers.get(record.leader);
  const hasLeader = record.leader >= 0 && leaderBroker !== undefined && !leaderBroker.isFenced;
  const isReachable = hasLeader && endpointFor(leaderBroker.listeners, listener) !== null;
  return {
    error: isReachable ? 'NONE' : hasLeader ? 'LISTENER_NOT_FOUND' : 'LEADER_NOT_AVAILABLE',
    partition: record.partition,
    leader: isReachable ? record.leader : -1,
    leaderEpoch: record.leaderEpoch,
    partitionEpoch: record.partitionEpoch,
    replicas: record.replicas,
    isr: liveMembers(record, image),
    eligibleLeaderReplicas: keptMembers(record, image),
    offlineReplicas: record.replicas.filter((id) => liveEndpoint(image.brokers.get(id), listener) === null),
  };
}

function liveEndpoint(known: BrokerRecord | undefined, listener: ListenerName): Endpoint | null {
  return known === undefined || known.isFenced ? null : endpointFor(known.listeners, listener);
}

/** Every partition has a leader that runs. */
export function isTopicReady(image: MetadataImage, name: string): boolean {
  const topic = image.topicsByName.get(name);
  return (
    topic !== undefined &&
    image
      .partitionsOf(topic.topicId)
      .every((record) => record.isr.some((seat) => seat.brokerId === record.leader && isLiveSeat(seat, image)))
  );
}

function unknown(asked: { name: string } | { topicId: string }, error: KafkaErrorName): TopicView {
  return {
    error,
    name: 'name' in asked ? asked.name : null,
    topicId: 'topicId' in asked ? asked.topicId : '',
    isInternal: false,
    partitions: [],
  };
}
