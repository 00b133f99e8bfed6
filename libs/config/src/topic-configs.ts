/**
 * The configs that a topic can have, and what they come to. The cluster coordinator validates before it commits a topic;
 * everyone who reads committed configs later must not fail on them, so reading ignores what it does not understand.
 */
import type { CleanupPolicy, FlushPolicy, LogConfig } from '#log';
import { type ConfigDefinition, choice, cleanupPolicy, double, int, long } from './definition.js';
import { SERVER_CONFIGS, type ServerConfigName, type ServerConfigValues } from './server-configs.js';

const TOPIC = ['topic'] as const;
function fromServer<N extends ServerConfigName>(
  name: N,
): { default: (typeof SERVER_CONFIGS)[N]['default']; scopes: typeof TOPIC; isDynamic: true } {
  return { default: SERVER_CONFIGS[name].default, scopes: TOPIC, isDynamic: true };
}

export const TOPIC_CONFIGS = {
  'cleanup.policy': cleanupPolicy({
    ...fromServer('log.cleanup.policy'),
    documentation:
      'What happens to old records: delete drops whole segments by retention.ms and retention.bytes, compact keeps the newest record of each key; both together are written compact,delete.',
  }),
  'delete.retention.ms': long({
    ...fromServer('log.cleaner.delete.retention.ms'),
    min: 0,
    unit: 'ms',
    documentation:
      'With compact: how long a tombstone (a record without value) stays after compaction first saw it. A reader that is further behind may miss the deletion.',
  }),
  'min.cleanable.dirty.ratio': double({
    ...fromServer('log.cleaner.min.cleanable.ratio'),
    min: 0,
    max: 1,
    documentation: 'With compact: a partition is compacted once more than this share of its closed segments was not compacted yet.',
  }),
  'min.compaction.lag.ms': long({
    ...fromServer('log.cleaner.min.compaction.lag.ms'),
    min: 0,
    unit: 'ms',
    documentation: 'With compact: records stay uncompacted for at least this long.',
  }),
  'max.compaction.lag.ms': long({
    ...fromServer('log.cleaner.max.compaction.lag.ms'),
    defaultText: '9223372036854775807',
    min: 1,
    unit: 'ms',
    documentation:
      'With compact: a record that is older is compacted whatever min.cleanable.dirty.ratio says; open segments are closed at the next append by then.',
  }),
  'retention.ms': long({
    ...fromServer('log.retention.ms'),
    min: -1,
    unit: 'ms',
    documentation:
      'A segment whose newest record is older than this is deleted, the open one as well, at the next look (log.retention.check.interval.ms). -1 keeps records for ever.',
  }),
  'retention.bytes': long({
    ...fromServer('log.retention.bytes'),
    min: -1,
    unit: 'bytes',
    documentation: 'While a partition is larger than this, its oldest closed segments are deleted. -1: no limit.',
  }),
  'segment.bytes': int({
    ...fromServer('log.segment.bytes'),
    min: 1_024,
    unit: 'bytes',
    documentation: 'A segment is closed before it would grow beyond this. Also the largest batch that fits.',
  }),
  'segment.ms': long({
    ...fromServer('log.roll.ms'),
    min: 1,
    unit: 'ms',
    documentation: 'A segment that has been open for this long is closed at the next append, so that retention can reach it.',
  }),
  'segment.index.bytes': int({
    ...fromServer('log.index.size.max.bytes'),
    min: 1_024,
    unit: 'bytes',
    documentation: "Largest size of a segment's offset or time index; a segment is closed when one is full.",
  }),
  'index.interval.bytes': int({
    ...fromServer('log.index.interval.bytes'),
    min: 0,
    unit: 'bytes',
    documentation: 'Bytes of records between two index entries. Smaller finds offsets quicker and takes more space.',
  }),
  'max.message.bytes': int({
    ...fromServer('message.max.bytes'),
    min: 61,
    max: 104_857_600,
    unit: 'bytes',
    documentation: 'Largest record batch, as sent, with its 61 byte header. Larger ones get MESSAGE_TOO_LARGE.',
  }),
  'message.timestamp.after.max.ms': long({
    ...fromServer('log.message.timestamp.after.max.ms'),
    min: 0,
    unit: 'ms',
    documentation: "How far a record's timestamp may be ahead of the broker's clock. Further gets INVALID_TIMESTAMP.",
  }),
  'min.insync.replicas': int<number | null>({
    default: null,
    defaultText: '2 with 3 or more replicas, else 1',
    min: 1,
    max: 32_767,
    unit: 'replicas',
    scopes: TOPIC,
    isDynamic: true,
    documentation:
      'In-sync replicas that must hold a record before it counts as stored. More than the topic has replicas counts as all of them.',
  }),
  'log.flush.policy': choice({
    ...fromServer('log.flush.policy'),
    values: ['commit', 'interval'],
    documentation:
      'commit: a replica counts as holding a record once it is synced to the device. interval: once it is in the page cache. Not a Kafka config.',
  }),
  'flush.ms': int({
    ...fromServer('log.flush.interval.ms'),
    min: 1,
    unit: 'ms',
    documentation: 'With log.flush.policy=interval: the longest time that written records stay unsynced.',
  }),
} as const satisfies Record<string, ConfigDefinition<unknown>>;

