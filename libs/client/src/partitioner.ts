/**
 * Which partition a record without a fixed one goes to. A key always means the same partition (as long as their number
 * stays); without a key one partition is filled until its batch is full, then another is drawn ("sticky"). Where there is a choice,
 * a partition that has no leader is left out: its records would wait while others could go.
 */
import { assert } from '#kernel';
import type { Random } from '#seams';
import type { PartitionerName } from './contract.js';
import { murmur2 } from './murmur2.js';

/** As far as the client knows. */
export type HasLeader = (partition: number) => boolean;

export interface Partitioner {
  /** 0 <= result < partitionCount. */
  choose(key: Buffer | null, partitionCount: number): number;
  /** A batch of records without keys is complete: the next one may go elsewhere. */
  batchCompleted(partition: number, partitionCount: number): void;
}

/** One per topic. */
export function partitionerFor(name: PartitionerName, random: Random, hasLeader: HasLeader): Partitioner {
  return name === 'round-robin' ? new RoundRobinPartitioner(random, hasLeader) : new DefaultPartitioner(random, hasLeader);
}

export function partitionForKey(key: Buffer, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}

class DefaultPartitioner implements Partitioner {
  private sticky = -1;

  constructor(
    private readonly random: Random,
    private readonly hasLeader: HasLeader,
  ) {}

  choose(key: Buffer | null, partitionCount: number): number {
    assert(partitionCount > 0, 'a topic has at least one partition');
    if (key !== null) return partitionForKey(key, partitionCount);
    if (this.sticky < 0 || this.sticky >= partitionCount) this.sticky = this.random.integer(partitionCount);
    if (!this.hasLeader(this.sticky)) this.sticky = this.anotherWithLeader(partitionCount) ?? this.sticky;
    return this.sticky;
  }

  private anotherWithLeader(partitionCount: number): number | null {
    const led = Array.from({ length: partitionCount }, (_, partition) => partition).filter(this.hasLeader);
    return led.length === 0 ? null : led[this.random.integer(led.length)]!;
  }

  batchCompleted(partition: number, partitionCount: number): void {
    if (partition !== this.sticky || partitionCount < 2) return;
    const drawn = this.random.integer(partitionCount - 1);
    this.sticky = drawn < partition ? drawn : drawn + 1;
  }
}

class RoundRobinPartitioner implements Partitioner {
  private next = -1;

  constructor(
    private readonly random: Random,
    private readonly hasLeader: HasLeader,
  ) {}

  choose(_key: Buffer | null, partitionCount: number): number {
    const first = this.next < 0 ? this.random.integer(partitionCount) : (this.next + 1) % partitionCount;
    this.next = first;
    while (!this.hasLeader(this.next)) {
      this.next = (this.next + 1) % partitionCount;
      if (this.next === first) break;
    }
    return this.next;
  }

  batchCompleted(): void {}
}
