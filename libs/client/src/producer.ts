/**
 * The producer: chooses partitions, lets batches fill, sends them to leaders and follows these when they move. One request
 * carries a batch of every partition that is ready for that leader. Nothing is duplicated or reordered by a retry (the
 * rules are in PartitionQueue); what can no longer be known is reported, never guessed.
 */
import type { BrokerId, LeaderEpoch, MonotonicMs } from '#kernel';
import { KafkaError, NO_BROKER, topicNameProblem, YakError } from '#kernel';
import type { NewRecord } from '#record';
import type { MetadataResponse, ProduceResponse } from '#rpc';
import type { Address, Cancellable } from '#seams';
import type { ClientCore } from './client-core.js';
import { clientClosed } from './connection-pool.js';
import type {
  Acknowledgement,
  DeliveryFailure,
  Producer,
  ProducerConfig,
  ProducerMetrics,
  ProducerRecord,
  SendResult,
} from './contract.js';
import type { RecordWaiter } from './delivery-ledger.js';
import { DeliveryLedger } from './delivery-ledger.js';
import type { MetadataInterest } from './metadata-follower.js';
import type { ProducerOptions } from './options.js';
import { ATTEMPT_TIMEOUT_MS, MAX_REQUEST_BYTES, producerOptions, SUSPICION_MS, UNKNOWN_TOPIC_MS } from './options.js';
import { PartitionQueue } from './partition-queue.js';
import type { Partitioner } from './partitioner.js';
import { partitionerFor } from './partitioner.js';
import { isCertainlyNotStored, isLeaderError, produceVerdict, requestFailure } from './produce-errors.js';
import type { ProducerBatch, ProducerIdentity } from './producer-batch.js';

type PartitionAnswer = ProduceResponse['partitions'][number];

/** What a record takes beside its bytes: lengths, deltas, and what it costs to hold. */
const RECORD_OVERHEAD_BYTES = 24;
/** Held records are single objects, dearer than batched ones: ready() waits for the partitions of their topic above this. */
const HELD_RECORDS_MAX = 1000;

interface HeldRecord {
  readonly record: ProducerRecord;
  readonly bytes: number;
  readonly waiter: RecordWaiter;
  readonly deadline: MonotonicMs;
}

interface TopicState {
  readonly name: string;
  readonly partitioner: Partitioner;
  readonly queues: (PartitionQueue | undefined)[];
  /** Until its partitions are known. */
  held: HeldRecord[];
  /** Since when every answer said that it does not exist. */
  unknownSince: MonotonicMs | null;
}

interface SentBatch {
  readonly queue: PartitionQueue;
  readonly batch: ProducerBatch;
  readonly leaderEpoch: LeaderEpoch;
}

interface OpenRequest {
  readonly broker: BrokerId;
  readonly address: Address;
  readonly batches: readonly SentBatch[];
  /** Unanswered for longer than SUSPICION_MS. */
  isSuspect: boolean;
}

export class YakProducer implements Producer, MetadataInterest {
  readonly allowAutoTopicCreation: boolean;
  private readonly options: ProducerOptions;
  private readonly topics = new Map<string, TopicState>();
  /** Queues with anything in them, the one that was served last at the end. */
  private readonly active = new Set<PartitionQueue>();
  private readonly requests = new Set<OpenRequest>();
  private readonly inFlight = new Map<BrokerId, number>();
  private identity: ProducerIdentity | null = null;
  private isAskingIdentity = false;
  private identityAttempts = 0;
  private identityError: Error | null = null;

  private drainTimer: { at: MonotonicMs; cancellable: Cancellable } | null = null;
  private isDrainQueued = false;
  private flushing = 0;
  private state: 'open' | 'closing' | 'closed' = 'open';

  private heldRecords = 0;
  private readonly ledger = new DeliveryLedger(
    (bufferedBytes) => bufferedBytes < this.options.bufferBytes && this.heldRecords < HELD_RECORDS_MAX,
  );

  constructor(
    private readonly core: ClientCore,
    config: ProducerConfig,
    private readonly onClosed: (producer: YakProducer) => void,
  ) {
    this.options = producerOptions(config);
    this.allowAutoTopicCreation = this.options.allowAutoTopicCreation;
    core.follower.add(this);
  }

  get metrics(): ProducerMetrics {
    return this.ledger.metrics;
  }

