/** What producers, consumers and admin of one client share. */
import { AnyNode } from './any-node.js';
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

  close(): void {
    this.follower.close();
    this.pool.close();
  }
}
