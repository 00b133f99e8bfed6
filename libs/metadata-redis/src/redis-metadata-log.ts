/**
 * The MetadataLog of cluster coordinators that share a Redis: one primary, no failover. What is safe is decided by the
 * script's steps and by SharedMetadataLog (libs/metadata); here is only where they run.
 */
import { SharedMetadataLog } from '#metadata';
import type { Logger, Random } from '#seams';
import { metadataKeys } from './metadata-keys.js';
import { COMMAND_TIMEOUT_MS, type RedisAddress } from './redis-client.js';
import { RedisLink } from './redis-link.js';

export interface RedisMetadataLogOptions extends RedisAddress {
  /** Clusters that share a Redis have different names; letters, digits, dot, dash and underscore. */
  readonly name: string;
  readonly random: Random;
  readonly logger: Logger;
  readonly commandTimeoutMs?: number;
}

export const RedisMetadataLog = {
  /** Dials Redis; one that is away is no error here, only in what is asked of it. Throws a YakError `INVALID_CONFIG`. */
  async open({ name, random, logger, commandTimeoutMs = COMMAND_TIMEOUT_MS, ...address }: RedisMetadataLogOptions) {
    const link = new RedisLink({ ...address, keys: metadataKeys(name), logger, commandTimeoutMs });
    return SharedMetadataLog.open({ link, random, logger });
  },
};