  send(record: ProducerRecord): Promise<SendResult> {
    return new Promise((resolve, reject) => this.accept(record, { resolve, reject }));
  }

  append(record: ProducerRecord): void {
    this.accept(record, null);
  }

  onError(listener: (failure: DeliveryFailure) => void): void {
    this.ledger.onError(listener);
  }

  onAcknowledged(listener: (acknowledgement: Acknowledgement) => void): void {
    this.ledger.onAcknowledged(listener);
  }

  ready(): Promise<void> {
    return this.state === 'closed' ? Promise.resolve() : this.ledger.ready();
  }

  async flush(): Promise<void> {
    if (!this.ledger.isIdle) {
      this.flushing++;
      this.queueDrain();
      await this.ledger.idle();
      this.flushing--;
    }
    const failure = this.ledger.takeUntoldFailure();
    if (failure !== null) throw failure;
  }

  async close(): Promise<void> {
    if (this.state !== 'open') return;
    this.state = 'closing';
    try {
      await this.flush();
    } finally {
      this.shutDown();
    }
  }

  /** Gives up everything at once. */
  abort(): void {
    if (this.state === 'closed') return;
    this.shutDown();
    const error = clientClosed();
    for (const topic of this.topics.values()) {
      this.failHeld(topic, topic.held.splice(0), error);
      for (const queue of topic.queues)
        for (const batch of queue?.takeAll() ?? []) this.ledger.batchFailed(queue!.topic, queue!.partition, batch, error);
    }
    this.active.clear();
  }

  // ---- records in ----

  private accept(record: ProducerRecord, waiter: RecordWaiter): void {
    if (this.state !== 'open') throw new YakError('PRODUCER_CLOSED', 'the producer is closed');
    const bytes = bytesOf(record);
    if (this.ledger.bufferedBytes > 2 * this.options.bufferBytes) {
      const limit = `${this.ledger.bufferedBytes} bytes are unacknowledged, twice bufferBytes (${this.options.bufferBytes})`;
      throw new YakError('BUFFER_FULL', `${limit}; await ready() before each record`);
    }
    const topic = this.topics.get(record.topic) ?? this.addTopic(record.topic);
    const partitionCount = this.core.metadata.partitionCount(record.topic);
    const isKnown = partitionCount !== null && topic.held.length === 0;
    if (isKnown) checkPartition(record, partitionCount);
    this.ledger.accepted(bytes);
    if (isKnown) this.enqueue(topic, partitionCount, record, bytes, waiter);
    else this.hold(topic, { record: copyOf(record), bytes, waiter, deadline: this.now() + this.options.deliveryTimeoutMs });
  }

  private addTopic(name: string): TopicState {
    const problem = topicNameProblem(name);
    if (problem !== null) throw new KafkaError('INVALID_TOPIC_EXCEPTION', problem);
    const hasLeader = (partition: number) => this.core.metadata.leaderOf(name, partition).leader !== NO_BROKER;
    const partitioner = partitionerFor(this.options.partitioner, this.core.seams.random, hasLeader);
    const topic: TopicState = { name, partitioner, queues: [], held: [], unknownSince: null };
    this.topics.set(name, topic);
    return topic;
  }

  private hold(topic: TopicState, held: HeldRecord): void {
    if (topic.held.push(held) === 1) this.drainAt(held.deadline);
    this.heldRecords++;
    this.core.follower.wake();
  }

  private enqueue(topic: TopicState, partitionCount: number, record: ProducerRecord, bytes: number, waiter: RecordWaiter): void {
    const key = record.key ?? null;
    const partition = record.partition ?? topic.partitioner.choose(key, partitionCount);
    let queue = topic.queues[partition];
    if (queue === undefined) queue = topic.queues[partition] = new PartitionQueue(topic.name, partition, this.options);
    const happened = queue.append(this.newRecord(record, key), bytes, waiter, this.now());
    if (happened === null) return;
    if (happened === 'full') topic.partitioner.batchCompleted(partition, partitionCount);
    this.active.add(queue);
    if (happened === 'full' || this.options.lingerMs === 0 || this.flushing > 0) this.queueDrain();
    else this.drainAt(this.now() + this.options.lingerMs);
  }

