/**
 * Which processes `yak up` runs, with which arguments, variables and ports: a pure function of its options. Process n of a kind
 * takes each base port + n; a broker's replication listener is on its Kafka port + 100; a coordinator's HTTP door on its TCP
 * port + 5000. Everybody on a machine can read the arguments of a process: what is sensitive goes by its environment.
 */
import { join } from 'node:path';
import {
  COORDINATOR_HTTP_PORT_OFFSET,
  type ConfigDefinition,
  DEFAULT_PORTS,
  environmentName,
  REPLICATION_PORT_OFFSET,
  SERVER_CONFIGS,
  UsageError,
} from '#config';
import { formatAddress } from '#seams';

export interface UpOptions {
  readonly brokers: number;
  readonly coordinators: number;
  /** URL of the store that coordinators share, as given; null: what environment and config file say. */
  readonly metadata: string | null;
  /** Absolute. */
  readonly data: string;
  readonly host: string;
  readonly advertisedHost: string | null;
  readonly kafkaPort: number;
  readonly tcpPort: number;
  readonly httpPort: number;
  readonly coordinatorPort: number;
  /** Handed to every process. */
  readonly configPath: string | null;
  readonly settings: readonly string[];
}

export const UP_DEFAULTS = {
  brokers: 3,
  coordinators: 1,
  data: 'data',
  host: '127.0.0.1',
  kafkaPort: DEFAULT_PORTS.kafka,
  tcpPort: DEFAULT_PORTS.tcp,
  httpPort: DEFAULT_PORTS.http,
  coordinatorPort: DEFAULT_PORTS.coordinatorTcp,
} as const;

/** Replication ports begin 100 above the Kafka ports, and this is one machine. */
export const BROKERS_MAX = 50;
/** One acts. More than a few that stand by help nobody. */
export const COORDINATORS_MAX = 5;

export type AppName = 'broker' | 'coordinator';

export interface PlannedPort {
  readonly port: number;
  /** For a sentence: "the Kafka door of broker 1". */
  readonly purpose: string;
  /** The option that moves it. */
  readonly flag: string;
}

