/**
 * Configs as a person (or DescribeConfigs) reads them: name, value as text, where it comes from, what it means. Only configs
 * that act are listed; the tables (server-configs.ts, topic-configs.ts) are the whole truth, nothing is kept here.
 */
import { type Address, formatAddress } from '#seams';
import type { ConfigDefinition, ConfigScope, ConfigType } from './definition.js';
import { SERVER_CONFIGS, type ServerConfigName } from './server-configs.js';
import type { ServerConfigs } from './sources.js';
import { effectiveMinInSyncReplicas, TOPIC_CONFIGS, type TopicConfigName } from './topic-configs.js';

/** What a process runs with, for one config. */
export interface ConfigSetting {
  readonly name: ServerConfigName;
  /** As it would be written; null where there is none, and for what is sensitive. */
  readonly value: string | null;
  /** Nobody set it. */
  readonly isDefault: boolean;
}

export type DescribedSource = 'topic' | 'static-broker' | 'default';
export type DescribedType = 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list';

export interface DescribedConfig {
  readonly name: string;
  readonly value: string | null;
  readonly source: DescribedSource;
  /** True: read at start only. */
  readonly isReadOnly: boolean;
  readonly isSensitive: boolean;
  readonly type: DescribedType;
  readonly documentation: string;
  /** From the most specific place where it is set down to the default; the first one acts. */
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: DescribedSource }[];
}

/** Which server config is the default of a topic config (the spec compares both tables); null: none is. */
const SERVER_SYNONYMS: Readonly<Record<string, string | null>> = {
  'cleanup.policy': 'log.cleanup.policy',
  'retention.ms': 'log.retention.ms',
  'retention.bytes': 'log.retention.bytes',
  'segment.bytes': 'log.segment.bytes',
  'segment.ms': 'log.roll.ms',
  'segment.index.bytes': 'log.index.size.max.bytes',
  'index.interval.bytes': 'log.index.interval.bytes',
  'max.message.bytes': 'message.max.bytes',
  'message.timestamp.after.max.ms': 'log.message.timestamp.after.max.ms',
  'min.insync.replicas': null,
  'log.flush.policy': 'log.flush.policy',
  'flush.ms': 'log.flush.interval.ms',
  'delete.retention.ms': 'log.cleaner.delete.retention.ms',
  'min.cleanable.dirty.ratio': 'log.cleaner.min.cleanable.ratio',
  'min.compaction.lag.ms': 'log.cleaner.min.compaction.lag.ms',
  'max.compaction.lag.ms': 'log.cleaner.max.compaction.lag.ms',
};

/**
 * The settings of one kind of process. `inEffect` replaces values that its options derived from others (ports, data folder);
 * they stay defaults where nobody set them.
 */
export function configSettings(
  { values, sources }: ServerConfigs,
  scope: Exclude<ConfigScope, 'topic'>,
  inEffect: { readonly [N in ServerConfigName]?: unknown } = {},
): readonly ConfigSetting[] {
  return serverConfigNames(scope).map((name) => ({
    name,
    value: SERVER_CONFIGS[name].isSensitive ? null : configText(inEffect[name] ?? values[name]),
    isDefault: sources[name] === 'default',
  }));
}

export function describeServerConfigs(settings: readonly ConfigSetting[]): readonly DescribedConfig[] {
  return settings.map(({ name, value, isDefault }) => {
    const definition: ConfigDefinition<unknown> = SERVER_CONFIGS[name];
    const byDefault = { name, value: isDefault ? value : configText(definition.default), source: 'default' } as const;
    return {
      name,
      value,
      source: isDefault ? 'default' : 'static-broker',
      isReadOnly: !definition.isDynamic,
      isSensitive: definition.isSensitive,
      type: describedType(definition.type),
      documentation: definition.documentation,
      synonyms: isDefault ? [byDefault] : [{ name, value, source: 'static-broker' }, byDefault],
    };
  });
}

/**
 * `configs`: what the topic itself says. `settings`: of the broker that answers; a topic without a config of its own follows
 * the broker that holds it. `replicationFactor` decides the default of min.insync.replicas.
 */
export function describeTopicConfigs(
  configs: Readonly<Record<string, string>>,
  settings: readonly ConfigSetting[],
  replicationFactor: number,
): readonly DescribedConfig[] {
  const known = new Map<string, ConfigSetting>(settings.map((setting) => [setting.name, setting]));
  return (Object.keys(TOPIC_CONFIGS) as TopicConfigName[]).map((name) => {
    const definition: ConfigDefinition<unknown> = TOPIC_CONFIGS[name];
    const synonyms: DescribedConfig['synonyms'][number][] = [];
    if (Object.hasOwn(configs, name)) synonyms.push({ name, value: configs[name]!, source: 'topic' });
    const serverName = SERVER_SYNONYMS[name] ?? null;
    const setting = serverName === null ? undefined : known.get(serverName);
    if (setting && !setting.isDefault) synonyms.push({ name: setting.name, value: setting.value, source: 'static-broker' });
    const byDefault = name === 'min.insync.replicas' ? effectiveMinInSyncReplicas({}, replicationFactor) : definition.default;
    synonyms.push({ name: serverName ?? name, value: configText(byDefault), source: 'default' });
    const { value, source } = synonyms[0]!;
    return {
      name,
      value,
      source,
      isReadOnly: false,
      isSensitive: false,
      type: describedType(definition.type),
      documentation: definition.documentation,
      synonyms,
    };
  });
}

/** How people write "no limit" of a long; it is read as the largest safe integer. */
const LONG_MAX = '9223372036854775807';

/** As it would be written in a file; null for "none". */
export function configText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (value === Number.MAX_SAFE_INTEGER) return LONG_MAX;
  if (Array.isArray(value)) return value.map(configText).join(',');
  return isAddress(value) ? formatAddress(value) : String(value);
}

function serverConfigNames(scope: ConfigScope): ServerConfigName[] {
  return (Object.keys(SERVER_CONFIGS) as ServerConfigName[]).filter((name) =>
    (SERVER_CONFIGS[name].scopes as readonly ConfigScope[]).includes(scope),
  );
}

function isAddress(value: unknown): value is Address {
  return typeof value === 'object' && value !== null && 'host' in value && 'port' in value;
}

/** Kafka has no types of its own for addresses and choices. */
function describedType(type: ConfigType): DescribedType {
  return type === 'address' || type === 'choice' ? 'string' : type;
}
