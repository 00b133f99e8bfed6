/**
 * `--flag value`, `--flag=value`, `--config FILE` and `--set name=value` of the server processes. Each flag is another way
 * to write one config; nothing else is accepted, and positional arguments are refused.
 */
import { firstWord } from './config-file.js';
import { UsageError } from './errors.js';
import type { ConfigInput } from './sources.js';

export interface FlagDefinition {
  /** With the dashes. */
  readonly flag: string;
  readonly placeholder: string;
  readonly config: string;
  readonly description: string;
}

export interface CommandLine {
  readonly flags: ConfigInput['flags'];
  readonly configPath: string | null;
  /** `--json`: log as JSON lines. */
  readonly isJson: boolean;
}

/** Throws UsageError. Later values win over earlier ones, whether by flag or by `--set`. */
export function parseCommandLine(argv: readonly string[], known: readonly FlagDefinition[]): CommandLine {
  const flags = new Map<string, { text: string; shownAs: string }>();
  let configPath: string | null = null;
  let isJson = false;
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index]!;
    if (!argument.startsWith('--')) throw new UsageError(`unexpected argument "${argument}"; see --help`);
    if (argument === '--json') {
      isJson = true;
      continue;
    }
    const equals = argument.indexOf('=');
    const flag = equals < 0 ? argument : argument.slice(0, equals);
    const definition = known.find((one) => one.flag === flag);
    if (definition === undefined && flag !== '--config' && flag !== '--set') throw new UsageError(`unknown option ${flag}; see --help`);
    const text = equals < 0 ? argv[++index] : argument.slice(equals + 1);
    if (text === undefined) throw new UsageError(`${flag} needs a value`);
    if (definition !== undefined) flags.set(definition.config, { text, shownAs: flag });
    else if (flag === '--config') configPath = text;
    else addSetting(flags, text);
  }
  return { flags, configPath, isJson };
}

function addSetting(flags: Map<string, { text: string; shownAs: string }>, text: string): void {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new UsageError(`--set needs name=value, not "${firstWord(text)}"`);
  flags.set(text.slice(0, equals).trim(), { text: text.slice(equals + 1), shownAs: '--set' });
}
