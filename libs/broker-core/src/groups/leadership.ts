/**
 * Proof that a look-up was answered by the leader and not by one that was deposed without knowing it (R24). Either of two is
 * enough, whichever comes first: every other member of the maximal ISR fetched in this leader epoch after the question came
 * (no higher epoch can have committed anything before that), or a heartbeat that was sent after it was answered and this
 * broker, at the revision that the answer named, still leads in this epoch.
 */
import type { LeaderState } from '#replication';
import type { Cancellable, Scheduler } from '#seams';
import type { ParkedFetches } from '../parked-fetches.js';
import type { Partition } from '../partition.js';

export interface LeadershipHost {
  readonly scheduler: Scheduler;
  readonly parkedFetches: ParkedFetches;
  readonly timeoutMs: number;
  /** Resolves true when a heartbeat sent after the call was answered and the metadata it named is applied here. */
  confirmByHeartbeat(): Promise<boolean>;
}

export function confirmLeadership(host: LeadershipHost, partition: Partition, state: LeaderState): Promise<boolean> {
  if (partition.leader !== state) return Promise.resolve(false);
  const mark = state.arrivalMark;
  if (state.haveAllArrivedSince(mark)) return Promise.resolve(true);
  return new Promise((resolve) => {
    let timer: Cancellable | null = null;
    const finish = (isConfirmed: boolean): void => {
      timer?.cancel();
      partition.arrivals.remove(check);
      resolve(isConfirmed && partition.leader === state);
    };
    const check = (): void => {
      if (partition.leader !== state) finish(false);
      else if (state.haveAllArrivedSince(mark)) finish(true);
    };
    partition.arrivals.add(check);
    timer = host.scheduler.after(host.timeoutMs, () => finish(false));
    void host.confirmByHeartbeat().then((isConfirmed) => {
      if (isConfirmed) finish(true);
    });
    // Followers that wait for news are answered now, so that they ask again.
    for (const member of state.otherMembers()) host.parkedFetches.release(member);
  });
}
