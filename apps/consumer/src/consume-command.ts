/** Options of `yak consume`; what it does is in consume.ts, loaded when it is asked for. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../../shared/command/connection-options.js';
import { action, wholeNumber } from '../../shared/command/run-command.js';

export interface ConsumeOptions extends ConnectionOptions {
  readonly fromBeginning?: boolean;
  readonly partition?: number;
  readonly offset?: string;
  readonly maxMessages?: number;
  readonly exitAtEnd?: boolean;
  readonly format?: string;
  readonly group?: string;
  readonly instanceId?: string;
  readonly from?: string;
  readonly sessionTimeoutMs?: number;
  readonly autoCommitIntervalMs?: number;
}

export function defineConsume(command: Command): Command {
  command
    .description('print the records of a topic as they arrive, each value and a newline; through any change of leaders')
    .argument('<topic...>', 'one; with --group also several')
    .option('--from-beginning', 'the same as --offset earliest, or with --group --from earliest')
    .option('--offset <where>', 'earliest, latest, an offset, or @time (milliseconds since 1970, or ISO 8601) (default: latest)')
    .option('--partition <p>', 'only this partition', wholeNumber(0, 2_147_483_647))
    .option('--group <group>', 'share the partitions with the other members of the group, and go on where it has committed')
    .option('--instance-id <id>', 'with --group: come back under this id within the session and keep the partitions, without a rebalance')
    .option('--from <where>', 'with --group: where to begin what the group has not committed, as --offset (default: earliest)')
    .option('--session-timeout-ms <ms>', 'with --group: silence after which a member is dead (default: 10000)', wholeNumber(1, 86_400_000))
    .option(
      '--auto-commit-interval-ms <ms>',
      'with --group: commit what was printed this often (default: 5000)',
      wholeNumber(1, 86_400_000),
    )
    .option('--max-messages <n>', 'end after so many records', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--exit-at-end', 'end when everything that was there at the start (with --group: when the partitions were assigned) is printed')
    .option(
      '--format <format>',
      'value, json, or a template: %t topic, %p partition, %o offset, %k key, %v or %s value, %T time, %h headers (default: value)',
    );
  addConnectionOptions(command, 'the same as --format json')
    .addHelpText('after', '\nEnds with 0, also when the reader of its output goes away; 130 after Ctrl-C, 143 after SIGTERM.')
    .action(
      action(async (topics: string[], options: ConsumeOptions) => {
        const { consume } = await import('./consume.js');
        return consume(topics, options);
      }),
    );
  return command;
}
