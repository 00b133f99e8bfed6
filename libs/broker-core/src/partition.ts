/**
 * One replica of one partition on this broker: its log, its role, and who waits for it. The single owner of that state; all
 * methods are synchronous, so nothing can happen between checking an invariant and acting on it.
 *
 * Roles (set by committed metadata only, forward only):
 *   idle ──▶ leader | follower      leader ──▶ leader (higher epoch) | follower | idle      any ──▶ failed (log failed)
 * A broker leads only while its seat carries the broker epoch it registered with in this run (R12). On the way out of
 * `leader` every waiting produce is failed first (R23).
 */
import { assert, type BrokerEpoch, type BrokerId, type KafkaErrorName, type LeaderEpoch, type Offset, type TopicId } from '#kernel';
import type { AppendOutcome, PartitionLog } from '#log';
import type { PartitionRecord } from '#metadata';
import { type BrokerStatusLookup, LeaderState } from '#replication';
import type { Clock, Logger, Scheduler } from '#seams';
import { AckQueue } from './ack-queue.js';
import { PartitionHistory } from './clients/partition-history.js';
import type { BrokerEvent } from './contract.js';
import type { Counters } from './counters.js';
import { Waiters } from './waiters.js';

/** What a partition needs of its broker. */
export interface PartitionHost {
  readonly brokerId: BrokerId;
  /** Under which this process is registered; -1 before. */
  readonly brokerEpoch: BrokerEpoch;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly replicaLagTimeMaxMs: number;
  readonly status: BrokerStatusLookup;
  emit(event: BrokerEvent): void;
  /** The partition has a new proposal pending: send it until it ends. */
  proposalPending(partition: Partition, state: LeaderState): void;
  /** The role or the leader to follow changed. */
  roleChanged(partition: Partition): void;
  /** A follower made more durable: tell the leader (R2). */
  followerHeld(partition: Partition): void;
}

export type Role =
  | { readonly kind: 'leader'; readonly state: LeaderState }
  | { readonly kind: 'follower'; readonly leader: BrokerId; readonly leaderEpoch: LeaderEpoch }
  | { readonly kind: 'idle' }
  | { readonly kind: 'failed'; readonly reason: string };

export type ProduceOutcome =
  | { readonly kind: 'refused'; readonly error: KafkaErrorName; readonly message?: string }
  | { readonly kind: 'stored'; readonly baseOffset: Offset /** inclusive */; readonly lastOffset: Offset; readonly isDuplicate: boolean };

export class Partition {
  readonly topic: string;
  readonly topicId: TopicId;
  readonly index: number;
  readonly log: PartitionLog;
  readonly history = new PartitionHistory();
  private committedRecord: PartitionRecord;
  private currentRole: Role = { kind: 'idle' };
  private watermark: Offset;
  /** By answering an asking election this replica promised to take no part in a lower leader epoch (R19). */
  private promisedEpoch: LeaderEpoch = -1;
  private readonly highWatermarkAcks = new AckQueue();
  private readonly heldAcks = new AckQueue();
  /** Woken when records were appended or the role changed. */
  readonly appends = new Waiters();
  /** Woken when the high watermark advanced or the role changed. */
  readonly watermarks = new Waiters();
  /** Woken when a replica's fetch arrived or the role changed. */
  readonly arrivals = new Waiters();
  private isAppendWakePending = false;

  constructor(
    private readonly host: PartitionHost,
    record: PartitionRecord,
    log: PartitionLog,
    checkpointedHighWatermark: Offset,
  ) {
    this.topic = log.topic;
    this.topicId = record.topicId;
    this.index = record.partition;
    this.log = log;
    this.committedRecord = record;
    this.watermark = Math.min(Math.max(checkpointedHighWatermark, log.logStartOffset), log.logEndOffset);
    log.onHeld(() => this.held());
    log.onFailure((error) => this.fail(error.message));
  }

  get record(): PartitionRecord {
    return this.committedRecord;
  }

  get role(): Role {
    return this.currentRole;
  }

  /** The leader's state while this broker leads, else null. */
  get leader(): LeaderState | null {
    return this.currentRole.kind === 'leader' ? this.currentRole.state : null;
  }

  /** Exclusive. A follower's may lag behind the leader's and even go back at an election; a leader's never does in its epoch. */
  get highWatermark(): Offset {
    return this.watermark;
  }

  /** The same as highWatermark until transactions exist. */
  get lastStableOffset(): Offset {
    return this.watermark;
  }

