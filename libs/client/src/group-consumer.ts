/**
 * A consumer that shares the partitions of its topics with the other members of its group. It joins the three parts: the
 * membership says which generation this is, the assignment where its partitions begin, the fetcher brings their records.
 * Its promises: a record is given out only while its partition is assigned; what is committed was taken in the same
 * assignment and goes with that generation, so that a member that is late can never commit over its successor; commits go one
 * after another, so that an older one never ends up on top.
 */
import type { Rebalance, TopicPartition } from '#groups';
import type { KafkaError, KafkaErrorName } from '#kernel';
import { YakError } from '#kernel';
import type { Cancellable } from '#seams';
import { withTimeout } from '#seams';
import { BatchQueue } from './batch-queue.js';
import type { ClientCore } from './client-core.js';
import type { ConsumedRecord } from './contract.js';
import type { FetchedPartition, FetcherOwner } from './fetcher.js';
import { Fetcher } from './fetcher.js';
import { GroupAssignment } from './group-assignment.js';
import type { GroupConsumer, GroupConsumerConfig, GroupEvent, OffsetToCommit } from './group-contract.js';
import { GroupCoordinatorLink } from './group-coordinator-link.js';
import { notAssigned, notCommitted } from './group-errors.js';
import type { Generation } from './group-generation.js';
import { GroupMembership, type MembershipOwner } from './group-membership.js';
import type { GroupOptions } from './group-options.js';
import { CLOSE_TIMEOUT_MS, GROUP_ATTEMPT_TIMEOUT_MS, groupOptions } from './group-options.js';
import type { ResolvedOffset } from './group-progress.js';
import type { PartitionReader } from './partition-reader.js';

export class YakGroupConsumer implements GroupConsumer, FetcherOwner, MembershipOwner {
  private readonly options: GroupOptions;
  private readonly queue: BatchQueue;
  private readonly fetcher: Fetcher;
  private readonly link: GroupCoordinatorLink;
  private readonly membership: GroupMembership;
  private readonly listeners: ((event: GroupEvent) => void | Promise<void>)[] = [];
  /** Null between generations. */
  private current: GroupAssignment | null = null;
  /** The last commit that was begun; the next one waits for it. */
  private commits: Promise<void> = Promise.resolve();
  /** Why something that was taken could not be committed any more; told to the next commit(). */
  private missed: KafkaError | null = null;
  private autoCommitTimer: Cancellable | null = null;
  private callerReturned = () => {};
  private closing: Promise<void> | null = null;