export interface ProcessPlan {
  readonly app: AppName;
  readonly id: number;
  /** Name of its log file and for people: "broker-1", "coordinator", "coordinator-1" where there are several. */
  readonly name: string;
  readonly args: readonly string[];
  /** On top of the environment of `yak up`; undefined takes a variable out. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly ports: readonly PlannedPort[];
}

/** Coordinators first. */
export interface ClusterPlan {
  readonly data: string;
  readonly logs: string;
  readonly host: string;
  readonly processes: readonly ProcessPlan[];
  /** Nest TCP doors of the brokers: what clients start from. */
  readonly bootstrap: string;
  readonly isDefaultBootstrap: boolean;
}

/** Throws UsageError when the ports do not fit or collide. */
export function planCluster(options: UpOptions): ClusterPlan {
  const ids = Array.from({ length: options.brokers }, (_, id) => id);
  const coordinators = Array.from({ length: options.coordinators }, (_, id) => planCoordinator(options, id, ids));
  const processes = [...coordinators, ...ids.map((id) => planBroker(options, id))];
  refuseCollisions(processes);
  const clientHost = reachableHost(options);
  return {
    data: options.data,
    logs: join(options.data, 'logs'),
    host: options.host,
    processes,
    bootstrap: ids.map((id) => formatAddress({ host: clientHost, port: options.tcpPort + id })).join(','),
    isDefaultBootstrap: clientHost === UP_DEFAULTS.host && options.tcpPort === UP_DEFAULTS.tcpPort,
  };
}

function planCoordinator(options: UpOptions, id: number, brokerIds: readonly number[]): ProcessPlan {
  const name = options.coordinators === 1 ? 'coordinator' : `coordinator-${id}`;
  const inWords = options.coordinators === 1 ? 'the coordinator' : `coordinator ${id}`;
  const tcp = options.coordinatorPort + id;
  const http = tcp + COORDINATOR_HTTP_PORT_OFFSET;
  const args = ['--id', String(id), '--data', join(options.data, name), ...hostArguments(options)];
  args.push('--tcp-port', String(tcp), '--http-port', String(http), '--brokers', brokerIds.join(','));
  return {
    app: 'coordinator',
    id,
    name,
    args: [...args, ...configArguments(options)],
    environment: sensitiveVariables(options),
    ports: [
      { port: tcp, purpose: `the Nest TCP door of ${inWords}`, flag: '--coordinator-port' },
      { port: http, purpose: `the HTTP door of ${inWords}`, flag: '--coordinator-port' },
    ],
  };
}

function planBroker(options: UpOptions, id: number): ProcessPlan {
  const kafka = options.kafkaPort + id;
  const replication = kafka + REPLICATION_PORT_OFFSET;
  const tcp = options.tcpPort + id;
  const http = options.httpPort + id;
  const args = ['--id', String(id), '--data', join(options.data, `broker-${id}`), ...hostArguments(options)];
  args.push(
    '--kafka-port',
    String(kafka),
    '--replication-port',
    String(replication),
    '--tcp-port',
    String(tcp),
    '--http-port',
    String(http),
  );
  const host = reachableHost(options);
  const coordinators = Array.from({ length: options.coordinators }, (_, n) => formatAddress({ host, port: options.coordinatorPort + n }));
  args.push('--coordinators', coordinators.join(','));
  return {
    app: 'broker',
    id,
    name: `broker-${id}`,
    args: [...args, ...configArguments(options)],
    // A broker has no use for them.
    environment: Object.fromEntries(SENSITIVE.map((config) => [environmentName(config), undefined])),
    ports: [
      { port: kafka, purpose: `the Kafka door of broker ${id}`, flag: '--kafka-port' },
      { port: replication, purpose: `replication by broker ${id}`, flag: '--kafka-port' },
      { port: tcp, purpose: `the Nest TCP door of broker ${id}`, flag: '--tcp-port' },
      { port: http, purpose: `the HTTP door of broker ${id}`, flag: '--http-port' },
    ],
  };
}

function hostArguments(options: UpOptions): string[] {
  const advertised = options.advertisedHost === null ? [] : ['--advertised-host', options.advertisedHost];
  return ['--host', options.host, ...advertised];
}

function configArguments(options: UpOptions): string[] {
  const file = options.configPath === null ? [] : ['--config', options.configPath];
  const settings = options.settings.filter((setting) => !SENSITIVE.includes(settingName(setting)));
  return [...file, ...settings.flatMap((setting) => ['--set', setting]), '--json'];
}

/** What was given by flag goes before a variable of the same name, as ever. */
function sensitiveVariables(options: UpOptions): Record<string, string> {
  const settings = options.settings.filter((setting) => SENSITIVE.includes(settingName(setting)));
  const variables = Object.fromEntries(
    settings.map((setting) => [environmentName(settingName(setting)), setting.slice(setting.indexOf('=') + 1)]),
  );
  return options.metadata === null ? variables : { ...variables, [environmentName('metadata.url')]: options.metadata };
}

const SENSITIVE: readonly string[] = Object.entries<ConfigDefinition<unknown>>(SERVER_CONFIGS)
  .filter(([, { isSensitive }]) => isSensitive)
  .map(([name]) => name);

function settingName(setting: string): string {
  return setting.slice(0, Math.max(setting.indexOf('='), 0)).trim();
}

/** Where a process on this machine reaches the others. */
function reachableHost(options: UpOptions): string {
  if (options.host === '0.0.0.0') return '127.0.0.1';
  return options.host === '::' ? '::1' : options.host;
}

function refuseCollisions(processes: readonly ProcessPlan[]): void {
  const seen = new Map<number, PlannedPort>();
  for (const planned of processes.flatMap((one) => one.ports)) {
    if (planned.port > 65_535)
      throw new UsageError(`${planned.purpose} would need port ${planned.port}, above 65535; lower ${planned.flag}`);
    const other = seen.get(planned.port);
    if (other !== undefined) {
      const flags = other.flag === planned.flag ? planned.flag : `${other.flag} or ${planned.flag}`;
      throw new UsageError(`port ${planned.port} would be both ${other.purpose} and ${planned.purpose}; change ${flags}`);
    }
    seen.set(planned.port, planned);
  }
}
