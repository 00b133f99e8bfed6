/**
 * The consumer: one long poll per leader, all of its partitions in it, reading ahead up to bufferBytes and no further than
 * its caller takes. States: finding (the partitions) -> reading -> ended | closed | failed. A leader that is gone is waited for
 * as long as it takes, and only by its own partitions; what a repeat cannot heal ends the iteration with an error.
 */
import type { BrokerId, LeaderEpoch, MonotonicMs } from '#kernel';
import { KafkaError, NO_BROKER, RETRIABLE_ERRORS, YakError } from '#kernel';
import type { FetchResponse, MetadataResponse } from '#rpc';
import type { Address, Cancellable } from '#seams';
import { sleep } from '#seams';
import { backoffMs } from './backoff.js';
import type { ClientCore } from './client-core.js';
import { clientClosed } from './connection-pool.js';
import type { ConsumedRecord, Consumer, ConsumerConfig } from './contract.js';
import type { MetadataInterest } from './metadata-follower.js';
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP } from './offset-lookup.js';
import type { ConsumerOptions } from './options.js';
import { consumerOptions, SUSPICION_MS, UNKNOWN_TOPIC_MS } from './options.js';
import type { FetchedBatch } from './partition-reader.js';
import { PartitionReader, recordsOf } from './partition-reader.js';
import { Positions } from './positions.js';
import { isLeaderError } from './produce-errors.js';

type FetchedPartition = FetchResponse['partitions'][number];

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

type Taker = { resolve(result: IteratorResult<readonly ConsumedRecord[]>): void; reject(error: unknown): void };

export class YakConsumer implements Consumer, MetadataInterest {
  readonly allowAutoTopicCreation = false;
  private readonly options: ConsumerOptions;
  private readonly positions: Positions;
  private readers: PartitionReader[] = [];
  private readonly fetches = new Set<OpenFetch>();
  private queue: FetchedBatch[] = [];
  private queuedBytes = 0;
  private takers: Taker[] = [];
  private failure: unknown;
  private state: 'finding' | 'reading' | 'ended' | 'closed' | 'failed' = 'finding';
  private pumpTimer: { at: MonotonicMs; cancellable: Cancellable } | null = null;
  private isPumpQueued = false;
  private topicId: string | null = null;
  /** Since when every answer said that the topic does not exist. */
  private goneSince: MonotonicMs | null = null;

