/**
 * Puts the values of one process together: flag before environment before file before default. Everything that was set
 * and cannot be used is refused at once with its name, its value (unless it is sensitive), where it came from and why; nothing
 * is ignored silently except environment variables that are not ours, or that are for the other kind of process.
 */
import { expandTemplate } from './advertised-template.js';
import { parseConfigFile } from './config-file.js';
import type { ConfigDefinition, ConfigScope } from './definition.js';
import { environmentName, environmentValue } from './environment.js';
import { ConfigError } from './errors.js';
import { NOT_ACTING_SERVER_CONFIGS } from './not-acting-configs.js';
import { SERVER_CONFIGS, type ServerConfigName, type ServerConfigValues } from './server-configs.js';

export type ConfigSource = 'flag' | 'environment' | 'file' | 'default';

export interface ServerConfigs {
  readonly values: ServerConfigValues;
  /** Where each value came from (DescribeConfigs asks). */
  readonly sources: Readonly<Record<ServerConfigName, ConfigSource>>;
}

export interface ConfigInput {
  /** From flags and `--set`, by config name. `shownAs` is what the person typed, e.g. `--kafka-port`. */
  readonly flags: ReadonlyMap<string, { text: string; shownAs: string }>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Null without `--config`. */
  readonly file: { readonly path: string; readonly text: string } | null;
  /** Variables that act in another kind of process are not looked at: one environment may serve all. Missing: all are. */
  readonly scope?: Exclude<ConfigScope, 'topic'>;
}

/** Throws ConfigError. */
export function resolveServerConfigs(input: ConfigInput): ServerConfigs {
  const fromFile = input.file === null ? new Map<string, string>() : parseConfigFile(input.file.path, input.file.text);
  for (const [name, flag] of input.flags) refuseUnknown(name, flag.shownAs);
  for (const name of fromFile.keys()) refuseUnknown(name, input.file!.path);

  const values: Record<string, unknown> = {};
  const sources: Record<string, ConfigSource> = {};
  for (const [name, definition] of Object.entries<ConfigDefinition<unknown>>(SERVER_CONFIGS)) {
    const told = whatWasTold(name, definition, input, fromFile);
    sources[name] = told?.source ?? 'default';
    // node.id is the first row: templates know it.
    values[name] = told === null ? definition.default : parseOrRefuse(definition, name, told, values['node.id'] as number);
  }
  const typed = values as ServerConfigValues;
  refuseContradictions(typed);
  return { values: typed, sources: sources as Record<ServerConfigName, ConfigSource> };
}

/** The values of a process that was told nothing. */
export function defaultServerConfigs(): ServerConfigValues {
  return resolveServerConfigs({ flags: new Map(), environment: {}, file: null }).values;
}

interface Told {
  readonly source: Exclude<ConfigSource, 'default'>;
  readonly text: string;
  /** Flag, variable or path. */
  readonly from: string;
}

function whatWasTold(
  name: string,
  { scopes }: ConfigDefinition<unknown>,
  { flags, environment, file, scope }: ConfigInput,
  fromFile: ReadonlyMap<string, string>,
): Told | null {
  const flag = flags.get(name);
  if (flag !== undefined) return { source: 'flag', text: flag.text, from: flag.shownAs };
  const variable = scope === undefined || scopes.includes(scope) ? environmentValue(environment, name) : undefined;
  if (variable !== undefined) return { source: 'environment', text: variable, from: environmentName(name) };
  const line = fromFile.get(name);
  return line === undefined ? null : { source: 'file', text: line, from: file!.path };
}

function parseOrRefuse(definition: ConfigDefinition<unknown>, name: string, { text, from }: Told, nodeId: number): unknown {
  const expanded = definition.isTemplate ? expandTemplate(text, nodeId) : ({ ok: true, value: text } as const);
  const parsed = expanded.ok ? definition.parse(expanded.value) : expanded;
  if (parsed.ok) return parsed.value;
  throw new ConfigError(`${definition.isSensitive ? name : `${name}=${text}`} (from ${from}): ${parsed.reason}`);
}

function refuseUnknown(name: string, from: string): void {
  if (Object.hasOwn(SERVER_CONFIGS, name)) return;
  if (Object.hasOwn(NOT_ACTING_SERVER_CONFIGS, name)) {
    const instead = NOT_ACTING_SERVER_CONFIGS[name]!;
    throw new ConfigError(`${name} (from ${from}) does not act yet; ${instead === '' ? 'leave it out' : instead}`);
  }
  throw new ConfigError(`unknown config ${name} (from ${from}); docs/configs.md lists the known ones`);
}

function refuseContradictions(values: ServerConfigValues): void {
  const heartbeat = values['broker.heartbeat.interval.ms'];
  const session = values['broker.session.timeout.ms'];
  if (session < 2 * heartbeat) {
    throw new ConfigError(
      `broker.session.timeout.ms=${session} must be at least twice broker.heartbeat.interval.ms=${heartbeat}, or one late heartbeat fences a broker`,
    );
  }
  const beat = values['coordinator.beat.interval.ms'];
  const turnTimeout = values['coordinator.session.timeout.ms'];
  if (turnTimeout < 2 * beat) {
    throw new ConfigError(
      `coordinator.session.timeout.ms=${turnTimeout} must be at least twice coordinator.beat.interval.ms=${beat}, or one late beat costs the turn`,
    );
  }
}
