/**
 * Puts the values of one process together: flag before environment before file before default. Everything that was set
 * and cannot be used is refused at once with its name, its value, where it came from and why; nothing is ignored silently
 * except environment variables that are not ours.
 */
import { parseConfigFile } from './config-file.js';
import type { ConfigDefinition } from './definition.js';
import { ConfigError } from './errors.js';
import { NOT_ACTING_SERVER_CONFIGS } from './not-acting-configs.js';
import { environmentName, SERVER_CONFIGS, type ServerConfigName, type ServerConfigValues } from './server-configs.js';

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
}

/** Throws ConfigError. */
export function resolveServerConfigs(input: ConfigInput): ServerConfigs {
  const fromFile = input.file === null ? new Map<string, string>() : parseConfigFile(input.file.path, input.file.text);
  for (const [name, flag] of input.flags) refuseUnknown(name, flag.shownAs);
  for (const name of fromFile.keys()) refuseUnknown(name, input.file!.path);

  const values: Record<string, unknown> = {};
  const sources: Record<string, ConfigSource> = {};
  for (const [name, definition] of Object.entries<ConfigDefinition<unknown>>(SERVER_CONFIGS)) {
    const flag = input.flags.get(name);
    const variable = environmentName(name);
    const environment = environmentValue(name, input.environment[variable]);
    const file = fromFile.get(name);
    if (flag !== undefined) {
      values[name] = parseOrRefuse(definition, name, flag.text, flag.shownAs);
      sources[name] = 'flag';
    } else if (environment !== undefined) {
      values[name] = parseOrRefuse(definition, name, environment, variable);
      sources[name] = 'environment';
    } else if (file !== undefined) {
      values[name] = parseOrRefuse(definition, name, file, input.file!.path);
      sources[name] = 'file';
    } else {
      values[name] = definition.default;
      sources[name] = 'default';
    }
  }
  const typed = values as ServerConfigValues;
  refuseContradictions(typed);
  return { values: typed, sources: sources as Record<ServerConfigName, ConfigSource> };
}

/** The values of a process that was told nothing. */
export function defaultServerConfigs(): ServerConfigValues {
  return resolveServerConfigs({ flags: new Map(), environment: {}, file: null }).values;
}

function parseOrRefuse(definition: ConfigDefinition<unknown>, name: string, text: string, from: string): unknown {
  const parsed = definition.parse(text);
  if (!parsed.ok) throw new ConfigError(`${name}=${text} (from ${from}): ${parsed.reason}`);
  return parsed.value;
}

function refuseUnknown(name: string, from: string): void {
  if (Object.hasOwn(SERVER_CONFIGS, name)) return;
  if (Object.hasOwn(NOT_ACTING_SERVER_CONFIGS, name)) {
    const instead = NOT_ACTING_SERVER_CONFIGS[name]!;
    throw new ConfigError(`${name} (from ${from}) does not act yet; ${instead === '' ? 'leave it out' : instead}`);
  }
  throw new ConfigError(`unknown config ${name} (from ${from}); docs/configs.md lists the known ones`);
}

/**
 * Kubernetes puts `<SERVICE>_PORT=tcp://…` into every container, so a service named yak-kafka would set kafka.port. An empty variable
 * counts as not set.
 */
function environmentValue(name: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (name.endsWith('.port') && /^(tcp|udp|sctp):\/\//.test(value)) return undefined;
  return value;
}

function refuseContradictions(values: ServerConfigValues): void {
  const heartbeat = values['broker.heartbeat.interval.ms'];
  const session = values['broker.session.timeout.ms'];
  if (session < 2 * heartbeat) {
    throw new ConfigError(
      `broker.session.timeout.ms=${session} must be at least twice broker.heartbeat.interval.ms=${heartbeat}, or one late heartbeat fences a broker`,
    );
  }
}
