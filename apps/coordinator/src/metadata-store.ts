/**
 * The store of this cluster coordinator: its data folder, or the Redis that it shares with others. Redis's client is loaded only
 * where it is used: a coordinator without it starts as fast and stays as small as before.
 */
import type { CoordinatorOptions, MetadataStoreOptions } from '#config';
import { EmbeddedMetadataLog, type MetadataLog } from '#metadata';
import { formatAddress, type Logger, type Random } from '#seams';
import type { NodeDisk } from '#seams-node';

export interface MetadataStore {
  readonly log: MetadataLog;
  /** What people see: "embedded", or "redis host:port". Never with credentials. */
  readonly name: string;
}

/** Throws a YakError for a data folder that cannot be used. A Redis that is away is no error here: it is dialled again and again. */
export async function openMetadataStore(
  options: CoordinatorOptions,
  disk: NodeDisk,
  random: Random,
  logger: Logger,
): Promise<MetadataStore> {
  if (options.metadata !== null) return openRedis(options.metadata, random, logger);
  return { log: await EmbeddedMetadataLog.open(disk, options.dataPath, random), name: 'embedded' };
}

async function openRedis({ url, name, password }: MetadataStoreOptions, random: Random, logger: Logger): Promise<MetadataStore> {
  const { RedisMetadataLog } = await import('#metadata-redis');
  const { hostname, port } = new URL(url);
  const address = formatAddress({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) });
  const log = await RedisMetadataLog.open({ url, name, password: password ?? undefined, random, logger });
  return { log, name: `redis ${address}` };
}
