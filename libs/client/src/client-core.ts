/** What producers, consumers and admin of one client share. */
import { sleep } from '#seams';
import { AnyNode } from './any-node.js';
import { backoffMs } from './backoff.js';
import { ClusterMetadata } from './cluster-metadata.js';
import type { GroupLane } from './connection-pool.js';
import { ConnectionPool } from './connection-pool.js';
import type { ClientConfig, ClientSeams } from './contract.js';
import { MetadataFollower } from './metadata-follower.js';
import type { ClientOptions } from './options.js';
import { clientOptions } from './options.js';

export class ClientCore {
  readonly options: ClientOptions;
  readonly metadata = new ClusterMetadata();
  readonly pool: ConnectionPool;
  readonly anyNode: AnyNode;
  readonly follower: MetadataFollower;
  private groupMembers = 0;

  constructor(
    config: ClientConfig,
    readonly seams: ClientSeams,
  ) {
    this.options = clientOptions(config);
    const { clientId, software } = this.options;
    this.pool = new ConnectionPool(seams, { clientId, ...(software && { clientSoftware: software }) });
    this.anyNode = new AnyNode(this.pool, this.metadata, this.options.bootstrapAddresses);
    this.follower = new MetadataFollower(seams, this.anyNode, this.metadata);
  }

  newGroupLane(): GroupLane {
    return `group-${++this.groupMembers}`;
  }

  /** Between attempt `attempt`, from 1, and the next one. */
  backoffMs(attempt: number): number {
    const { retryBackoffMs, retryBackoffMaxMs } = this.options;
    return backoffMs(attempt, retryBackoffMs, retryBackoffMaxMs, this.seams.random);
  }

  pauseAfter(attempt: number): Promise<void> {
    return sleep(this.seams.scheduler, this.backoffMs(attempt));
  }

  close(): void {
    this.follower.close();
    this.pool.close();
  }
}
