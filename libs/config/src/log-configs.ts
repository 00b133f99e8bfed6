/** Rows of SERVER_CONFIGS about logs on disk: what topics get by default, and how logs are cleaned. */
import { boolean, type ConfigDefinition, choice, cleanupPolicy, double, int, long } from './definition.js';

const BOTH = ['broker', 'coordinator'] as const;
const DAY_MS = 86_400_000;
const MIB = 1_048_576;

export const LOG_CONFIGS = {
  // ---- defaults of topics ----
  'log.retention.ms': long({ default: 7 * DAY_MS, min: -1, unit: 'ms', documentation: 'Default of the topic config retention.ms.' }),
  'log.retention.bytes': long({ default: -1, min: -1, unit: 'bytes', documentation: 'Default of the topic config retention.bytes.' }),
  'log.segment.bytes': int({
    default: 1_073_741_824,
    min: 1_024,
    unit: 'bytes',
    documentation: 'Default of the topic config segment.bytes.',
  }),
  'log.roll.ms': long({ default: 7 * DAY_MS, min: 1, unit: 'ms', documentation: 'Default of the topic config segment.ms.' }),
  'log.index.size.max.bytes': int({
    default: 10 * MIB,
    min: 1_024,
    unit: 'bytes',
    documentation: 'Default of the topic config segment.index.bytes.',
  }),
  'log.index.interval.bytes': int({
    default: 4_096,
    min: 0,
    unit: 'bytes',
    documentation: 'Default of the topic config index.interval.bytes.',
  }),
  'message.max.bytes': int({
    default: 1_048_588,
    min: 61,
    max: 100 * MIB,
    unit: 'bytes',
    documentation: 'Default of the topic config max.message.bytes.',
  }),
  'log.message.timestamp.after.max.ms': long({
    default: 3_600_000,
    min: 0,
    unit: 'ms',
    documentation: 'Default of the topic config message.timestamp.after.max.ms.',
  }),
  'log.cleanup.policy': cleanupPolicy({ default: 'delete', documentation: 'Default of the topic config cleanup.policy.' }),
  'log.cleaner.delete.retention.ms': long({
    default: DAY_MS,
    min: 0,
    unit: 'ms',
    documentation: 'Default of the topic config delete.retention.ms.',
  }),
  'log.cleaner.min.cleanable.ratio': double({
    default: 0.5,
    min: 0,
    max: 1,
    documentation: 'Default of the topic config min.cleanable.dirty.ratio.',
  }),
  'log.cleaner.min.compaction.lag.ms': long({
    default: 0,
    min: 0,
    unit: 'ms',
    documentation: 'Default of the topic config min.compaction.lag.ms.',
  }),
  'log.cleaner.max.compaction.lag.ms': long({
    default: Number.MAX_SAFE_INTEGER,
    defaultText: '9223372036854775807',
    min: 1,
    unit: 'ms',
    documentation: 'Default of the topic config max.compaction.lag.ms.',
  }),
  'log.flush.policy': choice({
    default: 'commit',
    values: ['commit', 'interval'],
    scopes: BOTH,
    documentation: 'Default of the topic config of the same name. The same on all processes. Not a Kafka config.',
  }),
  'log.flush.interval.ms': int({ default: 1_000, min: 1, unit: 'ms', documentation: 'Default of the topic config flush.ms.' }),
  'producer.id.expiration.ms': int({
    default: DAY_MS,
    min: 1_000,
    unit: 'ms',
    documentation: 'How long the last batches of a silent idempotent producer are remembered, so that a repeat is recognized.',
  }),
  'log.retention.check.interval.ms': long({
    default: 300_000,
    min: 10,
    unit: 'ms',
    documentation: 'How often old segments are looked for.',
  }),

  // ---- compaction ----
  'log.cleaner.enable': boolean({
    default: true,
    documentation: 'Whether topics with cleanup.policy=compact are compacted on this broker. Without it, __consumer_offsets only grows.',
  }),
  'log.cleaner.backoff.ms': long({
    default: 15_000,
    min: 1,
    unit: 'ms',
    documentation: 'Pause before logs are looked at again when none needed compaction.',
  }),
  'log.cleaner.io.max.bytes.per.second': double({
    default: 32 * MIB,
    min: 1_024,
    documentation:
      'Most that compaction reads and writes, together, so that it is not in the way of clients. Kafka has no limit by default.',
  }),
  'log.cleaner.dedupe.buffer.size': long({
    default: 128 * MIB,
    min: 65_536,
    max: 2_147_483_647,
    unit: 'bytes',
    documentation:
      'Most memory for the offsets of the newest keys, 24 bytes each at 75 % load. A log with more is compacted in several rounds.',
  }),
} as const satisfies Record<string, ConfigDefinition<unknown>>;
