/**
 * What `yak broker` and `yak coordinator` were told, ready to use: addresses bound and advertised, data folder, and the
 * values of every other config. The caller hands in arguments, environment and a way to read the config file, so that
 * this stays free of the process it runs in.
 */
import type { LogConfig } from '#log';
import type { Address, Disk } from '#seams';
import { type FlagDefinition, parseCommandLine } from './command-line.js';
import type { ConfigDefinition } from './definition.js';
import { environmentWarnings } from './environment.js';
import { UsageError } from './errors.js';
import { type MetadataStoreOptions, metadataStore } from './metadata-store.js';
import { SERVER_CONFIGS, type ServerConfigName, type ServerConfigValues } from './server-configs.js';
import { type ConfigSource, resolveServerConfigs, type ServerConfigs } from './sources.js';
import { defaultLogConfig } from './topic-configs.js';

/** Added to the Kafka port for the replication listener, and to a coordinator's TCP port for its HTTP door. */
export const REPLICATION_PORT_OFFSET = 100;
export const COORDINATOR_HTTP_PORT_OFFSET = 5_000;

export const DEFAULT_PORTS = { kafka: 9_092, tcp: 3_125, http: 8_080, coordinatorTcp: 3_180 } as const;

/** Where a listener binds and what others are told. An advertised port 0 stands for the port that was really bound. */
export interface ListenerOptions {
  readonly bind: Address;
  readonly advertised: Address;
}

/** Lines for a person, or JSON lines with `--json`. */
export type LogFormat = 'json' | 'line';

export interface BrokerOptions {
  readonly brokerId: number;
  readonly dataPath: string;
  readonly rack: string | null;
  /** The external ones are null unless they were given a port. */
  readonly listeners: Readonly<
    Record<'kafka' | 'replication' | 'tcp' | 'http', ListenerOptions> & Record<'externalKafka' | 'externalTcp', ListenerOptions | null>
  >;
  readonly coordinators: readonly Address[];
  /** What is sensitive is null. */
  readonly values: ServerConfigValues;
  readonly sources: Readonly<Record<ServerConfigName, ConfigSource>>;
  /** Defaults for topics. */
  readonly log: LogConfig;
  readonly logFormat: LogFormat;
  /** To be logged at start. */
  readonly warnings: readonly string[];
}

export interface CoordinatorOptions {
  readonly coordinatorId: number;
  readonly dataPath: string;
  readonly listeners: Readonly<Record<'tcp' | 'http', ListenerOptions>>;
  readonly configuredBrokers: readonly number[];
  /** The store that coordinators share; null: this one keeps the metadata in its data folder. */
  readonly metadata: MetadataStoreOptions | null;
  /** What is sensitive is null. */
  readonly values: ServerConfigValues;
  readonly sources: Readonly<Record<ServerConfigName, ConfigSource>>;
  readonly logFormat: LogFormat;
  /** To be logged at start. */
  readonly warnings: readonly string[];
}

const COMMON_FLAGS: readonly FlagDefinition[] = [
  { flag: '--data', placeholder: 'DIR', config: 'data.dir', description: 'data folder' },
  { flag: '--host', placeholder: 'H', config: 'host', description: 'address that the listeners bind (127.0.0.1)' },
  {
    flag: '--advertised-host',
    placeholder: 'H',
    config: 'advertised.host',
    description: 'host that others are told to connect to (--host)',
  },
  { flag: '--tcp-port', placeholder: 'P', config: 'tcp.port', description: 'Nest TCP door' },
  { flag: '--http-port', placeholder: 'P', config: 'http.port', description: 'HTTP door' },
  {
    flag: '--advertised-tcp',
    placeholder: 'H:P',
    config: 'advertised.tcp.address',
    description: 'advertised address of the Nest TCP door',
  },
  { flag: '--advertised-http', placeholder: 'H:P', config: 'advertised.http.address', description: 'advertised address of the HTTP door' },
];