  get leaderEpoch(): LeaderEpoch {
    return this.committedRecord.leaderEpoch;
  }

  /** This broker sits in the committed ISR under its registered epoch. */
  get isInSync(): boolean {
    return this.committedRecord.isr.some((seat) => seat.brokerId === this.host.brokerId && seat.brokerEpoch === this.host.brokerEpoch);
  }

  // ---- metadata ----

  /** Applies a committed record; older ones change nothing. Also called with the same record after a registration. */
  update(record: PartitionRecord): void {
    if (record.partitionEpoch < this.committedRecord.partitionEpoch) return;
    const previousIsr = this.committedRecord.isr;
    this.committedRecord = record;
    if (this.currentRole.kind === 'failed') return;
    if (this.log.failure) return this.fail(this.log.failure.message);
    if (record.leaderEpoch < this.promisedEpoch) return this.becomeIdle();
    const isLeader = record.leader === this.host.brokerId && this.isInSync;
    if (isLeader) this.lead(record, previousIsr.length);
    else if (record.leader >= 0 && record.leader !== this.host.brokerId) this.follow(record);
    else this.becomeIdle();
  }

  /** Stops leading and following: the process stops, or the election above `leaderEpoch` was promised to (R19). */
  promise(leaderEpoch: LeaderEpoch): void {
    this.promisedEpoch = Math.max(this.promisedEpoch, leaderEpoch);
    const current = this.currentRole;
    const epoch = current.kind === 'leader' ? current.state.leaderEpoch : current.kind === 'follower' ? current.leaderEpoch : -1;
    if (epoch >= 0 && epoch < this.promisedEpoch) this.becomeIdle();
  }

  /** A new broker epoch voids promises given under the old one. */
  registered(): void {
    this.promisedEpoch = -1;
  }

  resign(): void {
    this.becomeIdle();
  }

  private lead(record: PartitionRecord, previousIsrCount: number): void {
    const current = this.currentRole;
    if (current.kind === 'leader' && current.state.leaderEpoch === record.leaderEpoch) {
      const isAdvanced = current.state.committedChanged(record);
      if (record.isr.length < previousIsrCount) this.host.counters.isrShrinks++;
      if (record.isr.length > previousIsrCount) this.host.counters.isrExpansions++;
      if (record.isr.length !== previousIsrCount) {
        this.host.emit({ kind: 'isr', topic: this.topic, partition: this.index, isr: record.isr.map((seat) => seat.brokerId) });
      }
      if (isAdvanced) this.watermarkAdvanced(current.state);
      this.proposeIsrChange();
      return;
    }
    this.leaveRole();
    assert(record.leaderEpoch >= this.log.latestEpoch, `leader epoch ${record.leaderEpoch} below the log's ${this.log.latestEpoch}`);
    this.log.beginLeaderEpoch(record.leaderEpoch);
    const state = new LeaderState({
      brokerId: this.host.brokerId,
      record,
      epochStartOffset: this.log.logEndOffset,
      highWatermark: this.watermark,
      heldEndOffset: this.log.heldEndOffset,
      logEndOffset: this.log.logEndOffset,
      now: this.host.clock.monotonicMs(),
    });
    this.currentRole = { kind: 'leader', state };
    this.log.markCaughtUp(record.leaderEpoch);
    this.host.counters.leadersGained++;
    this.host.emit({ kind: 'became-leader', topic: this.topic, partition: this.index, leaderEpoch: record.leaderEpoch });
    if (state.localAdvanced(this.log.logEndOffset, this.log.heldEndOffset)) this.watermarkAdvanced(state);
    this.host.roleChanged(this);
  }

  private follow(record: PartitionRecord): void {
    const current = this.currentRole;
    if (current.kind === 'follower' && current.leader === record.leader && current.leaderEpoch === record.leaderEpoch) return;
    this.leaveRole();
    this.currentRole = { kind: 'follower', leader: record.leader, leaderEpoch: record.leaderEpoch };
    this.host.emit({
      kind: 'became-follower',
      topic: this.topic,
      partition: this.index,
      leader: record.leader,
      leaderEpoch: record.leaderEpoch,
    });
    this.host.roleChanged(this);
  }

  private becomeIdle(): void {
    if (this.currentRole.kind === 'idle' || this.currentRole.kind === 'failed') return;
    this.leaveRole();
    this.currentRole = { kind: 'idle' };
    this.host.roleChanged(this);
  }

