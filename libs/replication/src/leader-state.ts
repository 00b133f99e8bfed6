/**
 * What the leader of one partition knows in one leader epoch: where each replica is, which ISR is committed, which one is
 * proposed, and from these the high watermark. Pure: told facts and `now`, it answers; it reads no clock and does no I/O.
 *
 * Invariants
 * - highWatermark never decreases in this leader epoch, and its first move goes to at least the epoch's start (R1).
 * - It moves only while the committed ISR has m members, and only to what every member of the *maximal* ISR (committed plus
 *   proposed, kept members included) holds in this leader epoch under its seat's broker epoch (R1, R2).
 * - A proposal ends only when a committed partition epoch above the one it named arrives, never on a refusal (R20).
 * A leader never shrinks or expands alone: it proposes, the cluster coordinator commits (R9).
 */
import { assert, type BrokerEpoch, type BrokerId, type LeaderEpoch, type MonotonicMs, type Offset, type PartitionEpoch } from '#kernel';
import type { IsrMember, PartitionRecord } from '#metadata';

/** A follower's last fetch in this leader epoch. */
export interface ReplicaPosition {
  readonly brokerEpoch: BrokerEpoch;
  /** Exclusive end of what the follower has appended. */
  readonly logEndOffset: Offset;
  /** Exclusive end of what it counts as holding (synced, under `commit`); -1 until it reached the epoch's start durably. */
  readonly heldEndOffset: Offset;
  /** Last time at which it held all that the leader had. */
  readonly caughtUpAt: MonotonicMs;
  readonly fetchedAt: MonotonicMs;
  /** The leader's logEndOffset at that fetch: holding it later means having been caught up then. */
  readonly leaderEndOffsetAtFetch: Offset;
}

export interface IsrProposal {
  /** The committed partition epoch that the proposal builds on. */
  readonly partitionEpoch: PartitionEpoch;
  readonly isr: readonly IsrMember[];
  readonly reason: 'expand' | 'shrink';
}

/** What the leader needs to know of another broker, from its metadata. */
export interface BrokerStatus {
  readonly brokerEpoch: BrokerEpoch;
  readonly isFenced: boolean;
  readonly isShuttingDown: boolean;
}
export type BrokerStatusLookup = (brokerId: BrokerId) => BrokerStatus | null;

export interface LeaderStateOptions {
  readonly brokerId: BrokerId;
  readonly record: PartitionRecord;
  /** logEndOffset at the moment the epoch began (LESO). */
  readonly epochStartOffset: Offset;
  /** The high watermark known from before, possibly stale (R7). */
  readonly highWatermark: Offset;
  readonly heldEndOffset: Offset;
  readonly logEndOffset: Offset;
  readonly now: MonotonicMs;
}

/** A leader asks to be relieved of followers it may not drop (below m) at most this often; the coordinator may replace it (R10). */
export const GREY_LEADER_REPORT_INTERVAL_MS = 10_000;

export class LeaderState {
  readonly leaderEpoch: LeaderEpoch;
  readonly epochStartOffset: Offset;
  private readonly brokerId: BrokerId;
  private readonly beganAt: MonotonicMs;
  private committed: PartitionRecord;
  private pending: IsrProposal | null = null;
  private readonly positions = new Map<BrokerId, ReplicaPosition>();
  private localHeldEndOffset: Offset;
  private localLogEndOffset: Offset;
  private watermark: Offset;
  private lastGreyReportAt = Number.NEGATIVE_INFINITY;
  /** By replica: the latest moment after which one of its fetches in this epoch was sent. */
  private readonly fetches = new Map<BrokerId, { readonly brokerEpoch: BrokerEpoch; readonly sentAfter: number }>();

  constructor(options: LeaderStateOptions) {
    assert(options.highWatermark <= options.logEndOffset, 'high watermark above the log end');
    this.brokerId = options.brokerId;
    this.leaderEpoch = options.record.leaderEpoch;
    this.epochStartOffset = options.epochStartOffset;
    this.committed = options.record;
    this.localHeldEndOffset = options.heldEndOffset;
    this.localLogEndOffset = options.logEndOffset;
    this.watermark = options.highWatermark;
    this.beganAt = options.now;
  }

  /** Exclusive. */
  get highWatermark(): Offset {
    return this.watermark;
  }

  get record(): PartitionRecord {
    return this.committed;
  }

  get proposal(): IsrProposal | null {
    return this.pending;
  }

