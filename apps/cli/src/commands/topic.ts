/** Topics from the command line. Each named topic succeeds or fails by itself; the exit code tells all, some (3) and none (1) apart. */
import type { Client } from '#client';
import { UsageError } from '#config';
import { isInternalTopic, KafkaError, type KafkaErrorName, topicNameProblem } from '#kernel';
import type { ListOffsetsResponse, TopicMetadata } from '#rpc';
import { EXIT, type ExitCode } from '../../../shared/command/exit-codes.js';
import { PartialError } from '../../../shared/command/failure.js';
import { formatTable } from '../../../shared/command/figures.js';
import { withClient } from '../../../shared/command/open-client.js';
import type { CreateTopicOptions, DeleteTopicOptions, ListTopicsOptions } from './topic-command.js';

const CLIENT_ID = 'yak-topic';

interface TopicResult {
  readonly name: string;
  readonly error: KafkaErrorName;
  readonly message?: string;
}

export async function createTopics(topics: readonly string[], options: CreateTopicOptions): Promise<ExitCode> {
  const configs = parseConfigs(options.config);
  for (const name of topics) {
    const problem = topicNameProblem(name);
    if (problem !== null) throw new UsageError(problem);
  }
  return withClient(options, CLIENT_ID, async (client) => {
    const response = await client.admin.createTopics({
      topics: topics.map((name) => ({
        name,
        ...(options.partitions === undefined ? {} : { partitions: options.partitions }),
        ...(options.replicationFactor === undefined ? {} : { replicationFactor: options.replicationFactor }),
        ...(Object.keys(configs).length === 0 ? {} : { configs }),
      })),
    });
    const results = response.topics.map((one) =>
      options.ifNotExists && one.error === 'TOPIC_ALREADY_EXISTS'
        ? { ...one, error: 'NONE' as const, existed: true }
        : { ...one, existed: false },
    );
    if (options.json)
      printJson(
        results.map(({ error, message, existed, ...one }) => ({
          ...one,
          ...failureFields({ error, message }),
          created: error === 'NONE' && !existed,
        })),
      );
    else
      for (const one of results.filter(isFine))
        print(
          one.existed
            ? `${one.name} exists already`
            : `${one.name} created: ${one.partitions} partitions, ${one.replicationFactor} replicas`,
        );
    return conclude(results, 'created');
  });
}

export async function deleteTopics(topics: readonly string[], options: DeleteTopicOptions): Promise<ExitCode> {
  return withClient(options, CLIENT_ID, async (client) => {
    const response = await client.admin.deleteTopics({ topics: topics.map((name) => ({ name })) });
    const results = response.topics.map((one, index) => {
      const name = one.name ?? topics[index]!;
      const isForgiven = options.ifExists === true && one.error === 'UNKNOWN_TOPIC_OR_PARTITION';
      return { ...one, name, error: isForgiven ? ('NONE' as const) : one.error, isForgiven };
    });
    if (options.json)
      printJson(
        results.map(({ name, isForgiven, ...one }) => ({ name, ...failureFields(one), deleted: one.error === 'NONE' && !isForgiven })),
      );
    else for (const one of results.filter(isFine)) print(one.isForgiven ? `${one.name} does not exist` : `${one.name} deleted`);
    return conclude(results, 'deleted');
  });
}

export async function listTopics(options: ListTopicsOptions): Promise<ExitCode> {
  return withClient(options, CLIENT_ID, async (client) => {
    const topics = await allTopics(client, options);
    if (options.json) {
      printJson(
        topics.map((one) => ({
          name: one.name,
          topicId: one.topicId,
          partitions: one.partitions.length,
          replicationFactor: replicationFactor(one),
          isInternal: isInternalTopic(one.name),
        })),
      );
    } else {
      for (const one of topics) print(one.name);
    }
    return EXIT.OK;
  });
}

/** Those of the cluster itself only on request: nobody made them, and nobody writes to them. */
async function allTopics(client: Client, { internal }: ListTopicsOptions): Promise<readonly TopicMetadata[]> {
  return (await client.admin.listTopics()).filter((topic) => internal === true || !isInternalTopic(topic.name));
}

export async function describeTopics(names: readonly string[], options: ListTopicsOptions): Promise<ExitCode> {
  return withClient(options, CLIENT_ID, async (client) => {
    const found = names.length === 0 ? await allTopics(client, options) : await client.admin.describeTopics(names);
    const described = await Promise.all(found.filter(isFine).map(async (one) => ({ topic: one, offsets: await offsetsOf(client, one) })));
    if (options.json) {
      printJson(described.map(({ topic, offsets }) => jsonTopic(topic, offsets)));
    } else if (described.length > 0) {
      print(described.map(({ topic, offsets }) => readableTopic(topic, offsets)).join('\n\n'));
    }
    return conclude(found, 'described');
  });
}

