/**
 * Topics in one reign: created, grown, configured, deleted. Each is one command through the chain; while the store is suspect
 * none is taken. An answer about new partitions waits a little until their leaders know of them, so that the first request of
 * a client finds them.
 */
import { NOT_ACTING_TOPIC_CONFIGS, TOPIC_CONFIGS } from '#config';
import type { BrokerId, MonotonicMs } from '#kernel';
import { isInternalTopic, topicNameProblem } from '#kernel';
import type { CreatedTopic, CreateTopicsContext, NewTopicCommand, Outcome, ValidateTopicConfigs } from '#metadata';
import { alterTopicConfigs, createPartitions, createTopics, deleteTopics } from '#metadata';
import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
  CreatePartitionsRequest,
  CreatePartitionsResponse,
  CreateTopicsRequest,
  CreateTopicsResponse,
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '#rpc';
import { randomId } from '#seams';
import type { BrokerSessions } from './broker-sessions.js';
import type { CoordinatorConfig, CoordinatorSeams } from './config.js';
import type { MetadataChain } from './metadata-chain.js';
import type { Waiters } from './waiters.js';

/** Longest that an answer about new partitions waits until their leaders know of them. */
export const TOPIC_APPLY_WAIT_MS = 1_000;

export interface TopicCommandsOptions {
  readonly config: Pick<CoordinatorConfig, 'topicDefaults'>;
  readonly seams: CoordinatorSeams;
  readonly validateTopicConfigs: ValidateTopicConfigs;
  readonly chain: MetadataChain;
  readonly sessions: BrokerSessions;
  /** Woken when a broker said that it applied more. */
  readonly applications: Waiters;
  /** Whether an unfenced broker was heard in this reign (R13). */
  readonly isHeard: (brokerId: BrokerId) => boolean;
}

export class TopicCommands {
  constructor(private readonly options: TopicCommandsOptions) {}

  async createTopics(request: CreateTopicsRequest): Promise<CreateTopicsResponse> {
    return this.createAndSpread(request.topics, request.validateOnly ?? false, waitMs(request.timeoutMs));
  }

  /** For a client that asked for them and allows it. Refusals are logged. */
  async createMissing(topics: readonly string[]): Promise<void> {
    const { image } = this.options.chain;
    const missing = [...new Set(topics)].filter(
      (name) => !image.topicsByName.has(name) && topicNameProblem(name) === null && !isInternalTopic(name),
    );
    if (missing.length === 0) return;
    const { topics: created } = await this.createAndSpread(
      missing.map((name) => ({ name })),
      false,
      TOPIC_APPLY_WAIT_MS,
    );
    for (const { name, error, message } of created) {
      if (error !== 'NONE' && error !== 'TOPIC_ALREADY_EXISTS')
        this.options.seams.logger.warn('automatic topic creation failed', { topic: name, error, reason: message });
    }
  }

  /** A topic of the cluster's own. */
  async createInternal(topic: NewTopicCommand): Promise<CreatedTopic> {
    const context = { ...this.creation(), mayBeInternal: true };
    const { topics } = await this.options.chain.submit((state) => createTopics(state, { topics: [topic] }, context));
    return topics[0]!;
  }

  async deleteTopics(request: DeleteTopicsRequest): Promise<DeleteTopicsResponse> {
    if (this.isSuspect) {
      const topics = request.topics.map((topic) => ({
        name: 'name' in topic ? topic.name : null,
        topicId: 'topicId' in topic ? topic.topicId : '',
        ...SUSPECT,
      }));
      return { topics };
    }
    return this.options.chain.submit((state) => deleteTopics(state, request));
  }

