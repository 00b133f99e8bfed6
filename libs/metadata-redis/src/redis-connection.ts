/**
 * The store's own connection to Redis, and what is asked of that Redis before it may hold metadata (R19, R20). A command
 * is written to the socket at most once: nothing is queued while the connection is down, nothing is sent again after it came
 * back. A call that fails may have been executed; only the script's tests tell.
 */
import { Redis } from 'ioredis';
import { YakError } from '#kernel';
import type { Logger } from '#seams';
import { STORE_SCRIPT, STORE_SCRIPT_SHA } from './store-script.js';

/** A script that takes longer has an unknown outcome. */
export const COMMAND_TIMEOUT_MS = 2_000;
export const CONNECT_TIMEOUT_MS = 2_000;
/** A peer that is silent for longer is dialled again; what it had read by then it may still execute. */
export const SOCKET_TIMEOUT_MS = 5_000;
const RECONNECT_DELAY_MS = 50;
const RECONNECT_DELAY_MS_MAX = 1_000;

export class RedisConnection {
  /** Host and port, for messages: never the password. */
  readonly name: string;
  private readonly client: Redis;
  private lastError: string | null = null;
  private warnedAbout = '';

  /** Throws a YakError `INVALID_CONFIG` for an address that is not redis:// or rediss://. */
  constructor(
    url: string,
    private readonly logger: Logger,
    commandTimeoutMs: number,
  ) {
    const address = parseRedisUrl(url);
    this.name = `redis ${address.host}:${address.port}`;
    this.client = new Redis({
      ...address,
      connectionName: 'yak-coordinator',
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
    });
    this.client.on('error', (error: Error) => {
      if (error.message === this.lastError) return;
      this.lastError = error.message;
      logger.warn('redis connection failed', { address: this.name, reason: error.message });
    });
    this.client.on('ready', () => {
      this.lastError = null;
    });
  }

  /** Waits for the first attempt only: a Redis that is not there yet is dialled again and again. */
  async connect(): Promise<void> {
    await this.client.connect().catch((error: Error) => {
      this.lastError ??= error.message;
    });
  }

  /** Runs the script. Rejects when its outcome is unknown, whatever the cause. */
  async run(keys: readonly string[], ...args: (string | number)[]): Promise<unknown[]> {
    try {
      return (await this.client.evalsha(STORE_SCRIPT_SHA, keys.length, ...keys, ...args)) as unknown[];
    } catch (error) {
      // The one failure that proves that nothing was executed.
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw this.explained(error as Error);
    }
    try {
      return (await this.client.eval(STORE_SCRIPT, keys.length, ...keys, ...args)) as unknown[];
    } catch (error) {
      throw this.explained(error as Error);
    }
  }

  /** Throws a YakError `METADATA_STORE_UNSAFE` when this Redis must not hold metadata; warns, once per run, where it may lose some. */
  async checkServer(): Promise<void> {
    let info: Map<string, string>;
    let appendfsync: string | null;
    try {
      info = parseInfo(await this.client.info());
      appendfsync = await this.client.config('GET', 'appendfsync').then(
        (pairs) => (pairs as string[])[1] ?? null,
        (error: Error) => {
          if (/NOPERM|unknown command/i.test(error.message)) return null;
          throw error;
        },
      );
    } catch (error) {
      throw this.explained(error as Error);
    }
    const refuse = (problem: string): never => {
      throw new YakError('METADATA_STORE_UNSAFE', `${this.name} cannot hold the metadata: ${problem}`);
    };
    const policy = info.get('maxmemory_policy');
    if (info.get('role') !== 'master') refuse('it is a replica; name the primary in the address');
    if (info.get('cluster_enabled') === '1') refuse('it is a Redis Cluster; use one primary without automatic failover');
    if (policy !== undefined && policy !== 'noeviction')
      refuse(`its maxmemory-policy is ${policy}, so it may throw metadata away; set "maxmemory-policy noeviction" in redis.conf`);

    const warnings: string[] = [];
    if (policy === undefined) warnings.push('its maxmemory-policy cannot be read; it has to be noeviction');
    if (info.get('aof_enabled') !== '1') warnings.push('appendonly is off: a crash loses metadata; set "appendonly yes" in redis.conf');
    else if (appendfsync === null) warnings.push('its appendfsync cannot be read (CONFIG is not allowed); it has to be always');
    else if (appendfsync !== 'always')
      warnings.push(`appendfsync is ${appendfsync}: a power loss loses the last metadata; set "appendfsync always" in redis.conf`);
    const seen = `${info.get('run_id')} ${warnings.join('; ')}`;
    if (warnings.length > 0 && seen !== this.warnedAbout)
      this.logger.warn('redis is not set up to keep metadata', { address: this.name, reason: warnings.join('; ') });
    this.warnedAbout = seen;
  }

  close(): void {
    this.client.disconnect();
  }

  private explained(error: Error): YakError {
    const reason = /enableOfflineQueue/.test(error.message)
      ? `not connected${this.lastError ? ` (${this.lastError})` : ''}`
      : error.message;
    return new YakError('METADATA_STORE_UNAVAILABLE', `${this.name}: ${reason}`, { cause: error });
  }
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

function parseInfo(text: string): Map<string, string> {
  const info = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) info.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return info;
}
