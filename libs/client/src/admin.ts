/**
 * Topics, cluster and offsets, asked at any process that answers. Questions are repeated elsewhere freely; a creation or
 * deletion whose answer was lost is repeated too, and says so when the repeat finds it already done.
 */
import { KafkaError, YakError } from '#kernel';
import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
  CreatePartitionsRequest,
  CreatePartitionsResponse,
  CreateTopicsRequest,
  CreateTopicsResponse,
  DeleteTopicsRequest,
  DeleteTopicsResponse,
  DescribeClusterResponse,
  DescribeConfigsRequest,
  DescribeConfigsResponse,
  ElectLeaderRequest,
  ElectLeaderResponse,
  ListOffsetsResponse,
  MetadataResponse,
  PatternKey,
  RpcMessages,
  TopicMetadata,
} from '#rpc';
import { sleep } from '#seams';
import { YakClientAdmin } from './client-admin.js';
import type { ClientAdmin } from './client-admin-contract.js';
import type { ClientCore } from './client-core.js';
import { describeConfigs } from './config-admin.js';
import { clientClosed } from './connection-pool.js';
import type { Admin, LeaderChange, OffsetRequest } from './contract.js';
import { YakGroupAdmin } from './group-admin.js';
import type { GroupAdmin } from './group-admin-contract.js';
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, lookUpOffsets, MAX_TIMESTAMP } from './offset-lookup.js';
import { ATTEMPT_TIMEOUT_MS } from './options.js';

/** A change is committed by the coordinator and then known to brokers: longer than a question. */
const CHANGE_TIMEOUT_MS = 10_000;
const WATCH_WAIT_MS = 5000;

export class YakAdmin implements Admin {
  readonly groups: GroupAdmin;
  readonly clients: ClientAdmin;
  private isClosed = false;

  constructor(private readonly core: ClientCore) {
    this.groups = new YakGroupAdmin(
      core,
      () => this.metadata([]),
      () => this.isClosed,
    );
    this.clients = new YakClientAdmin(core, (topics) => this.metadata(topics));
  }

  async createTopics(request: CreateTopicsRequest): Promise<CreateTopicsResponse> {
    const { response, wasRepeated } = await this.ask('createTopics', request, CHANGE_TIMEOUT_MS);
    if (!wasRepeated) return response;
    const note = 'an attempt before this one got no answer and may have created it';
    return { topics: response.topics.map((topic) => (topic.error === 'TOPIC_ALREADY_EXISTS' ? { ...topic, message: note } : topic)) };
  }

  async deleteTopics(request: DeleteTopicsRequest): Promise<DeleteTopicsResponse> {
    const { response, wasRepeated } = await this.ask('deleteTopics', request, CHANGE_TIMEOUT_MS);
    if (!wasRepeated) return response;
    const note = 'an attempt before this one got no answer and may have deleted it';
    return { topics: response.topics.map((topic) => (topic.error === 'UNKNOWN_TOPIC_OR_PARTITION' ? { ...topic, message: note } : topic)) };
  }

  async createPartitions(request: CreatePartitionsRequest): Promise<CreatePartitionsResponse> {
    const { response, wasRepeated } = await this.ask('createPartitions', request, CHANGE_TIMEOUT_MS);
    if (!wasRepeated) return response;
    const note = 'an attempt before this one got no answer and may have added them';
    return {
      topics: response.topics.map((topic) =>
        topic.error === 'INVALID_PARTITIONS' ? { ...topic, message: `${topic.message ?? topic.error} (${note})` } : topic,
      ),
    };
  }

  async alterConfigs(request: AlterConfigsRequest): Promise<AlterConfigsResponse> {
    // What is set, appended or taken away a second time changes nothing.
    return (await this.ask('alterConfigs', request, CHANGE_TIMEOUT_MS)).response;
  }

  async electLeader(request: ElectLeaderRequest): Promise<ElectLeaderResponse> {
    const { response, wasRepeated } = await this.ask('electLeader', request, CHANGE_TIMEOUT_MS);
    if (!wasRepeated || response.error !== 'INVALID_REQUEST') return response;
    return {
      ...response,
      message: `${response.message ?? response.error} (an attempt before this one got no answer and may have elected it)`,
    };
  }

  async describeConfigs(request: DescribeConfigsRequest): Promise<DescribeConfigsResponse> {
    const { core } = this;
    const askAny = async (asked: DescribeConfigsRequest) => (await this.ask('describeConfigs', asked, ATTEMPT_TIMEOUT_MS)).response;
    return describeConfigs({ core, attemptTimeoutMs: ATTEMPT_TIMEOUT_MS, askAny, metadata: () => this.metadata([]) }, request);
  }

