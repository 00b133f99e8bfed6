/**
 * The groups of one `__consumer_offsets` partition, while this broker leads it in one leader epoch.
 *
 *   loading ──▶ active | failed      any ──▶ closed (final: a new leader epoch makes a new shard)      active ──▶ loading (anew)
 *
 * R24, enforced here and nowhere else:
 * - loading begins when the watermark has passed everything in the log, so what it reads is committed; until it is done
 *   nobody is answered with anything but COORDINATOR_LOAD_IN_PROGRESS;
 * - what the machine decides is appended and applied in the same turn, and an answer leaves only when everything that was
 *   applied before it is below the high watermark: nobody hears of what could still be lost;
 * - a look-up is also confirmed to come from the leader (leadership.ts), or a deposed one would say "no offset";
 * - on the way out every waiting reply fails, and nothing is completed afterwards (R23).
 */

import { type Decision, decodeGroupRecord, encodeGroupRecord, type GroupMachine, type Reply, type Time } from '#groups';
import { CorruptionError, type KafkaErrorName, type MonotonicMs, type Offset } from '#kernel';
import { decodeRecords, RecordBatchBuilder, recordBatch, splitBatches } from '#record';
import type { LeaderState } from '#replication';
import type { Cancellable, Clock, Logger, Scheduler } from '#seams';
import type { Partition } from '../partition.js';

/** Read and applied in one turn of the event loop while loading; some thousand commits. */
export const LOAD_BYTES_PER_TURN = 128 * 1024;
/** Of one append; a single larger record still goes. */
export const BATCH_BYTES_MAX = 512 * 1024;
/** When something is due but cannot be written now. */
export const POSTPONED_TICK_MS = 100;
/** After an append that was refused for good: what caused it may be due again as soon as the groups are loaded. */
export const RELOAD_DELAY_MS = 1_000;
/** Of reads at one offset that bring nothing, because files go while they are read. */
const EMPTY_READS_MAX = 10;

export interface GroupShardHost {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly commitTimeoutMs: number;
  readonly retentionCheckIntervalMs: number;
  newMachine(): GroupMachine;
  /** An append with acks=all would be taken now (R1, R21). */
  canWrite(partition: Partition, state: LeaderState): boolean;
  /** R21, third row: neither the cluster coordinator nor an in-sync replica is reached. */
  isCutOff(partition: Partition): boolean;
  /** Resolves true when `state` was the partition's one leadership after the call began (R24). */
  confirmLeadership(partition: Partition, state: LeaderState): Promise<boolean>;
  /** The shard is active: what happened to topics meanwhile can be told to it. */
  loaded(shard: GroupShard): void;
}

export class GroupShard {
  readonly index: number;
  private machine: GroupMachine;
  private phase: 'loading' | 'active' | 'failed' | 'closed' = 'loading';
  /** Exclusive end of the log as the machine has applied it. */
  private appliedEnd: Offset = 0;
  private timer: { readonly at: MonotonicMs; readonly cancellable: Cancellable } | null = null;
  private readonly waiting = new Set<(error: KafkaErrorName) => void>();
  /** What was refused since all was well. */
  private refused: 'nothing' | 'changes' | 'everything' = 'nothing';
  readonly startedAt: MonotonicMs;
  loadedAt: MonotonicMs | null = null;

  constructor(
    private readonly host: GroupShardHost,
    readonly partition: Partition,
    readonly state: LeaderState,
  ) {
    this.index = partition.index;
    this.startedAt = host.clock.monotonicMs();
    this.machine = host.newMachine();
  }

  get isActive(): boolean {
    return this.phase === 'active';
  }

  get isLoading(): boolean {
    return this.phase === 'loading';
  }

  /** Null while it is active. */
  get unavailability(): KafkaErrorName | null {
    if (this.phase === 'active') return null;
    if (this.phase === 'loading') return 'COORDINATOR_LOAD_IN_PROGRESS';
    return this.phase === 'failed' ? 'COORDINATOR_NOT_AVAILABLE' : 'NOT_COORDINATOR';
  }

  get size(): GroupMachine['size'] {
    return this.machine.size;
  }

  // ---- loading ----

  /** Resolves when it is active or closed. */
  async load(): Promise<void> {
    const end = this.partition.log.logEndOffset;
    await this.whenCommitted(end);
    try {
      await this.replay(end);
    } catch (error) {
      if (this.phase !== 'loading') return;
      // Serving what could be read would answer "no offset" for the rest. A damaged log fails by itself, and its leadership moves.
      this.phase = 'failed';
      this.host.logger.error('groups are not served: their partition cannot be loaded', { partition: this.index, reason: String(error) });
      return;
    }
    if (this.phase !== 'loading') return;
    this.appliedEnd = end;
    this.machine.loaded(this.now());
    this.phase = 'active';
    this.loadedAt = this.host.clock.monotonicMs();
    const { groups, offsets } = this.machine.size;
    this.host.logger.debug('groups loaded', {
      partition: this.index,
      leaderEpoch: this.state.leaderEpoch,
      groups,
      offsets,
      ms: Math.round(this.loadedAt - this.startedAt),
    });
    this.host.loaded(this);
    this.arm();
  }

