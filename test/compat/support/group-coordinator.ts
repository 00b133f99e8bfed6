/** Where a group lives: the partition of __consumer_offsets that its name falls on, as every Kafka client's broker reckons it. */
import type { LocalCluster } from '../../e2e/support/local-cluster.js';

/** Default of offsets.topic.num.partitions. */
const PARTITIONS = 6;

function offsetsPartitionOf(groupId: string): number {
  let hash = 0;
  for (let n = 0; n < groupId.length; n++) hash = (Math.imul(hash, 31) + groupId.charCodeAt(n)) | 0;
  return (hash & 0x7fffffff) % PARTITIONS;
}

/** Id of the broker that coordinates the group now. */
export async function coordinatorOf(cluster: LocalCluster, groupId: string): Promise<number> {
  return (await cluster.leaderOf('__consumer_offsets', offsetsPartitionOf(groupId))).leader;
}
