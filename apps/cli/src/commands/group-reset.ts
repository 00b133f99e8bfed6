/**
 * `yak group reset-offsets`: where a group goes on. The plan is made first and shown, with what it would cost in records read
 * again or skipped; only --execute commits it. A group with members is left alone: they would commit over it.
 */
import type { Client } from '#client';
import { UsageError } from '#config';
import type { TopicPartition } from '#groups';
import { KafkaError, topicNameProblem, YakError } from '#kernel';
import { EXIT, type ExitCode } from '../../../shared/command/exit-codes.js';
import { PartialError } from '../../../shared/command/failure.js';
import { formatTable } from '../../../shared/command/figures.js';
import { formatMoment, parseDuration, parseMoment } from '../../../shared/command/moments.js';
import { groupError, type Print } from './group.js';
import type { ResetOffsetsOptions } from './group-command.js';
import { membersSentence, records } from './group-text.js';

export type ResetTarget =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** First record at or after it. */
  | { readonly kind: 'time'; readonly timestamp: number }
  | { readonly kind: 'shift'; readonly by: number };

export interface Reset {
  readonly target: ResetTarget;
  /** Null: all that the group committed. partitions null: all of the topic. */
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] | null }[] | null;
}

/** Throws UsageError. */
export function parseReset(options: ResetOffsetsOptions, nowMs: number): Reset {
  return { target: parseTarget(options, nowMs), topics: parseTopics(options) };
}

function parseTarget(options: ResetOffsetsOptions, nowMs: number): ResetTarget {
  const { toEarliest, toLatest, toOffset, toDatetime, byDuration, shiftBy } = options;
  const targets: ResetTarget[] = [];
  if (toEarliest) targets.push({ kind: 'earliest' });
  if (toLatest) targets.push({ kind: 'latest' });
  if (toOffset !== undefined) targets.push({ kind: 'offset', offset: toOffset });
  if (toDatetime !== undefined) targets.push({ kind: 'time', timestamp: parseMoment(toDatetime, '--to-datetime') });
  if (byDuration !== undefined) targets.push({ kind: 'time', timestamp: Math.max(0, nowMs - parseDuration(byDuration, '--by-duration')) });
  if (shiftBy !== undefined) targets.push({ kind: 'shift', by: shiftBy });
  if (targets.length === 1) return targets[0]!;
  const choices = '--to-earliest, --to-latest, --to-offset, --to-datetime, --by-duration and --shift-by';
  throw new UsageError(
    `say where to with exactly one of ${choices}; ${targets.length === 0 ? 'none was given' : `${targets.length} were given`}`,
  );
}

function parseTopics({ topic: texts, allTopics }: ResetOffsetsOptions): Reset['topics'] {
  if (allTopics === true && texts.length > 0) throw new UsageError('--all-topics and --topic exclude each other');
  if (allTopics === true) return null;
  if (texts.length === 0) throw new UsageError('say which topics: --topic T, --topic T:0,1 or --all-topics');
  return texts.map((text) => {
    const [topic = '', list] = text.split(':', 2);
    const problem = topicNameProblem(topic);
    if (problem !== null) throw new UsageError(`--topic ${text}: ${problem}`);
    if (list === undefined) return { topic, partitions: null };
    const partitions = list.split(',').map((one) => (/^\d{1,9}$/.test(one) ? Number(one) : Number.NaN));
    if (partitions.some(Number.isNaN)) throw new UsageError(`--topic ${text}: after the colon come partitions, like ${topic}:0,1`);
    return { topic, partitions: [...new Set(partitions)] };
  });
}

/** What is known of a partition before its reset. */
export interface ResetPosition extends TopicPartition {
  /** -1: nothing committed. */
  readonly committed: number;
  readonly earliest: number;
  readonly latest: number;
  /** Asked only for a time; -1: no record is that new. */
  readonly atTime: number;
}

export interface ResetStep extends TopicPartition {
  /** -1: nothing committed. */
  readonly from: number;
  readonly to: number;
  /** What was asked for lies outside what is there. */
  readonly clampedTo: 'earliest' | 'latest' | null;
  readonly asked: number;
  readonly readAgain: number;
  readonly skipped: number;
}

