/**
 * Which partition of `__consumer_offsets` holds a group, as Kafka counts it: Java's String.hashCode, made non-negative
 * (Integer.MIN_VALUE counts as 0), modulo the partition count.
 */
export function coordinatorPartition(key: string, partitionCount: number): number {
  let hash = 0;
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  return (hash === -2_147_483_648 ? 0 : Math.abs(hash)) % partitionCount;
}
