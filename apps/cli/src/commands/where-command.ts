/** `yak where TOPIC PARTITION OFFSET`: the options; what it does is in where.ts. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../../../shared/command/connection-options.js';
import { action, wholeNumber } from '../../../shared/command/run-command.js';

export function addWhereCommand(program: Command): void {
  const where = program
    .command('where')
    .description('who stored a record and when, who holds it, who has read it')
    .argument('<topic>')
    .argument('<partition>', 'from 0', wholeNumber(0, 2 ** 31 - 1))
    .argument('<offset>', 'from 0', wholeNumber(0, Number.MAX_SAFE_INTEGER));
  addConnectionOptions(where, 'print JSON').action(
    action(async (topic: string, partition: number, offset: number, options: ConnectionOptions) =>
      (await import('./where.js')).showWhere({ topic, partition, offset }, options),
    ),
  );
}
