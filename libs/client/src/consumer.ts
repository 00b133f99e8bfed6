/**
 * The consumer without a group: all or some partitions of one topic. States: finding (the partitions) -> reading -> ended |
 * closed | failed. What a repeat cannot heal ends the iteration with an error. Fetching is the Fetcher's.
 */
import type { MonotonicMs } from '#kernel';
import { KafkaError, RETRIABLE_ERRORS } from '#kernel';
import { BatchQueue } from './batch-queue.js';
import type { ClientCore } from './client-core.js';
import { clientClosed } from './connection-pool.js';
import type { ConsumedRecord, Consumer, ConsumerConfig } from './contract.js';
import type { FetchedPartition, FetcherOwner } from './fetcher.js';
import { Fetcher } from './fetcher.js';
import type { ConsumerOptions } from './options.js';
import { consumerOptions, UNKNOWN_TOPIC_MS } from './options.js';
import { PartitionReader } from './partition-reader.js';
import { Positions } from './positions.js';

export class YakConsumer implements Consumer, FetcherOwner {
  private readonly options: ConsumerOptions;
  private readonly queue: BatchQueue;
  private readonly fetcher: Fetcher;
  private readonly positions: Positions;
  private readers: readonly PartitionReader[] = [];
  private state: 'finding' | 'reading' | 'ended' | 'closed' | 'failed' = 'finding';

  constructor(
    private readonly core: ClientCore,
    config: ConsumerConfig,
    private readonly onClosed: (consumer: YakConsumer) => void,
  ) {
    this.options = consumerOptions(config);
    this.queue = new BatchQueue({ given: () => this.fetcher.queuePump(), failed: (error) => this.failed(error) });
    this.fetcher = new Fetcher(core, this.options, this.queue, this);
    this.positions = new Positions(core, this.options, () => this.state !== 'finding' && this.state !== 'reading');
    this.find().catch((error) => this.failed(error));
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly ConsumedRecord[]> {
    return {
      next: () => this.queue.next(),
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  async close(): Promise<void> {
    if (this.state === 'closed') return;
    this.queue.discard();
    this.finish('closed');
  }

  /** @internal The client is closed under us. */
  abort(): void {
    this.failed(clientClosed());
  }

  // ---- finding ----

  private async find(): Promise<void> {
    const { topic } = this.options;
    const partitions = await this.findPartitions();
    if (this.state !== 'finding') return;
    const count = this.core.metadata.partitionCount(topic)!;
    for (const partition of partitions) {
      if (partition >= count) throw noSuchPartition(topic, partition, count);
    }
    this.readers = partitions.map((partition) => new PartitionReader(topic, partition));
    this.state = 'reading';
    this.fetcher.add(this.readers);
    await this.positions.find(this.readers, () => this.fetched());
  }

  private async findPartitions(): Promise<number[]> {
    const { clock } = this.core.seams;
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
      await this.core.pauseAfter(attempt);
    }
    return [];
  }

  // ---- FetcherOwner ----

  fetched(): void {
    if (this.state === 'reading' && this.readers.every((reader) => reader.isAtEnd)) this.finish('ended');
    this.queue.giveOut();
    this.fetcher.queuePump();
  }

  /** A caller who named an offset or a time is told; others go on with what is there. */
  outOfRange(reader: PartitionReader, answer: FetchedPartition, error: KafkaError): void {
    const { from, topic } = this.options;
    if (from !== 'earliest' && from !== 'latest') {
      return this.failed(new KafkaError('OFFSET_OUT_OF_RANGE', `${error.message}: offset ${reader.position} ${whereItIs(reader, answer)}`));
    }
    this.positions.findAgain(reader, answer).then(
      ({ lost }) => {
        const now = reader.position;
        this.core.seams.logger.warn('consumer position was out of range', { topic, partition: reader.partition, lost, now });
        this.fetched();
      },
      (failure) => this.failed(failure),
    );
  }

  topicGone(_topic: string, error: KafkaError): void {
    this.failed(error);
  }

  failed(error: unknown): void {
    this.finish('failed', { error });
  }

  private finish(state: 'ended' | 'closed' | 'failed', ending: { readonly error?: unknown } = {}): void {
    if (this.state !== 'finding' && this.state !== 'reading') {
      if (state === 'closed') this.state = state;
      return;
    }
    this.state = state;
    this.fetcher.stop();
    this.onClosed(this);
    this.queue.end(ending);
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