  private newRecord(record: ProducerRecord, key: Buffer | null): NewRecord {
    const { value, headers } = record;
    const timestamp = record.timestamp ?? this.core.seams.clock.wallMs();
    return headers === undefined ? { timestamp, key, value } : { timestamp, key, value, headers };
  }

  // ---- when to look again ----

  /** Once at the end of this turn, however often it is asked for. */
  private queueDrain(): void {
    if (this.isDrainQueued || this.state === 'closed') return;
    this.isDrainQueued = true;
    this.core.seams.scheduler.endOfTurn(() => {
      this.isDrainQueued = false;
      this.drain();
    });
  }

  private drainAt(at: MonotonicMs): void {
    if (at === Number.POSITIVE_INFINITY || this.state === 'closed') return;
    if (this.drainTimer !== null) {
      if (this.drainTimer.at <= at) return;
      this.drainTimer.cancellable.cancel();
    }
    const cancellable = this.core.seams.scheduler.after(Math.max(0, Math.ceil(at - this.now())), () => {
      this.drainTimer = null;
      this.drain();
    });
    this.drainTimer = { at, cancellable };
  }

  // ---- batches out ----

  private drain(): void {
    if (this.state === 'closed') return;
    const now = this.now();
    this.expire(now);
    // A request takes one batch of a partition: go on until nothing more may be sent.
    while (this.sendRound(now));
    this.drainAt(this.nextLookAt(now));
  }

  private sendRound(now: MonotonicMs): boolean {
    const byBroker = new Map<BrokerId, { address: Address; batches: SentBatch[]; bytes: number }>();
    for (const queue of [...this.active]) {
      if (queue.nextSendAt(this.flushing > 0) > now || !this.hasIdentity(queue)) continue;
      const { leader, leaderEpoch } = this.core.metadata.leaderOf(queue.topic, queue.partition);
      const address = leader === NO_BROKER ? null : this.core.metadata.addressOf(leader);
      if (address === null) {
        this.core.follower.wake();
        continue;
      }
      if ((this.inFlight.get(leader) ?? 0) >= this.options.maxInFlight) continue;
      const request = byBroker.get(leader) ?? { address, batches: [], bytes: 0 };
      const isFirst = request.batches.length === 0;
      if (!isFirst && (queue.isNextAlone || request.batches[0]!.batch.isAlone)) continue;
      if (!isFirst && request.bytes + queue.nextBytes > MAX_REQUEST_BYTES) continue;
      const batch = queue.takeNext();
      request.batches.push({ queue, batch, leaderEpoch });
      request.bytes += batch.sizeInBytes;
      byBroker.set(leader, request);
      this.active.delete(queue);
      this.active.add(queue);
    }
    for (const [broker, { address, batches }] of byBroker) void this.request(broker, address, batches);
    return byBroker.size > 0;
  }

  private hasIdentity(queue: PartitionQueue): boolean {
    if (!queue.wantsIdentity) return true;
    if (this.identity !== null && this.identity !== queue.identity) {
      queue.adopt(this.identity);
      return true;
    }
    void this.askIdentity();
    return false;
  }

  private async request(broker: BrokerId, address: Address, batches: readonly SentBatch[]): Promise<void> {
    const { clock, scheduler } = this.core.seams;
    const request: OpenRequest = { broker, address, batches, isSuspect: false };
    this.requests.add(request);
    this.inFlight.set(broker, (this.inFlight.get(broker) ?? 0) + 1);
    const suspicion = scheduler.after(SUSPICION_MS, () => {
      request.isSuspect = true;
      this.core.follower.wake();
    });
    const earliest = Math.min(...batches.map(({ batch }) => batch.deadline));
    const timeoutMs = Math.max(1, Math.min(this.core.options.requestTimeoutMs, Math.ceil(earliest - clock.monotonicMs())));
    const partitions = batches.map(({ queue, batch }) => ({ topic: queue.topic, partition: queue.partition, records: batch.encoded() }));
    let response: ProduceResponse | null = null;
    let failure: unknown;
    try {
      const client = await this.core.pool.get(address, 'produce');
      const { clientId } = this.core.options;
      response = await client.request('produce', { clientId, acks: this.options.acks, timeoutMs, partitions }, { timeoutMs });
    } catch (error) {
      failure = error;
    }
    suspicion.cancel();
    this.requests.delete(request);
    this.inFlight.set(broker, this.inFlight.get(broker)! - 1);
    if (this.state === 'closed') return;
    if (response === null) this.requestFailed(request, failure);
    else this.answered(request, response);
    for (const { queue } of batches) {
      queue.settleStartOver();
      if (queue.isEmpty) this.active.delete(queue);
    }
    this.queueDrain();
  }

