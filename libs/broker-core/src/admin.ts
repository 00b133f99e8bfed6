/**
 * The admin verbs. Changes are forwarded to the cluster coordinator on behalf of the asker and answered when this broker's own
 * metadata shows them, or after a while all the same: the answer of the coordinator is certain, who sees it first is not.
 *
 * Refused here are what the asker may not do and what no coordinator would do; those parts are not forwarded. A change that
 * surely was not begun is tried again for a moment (a coordinator that restarts is back in seconds); one whose outcome is
 * unknown never is.
 */
import { describeTopicConfigs } from '#config';
import { isInternalTopic, type KafkaErrorName, type Operation, type RequestContext, topicNameProblem, YakError } from '#kernel';
import type { MetadataImage } from '#metadata';
import {
  type AlterConfigsRequest,
  type AlterConfigsResponse,
  type ConfigEntry,
  type CreatePartitionsRequest,
  type CreatePartitionsResponse,
  type CreateTopicsRequest,
  type CreateTopicsResponse,
  type DeleteTopicsRequest,
  type DeleteTopicsResponse,
  type DescribeConfigsRequest,
  type DescribeConfigsResponse,
  type ElectLeaderRequest,
  type ElectLeaderResponse,
  onBehalfOf,
  type PatternKey,
  type RpcMessages,
} from '#rpc';
import type { AdminVerbs, OffsetsForLeaderEpochsRequest, OffsetsForLeaderEpochsResponse } from './admin-verbs.js';
import { areConfigsVisible, arePartitionsVisible, isDeletionVisible, isTopicVisible } from './admin-visible.js';
import type { BrokerState } from './broker-state.js';
import type { BrokerConfig, BrokerSeams } from './contract.js';
import { describeConfigs, noSuchConfigs } from './describe-configs.js';
import { offsetsForLeaderEpochs } from './offsets-for-leader-epochs.js';

export const ADMIN_TIMEOUT_MS_DEFAULT = 30_000;
/** However long is asked for; Kafka's clients ask for up to this. */
export const ADMIN_TIMEOUT_MS_MAX = 60_000;
/** The coordinator gets its whole time, and the way there and back on top. */
export const FORWARD_MARGIN_MS = 1_000;
/** How long a change waits for a coordinator that cannot be reached, and how often it looks. */
export const COORDINATOR_WAIT_MS_MAX = 5_000;
export const COORDINATOR_RETRY_MS = 100;
/** How long a decided change waits to be seen here, leaders included. It stands in any case. */
export const VISIBLE_WAIT_MS_MAX = 5_000;

/** Failures after which nothing can have happened; after any other one, something may have. */
const NOT_BEGUN: ReadonlySet<string> = new Set(['UNAVAILABLE', 'BUSY']);

export interface AdminHost {
  readonly image: MetadataImage;
  forward<K extends PatternKey>(pattern: K, request: RpcMessages[K][0], timeoutMs: number): Promise<RpcMessages[K][1]>;
  waitForMetadata(condition: (image: MetadataImage) => boolean, timeoutMs: number): Promise<boolean>;
}

type ForwardedAdmin = 'createTopics' | 'deleteTopics' | 'createPartitions' | 'alterConfigs' | 'electLeader';
interface Refusal {
  readonly error: KafkaErrorName;
  readonly message?: string;
}

export class Admin implements AdminVerbs {
  constructor(
    private readonly host: AdminHost,
    private readonly config: Pick<BrokerConfig, 'brokerId' | 'configs'>,
    private readonly seams: Pick<BrokerSeams, 'clock' | 'authorizer'>,
    private readonly state: () => BrokerState,
  ) {}

  async createTopics(context: RequestContext, request: CreateTopicsRequest): Promise<CreateTopicsResponse> {
    const [topics, refused] = sorted(request.topics, (topic) => this.creationProblem(context, topic));
    const none = { topicId: '', partitions: -1, replicationFactor: -1 };
    const { topics: answers } = await this.changed(
      'createTopics',
      context,
      { ...request, topics },
      topics.length,
      { topics: [] },
      (decided, image) =>
        decided.topics.every((topic) => topic.error !== 'NONE' || request.validateOnly === true || isTopicVisible(image, topic)),
    );
    return { topics: [...answers, ...refused.map(([{ name }, refusal]) => ({ name, ...none, ...refusal }))] };
  }

  async deleteTopics(context: RequestContext, request: DeleteTopicsRequest): Promise<DeleteTopicsResponse> {
    const [topics, refused] = sorted(request.topics, (topic) => this.deletionProblem(context, topic));
    const { topics: answers } = await this.changed(
      'deleteTopics',
      context,
      { ...request, topics },
      topics.length,
      { topics: [] },
      (decided, image) => decided.topics.every((topic) => topic.error !== 'NONE' || isDeletionVisible(image, topic)),
    );
    return {
      topics: [
        ...answers,
        ...refused.map(([topic, refusal]) => ({
          name: 'name' in topic ? topic.name : null,
          topicId: 'topicId' in topic ? topic.topicId : '',
          ...refusal,
        })),
      ],
    };
  }

