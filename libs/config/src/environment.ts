/**
 * The environment as configs. A variable that begins with YAK_ and is neither a config nor known otherwise is most likely a
 * mistyped one and gets a warning, not an error: Kubernetes itself puts YAK_… variables into every container beside a Service
 * named yak (unless enableServiceLinks is false), and those say nothing.
 */
import { SERVER_CONFIGS } from './server-configs.js';

type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'YAK_';
/** Read elsewhere: by the commands, when bundling, by tests. */
const NOT_CONFIGS = new Set(['YAK_BOOTSTRAP', 'YAK_DEBUG', 'YAK_WRITE_CODE_CACHE', 'YAK_UPDATE_DOCS', 'YAK_ROOT']);
/** `<SERVICE>_SERVICE_HOST`, `<SERVICE>_SERVICE_PORT[_<NAME>]` and `<SERVICE>_PORT_<N>_TCP[_ADDR|_PORT|_PROTO]`. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT(_.*)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?$/;
/** The value of `<SERVICE>_PORT`. */
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//;

/** `log.retention.ms` is read from YAK_LOG_RETENTION_MS. */
export function environmentName(name: string): string {
  return `${PREFIX}${name.toUpperCase().replaceAll('.', '_')}`;
}

/** Undefined: not set. An empty variable counts as that, and so does what Kubernetes makes of a Service for a port. */
export function environmentValue(environment: Environment, name: string): string | undefined {
  const value = environment[environmentName(name)];
  if (value === undefined || value === '') return undefined;
  return name.endsWith('.port') && SERVICE_ADDRESS.test(value) ? undefined : value;
}

/** One sentence per variable that looks as if it was meant for us and acts nowhere. Never its value. */
export function environmentWarnings(environment: Environment): readonly string[] {
  const known = new Set(Object.keys(SERVER_CONFIGS).map(environmentName));
  return Object.entries(environment)
    .filter(([variable, value]) => variable.startsWith(PREFIX) && !known.has(variable) && !isExplained(variable, value ?? ''))
    .map(([variable]) => `the environment variable ${variable} is no config and does nothing; docs/configs.md lists the known ones`)
    .sort();
}

function isExplained(variable: string, value: string): boolean {
  return value === '' || NOT_CONFIGS.has(variable) || SERVICE_LINK.test(variable) || SERVICE_ADDRESS.test(value);
}