  constructor(
    private readonly core: ClientCore,
    config: GroupConsumerConfig,
    private readonly onClosed: (consumer: YakGroupConsumer) => void,
  ) {
    this.options = groupOptions(config);
    this.queue = new BatchQueue({
      given: (batch) => {
        this.current?.progress.given(batch);
        this.fetcher.queuePump();
        this.endIfDone();
      },
      failed: (error) => this.failed(error),
    });
    this.fetcher = new Fetcher(core, this.options, this.queue, this);
    this.link = new GroupCoordinatorLink(core, this.options.groupId, core.newGroupLane(), (brokerId, reason) => {
      void this.tell({ type: 'coordinator', brokerId, reason });
    });
    this.membership = new GroupMembership(core, this.options, this.link, this);
    this.membership.start();
    this.scheduleAutoCommit();
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly ConsumedRecord[]> {
    return {
      next: () => this.next(),
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  get assignment(): readonly TopicPartition[] {
    return this.current?.partitions ?? [];
  }

  onEvent(listener: (event: GroupEvent) => void | Promise<void>): void {
    this.listeners.push(listener);
  }

  async lastRebalance(): Promise<Rebalance | null> {
    const { groupId } = this.options;
    const deadline = this.now() + this.core.options.requestTimeoutMs;
    const mayGoOn = () => this.closing === null && this.now() < deadline;
    const answer = await this.link.ask('groupHistory', { groupId }, { timeoutMs: GROUP_ATTEMPT_TIMEOUT_MS, mayGoOn });
    if (answer === null) throw new YakError('REQUEST_TIMEOUT', `no coordinator of group ${groupId} told its history in time`);
    return answer.rebalances.at(-1) ?? null;
  }

  private next() {
    this.current?.progress.callerReturned();
    // What was in hand is given out again, and who lets us commit does not ask for it.
    if (this.options.autoCommitIntervalMs !== null) this.missed = null;
    this.callerReturned();
    return this.queue.next();
  }

  // ---- commits ----

  async commit(): Promise<void> {
    const missed = this.missed;
    this.missed = null;
    await this.commitSoon((assignment) => assignment?.progress.open('taken') ?? []);
    if (missed !== null) throw missed;
  }

  async commitOffsets(offsets: readonly OffsetToCommit[]): Promise<void> {
    if (offsets.length === 0) return;
    if (this.current === null) throw notAssigned(offsets[0]!);
    // Checked now, and for this assignment: a later one may have the same partition and be elsewhere in it.
    const assignment = this.current;
    const checked = assignment.progress.check(offsets);
    await this.commitSoon((now) => {
      if (now !== assignment) throw notAssigned(offsets[0]!);
      return checked;
    });
  }

  private commitSoon(offsetsOf: (assignment: GroupAssignment | null) => readonly ResolvedOffset[]): Promise<void> {
    const commit = this.commits.then(async () => {
      const assignment = this.current;
      const offsets = offsetsOf(assignment);
      if (assignment !== null) await this.commitNow(assignment, offsets);
    });
    this.commits = commit.catch(() => {});
    return commit;
  }

  private async commitNow(assignment: GroupAssignment, offsets: readonly ResolvedOffset[]): Promise<void> {
    if (offsets.length === 0) return;
    const { groupId, groupInstanceId } = this.options;
    const { generationId, memberId } = assignment.generation;
    const deadline = this.now() + this.core.options.requestTimeoutMs;
    const mayGoOn = () => this.current === assignment && this.now() < deadline;
    const request = { groupId, generationId, memberId, groupInstanceId, partitions: offsets };
    const answer = await this.link.ask('commitOffsets', request, { timeoutMs: GROUP_ATTEMPT_TIMEOUT_MS, mayGoOn });
    if (answer === null) throw notCommitted(this.current === assignment ? 'REQUEST_TIMED_OUT' : 'ILLEGAL_GENERATION', offsets);
    const errors = new Map<KafkaErrorName, ResolvedOffset[]>();
    offsets.forEach((offset, place) => {
      const error = answer.partitions[place]?.error ?? 'UNKNOWN_SERVER_ERROR';
      errors.set(error, [...(errors.get(error) ?? []), offset]);
    });
    assignment.progress.committed(errors.get('NONE') ?? []);
    errors.delete('NONE');
    for (const [error, refused] of errors) {
      this.membership.heard(assignment.generation, error);
      throw notCommitted(error, refused);
    }
  }

  private scheduleAutoCommit(): void {
    const { autoCommitIntervalMs } = this.options;
    if (autoCommitIntervalMs === null) return;
    this.autoCommitTimer = this.core.seams.scheduler.after(autoCommitIntervalMs, () => {
      void this.autoCommit().then(() => {
        if (this.closing === null) this.scheduleAutoCommit();
      });
    });
  }

  private async autoCommit(): Promise<void> {
    try {
      await this.commitSoon((assignment) => assignment?.progress.open('returned') ?? []);
    } catch (error) {
      await this.tell({ type: 'commit-failed', error: error as Error });
    }
  }

  // ---- MembershipOwner ----

  assigned(generation: Generation): void {
    const assignment = new GroupAssignment(generation, this.core, this.options, this.link, (readers) => this.ready(assignment, readers));
    this.current = assignment;
    this.queue.hold(false);
    const { generationId, memberId, isLeader, protocol, partitions } = generation;
    void this.tell({ type: 'assigned', generationId, memberId, isLeader, protocol, partitions });
    assignment.begin().catch((error) => this.failed(error));
    this.endIfDone();
  }

  /** The caller gets time to finish what it has in hand, then what it did is committed. */
  async revoking(reason: string): Promise<void> {
    // Whoever closes it commits, and then there is no next generation.
    if (this.closing !== null) return new Promise(() => {});
    const assignment = this.current!;
    this.stopReading(assignment);
    const work = async () => {
      if (assignment.progress.isInHand && !this.queue.isCallerWaiting) {
        await new Promise<void>((resolve) => {
          this.callerReturned = resolve;
        });
      }
      await this.tell({ type: 'revoking', reason, partitions: assignment.partitions });
      if (this.options.autoCommitIntervalMs !== null) await this.autoCommit();
      await this.commits;
    };
    await this.within(this.options.revocationMs, work());
  }

  ended(isLost: boolean, reason: string): void {
    const assignment = this.current;
    if (assignment === null) return;
    this.stopReading(assignment);
    assignment.end();
    this.current = null;
    const { partitions, progress } = assignment;
    if (progress.isUncommitted) this.missed = notCommitted(isLost ? 'ILLEGAL_GENERATION' : 'REBALANCE_IN_PROGRESS', partitions);
    if (isLost) void this.tell({ type: 'lost', reason, partitions });
  }

  /** Of FetcherOwner too: what no repeat would change. */
  failed(error: unknown): void {
    void this.shutDown({ commit: true, leave: this.options.groupInstanceId === null, ending: { error } });
  }

  private stopReading(assignment: GroupAssignment): void {
    this.queue.hold(true);
    this.queue.discard();
    this.fetcher.remove(assignment.allReaders);
  }

  // ---- FetcherOwner ----

  private ready(assignment: GroupAssignment, readers: readonly PartitionReader[]): void {
    if (this.current !== assignment || this.closing !== null || assignment.generation.interruption !== null) return;
    this.fetcher.add(readers);
    // Otherwise a successor would look for the start anew, and find a later one.
    if (this.options.from !== 'earliest') void this.autoCommit();
    this.endIfDone();
  }

  fetched(): void {
    this.queue.giveOut();
    this.endIfDone();
  }

  outOfRange(reader: PartitionReader, answer: FetchedPartition): void {
    const assignment = this.current;
    if (assignment === null) return;
    assignment.findAgain(reader, answer).then(
      (found) => {
        if (found === null) return;
        const { topic, partition, position: now } = reader;
        if (!this.queue.has(reader)) assignment.progress.moved(reader);
        const cause = found.isTrimmed ? 'retention' : 'truncation';
        void this.tell({ type: 'out-of-range', cause, topic, partition, position: found.position, now });
        this.fetcher.queuePump();
        this.endIfDone();
      },
      (error) => this.failed(error),
    );
  }

  topicGone(topic: string, error: KafkaError): void {
    const assignment = this.current;
    if (assignment === null) return;
    const { dropped, fresh } = assignment.restart(topic);
    this.fetcher.remove(dropped);
    for (const reader of dropped) this.queue.discard(reader);
    void this.tell({ type: 'lost', reason: error.message, partitions: fresh.map(({ partition }) => ({ topic, partition })) });
    assignment.begin(fresh).catch((failure) => this.failed(failure));
  }

  // ---- ends ----

  private endIfDone(): void {
    const { current } = this;
    if (!this.options.exitAtEnd || current === null || current.generation.interruption !== null) return;
    if (current.isAtEnd && this.queue.bytes === 0) this.queue.end();
  }

  close({ commit = true, leave = this.options.groupInstanceId === null } = {}): Promise<void> {
    return this.shutDown({ commit, leave, ending: {} });
  }

  private shutDown(how: { commit: boolean; leave: boolean; ending: { readonly error?: unknown } }): Promise<void> {
    this.closing ??= this.shutDownOnce(how);
    return this.closing;
  }

  private async shutDownOnce({ commit, leave, ending }: { commit: boolean; leave: boolean; ending: { readonly error?: unknown } }) {
    this.autoCommitTimer?.cancel();
    this.fetcher.stop();
    this.queue.discard();
    this.queue.end(ending);
    const deadline = this.now() + CLOSE_TIMEOUT_MS;
    const farewell = async () => {
      if (commit && this.options.autoCommitIntervalMs !== null) await this.autoCommit();
      await this.commits;
      this.membership.stop();
      if (leave) await this.membership.leave('the consumer is closed', () => this.now() < deadline).catch(() => {});
    };
    await this.within(CLOSE_TIMEOUT_MS, farewell());
    this.membership.stop();
    this.current?.end();
    this.current = null;
    this.link.close();
    this.onClosed(this);
  }

  /** Resolves when every listener has; one that throws ends the consumer. */
  private async tell(event: GroupEvent): Promise<void> {
    try {
      await Promise.all(this.listeners.map((listener) => listener(event)));
    } catch (error) {
      this.failed(error);
    }
  }

  private within(timeoutMs: number, work: Promise<void>): Promise<void> {
    const late = () => new YakError('REQUEST_TIMEOUT', `not done within ${timeoutMs} ms`);
    return withTimeout(this.core.seams.scheduler, timeoutMs, work, late).catch(() => {});
  }

  private now(): number {
    return this.core.seams.clock.monotonicMs();
  }
}