  async createPartitions(context: RequestContext, request: CreatePartitionsRequest): Promise<CreatePartitionsResponse> {
    const [topics, refused] = sorted(request.topics, (topic) => this.partitionsProblem(context, topic));
    const { topics: answers } = await this.changed(
      'createPartitions',
      context,
      { ...request, topics },
      topics.length,
      { topics: [] },
      (decided, image) =>
        decided.topics.every(({ name, error }) => {
          if (error !== 'NONE' || request.validateOnly === true) return true;
          const asked = topics.find((topic) => topic.name === name);
          return asked === undefined || arePartitionsVisible(image, asked);
        }),
    );
    return { topics: [...answers, ...refused.map(([{ name }, refusal]) => ({ name, ...refusal }))] };
  }

  async alterConfigs(context: RequestContext, request: AlterConfigsRequest): Promise<AlterConfigsResponse> {
    const [resources, refused] = sorted(request.resources, (resource) => this.alterationProblem(context, resource));
    const { resources: answers } = await this.changed(
      'alterConfigs',
      context,
      { ...request, resources },
      resources.length,
      { resources: [] },
      (decided, image) =>
        decided.resources.every(({ name, error }) => {
          if (error !== 'NONE' || request.validateOnly === true) return true;
          const asked = resources.find((resource) => resource.name === name);
          return asked === undefined || areConfigsVisible(image, asked);
        }),
    );
    return { resources: [...answers, ...refused.map(([{ type, name }, refusal]) => ({ type, name, ...refusal }))] };
  }

  async electLeader(context: RequestContext, request: ElectLeaderRequest): Promise<ElectLeaderResponse> {
    const none = { leader: -1, leaderEpoch: -1, isr: [], possibleLoss: false, waitsFor: null };
    const isAllowed = this.isAllowedOnCluster(context, 'ALTER');
    const refused: ElectLeaderResponse = { error: 'CLUSTER_AUTHORIZATION_FAILED', ...none };
    return this.changed('electLeader', context, request, isAllowed ? 1 : 0, refused, ({ error, leader, leaderEpoch }, image) => {
      if (error !== 'NONE' || request.validateOnly === true) return true;
      const topicId = image.topicsByName.get(request.topic)?.topicId;
      const partition = topicId === undefined ? undefined : image.partition(topicId, request.partition);
      return partition === undefined || partition.leaderEpoch > leaderEpoch || partition.leader === leader;
    });
  }

  async describeConfigs(context: RequestContext, request: DescribeConfigsRequest): Promise<DescribeConfigsResponse> {
    const { brokerId, configs: settings } = this.config;
    return describeConfigs({ brokerId, settings, image: this.host.image, authorizer: this.seams.authorizer }, context, request);
  }

  configsOfNewTopic(
    context: RequestContext,
    topic: { readonly name: string; readonly configs: Readonly<Record<string, string>>; readonly replicationFactor: number },
  ): readonly ConfigEntry[] | null {
    if (!this.isAllowed(context, 'DESCRIBE_CONFIGS', topic.name)) return null;
    return describeTopicConfigs(topic.configs, this.config.configs, topic.replicationFactor);
  }

  async offsetsForLeaderEpochs(context: RequestContext, request: OffsetsForLeaderEpochsRequest): Promise<OffsetsForLeaderEpochsResponse> {
    return offsetsForLeaderEpochs(this.state(), context, request);
  }

  // ---- what is refused here ----

  private isAllowed(context: RequestContext, operation: Operation, topic: string): boolean {
    return this.seams.authorizer.isAllowed(context, operation, { type: 'TOPIC', name: topic });
  }

  private isAllowedOnCluster(context: RequestContext, operation: Operation): boolean {
    return this.seams.authorizer.isAllowed(context, operation, { type: 'CLUSTER', name: 'cluster' });
  }

  private creationProblem(context: RequestContext, topic: CreateTopicsRequest['topics'][number]): Refusal | null {
    const { name, partitions = -1, replicationFactor = -1 } = topic;
    if (!this.isAllowed(context, 'CREATE', name) && !this.isAllowedOnCluster(context, 'CREATE'))
      return { error: 'TOPIC_AUTHORIZATION_FAILED' };
    const problem = topicNameProblem(name);
    if (problem !== null) return { error: 'INVALID_TOPIC_EXCEPTION', message: problem };
    if (isInternalTopic(name)) return { error: 'INVALID_TOPIC_EXCEPTION', message: `${name} is created by the cluster itself` };
    if (partitions < 1 && partitions !== -1) return tooFewPartitions(partitions);
    if (replicationFactor >= 1 || replicationFactor === -1) return null;
    return {
      error: 'INVALID_REPLICATION_FACTOR',
      message: `replication factor ${replicationFactor} is not possible: at least 1, or -1 for the default`,
    };
  }

