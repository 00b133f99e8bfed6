/** Members of a group for tests: each a process of its own that reads in a loop and remembers what it was given and told. */
import { RecordBatchBuilder } from '#record';
import type { ConsumedRecord } from '../contract.js';
import type { GroupConsumer, GroupConsumerConfig, GroupEvent } from '../group-contract.js';
import type { YakClient } from '../yak-client.js';
import type { FakeCluster } from './fake-cluster.js';

/** One process with one consumer, read in a loop, each batch taking `workMs`. */
export class Member {
  readonly client: YakClient;
  readonly consumer: GroupConsumer;
  readonly records: ConsumedRecord[] = [];
  readonly events: GroupEvent[] = [];
  isDone = false;
  failure: unknown = null;
  workMs = 0;
  /** What the loop body does with a batch. */
  body: (batch: readonly ConsumedRecord[]) => Promise<void> = async () => {};
  onBatchDone: (batch: readonly ConsumedRecord[]) => void = () => {};

  constructor(
    readonly cluster: FakeCluster,
    readonly name: string,
    config: Partial<GroupConsumerConfig> = {},
  ) {
    this.client = cluster.client({ clientId: name, retryBackoffMs: 5, retryBackoffMaxMs: 50 }, name);
    const timeouts = { sessionTimeoutMs: 1000, rebalanceTimeoutMs: 3000, autoCommitIntervalMs: 200, maxWaitMs: 100 };
    this.consumer = this.client.groupConsumer({ groupId: 'g', topics: ['t'], ...timeouts, ...config });
    this.consumer.onEvent((event) => void this.events.push(event));
    void this.read().catch((error) => {
      this.failure = error;
    });
  }

  get partitions(): string[] {
    return this.consumer.assignment.map(({ topic, partition }) => `${topic}-${partition}`).sort();
  }

  values(partition = 0, topic = 't'): string[] {
    return this.records.filter((one) => one.topic === topic && one.partition === partition).map((one) => one.value!.toString());
  }

  of<T extends GroupEvent['type']>(type: T): Extract<GroupEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<GroupEvent, { type: T }> => event.type === type);
  }

  private async read(): Promise<void> {
    for await (const batch of this.consumer) {
      this.records.push(...batch);
      await this.body(batch);
      if (this.workMs > 0) {
        const { scheduler } = this.cluster.world.process(this.name)!;
        await new Promise<void>((resolve) => scheduler.after(this.workMs, resolve));
      }
      this.onBatchDone(batch);
    }
    this.isDone = true;
  }
}

/** All members are in one generation and have, together, every partition of t once. */
export function isShared(members: readonly Member[], partitions: number): boolean {
  const all = members.flatMap((member) => member.partitions);
  const generations = new Set(members.map((member) => member.of('assigned').at(-1)?.generationId));
  return generations.size === 1 && all.length === partitions && new Set(all).size === partitions;
}

/** One stored batch. */
export function store(cluster: FakeCluster, partition: number, values: readonly string[], topic = 't'): void {
  const target = cluster.partition(topic, partition);
  const builder = new RecordBatchBuilder();
  for (const value of values) builder.append({ timestamp: 1000, key: null, value: Buffer.from(value) });
  target.append(builder.build());
}
