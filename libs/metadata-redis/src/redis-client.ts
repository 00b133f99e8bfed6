/**
 * How this lib dials Redis (R20): a command is written to the socket at most once. Nothing is queued while the connection is down,
 * nothing is sent again after it came back, and whoever waits for an answer is told when it will not come any more.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { YakError } from '#kernel';
import { formatAddress } from '#seams';

/** A script that takes longer has an unknown outcome. */
export const COMMAND_TIMEOUT_MS = 2_000;
export const CONNECT_TIMEOUT_MS = 2_000;
/** A peer that is silent for longer is dialled again; what it had read by then it may still execute. */
export const SOCKET_TIMEOUT_MS = 5_000;
const RECONNECT_DELAY_MS = 50;
const RECONNECT_DELAY_MS_MAX = 1_000;

export interface RedisAddress {
  /** redis://[user:password@]host[:port][/database], or rediss:// for TLS. */
  readonly url: string;
  /** Instead of what the address has. */
  readonly password?: string | null | undefined;
}

/** Not connected yet. Throws a YakError `INVALID_CONFIG` for an address that is not redis:// or rediss://. */
export function redisClient({ url, password }: RedisAddress, connectionName: string, commandTimeoutMs: number) {
  const address = parseRedisUrl(url);
  const options: RedisOptions = {
    ...address,
    ...(password && { password }),
    connectionName,
    disableClientInfo: true,
    protocol: 2,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    maxLoadingRetryTime: RECONNECT_DELAY_MS_MAX,
    retryStrategy: (times) => Math.min(times * RECONNECT_DELAY_MS, RECONNECT_DELAY_MS_MAX),
  };
  /** Host and port, for messages: never the password. */
  return { client: new Redis(options), name: `redis ${formatAddress(address)}` };
}

/** Runs a script by its hash, and sends the script itself only to a Redis that proves with NOSCRIPT that nothing ran. */
export async function runScript(
  client: Redis,
  script: { readonly text: string; readonly sha: string },
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await client.evalsha(script.sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
  }
  return client.eval(script.text, keys.length, ...keys, ...args);
}

function parseRedisUrl(text: string) {
  const invalid = (problem: string): YakError =>
    new YakError(
      'INVALID_CONFIG',
      `the address of the metadata store ${problem}; it looks like redis://[user:password@]host[:port][/database]`,
    );
  if (!URL.canParse(text)) throw invalid('is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') throw invalid(`begins with ${url.protocol}//`);
  if (url.hostname === '') throw invalid('names no host');
  if (!/^\/?\d*$/.test(url.pathname)) throw invalid(`names the database "${url.pathname.slice(1)}", which is not a number`);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    db: Number(url.pathname.slice(1) || 0),
    ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
    ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
  };
}
