/**
 * The store of this cluster coordinator: its data folder, or the Redis that it shares with others. Redis's client is loaded only
 * where it is used: a coordinator without it starts as fast and stays as small as before.
 */
import type { CoordinatorOptions, MetadataStoreOptions } from '#config';
import type { ClusterCoordinator } from '#coordinator-core';
import { EmbeddedMetadataLog, type MetadataLog } from '#metadata';
import type { Logger, Random } from '#seams';
import type { NodeDisk } from '#seams-node';
import { publishLeaders } from './published-leaders.js';

export interface MetadataStore {
  readonly log: MetadataLog;
  /** What people see: "embedded", or "redis host:port". Never with credentials. */
  readonly name: string;
  /** Where others can read who leads, if there is such a place; call before the coordinator starts. */
  publishLeadersOf(coordinator: ClusterCoordinator): void;
  /** What the coordinator does not close by itself, with its log. */
  close(): void;
}

/** Throws a YakError for a data folder that cannot be used. A Redis that is away is no error here: it is dialled again and again. */
export async function openMetadataStore(
  options: CoordinatorOptions,
  disk: NodeDisk,
  random: Random,
  logger: Logger,
): Promise<MetadataStore> {
  if (options.metadata !== null) return openRedis(options.metadata, random, logger);
  const log = await EmbeddedMetadataLog.open(disk, options.dataPath, random);
  return { log, name: 'embedded', publishLeadersOf: () => {}, close: () => {} };
}

async function openRedis(options: MetadataStoreOptions, random: Random, logger: Logger): Promise<MetadataStore> {
  const { LeadersPublisher, RedisMetadataLog } = await import('#metadata-redis');
  const log = await RedisMetadataLog.open({ ...options, random, logger });
  // A connection of its own: the store's is for what the cluster waits for.
  const publisher = await LeadersPublisher.open({ ...options, logger });
  return {
    log,
    name: log.name,
    publishLeadersOf: (coordinator) => publishLeaders(coordinator, publisher),
    close: () => publisher.close(),
  };
}
