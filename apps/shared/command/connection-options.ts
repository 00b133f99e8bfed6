/** Options that every client command has: where to start, how to print, how long to wait for an answer. */
import type { Command } from 'commander';
import { DEFAULT_PORTS, parseAddressList, UsageError } from '#config';
import { wholeNumber } from './run-command.js';

/** The brokers of `yak up`, then its coordinator. */
export const DEFAULT_BOOTSTRAP = [
  ...[0, 1, 2].map((id) => `127.0.0.1:${DEFAULT_PORTS.tcp + id}`),
  `127.0.0.1:${DEFAULT_PORTS.coordinatorTcp}`,
].join(',');

export interface ConnectionOptions {
  readonly bootstrap: string;
  readonly timeoutMs: number;
  readonly json?: boolean;
}

export function addConnectionOptions(command: Command, jsonHelp: string): Command {
  return command
    .option(
      '--bootstrap <host:port,…>',
      'Nest TCP doors of brokers or the coordinator, any of them (environment: YAK_BOOTSTRAP)',
      process.env['YAK_BOOTSTRAP'] || DEFAULT_BOOTSTRAP,
    )
    .option('--timeout-ms <ms>', 'how long to wait for the cluster to answer', wholeNumber(1, 3_600_000), 30_000)
    .option('--json', jsonHelp);
}

/** The addresses, each as host:port. Throws UsageError. */
export function bootstrapAddresses(options: ConnectionOptions): readonly string[] {
  const parsed = parseAddressList(options.bootstrap);
  if (!parsed.ok) throw new UsageError(`--bootstrap ${options.bootstrap}: ${parsed.reason}`);
  return options.bootstrap.split(',').map((one) => one.trim());
}
