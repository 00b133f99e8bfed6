/**
 * Configs of topics change. All operations on one topic are judged together: they become true together or not at all, and
 * every problem is said.
 *
 * Two configs are also part of every partition's record, because replicas and coordinator must judge by the same (R1):
 * - min.insync.replicas (m). Lower: kept members that are not needed any more leave with it (R10). Higher: only once every
 *   partition has that many in-sync replicas, because an election by asking counts on m of them holding what is committed
 *   (R19). Not at all while replicas are being asked.
 * - log.flush.policy. To interval: the record says so before any replica counts by it, so nobody is taken for intact that may
 *   have lost its page cache. To commit: a data folder in which anything was written under interval confesses a power loss
 *   until it has synced everything at its next start ("mayHoldUnsynced" in #log), so no replica is trusted too early.
 */
import type { BrokerId } from '#kernel';
import { isInternalTopic } from '#kernel';
import type { MetadataImage } from '../image.js';
import type { FlushPolicy, MetadataRecord, PartitionRecord, TopicRecord } from '../records.js';
import type { ValidateTopicConfigs } from './create-topics.js';
import type { Decision, DecisionState, Outcome, Refusal } from './decision.js';
import { eachOnce } from './each-once.js';
import { effectiveMinimum } from './place-replicas.js';
import { settlePartition } from './settle-partition.js';

export const MAX_CONFIG_RESOURCES_PER_REQUEST = 1_000;
export const MAX_CONFIG_OPERATIONS_PER_TOPIC = 200;

/** Configs whose value is a list, each with what it is when nothing is set: only these know append and subtract. */
export const LIST_CONFIGS: Readonly<Record<string, string>> = { 'cleanup.policy': 'delete' };

export interface TopicConfigOperation {
  readonly name: string;
  readonly operation: 'set' | 'delete' | 'append' | 'subtract';
  /** Null for `delete` only. */
  readonly value: string | null;
}

export interface AlterTopicConfigsCommand {
  readonly type: string;
  readonly name: string;
  readonly operations: readonly TopicConfigOperation[];
  /** What is not named goes back to the default. */
  readonly replacesAll?: boolean;
}

export interface AlterTopicConfigsContext {
  readonly validateTopicConfigs: ValidateTopicConfigs;
  readonly isKnownConfig: (name: string) => boolean;
  readonly defaultFlushPolicy: FlushPolicy;
  /** Whether an unfenced broker was heard by this coordinator: a seat is not given up for one that may be gone (R13). Default: all were. */
  readonly isHeard?: (brokerId: BrokerId) => boolean;
}

export interface AlteredResource<T extends string> extends Outcome {
  readonly type: T;
  readonly name: string;
}

export function alterTopicConfigs<C extends AlterTopicConfigsCommand>(
  state: DecisionState,
  command: { readonly resources: readonly C[]; readonly validateOnly?: boolean },
  context: AlterTopicConfigsContext,
): Decision<{ readonly resources: readonly AlteredResource<C['type']>[] }> {
  const records: MetadataRecord[] = [];
  const wanted = eachOnce(command.resources, ({ type, name }) => `${type}/${name}`);
  const resources = wanted.map(({ item: resource, isRepeated }, index): AlteredResource<C['type']> => {
    const { type, name } = resource;
    const plan: MetadataRecord[] | Refusal = isRepeated
      ? { error: 'INVALID_REQUEST', message: `the request names ${type} ${name} more than once` }
      : index >= MAX_CONFIG_RESOURCES_PER_REQUEST
        ? { error: 'POLICY_VIOLATION', message: `a request alters at most ${MAX_CONFIG_RESOURCES_PER_REQUEST} resources` }
        : planResource(state, resource, context);
    if ('error' in plan) return { type, name, ...plan };
    if (!command.validateOnly) records.push(...plan);
    return { type, name, error: 'NONE' };
  });
  return { records, response: { resources } };
}

function planResource(
  { image }: DecisionState,
  resource: AlterTopicConfigsCommand,
  context: AlterTopicConfigsContext,
): MetadataRecord[] | Refusal {
  const { type, name, operations } = resource;
  if (type !== 'topic') {
    const message =
      type === 'broker'
        ? 'configs of brokers come from their files, flags and environment: change them there and restart the broker'
        : `there are no configs of type ${type} here; only those of topics can be altered`;
    return { error: 'INVALID_REQUEST', message };
  }
  const topic = image.topicsByName.get(name);
  if (!topic) return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `there is no topic ${name}` };
  const twice = operations.find((one, index) => operations.findIndex((other) => other.name === one.name) < index);
  if (twice) return { error: 'INVALID_REQUEST', message: `config ${twice.name} is named more than once for topic ${name}` };
  if (operations.length > MAX_CONFIG_OPERATIONS_PER_TOPIC) {
    return {
      error: 'INVALID_REQUEST',
      message: `at most ${MAX_CONFIG_OPERATIONS_PER_TOPIC} configs of a topic can be altered in one request`,
    };
  }
  const configs = altered(topic.configs, resource, context);
  if ('refusal' in configs) return configs.refusal;
  return planConfigs(image, topic, configs.after, context);
}