  async createPartitions(request: CreatePartitionsRequest): Promise<CreatePartitionsResponse> {
    if (this.isSuspect) return { topics: request.topics.map(({ name }) => ({ name, ...SUSPECT })) };
    const { chain } = this.options;
    const before = new Map(request.topics.map(({ name }) => [name, chain.image.partitionsOf(this.topicId(name)).length]));
    const context = { defaultFlushPolicy: this.options.config.topicDefaults.flushPolicy };
    const response = await chain.submit((state) => createPartitions(state, request, context));
    const grown = response.topics.filter((topic) => topic.error === 'NONE');
    if (grown.length > 0 && !request.validateOnly) {
      const added = grown.flatMap(({ name }) => chain.image.partitionsOf(this.topicId(name)).slice(before.get(name)!));
      await this.waitUntilApplied(new Set(added.map((record) => record.leader)), chain.image.revision, waitMs(request.timeoutMs));
    }
    return response;
  }

  async alterConfigs(request: AlterConfigsRequest): Promise<AlterConfigsResponse> {
    if (this.isSuspect) return { resources: request.resources.map(({ type, name }) => ({ type, name, ...SUSPECT })) };
    const { chain, validateTopicConfigs, isHeard, config } = this.options;
    const response = await chain.submit((state) =>
      alterTopicConfigs(state, request, {
        validateTopicConfigs,
        isKnownConfig: (name) => Object.hasOwn(TOPIC_CONFIGS, name) || NOT_ACTING_TOPIC_CONFIGS.has(name),
        defaultFlushPolicy: config.topicDefaults.flushPolicy,
        isHeard,
      }),
    );
    for (const { type, name, error } of response.resources) {
      if (error === 'NONE' && !request.validateOnly) this.options.seams.logger.info('configs altered', { type, name });
    }
    return response;
  }

  private topicId(name: string): string {
    return this.options.chain.image.topicsByName.get(name)?.topicId ?? '';
  }

  private async createAndSpread(
    topics: readonly NewTopicCommand[],
    validateOnly: boolean,
    maxWaitMs: number,
  ): Promise<CreateTopicsResponse> {
    if (this.isSuspect) {
      return { topics: topics.map(({ name }) => ({ name, topicId: '', partitions: -1, replicationFactor: -1, ...SUSPECT })) };
    }
    const { chain } = this.options;
    const response = await chain.submit((state) => createTopics(state, { topics, validateOnly }, this.creation()));
    const created = response.topics.filter((topic) => topic.topicId !== '');
    if (created.length > 0) {
      const { image } = chain;
      const leaders = new Set(created.flatMap((topic) => image.partitionsOf(topic.topicId).map((record) => record.leader)));
      await this.waitUntilApplied(leaders, image.revision, maxWaitMs);
    }
    return response;
  }

  private creation(): CreateTopicsContext {
    const { random } = this.options.seams;
    return {
      defaults: this.options.config.topicDefaults,
      validateTopicConfigs: this.options.validateTopicConfigs,
      newTopicId: () => randomId(random),
      randomInteger: (maxExclusive) => random.integer(maxExclusive),
    };
  }

  /** Until those of `brokerIds` that are up applied `revision`; gives up silently, since the partitions exist all the same. */
  private async waitUntilApplied(brokerIds: ReadonlySet<BrokerId>, revision: number, maxWaitMs: number): Promise<void> {
    const { chain, sessions, applications } = this.options;
    const deadline = this.now() + maxWaitMs;
    const isBehind = (brokerId: BrokerId): boolean =>
      chain.image.brokers.get(brokerId)?.isFenced === false && (sessions.get(brokerId)?.appliedRevision ?? -1) < revision;
    while ([...brokerIds].some(isBehind) && this.now() < deadline && !chain.isStopped) {
      await applications.wait(deadline - this.now());
    }
  }

  private get isSuspect(): boolean {
    return this.options.chain.image.coordinator?.isSuspect ?? false;
  }

  private now(): MonotonicMs {
    return this.options.seams.clock.monotonicMs();
  }
}

const SUSPECT: Outcome = {
  error: 'NOT_CONTROLLER',
  message: 'the metadata store is suspect: no topic changes until every broker has registered, or the operator trusts it',
};

function waitMs(timeoutMs: number | undefined): number {
  return Math.min(timeoutMs ?? TOPIC_APPLY_WAIT_MS, TOPIC_APPLY_WAIT_MS);
}
