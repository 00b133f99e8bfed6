/** Options of `yak produce`; what it does is in produce.ts, loaded when it is asked for. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../../shared/command/connection-options.js';
import { action, wholeNumber } from '../../shared/command/run-command.js';

export interface ProduceOptions extends ConnectionOptions {
  readonly file?: string;
  readonly keySeparator?: string;
  readonly partition?: number;
  readonly acks: -1 | 0 | 1;
  readonly batchBytes: number;
  readonly lingerMs: number;
  readonly deliveryTimeoutMs: number;
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4';
  readonly partitioner: 'default' | 'round-robin';
  readonly partitions?: number;
  readonly replicationFactor?: number;
}

export function defineProduce(command: Command): Command {
  command
    .description('send the lines of standard input, or of a file, to a topic; a line is bytes and comes back unchanged')
    .argument('<topic>')
    .option('--file <path>', 'read this instead of standard input')
    .option('--key-separator <text>', 'what is before the first one in a line is the key; a line without one has no key', nonEmpty)
    .option('--partition <p>', 'send everything to this partition', wholeNumber(0, 2_147_483_647))
    .addOption(
      new Option('--acks <0|1|all>', 'who must hold a record before it counts: nobody, the leader, the in-sync replicas')
        .argParser(parseAcks)
        .default(-1, 'all'),
    )
    .option('--batch-bytes <n>', 'largest batch before compression', wholeNumber(1, 104_857_600), 65_536)
    .option('--linger-ms <ms>', 'how long a batch waits for company', wholeNumber(0, 3_600_000), 5)
    .option('--delivery-timeout-ms <ms>', 'give a record up after this long, retries included', wholeNumber(1, 2_147_483_647), 120_000)
    .addOption(new Option('--compression <codec>', 'of whole batches').choices(['none', 'gzip', 'snappy', 'lz4']).default('none'))
    .addOption(new Option('--partitioner <name>', 'for lines without a key').choices(['default', 'round-robin']).default('default'))
    .option('--partitions <n>', 'partitions, if the topic has to be created', wholeNumber(1, 1_000))
    .option('--replication-factor <n>', 'replicas, if the topic has to be created', wholeNumber(1, 1_000));
  addConnectionOptions(command, 'print the summary as one JSON object')
    .addHelpText(
      'after',
      '\nEnds with 0, or 3 if some lines were not acknowledged, 1 if none was, 130 after Ctrl-C (what was read is sent first).',
    )
    .action(
      action(async (topic: string, options: ProduceOptions) => {
        const { produce } = await import('./produce.js');
        return produce(topic, options);
      }),
    );
  return command;
}

/** -1 stands for all, as on the wire. */
export function parseAcks(text: string): -1 | 0 | 1 {
  if (text === 'all' || text === '-1') return -1;
  if (text === '0') return 0;
  if (text === '1') return 1;
  throw new InvalidArgumentError('It has to be 0, 1 or all.');
}

function nonEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}
