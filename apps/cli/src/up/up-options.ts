/** Options of `yak up`; what it does is in up-command.ts, loaded when it is asked for. */
import type { Command } from 'commander';
import { action, collect, wholeNumber } from '../../../shared/command/run-command.js';
import { BROKERS_MAX, COORDINATORS_MAX, UP_DEFAULTS } from './cluster-plan.js';

export interface UpCommandOptions {
  brokers: number;
  coordinators: number;
  metadata?: string;
  data: string;
  host: string;
  advertisedHost?: string;
  kafkaPort: number;
  tcpPort: number;
  httpPort: number;
  coordinatorPort: number;
  config?: string;
  set: string[];
  restart: boolean;
  json?: boolean;
}

export function addUpCommand(program: Command): void {
  const port = wholeNumber(1, 65_535);
  program
    .command('up')
    .description('run a whole cluster on this machine: a coordinator and some brokers, each a process of its own')
    .option('--brokers <n>', 'how many brokers', wholeNumber(1, BROKERS_MAX), UP_DEFAULTS.brokers)
    .option(
      '--coordinators <n>',
      'how many cluster coordinators; one acts, the others stand by (more than one needs --metadata)',
      wholeNumber(1, COORDINATORS_MAX),
      UP_DEFAULTS.coordinators,
    )
    .option(
      '--metadata <url>',
      'redis://host:port of the metadata that coordinators share (default: $YAK_METADATA_URL, else the data folder); a password better goes to $YAK_METADATA_PASSWORD',
    )
    .option('--data <dir>', 'data folder', UP_DEFAULTS.data)
    .option('--host <host>', 'address that everything binds', UP_DEFAULTS.host)
    .option('--advertised-host <host>', 'host that clients are told to connect to (default: --host)')
    .option(
      '--kafka-port <port>',
      'Kafka door of broker 0; broker n takes port + n, replication another 100 above',
      port,
      UP_DEFAULTS.kafkaPort,
    )
    .option('--tcp-port <port>', 'Nest TCP door of broker 0; broker n takes port + n', port, UP_DEFAULTS.tcpPort)
    .option('--http-port <port>', 'HTTP door of broker 0; broker n takes port + n', port, UP_DEFAULTS.httpPort)
    .option(
      '--coordinator-port <port>',
      'Nest TCP door of coordinator 0; coordinator n takes port + n, HTTP doors are 5000 above',
      port,
      UP_DEFAULTS.coordinatorPort,
    )
    .option('--config <file>', 'config file for every process (properties or JSON)')
    .option('--set <name=value>', 'a config for every process, as often as needed', collect, [])
    .option('--no-restart', 'leave a process dead that died')
    .option('--json', 'print one JSON event a line')
    .addHelpText('after', '\nEnds with 0 after Ctrl-C or SIGTERM, 3 if a process had to be killed then, 1 if the cluster could not start.')
    .action(action(async (options: UpCommandOptions) => (await import('./up-command.js')).up(options)));
}
