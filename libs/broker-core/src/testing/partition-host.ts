/** What a partition needs around it: broker 0 under broker epoch 10, among brokers that are up. A test says what it wants otherwise. */
import { type Clock, type Scheduler, silentLogger } from '#seams';
import { Counters } from '../counters.js';
import type { PartitionHost } from '../partition.js';

export function partitionHost(
  { time }: { readonly time: { readonly clock: Clock; readonly scheduler: Scheduler } },
  changes: Partial<PartitionHost> = {},
): PartitionHost {
  return {
    brokerId: 0,
    brokerEpoch: 10,
    clock: time.clock,
    scheduler: time.scheduler,
    logger: silentLogger,
    counters: new Counters(),
    replicaLagTimeMaxMs: 10_000,
    status: (id) => ({ brokerEpoch: id + 10, isFenced: false, isShuttingDown: false }),
    emit: () => {},
    proposalPending: () => {},
    roleChanged: () => {},
    followerHeld: () => {},
    ...changes,
  };
}