  /** The watermark is fresh and passed `end`: what lies below is committed in this leader epoch (R7, R24). */
  private whenCommitted(end: Offset): Promise<void> {
    return new Promise((resolve) => this.partition.whenCommitted(end, () => resolve()));
  }

  private async replay(end: Offset): Promise<void> {
    const { log } = this.partition;
    let offset = log.logStartOffset;
    let emptyReads = 0;
    while (offset < end && this.phase === 'loading') {
      const buffers = await log.read(offset, end, LOAD_BYTES_PER_TURN, true);
      if (this.phase !== 'loading') return;
      const next = this.applyAll(buffers, offset);
      // A batch reaches up to `end`, so an empty answer is never the end: to take it for that would be to forget what follows.
      emptyReads = next > offset ? 0 : emptyReads + 1;
      if (emptyReads > EMPTY_READS_MAX) throw new CorruptionError(`nothing can be read at offset ${offset}, below ${end}`);
      offset = Math.max(next, log.logStartOffset);
      await new Promise<void>((resolve) => this.host.scheduler.endOfTurn(resolve));
    }
  }

  private applyAll(buffers: readonly Buffer[], from: Offset): Offset {
    let next = from;
    for (const buffer of buffers) {
      for (const batch of splitBatches(buffer)) {
        next = recordBatch.lastOffset(batch) + 1;
        if (recordBatch.isControl(batch) || recordBatch.recordsCount(batch) === 0) continue;
        for (const { key, value } of decodeRecords(batch)) {
          const record = key === null ? null : decodeGroupRecord(key, value);
          if (record !== null) this.machine.apply(record);
        }
      }
    }
    return next;
  }

  // ---- commands and look-ups ----

  /** Runs one command of the machine. `failed` builds the response for an error that concerns the coordinator, not the command. */
  command<R>(failed: (error: KafkaErrorName) => R, decide: (machine: GroupMachine, reply: Reply<R>, now: Time) => Decision): Promise<R> {
    if (this.phase !== 'active') return Promise.resolve(failed(this.unavailability!));
    if (!this.canWrite()) return Promise.resolve(failed('COORDINATOR_NOT_AVAILABLE'));
    return new Promise<R>((resolve) => {
      const reply: Reply<R> = { send: resolve, fail: (error) => resolve(failed(error)) };
      this.carryOut(decide(this.machine, reply, this.now()));
    });
  }

  /** A change that nobody waits for; false when it cannot be written now. */
  change(decide: (machine: GroupMachine, now: Time) => Decision): boolean {
    if (this.phase !== 'active' || !this.canWrite()) return false;
    this.carryOut(decide(this.machine, this.now()));
    return true;
  }

  /** Answers at once: for what shows nothing that has to be committed. */
  immediately<R>(failed: (error: KafkaErrorName) => R, ask: (machine: GroupMachine, now: Time) => R): R {
    if (this.phase !== 'active') return failed(this.unavailability!);
    if (this.host.isCutOff(this.partition)) {
      this.refused = 'everything';
      return failed('COORDINATOR_NOT_AVAILABLE');
    }
    const response = ask(this.machine, this.now());
    this.arm();
    return response;
  }

  async lookUp<R>(failed: (error: KafkaErrorName) => R, read: (machine: GroupMachine) => R): Promise<R> {
    if (this.phase !== 'active') return failed(this.unavailability!);
    const response = read(this.machine);
    const confirmed = this.host.confirmLeadership(this.partition, this.state);
    const error = await new Promise<KafkaErrorName>((resolve) => this.whenVisible(resolve));
    if (error !== 'NONE') return failed(error);
    if (!(await confirmed)) return failed(this.unavailability ?? 'COORDINATOR_NOT_AVAILABLE');
    return response;
  }

  /** For tools that want what is known here, committed or not; empty unless active. */
  peek<R>(read: (machine: GroupMachine) => R, otherwise: R): R {
    return this.phase === 'active' ? read(this.machine) : otherwise;
  }

  /** After a time in which it could not, whoever was refused gets as long as at the beginning of it (R21). */
  private canWrite(): boolean {
    if (!this.host.canWrite(this.partition, this.state)) {
      if (this.host.isCutOff(this.partition)) this.refused = 'everything';
      else if (this.refused === 'nothing') this.refused = 'changes';
      return false;
    }
    if (this.refused !== 'nothing') this.machine.resume(this.refused === 'everything', this.now());
    this.refused = 'nothing';
    return true;
  }