/** The configs after the operations, validated as a whole. */
function altered(
  before: Readonly<Record<string, string>>,
  { operations, replacesAll }: AlterTopicConfigsCommand,
  context: AlterTopicConfigsContext,
): { readonly after: Readonly<Record<string, string>> } | { readonly refusal: Refusal } {
  const after = new Map(replacesAll ? [] : Object.entries(before));
  const problems: string[] = [];
  for (const { name, operation, value } of operations) {
    if (operation === 'delete') {
      if (!after.delete(name) && !context.isKnownConfig(name)) problems.push(`unknown topic config ${name}`);
      continue;
    }
    if (value === null) {
      return { refusal: { error: 'INVALID_REQUEST', message: `${operation} of topic config ${name} needs a value` } };
    }
    if (operation === 'set') {
      after.set(name, value);
    } else if (Object.hasOwn(LIST_CONFIGS, name)) {
      const items = listOf(after.get(name) ?? LIST_CONFIGS[name]!);
      const named = listOf(value);
      const others = items.filter((item) => !named.includes(item));
      after.set(name, (operation === 'subtract' ? others : [...items, ...named.filter((item) => !items.includes(item))]).join(','));
    } else {
      problems.push(
        `topic config ${name} is not a list: it can be set and deleted, not ${operation === 'append' ? 'appended to' : 'subtracted from'}`,
      );
    }
  }
  const configs = Object.fromEntries(after);
  problems.push(...context.validateTopicConfigs(configs).map((problem) => problem.reason));
  return problems.length > 0 ? { refusal: { error: 'INVALID_CONFIG', message: problems.join('; ') } } : { after: configs };
}

function planConfigs(
  image: MetadataImage,
  topic: TopicRecord,
  configs: Readonly<Record<string, string>>,
  context: AlterTopicConfigsContext,
): MetadataRecord[] | Refusal {
  if (sameConfigs(topic.configs, configs)) return [];
  if (isInternalTopic(topic.name) && configs['cleanup.policy'] !== topic.configs['cleanup.policy']) {
    const message = `cleanup.policy of ${topic.name} has to stay ${topic.configs['cleanup.policy']}: with any other, commits of consumers would be lost`;
    return { error: 'INVALID_CONFIG', message };
  }
  const records: MetadataRecord[] = [{ ...topic, configs }];
  const flushPolicy = (configs['log.flush.policy'] as FlushPolicy | undefined) ?? context.defaultFlushPolicy;
  const problems: string[] = [];
  for (const before of image.partitionsOf(topic.topicId)) {
    const minInSyncReplicas = effectiveMinimum(configs, before.replicas.length);
    if (before.minInSyncReplicas === minInSyncReplicas && before.flushPolicy === flushPolicy) continue;
    const problem = minimumProblem(before, minInSyncReplicas);
    if (problem !== null) problems.push(`partition ${before.partition} ${problem}`);
    else records.push(withSettings(before, { minInSyncReplicas, flushPolicy }, image, context));
  }
  if (problems.length === 0) return records;
  return { error: 'INVALID_CONFIG', message: `min.insync.replicas of ${topic.name} cannot change now: ${problems.join('; ')}` };
}

function minimumProblem(before: PartitionRecord, minInSyncReplicas: number): string | null {
  if (minInSyncReplicas === before.minInSyncReplicas) return null;
  if (before.mustAsk) return 'is being asked for its positions: wait until it has its in-sync replicas back';
  if (minInSyncReplicas <= before.isr.length || minInSyncReplicas < before.minInSyncReplicas) return null;
  return `has ${before.isr.length} in-sync replicas: wait until it has ${minInSyncReplicas}`;
}

/** The record under other rules: one step of the partition epoch, whatever follows from them. */
function withSettings(
  before: PartitionRecord,
  settings: Pick<PartitionRecord, 'minInSyncReplicas' | 'flushPolicy'>,
  image: MetadataImage,
  { isHeard }: AlterTopicConfigsContext,
): PartitionRecord {
  const changed: PartitionRecord = { ...before, ...settings };
  const settled = settlePartition(changed, isHeard ? { isHeard } : {}, image);
  return settled === changed ? { ...changed, partitionEpoch: before.partitionEpoch + 1 } : settled;
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function sameConfigs(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
