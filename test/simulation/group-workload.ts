/**
 * A consumer group on the workload's topic: members in processes of their own, on hosts that fault like any other. Each takes
 * a batch, works a little, commits it, and takes the next; what it is told goes to the judge (group-checks.ts).
 */
import { type Client, type GroupConsumer, YakClient } from '#client';
import { YakError } from '#kernel';
import { sleep } from '#seams';
import type { SimProcess } from '#seams-sim';
import type { Checkers } from './checkers.js';
import { GROUP, type SimCluster } from './cluster.js';
import { GroupChecks } from './group-checks.js';
import { GroupObserver } from './group-observer.js';
import type { SwarmOptions } from './swarm-options.js';

const COMMIT_RETRY_MS = 150;
/** After these the records will be given out again, here or elsewhere. */
const GIVEN_TO_OTHERS: ReadonlySet<string> = new Set([
  'NOT_ASSIGNED',
  'NOT_TAKEN',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
]);

export class GroupWorkload {
  readonly checks = new GroupChecks();
  readonly observer: GroupObserver;
  private readonly processes: (SimProcess | null)[];
  private isOver = false;
  private stored: readonly number[] | null = null;

  constructor(
    private readonly cluster: SimCluster,
    private readonly checkers: Checkers,
    private readonly options: SwarmOptions,
  ) {
    this.processes = Array.from({ length: options.group.members }, () => null);
    this.observer = new GroupObserver(cluster, this.checks);
  }

  start(): void {
    for (let index = 0; index < this.options.group.members; index++) this.startMember(index);
    this.observer.start();
  }

  /** Does nothing while it lives. */
  startMember(index: number): void {
    if (this.isOver || this.processes[index]?.isAlive) return;
    const process = this.cluster.world.start(`member-${index}`);
    this.processes[index] = process;
    process.run('consume', () => void this.consume(index, process));
  }

  private async consume(index: number, process: SimProcess): Promise<void> {
    const { group } = this.options;
    const { clock, scheduler, random, network, logger } = process;
    const isStatic = index < group.staticMembers;
    const name = isStatic ? `static-${index}` : `member-${index}#${process.incarnation}`;
    const client: Client = new YakClient(
      { bootstrap: this.cluster.bootstrap, clientId: `member-${index}`, requestTimeoutMs: group.requestTimeoutMs },
      { clock, scheduler, random, network, logger },
    );
    const consumer = client.groupConsumer({
      groupId: GROUP,
      topics: [this.cluster.topic],
      ...(isStatic ? { groupInstanceId: `static-${index}` } : {}),
      sessionTimeoutMs: group.sessionTimeoutMs,
      rebalanceTimeoutMs: group.sessionTimeoutMs,
      autoCommitIntervalMs: null,
      maxWaitMs: 300,
      bufferBytes: 64 * 1024,
    });
    const judged = (judge: () => void): void => {
      try {
        judge();
      } catch (error) {
        this.cluster.world.fail(error);
      }
    };
    consumer.onEvent((event) => {
      logger.debug(event.type, { ...event });
      if (event.type === 'assigned') judged(() => this.checks.assigned(name, event));
    });
    try {
      for await (const records of consumer) {
        this.checkers.check();
        judged(() => this.checks.took(name, records, (partition) => this.checkers.committedEnd(partition)));
        await sleep(scheduler, random.integer(group.workMs + 1));
        const last = records[records.length - 1]!;
        await this.commit(process, consumer, name, last.partition, last.offset + 1, judged);
      }
    } catch (error) {
      // A member that was fenced (another one with its instance id) or given up ends; its process starts again.
      if (!(error instanceof YakError)) this.cluster.world.fail(error);
      this.cluster.world.schedule(100, 'member ends', () => {
        if (!process.isAlive) return;
        process.kill({ isSilent: false });
        this.startMember(index);
      });
    }
  }

  private async commit(
    process: SimProcess,
    consumer: GroupConsumer,
    name: string,
    partition: number,
    offset: number,
    judged: (judge: () => void) => void,
  ): Promise<void> {
    const { scheduler } = process;
    while (process.isAlive) {
      const settle = this.checks.committing(name, partition, offset);
      try {
        await consumer.commitOffsets([{ topic: this.cluster.topic, partition, offset }]);
        judged(() => settle(true));
        return;
      } catch (error) {
        if (!(error instanceof YakError)) throw error;
        settle(false);
        if (GIVEN_TO_OTHERS.has(error.code)) return;
      }
      // The last records of a partition are followed by none whose commit would cover them.
      await sleep(scheduler, COMMIT_RETRY_MS);
    }
  }

  // ---- faults ----

  kill(index: number, downMs: number): boolean {
    const process = this.processes[index];
    if (!process?.isAlive) return false;
    process.kill({ isSilent: index % 2 === 0 });
    this.cluster.world.schedule(downMs, 'fault', () => this.startMember(index));
    return true;
  }

  // ---- the end ----

  /** Every committed record was given to somebody, and is committed by the group. */
  get isDone(): boolean {
    return this.cluster.partitions.every((partition) => {
      const end = this.checkers.committedEnd(partition);
      return this.checks.hasTakenAll(partition, end) && this.checks.committed(partition) >= end;
    });
  }

  describe(): string {
    const read = this.cluster.partitions.map(
      (partition) => `${this.checks.committed(partition)} of ${this.checkers.committedEnd(partition)}`,
    );
    return `group has committed ${read.join(', ')}`;
  }

  /** Asks the coordinator what it holds; the answer is a condition. */
  askStored(client: Client): () => boolean {
    const ask = async (): Promise<void> => {
      while (this.stored === null) {
        try {
          const { error, partitions } = await client.admin.groups.fetchOffsets(GROUP, null);
          if (error === 'NONE') {
            this.stored = this.cluster.partitions.map((partition) => partitions.find((one) => one.partition === partition)?.offset ?? -1);
          }
        } catch (error) {
          if (!(error instanceof YakError)) throw error;
        }
        if (this.stored === null) await sleep(this.cluster.clientProcess.scheduler, 200);
      }
    };
    this.cluster.clientProcess.run('ask for committed offsets', () => void ask().catch((error) => this.cluster.world.fail(error)));
    return () => this.stored !== null;
  }

  finalCheck(): void {
    this.isOver = true;
    this.observer.stop();
    for (const partition of this.cluster.partitions)
      this.checks.finalCheck(partition, this.checkers.committedEnd(partition), this.stored![partition]!);
  }
}
