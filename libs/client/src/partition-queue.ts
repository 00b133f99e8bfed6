/**
 * The batches of one partition in their order, and the rules by which they are sent:
 *
 *   open (being filled) -> full -> sent (has a sequence, unanswered or to be sent again) -> acknowledged | rejected
 *
 * Sent batches are sent again unchanged and in order, and none is sent that could push an unanswered one out of the leader's
 * memory, so that a repeat is always recognized (R26). When a batch is given up, the sequence has a gap that no leader accepts: what follows
 * starts over under a new producer id, once nothing of the old one is under way. No I/O and no clock in here.
 */
import type { LeaderEpoch, MonotonicMs } from '#kernel';
import type { CompressionType, NewRecord } from '#record';
import { recordBatch } from '#record';
import { MAX_IDEMPOTENT_IN_FLIGHT } from './options.js';
import type { ProducerIdentity, Waiter } from './producer-batch.js';
import { ANONYMOUS, ProducerBatch } from './producer-batch.js';

const FIRST_CAPACITY_BYTES = 4096;

export interface PartitionQueueOptions {
  readonly batchBytes: number;
  readonly lingerMs: number;
  readonly deliveryTimeoutMs: number;
  readonly compression: CompressionType;
  readonly idempotent: boolean;
}

/** What answers OUT_OF_ORDER_SEQUENCE_NUMBER and its like mean for a batch. */
export type SequenceVerdict = 'resend' | 'restamp' | 'reject';

export class PartitionQueue {
  /** Not before this. */
  blockedUntil: MonotonicMs = 0;
  /** Retries since the last acknowledgement. */
  attempts = 0;
  /** Leader epoch whose leader failed us; null while nothing is held against it. */
  suspectEpoch: LeaderEpoch | null = null;
  /** A new producer id has to be taken before anything without a sequence is sent. */
  needsNewIdentity: boolean;
  identity: ProducerIdentity;
  private nextSequence = 0;
  /** Of the next batch that gets a sequence. */
  private nextOrdinal = 0;
  /** A leader has stored a batch under this identity. One that knows nothing of a producer accepts any sequence, even after a gap. */
  private isEstablished = false;
  /** A batch under this identity was given up: what follows it cannot be accepted. */
  private hasGap = false;
  private open: ProducerBatch | null = null;
  private full: ProducerBatch[] = [];
  private sent: ProducerBatch[] = [];
  private capacityBytes = FIRST_CAPACITY_BYTES;

  constructor(
    readonly topic: string,
    readonly partition: number,
    private readonly options: PartitionQueueOptions,
  ) {
    this.identity = ANONYMOUS;
    this.needsNewIdentity = options.idempotent;
  }

  get isEmpty(): boolean {
    return this.open === null && this.full.length === 0 && this.sent.length === 0;
  }

  get isAnySending(): boolean {
    return this.sent.some((batch) => batch.isSending);
  }

  /** Answers what has to happen: a batch was begun (its linger runs) or became full. */
  append(record: NewRecord, bytes: number, waiter: Omit<Waiter, 'index'> | null, now: MonotonicMs): 'begun' | 'full' | null {
    let happened: 'begun' | 'full' | null = null;
    if (this.open !== null && this.open.sizeInBytes + bytes > this.options.batchBytes) {
      this.closeOpen();
      happened = 'full';
    }
    if (this.open === null) {
      const { compression, deliveryTimeoutMs } = this.options;
      this.open = new ProducerBatch(now, now + deliveryTimeoutMs, compression, this.capacityBytes);
      happened ??= 'begun';
    }
    this.open.append(record, bytes, waiter);
    return happened;
  }

  /** When the next batch may be sent: a time, already past if now; Infinity when an answer or a record has to come first. */
  nextSendAt(isFlushing: boolean): MonotonicMs {
    const at = this.nextBatchAt(isFlushing);
    return at === Number.POSITIVE_INFINITY ? at : Math.max(at, this.blockedUntil);
  }

  /** The next batch in order, now being sent. Only when nextSendAt is past and identity is not wanted. */
  takeNext(): ProducerBatch {
    const again = this.sent.find((batch) => !batch.isSending);
    if (again !== undefined) return this.begin(again);
    if (this.full.length === 0) this.closeOpen();
    const batch = this.full.shift()!;
    batch.stamp(this.identity, this.options.idempotent ? this.nextSequence : -1);
    if (this.options.idempotent) this.nextSequence = recordBatch.addToSequence(this.nextSequence, batch.recordsCount);
    batch.ordinal = this.nextOrdinal++;
    this.sent.push(batch);
    return this.begin(batch);
  }

  /** Bytes of what takeNext would give. */
  get nextBytes(): number {
    const next = this.sent.find((batch) => !batch.isSending) ?? this.full[0] ?? this.open;
    return next?.sizeInBytes ?? 0;
  }

  get isNextAlone(): boolean {
    return this.sent.find((batch) => !batch.isSending)?.isAlone ?? false;
  }

  /** True while the next thing to be sent has no sequence yet and may not take one from the present identity. */
  get wantsIdentity(): boolean {
    return this.needsNewIdentity && this.sent.length === 0;
  }

  /** Only when wantsIdentity. */
  adopt(identity: ProducerIdentity): void {
    this.identity = identity;
    this.nextSequence = 0;
    this.hasGap = false;
    this.isEstablished = false;
    this.needsNewIdentity = false;
  }

  acknowledged(batch: ProducerBatch): void {
    this.remove(batch);
    this.isEstablished = true;
    this.attempts = 0;
    this.blockedUntil = 0;
    this.suspectEpoch = null;
  }