  // ---- answers ----

  private answered(request: OpenRequest, response: ProduceResponse): void {
    this.core.pool.succeeded(request.address);
    request.batches.forEach((sent, index) => {
      const { queue } = sent;
      const isHis = (answer: PartitionAnswer | undefined) => answer?.topic === queue.topic && answer.partition === queue.partition;
      const inOrder = response.partitions[index];
      const answer = isHis(inOrder) ? inOrder : response.partitions.find(isHis);
      if (answer === undefined) this.retry(sent, true, new YakError('INTERNAL', 'the broker left the partition out of its answer'));
      else this.partitionAnswered(sent, answer);
    });
  }

  private partitionAnswered(sent: SentBatch, answer: PartitionAnswer): void {
    const { queue, batch } = sent;
    if (answer.error === 'NONE') {
      queue.acknowledged(batch);
      this.ledger.acknowledged(queue.topic, queue.partition, batch, this.options.acks === 0 ? -1 : answer.baseOffset);
      return;
    }
    if (answer.currentLeader !== undefined) this.core.metadata.applyHint(queue.topic, queue.partition, answer.currentLeader);
    if (isLeaderError(answer.error)) this.suspectLeader(sent);
    const error = new KafkaError(answer.error, describe(queue, answer.error, answer.message));
    switch (produceVerdict(answer.error)) {
      case 'retry':
        return this.retry(sent, !isCertainlyNotStored(answer.error), error);
      case 'split':
        return this.split(sent, error);
      case 'sequence':
        return this.sequenceRefused(sent, error);
      case 'reject':
        return this.reject(sent, error);
    }
  }

  private requestFailed(request: OpenRequest, error: unknown): void {
    const { verdict, mayBeStored, isLeaderSuspect } = requestFailure(error);
    const cause = error instanceof Error ? error : new Error(String(error));
    if (error instanceof YakError && error.code === 'REQUEST_TIMEOUT') this.core.pool.drop(request.address, 'produce');
    const isAlone = request.batches.length === 1;
    for (const sent of request.batches) {
      if (isLeaderSuspect) this.suspectLeader(sent);
      if (verdict === 'reject') this.reject(sent, cause);
      else if (verdict === 'split' && isAlone) this.split(sent, cause);
      else {
        sent.batch.isAlone = verdict === 'split';
        this.retry(sent, mayBeStored, cause);
      }
    }
  }

  private retry(sent: SentBatch, mayBeStored: boolean, error: Error): void {
    const { queue, batch } = sent;
    batch.mayBeStored ||= mayBeStored;
    batch.lastError = error;
    queue.resend(batch);
    // Of several requests that failed together only the first makes the pause longer.
    const now = this.now();
    if (queue.blockedUntil <= now) queue.blockedUntil = now + this.core.backoffMs(++queue.attempts);
    this.ledger.retries++;
  }

  private split(sent: SentBatch, error: Error): void {
    const { queue, batch } = sent;
    if (batch.recordsCount > 1) {
      batch.lastError = error;
      queue.replace(batch, batch.split());
      this.ledger.retries++;
      return;
    }
    const message = `a record of ${batch.sizeInBytes} bytes is larger than topic ${queue.topic} or the broker allows: ${error.message}`;
    this.reject(sent, new KafkaError('MESSAGE_TOO_LARGE', message));
  }

  private sequenceRefused(sent: SentBatch, error: KafkaError): void {
    const { queue, batch } = sent;
    const verdict = queue.sequenceRefused(batch);
    if (verdict === 'resend') return this.retry(sent, false, error);
    if (verdict === 'restamp') {
      this.ledger.retries++;
      batch.lastError = error;
      return queue.startOver(batch);
    }
    this.core.seams.logger.error('a batch was answered after its leader lost what it knew of this producer', {
      topic: queue.topic,
      partition: queue.partition,
      sequence: batch.baseSequence,
      error: error.error,
    });
    const message = `${error.message}; an earlier attempt got no answer, so whether the records are stored is unknown, and they were not written again`;
    this.reject(sent, new KafkaError(error.error, message));
  }