export type TopicConfigName = keyof typeof TOPIC_CONFIGS;

/** The rest of Kafka's topic configs: known by name, refused because they would not do anything. */
export const NOT_ACTING_TOPIC_CONFIGS: ReadonlySet<string> = new Set([
  'compression.type',
  'compression.gzip.level',
  'compression.lz4.level',
  'compression.zstd.level',
  'file.delete.delay.ms',
  'flush.messages',
  'follower.replication.throttled.replicas',
  'leader.replication.throttled.replicas',
  'local.retention.bytes',
  'local.retention.ms',
  'message.downconversion.enable',
  'message.format.version',
  'message.timestamp.before.max.ms',
  'message.timestamp.difference.max.ms',
  'message.timestamp.type',
  'preallocate',
  'remote.log.copy.disable',
  'remote.log.delete.on.disable',
  'remote.storage.enable',
  'segment.jitter.ms',
  'unclean.leader.election.enable',
]);

export interface ConfigProblem {
  readonly name: string;
  /** A whole sentence that names config and value. */
  readonly reason: string;
}

/** Empty when a topic may be created with these; otherwise one problem per config that may not (INVALID_CONFIG). */
export function validateTopicConfigs(configs: Readonly<Record<string, string>>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const [name, value] of Object.entries(configs)) {
    const reason = topicConfigProblem(name, value);
    if (reason !== null) problems.push({ name, reason });
  }
  const minLagMs = numberOf(configs, 'min.compaction.lag.ms') ?? 0;
  if (minLagMs > (numberOf(configs, 'max.compaction.lag.ms') ?? Number.MAX_SAFE_INTEGER)) {
    const reason = `topic config min.compaction.lag.ms=${minLagMs} is longer than max.compaction.lag.ms=${configs['max.compaction.lag.ms']}`;
    problems.push({ name: 'min.compaction.lag.ms', reason });
  }
  return problems;
}

function topicConfigProblem(name: string, value: unknown): string | null {
  const definition = topicDefinition(name);
  if (definition === null) {
    if (NOT_ACTING_TOPIC_CONFIGS.has(name)) return `topic config ${name} does not act yet; leave it out`;
    return `unknown topic config ${name}; known are ${Object.keys(TOPIC_CONFIGS).join(', ')}`;
  }
  if (typeof value !== 'string') return `topic config ${name} needs a value`;
  const parsed = definition.parse(value);
  return parsed.ok ? null : `topic config ${name}=${value}: ${parsed.reason}`;
}

function topicDefinition(name: string): ConfigDefinition<unknown> | null {
  return Object.hasOwn(TOPIC_CONFIGS, name) ? TOPIC_CONFIGS[name as TopicConfigName] : null;
}

/** The log's settings that a broker gives to topics without configs of their own. */
export function defaultLogConfig(values: ServerConfigValues): LogConfig {
  return {
    segmentBytes: values['log.segment.bytes'],
    segmentMs: values['log.roll.ms'],
    indexIntervalBytes: values['log.index.interval.bytes'],
    segmentIndexBytes: values['log.index.size.max.bytes'],
    retentionMs: values['log.retention.ms'],
    retentionBytes: values['log.retention.bytes'],
    maxMessageBytes: values['message.max.bytes'],
    messageTimestampAfterMaxMs: values['log.message.timestamp.after.max.ms'],
    flushPolicy: values['log.flush.policy'],
    flushIntervalMs: values['log.flush.interval.ms'],
    producerIdExpirationMs: values['producer.id.expiration.ms'],
    cleanupPolicy: values['log.cleanup.policy'],
    deleteRetentionMs: values['log.cleaner.delete.retention.ms'],
    minCleanableDirtyRatio: values['log.cleaner.min.cleanable.ratio'],
    minCompactionLagMs: values['log.cleaner.min.compaction.lag.ms'],
    maxCompactionLagMs: values['log.cleaner.max.compaction.lag.ms'],
  };
}