  constructor(
    private readonly core: ClientCore,
    config: ConsumerConfig,
    private readonly onClosed: (consumer: YakConsumer) => void,
  ) {
    this.options = consumerOptions(config);
    this.positions = new Positions(core, this.options, () => this.state !== 'finding' && this.state !== 'reading');
    core.follower.add(this);
    this.find().catch((error) => this.fail(error));
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

  async close(): Promise<void> {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.stop();
    this.queue = [];
    this.queuedBytes = 0;
    this.giveOut();
  }

  // ---- records out ----

  private next(): Promise<IteratorResult<readonly ConsumedRecord[]>> {
    return new Promise((resolve, reject) => {
      this.takers.push({ resolve, reject });
      this.giveOut();
    });
  }

  private giveOut(): void {
    while (this.takers.length > 0) {
      const batch = this.queue[0];
      if (batch !== undefined) {
        this.queue.shift();
        this.queuedBytes -= batch.bytes.length;
        this.give(batch);
      } else if (this.state === 'failed') {
        this.takers.shift()!.reject(this.failure);
      } else if (this.state === 'closed' || this.state === 'ended') {
        this.takers.shift()!.resolve({ done: true, value: undefined });
      } else {
        break;
      }
    }
    this.queuePump();
  }

  private give(batch: FetchedBatch): void {
    const { topic } = this.options;
    const { partition } = batch;
    try {
      const records = recordsOf(batch);
      if (records.length === 0) return;
      this.takers.shift()!.resolve({ done: false, value: records.map((record) => ({ ...record, topic, partition })) });
    } catch (error) {
      this.fail(error);
    }
  }

  // ---- finding ----

  private async find(): Promise<void> {
    const partitions = await this.findPartitions();
    if (this.state !== 'finding') return;
    const count = this.core.metadata.partitionCount(this.options.topic)!;
    for (const partition of partitions) {
      if (partition >= count) throw noSuchPartition(this.options.topic, partition, count);
    }
    this.topicId = this.core.metadata.topicId(this.options.topic);
    this.readers = partitions.map((partition) => new PartitionReader(partition));
    this.state = 'reading';
    await this.positions.find(this.readers.slice(), () => {
      this.endIfDone();
      this.queuePump();
    });
  }

  private async findPartitions(): Promise<number[]> {
    const { clock, scheduler, random } = this.core.seams;
    const { topic } = this.options;
    let unknownSince: MonotonicMs | null = null;
    for (let attempt = 1; this.state === 'finding'; attempt++) {
      try {
        const response = await this.core.follower.fetch([topic]);
        const count = this.core.metadata.partitionCount(topic);
        if (count !== null) return this.options.partitions?.slice() ?? [...Array(count).keys()];
        const answer = response.topics.find((one) => one.name === topic);
        const error = answer?.error ?? 'UNKNOWN_TOPIC_OR_PARTITION';
        if (!RETRIABLE_ERRORS.has(error)) throw new KafkaError(error, answer?.message ?? `topic ${topic}: ${error}`);
        unknownSince ??= clock.monotonicMs();
        if (error === 'UNKNOWN_TOPIC_OR_PARTITION' && clock.monotonicMs() - unknownSince >= UNKNOWN_TOPIC_MS) {
          throw new KafkaError(error, `topic ${topic} does not exist`);
        }
      } catch (error) {
        if (error instanceof KafkaError) throw error;
        this.core.seams.logger.debug('metadata is unavailable', { topic, reason: (error as Error).message });
      }
      await sleep(scheduler, backoffMs(attempt, this.core.options.retryBackoffMs, this.core.options.retryBackoffMaxMs, random));
    }
    return [];
  }

  // ---- fetching ----

  private queuePump(): void {
    if (this.isPumpQueued || this.state !== 'reading') return;
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
    if (this.state !== 'reading' || this.queuedBytes >= this.options.bufferBytes) return;
    const now = this.now();
    const byLeader = new Map<BrokerId, PartitionReader[]>();
    for (const reader of this.readers) {
      if (reader.isFetching || reader.isAtEnd || reader.position < 0) continue;
      if (reader.blockedUntil > now) {
        this.pumpAt(reader.blockedUntil);
        continue;
      }
      const { leader } = this.core.metadata.leaderOf(this.options.topic, reader.partition);
      if (leader === NO_BROKER || this.core.metadata.addressOf(leader) === null) this.core.follower.wake();
      else if (this.fetchesTo(leader) < FETCHES_PER_LEADER) byLeader.set(leader, [...(byLeader.get(leader) ?? []), reader]);
    }
    for (const [leader, readers] of byLeader) void this.fetch(leader, this.core.metadata.addressOf(leader)!, readers);
  }

  private fetchesTo(broker: BrokerId): number {
    let count = 0;
    for (const fetch of this.fetches) if (fetch.broker === broker) count++;
    return count;
  }

  private async fetch(broker: BrokerId, address: Address, readers: readonly PartitionReader[]): Promise<void> {
    const { topic, maxWaitMs } = this.options;
    const { scheduler } = this.core.seams;
    const fetch: OpenFetch = {
      broker,
      address,
      readers: readers.map((reader) => ({ reader, leaderEpoch: this.core.metadata.leaderOf(topic, reader.partition).leaderEpoch })),
      isSuspect: false,
    };
    this.fetches.add(fetch);
    for (const reader of readers) reader.isFetching = true;
    const suspicion = scheduler.after(Math.min(maxWaitMs, EXPECTED_WAIT_MS_MAX) + SUSPICION_MS, () => {
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
    if (this.state !== 'reading') return;
    if (response === null) this.fetchFailed(fetch, failure);
    else this.fetched(fetch, response);
    this.endIfDone();
    this.giveOut();
  }

  private fetchRequest(fetch: OpenFetch) {
    const { topic, maxWaitMs, maxBytes, partitionMaxBytes, bufferBytes } = this.options;
    const room = Math.max(FETCH_BYTES_MIN, bufferBytes - this.queuedBytes);
    // Whose turn it is: partitions that came first last time come last now, so that none is starved by maxBytes.
    const partitions = fetch.readers.map(({ reader, leaderEpoch }) => ({
      topic,
      partition: reader.partition,
      fetchOffset: reader.position,
      maxBytes: Math.min(partitionMaxBytes, room),
      currentLeaderEpoch: leaderEpoch,
    }));
    this.readers.push(this.readers.shift()!);
    const { clientId } = this.core.options;
    return { clientId, maxWaitMs, minBytes: 1, maxBytes: Math.min(maxBytes, room), partitions };
  }

  private fetched(fetch: OpenFetch, response: FetchResponse): void {
    this.core.pool.succeeded(fetch.address);
    for (const { reader, leaderEpoch } of fetch.readers) {
      const answer = response.partitions.find(({ topic, partition }) => topic === this.options.topic && partition === reader.partition);
      // Left out: nothing for it this time.
      if (answer !== undefined) this.partitionFetched(reader, leaderEpoch, answer);
    }
  }

  private partitionFetched(reader: PartitionReader, leaderEpoch: LeaderEpoch, answer: FetchedPartition): void {
    const { topic } = this.options;
    if (answer.error === 'NONE') {
      reader.attempts = 0;
      reader.suspectEpoch = null;
      try {
        for (const batch of reader.accept(answer.records)) {
          this.queue.push(batch);
          this.queuedBytes += batch.bytes.length;
        }
      } catch (error) {
        this.fail(error);
      }
      return;
    }
    if (answer.currentLeader !== undefined) this.core.metadata.applyHint(topic, reader.partition, answer.currentLeader);
    const error = new KafkaError(
      answer.error,
      `${topic}-${reader.partition}: ${answer.error}${answer.message ? ` (${answer.message})` : ''}`,
    );
    if (answer.error === 'OFFSET_OUT_OF_RANGE') this.outOfRange(reader, answer, error);
    else if (error.isRetriable) {
      if (isLeaderError(answer.error)) this.suspectLeader(reader, leaderEpoch);
      this.pause(reader);
    } else this.fail(error);
  }

  private fetchFailed(fetch: OpenFetch, error: unknown): void {
    const code = error instanceof YakError ? error.code : 'INTERNAL';
    // TOO_LARGE: one batch that no frame of this door can carry, so no repeat would.
    if (code === 'INVALID' || code === 'UNKNOWN_PATTERN' || code === 'TOO_LARGE') return this.fail(error);
    if (code === 'REQUEST_TIMEOUT') this.core.pool.drop(fetch.address, 'fetch');
    for (const { reader, leaderEpoch } of fetch.readers) {
      this.suspectLeader(reader, leaderEpoch);
      this.pause(reader);
    }
  }

  /**
   * Retention passed us: on with the first record that is still there. Or records that we had seen are gone with the replicas
   * that had them: on at the end, nothing is shown twice. A caller who named an offset or a time is told instead.
   */
  private outOfRange(reader: PartitionReader, answer: FetchedPartition, error: KafkaError): void {
    const { from, topic } = this.options;
    if (from !== 'earliest' && from !== 'latest') {
      return this.fail(new KafkaError('OFFSET_OUT_OF_RANGE', `${error.message}: offset ${reader.position} ${whereItIs(reader, answer)}`));
    }
    const lost = reader.position;
    reader.position = -1;
    const isTrimmed = lost < answer.logStartOffset;
    const timestamp = isTrimmed ? EARLIEST_TIMESTAMP : LATEST_TIMESTAMP;
    this.positions.lookUp([reader], timestamp).then(
      ([found]) => {
        this.core.seams.logger.warn('consumer position was out of range', { topic, partition: reader.partition, lost, now: found!.offset });
        reader.position = found!.offset;
        if (!isTrimmed && this.options.exitAtEnd) reader.endOffset = Math.min(reader.endOffset, reader.position);
        this.endIfDone();
        this.giveOut();
      },
      (failure) => this.fail(failure),
    );
  }

  private pause(reader: PartitionReader): void {
    const { retryBackoffMs, retryBackoffMaxMs } = this.core.options;
    reader.blockedUntil = this.now() + backoffMs(++reader.attempts, retryBackoffMs, retryBackoffMaxMs, this.core.seams.random);
  }

  private suspectLeader(reader: PartitionReader, leaderEpoch: LeaderEpoch): void {
    if (this.core.metadata.leaderOf(this.options.topic, reader.partition).leaderEpoch > leaderEpoch) return;
    reader.suspectEpoch = leaderEpoch;
    this.core.follower.wake();
  }

  // ---- MetadataInterest ----

  *wantedTopics(): Iterable<string> {
    if (this.state !== 'reading') return;
    const { topic } = this.options;
    const isWanted = this.readers.some((reader) => {
      if (reader.isAtEnd) return false;
      const { leader } = this.core.metadata.leaderOf(topic, reader.partition);
      return leader === NO_BROKER || reader.suspectEpoch !== null || this.core.metadata.addressOf(leader) === null;
    });
    if (isWanted || [...this.fetches].some((fetch) => fetch.isSuspect)) yield topic;
  }

  *suspects(): Iterable<Address> {
    for (const fetch of this.fetches) if (fetch.isSuspect) yield fetch.address;
  }

  metadataChanged(response: MetadataResponse): void {
    if (this.state !== 'reading' || this.isTopicGone(response)) return;
    const { topic } = this.options;
    for (const reader of this.readers) {
      const { leader, leaderEpoch } = this.core.metadata.leaderOf(topic, reader.partition);
      if (reader.suspectEpoch === null || leader === NO_BROKER || leaderEpoch <= reader.suspectEpoch) continue;
      reader.suspectEpoch = null;
      reader.blockedUntil = 0;
    }
    for (const fetch of this.fetches) if (fetch.isSuspect && this.hasMoved(fetch)) this.core.pool.drop(fetch.address, 'fetch');
    this.queuePump();
  }

  /** Offsets are of one topic, not of a name. A topic that only seems to be gone (one process says so) gets a moment. */
  private isTopicGone(response: MetadataResponse): boolean {
    const { topic } = this.options;
    const topicId = this.core.metadata.topicId(topic);
    if (topicId === this.topicId) {
      this.goneSince = null;
      return false;
    }
    if (topicId !== null) {
      this.fail(
        new KafkaError('UNKNOWN_TOPIC_ID', `topic ${topic} was deleted and made anew while it was read; start again to read the new one`),
      );
      return true;
    }
    if (!response.topics.some((answer) => answer.name === topic)) return true;
    this.goneSince ??= this.now();
    const isGone = this.now() - this.goneSince >= UNKNOWN_TOPIC_MS;
    if (isGone) this.fail(new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} was deleted while it was read`));
    return true;
  }

  private hasMoved(fetch: OpenFetch): boolean {
    return fetch.readers.some(({ reader, leaderEpoch }) => {
      const now = this.core.metadata.leaderOf(this.options.topic, reader.partition);
      return now.leader !== NO_BROKER && now.leaderEpoch > leaderEpoch;
    });
  }

  // ---- ends ----

  private endIfDone(): void {
    if (this.state !== 'reading' || !this.readers.every((reader) => reader.isAtEnd)) return;
    this.state = 'ended';
    this.stop();
    this.giveOut();
  }

  private fail(error: unknown): void {
    if (this.state === 'closed' || this.state === 'ended' || this.state === 'failed') return;
    this.state = 'failed';
    this.failure = error;
    this.stop();
    this.giveOut();
  }

  /** @internal The client is closed under us. */
  abort(): void {
    this.fail(clientClosed());
  }

  private stop(): void {
    this.pumpTimer?.cancellable.cancel();
    this.pumpTimer = null;
    this.core.follower.remove(this);
    this.onClosed(this);
  }

  private now(): MonotonicMs {
    return this.core.seams.clock.monotonicMs();
  }
}

/** Which end of the partition an offset is beyond; a broker says how far it reaches only where it knows. */
function whereItIs(reader: PartitionReader, { logStartOffset, highWatermark }: FetchedPartition): string {
  if (reader.position < logStartOffset) return `is no longer there; the oldest is ${logStartOffset}`;
  return `is beyond its end${highWatermark >= 0 ? `, ${highWatermark}` : ''}; yak topic describe shows both ends`;
}

function noSuchPartition(topic: string, partition: number, count: number): KafkaError {
  return new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has no partition ${partition}; it has ${count} (0 to ${count - 1})`);
}
