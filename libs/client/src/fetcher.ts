/**
 * Fetches for a set of partitions, of one topic or of several, into a queue: one long poll per leader, all of its partitions
 * in it, reading ahead up to bufferBytes and no further than the queue is emptied. A leader that is gone is waited for as long
 * as it takes, and only by its own partitions. It knows nothing of where reading begins and ends: a partition is fetched from
 * the moment that its position is set until it is at its end or removed.
 */
import type { BrokerId, LeaderEpoch, MonotonicMs } from '#kernel';
import { KafkaError, NO_BROKER, YakError } from '#kernel';
import type { FetchResponse, MetadataResponse } from '#rpc';
import type { Address, Cancellable } from '#seams';
import type { BatchQueue } from './batch-queue.js';
import type { ClientCore } from './client-core.js';
import type { MetadataInterest } from './metadata-follower.js';
import type { FetchLimits } from './options.js';
import { SUSPICION_MS } from './options.js';
import type { PartitionReader } from './partition-reader.js';
import { isLeaderError } from './produce-errors.js';
import { TopicIdentities } from './topic-identities.js';

export type FetchedPartition = FetchResponse['partitions'][number];

/** A fetch asks for at least this much, however full the buffer is. */
const FETCH_BYTES_MIN = 64 * 1024;
/** A second one, for partitions that come to a leader while its long poll for others runs. */
const FETCHES_PER_LEADER = 2;
/** A fetch may wait for records this long before its silence counts. */
const EXPECTED_WAIT_MS_MAX = 500;

interface OpenFetch {
  readonly broker: BrokerId;
  readonly address: Address;
  readonly readers: readonly { readonly reader: PartitionReader; readonly leaderEpoch: LeaderEpoch }[];
  isSuspect: boolean;
}

export interface FetcherOwner {
  /** After an answer was taken in. */
  fetched(): void;
  /** The reader's position is neither in the log nor at its end; set another one, or fail. */
  outOfRange(reader: PartitionReader, answer: FetchedPartition, error: KafkaError): void;
  /** The topic was deleted, or is another one of the same name; its readers are still here. */
  topicGone(topic: string, error: KafkaError): void;
  /** What a repeat cannot heal. */
  failed(error: unknown): void;
}

export class Fetcher implements MetadataInterest {
  readonly allowAutoTopicCreation = false;
  private readonly readers = new Set<PartitionReader>();
  private readonly fetches = new Set<OpenFetch>();
  private readonly topics: TopicIdentities;
  private pumpTimer: { at: MonotonicMs; cancellable: Cancellable } | null = null;
  private isPumpQueued = false;
  private isStopped = false;

  constructor(
    private readonly core: ClientCore,
    private readonly limits: FetchLimits,
    private readonly queue: BatchQueue,
    private readonly owner: FetcherOwner,
  ) {
    this.topics = new TopicIdentities(core);
    core.follower.add(this);
  }

  /** Their topics have to be known already. */
  add(readers: readonly PartitionReader[]): void {
    for (const reader of readers) {
      this.readers.add(reader);
      this.topics.remember(reader.topic);
    }
    this.queuePump();
  }

  /** What is on its way for them will be dropped. What is in the queue stays there. */
  remove(readers: readonly PartitionReader[]): void {
    for (const reader of readers) this.readers.delete(reader);
    const left = new Set([...this.readers].map((reader) => reader.topic));
    for (const { topic } of readers) if (!left.has(topic)) this.topics.forget(topic);
  }

  stop(): void {
    this.isStopped = true;
    this.readers.clear();
    this.pumpTimer?.cancellable.cancel();
    this.pumpTimer = null;
    this.core.follower.remove(this);
  }

  /** There is room in the queue, or a position was set. */
  queuePump(): void {
    if (this.isPumpQueued || this.isStopped) return;
    this.isPumpQueued = true;
    this.core.seams.scheduler.endOfTurn(() => {
      this.isPumpQueued = false;
      this.pump();
    });
  }

  private pumpAt(at: MonotonicMs): void {
    if (this.pumpTimer !== null) {
      if (this.pumpTimer.at <= at) return;
      this.pumpTimer.cancellable.cancel();
    }
    const cancellable = this.core.seams.scheduler.after(Math.max(0, Math.ceil(at - this.now())), () => {
      this.pumpTimer = null;
      this.pump();
    });
    this.pumpTimer = { at, cancellable };
  }

