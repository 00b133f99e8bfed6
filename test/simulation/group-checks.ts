/**
 * What must hold of a consumer group, seen from its members (H8), from what they were told alone: the judge keeps its own
 * books and asks nobody.
 *
 * - one generation gives a partition to one member (a static member may come back under a new member id);
 * - who gets a partition begins at or above everything that was acknowledged as committed before, and never above what
 *   somebody tried to commit: no commit is undone, no record is skipped;
 * - a member is given records without gap or repetition as long as it has the partition;
 * - whoever tells what is committed tells everything that was acknowledged before he was asked (group-observer.ts);
 * - no commit is acknowledged to a member after another one was told that it has the partition in a higher generation.
 */
import type { ConsumedRecord, GroupEvent } from '#client';
import { Violation } from './checkers.js';

interface Owner {
  readonly generationId: number;
  readonly member: string;
}

/** What one member has of one partition, since it was assigned. */
interface Holding {
  readonly generationId: number;
  /** The highest acknowledged commit when it was assigned. */
  readonly committedBefore: number;
  /** Next offset to be given out; null before the first. */
  next: number | null;
}

export class GroupChecks {
  acknowledgedCommits = 0;
  refusedCommits = 0;
  /** Records that were given out again. */
  reread = 0;
  generations = 0;
  private readonly owners = new Map<string, string>();
  private readonly newestOwner = new Map<number, Owner>();
  private readonly holdings = new Map<string, Map<number, Holding>>();
  private readonly acknowledged = new Map<number, number>();
  private readonly attempted = new Map<number, number>();
  private readonly taken: Set<number>[] = [];
  private highestGeneration = 0;

  /** Exclusive end of what was acknowledged as committed. */
  committed(partition: number): number {
    return this.acknowledged.get(partition) ?? 0;
  }

  hasTakenAll(partition: number, end: number): boolean {
    return (this.taken[partition]?.size ?? 0) >= end;
  }

  /** `member`: what stays the same when a static member comes back; else the name of one incarnation. */
  assigned(member: string, event: Extract<GroupEvent, { type: 'assigned' }>): void {
    const { generationId } = event;
    if (generationId > this.highestGeneration) {
      this.highestGeneration = generationId;
      this.generations++;
    }
    const holdings = new Map<number, Holding>();
    for (const { partition } of event.partitions) {
      const key = `${generationId}/${partition}`;
      const owner = this.owners.get(key);
      if (owner !== undefined && owner !== member)
        throw new Violation('H8', `generation ${generationId} gave partition ${partition} to ${owner} and to ${member}`);
      this.owners.set(key, member);
      const newest = this.newestOwner.get(partition);
      if (newest === undefined || newest.generationId <= generationId) this.newestOwner.set(partition, { generationId, member });
      holdings.set(partition, { generationId, committedBefore: this.committed(partition), next: null });
    }
    this.holdings.set(member, holdings);
  }

  gone(member: string): void {
    this.holdings.delete(member);
  }

  took(member: string, records: readonly ConsumedRecord[], committedEnd: (partition: number) => number): void {
    for (const { partition, offset } of records) {
      const holding = this.holdings.get(member)?.get(partition);
      if (!holding) throw new Violation('H8', `${member} was given ${partition}/${offset}, which is not assigned to it`);
      if (offset >= committedEnd(partition))
        throw new Violation('S6', `${member} was given ${partition}/${offset}, committed end is ${committedEnd(partition)}`);
      if (holding.next === null) this.began(member, partition, offset, holding);
      else if (offset !== holding.next)
        throw new Violation('H5', `${member} was given ${partition}/${offset} where ${holding.next} comes next`);
      holding.next = offset + 1;
      const taken = (this.taken[partition] ??= new Set());
      if (taken.has(offset)) this.reread++;
      taken.add(offset);
    }
  }

  private began(member: string, partition: number, offset: number, { generationId, committedBefore }: Holding): void {
    if (offset < committedBefore)
      throw new Violation(
        'H8',
        `${member} begins partition ${partition} in generation ${generationId} at ${offset}, but ${committedBefore} was acknowledged as committed before`,
      );
    const highest = this.attempted.get(partition) ?? 0;
    if (offset > highest)
      throw new Violation('H8', `${member} begins partition ${partition} at ${offset}, but nobody committed more than ${highest}: skipped`);
  }

  /** Answers what to do when the outcome is known. */
  committing(member: string, partition: number, offset: number): (isAcknowledged: boolean) => void {
    this.attempted.set(partition, Math.max(this.attempted.get(partition) ?? 0, offset));
    const newest = this.newestOwner.get(partition);
    return (isAcknowledged) => {
      if (!isAcknowledged) {
        this.refusedCommits++;
        return;
      }
      this.acknowledgedCommits++;
      if (newest !== undefined && newest.member !== member)
        throw new Violation(
          'H8',
          `${member} committed ${partition}/${offset}, though ${newest.member} had the partition in generation ${newest.generationId} before it asked`,
        );
      this.acknowledged.set(partition, Math.max(this.committed(partition), offset));
    };
  }

  /** What a broker answered to somebody who asked what the group has committed; -1 for nothing. */
  told(broker: string, partition: number, offset: number, committedBefore: number): void {
    if (Math.max(offset, 0) < committedBefore)
      throw new Violation(
        'H8',
        `${broker} told ${offset} for partition ${partition}, but ${committedBefore} was acknowledged before it was asked`,
      );
    const highest = this.attempted.get(partition) ?? 0;
    if (offset > highest)
      throw new Violation('H8', `${broker} told ${offset} for partition ${partition}, but nobody committed more than ${highest}`);
  }

  /** After everything healed: what the coordinator says is what was acknowledged, and every record was given to somebody. */
  finalCheck(partition: number, end: number, stored: number): void {
    const taken = this.taken[partition] ?? new Set();
    for (let offset = 0; offset < end; offset++)
      if (!taken.has(offset)) throw new Violation('H8', `record ${partition}/${offset} was given to no member`);
    if (stored < this.committed(partition))
      throw new Violation('H8', `${stored} is committed for partition ${partition}, but ${this.committed(partition)} was acknowledged`);
  }
}
