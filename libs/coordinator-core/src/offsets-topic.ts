/**
 * __consumer_offsets: in it brokers keep consumer groups and their commits. The cluster coordinator creates it by itself, once,
 * and again whenever it is missing: as soon as every configured broker has registered and enough run for a full first ISR.
 * Placed while all of them run if that comes soon, so that groups are spread over the whole cluster. It decides nothing
 * itself: what is refused is said once and tried again later.
 */
import { type MonotonicMs, OFFSETS_TOPIC } from '#kernel';
import type { MetadataImage, NewTopicCommand } from '#metadata';
import type { CoordinatorConfig, CoordinatorSeams, OffsetsTopicConfig } from './config.js';
import type { MetadataChain } from './metadata-chain.js';
import type { TopicCommands } from './topic-commands.js';

/** How long those that are enough wait for the other configured brokers to run. */
export const OFFSETS_TOPIC_PATIENCE_MS = 2_000;
/** Between two tries after a refusal. */
export const OFFSETS_TOPIC_RETRY_MS = 1_000;
/** A group's record holds what all its members say of themselves. */
const MAX_MESSAGE_BYTES = 10 * 1_048_576;

export class OffsetsTopic {
  private isCreating = false;
  private enoughSince: MonotonicMs | null = null;
  private refusedAt: MonotonicMs = Number.NEGATIVE_INFINITY;
  private lastRefusal = '';

  constructor(
    private readonly config: Pick<CoordinatorConfig, 'offsetsTopic' | 'configuredBrokers'>,
    private readonly seams: CoordinatorSeams,
    private readonly chain: MetadataChain,
    private readonly topics: TopicCommands,
  ) {}

  /** Cheap when there is nothing to do: called at every poll and when a broker comes up. */
  createIfDue(): void {
    const { offsetsTopic } = this.config;
    const { image } = this.chain;
    if (offsetsTopic === null || this.isCreating || image.topicsByName.has(OFFSETS_TOPIC) || !this.isTime(image, offsetsTopic)) return;
    this.isCreating = true;
    this.create(this.command(image, offsetsTopic))
      // Nobody is told: the chain stopped, and the next reign tries again.
      .catch(() => {})
      .finally(() => (this.isCreating = false));
  }

  private isTime(image: MetadataImage, settings: OffsetsTopicConfig): boolean {
    const configured = this.configuredIn(image);
    const now = this.seams.clock.monotonicMs();
    if (image.cluster === null || image.coordinator?.isSuspect || now - this.refusedAt < OFFSETS_TOPIC_RETRY_MS) return false;
    if (!configured.every((brokerId) => image.brokers.has(brokerId))) return false;
    const live = [...image.brokers.values()].filter((broker) => !broker.isFenced && !broker.isShuttingDown).map(({ brokerId }) => brokerId);
    if (live.length < this.replicationFactor(image, settings)) {
      this.enoughSince = null;
      return false;
    }
    this.enoughSince ??= now;
    return configured.every((brokerId) => live.includes(brokerId)) || now - this.enoughSince >= OFFSETS_TOPIC_PATIENCE_MS;
  }

  private async create(command: NewTopicCommand): Promise<void> {
    const created = await this.topics.createInternal(command);
    if (created.error === 'NONE') {
      const { name, partitions, replicationFactor } = created;
      this.seams.logger.info('internal topic created', { topic: name, partitions, replicationFactor });
    } else if (created.error !== 'TOPIC_ALREADY_EXISTS') {
      this.refusedAt = this.seams.clock.monotonicMs();
      const reason = `${created.error}: ${created.message}`;
      if (reason !== this.lastRefusal) this.seams.logger.warn('internal topic refused', { topic: command.name, reason });
      this.lastRefusal = reason;
    }
  }

  private command(image: MetadataImage, settings: OffsetsTopicConfig): NewTopicCommand {
    return {
      name: OFFSETS_TOPIC,
      partitions: settings.partitions,
      replicationFactor: this.replicationFactor(image, settings),
      configs: {
        'cleanup.policy': 'compact',
        'segment.bytes': String(settings.segmentBytes),
        'max.message.bytes': String(MAX_MESSAGE_BYTES),
      },
    };
  }

  private replicationFactor(image: MetadataImage, settings: OffsetsTopicConfig): number {
    return Math.min(settings.replicationFactor, this.configuredIn(image).length);
  }

  /** As the cluster was begun; what this process is told today may differ. */
  private configuredIn(image: MetadataImage): readonly number[] {
    return image.cluster?.configuredBrokers ?? this.config.configuredBrokers;
  }
}