export const BROKER_FLAGS: readonly FlagDefinition[] = [
  { flag: '--id', placeholder: 'N', config: 'node.id', description: 'number of this broker (0)' },
  ...COMMON_FLAGS,
  { flag: '--kafka-port', placeholder: 'P', config: 'kafka.port', description: 'Kafka door for clients (9092)' },
  {
    flag: '--replication-port',
    placeholder: 'P',
    config: 'replication.port',
    description: 'Kafka door for the other brokers (Kafka port + 100)',
  },
  {
    flag: '--advertised-kafka',
    placeholder: 'H:P',
    config: 'advertised.kafka.address',
    description: 'advertised address of the Kafka door',
  },
  {
    flag: '--advertised-replication',
    placeholder: 'H:P',
    config: 'advertised.replication.address',
    description: 'advertised address of the replication listener',
  },
  { flag: '--rack', placeholder: 'NAME', config: 'broker.rack', description: 'failure domain of this broker' },
  {
    flag: '--coordinators',
    placeholder: 'H:P,…',
    config: 'coordinators',
    description: 'Nest TCP doors of the cluster coordinators (127.0.0.1:3180)',
  },
  { flag: '--bootstrap', placeholder: 'H:P,…', config: 'coordinators', description: 'the same as --coordinators' },
];

export const COORDINATOR_FLAGS: readonly FlagDefinition[] = [
  { flag: '--id', placeholder: 'N', config: 'node.id', description: 'number of this cluster coordinator (0)' },
  ...COMMON_FLAGS,
  { flag: '--brokers', placeholder: '0,1,2', config: 'configured.brokers', description: 'brokers that make up the cluster' },
  {
    flag: '--metadata',
    placeholder: 'URL',
    config: 'metadata.url',
    description: 'redis://host:port of the metadata that coordinators share (default: the data folder); passwords better by environment',
  },
];

type Environment = Readonly<Record<string, string | undefined>>;
type FileReader = Pick<Disk, 'readFile'>;

/** `argv` without program and command. Throws UsageError or ConfigError. */
export function parseBrokerOptions(argv: readonly string[], environment: Environment, files: FileReader): BrokerOptions {
  const { values, sources, logFormat } = resolve('broker', argv, BROKER_FLAGS, environment, files);
  const kafkaPort = values['kafka.port'];
  const ports = {
    kafka: kafkaPort,
    replication: values['replication.port'] ?? above(kafkaPort, REPLICATION_PORT_OFFSET, 'replication.port'),
    tcp: values['tcp.port'] ?? DEFAULT_PORTS.tcp,
    http: values['http.port'] ?? DEFAULT_PORTS.http,
    'external.kafka': values['external.kafka.port'],
    'external.tcp': values['external.tcp.port'],
  };
  refuseSamePort(ports);
  return {
    brokerId: values['node.id'],
    dataPath: values['data.dir'] ?? `data/broker-${values['node.id']}`,
    rack: values['broker.rack'],
    listeners: {
      kafka: listener(values, ports.kafka, values['advertised.kafka.address']),
      replication: listener(values, ports.replication, values['advertised.replication.address']),
      tcp: listener(values, ports.tcp, values['advertised.tcp.address']),
      http: listener(values, ports.http, values['advertised.http.address']),
      externalKafka: optionalListener(values, 'external.kafka'),
      externalTcp: optionalListener(values, 'external.tcp'),
    },
    coordinators: values.coordinators,
    values: withoutSecrets(values),
    sources,
    log: defaultLogConfig(values),
    logFormat,
    warnings: environmentWarnings(environment),
  };
}

/** `argv` without program and command. Throws UsageError or ConfigError. */
export function parseCoordinatorOptions(argv: readonly string[], environment: Environment, files: FileReader): CoordinatorOptions {
  const { values, sources, logFormat } = resolve('coordinator', argv, COORDINATOR_FLAGS, environment, files);
  const tcp = values['tcp.port'] ?? DEFAULT_PORTS.coordinatorTcp;
  const ports = { tcp, http: values['http.port'] ?? above(tcp, COORDINATOR_HTTP_PORT_OFFSET, 'http.port') };
  refuseSamePort(ports);
  const metadata = metadataStore(values, files);
  return {
    coordinatorId: values['node.id'],
    dataPath: values['data.dir'] ?? 'data/coordinator',
    listeners: {
      tcp: listener(values, ports.tcp, values['advertised.tcp.address']),
      http: listener(values, ports.http, values['advertised.http.address']),
    },
    configuredBrokers: values['configured.brokers'],
    metadata,
    values: withoutSecrets(values),
    sources,
    logFormat,
    warnings: [...environmentWarnings(environment), ...passwordWarnings(values)],
  };
}