  private reject(sent: SentBatch, error: Error): void {
    sent.queue.rejected(sent.batch);
    this.ledger.batchFailed(sent.queue.topic, sent.queue.partition, sent.batch, error);
  }

  private suspectLeader({ queue, leaderEpoch }: SentBatch): void {
    if (this.core.metadata.leaderOf(queue.topic, queue.partition).leaderEpoch > leaderEpoch) return;
    queue.suspectEpoch = leaderEpoch;
    this.core.follower.wake();
  }

  // ---- MetadataInterest ----

  *wantedTopics(): Iterable<string> {
    for (const topic of this.topics.values()) if (topic.held.length > 0) yield topic.name;
    for (const queue of this.active) {
      const { leader } = this.core.metadata.leaderOf(queue.topic, queue.partition);
      if (leader === NO_BROKER || queue.suspectEpoch !== null || this.core.metadata.addressOf(leader) === null) yield queue.topic;
    }
    for (const request of this.requests) if (request.isSuspect) for (const { queue } of request.batches) yield queue.topic;
  }

  *suspects(): Iterable<Address> {
    for (const request of this.requests) if (request.isSuspect) yield request.address;
  }

  metadataChanged(response: MetadataResponse): void {
    if (this.state === 'closed') return;
    for (const answer of response.topics) {
      const topic = this.topics.get(answer.name);
      if (topic !== undefined && topic.held.length > 0) this.releaseHeld(topic, answer.error, answer.message);
    }
    for (const queue of this.active) {
      const { leader, leaderEpoch } = this.core.metadata.leaderOf(queue.topic, queue.partition);
      if (queue.suspectEpoch === null || leader === NO_BROKER || leaderEpoch <= queue.suspectEpoch) continue;
      queue.suspectEpoch = null;
      queue.blockedUntil = 0;
    }
    for (const request of this.requests) if (request.isSuspect && this.hasMoved(request)) this.core.pool.drop(request.address, 'produce');
    this.queueDrain();
  }

  /** Somebody else leads a partition of that unanswered request by now. */
  private hasMoved(request: OpenRequest): boolean {
    return request.batches.some(({ queue, leaderEpoch }) => {
      const now = this.core.metadata.leaderOf(queue.topic, queue.partition);
      return now.leader !== NO_BROKER && now.leaderEpoch > leaderEpoch;
    });
  }

