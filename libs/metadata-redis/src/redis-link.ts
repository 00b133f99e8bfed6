/**
 * The store's own connection to Redis, and what is asked of that Redis before it may hold metadata (R19, R20). A call that fails
 * may have been executed; only the script's tests tell.
 */
import type { Redis } from 'ioredis';
import { YakError } from '#kernel';
import type { StoreLink } from '#metadata';
import type { Logger } from '#seams';
import { type RedisAddress, redisClient, runScript } from './redis-client.js';
import { STORE_SCRIPT, STORE_SCRIPT_SHA } from './store-script.js';

export interface RedisLinkOptions extends RedisAddress {
  /** Handed to the script with each step. */
  readonly keys: readonly string[];
  readonly logger: Logger;
  readonly commandTimeoutMs: number;
}

/** The warning about a Redis that may forget; its field `reason` says by what. */
export const NOT_SET_UP = 'redis is not set up to keep metadata';

const SCRIPT = { text: STORE_SCRIPT, sha: STORE_SCRIPT_SHA };

export class RedisLink implements StoreLink {
  readonly name: string;
  private readonly client: Redis;
  private readonly keys: readonly string[];
  private readonly logger: Logger;
  private lastError: string | null = null;
  private warnedAbout = '';

  /** Throws a YakError `INVALID_CONFIG` for an address that is not redis:// or rediss://. */
  constructor({ keys, logger, commandTimeoutMs, ...address }: RedisLinkOptions) {
    this.keys = keys;
    this.logger = logger;
    ({ client: this.client, name: this.name } = redisClient(address, 'yak-coordinator', commandTimeoutMs));
    this.client.on('error', (error: Error) => {
      if (error.message === this.lastError) return;
      this.lastError = error.message;
      logger.warn('redis connection failed', { address: this.name, reason: error.message });
    });
    this.client.on('ready', () => {
      this.lastError = null;
    });
  }

  async connect(): Promise<void> {
    await this.client.connect().catch((error: Error) => {
      this.lastError ??= error.message;
    });
  }

  async run(step: readonly (string | number)[]): Promise<readonly unknown[]> {
    try {
      return (await runScript(this.client, SCRIPT, this.keys, step)) as unknown[];
    } catch (error) {
      throw this.explained(error as Error);
    }
  }

  /** Warns, once per run of Redis, where it may lose something. */
  async check(): Promise<{ readonly isDurable: boolean }> {
    let info: Map<string, string>;
    let appendfsync: string | null;
    let skipsSync: string | null;
    try {
      info = parseInfo(await this.client.info());
      appendfsync = await this.setting('appendfsync');
      skipsSync = await this.setting('no-appendfsync-on-rewrite');
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
      warnings.push(`appendfsync is ${appendfsync}: a crash loses the last metadata; set "appendfsync always" in redis.conf`);
    else if (skipsSync !== 'no')
      warnings.push('no-appendfsync-on-rewrite is on: a power loss loses the last metadata; set "no-appendfsync-on-rewrite no"');
    const seen = `${info.get('run_id')} ${warnings.join('; ')}`;
    if (warnings.length > 0 && seen !== this.warnedAbout) this.logger.warn(NOT_SET_UP, { address: this.name, reason: warnings.join('; ') });
    this.warnedAbout = seen;
    return { isDurable: info.get('aof_enabled') === '1' && appendfsync === 'always' && skipsSync === 'no' };
  }

  close(): void {
    this.client.disconnect();
  }

  /** Null when this user may not read it. */
  private async setting(name: string): Promise<string | null> {
    try {
      return ((await this.client.config('GET', name)) as string[])[1] ?? null;
    } catch (error) {
      if (/NOPERM|unknown command/i.test((error as Error).message)) return null;
      throw error;
    }
  }

  private explained(error: Error): YakError {
    const reason = /enableOfflineQueue/.test(error.message)
      ? `not connected${this.lastError ? ` (${this.lastError})` : ''}`
      : error.message;
    return new YakError('METADATA_STORE_UNAVAILABLE', `${this.name}: ${reason}`, { cause: error });
  }
}

function parseInfo(text: string): Map<string, string> {
  const info = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) info.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return info;
}
