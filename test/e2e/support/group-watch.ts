/** Looks at a group every 200 ms while faults happen: whether a commit is ever undone, and which generations it goes through. */
import type { YakClient } from '#client';

const PERIOD_MS = 200;

export class GroupWatch {
  /** The latest committed offset, by topic and partition. */
  readonly committed = new Map<string, number>();
  /** Commits that were seen and then seen lower, or not at all. */
  readonly undone: string[] = [];
  /** Of every look that found the group stable, in order, without repetition. */
  readonly stableGenerations: number[] = [];
  /** When each rebalance began; the coordinator keeps only the last ones, so they are gathered. */
  readonly rebalances = new Set<number>();
  looks = 0;
  /** Looks that no coordinator answered. */
  unanswered = 0;
  private isOver = false;
  private readonly done: Promise<void>;

  constructor(
    private readonly client: YakClient,
    private readonly groupId: string,
  ) {
    this.done = this.run();
  }

  private async run(): Promise<void> {
    while (!this.isOver) {
      await this.look();
      await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
    }
  }

  async look(): Promise<void> {
    this.looks++;
    const { groups } = this.client.admin;
    try {
      const { error, partitions } = await groups.fetchOffsets(this.groupId, null);
      if (error !== 'NONE') throw new Error(error);
      this.compare(new Map(partitions.map(({ topic, partition, offset }) => [`${topic}-${partition}`, offset])));
      const [group] = await groups.describe([this.groupId]);
      if (group?.state === 'Stable' && this.stableGenerations.at(-1) !== group.generationId) {
        this.stableGenerations.push(group.generationId);
      }
      for (const { startedAtMs } of (await groups.history(this.groupId)).rebalances) this.rebalances.add(startedAtMs);
    } catch {
      this.unanswered++;
    }
  }

  private compare(now: ReadonlyMap<string, number>): void {
    for (const [partition, before] of this.committed) {
      const after = now.get(partition) ?? -1;
      if (after < before) this.undone.push(`${partition}: ${before}, then ${after}`);
    }
    for (const [partition, offset] of now) this.committed.set(partition, offset);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.done;
  }
}
