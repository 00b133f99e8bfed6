/** Which broker coordinates a group: the one that leads the partition of __consumer_offsets on which its name falls. */
import { coordinatorPartition } from '#groups';
import { OFFSETS_TOPIC } from '#kernel';
import type { LocalCluster } from '../../e2e/support/local-cluster.js';

/** Default of offsets.topic.num.partitions. */
const PARTITIONS = 6;

/** Its id, now. */
export async function coordinatorOf(cluster: LocalCluster, groupId: string): Promise<number> {
  return (await cluster.leaderOf(OFFSETS_TOPIC, coordinatorPartition(groupId, PARTITIONS))).leader;
}
