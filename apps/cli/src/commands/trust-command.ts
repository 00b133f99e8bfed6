/** `yak cluster trust`: the options; what it does is in trust.ts. */
import type { Command } from 'commander';
import { DEFAULT_PORTS } from '#config';
import { action, wholeNumber } from '../../../shared/command/run-command.js';

export interface TrustOptions {
  readonly coordinators: string;
  readonly timeoutMs: number;
  readonly yes?: boolean;
  readonly newCluster?: boolean;
  readonly json?: boolean;
}

/** `explicit`: options that were typed before the word `trust`. */
export function addTrustCommand(cluster: Command, explicit: (command: Command) => object): void {
  cluster
    .command('trust')
    .description('say that the metadata store may go on: without the copies of brokers that are gone, or without waiting for them')
    .option(
      '--coordinators <host:port,…>',
      'Nest TCP doors of the cluster coordinators; one that stands by names the one that acts (environment: YAK_COORDINATORS)',
      process.env['YAK_COORDINATORS'] || `127.0.0.1:${DEFAULT_PORTS.coordinatorTcp}`,
    )
    .option('--timeout-ms <ms>', 'how long to look for a coordinator that acts', wholeNumber(1, 3_600_000), 10_000)
    .option('--yes', 'do it; without this it is only shown')
    .option('--new-cluster', 'with --yes: also if that begins a new, empty cluster')
    .option('--json', 'print JSON')
    .action(
      action(async (options: TrustOptions, command: Command) =>
        (await import('./trust.js')).trust({ ...options, ...(explicit(command) as Partial<TrustOptions>) }, (line) =>
          process.stdout.write(`${line}\n`),
        ),
      ),
    );
}
