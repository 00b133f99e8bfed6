/**
 * Topics that exist are changed: more partitions, other configs. Configs are shown with where each value comes from, the way
 * the brokers have it in force.
 */
import { UsageError } from '#config';
import { KafkaError } from '#kernel';
import type { ConfigEntry, ConfigOperation } from '#rpc';
import { EXIT, type ExitCode } from '../../../shared/command/exit-codes.js';
import { formatTable } from '../../../shared/command/figures.js';
import { withClient } from '../../../shared/command/open-client.js';
import type { AlterTopicOptions, TopicConfigOptions } from './topic-command.js';

const CLIENT_ID = 'yak-topic';

export async function alterTopic(topic: string, options: AlterTopicOptions): Promise<ExitCode> {
  const { partitions, dryRun: validateOnly = false } = options;
  return withClient(options, CLIENT_ID, async (client) => {
    const { topics } = await client.admin.createPartitions({ topics: [{ name: topic, totalCount: partitions }], validateOnly });
    const { error, message } = topics[0]!;
    if (error !== 'NONE') throw new KafkaError(error, `topic ${topic} was not altered: ${message ?? error}`);
    if (options.json) print(JSON.stringify({ name: topic, partitions, altered: !validateOnly }));
    else print(validateOnly ? `${topic} could have ${partitions} partitions` : `${topic} has ${partitions} partitions`);
    return EXIT.OK;
  });
}

export async function topicConfig(topic: string, options: TopicConfigOptions): Promise<ExitCode> {
  const operations = operationsFrom(options);
  return withClient(options, CLIENT_ID, async (client) => {
    if (operations.length > 0) {
      const { resources } = await client.admin.alterConfigs({
        resources: [{ type: 'topic', name: topic, operations }],
        validateOnly: options.dryRun ?? false,
      });
      const { error, message } = resources[0]!;
      if (error !== 'NONE') throw new KafkaError(error, `configs of topic ${topic} were not altered: ${message ?? error}`);
      if (options.json) print(JSON.stringify({ name: topic, altered: !options.dryRun }));
      else print(options.dryRun ? `configs of ${topic} could be altered so` : `configs of ${topic} altered`);
      return EXIT.OK;
    }
    const { resources } = await client.admin.describeConfigs({ resources: [{ type: 'topic', name: topic, names: null }] });
    const { error, message, configs } = resources[0]!;
    if (error !== 'NONE') throw new KafkaError(error, `topic ${topic}: ${message ?? error}`);
    print(options.json ? JSON.stringify(jsonConfigs(configs)) : readableConfigs(configs));
    return EXIT.OK;
  });
}

/** Exported for its tests. */
export function operationsFrom(options: Pick<TopicConfigOptions, 'set' | 'unset' | 'append' | 'subtract'>): ConfigOperation[] {
  const assigned = (operation: 'set' | 'append' | 'subtract', texts: readonly string[]) =>
    texts.map((text): ConfigOperation => {
      const equals = text.indexOf('=');
      if (equals <= 0) throw new UsageError(`--${operation} needs name=value, not "${text}"`);
      return { name: text.slice(0, equals).trim(), operation, value: text.slice(equals + 1) };
    });
  return [
    ...assigned('set', options.set),
    ...assigned('append', options.append),
    ...assigned('subtract', options.subtract),
    ...options.unset.map((name): ConfigOperation => ({ name, operation: 'delete', value: null })),
  ];
}

const SOURCES: Readonly<Record<ConfigEntry['source'], string>> = { topic: 'topic', 'static-broker': 'broker', default: 'default' };

function jsonConfigs(configs: readonly ConfigEntry[]): object[] {
  return configs.map(({ name, value, source, type }) => ({ name, value, source: SOURCES[source], type }));
}

/** What the topic itself says first: that is what somebody chose. */
function readableConfigs(configs: readonly ConfigEntry[]): string {
  const order = Object.keys(SOURCES);
  const rows = [...configs]
    .sort((a, b) => order.indexOf(a.source) - order.indexOf(b.source) || (a.name < b.name ? -1 : 1))
    .map(({ name, value, source }) => [name, value ?? '-', SOURCES[source]]);
  return formatTable([['config', 'value', 'from'], ...rows]);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