  private fail(reason: string): void {
    if (this.currentRole.kind === 'failed') return;
    this.highWatermarkAcks.failAll('KAFKA_STORAGE_ERROR');
    this.heldAcks.failAll('KAFKA_STORAGE_ERROR');
    this.currentRole = { kind: 'failed', reason };
    this.host.logger.error('partition failed', { topic: this.topic, partition: this.index, reason });
    this.wakeAll();
    this.host.roleChanged(this);
  }

  /** Takes this replica out of service; for the fetcher, when the log turned out not to be what it should be (R5, R6, R15). */
  stopServing(reason: string): void {
    this.fail(reason);
  }

  /** First stop accepting, then fail what waits, and only then take up the next role (R23). */
  private leaveRole(): void {
    this.currentRole = { kind: 'idle' };
    this.highWatermarkAcks.failAll('NOT_LEADER_OR_FOLLOWER');
    this.heldAcks.failAll('NOT_LEADER_OR_FOLLOWER');
    this.wakeAll();
  }

  // ---- leader ----

  /** Appends one client batch. `requiresAllReplicas` is acks=all. */
  append(records: Buffer, requiresAllReplicas: boolean): ProduceOutcome {
    const role = this.currentRole;
    if (role.kind === 'failed') return { kind: 'refused', error: 'KAFKA_STORAGE_ERROR', message: role.reason };
    if (role.kind !== 'leader') return { kind: 'refused', error: 'NOT_LEADER_OR_FOLLOWER' };
    if (requiresAllReplicas && !role.state.hasEnoughReplicas(this.host.status)) {
      // A retry of what is already stored waits for the watermark instead of being refused (R1, R26).
      const duplicate = this.log.findDuplicate(records);
      if (!duplicate) {
        const live = role.state.liveMemberCount(this.host.status);
        return {
          kind: 'refused',
          error: 'NOT_ENOUGH_REPLICAS',
          message: `${live} in-sync replicas are live, min.insync.replicas is ${role.state.record.minInSyncReplicas}`,
        };
      }
      this.host.counters.duplicatesAnswered++;
      return { kind: 'stored', baseOffset: duplicate.baseOffset, lastOffset: duplicate.lastOffset, isDuplicate: true };
    }
    const sizeBytes = records.length;
    const outcome: AppendOutcome = this.log.appendAsLeader(records, role.state.leaderEpoch);
    if (outcome.kind === 'refused') return outcome;
    if (outcome.kind === 'duplicate') {
      this.host.counters.duplicatesAnswered++;
      return { kind: 'stored', baseOffset: outcome.baseOffset, lastOffset: outcome.lastOffset, isDuplicate: true };
    }
    this.host.counters.batchesAppended++;
    this.host.counters.recordsAppended += outcome.lastOffset - outcome.baseOffset + 1;
    this.host.counters.bytesAppended += sizeBytes;
    this.wakeAppendWaitersAtEndOfTurn();
    return { kind: 'stored', baseOffset: outcome.baseOffset, lastOffset: outcome.lastOffset, isDuplicate: false };
  }

  /** An append with acks=all would not be refused for want of replicas (R1). */
  canCommit(): boolean {
    return this.leader?.hasEnoughReplicas(this.host.status) ?? false;
  }

  /** Calls `settle` once: when the high watermark passed `end` in this leader epoch, or this broker stopped leading. */
  whenCommitted(end: Offset, settle: (error: KafkaErrorName) => void): void {
    const state = this.leader;
    if (!state) return settle('NOT_LEADER_OR_FOLLOWER');
    // Before the watermark is fresh it says nothing about this epoch: a duplicate below a stale one waits too (R1, R26).
    if (state.isHighWatermarkFresh && this.watermark >= end) return settle('NONE');
    this.highWatermarkAcks.add(end, settle);
  }

  /** The same for this replica's own holding (acks=1). */
  whenHeld(end: Offset, settle: (error: KafkaErrorName) => void): void {
    if (!this.leader) return settle('NOT_LEADER_OR_FOLLOWER');
    if (this.log.heldEndOffset >= end) return settle('NONE');
    this.heldAcks.add(end, settle);
  }