  async listTopics(): Promise<readonly TopicMetadata[]> {
    const { topics } = await this.metadata(null);
    return [...topics].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  async describeTopics(topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    return (await this.metadata(topics)).topics;
  }

  async metadata(topics: readonly string[] | null): Promise<MetadataResponse> {
    const { response } = await this.ask('metadata', { topics }, ATTEMPT_TIMEOUT_MS);
    this.core.metadata.apply(response);
    return response;
  }

  async describeCluster(): Promise<DescribeClusterResponse> {
    return (await this.ask('describeCluster', {}, ATTEMPT_TIMEOUT_MS)).response;
  }

  async listOffsets(requests: readonly OffsetRequest[]): Promise<ListOffsetsResponse> {
    const deadline = this.core.seams.clock.monotonicMs() + this.core.options.requestTimeoutMs;
    const { topics } = await this.metadata([...new Set(requests.map((request) => request.topic))]);
    const unknown = topics.find((topic) => topic.error === 'UNKNOWN_TOPIC_OR_PARTITION');
    if (unknown !== undefined) throw new KafkaError(unknown.error, `topic ${unknown.name} does not exist`);
    const questions = requests.map(({ topic, partition, timestamp }) => ({ topic, partition, timestamp: timestampNumber(timestamp) }));
    const partitions = await lookUpOffsets(
      this.core,
      questions,
      () => this.core.seams.clock.monotonicMs() < deadline,
      () => this.isClosed,
    );
    return { partitions };
  }

  async *watchLeaders(topics: readonly string[] | null): AsyncGenerator<readonly LeaderChange[], void, undefined> {
    const leaders = new Map<string, LeaderChange>();
    let revision = -1;
    let attempts = 0;
    while (!this.isClosed) {
      const newer = revision < 0 ? {} : { newerThanRevision: revision, maxWaitMs: WATCH_WAIT_MS };
      let response: MetadataResponse;
      try {
        response = await this.core.anyNode.ask('metadata', { topics, ...newer }, { attemptTimeoutMs: WATCH_WAIT_MS + ATTEMPT_TIMEOUT_MS });
      } catch (error) {
        if (this.isClosed) return;
        this.core.seams.logger.debug('metadata is unavailable', { reason: (error as Error).message });
        await this.core.pauseAfter(++attempts);
        continue;
      }
      attempts = 0;
      this.core.metadata.apply(response);
      const changes = leaderChanges(response, leaders);
      if (changes.length > 0) yield changes;
      // A process that knows no revision, or knows an old one, answers at once: do not ask it in a circle.
      if (response.revision <= revision || response.revision < 0)
        await sleep(this.core.seams.scheduler, this.core.options.retryBackoffMaxMs);
      revision = Math.max(revision, response.revision);
    }
  }

  close(): void {
    this.isClosed = true;
  }

  /** Over all processes, again and again, until requestTimeoutMs is over. `wasRepeated`: an attempt before had an unknown outcome. */
  private async ask<K extends PatternKey>(
    pattern: K,
    request: RpcMessages[K][0],
    attemptTimeoutMs: number,
  ): Promise<{ response: RpcMessages[K][1]; wasRepeated: boolean }> {
    const { clock } = this.core.seams;
    const deadline = clock.monotonicMs() + this.core.options.requestTimeoutMs;
    let wasRepeated = false;
    // Says more than that the last attempt, which may have had a millisecond, got no answer.
    let reason: YakError | null = null;
    const unknownOutcome = () => (wasRepeated = true);
    for (let attempt = 1; ; attempt++) {
      if (this.isClosed) throw clientClosed();
      try {
        const timeoutMs = Math.max(1, Math.min(attemptTimeoutMs, deadline - clock.monotonicMs()));
        const response = await this.core.anyNode.ask(pattern, request, { attemptTimeoutMs: timeoutMs, unknownOutcome });
        return { response, wasRepeated };
      } catch (error) {
        if (!(error instanceof YakError) || !this.core.anyNode.isWorthRepeating(error)) throw error;
        if (error.code !== 'REQUEST_TIMEOUT') reason = error;
        if (clock.monotonicMs() >= deadline) throw reason ?? error;
        await this.core.pauseAfter(attempt);
        // Those we were told of at the start cannot answer: learn of others.
        if (this.core.metadata.brokerAddresses().length === 0) await this.core.follower.fetch([]).catch(() => {});
      }
    }
  }
}

function leaderChanges(response: MetadataResponse, known: Map<string, LeaderChange>): LeaderChange[] {
  const changes: LeaderChange[] = [];
  for (const topic of response.topics) {
    for (const { partition, leader, leaderEpoch, isr } of topic.partitions) {
      const key = `${topic.topicId}-${partition}`;
      const before = known.get(key);
      if (before !== undefined && leaderEpoch <= before.leaderEpoch && (leaderEpoch < before.leaderEpoch || leader === before.leader))
        continue;
      const change = { topic: topic.name, partition, leader, leaderEpoch, previousLeader: before?.leader ?? null, inSyncReplicas: isr };
      known.set(key, change);
      changes.push(change);
    }
  }
  return changes;
}

function timestampNumber(timestamp: OffsetRequest['timestamp']): number {
  if (timestamp === 'latest') return LATEST_TIMESTAMP;
  if (timestamp === 'earliest') return EARLIEST_TIMESTAMP;
  return timestamp === 'max-timestamp' ? MAX_TIMESTAMP : timestamp;
}