/** `defaults` with what the topic says in place of it. */
export function effectiveLogConfig(defaults: LogConfig, topicConfigs: Readonly<Record<string, string>>): LogConfig {
  return {
    segmentBytes: numberOf(topicConfigs, 'segment.bytes') ?? defaults.segmentBytes,
    segmentMs: numberOf(topicConfigs, 'segment.ms') ?? defaults.segmentMs,
    indexIntervalBytes: numberOf(topicConfigs, 'index.interval.bytes') ?? defaults.indexIntervalBytes,
    segmentIndexBytes: numberOf(topicConfigs, 'segment.index.bytes') ?? defaults.segmentIndexBytes,
    retentionMs: numberOf(topicConfigs, 'retention.ms') ?? defaults.retentionMs,
    retentionBytes: numberOf(topicConfigs, 'retention.bytes') ?? defaults.retentionBytes,
    maxMessageBytes: numberOf(topicConfigs, 'max.message.bytes') ?? defaults.maxMessageBytes,
    messageTimestampAfterMaxMs: numberOf(topicConfigs, 'message.timestamp.after.max.ms') ?? defaults.messageTimestampAfterMaxMs,
    flushPolicy: effectiveFlushPolicy(defaults.flushPolicy, topicConfigs),
    flushIntervalMs: numberOf(topicConfigs, 'flush.ms') ?? defaults.flushIntervalMs,
    producerIdExpirationMs: defaults.producerIdExpirationMs,
    cleanupPolicy: effectiveCleanupPolicy(defaults.cleanupPolicy, topicConfigs),
    deleteRetentionMs: numberOf(topicConfigs, 'delete.retention.ms') ?? defaults.deleteRetentionMs,
    minCleanableDirtyRatio: numberOf(topicConfigs, 'min.cleanable.dirty.ratio') ?? defaults.minCleanableDirtyRatio,
    minCompactionLagMs: numberOf(topicConfigs, 'min.compaction.lag.ms') ?? defaults.minCompactionLagMs,
    maxCompactionLagMs: numberOf(topicConfigs, 'max.compaction.lag.ms') ?? defaults.maxCompactionLagMs,
  };
}

function effectiveCleanupPolicy(fallback: CleanupPolicy, topicConfigs: Readonly<Record<string, string>>): CleanupPolicy {
  const parsed = TOPIC_CONFIGS['cleanup.policy'].parse(topicConfigs['cleanup.policy'] ?? '');
  return parsed.ok ? parsed.value : fallback;
}

/** Goes into the partition record, because all replicas must judge by the same policy (R1). */
export function effectiveFlushPolicy(fallback: FlushPolicy, topicConfigs: Readonly<Record<string, string>>): FlushPolicy {
  const text = topicConfigs['log.flush.policy'];
  if (text === undefined) return fallback;
  const parsed = TOPIC_CONFIGS['log.flush.policy'].parse(text);
  return parsed.ok ? parsed.value : fallback;
}

/** Kafka's m, as it counts for a partition with `replicationFactor` (>= 1) replicas: 1 <= m <= replicationFactor. */
export function effectiveMinInSyncReplicas(topicConfigs: Readonly<Record<string, string>>, replicationFactor: number): number {
  const configured = numberOf(topicConfigs, 'min.insync.replicas') ?? (replicationFactor >= 3 ? 2 : 1);
  return Math.min(configured, replicationFactor);
}

function numberOf(configs: Readonly<Record<string, string>>, name: TopicConfigName): number | null {
  const text = configs[name];
  if (text === undefined) return null;
  const parsed = TOPIC_CONFIGS[name].parse(text);
  return parsed.ok && typeof parsed.value === 'number' ? parsed.value : null;
}
