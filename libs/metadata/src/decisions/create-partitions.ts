/**
 * Topics grow: new partitions beside the old ones, which stay as they are. Placed as if the topic had had that many from the
 * start. Keys are spread over all partitions from then on, so records of one key may lie in two: said in the docs, not here.
 */
import type { BrokerId } from '#kernel';
import { isInternalTopic } from '#kernel';
import type { MetadataImage } from '../image.js';
import type { FlushPolicy, MetadataRecord, PartitionRecord, TopicRecord } from '../records.js';
import { MAX_TOPICS_PER_REQUEST } from './create-topics.js';
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

export interface GrowTopicCommand {
  readonly name: string;
  /** How many partitions it is to have in all. */
  readonly totalCount: number;
  /** One row of broker ids per new partition, preferred leader first. Absent: placed. */
  readonly assignments?: readonly (readonly BrokerId[])[];
}

export interface GrownTopic extends Outcome {
  readonly name: string;
}

export function createPartitions(
  state: DecisionState,
  command: { readonly topics: readonly GrowTopicCommand[]; readonly validateOnly?: boolean },
  context: { readonly defaultFlushPolicy: FlushPolicy },
): Decision<{ readonly topics: readonly GrownTopic[] }> {
  const records: MetadataRecord[] = [];
  const wanted = eachOnce(command.topics, ({ name }) => name);
  const topics = wanted.map(({ item: grow, isRepeated }, index): GrownTopic => {
    const refuse = ({ error, message }: Refusal): GrownTopic => ({ name: grow.name, error, message });
    if (index >= MAX_TOPICS_PER_REQUEST) {
      return refuse({ error: 'POLICY_VIOLATION', message: `a request grows at most ${MAX_TOPICS_PER_REQUEST} topics` });
    }
    if (isRepeated) return refuse({ error: 'INVALID_REQUEST', message: `the request names topic ${grow.name} more than once` });
    const topic = state.image.topicsByName.get(grow.name);
    if (!topic) return refuse({ error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `there is no topic ${grow.name}` });
    const plan = planGrowth(
      state,
      topic,
      grow,
      (topic.configs['log.flush.policy'] as FlushPolicy | undefined) ?? context.defaultFlushPolicy,
    );
    if ('error' in plan) return refuse(plan);
    if (!command.validateOnly) records.push(...plan);
    return { name: grow.name, error: 'NONE' };
  });
  return { records, response: { topics } };
}

function planGrowth(
  { image, revision }: DecisionState,
  topic: TopicRecord,
  grow: GrowTopicCommand,
  flushPolicy: FlushPolicy,
): readonly PartitionRecord[] | Refusal {
  const existing = image.partitionsOf(topic.topicId);
  const { name, totalCount } = grow;
  if (isInternalTopic(name)) {
    const message = `${name} is an internal topic: its number of partitions decides which one holds a group and cannot change`;
    return { error: 'INVALID_TOPIC_EXCEPTION', message };
  }
  if (!Number.isInteger(totalCount) || totalCount <= existing.length) {
    const message = `topic ${name} has ${existing.length} partitions: ${totalCount} in all would not be more, and partitions are never taken away`;
    return { error: 'INVALID_PARTITIONS', message };
  }
  if (totalCount > MAX_PARTITIONS_PER_TOPIC) return tooManyPartitions(totalCount);
  const added = totalCount - existing.length;
  const assignments = assignmentsFor(image, existing, added, grow.assignments);
  if ('error' in assignments) return assignments;
  const dark = darkPartitionProblem(image, assignments, existing.length);
  if (dark) return dark;
  const { topicId, configs } = topic;
  return assignments.map((replicas, index) =>
    newPartition(image, { topicId, partition: existing.length + index, replicas, configs, flushPolicy, revision }),
  );
}

function assignmentsFor(
  image: MetadataImage,
  existing: readonly PartitionRecord[],
  added: number,
  wanted: readonly (readonly BrokerId[])[] | undefined,
): readonly (readonly BrokerId[])[] | Refusal {
  const replicationFactor = existing[0]!.replicas.length;
  if (wanted && wanted.length > 0) {
    if (wanted.length === added)
      return assignmentProblem(image, wanted, existing.length, replicationFactor) ?? wanted.map((row) => [...row]);
    const message = `${added} partitions are to be added, and ${wanted.length} are assigned: give one row of brokers for each new one`;
    return { error: 'INVALID_REPLICA_ASSIGNMENT', message };
  }
  const brokers = brokersForReplicas(image, replicationFactor);
  if (brokers.length < replicationFactor) {
    const message = `the topic has ${replicationFactor} replicas per partition, and only ${brokers.length} brokers are registered`;
    return { error: 'INVALID_REPLICATION_FACTOR', message };
  }
  // The next broker after the leader of the last partition; where that one is not among them, the next higher id.
  const lastLeader = existing.at(-1)!.replicas[0]!;
  const next = brokers.findIndex((brokerId) => brokerId > lastLeader);
  return placeReplicas(brokers, {
    partitions: added,
    replicationFactor,
    start: next === -1 ? 0 : next,
    firstPartition: existing.length,
  });
}