  private releaseHeld(topic: TopicState, error: MetadataResponse['topics'][number]['error'], message: string | undefined): void {
    const partitionCount = this.core.metadata.partitionCount(topic.name);
    if (partitionCount !== null) {
      topic.unknownSince = null;
      this.heldRecords -= topic.held.length;
      for (const { record, bytes, waiter } of topic.held.splice(0)) {
        try {
          checkPartition(record, partitionCount);
          this.enqueue(topic, partitionCount, record, bytes, waiter);
        } catch (problem) {
          this.ledger.recordFailed(topic.name, record.partition ?? -1, waiter, bytes, problem as Error);
        }
      }
      this.ledger.wakeReady();
      return;
    }
    if (error === 'INVALID_TOPIC_EXCEPTION' || error === 'TOPIC_AUTHORIZATION_FAILED' || error === 'POLICY_VIOLATION') {
      this.failHeld(topic, topic.held.splice(0), new KafkaError(error, message ?? `topic ${topic.name}: ${error}`));
      return;
    }
    // Any other error: it is about to be, as soon as whoever creates it can be reached.
    topic.unknownSince = error === 'UNKNOWN_TOPIC_OR_PARTITION' ? (topic.unknownSince ?? this.now()) : null;
    if (topic.unknownSince !== null && this.now() - topic.unknownSince >= UNKNOWN_TOPIC_MS) {
      topic.unknownSince = null;
      this.failHeld(
        topic,
        topic.held.splice(0),
        new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic.name} does not exist; create it first`),
      );
    }
  }

  // ---- producer id ----

  private async askIdentity(): Promise<void> {
    if (this.isAskingIdentity) return;
    this.isAskingIdentity = true;
    const { scheduler, logger } = this.core.seams;
    try {
      const answer = await this.core.anyNode.ask('initProducerId', {}, { attemptTimeoutMs: ATTEMPT_TIMEOUT_MS });
      if (answer.error !== 'NONE') throw new KafkaError(answer.error, answer.message);
      this.identity = { producerId: answer.producerId, producerEpoch: answer.producerEpoch };
      this.identityAttempts = 0;
      this.identityError = null;
      this.isAskingIdentity = false;
      this.queueDrain();
    } catch (error) {
      this.identityError = error as Error;
      logger.debug('no producer id yet', { reason: this.identityError.message });
      scheduler.after(this.core.backoffMs(++this.identityAttempts), () => {
        this.isAskingIdentity = false;
        this.queueDrain();
      });
    }
  }

  // ---- ends ----

  private expire(now: MonotonicMs): void {
    for (const topic of this.topics.values()) {
      const alive = topic.held.findIndex((held) => held.deadline > now);
      const expired = topic.held.splice(0, alive < 0 ? topic.held.length : alive);
      if (expired.length > 0) this.failHeld(topic, expired, this.deliveryTimeout(topic.name, null));
    }
    for (const queue of this.active) {
      if (queue.earliestDeadline > now) continue;
      for (const batch of queue.takeExpired(now)) {
        this.ledger.batchFailed(queue.topic, queue.partition, batch, this.deliveryTimeout(queue.topic, batch.lastError));
      }
      if (queue.isEmpty) this.active.delete(queue);
    }
  }

  private deliveryTimeout(topic: string, cause: Error | null): YakError {
    const noId = this.identityError && `no producer id, which a cluster coordinator has to give: ${this.identityError.message}`;
    const reason = cause === null ? (noId ?? 'no leader could be reached') : `last: ${cause.message}`;
    const message = `no acknowledgement for topic ${topic} within deliveryTimeoutMs (${this.options.deliveryTimeoutMs} ms; ${reason})`;
    return new YakError('DELIVERY_TIMEOUT', message, { cause });
  }

  private nextLookAt(now: MonotonicMs): MonotonicMs {
    let at = Number.POSITIVE_INFINITY;
    for (const queue of this.active) {
      const sendAt = queue.nextSendAt(this.flushing > 0);
      // What is due already waits for an answer, an identity or a leader; each of them comes by itself.
      if (sendAt > now) at = Math.min(at, sendAt);
      at = Math.min(at, queue.earliestDeadline);
    }
    if (this.heldRecords > 0) for (const topic of this.topics.values()) at = Math.min(at, topic.held[0]?.deadline ?? at);
    return at;
  }

  private failHeld(topic: TopicState, held: readonly HeldRecord[], error: Error): void {
    this.heldRecords -= held.length;
    for (const { record, waiter, bytes } of held) this.ledger.recordFailed(topic.name, record.partition ?? -1, waiter, bytes, error);
  }

  private shutDown(): void {
    this.state = 'closed';
    this.drainTimer?.cancellable.cancel();
    this.drainTimer = null;
    this.core.follower.remove(this);
    this.ledger.wakeReady(true);
    this.onClosed(this);
  }

  private now(): MonotonicMs {
    return this.core.seams.clock.monotonicMs();
  }
}

function bytesOf(record: ProducerRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const header of record.headers ?? []) bytes += 8 + Buffer.byteLength(header.key) + (header.value?.length ?? 0);
  return bytes;
}

/** A record that has to wait before it is encoded may not change under its caller's hands (R27). */
function copyOf(record: ProducerRecord): ProducerRecord {
  const copy = (bytes: Buffer | null | undefined) => (bytes == null ? null : Buffer.from(bytes));
  const headers = record.headers?.map(({ key, value }) => ({ key, value: copy(value) }));
  return { ...record, key: copy(record.key), value: copy(record.value), ...(headers === undefined ? {} : { headers }) };
}

function checkPartition(record: ProducerRecord, partitionCount: number): void {
  const { partition } = record;
  if (partition === undefined || (Number.isInteger(partition) && partition >= 0 && partition < partitionCount)) return;
  const message = `topic ${record.topic} has no partition ${partition}; it has ${partitionCount} (0 to ${partitionCount - 1})`;
  throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', message);
}

function describe(queue: PartitionQueue, error: string, message: string | undefined): string {
  return `${queue.topic}-${queue.partition}: ${error}${message === undefined ? '' : ` (${message})`}`;
}
