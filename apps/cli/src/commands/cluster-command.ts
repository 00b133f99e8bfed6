/** `yak cluster`, `yak cluster leaders [--watch]`, `clients` and `trust`: the options; what they do is in cluster.ts, clients.ts, trust.ts. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../../../shared/command/connection-options.js';
import { action } from '../../../shared/command/run-command.js';
import type { ClientsOptions } from './clients.js';
import { addTrustCommand } from './trust-command.js';

export interface LeadersOptions extends ConnectionOptions {
  readonly watch?: boolean;
}

export function addClusterCommand(program: Command): void {
  const cluster = program.command('cluster').description('brokers, coordinator and their epochs');
  addConnectionOptions(cluster, 'print JSON').action(
    action(async (options: ConnectionOptions) => (await import('./cluster.js')).describeCluster(options)),
  );
  const leaders = cluster
    .command('leaders')
    .description('leader and leader epoch of every partition')
    .argument('[topic...]', 'default: all topics')
    .option('--watch', 'go on and print every change, until Ctrl-C');
  addConnectionOptions(leaders, 'print JSON: a list, or with --watch one object a line').action(
    action(async (topics: string[], options: LeadersOptions, command: Command) =>
      (await import('./cluster.js')).showLeaders(topics, { ...options, ...explicit(command) }),
    ),
  );
  const clients = cluster
    .command('clients')
    .description('who is connected: library, address, what it sent and got, its groups')
    .option('--group <group>', 'members of this group only')
    .option('--topic <topic>', 'producers and consumers of this topic only');
  addConnectionOptions(clients, 'print JSON').action(
    action(async (options: ClientsOptions, command: Command) =>
      (await import('./clients.js')).showClients({ ...options, ...explicit(command) }),
    ),
  );
  addTrustCommand(cluster, explicit);
}

/** `--bootstrap` and `--json` may stand before or after the word that follows `cluster`; what was typed wins over a default. */
function explicit(command: Command): Partial<ConnectionOptions> {
  const parent = command.parent!;
  const typed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(parent.opts())) {
    const isTyped = parent.getOptionValueSource(name) === 'cli' && command.getOptionValueSource(name) !== 'cli';
    if (isTyped) typed[name] = value;
  }
  return typed;
}