  private pump(): void {
    if (this.isStopped || this.queue.bytes >= this.limits.bufferBytes) return;
    const now = this.now();
    const byLeader = new Map<BrokerId, PartitionReader[]>();
    for (const reader of this.readers) {
      if (reader.isFetching || reader.isAtEnd || reader.position < 0) continue;
      if (reader.blockedUntil > now) {
        this.pumpAt(reader.blockedUntil);
        continue;
      }
      const leader = this.leaderFor(reader);
      if (leader === null) this.core.follower.wake();
      else if (this.fetchesTo(leader) < FETCHES_PER_LEADER) byLeader.set(leader, [...(byLeader.get(leader) ?? []), reader]);
    }
    for (const [leader, readers] of byLeader) void this.fetch(leader, this.core.metadata.addressOf(leader)!, readers);
  }

  /** Null: none that may be believed, or none that can be reached, is known now. */
  private leaderFor(reader: PartitionReader): BrokerId | null {
    const { leader, leaderEpoch } = this.core.metadata.leaderOf(reader.topic, reader.partition);
    const isKnown = leader !== NO_BROKER && leaderEpoch >= reader.leaderEpoch && this.core.metadata.addressOf(leader) !== null;
    return isKnown ? leader : null;
  }

  private fetchesTo(broker: BrokerId): number {
    let count = 0;
    for (const fetch of this.fetches) {
      if (fetch.broker === broker && fetch.readers.some(({ reader }) => this.readers.has(reader))) count++;
    }
    return count;
  }

  private async fetch(broker: BrokerId, address: Address, readers: readonly PartitionReader[]): Promise<void> {
    const { maxWaitMs } = this.limits;
    const fetch: OpenFetch = {
      broker,
      address,
      readers: readers.map((reader) => ({ reader, leaderEpoch: this.leaderEpochOf(reader) })),
      isSuspect: false,
    };
    this.fetches.add(fetch);
    for (const reader of readers) reader.isFetching = true;
    const suspicion = this.core.seams.scheduler.after(Math.min(maxWaitMs, EXPECTED_WAIT_MS_MAX) + SUSPICION_MS, () => {
      fetch.isSuspect = true;
      this.core.follower.wake();
    });
    let response: FetchResponse | null = null;
    let failure: unknown;
    try {
      const client = await this.core.pool.get(address, 'fetch');
      response = await client.request('fetch', this.fetchRequest(fetch), { timeoutMs: this.core.options.requestTimeoutMs + maxWaitMs });
    } catch (error) {
      failure = error;
    }
    suspicion.cancel();
    this.fetches.delete(fetch);
    for (const reader of readers) reader.isFetching = false;
    if (this.isStopped) return;
    if (response === null) this.fetchFailed(fetch, failure);
    else this.fetched(fetch, response);
    this.owner.fetched();
    this.queuePump();
  }

  private fetchRequest(fetch: OpenFetch) {
    const { maxWaitMs, maxBytes, partitionMaxBytes, bufferBytes } = this.limits;
    const room = Math.max(FETCH_BYTES_MIN, bufferBytes - this.queue.bytes);
    const partitions = fetch.readers.map(({ reader, leaderEpoch }) => ({
      topic: reader.topic,
      partition: reader.partition,
      fetchOffset: reader.position,
      maxBytes: Math.min(partitionMaxBytes, room),
      currentLeaderEpoch: leaderEpoch,
      lastFetchedEpoch: reader.lastFetchedEpoch,
    }));
    this.rotate();
    const { clientId } = this.core.options;
    return { clientId, maxWaitMs, minBytes: 1, maxBytes: Math.min(maxBytes, room), partitions };
  }

  /** Whose turn it is: what came first last time comes last now, so that no partition is starved by maxBytes. */
  private rotate(): void {
    const [first] = this.readers;
    if (first === undefined) return;
    this.readers.delete(first);
    this.readers.add(first);
  }

  private fetched(fetch: OpenFetch, response: FetchResponse): void {
    this.core.pool.succeeded(fetch.address);
    for (const { reader, leaderEpoch } of fetch.readers) {
      const answer = response.partitions.find(({ topic, partition }) => topic === reader.topic && partition === reader.partition);
      // Left out: nothing for it this time.
      if (answer !== undefined && this.readers.has(reader)) this.partitionFetched(reader, leaderEpoch, answer);
    }
  }

