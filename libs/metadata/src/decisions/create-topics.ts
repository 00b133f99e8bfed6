/**
 * Topics come into being: names, counts, assignments and configs are checked, replicas placed, the first ISR and leader
 * named, all in one entry. A replica that is fenced at that moment is no member; it joins by catching up (R8).
 */
import type { BrokerId, KafkaErrorName, TopicId } from '#kernel';
import { isInternalTopic, topicNameProblem } from '#kernel';
import type { MetadataImage } from '../image.js';
import type { FlushPolicy, MetadataRecord } from '../records.js';
import type { Decision, DecisionState, Outcome, Refusal } from './decision.js';
import { eachOnce } from './each-once.js';
import {
  assignmentProblem,
  brokersForReplicas,
  darkPartitionProblem,
  MAX_PARTITIONS_PER_TOPIC,
  newPartition,
  placeReplicas,
  tooManyPartitions,
} from './place-replicas.js';

export const MAX_TOPICS_PER_REQUEST = 1_000;
/** Automatic replication factor where that many brokers are registered. */
export const DEFAULT_REPLICATION_FACTOR = 3;

export interface NewTopicCommand {
  readonly name: string;
  /** -1 or absent: the default. */
  readonly partitions?: number;
  readonly replicationFactor?: number;
  /** One row of broker ids per partition, preferred leader first; excludes the two above. */
  readonly assignments?: readonly (readonly BrokerId[])[];
  readonly configs?: Readonly<Record<string, string>>;
}

export interface TopicDefaults {
  readonly partitions: number;
  /** -1: min(3, registered brokers). */
  readonly replicationFactor: number;
  readonly flushPolicy: FlushPolicy;
}

/** Problems of a topic's configs, none when they may be used: #config's validateTopicConfigs. */
export type ValidateTopicConfigs = (
  configs: Readonly<Record<string, string>>,
) => readonly { readonly name: string; readonly reason: string }[];

export interface CreateTopicsContext {
  readonly defaults: TopicDefaults;
  readonly validateTopicConfigs: ValidateTopicConfigs;
  readonly newTopicId: () => TopicId;
  /** Integer, 0 <= n < maxExclusive: where round-robin placement starts. */
  readonly randomInteger: (maxExclusive: number) => number;
  /** The cluster coordinator's own topics may be created by itself only. Default false. */
  readonly mayBeInternal?: boolean;
}

export interface CreatedTopic extends Outcome {
  readonly name: string;
  /** '' on error, and for validate-only. */
  readonly topicId: TopicId;
  /** -1 on error. */
  readonly partitions: number;
  readonly replicationFactor: number;
}

export function createTopics(
  state: DecisionState,
  command: { readonly topics: readonly NewTopicCommand[]; readonly validateOnly?: boolean },
  context: CreateTopicsContext,
): Decision<{ readonly topics: readonly CreatedTopic[] }> {
  const records: MetadataRecord[] = [];
  const wanted = eachOnce(command.topics, ({ name }) => name);
  const topics = wanted.map(({ item: topic, isRepeated }, index): CreatedTopic => {
    if (index >= MAX_TOPICS_PER_REQUEST)
      return refused(topic, 'POLICY_VIOLATION', `a request creates at most ${MAX_TOPICS_PER_REQUEST} topics`);
    if (isRepeated) return refused(topic, 'INVALID_REQUEST', `the request names topic ${topic.name} more than once`);
    const plan = planTopic(state, topic, context);
    if ('error' in plan) return refused(topic, plan.error, plan.message);
    const topicId = command.validateOnly ? '' : context.newTopicId();
    if (!command.validateOnly) records.push(...plan.build(topicId));
    return {
      name: topic.name,
      topicId,
      error: 'NONE',
      partitions: plan.assignments.length,
      replicationFactor: plan.assignments[0]!.length,
    };
  });
  return { records, response: { topics } };
}

