import type { BrokerCounters, BrokerReport } from './contract.js';
import type { Partition } from './partition.js';

/** The broker's own tally; plain numbers because they sit on the hot path. */
export class Counters implements BrokerCounters {
  recordsAppended = 0;
  batchesAppended = 0;
  bytesAppended = 0;
  bytesFetched = 0;
  duplicatesAnswered = 0;
  truncations = 0;
  isrShrinks = 0;
  isrExpansions = 0;
  leadersGained = 0;
}

export function countRoles(replicas: Iterable<Partition>): BrokerReport['partitions'] {
  const counts = { led: 0, followed: 0, outOfSync: 0, offline: 0 };
  for (const { role, isInSync } of replicas) {
    if (role.kind === 'leader') counts.led++;
    else if (role.kind === 'follower') counts.followed++;
    else counts.offline++;
    if (!isInSync) counts.outOfSync++;
  }
  return counts;
}