  private partitionFetched(reader: PartitionReader, leaderEpoch: LeaderEpoch, answer: FetchedPartition): void {
    const { topic, partition } = reader;
    if (answer.error === 'NONE') {
      reader.attempts = 0;
      reader.suspectEpoch = null;
      if (answer.divergingEpoch !== undefined) return this.diverged(reader, leaderEpoch, answer, answer.divergingEpoch);
      try {
        this.queue.push(reader.accept(answer.records));
      } catch (error) {
        this.owner.failed(error);
      }
      return;
    }
    if (answer.currentLeader !== undefined) this.core.metadata.applyHint(topic, partition, answer.currentLeader);
    const error = new KafkaError(answer.error, `${topic}-${partition}: ${answer.error}${answer.message ? ` (${answer.message})` : ''}`);
    if (answer.error === 'OFFSET_OUT_OF_RANGE') this.owner.outOfRange(reader, answer, error);
    else if (error.isRetriable) {
      if (isLeaderError(answer.error)) this.suspectLeader(reader, leaderEpoch);
      this.pause(reader);
    } else this.owner.failed(error);
  }

  /** The leader's log is not the one that was read. Only what it lacks matters: epochs without records differ harmlessly. */
  private diverged(
    reader: PartitionReader,
    leaderEpoch: LeaderEpoch,
    answer: FetchedPartition,
    at: NonNullable<FetchedPartition['divergingEpoch']>,
  ): void {
    const { topic, partition, position } = reader;
    if (at.endOffset < 0) {
      // It does not know the epoch yet: a leader of before.
      this.suspectLeader(reader, leaderEpoch);
      return this.pause(reader);
    }
    reader.lastFetchedEpoch = at.leaderEpoch;
    if (at.endOffset >= position) return;
    const what = `${topic}-${partition}: the records from ${at.endOffset} on that were read are gone from the log`;
    this.owner.outOfRange(reader, answer, new KafkaError('OFFSET_OUT_OF_RANGE', what));
  }

  private fetchFailed(fetch: OpenFetch, error: unknown): void {
    const code = error instanceof YakError ? error.code : 'INTERNAL';
    // TOO_LARGE: one batch that no frame of this door can carry, so no repeat would.
    if (code === 'INVALID' || code === 'UNKNOWN_PATTERN' || code === 'TOO_LARGE') return this.owner.failed(error);
    if (code === 'REQUEST_TIMEOUT') this.core.pool.drop(fetch.address, 'fetch');
    for (const { reader, leaderEpoch } of fetch.readers) {
      this.suspectLeader(reader, leaderEpoch);
      this.pause(reader);
    }
  }

  private pause(reader: PartitionReader): void {
    reader.blockedUntil = this.now() + this.core.backoffMs(++reader.attempts);
  }

  private suspectLeader(reader: PartitionReader, leaderEpoch: LeaderEpoch): void {
    if (this.leaderEpochOf(reader) > leaderEpoch) return;
    reader.suspectEpoch = leaderEpoch;
    this.core.follower.wake();
  }

  // ---- MetadataInterest ----

  *wantedTopics(): Iterable<string> {
    const topics = new Set<string>();
    for (const reader of this.readers) {
      if (!reader.isAtEnd && (reader.suspectEpoch !== null || this.leaderFor(reader) === null)) topics.add(reader.topic);
    }
    for (const fetch of this.fetches) if (fetch.isSuspect) for (const { reader } of fetch.readers) topics.add(reader.topic);
    yield* topics;
  }

  *suspects(): Iterable<Address> {
    for (const fetch of this.fetches) if (fetch.isSuspect) yield fetch.address;
  }

  metadataChanged(response: MetadataResponse): void {
    const gone = this.topics.check(response, (topic, error) => this.owner.topicGone(topic, error));
    for (const reader of this.readers) {
      const { leader, leaderEpoch } = this.core.metadata.leaderOf(reader.topic, reader.partition);
      const isNews = reader.suspectEpoch !== null && leader !== NO_BROKER && leaderEpoch > reader.suspectEpoch;
      if (!isNews || gone.has(reader.topic)) continue;
      reader.suspectEpoch = null;
      reader.blockedUntil = 0;
    }
    for (const fetch of this.fetches) if (fetch.isSuspect && this.hasMoved(fetch)) this.core.pool.drop(fetch.address, 'fetch');
    this.queuePump();
  }

  private hasMoved(fetch: OpenFetch): boolean {
    return fetch.readers.some(({ reader, leaderEpoch }) => {
      const now = this.core.metadata.leaderOf(reader.topic, reader.partition);
      return now.leader !== NO_BROKER && now.leaderEpoch > leaderEpoch;
    });
  }

  private leaderEpochOf(reader: PartitionReader): LeaderEpoch {
    return this.core.metadata.leaderOf(reader.topic, reader.partition).leaderEpoch;
  }

  private now(): MonotonicMs {
    return this.core.seams.clock.monotonicMs();
  }
}
