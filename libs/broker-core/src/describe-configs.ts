/**
 * DescribeConfigs, from this broker's metadata and the settings that it was started with. A broker can only speak for itself:
 * Kafka's clients send a question about a broker to that broker.
 */
import { type ConfigSetting, type DescribedConfig, describeServerConfigs, describeTopicConfigs } from '#config';
import { type Authorizer, type BrokerId, type KafkaErrorName, type RequestContext, topicNameProblem } from '#kernel';
import type { MetadataImage } from '#metadata';
import type { ConfigEntry, DescribeConfigsRequest, DescribeConfigsResponse } from '#rpc';

/** An answer is a hundred times as long as its question, so questions are bounded. */
export const DESCRIBE_CONFIGS_RESOURCES_MAX = 2_000;

export interface ConfigsOfBroker {
  readonly brokerId: BrokerId;
  readonly image: MetadataImage;
  readonly settings: readonly ConfigSetting[];
  readonly authorizer: Authorizer;
}

type Asked = DescribeConfigsRequest['resources'][number];
type Answer = DescribeConfigsResponse['resources'][number];

export function describeConfigs(
  broker: ConfigsOfBroker,
  context: RequestContext,
  request: DescribeConfigsRequest,
): DescribeConfigsResponse {
  return {
    resources: request.resources.map((asked, index) => {
      if (index < DESCRIBE_CONFIGS_RESOURCES_MAX) return describeOne(broker, context, asked);
      return failed(asked, 'INVALID_REQUEST', `a request describes at most ${DESCRIBE_CONFIGS_RESOURCES_MAX} resources; ask in several`);
    }),
  };
}

function describeOne(broker: ConfigsOfBroker, context: RequestContext, asked: Asked): Answer {
  switch (asked.type) {
    case 'topic':
      return describeTopic(broker, context, asked);
    case 'broker':
      return describeBroker(broker, context, asked);
    default:
      return failed(asked, 'INVALID_REQUEST', noSuchConfigs(asked.type));
  }
}

export function noSuchConfigs(type: string): string {
  return `there are no configs of the kind "${type}" here; topic and broker are known`;
}

function describeTopic({ image, settings, authorizer }: ConfigsOfBroker, context: RequestContext, asked: Asked): Answer {
  if (!authorizer.isAllowed(context, 'DESCRIBE_CONFIGS', { type: 'TOPIC', name: asked.name }))
    return failed(asked, 'TOPIC_AUTHORIZATION_FAILED');
  const problem = topicNameProblem(asked.name);
  if (problem !== null) return failed(asked, 'INVALID_TOPIC_EXCEPTION', problem);
  const topic = image.topicsByName.get(asked.name);
  if (!topic) return failed(asked, 'UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${asked.name}`);
  const replicationFactor = image.partition(topic.topicId, 0)?.replicas.length ?? 1;
  return described(asked, describeTopicConfigs(topic.configs, settings, replicationFactor));
}

function describeBroker({ brokerId, settings, authorizer }: ConfigsOfBroker, context: RequestContext, asked: Asked): Answer {
  if (!authorizer.isAllowed(context, 'DESCRIBE_CONFIGS', { type: 'CLUSTER', name: 'cluster' }))
    return failed(asked, 'CLUSTER_AUTHORIZATION_FAILED');
  // The cluster-wide default of Kafka's brokers: nothing can be set there, so nothing is.
  if (asked.name === '') return described(asked, []);
  if (!/^\d{1,10}$/.test(asked.name))
    return failed(asked, 'INVALID_REQUEST', `a broker is named by its node id, not "${asked.name.slice(0, 100)}"`);
  if (Number(asked.name) === brokerId) return described(asked, describeServerConfigs(settings));
  return failed(asked, 'INVALID_REQUEST', `this is broker ${brokerId} and knows only its own configs: ask broker ${Number(asked.name)}`);
}

function described(asked: Asked, all: readonly DescribedConfig[]): Answer {
  const { type, name, names } = asked;
  const configs: readonly ConfigEntry[] = names === null ? all : all.filter((config) => names.includes(config.name));
  return { type, name, error: 'NONE', configs };
}

function failed({ type, name }: Asked, error: KafkaErrorName, message?: string): Answer {
  return { type, name, error, ...(message !== undefined && { message }), configs: [] };
}