/** Text of `yak broker --help` and `yak coordinator --help`, below the usage line. */
export function describeFlags(flags: readonly FlagDefinition[]): string {
  const rows = [
    ...flags.map((one) => [`${one.flag} ${one.placeholder}`, one.description] as const),
    ['--config FILE', 'properties or JSON; order: flag, environment, file, default'] as const,
    ['--set NAME=VALUE', 'any config of docs/configs.md, as often as needed; environment: YAK_<NAME>'] as const,
  ];
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

function resolve(
  scope: 'broker' | 'coordinator',
  argv: readonly string[],
  known: readonly FlagDefinition[],
  environment: Environment,
  files: FileReader,
): ServerConfigs & { readonly logFormat: LogFormat } {
  const { flags, configPath, isJson } = parseCommandLine(argv, known);
  const file = configPath === null ? null : readConfigFile(configPath, files);
  return { ...resolveServerConfigs({ flags, environment, file, scope }), logFormat: isJson ? 'json' : 'line' };
}

function readConfigFile(path: string, files: FileReader): { path: string; text: string } {
  let content: Buffer | null;
  try {
    content = files.readFile(path);
  } catch (error) {
    throw new UsageError(`--config ${path} cannot be read: ${(error as Error).message}`);
  }
  if (content === null) throw new UsageError(`--config ${path}: there is no such file`);
  return { path, text: content.toString('utf8') };
}

function listener(values: ServerConfigValues, port: number, advertised: Address | null): ListenerOptions {
  const bind = { host: values.host, port };
  if (advertised !== null) return { bind, advertised };
  const host = values['advertised.host'] ?? values.host;
  if (host === '0.0.0.0' || host === '::') {
    throw new UsageError(
      `nobody can connect to ${host}: with host=${values.host}, say with advertised.host (--advertised-host) where others find this process`,
    );
  }
  return { bind, advertised: { host, port } };
}

function optionalListener(values: ServerConfigValues, name: 'external.kafka' | 'external.tcp'): ListenerOptions | null {
  const port = values[`${name}.port`];
  const advertised = values[`advertised.${name}.address`];
  if (port !== null) return listener(values, port, advertised);
  if (advertised === null) return null;
  throw new UsageError(`advertised.${name}.address is set and ${name}.port is not: there is no such listener to connect to`);
}

/** They go where they are needed and nowhere else. */
function withoutSecrets(values: ServerConfigValues): ServerConfigValues {
  const secrets = Object.entries<ConfigDefinition<unknown>>(SERVER_CONFIGS).filter(([, { isSensitive }]) => isSensitive);
  return { ...values, ...Object.fromEntries(secrets.map(([name]) => [name, null])) };
}

/** Most likely the URL was meant to be set too. */
function passwordWarnings(values: ServerConfigValues): string[] {
  if (values['metadata.url'] !== null) return [];
  return (['metadata.password', 'metadata.password.file'] as const)
    .filter((name) => values[name] !== null)
    .map((name) => `${name} is set and metadata.url is not: the metadata is kept in the data folder`);
}

/** Port 0 (any free one) stays 0. */
function above(port: number, offset: number, name: string): number {
  if (port === 0) return 0;
  if (port + offset > 65_535) throw new UsageError(`${name} would be ${port + offset}, above 65535; set it, or choose a lower base port`);
  return port + offset;
}

function refuseSamePort(ports: Readonly<Record<string, number | null>>): void {
  const seen = new Map<number, string>();
  for (const [name, port] of Object.entries(ports)) {
    if (port === null || port === 0) continue;
    const other = seen.get(port);
    if (other !== undefined) throw new UsageError(`${other}.port and ${name}.port are both ${port}`);
    seen.set(port, name);
  }
}