interface TopicPlan {
  readonly assignments: readonly (readonly BrokerId[])[];
  readonly build: (topicId: TopicId) => MetadataRecord[];
}
function planTopic({ image, revision }: DecisionState, topic: NewTopicCommand, context: CreateTopicsContext): TopicPlan | Refusal {
  const nameProblem = topicNameProblem(topic.name);
  if (nameProblem !== null) return { error: 'INVALID_TOPIC_EXCEPTION', message: nameProblem };
  if (image.topicsByName.has(topic.name)) return { error: 'TOPIC_ALREADY_EXISTS', message: `topic ${topic.name} exists` };
  if (isInternalTopic(topic.name) && !context.mayBeInternal) {
    return { error: 'INVALID_TOPIC_EXCEPTION', message: `${topic.name} is an internal topic: the cluster creates it by itself` };
  }
  const absent = isInternalTopic(topic.name)
    ? (image.cluster?.configuredBrokers ?? []).filter((brokerId) => !image.brokers.has(brokerId))
    : [];
  if (absent.length > 0) {
    const message = `internal topic ${topic.name} waits for the configured brokers ${absent.join(', ')} to register`;
    return { error: 'INVALID_REPLICATION_FACTOR', message };
  }
  const configs = topic.configs ?? {};
  const problems = context.validateTopicConfigs(configs);
  if (problems.length > 0) return { error: 'INVALID_CONFIG', message: problems.map((problem) => problem.reason).join('; ') };

  const assignments =
    topic.assignments && topic.assignments.length > 0 ? checkedAssignments(image, topic) : placedAssignments(image, topic, context);
  if ('error' in assignments) return assignments;
  const dark = darkPartitionProblem(image, assignments, 0);
  if (dark) return dark;
  const flushPolicy = (configs['log.flush.policy'] as FlushPolicy | undefined) ?? context.defaults.flushPolicy;
  return {
    assignments,
    build: (topicId) => [
      { type: 'topic', version: 1, name: topic.name, topicId, configs },
      ...assignments.map((replicas, partition) => newPartition(image, { topicId, partition, replicas, configs, flushPolicy, revision })),
    ],
  };
}

function checkedAssignments(image: MetadataImage, topic: NewTopicCommand): readonly (readonly BrokerId[])[] | Refusal {
  const rows = topic.assignments!;
  if ((topic.partitions ?? -1) !== -1 || (topic.replicationFactor ?? -1) !== -1) {
    return { error: 'INVALID_REQUEST', message: 'give either assignments, or partitions and replication factor' };
  }
  if (rows.length > MAX_PARTITIONS_PER_TOPIC) return tooManyPartitions(rows.length);
  return assignmentProblem(image, rows, 0, rows[0]!.length) ?? rows.map((row) => [...row]);
}

function placedAssignments(
  image: MetadataImage,
  topic: NewTopicCommand,
  context: CreateTopicsContext,
): readonly (readonly BrokerId[])[] | Refusal {
  const partitions = orDefault(topic.partitions, context.defaults.partitions);
  if (!Number.isInteger(partitions) || partitions < 1) {
    return { error: 'INVALID_PARTITIONS', message: `${partitions} partitions are not possible: at least 1` };
  }
  if (partitions > MAX_PARTITIONS_PER_TOPIC) return tooManyPartitions(partitions);

  const registered = [...image.brokers.keys()].sort((a, b) => a - b);
  const replicationFactor = orDefault(
    topic.replicationFactor,
    orDefault(context.defaults.replicationFactor, Math.min(DEFAULT_REPLICATION_FACTOR, registered.length)),
  );
  if (!Number.isInteger(replicationFactor) || replicationFactor < 1 || replicationFactor > registered.length) {
    const message = `replication factor ${replicationFactor} is not possible: ${registered.length} brokers are registered`;
    return { error: 'INVALID_REPLICATION_FACTOR', message };
  }
  const brokers = brokersForReplicas(image, replicationFactor);
  const start = context.randomInteger(brokers.length);
  return placeReplicas(brokers, { partitions, replicationFactor, start, firstPartition: 0 });
}

function orDefault(value: number | undefined, fallback: number): number {
  return value === undefined || value === -1 ? fallback : value;
}

function refused(topic: NewTopicCommand, error: KafkaErrorName, message: string): CreatedTopic {
  return { name: topic.name, topicId: '', error, message, partitions: -1, replicationFactor: -1 };
}