/** Throws a YakError when there is nothing to shift. */
export function planReset(target: ResetTarget, positions: readonly ResetPosition[]): ResetStep[] {
  const bare = target.kind === 'shift' ? positions.filter(({ committed }) => committed < 0) : [];
  if (bare.length > 0) {
    const names = bare.map(({ topic, partition }) => `${topic}-${partition}`).join(', ');
    throw new YakError('NOTHING_COMMITTED', `the group committed nothing for ${names}, so there is nothing to shift; name another target`);
  }
  return positions.map((position) => {
    const { topic, partition, committed, earliest, latest } = position;
    const asked = offsetAsked(target, position);
    const to = Math.min(Math.max(asked, earliest), latest);
    const clampedTo = asked < earliest ? 'earliest' : asked > latest ? 'latest' : null;
    // A commit below the earliest record has nothing in between that could be read again.
    const start = Math.min(Math.max(committed, earliest), latest);
    const moved = committed < 0 ? 0 : to - start;
    return { topic, partition, from: committed, to, clampedTo, asked, readAgain: Math.max(0, -moved), skipped: Math.max(0, moved) };
  });
}

function offsetAsked(target: ResetTarget, { committed, earliest, latest, atTime }: ResetPosition): number {
  switch (target.kind) {
    case 'earliest':
      return earliest;
    case 'latest':
      return latest;
    case 'offset':
      return target.offset;
    case 'time':
      return atTime < 0 ? latest : atTime;
    case 'shift':
      return committed + target.by;
  }
}

function planText(
  groupId: string,
  target: ResetTarget,
  steps: readonly ResetStep[],
  compacted: readonly string[],
  isExecuted: boolean,
): string {
  const rows = steps.map((one) => [
    `  ${one.topic}`,
    String(one.partition),
    one.from < 0 ? '-' : String(one.from),
    String(one.to),
    effectOf(one),
  ]);
  const again = steps.reduce((sum, one) => sum + one.readAgain, 0);
  const skipped = steps.reduce((sum, one) => sum + one.skipped, 0);
  const cost = `${records(again)} ${isExecuted ? 'will' : 'would'} be read again, ${formatSkipped(skipped)} skipped`;
  const fewer =
    compacted.length === 0 ? '' : ` (maybe fewer of ${compacted.join(', ')}: ${compacted.length === 1 ? 'it is' : 'they are'} compacted)`;
  const time = target.kind === 'time' ? ` to the first record at or after ${formatMoment(target.timestamp)}` : '';
  return [
    `${groupId}: ${steps.length === 1 ? 'one partition' : `${steps.length} partitions`}${time}`,
    formatTable([['  topic', 'partition', 'from', 'to', 'effect'], ...rows]),
    `${isExecuted ? `done: ${cost}` : `nothing was changed: ${cost}; --execute does it`}${fewer}`,
  ].join('\n');
}

function effectOf({ from, to, clampedTo, asked, readAgain, skipped }: ResetStep): string {
  const effect =
    from < 0
      ? 'nothing was committed'
      : readAgain > 0
        ? `${records(readAgain)} read again`
        : skipped > 0
          ? `${records(skipped)} skipped`
          : from === to
            ? 'stays'
            : 'nothing is read again';
  const edge = clampedTo === 'earliest' ? 'the earliest' : 'the end';
  return clampedTo === null ? effect : `${effect} (${asked} is not there: ${edge} instead)`;
}

function formatSkipped(count: number): string {
  return count === 0 ? 'none' : records(count);
}

export async function resetOffsets(
  client: Client,
  groupId: string,
  { target, topics }: Reset,
  options: Pick<ResetOffsetsOptions, 'execute' | 'json'>,
  print: Print,
): Promise<ExitCode> {
  await refuseMembers(client, groupId);
  const { error, partitions: committed } = await client.admin.groups.fetchOffsets(groupId, null);
  if (error !== 'NONE' && error !== 'GROUP_ID_NOT_FOUND') throw groupError(groupId, error);
  const commits = new Map(committed.map((one) => [`${one.topic}-${one.partition}`, one.offset]));
  const partitions = topics === null ? committed.filter(({ offset }) => offset >= 0) : await partitionsOf(client, topics);
  if (partitions.length === 0) throw new KafkaError('GROUP_ID_NOT_FOUND', `group ${groupId} committed nothing; name topics with --topic`);
  const positions = await positionsOf(client, target, partitions, commits);
  const steps = planReset(target, positions);
  const compacted = await compactedAmong(client, steps);
  if (options.execute) await commit(client, groupId, steps);
  if (options.json) print(JSON.stringify({ groupId, executed: options.execute === true, partitions: steps }));
  else print(planText(groupId, target, steps, compacted, options.execute === true));
  return EXIT.OK;
}

