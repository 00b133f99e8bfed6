/**
 * Proof that a look-up was answered by the leader and not by one that was deposed without knowing it (R24). Either of two is
 * enough, whichever comes first: every other member of the maximal ISR sent a fetch in this leader epoch after the question came
 * (no higher epoch can have committed anything before that; one that merely arrived after it may have lain in a socket while
 * this process stood still and another was elected), or a heartbeat that was sent after it was answered and this
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
  const mark = host.parkedFetches.mark();
  if (state.membersNotSeenSince(mark).length === 0) return Promise.resolve(true);
  return new Promise((resolve) => {
    let timer: Cancellable | null = null;
    const finish = (isConfirmed: boolean): void => {
      timer?.cancel();
      partition.arrivals.remove(check);
      resolve(isConfirmed && partition.leader === state);
    };
    // Who waits for news here, or will at the end of this turn, is answered now, so that it asks again.
    const hurry = (): void => {
      for (const member of state.membersNotSeenSince(mark)) host.parkedFetches.release(member);
    };
    const check = (): void => {
      if (partition.leader !== state) finish(false);
      else if (state.membersNotSeenSince(mark).length === 0) finish(true);
      else host.scheduler.endOfTurn(hurry);
    };
    partition.arrivals.add(check);
    timer = host.scheduler.after(host.timeoutMs, () => finish(false));
    void host.confirmByHeartbeat().then((isConfirmed) => {
      if (isConfirmed) finish(true);
    });
    hurry();
  });
}
