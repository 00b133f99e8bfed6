/** CreateTopics: forwarded by the verb; the answer tells counts and configs (v5) without another question. */
import type { KafkaErrorName } from '#kernel';
import type { CreateTopicsResponse, NewTopic } from '#rpc';
import { type CreateTopicsRequestBody, type CreateTopicsResponseValue, createTopicsApi, errorCode, ZERO_UUID } from '#wire';
import type { Handler, HandlerEnvironment, KafkaRequest } from '../handler.js';
import { CONFIG_SOURCES, outcome, type Refusal, repeated, undecided } from './admin-answers.js';

type Asked = CreateTopicsRequestBody['topics'][number];
type Decided = CreateTopicsResponse['topics'][number];
type Answer = CreateTopicsResponseValue['topics'][number];

const FIRST_CONFIGS_VERSION = 5;
const DEFAULT = -1;

export const createTopicsHandler: Handler<typeof createTopicsApi> = {
  api: createTopicsApi,
  limitations: [
    'Answered when this broker knows the topic and its leaders, at most 5 s after the decision; timeout.ms 0 does not wait.',
    'Configs that do not act yet are refused (INVALID_CONFIG), and so are internal topics (INVALID_TOPIC_EXCEPTION).',
    'Without a cluster coordinator: NOT_CONTROLLER when nothing was changed, REQUEST_TIMED_OUT when that is not known. The same for every change.',
  ],

  async handle(environment, request) {
    const { body, context } = request;
    const twice = repeated(body.topics.map(({ name }) => name));
    const refusals = new Map<string, Refusal>();
    const topics: NewTopic[] = [];
    const asked = new Map(body.topics.map((topic) => [topic.name, topic]));
    for (const topic of asked.values()) {
      const problem = twice.has(topic.name)
        ? { error: 'INVALID_REQUEST' as const, message: 'the topic is named more than once' }
        : problemOf(topic);
      if (problem === null) topics.push(newTopic(topic));
      else refusals.set(topic.name, problem);
    }
    const refused = Array.from(refusals, ([name, refusal]) => refusedTopic(request, name, refusal));
    if (topics.length === 0) return { topics: refused };
    try {
      const { timeoutMs, validateOnly } = body;
      const decided = await environment.broker.admin.createTopics(context, { topics, validateOnly, timeoutMs });
      return { topics: [...decided.topics.map((topic) => answerTo(environment, request, asked.get(topic.name)!, topic)), ...refused] };
    } catch (failure) {
      const refusal = undecided(failure);
      return { topics: [...topics.map(({ name }) => refusedTopic(request, name, refusal)), ...refused] };
    }
  },

  failed: (request, error) => ({ topics: request.body.topics.map(({ name }) => refusedTopic(request, name, { error })) }),
};

function problemOf({ assignments, configs }: Asked): Refusal | null {
  const indexes = assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b);
  if (indexes.some((index, i) => index !== i)) {
    return { error: 'INVALID_REPLICA_ASSIGNMENT', message: 'assignments must name every partition once, from 0 on without a gap' };
  }
  const withoutValue = configs.find(({ value }) => value === null);
  if (withoutValue) return { error: 'INVALID_CONFIG', message: `config ${withoutValue.name} has no value` };
  const [again] = repeated(configs.map(({ name }) => name));
  return again === undefined ? null : { error: 'INVALID_CONFIG', message: `config ${again} is given more than once` };
}

function newTopic({ name, numPartitions, replicationFactor, assignments, configs }: Asked): NewTopic {
  const rows = [...assignments].sort((a, b) => a.partitionIndex - b.partitionIndex).map(({ brokerIds }) => brokerIds);
  return {
    name,
    partitions: numPartitions,
    replicationFactor,
    ...(rows.length > 0 && { assignments: rows }),
    configs: configMap(configs),
  };
}

function answerTo(
  { broker }: HandlerEnvironment,
  request: KafkaRequest<CreateTopicsRequestBody>,
  { configs: asked }: Asked,
  { name, topicId, partitions, replicationFactor, ...refusal }: Decided,
): Answer {
  const answer = { name, topicId: topicId || ZERO_UUID, ...outcome(createTopicsApi.key, request.version, refusal) };
  if (refusal.error !== 'NONE' || request.version < FIRST_CONFIGS_VERSION) return answer;
  const configs = broker.admin.configsOfNewTopic(request.context, { name, configs: configMap(asked), replicationFactor });
  if (configs === null) return { ...answer, topicConfigErrorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'), configs: null };
  return {
    ...answer,
    numPartitions: partitions,
    replicationFactor,
    configs: configs.map((config) => ({
      name: config.name,
      value: config.value,
      readOnly: config.isReadOnly,
      configSource: CONFIG_SOURCES[config.source],
      isSensitive: config.isSensitive,
    })),
  };
}

function refusedTopic({ version }: KafkaRequest<unknown>, name: string, refusal: { error: KafkaErrorName; message?: string }): Answer {
  const answer = { name, ...outcome(createTopicsApi.key, version, refusal) };
  return version < FIRST_CONFIGS_VERSION ? answer : { ...answer, numPartitions: DEFAULT, replicationFactor: DEFAULT, configs: [] };
}

function configMap(configs: Asked['configs']): Readonly<Record<string, string>> {
  return Object.fromEntries(configs.map(({ name, value }) => [name, value ?? '']));
}
