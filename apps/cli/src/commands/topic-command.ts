/** `yak topic create|list|describe|delete`: the options; what they do is in topic.ts. */
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

export function addTopicCommand(program: Command): void {
  const topic = program.command('topic').description('create, list, describe and delete topics');
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

  const list = topic.command('list').description('names of all topics');
  addConnectionOptions(list, json).action(action(async (options: ConnectionOptions) => (await import('./topic.js')).listTopics(options)));

  const describe = topic
    .command('describe')
    .description('partitions with leader, replicas, in-sync replicas and offsets')
    .argument('[topic...]', 'default: all');
  addConnectionOptions(describe, json).action(
    action(async (topics: string[], options: ConnectionOptions) => (await import('./topic.js')).describeTopics(topics, options)),
  );

  const remove = topic
    .command('delete')
    .description('delete topics and everything in them')
    .argument('<topic...>')
    .option('--if-exists', 'a topic that does not exist is no failure');
  addConnectionOptions(remove, json).action(
    action(async (topics: string[], options: DeleteTopicOptions) => (await import('./topic.js')).deleteTopics(topics, options)),
  );
}
