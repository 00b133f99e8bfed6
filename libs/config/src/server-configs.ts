/**
 * What a broker or a cluster coordinator can be told, under Kafka's names where Kafka has one. Only configs that act are
 * here; NOT_ACTING_SERVER_CONFIGS (beside this file) names those of Kafka's that people bring along and that would be ignored silently
 * otherwise. A name's environment variable is environmentName(name) (environment.ts).
 */
import type { Address } from '#seams';
import { address, addressList, boolean, type ConfigDefinition, type ConfigValue, int, long, nodeIdList, string } from './definition.js';
import { LOG_CONFIGS } from './log-configs.js';
import { storeUrl } from './metadata-store.js';

const BOTH = ['broker', 'coordinator'] as const;
const MIB = 1_048_576;

export const SERVER_CONFIGS = {
  // ---- who and where ----
  'node.id': int({
    default: 0,
    min: 0,
    scopes: BOTH,
    documentation: 'Number of this broker (or cluster coordinator) in the cluster. It belongs to the data folder and must not change.',
  }),
  'data.dir': string<string | null>({
    default: null,
    defaultText: 'data/broker-<id>, data/coordinator',
    scopes: BOTH,
    documentation: 'Folder in which the process keeps everything that has to survive a restart. One process at a time can use it.',
  }),
  host: string({
    default: '127.0.0.1',
    scopes: BOTH,
    documentation: 'Address that all listeners bind. 0.0.0.0 or :: for all interfaces, together with advertised.host.',
  }),
  'advertised.host': string<string | null>({
    default: null,
    defaultText: 'host',
    scopes: BOTH,
    isTemplate: true,
    documentation: 'Host name or address that others are told to connect to, for every listener without an address of its own below.',
  }),
  'kafka.port': int({ default: 9092, min: 0, max: 65_535, documentation: 'Port of the Kafka door for clients. 0 takes any free port.' }),
  'replication.port': int<number | null>({
    default: null,
    defaultText: 'kafka.port + 100',
    min: 0,
    max: 65_535,
    documentation: 'Port on which the other brokers fetch. Replica fetches are refused everywhere else.',
  }),
  'tcp.port': int<number | null>({
    default: null,
    defaultText: '3125 (broker), 3180 (coordinator)',
    min: 0,
    max: 65_535,
    scopes: BOTH,
    documentation: 'Port of the Nest TCP door.',
  }),
  'http.port': int<number | null>({
    default: null,
    defaultText: '8080 (broker), tcp.port + 5000 (coordinator)',
    min: 0,
    max: 65_535,
    scopes: BOTH,
    documentation: 'Port of the HTTP door: probes, metrics and, on the coordinator, the leaders.',
  }),
  'advertised.kafka.address': address({
    default: null,
    isTemplate: true,
    defaultText: 'advertised.host:kafka.port',
    documentation: 'What Kafka clients are told to connect to.',
  }),
  'advertised.replication.address': address({
    default: null,
    isTemplate: true,
    defaultText: 'advertised.host:replication.port',
    documentation: 'What the other brokers are told to fetch from.',
  }),
  'advertised.tcp.address': address({
    default: null,
    isTemplate: true,
    defaultText: 'advertised.host:tcp.port',
    scopes: BOTH,
    documentation: 'What clients of the Nest TCP door are told to connect to.',
  }),
  'advertised.http.address': address({
    default: null,
    isTemplate: true,
    defaultText: 'advertised.host:http.port',
    scopes: BOTH,
    documentation: 'Where people and probes find the HTTP door.',
  }),
  'external.kafka.port': int<number | null>({
    default: null,
    defaultText: 'no such listener',
    min: 0,
    max: 65_535,
    documentation:
      'Port of a second Kafka door, for clients outside of the network of the brokers (port-forward, NodePort, load balancer). Who comes in by ' +
      'it is told advertised.external.kafka.address of every broker.',
  }),
  'advertised.external.kafka.address': address({
    default: null,
    isTemplate: true,
    defaultText: 'advertised.host:external.kafka.port',
    documentation: 'What Kafka clients that came in by the external door are told to connect to.',
  }),
  'external.tcp.port': int<number | null>({
    default: null,
    defaultText: 'no such listener',
    min: 0,
    max: 65_535,
    documentation: 'Port of a second Nest TCP door, for clients outside of the network of the brokers.',
  }),
  'advertised.external.tcp.address': address({
    default: null,
    isTemplate: true,
    defaultText: 'advertised.host:external.tcp.port',
    documentation: 'What clients that came in by the external Nest TCP door are told to connect to.',
  }),
  'broker.rack': string<string | null>({
    default: null,
    defaultText: 'none',
    documentation: 'Failure domain of this broker; replicas of a partition are spread over racks.',
  }),
  coordinators: addressList({
    default: [{ host: '127.0.0.1', port: 3180 }] as readonly Address[],
    defaultText: '127.0.0.1:3180',
    documentation: 'Nest TCP doors of the cluster coordinators. A broker asks them in turn for the one that acts.',
  }),
  'metadata.url': storeUrl({
    default: null,
    defaultText: 'the data folder',
    scopes: ['coordinator'],
    documentation:
      'Where the cluster coordinators keep the metadata: redis://[user@]host[:port][/database], or rediss:// for TLS. All coordinators of a ' +
      'cluster name the same one. Without it, one coordinator keeps it in its data folder. Passwords better go to metadata.password.',
  }),
  'metadata.name': string({
    default: 'yak',
    scopes: ['coordinator'],
    pattern: /^[\w.-]{1,100}$/,
    allowed: '1 to 100 letters, digits, ".", "-", "_"',
    documentation: 'Begins the names of this cluster in the store, so that several clusters can share a Redis.',
  }),
  'metadata.password': string<string | null>({
    default: null,
    defaultText: 'none',
    scopes: ['coordinator'],
    isSensitive: true,
    documentation: 'Password for metadata.url. Best from the environment (YAK_METADATA_PASSWORD); it is never printed.',
  }),
  'metadata.password.file': string<string | null>({
    default: null,
    defaultText: 'none',
    scopes: ['coordinator'],
    documentation: 'File that holds the password for metadata.url, such as a mounted Secret. A line end at its end does not count.',
  }),
  'coordinator.beat.interval.ms': int({
    default: 300,
    min: 10,
    unit: 'ms',
    scopes: ['coordinator'],
    documentation: 'How often the acting cluster coordinator advances its beat in a shared metadata store, and a standby looks at it.',
  }),
  'coordinator.session.timeout.ms': int({
    default: 1_500,
    min: 100,
    unit: 'ms',
    scopes: ['coordinator'],
    documentation:
      'How long the beat has to stand still before a standby takes over, and how long a coordinator goes on without an answer of the shared ' +
      'metadata store. At least twice the beat interval; the same on all coordinators.',
  }),
  'configured.brokers': nodeIdList({
    default: [0, 1, 2],
    scopes: ['coordinator'],
    documentation: 'Brokers that make up the cluster. A new cluster begins once all of them have registered with empty data folders.',
  }),

  // ---- topics ----
  'num.partitions': int({
    default: 3,
    min: 1,
    max: 1_000,
    unit: 'partitions',
    scopes: BOTH,
    documentation: 'Partitions of a topic that is created without saying how many.',
  }),
  'default.replication.factor': int({
    default: 3,
    min: 1,
    max: 1_000,
    unit: 'replicas',
    scopes: BOTH,
    documentation:
      'Replicas of a topic that is created without saying how many; never more than brokers are registered, fenced ones included.',
  }),
  'auto.create.topics.enable': boolean({
    default: true,
    documentation: 'Whether a client that asks for a missing topic, and allows it, gets it created.',
  }),

  // ---- membership ----
  'broker.heartbeat.interval.ms': int({
    default: 500,
    min: 10,
    unit: 'ms',
    documentation: 'How often a broker tells the cluster coordinator that it is alive.',
  }),
  'broker.session.timeout.ms': int({
    default: 2_000,
    min: 100,
    unit: 'ms',
    scopes: BOTH,
    documentation:
      'Silence after which a broker is fenced and its partitions get other leaders. At least twice the heartbeat interval; the same on all processes.',
  }),

  // ---- replication ----
  'replica.lag.time.max.ms': int({
    default: 10_000,
    min: 100,
    unit: 'ms',
    documentation: 'A follower that has not caught up for this long leaves the in-sync replicas.',
  }),
  'replica.fetch.max.bytes': int({
    default: MIB,
    min: 1_024,
    unit: 'bytes',
    documentation: 'Most that a follower asks for per partition in one fetch. A larger batch still comes whole.',
  }),
  'replica.fetch.wait.max.ms': int({
    default: 500,
    min: 1,
    unit: 'ms',
    documentation: "How long a leader holds a follower's fetch when there is nothing new.",
  }),
  'replica.fetch.response.max.bytes': int({
    default: 10 * MIB,
    min: 1_024,
    unit: 'bytes',
    documentation: 'Most that a follower asks for in one fetch over all partitions.',
  }),
  'replica.high.watermark.checkpoint.interval.ms': int({
    default: 5_000,
    min: 10,
    unit: 'ms',
    documentation: 'How often high watermarks are written to disk, so that a restart knows where readers may read to.',
  }),

  // ---- consumer groups ----
  'offsets.topic.num.partitions': int({
    default: 6,
    min: 1,
    max: 1_000,
    unit: 'partitions',
    scopes: ['coordinator'],
    documentation:
      'Partitions of __consumer_offsets, when it is created: over how many the groups are spread. It cannot be changed later, because it decides which one holds a group.',
  }),
  'offsets.topic.replication.factor': int({
    default: 3,
    min: 1,
    max: 1_000,
    unit: 'replicas',
    scopes: ['coordinator'],
    documentation:
      'Replicas of __consumer_offsets; never more than configured.brokers. The topic is created once all of those have registered.',
  }),
  'offsets.topic.segment.bytes': int({
    default: 8 * MIB,
    min: 1_024,
    unit: 'bytes',
    scopes: ['coordinator'],
    documentation:
      'segment.bytes of __consumer_offsets, when it is created. Only closed segments are compacted, so small ones keep loading short; ' +
      'below 4 MiB a group with very many members may not fit into one, and its rebalances are refused.',
  }),
  'offsets.retention.minutes': int({
    default: 10_080,
    min: 1,
    documentation:
      'Minutes after which the commits of a group without members go, and those of a topic to which its members no longer subscribe.',
  }),
  'offsets.retention.check.interval.ms': long({
    default: 600_000,
    min: 10,
    unit: 'ms',
    documentation: 'How often commits that are too old are looked for.',
  }),
  'offset.metadata.max.bytes': int({
    default: 4_096,
    min: 0,
    unit: 'bytes',
    documentation: 'Largest note that a consumer may leave with a commit. Larger ones get OFFSET_METADATA_TOO_LARGE.',
  }),
  'offsets.commit.timeout.ms': int({
    default: 5_000,
    min: 1,
    unit: 'ms',
    documentation:
      'How long a commit (or a change of a group) may wait for the in-sync replicas before it is answered COORDINATOR_NOT_AVAILABLE. It may still be stored then.',
  }),
  'group.initial.rebalance.delay.ms': int({
    default: 50,
    min: 0,
    unit: 'ms',
    documentation:
      'How long the first member of an empty group waits for others, so that a group that starts together forms one generation. Kafka waits 3,000 ms.',
  }),
  'group.min.session.timeout.ms': int({
    default: 1_000,
    min: 1,
    unit: 'ms',
    documentation: 'Shortest session that a member may ask for. Shorter ones get INVALID_SESSION_TIMEOUT. Kafka: 6,000 ms.',
  }),
  'group.max.session.timeout.ms': int({
    default: 1_800_000,
    min: 1,
    unit: 'ms',
    documentation: 'Longest session that a member may ask for.',
  }),
  'group.max.size': int({
    default: 500,
    min: 1,
    documentation: 'Members of one group; one more gets GROUP_MAX_SIZE_REACHED.',
  }),
  // ---- planned stops ----
  'shutdown.timeout.ms': int({
    default: 45_000,
    min: 1_000,
    unit: 'ms',
    documentation:
      'How long a broker that is told to stop (SIGTERM) may take before it ends anyway. All but the last 10 s (at most a third) it may wait for ' +
      'its turn: one broker hands over its leaders at a time. Some seconds less than whoever sends SIGTERM waits before SIGKILL.',
  }),
  'shutdown.linger.ms': int({
    default: 1_000,
    min: 0,
    unit: 'ms',
    documentation:
      'How long a broker still answers after it handed over its leaders, so that clients hear from itself where those are now. At least as long ' +
      'as a load balancer, or a Service of Kubernetes, goes on sending it new connections.',
  }),

  // ---- limits of the doors ----
  'socket.request.max.bytes': int({
    default: 100 * MIB,
    min: 1_024,
    max: 1_073_741_824,
    unit: 'bytes',
    documentation:
      'Largest request frame. A connection that announces a larger one is closed; memory is taken as bytes arrive, not as announced.',
  }),
  'queued.max.request.bytes': int<number | null>({
    default: null,
    min: 0,
    defaultText: '1/16 of the memory that the process may use',
    unit: 'bytes',
    documentation:
      'What all clients together may make a broker hold: requests that are not answered and, unlike in Kafka, also answers that are not read. ' +
      'Above it only connections that hold little are read from, and fetches wait.',
  }),
  'tail.cache.max.bytes': int<number | null>({
    default: null,
    min: 0,
    defaultText: '1/32 of the memory that the process may use, at most 64 MiB',
    unit: 'bytes',
    documentation: 'What the newest batches of all partitions may take in memory, for readers and followers that keep up.',
  }),
  'fetch.max.bytes': int({
    default: 55 * MIB,
    min: 1_024,
    unit: 'bytes',
    documentation: 'Cap on one fetch answer to a client, whatever it asks for.',
  }),

  ...LOG_CONFIGS,
} as const satisfies Record<string, ConfigDefinition<unknown>>;

export type ServerConfigName = keyof typeof SERVER_CONFIGS;
export type ServerConfigValues = { readonly [N in ServerConfigName]: ConfigValue<(typeof SERVER_CONFIGS)[N]> };
