import type { BrokerId } from '#kernel';

/** Fetches of followers that wait for data, by follower, so that the follower can ask for an answer now. */
export class ParkedFetches {
  private readonly byReplica = new Map<BrokerId, Set<() => void>>();

  add(replica: BrokerId, release: () => void): void {
    const parked = this.byReplica.get(replica);
    if (parked) parked.add(release);
    else this.byReplica.set(replica, new Set([release]));
  }

  remove(replica: BrokerId, release: () => void): void {
    const parked = this.byReplica.get(replica);
    parked?.delete(release);
    if (parked?.size === 0) this.byReplica.delete(replica);
  }

  release(replica: BrokerId): void {
    for (const release of [...(this.byReplica.get(replica) ?? [])]) release();
  }
}