  private deletionProblem(context: RequestContext, topic: DeleteTopicsRequest['topics'][number]): Refusal | null {
    const name = 'name' in topic ? topic.name : this.host.image.topicsById.get(topic.topicId)?.name;
    // Without its name nobody could say who may delete it.
    if (name === undefined) return { error: 'UNKNOWN_TOPIC_ID', message: 'this broker knows no topic with that id' };
    if (!this.isAllowed(context, 'DELETE', name)) return { error: 'TOPIC_AUTHORIZATION_FAILED' };
    if (topicNameProblem(name) !== null) return noSuchTopic();
    return isInternalTopic(name) ? { error: 'INVALID_TOPIC_EXCEPTION', message: `${name} belongs to the cluster and stays` } : null;
  }

  private partitionsProblem(context: RequestContext, { name, totalCount }: CreatePartitionsRequest['topics'][number]): Refusal | null {
    if (!this.isAllowed(context, 'ALTER', name)) return { error: 'TOPIC_AUTHORIZATION_FAILED' };
    if (topicNameProblem(name) !== null) return noSuchTopic();
    if (totalCount < 1) return tooFewPartitions(totalCount);
    if (!isInternalTopic(name)) return null;
    return { error: 'INVALID_TOPIC_EXCEPTION', message: `${name} keeps its partitions: their number decides which of them holds what` };
  }

  private alterationProblem(context: RequestContext, { type, name }: AlterConfigsRequest['resources'][number]): Refusal | null {
    if (type === 'topic') {
      if (!this.isAllowed(context, 'ALTER_CONFIGS', name)) return { error: 'TOPIC_AUTHORIZATION_FAILED' };
      const problem = topicNameProblem(name);
      return problem === null ? null : { error: 'INVALID_TOPIC_EXCEPTION', message: problem };
    }
    if (!this.isAllowedOnCluster(context, 'ALTER_CONFIGS')) return { error: 'CLUSTER_AUTHORIZATION_FAILED' };
    if (type !== 'broker') return { error: 'INVALID_REQUEST', message: noSuchConfigs(type) };
    const message =
      'configs of brokers are read at start only: set them in the configuration file, the environment or by flag, and restart the broker';
    return { error: 'INVALID_REQUEST', message };
  }

  // ---- forwarding ----

  /** Nothing is forwarded when `count` is 0: then the answer is `nothing`. */
  private async changed<K extends ForwardedAdmin>(
    pattern: K,
    context: RequestContext,
    request: RpcMessages[K][0],
    count: number,
    nothing: RpcMessages[K][1],
    isVisible: (decided: RpcMessages[K][1], image: MetadataImage) => boolean,
  ): Promise<RpcMessages[K][1]> {
    if (count === 0) return nothing;
    const timeoutMs = clamp(request.timeoutMs ?? ADMIN_TIMEOUT_MS_DEFAULT);
    const decided = await this.forwarded(pattern, { ...request, onBehalfOf: onBehalfOf(context) }, timeoutMs);
    // 0: the asker does not wait for anything but the decision.
    if (timeoutMs > 0) await this.host.waitForMetadata((image) => isVisible(decided, image), Math.min(timeoutMs, VISIBLE_WAIT_MS_MAX));
    return decided;
  }

  private async forwarded<K extends ForwardedAdmin>(pattern: K, request: RpcMessages[K][0], timeoutMs: number): Promise<RpcMessages[K][1]> {
    const { clock } = this.seams;
    const beganAtMs = clock.monotonicMs();
    for (;;) {
      // Whole ms: a clock has fractions, a message has not.
      const leftMs = Math.max(0, Math.ceil(timeoutMs - (clock.monotonicMs() - beganAtMs)));
      try {
        return await this.host.forward(pattern, { ...request, timeoutMs: leftMs }, leftMs + FORWARD_MARGIN_MS);
      } catch (error) {
        const waitedMs = clock.monotonicMs() - beganAtMs;
        if (!(error instanceof YakError) || !NOT_BEGUN.has(error.code) || waitedMs >= Math.min(timeoutMs, COORDINATOR_WAIT_MS_MAX))
          throw error;
      }
      // A coordinator that is back has news first of all.
      const { revision } = this.host.image;
      await this.host.waitForMetadata((image) => image.revision > revision, COORDINATOR_RETRY_MS);
    }
  }
}

function tooFewPartitions(partitions: number): Refusal {
  return { error: 'INVALID_PARTITIONS', message: `${partitions} partitions are not possible: at least 1` };
}

/** An illegal name cannot be the name of a topic. */
function noSuchTopic(): Refusal {
  return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: 'there is no topic of that name' };
}

function clamp(timeoutMs: number): number {
  return Math.min(Math.max(0, timeoutMs), ADMIN_TIMEOUT_MS_MAX);
}

/** What may go on, and what is refused, with why. */
function sorted<T>(items: readonly T[], problemOf: (item: T) => Refusal | null): [T[], [T, Refusal][]] {
  const fine: T[] = [];
  const refused: [T, Refusal][] = [];
  for (const item of items) {
    const problem = problemOf(item);
    if (problem === null) fine.push(item);
    else refused.push([item, problem]);
  }
  return [fine, refused];
}