/** Topics of the plan that have holes, so that offsets count more than there are records. A topic whose configs are not told counts as whole. */
async function compactedAmong(client: Client, steps: readonly ResetStep[]): Promise<string[]> {
  const moved = steps.filter(({ readAgain, skipped }) => readAgain + skipped > 0);
  const topics = [...new Set(moved.map(({ topic }) => topic))];
  if (topics.length === 0) return [];
  const asked = topics.map((name) => ({ type: 'topic' as const, name, names: ['cleanup.policy'] }));
  const { resources } = await client.admin.describeConfigs({ resources: asked });
  return resources.filter(({ configs }) => configs.some(({ value }) => value?.includes('compact'))).map(({ name }) => name);
}

/** A group that does not exist yet may be given a place to begin at. */
async function refuseMembers(client: Client, groupId: string): Promise<void> {
  const group = (await client.admin.groups.describe([groupId]))[0]!;
  if (group.error === 'GROUP_ID_NOT_FOUND' || group.state === 'Dead') return;
  if (group.error !== 'NONE') throw groupError(groupId, group.error, group.message);
  if (group.state === 'Empty') return;
  const who = group.members.length === 0 ? `is ${group.state}` : `has members: ${membersSentence(group.members)}`;
  throw new KafkaError('NON_EMPTY_GROUP', `group ${groupId} ${who}; stop them first, they would commit over what is set here`);
}

/** Throws when a topic or partition is not there. */
async function partitionsOf(client: Client, topics: NonNullable<Reset['topics']>): Promise<readonly TopicPartition[]> {
  const described = await client.admin.describeTopics([...new Set(topics.map(({ topic }) => topic))]);
  const found = new Map<string, TopicPartition>();
  for (const { topic, partitions } of topics) {
    const metadata = described.find(({ name }) => name === topic);
    if (metadata === undefined || metadata.error !== 'NONE') {
      const error = metadata?.error ?? 'UNKNOWN_TOPIC_OR_PARTITION';
      throw new KafkaError(error, error === 'UNKNOWN_TOPIC_OR_PARTITION' ? `topic ${topic} does not exist` : `topic ${topic}: ${error}`);
    }
    const count = metadata.partitions.length;
    for (const partition of partitions ?? metadata.partitions.map((one) => one.partition)) {
      if (partition >= count) throw new UsageError(`topic ${topic} has no partition ${partition}; it has ${count}, from 0`);
      found.set(`${topic}-${partition}`, { topic, partition });
    }
  }
  return [...found.values()].sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}

async function positionsOf(
  client: Client,
  target: ResetTarget,
  partitions: readonly TopicPartition[],
  commits: ReadonlyMap<string, number>,
): Promise<ResetPosition[]> {
  const timestamps = ['earliest' as const, 'latest' as const, ...(target.kind === 'time' ? [target.timestamp] : [])];
  const requests = timestamps.flatMap((timestamp) => partitions.map(({ topic, partition }) => ({ topic, partition, timestamp })));
  const { partitions: answers } = await client.admin.listOffsets(requests);
  const failed = answers.find(({ error }) => error !== 'NONE');
  if (failed !== undefined) {
    const { topic, partition, error, message } = failed;
    throw new KafkaError(error, `${topic}-${partition}: its offsets are not known now (${message ?? error})`);
  }
  return partitions.map(({ topic, partition }, index) => ({
    topic,
    partition,
    committed: commits.get(`${topic}-${partition}`) ?? -1,
    earliest: answers[index]!.offset,
    latest: answers[partitions.length + index]!.offset,
    atTime: target.kind === 'time' ? answers[2 * partitions.length + index]!.offset : -1,
  }));
}

async function commit(client: Client, groupId: string, steps: readonly ResetStep[]): Promise<void> {
  const partitions = steps.map(({ topic, partition, to }) => ({ topic, partition, offset: to, leaderEpoch: -1, metadata: null }));
  const answer = await client.admin.groups.commitOffsets(groupId, partitions);
  const failed = answer.partitions.filter(({ error }) => error !== 'NONE');
  if (failed.length === 0) return;
  const { error } = failed[0]!;
  const names = failed.map(({ topic, partition }) => `${topic}-${partition}`).join(', ');
  const reason = error === 'UNKNOWN_MEMBER_ID' || error === 'ILLEGAL_GENERATION' ? 'a member joined meanwhile; stop it first' : error;
  const sentence = `group ${groupId}: the offsets of ${names} were not set: ${reason}`;
  throw failed.length === steps.length ? new KafkaError(error, sentence) : new PartialError(sentence);
}