  private carryOut(decision: Decision): void {
    if (decision.records.length > 0 && !this.append(decision)) return;
    if (decision.answers.length > 0) {
      this.whenVisible((error) => {
        for (const { reply, response } of decision.answers) {
          if (error === 'NONE') (reply as Reply<unknown>).send(response);
          else reply.fail(error);
        }
      });
    }
    this.arm();
  }

  private append(decision: Decision): boolean {
    for (const batch of this.batchesOf(decision)) {
      const outcome = this.partition.append(batch, true);
      if (outcome.kind === 'stored') continue;
      // canWrite was asked in this very turn, so this is no passing state: what the machine holds is no longer what is stored.
      this.host.logger.error('a change of groups was refused; they are loaded anew', { partition: this.index, error: outcome.error });
      for (const { reply } of decision.answers) reply.fail('COORDINATOR_NOT_AVAILABLE');
      this.reload();
      return false;
    }
    for (const record of decision.records) this.machine.apply(record);
    this.appliedEnd = this.partition.log.logEndOffset;
    return true;
  }

  /** One batch, but for what may be long: the tombstones of a topic or group with very many commits. */
  private *batchesOf({ records }: Decision): Iterable<Buffer> {
    const timestamp = this.host.clock.wallMs();
    let builder = new RecordBatchBuilder();
    for (const record of records) {
      const encoded = { timestamp, ...encodeGroupRecord(record) };
      if (builder.recordsCount > 0 && builder.sizeInBytes + builder.sizeOf(encoded) > BATCH_BYTES_MAX) {
        yield builder.build();
        builder = new RecordBatchBuilder();
      }
      builder.append(encoded);
    }
    yield builder.build();
  }

  private reload(): void {
    this.abandon('COORDINATOR_NOT_AVAILABLE');
    this.machine = this.host.newMachine();
    this.phase = 'loading';
    this.refused = 'nothing';
    this.host.scheduler.after(RELOAD_DELAY_MS, () => {
      if (this.phase === 'loading') void this.load();
    });
  }

  /** Settles once: NONE when everything applied so far is committed, else what to answer instead. */
  private whenVisible(settle: (error: KafkaErrorName) => void): void {
    let timer: Cancellable | null = null;
    let isSettled = false;
    const once = (error: KafkaErrorName): void => {
      if (isSettled) return;
      isSettled = true;
      timer?.cancel();
      this.waiting.delete(once);
      settle(error);
    };
    this.waiting.add(once);
    this.partition.whenCommitted(this.appliedEnd, (error) => {
      if (error === 'NONE') once('NONE');
      else once(error === 'NOT_LEADER_OR_FOLLOWER' ? 'NOT_COORDINATOR' : 'COORDINATOR_NOT_AVAILABLE');
    });
    // It may still be committed later: to the asker the outcome is unknown (G1).
    if (!isSettled) timer = this.host.scheduler.after(this.host.commitTimeoutMs, () => once('COORDINATOR_NOT_AVAILABLE'));
  }

  // ---- time ----

  private now(): Time {
    return { monotonicMs: this.host.clock.monotonicMs(), wallMs: this.host.clock.wallMs() };
  }

  private arm(): void {
    if (this.phase !== 'active') return;
    const now = this.host.clock.monotonicMs();
    const at = Math.min(this.machine.nextDeadline() ?? Number.POSITIVE_INFINITY, now + this.host.retentionCheckIntervalMs);
    if (this.timer && this.timer.at <= at && this.timer.at > now) return;
    this.armAt(at, now);
  }

  private armAt(at: MonotonicMs, now: MonotonicMs): void {
    this.timer?.cancellable.cancel();
    const cancellable = this.host.scheduler.after(Math.max(0, at - now), () => {
      this.timer = null;
      // After a pause of this process the heartbeats that wait in its sockets come first (R22).
      this.host.scheduler.endOfTurn(() => this.tick());
    });
    this.timer = { at, cancellable };
  }

  private tick(): void {
    if (this.phase !== 'active') return;
    if (this.canWrite()) return this.carryOut(this.machine.tick(this.now()));
    const now = this.host.clock.monotonicMs();
    this.armAt(now + POSTPONED_TICK_MS, now);
  }

  // ---- the end ----

  close(): void {
    if (this.phase === 'closed') return;
    this.abandon('NOT_COORDINATOR');
    this.phase = 'closed';
  }

  private abandon(error: KafkaErrorName): void {
    this.timer?.cancellable.cancel();
    this.timer = null;
    for (const settle of [...this.waiting]) settle(error);
    for (const reply of this.machine.abandon()) reply.fail(error);
  }
}