/** -1 where it is not known now. */
interface PartitionOffsets {
  readonly earliest: number;
  readonly latest: number;
}

/** Asked of those that have a leader; a leader that does not answer leaves the rest of the description as it is. */
async function offsetsOf(client: Client, topic: TopicMetadata): Promise<readonly PartitionOffsets[]> {
  const led = topic.partitions.filter((one) => one.leader >= 0).map((one) => one.partition);
  const ask = async (timestamp: 'earliest' | 'latest') => {
    const requests = led.map((partition) => ({ topic: topic.name, partition, timestamp }));
    const answers = await Promise.race([client.admin.listOffsets(requests), afterPatience()]).catch(() => ({ partitions: [] }));
    return new Map(answers.partitions.map((one) => [one.partition, one.error === 'NONE' ? one.offset : -1]));
  };
  const [earliest, latest] = await Promise.all([ask('earliest'), ask('latest')]);
  return topic.partitions.map(({ partition }) => ({ earliest: earliest.get(partition) ?? -1, latest: latest.get(partition) ?? -1 }));
}

/** A description must not wait for a leader that is frozen. */
const OFFSETS_PATIENCE_MS = 3_000;

function afterPatience(): Promise<ListOffsetsResponse> {
  return new Promise((resolve) => setTimeout(() => resolve({ partitions: [] }), OFFSETS_PATIENCE_MS).unref());
}

function jsonTopic(topic: TopicMetadata, offsets: readonly PartitionOffsets[]): object {
  return {
    name: topic.name,
    topicId: topic.topicId,
    replicationFactor: replicationFactor(topic),
    partitions: topic.partitions.map(({ error: _, message: __, ...one }, index) => ({
      ...one,
      earliestOffset: offsets[index]!.earliest,
      latestOffset: offsets[index]!.latest,
    })),
  };
}

function readableTopic(topic: TopicMetadata, offsets: readonly PartitionOffsets[]): string {
  const heading = `${topic.name}  id ${topic.topicId}  ${topic.partitions.length} partitions, ${replicationFactor(topic)} replicas`;
  const rows = topic.partitions.map((one, index) => [
    `  ${one.partition}`,
    one.leader < 0 ? 'none' : String(one.leader),
    String(one.leaderEpoch),
    one.replicas.join(','),
    one.isr.join(','),
    one.eligibleLeaderReplicas.join(',') || '-',
    known(offsets[index]!.earliest),
    known(offsets[index]!.latest),
  ]);
  return `${heading}\n${formatTable([['  partition', 'leader', 'epoch', 'replicas', 'in sync', 'kept', 'earliest', 'latest'], ...rows])}`;
}

function known(offset: number): string {
  return offset < 0 ? '?' : String(offset);
}

function replicationFactor(topic: TopicMetadata): number {
  return topic.partitions[0]?.replicas.length ?? 0;
}

function parseConfigs(texts: readonly string[]): Record<string, string> {
  const configs: Record<string, string> = {};
  for (const text of texts) {
    const equals = text.indexOf('=');
    if (equals <= 0) throw new UsageError(`--config needs name=value, not "${text}"`);
    configs[text.slice(0, equals).trim()] = text.slice(equals + 1);
  }
  return configs;
}

function isFine(result: { error: KafkaErrorName }): boolean {
  return result.error === 'NONE';
}

function failureFields(one: { error: KafkaErrorName; message?: string | undefined }): object {
  return one.error === 'NONE' ? {} : { error: one.error, message: one.message ?? one.error };
}

/** Throws what the exit code and the line on standard error come from, unless all went well. */
function conclude(results: readonly TopicResult[], what: string): ExitCode {
  const failed = results.filter((one) => !isFine(one));
  if (failed.length === 0) return EXIT.OK;
  const sentence = failed.map((one) => `topic ${one.name} was not ${what}: ${one.message ?? sentenceFor(one.error)}`).join('; ');
  throw failed.length === results.length ? new KafkaError(failed[0]!.error, sentence) : new PartialError(sentence);
}

function sentenceFor(error: KafkaErrorName): string {
  if (error === 'UNKNOWN_TOPIC_OR_PARTITION') return 'it does not exist';
  return error === 'TOPIC_ALREADY_EXISTS' ? 'it exists already' : error;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printJson(value: unknown): void {
  print(JSON.stringify(value));
}
