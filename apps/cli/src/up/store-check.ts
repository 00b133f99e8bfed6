/**
 * Whether `yak up` can begin on a metadata store that coordinators share: it answers, it may hold metadata, and it belongs to
 * this data folder. Brokers that come with empty folders to a store that has a cluster would be taken for brokers that lost
 * their disks, and their partitions for lost.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { MetadataStoreOptions } from '#config';
import { YakError } from '#kernel';
import { MetadataImage, type MetadataLog } from '#metadata';
import { type Logger, silentLogger } from '#seams';
import { NodeRandom } from '#seams-node';

/** A Redis that was started in the same breath may take so long. */
const PATIENCE_MS = 3_000;
const RETRY_MS = 200;

/** Throws a YakError: `METADATA_STORE_UNAVAILABLE`, `METADATA_STORE_UNSAFE`, `DATA_FOLDER`. `warn` is told what may lose metadata. */
export async function checkMetadataStore(store: MetadataStoreOptions, data: string, warn: (text: string) => void): Promise<void> {
  const { NOT_SET_UP, RedisMetadataLog } = await import('#metadata-redis');
  const logger: Logger = {
    ...silentLogger,
    child: () => logger,
    warn: (message, { address, reason } = {}) => {
      if (message === NOT_SET_UP) warn(`${address}: ${reason}`);
    },
  };
  const log = await RedisMetadataLog.open({ ...store, random: new NodeRandom(), logger });
  try {
    const where = `${store.url} under the name ${store.name}`;
    const problem = folderProblem(await clusterIdIn(log), clusterIdsIn(data), { data, store: where });
    if (problem !== null) throw new YakError('DATA_FOLDER', problem);
  } finally {
    await log.close();
  }
}

/** Null: the store is empty. */
async function clusterIdIn(log: MetadataLog): Promise<string | null> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return MetadataImage.fromChain(await log.load()).cluster?.clusterId ?? null;
    } catch (error) {
      if (!(error instanceof YakError) || error.code !== 'METADATA_STORE_UNAVAILABLE') throw error;
      if (performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      throw new YakError(
        error.code,
        `the metadata store cannot be used: ${error.message}; start it, or correct --metadata and its password`,
      );
    }
  }
}

/** Of the brokers that were here before. */
function clusterIdsIn(data: string): readonly string[] {
  const ids = fs
    .readdirSync(data)
    .filter((folder) => /^broker-\d+$/.test(folder))
    .map((folder) => join(data, folder, 'meta.properties'))
    .filter((path) => fs.existsSync(path))
    .flatMap((path) => /^cluster\.id=(.+)$/m.exec(fs.readFileSync(path, 'utf8'))?.[1]?.trim() ?? []);
  return [...new Set(ids)];
}

/** An empty store is none: the metadata is put together again from what the brokers hold (R19), or a new cluster begins. */
export function folderProblem(
  clusterId: string | null,
  found: readonly string[],
  { data, store }: { readonly data: string; readonly store: string },
): string | null {
  if (clusterId === null || found.includes(clusterId)) return null;
  const holds = `${store} holds the metadata of cluster ${clusterId}`;
  const choose = "choose that cluster's folder with --data, or begin another cluster with --set metadata.name=OTHER";
  return found.length === 0
    ? `${holds}, but data folder ${data} has no broker of it, so all records would count as lost; ${choose}`
    : `${holds}, but data folder ${data} belongs to cluster ${found.join(', ')}; ${choose}`;
}