  /** False right after an election, until the watermark is known to be fresh (R7). */
  get isHighWatermarkFresh(): boolean {
    return this.watermark >= this.epochStartOffset;
  }

  position(brokerId: BrokerId): ReplicaPosition | undefined {
    return this.positions.get(brokerId);
  }

  /** Members of the committed ISR whose seat belongs to the registered, unfenced incarnation. */
  liveMemberCount(status: BrokerStatusLookup): number {
    return this.committed.isr.filter((member) => isLive(member, status)).length;
  }

  /** Fewer live members than m: acks=all must be refused before the append (R1). */
  hasEnoughReplicas(status: BrokerStatusLookup): boolean {
    return this.liveMemberCount(status) >= this.committed.minInSyncReplicas;
  }

  /** When a member of the maximal ISR other than this broker last fetched in this epoch; null when there is no other member. */
  lastIsrFetchAt(): MonotonicMs | null {
    let latest: MonotonicMs | null = null;
    for (const member of this.maximalIsr()) {
      if (member.brokerId === this.brokerId) continue;
      const at = this.positionOfSeat(member)?.fetchedAt ?? this.beganAt;
      latest = latest === null ? at : Math.max(latest, at);
    }
    return latest;
  }

  // ---- is this still the leader (R24) ----

  /** A fetch of that replica in this epoch came in, sent after the moment `sentAfter`: it followed then. The caller counts moments. */
  fetchArrived(brokerId: BrokerId, brokerEpoch: BrokerEpoch, sentAfter: number): void {
    const known = this.fetches.get(brokerId);
    if (known && (known.brokerEpoch > brokerEpoch || (known.brokerEpoch === brokerEpoch && known.sentAfter >= sentAfter))) return;
    this.fetches.set(brokerId, { brokerEpoch, sentAfter });
  }

  /** Members of the maximal ISR, without this broker, of which no fetch in this epoch is known to have been sent after `mark`. */
  membersNotSeenSince(mark: number): BrokerId[] {
    const missing = new Set<BrokerId>();
    for (const member of this.maximalIsr()) {
      if (member.brokerId === this.brokerId) continue;
      const last = this.fetches.get(member.brokerId);
      if (!last || last.brokerEpoch !== member.brokerEpoch || last.sentAfter < mark) missing.add(member.brokerId);
    }
    return [...missing];
  }

  /** Answers whether the high watermark moved. */
  localAdvanced(logEndOffset: Offset, heldEndOffset: Offset): boolean {
    assert(heldEndOffset <= logEndOffset, 'held beyond the log end');
    this.localLogEndOffset = logEndOffset;
    this.localHeldEndOffset = Math.max(this.localHeldEndOffset, heldEndOffset);
    return this.advanceHighWatermark();
  }

  /**
   * A fetch of `brokerId` in this very leader epoch whose log was found not to diverge. Answers whether the watermark moved.
   * `heldEndOffset` may be -1 (not yet durable up to the epoch's start).
   */
  followerFetched(brokerId: BrokerId, brokerEpoch: BrokerEpoch, logEndOffset: Offset, heldEndOffset: Offset, now: MonotonicMs): boolean {
    const known = this.positions.get(brokerId);
    if (known && known.brokerEpoch > brokerEpoch) return false;
    const same = known?.brokerEpoch === brokerEpoch ? known : null;
    const held = Math.max(same?.heldEndOffset ?? -1, heldEndOffset);
    const isCaughtUp = held >= this.localLogEndOffset;
    this.positions.set(brokerId, {
      brokerEpoch,
      logEndOffset: Math.max(same?.logEndOffset ?? 0, logEndOffset),
      heldEndOffset: held,
      caughtUpAt: isCaughtUp ? now : this.caughtUpAt(same, held),
      fetchedAt: now,
      leaderEndOffsetAtFetch: this.localLogEndOffset,
    });
    return this.advanceHighWatermark();
  }

  /**
   * A committed record of this partition with the same leader and leader epoch. Older or equal partition epochs change
   * nothing. Answers whether the watermark moved.
   */
  committedChanged(record: PartitionRecord): boolean {
    assert(record.leaderEpoch === this.leaderEpoch, 'a leader state lives for one leader epoch');
    if (record.partitionEpoch <= this.committed.partitionEpoch) return false;
    this.committed = record;
    if (this.pending && record.partitionEpoch > this.pending.partitionEpoch) this.pending = null;
    return this.advanceHighWatermark();
  }

