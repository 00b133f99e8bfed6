/** The image as clients and people see it: metadata for clients, the cluster's description, the table of leaders. Pure. */
import type { BrokerId } from '#kernel';
import { NO_BROKER, topicNameProblem } from '#kernel';
import type { MetadataImage, PartitionRecord } from '#metadata';
import { keptMembers, liveMembers } from '#metadata';
import type { DescribeClusterResponse, MetadataResponse, PartitionMetadata, TopicMetadata } from '#rpc';
import { formatAddress } from '#seams';

/** Brokers' addresses are those of the Nest door: the coordinator serves no other. */
export function metadataAnswer(image: MetadataImage, topics: readonly string[] | null): MetadataResponse {
  const names = topics === null ? [...image.topicsByName.keys()] : [...new Set(topics)];
  return {
    clusterId: image.cluster?.clusterId ?? '',
    revision: image.revision,
    brokers: [...image.brokers.values()]
      .filter((broker) => !broker.isFenced)
      .map(({ brokerId, listeners, rack }) => ({ id: brokerId, host: listeners.tcp.host, port: listeners.tcp.port, rack })),
    topics: names.map((name) => topicAnswer(image, name)),
  };
}

function topicAnswer(image: MetadataImage, name: string): TopicMetadata {
  const topic = image.topicsByName.get(name);
  if (topic)
    return {
      name,
      topicId: topic.topicId,
      error: 'NONE',
      partitions: image.partitionsOf(topic.topicId).map((record) => partitionAnswer(image, record)),
    };
  const problem = topicNameProblem(name);
  return problem === null
    ? { name, topicId: '', error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `there is no topic ${name}`, partitions: [] }
    : { name, topicId: '', error: 'INVALID_TOPIC_EXCEPTION', message: problem, partitions: [] };
}

function partitionAnswer(image: MetadataImage, record: PartitionRecord): PartitionMetadata {
  return {
    partition: record.partition,
    error: record.leader === NO_BROKER ? 'LEADER_NOT_AVAILABLE' : 'NONE',
    leader: record.leader,
    leaderEpoch: record.leaderEpoch,
    partitionEpoch: record.partitionEpoch,
    replicas: record.replicas,
    isr: liveMembers(record, image),
    eligibleLeaderReplicas: keptMembers(record, image),
    offlineReplicas: record.replicas.filter((brokerId) => image.brokers.get(brokerId)?.isFenced !== false),
  };
}

export function describeBrokers(
  image: MetadataImage,
  heartbeatAgeMs: (brokerId: BrokerId) => number | null,
  lastProbeWallMs: (brokerId: BrokerId) => number | undefined = () => undefined,
): DescribeClusterResponse['brokers'] {
  return [...image.brokers.values()]
    .sort((a, b) => a.brokerId - b.brokerId)
    .map((broker) => ({
      id: broker.brokerId,
      brokerEpoch: broker.brokerEpoch,
      tcp: formatAddress(broker.listeners.tcp),
      kafka: formatAddress(broker.listeners.kafka),
      http: formatAddress(broker.listeners.http),
      rack: broker.rack,
      state: broker.isFenced ? 'fenced' : broker.isShuttingDown ? 'shutting-down' : 'active',
      isIntact: broker.isIntact,
      software: `${broker.software.name} ${broker.software.version}`,
      lastHeartbeatAgeMs: heartbeatAgeMs(broker.brokerId),
      ...probed(lastProbeWallMs(broker.brokerId)),
    }));
}

/** One row of the published table of leaders. */
export interface LeaderView {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  /** -1: nobody. */
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly replicas: readonly number[];
  /** Live members. */
  readonly isr: readonly number[];
  readonly eligibleLeaderReplicas: readonly number[];
  readonly possibleLoss: boolean;
}

export function leaderView(image: MetadataImage, record: PartitionRecord): LeaderView {
  return {
    topic: image.topicsById.get(record.topicId)?.name ?? '',
    topicId: record.topicId,
    partition: record.partition,
    leader: record.leader,
    leaderEpoch: record.leaderEpoch,
    partitionEpoch: record.partitionEpoch,
    replicas: record.replicas,
    isr: liveMembers(record, image),
    eligibleLeaderReplicas: keptMembers(record, image),
    possibleLoss: record.possibleLoss,
  };
}

function probed(lastProbeWallMs: number | undefined): { lastProbeWallMs?: number } {
  return lastProbeWallMs === undefined ? {} : { lastProbeWallMs };
}
