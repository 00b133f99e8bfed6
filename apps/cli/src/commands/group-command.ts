/** `yak group list|describe|why|reset-offsets|delete`: the options; what they do is in group.ts and group-reset.ts. */
import { type Command, Option } from 'commander';
import type { GroupStateName } from '#groups';
import { addConnectionOptions, type ConnectionOptions } from '../../../shared/command/connection-options.js';
import { action, collect, wholeNumber } from '../../../shared/command/run-command.js';

export interface ListGroupsOptions {
  readonly state?: readonly GroupStateName[];
  readonly json?: boolean;
}

export interface DeleteGroupsOptions {
  readonly ifExists?: boolean;
  readonly json?: boolean;
}

export interface ResetOffsetsOptions {
  readonly topic: readonly string[];
  readonly allTopics?: boolean;
  readonly toEarliest?: boolean;
  readonly toLatest?: boolean;
  readonly toOffset?: number;
  readonly toDatetime?: string;
  readonly byDuration?: string;
  readonly shiftBy?: number;
  readonly execute?: boolean;
  readonly json?: boolean;
}

const STATES: readonly GroupStateName[] = ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead'];
const CLIENT_ID = 'yak-group';

export function addGroupCommand(program: Command): void {
  const group = program.command('group').description('consumer groups: who is in them, how far they are, why they rebalanced');
  const json = 'print JSON';

  const list = group
    .command('list')
    .description('all groups, with their states')
    .addOption(new Option('--state <state...>', 'only groups in these states').choices(STATES));
  addConnectionOptions(list, json).action(
    action(async (options: ListGroupsOptions & ConnectionOptions) => {
      const { listGroups } = await import('./group.js');
      return withClient(options, (client) => listGroups(client, options, print));
    }),
  );

  const describe = group
    .command('describe')
    .description('members, what each reads, and the lag in records and in time')
    .argument('<group>');
  addConnectionOptions(describe, json).action(
    action(async (groupId: string, options: ConnectionOptions) => {
      const { describeGroup } = await import('./group.js');
      return withClient(options, (client) => describeGroup(client, groupId, options, print));
    }),
  );

  const why = group.command('why').description('the last rebalances: when, how long, and who caused them').argument('<group>');
  addConnectionOptions(why, json).action(
    action(async (groupId: string, options: ConnectionOptions) => {
      const { explainGroup } = await import('./group.js');
      return withClient(options, (client) => explainGroup(client, groupId, options, print));
    }),
  );

  const reset = group
    .command('reset-offsets')
    .description('say where a group goes on; without --execute it only shows what would be read again')
    .argument('<group>')
    .option('--topic <topic[:0,1,…]>', 'a topic, or some partitions of it; as often as needed', collect, [])
    .option('--all-topics', 'every partition that the group committed')
    .option('--to-earliest', 'read everything again')
    .option('--to-latest', 'skip to the end')
    .option('--to-offset <n>', 'this offset in each partition', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--to-datetime <time>', 'the first record at or after it: 2025-01-31T12:00:00Z, or milliseconds since 1970')
    .option('--by-duration <duration>', 'the first record that is no older: P1DT2H or 90m')
    .option(
      '--shift-by <n>',
      'so many records further; back when it is negative',
      wholeNumber(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    )
    .option('--execute', 'do it');
  addConnectionOptions(reset, json).action(
    action(async (groupId: string, options: ResetOffsetsOptions & ConnectionOptions) => {
      const { resetOffsets, parseReset } = await import('./group-reset.js');
      const reset = parseReset(options, Date.now());
      return withClient(options, (client) => resetOffsets(client, groupId, reset, options, print));
    }),
  );

  const remove = group
    .command('delete')
    .description('forget groups and everything that they committed; only those without members')
    .argument('<group...>')
    .option('--if-exists', 'a group that does not exist is no failure');
  addConnectionOptions(remove, json).action(
    action(async (groupIds: string[], options: DeleteGroupsOptions & ConnectionOptions) => {
      const { deleteGroups } = await import('./group.js');
      return withClient(options, (client) => deleteGroups(client, groupIds, options, print));
    }),
  );
}

async function withClient<T>(options: ConnectionOptions, use: (client: import('#client').Client) => Promise<T>): Promise<T> {
  const opened = await import('../../../shared/command/open-client.js');
  return opened.withClient(options, CLIENT_ID, use);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