  /**
   * A replica's fetch in this leader epoch, found not to diverge. `sentAfter`: the moment after which it was sent (ParkedFetches);
   * null for a parked one that is looked at again: it proves nothing new (R24).
   */
  followerFetched(
    state: LeaderState,
    brokerId: BrokerId,
    brokerEpoch: BrokerEpoch,
    logEndOffset: Offset,
    heldEndOffset: Offset,
    sentAfter: number | null,
  ): void {
    if (sentAfter !== null) {
      state.fetchArrived(brokerId, brokerEpoch, sentAfter);
      this.arrivals.wake();
    }
    if (state.followerFetched(brokerId, brokerEpoch, logEndOffset, heldEndOffset, this.host.clock.monotonicMs())) {
      this.watermarkAdvanced(state);
    }
    this.proposeIsrChange();
  }

  /** Called at every follower fetch and by the lag timer. */
  proposeIsrChange(): void {
    const state = this.leader;
    if (!state || state.proposal) return;
    if (state.propose(this.host.status, this.host.replicaLagTimeMaxMs, this.host.clock.monotonicMs())) {
      this.host.proposalPending(this, state);
    }
  }

  private held(): void {
    const role = this.currentRole;
    if (role.kind === 'leader') {
      this.heldAcks.complete(this.log.heldEndOffset);
      if (role.state.localAdvanced(this.log.logEndOffset, this.log.heldEndOffset)) this.watermarkAdvanced(role.state);
    } else if (role.kind === 'follower') {
      this.host.followerHeld(this);
    }
  }

  private watermarkAdvanced(state: LeaderState): void {
    assert(state.highWatermark <= this.log.logEndOffset, 'high watermark above the log end');
    this.watermark = state.highWatermark;
    this.history.watermarkAdvanced(this.watermark, this.host.clock);
    if (state.isHighWatermarkFresh) this.highWatermarkAcks.complete(this.watermark);
    this.watermarks.wake();
  }

  // ---- follower ----

  /** What the leader told of its watermark, bounded by what is here. */
  learnHighWatermark(leaderHighWatermark: Offset): void {
    const next = Math.min(leaderHighWatermark, this.log.logEndOffset);
    if (next === this.watermark || next < 0) return;
    const isAdvanced = next > this.watermark;
    this.watermark = next;
    this.history.watermarkAdvanced(next, this.host.clock);
    if (isAdvanced) this.watermarks.wake();
  }

  /** R3: to where the leader's and our epochs agree. Below the watermark it is refused and the replica stops (R6), unless the election itself may lose records (R13). */
  truncate(offset: Offset): void {
    const from = this.log.logEndOffset;
    if (offset < this.watermark && !this.committedRecord.mustAsk && !this.committedRecord.possibleLoss) {
      this.host.logger.error('R6: asked to truncate below the high watermark', {
        topic: this.topic,
        partition: this.index,
        offset,
        highWatermark: this.watermark,
      });
      this.fail(`asked to truncate to ${offset}, below the high watermark ${this.watermark}`);
      return;
    }
    // Where committed records may go, so may newer values of keys whose older ones compaction removed here; the leader has those.
    const { mustAsk, possibleLoss } = this.committedRecord;
    if ((mustAsk || possibleLoss) && !this.isInSync && this.log.cutsIntoCompacted(offset)) {
      this.host.logger.warn('records go that others were compacted away for: starting over', {
        topic: this.topic,
        partition: this.index,
        offset,
      });
      this.restartAt(this.log.logStartOffset);
    } else {
      this.log.truncateTo(offset);
    }
    this.watermark = Math.min(this.watermark, this.log.logEndOffset);
    if (from > this.log.logEndOffset) {
      this.host.counters.truncations++;
      this.host.emit({ kind: 'truncated', topic: this.topic, partition: this.index, from, to: this.log.logEndOffset });
    }
  }

  /** The leader no longer has what comes next here: start over at its first offset. */
  restartAt(offset: Offset): void {
    this.log.truncateFullyAndStartAt(offset);
    this.watermark = offset;
  }

  // ---- waiting readers ----

  /** One wake for all batches of a turn, so that a follower fetches them together. */
  private wakeAppendWaitersAtEndOfTurn(): void {
    if (this.isAppendWakePending) return;
    this.isAppendWakePending = true;
    this.host.scheduler.endOfTurn(() => {
      this.isAppendWakePending = false;
      const state = this.leader;
      if (state?.localAdvanced(this.log.logEndOffset, this.log.heldEndOffset)) this.watermarkAdvanced(state);
      this.appends.wake();
    });
  }

  private wakeAll(): void {
    this.arrivals.wake();
    this.appends.wake();
    this.watermarks.wake();
  }
}
