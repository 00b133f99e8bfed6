/** `yak topic create|list|describe|alter|config|delete|elect`: the options; what they do is in topic.ts, topic-changes.ts, topic-elect.ts. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../../../shared/command/connection-options.js';
import { action, collect, wholeNumber } from '../../../shared/command/run-command.js';

export interface CreateTopicOptions extends ConnectionOptions {
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly config: readonly string[];
  readonly ifNotExists?: boolean;
}

export interface DeleteTopicOptions extends ConnectionOptions {
  readonly ifExists?: boolean;
}

export interface ListTopicsOptions extends ConnectionOptions {
  readonly internal?: boolean;
}

export interface AlterTopicOptions extends ConnectionOptions {
  readonly partitions: number;
  readonly dryRun?: boolean;
}

export interface ElectOptions extends ConnectionOptions {
  readonly unclean?: boolean;
  readonly yes?: boolean;
}

export interface TopicConfigOptions extends ConnectionOptions {
  readonly set: readonly string[];
  readonly unset: readonly string[];
  readonly append: readonly string[];
  readonly subtract: readonly string[];
  readonly dryRun?: boolean;
}

export function addTopicCommand(program: Command): void {
  const topic = program.command('topic').description('create, list, describe, alter and delete topics');
  const json = 'print JSON';

  const create = topic
    .command('create')
    .description('create topics')
    .argument('<topic...>')
    .option('--partitions <n>', 'default: as the cluster is configured (3)', wholeNumber(1, 1_000))
    .option('--replication-factor <n>', 'default: as the cluster is configured (3, or as many as there are brokers)', wholeNumber(1, 1_000))
    .option('--config <name=value>', 'a topic config, as often as needed', collect, [])
    .option('--if-not-exists', 'a topic that exists is no failure');
  addConnectionOptions(create, json).action(
    action(async (topics: string[], options: CreateTopicOptions) => (await import('./topic.js')).createTopics(topics, options)),
  );

  const list = topic.command('list').description('names of all topics').option('--internal', 'also those of the cluster itself');
  addConnectionOptions(list, json).action(action(async (options: ListTopicsOptions) => (await import('./topic.js')).listTopics(options)));

  const describe = topic
    .command('describe')
    .description('partitions with leader, replicas, in-sync replicas and offsets')
    .argument('[topic...]', 'default: all')
    .option('--internal', 'of all topics: also those of the cluster itself');
  addConnectionOptions(describe, json).action(
    action(async (topics: string[], options: ListTopicsOptions) => (await import('./topic.js')).describeTopics(topics, options)),
  );

  const dryRun = ['--dry-run', 'only say whether it could be done'] as const;
  const alter = topic
    .command('alter')
    .description('give a topic more partitions; keys are spread over all of them from then on')
    .argument('<topic>')
    .requiredOption('--partitions <n>', 'how many it is to have in all', wholeNumber(1, 1_000))
    .option(...dryRun);
  addConnectionOptions(alter, json).action(
    action(async (name: string, options: AlterTopicOptions) => (await import('./topic-changes.js')).alterTopic(name, options)),
  );

  const config = topic
    .command('config')
    .description('show the configs of a topic and where they come from, or alter them')
    .argument('<topic>')
    .option('--set <name=value>', 'as often as needed', collect, [])
    .option('--unset <name>', 'back to the default, as often as needed', collect, [])
    .option('--append <name=value>', 'to a list (cleanup.policy)', collect, [])
    .option('--subtract <name=value>', 'from a list', collect, [])
    .option(...dryRun);
  addConnectionOptions(config, json).action(
    action(async (name: string, options: TopicConfigOptions) => (await import('./topic-changes.js')).topicConfig(name, options)),
  );

  const remove = topic
    .command('delete')
    .description('delete topics and everything in them')
    .argument('<topic...>')
    .option('--if-exists', 'a topic that does not exist is no failure');
  addConnectionOptions(remove, json).action(
    action(async (topics: string[], options: DeleteTopicOptions) => (await import('./topic.js')).deleteTopics(topics, options)),
  );

  const elect = topic
    .command('elect')
    .description('give leadership of a partition back to its preferred replica, or give up what is lost')
    .argument('<topic>')
    .argument('<partition>', 'counted from 0', wholeNumber(0, 2 ** 31 - 1))
    .option('--unclean', 'for a partition without a leader: whoever holds most of those that are up. Acknowledged records may be lost')
    .option('--yes', 'with --unclean: do it; without this it is only shown');
  addConnectionOptions(elect, json).action(
    action(async (name: string, partition: number, options: ElectOptions) => {
      const { electLeader } = await import('./topic-elect.js');
      const { withClient } = await import('../../../shared/command/open-client.js');
      const print = (line: string) => void process.stdout.write(`${line}\n`);
      return withClient(options, 'yak-topic', (client) => electLeader(client, name, partition, options, print));
    }),
  );
}