  /**
   * The next change of the ISR worth proposing, which becomes pending; null when there is none or one is pending. A
   * follower is admitted when it holds max(high watermark, epoch start) in this epoch (R8); a member leaves when it was
   * behind for longer than `lagTimeMaxMs`, but never below m (R10), except as a report of a grey leader.
   */
  propose(status: BrokerStatusLookup, lagTimeMaxMs: number, now: MonotonicMs): IsrProposal | null {
    if (this.pending) return null;
    const expansion = this.expansion(status);
    const isr = expansion ?? this.shrinkage(status, lagTimeMaxMs, now);
    if (!isr) return null;
    this.pending = { partitionEpoch: this.committed.partitionEpoch, isr, reason: expansion ? 'expand' : 'shrink' };
    return this.pending;
  }

  /** The end that everything in the maximal ISR holds; null when some member is not known to hold this epoch's start. */
  private committableEnd(): Offset | null {
    if (this.committed.isr.length < this.committed.minInSyncReplicas) return null;
    let end = this.localHeldEndOffset;
    let isSeated = false;
    for (const member of this.maximalIsr()) {
      if (member.brokerId === this.brokerId) {
        isSeated = true;
        continue;
      }
      const position = this.positionOfSeat(member);
      if (!position || position.heldEndOffset < 0) return null;
      end = Math.min(end, position.heldEndOffset);
    }
    return isSeated ? end : null;
  }

  private advanceHighWatermark(): boolean {
    const end = this.committableEnd();
    if (end === null || end < this.epochStartOffset || end <= this.watermark) return false;
    this.watermark = end;
    return true;
  }

  private *maximalIsr(): Iterable<IsrMember> {
    yield* this.committed.isr;
    if (!this.pending) return;
    for (const member of this.pending.isr) {
      if (!this.committed.isr.some((seat) => seat.brokerId === member.brokerId && seat.brokerEpoch === member.brokerEpoch)) yield member;
    }
  }

  private positionOfSeat(member: IsrMember): ReplicaPosition | null {
    const position = this.positions.get(member.brokerId);
    return position && position.brokerEpoch === member.brokerEpoch ? position : null;
  }

  /** As Kafka counts: holding all that the leader had at the previous fetch means caught up at the time of that fetch. */
  private caughtUpAt(previous: ReplicaPosition | null | undefined, heldEndOffset: Offset): MonotonicMs {
    if (!previous) return this.beganAt;
    if (heldEndOffset < previous.leaderEndOffsetAtFetch) return previous.caughtUpAt;
    return Math.max(previous.caughtUpAt, previous.fetchedAt);
  }

  private expansion(status: BrokerStatusLookup): IsrMember[] | null {
    const needed = Math.max(this.watermark, this.epochStartOffset);
    const added: IsrMember[] = [];
    for (const brokerId of this.committed.replicas) {
      if (this.committed.isr.some((member) => member.brokerId === brokerId)) continue;
      const position = this.positions.get(brokerId);
      const broker = status(brokerId);
      if (!position || !broker || broker.isFenced || broker.isShuttingDown) continue;
      if (position.brokerEpoch !== broker.brokerEpoch || position.heldEndOffset < needed) continue;
      added.push({ brokerId, brokerEpoch: broker.brokerEpoch });
    }
    return added.length > 0 ? [...this.committed.isr, ...added] : null;
  }

  private shrinkage(status: BrokerStatusLookup, lagTimeMaxMs: number, now: MonotonicMs): IsrMember[] | null {
    const remaining = this.committed.isr.filter((member) => {
      if (member.brokerId === this.brokerId || !isLive(member, status)) return true;
      const position = this.positionOfSeat(member);
      if (position && position.heldEndOffset >= this.localLogEndOffset) return true;
      return now - (position?.caughtUpAt ?? this.beganAt) <= lagTimeMaxMs;
    });
    if (remaining.length === this.committed.isr.length) return null;
    const liveRemaining = remaining.filter((member) => isLive(member, status)).length;
    if (liveRemaining >= this.committed.minInSyncReplicas) return remaining;
    if (now - this.lastGreyReportAt < GREY_LEADER_REPORT_INTERVAL_MS) return null;
    this.lastGreyReportAt = now;
    return remaining;
  }
}

function isLive(member: IsrMember, status: BrokerStatusLookup): boolean {
  const broker = status(member.brokerId);
  return broker !== null && !broker.isFenced && broker.brokerEpoch === member.brokerEpoch;
}