  /** To be sent again, unchanged, before everything after it. */
  resend(batch: ProducerBatch): void {
    batch.isSending = false;
    batch.attempts++;
  }

  /** Given up. What was sent after it finds a gap; when nothing was and it is stored nowhere, its numbers are free again. */
  rejected(batch: ProducerBatch): void {
    const wasLast = this.sent.at(-1) === batch;
    if (!this.remove(batch) || !this.options.idempotent) return;
    if (wasLast && !batch.mayBeStored && batch.identity === this.identity) {
      this.nextSequence = batch.baseSequence;
    } else {
      this.hasGap = true;
      this.needsNewIdentity = true;
    }
  }

  /** A sent batch gives way to its halves, which take its sequence numbers. */
  replace(batch: ProducerBatch, halves: readonly ProducerBatch[]): void {
    const at = this.sent.indexOf(batch);
    if (at < 0) return;
    this.sent.splice(at, 1, ...halves);
    let { ordinal } = batch;
    for (const later of this.sent.slice(at)) later.ordinal = ordinal++;
    this.nextOrdinal += halves.length - 1;
  }

  /**
   * The leader refuses the sequence of `batch`. Sent behind another unanswered batch, that is only a consequence (even if that
   * one was acknowledged meanwhile: answers come in any order). Sent as the first one, it is stored nowhere if no attempt of it
   * can have been stored, or if the gap before it is of our making: it may be written under a new identity. Otherwise nobody
   * can know, and writing it again could store it twice.
   */
  sequenceRefused(batch: ProducerBatch): SequenceVerdict {
    if (!batch.wasSentFirst) return 'resend';
    return this.hasGap || !batch.mayBeStored ? 'restamp' : 'reject';
  }

  /** After 'restamp': this batch and all sent after it (none of which a leader can have accepted) get new sequences. */
  startOver(batch: ProducerBatch): void {
    batch.isSending = false;
    batch.mayBeStored = false;
    this.hasGap = true;
    this.needsNewIdentity = true;
    this.settleStartOver();
  }

  /** Moves what cannot be accepted any more back before the unsent, once nothing is under way. To be called after every answer. */
  settleStartOver(): void {
    if (!this.hasGap || this.isAnySending || this.sent.length === 0) return;
    const first = this.sent[0]!;
    if (first.mayBeStored) return;
    for (const batch of this.sent) {
      batch.mayBeStored = false;
      batch.attempts++;
    }
    this.full.unshift(...this.sent);
    this.sent = [];
  }

  /** Everything whose time is over and that is not under way, oldest first; it is no longer in the queue. */
  takeExpired(now: MonotonicMs): ProducerBatch[] {
    const expired: ProducerBatch[] = [];
    for (const batch of [...this.sent]) {
      if (batch.deadline <= now && !batch.isSending) {
        this.rejected(batch);
        expired.push(batch);
      }
    }
    while (this.full.length > 0 && this.full[0]!.deadline <= now) expired.push(this.full.shift()!);
    if (this.open !== null && this.open.deadline <= now) {
      expired.push(this.open);
      this.open = null;
    }
    return expired;
  }

  /** Of what is not under way. */
  get earliestDeadline(): MonotonicMs {
    let earliest = this.full[0]?.deadline ?? this.open?.deadline ?? Number.POSITIVE_INFINITY;
    for (const batch of this.sent) if (!batch.isSending) earliest = Math.min(earliest, batch.deadline);
    return earliest;
  }

  /** Everything, oldest first; the queue is empty afterwards. */
  takeAll(): ProducerBatch[] {
    const all = [...this.sent, ...this.full, ...(this.open === null ? [] : [this.open])];
    this.sent = [];
    this.full = [];
    this.open = null;
    return all;
  }

  private nextBatchAt(isFlushing: boolean): MonotonicMs {
    const first = this.sent[0];
    // Waits for the answers of what is under way, then starts over.
    if (this.hasGap && first !== undefined && !first.isSending && !first.mayBeStored) return Number.POSITIVE_INFINITY;
    const again = this.sent.find((batch) => !batch.isSending);
    if (!this.isRemembered(again?.ordinal ?? this.nextOrdinal)) return Number.POSITIVE_INFINITY;
    if (again !== undefined) return 0;
    if (this.needsNewIdentity && this.sent.length > 0) return Number.POSITIVE_INFINITY;
    if (this.full.length > 0) return 0;
    if (this.open === null) return Number.POSITIVE_INFINITY;
    return isFlushing ? 0 : this.open.createdAt + this.options.lingerMs;
  }

  /**
   * May that batch be sent while the first unanswered one is? Counted from this one on, later ones that were acknowledged
   * before it included: each of them pushed an older one out of the leader's memory. Without sequences, or before a leader
   * knows the producer, only one at a time keeps the order.
   */
  private isRemembered(ordinal: number): boolean {
    const first = this.sent[0];
    return first === undefined || ordinal - first.ordinal < (this.isEstablished && this.options.idempotent ? MAX_IDEMPOTENT_IN_FLIGHT : 1);
  }

  private begin(batch: ProducerBatch): ProducerBatch {
    batch.isSending = true;
    batch.wasSentFirst = this.sent[0] === batch;
    return batch;
  }

  private closeOpen(): void {
    if (this.open === null) return;
    this.capacityBytes = Math.min(this.options.batchBytes, Math.max(FIRST_CAPACITY_BYTES, this.open.sizeInBytes + 256));
    this.full.push(this.open);
    this.open = null;
  }

  private remove(batch: ProducerBatch): boolean {
    batch.isSending = false;
    const at = this.sent.indexOf(batch);
    if (at >= 0) this.sent.splice(at, 1);
    return at >= 0;
  }
}
