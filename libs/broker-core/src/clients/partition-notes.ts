/**
 * One note per partition that a connection named, found without building a key: topics, then partitions. At most
 * PARTITIONS_NOTED_PER_CONNECTION_MAX, and all connections together no more than their budget has; the oldest topic's oldest
 * note goes first.
 */
export const PARTITIONS_NOTED_PER_CONNECTION_MAX = 1_000;

/** Shared by all connections of a broker, so that thousands of them cannot fill its memory, nor one answer. */
export interface NoteBudget {
  left: number;
}

export class PartitionNotes<T> {
  private readonly byTopic = new Map<string, Map<number, T>>();
  private count = 0;

  constructor(private readonly budget: NoteBudget) {}

  get(topic: string, partition: number): T | undefined {
    return this.byTopic.get(topic)?.get(partition);
  }

  /** Makes room first; keeps nothing when this connection has no note to give up and the budget is spent. */
  add(topic: string, partition: number, note: T): T {
    if (this.count >= PARTITIONS_NOTED_PER_CONNECTION_MAX || this.budget.left <= 0) this.forgetOldest();
    if (this.budget.left <= 0) return note;
    let ofTopic = this.byTopic.get(topic);
    if (!ofTopic) {
      ofTopic = new Map();
      this.byTopic.set(topic, ofTopic);
    }
    ofTopic.set(partition, note);
    this.count++;
    this.budget.left--;
    return note;
  }

  *values(): Generator<T> {
    for (const ofTopic of this.byTopic.values()) yield* ofTopic.values();
  }

  clear(): void {
    this.budget.left += this.count;
    this.count = 0;
    this.byTopic.clear();
  }

  private forgetOldest(): void {
    for (const [topic, ofTopic] of this.byTopic) {
      for (const partition of ofTopic.keys()) {
        ofTopic.delete(partition);
        if (ofTopic.size === 0) this.byTopic.delete(topic);
        this.count--;
        this.budget.left++;
        return;
      }
    }
  }
}
