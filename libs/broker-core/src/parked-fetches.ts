/**
 * Fetches of followers: those that wait for data, so that a follower can ask for an answer now; and since when each connection
 * of a follower is known to be alive, in moments of a count of our own. A follower has one fetch at a time under way on a
 * connection, so what comes on it was sent after our last answer on it. A fetch that lay in a socket while this process stood
 * still, or was sent on a connection that is new, was sent nobody knows when (R24).
 */
import type { BrokerId } from '#kernel';

/** A fetch of which nothing is known. */
export const SENT_ANY_TIME = -1;
/** A follower fetches on one connection and reports on another; the rest are of its past. */
const CONNECTIONS_REMEMBERED = 4;

export class ParkedFetches {
  private readonly byReplica = new Map<BrokerId, Set<() => void>>();
  private moment = 0;
  /** By replica and address of its connection: the moment of our last answer. The latest answered comes last. */
  private readonly answers = new Map<BrokerId, Map<string, number>>();

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

  /** Now: later than everything before. */
  mark(): number {
    return ++this.moment;
  }

  /** A fetch that names partitions is answered. */
  answered(replica: BrokerId, connection: string): void {
    const answers = this.answers.get(replica) ?? new Map<string, number>();
    answers.delete(connection);
    answers.set(connection, this.mark());
    if (answers.size > CONNECTIONS_REMEMBERED) answers.delete(answers.keys().next().value!);
    this.answers.set(replica, answers);
  }

  /** The moment after which a fetch that comes now on that connection was sent. */
  sentAfter(replica: BrokerId, connection: string): number {
    return this.answers.get(replica)?.get(connection) ?? SENT_ANY_TIME;
  }
}
