/**
 * The group coordinator: the role of a broker for the groups whose partition of `__consumer_offsets` it leads. It finds the
 * shard (group-shard.ts has the rules), asks the authorizer, and gives each verb its answer. Not to be confused with the
 * cluster coordinator, which is a process of its own and knows no groups.
 */
import {
  coordinatorPartition,
  type Decision,
  type GroupClient,
  type GroupDescription,
  type GroupHistoryResponse,
  type GroupMachine,
  type GroupReader,
  type GroupStateName,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type JoinGroupRequest,
  type JoinGroupResponse,
  type LeaveGroupRequest,
  type LeaveGroupResponse,
  type OffsetCommitRequest,
  type OffsetCommitResponse,
  type OffsetDeleteRequest,
  type OffsetDeleteResponse,
  type OffsetFetchRequest,
  type OffsetFetchResponse,
  type Reply,
  type SyncGroupRequest,
  type SyncGroupResponse,
  type Time,
  type TopicPartition,
} from '#groups';
import { type KafkaErrorName, OFFSETS_TOPIC, type Operation, type RequestContext, type TopicId } from '#kernel';
import type { MetadataImage } from '#metadata';
import type { BrokerState } from '../broker-state.js';
import { isTopicReady } from '../cluster.js';
import type { GroupCoordinatorConfig } from '../contract.js';
import { endpointFor } from '../endpoint-for.js';
import type { FindCoordinatorsRequest, FoundCoordinator, GroupVerbs } from '../group-verbs.js';
import type { Partition } from '../partition.js';
import { GroupShard, type GroupShardHost } from './group-shard.js';
import { confirmLeadership } from './leadership.js';

/** All of one group's member metadata and assignments: one record must fit into a segment of `__consumer_offsets` (offsets.topic.segment.bytes). */
export const GROUP_METADATA_BYTES_MAX = 4 * 1_048_576;
/** How long the first question for a coordinator waits for `__consumer_offsets`, which the cluster coordinator creates by itself. */
export const OFFSETS_TOPIC_WAIT_MS = 500;

export interface GroupCoordinatorOptions {
  readonly config: GroupCoordinatorConfig;
  readonly broker: BrokerState;
  newMachine(): GroupMachine;
  waitForMetadata(condition: (image: MetadataImage) => boolean, timeoutMs: number): Promise<boolean>;
  confirmByHeartbeat(): Promise<boolean>;
  /** A member was admitted on this connection: for the client registry. */
  memberSeen?(context: RequestContext, groupId: string, memberId: string, groupInstanceId: string | null): void;
}

export interface GroupCoordinatorReport {
  readonly shards: number;
  readonly loading: number;
  readonly groups: number;
  readonly offsets: number;
}

type Failed<R> = (error: KafkaErrorName) => R;

export class GroupCoordinator implements GroupVerbs {
  private readonly shards = new Map<number, GroupShard>();
  private readonly shardHost: GroupShardHost;
  /** Shards that could not write what they were told of deleted topics. */
  private readonly untold = new WeakSet<GroupShard>();
  private knownDeletions: MetadataImage['deletedTopics'] | null = null;

  constructor(private readonly options: GroupCoordinatorOptions) {
    const { broker, config } = options;
    this.shardHost = {
      clock: broker.clock,
      scheduler: broker.scheduler,
      logger: broker.logger,
      commitTimeoutMs: config.offsetsCommitTimeoutMs,
      retentionCheckIntervalMs: config.offsetsRetentionCheckIntervalMs,
      newMachine: options.newMachine,
      canWrite: (partition, state) =>
        partition.leader === state &&
        partition.canCommit() &&
        partition.log.storageProblem === null &&
        !broker.isCutOffFromReplicas(partition),
      isCutOff: (partition) => broker.isCutOffFromReplicas(partition),
      confirmLeadership: (partition, state) =>
        confirmLeadership(
          {
            scheduler: broker.scheduler,
            parkedFetches: broker.parkedFetches,
            timeoutMs: config.offsetsCommitTimeoutMs,
            confirmByHeartbeat: options.confirmByHeartbeat,
          },
          partition,
          state,
        ),
      loaded: (shard) => this.tellDeletions(shard),
    };
  }

  // ---- what the broker tells ----

  /** Called after every change of role, of any partition. */
  roleChanged(partition: Partition): void {
    if (partition.topic !== OFFSETS_TOPIC) return;
    const known = this.shards.get(partition.index);
    const state = partition.leader;
    if (known?.partition === partition && known.state === state) return;
    known?.close();
    this.shards.delete(partition.index);
    if (!state) return;
    const shard = new GroupShard(this.shardHost, partition, state);
    this.shards.set(partition.index, shard);
    void shard.load();
  }

  /** Commits for deleted topics go (their names may come back with another id). */
  imageChanged(image: MetadataImage): void {
    const areNew = image.deletedTopics !== this.knownDeletions;
    this.knownDeletions = image.deletedTopics;
    for (const shard of this.shards.values()) if (areNew || this.untold.has(shard)) this.tellDeletions(shard);
  }

  private tellDeletions(shard: GroupShard): void {
    const { deletedTopics } = this.options.broker.image;
    if (deletedTopics.size === 0) return;
    // What cannot be written now is tried again with the next image: in-sync replicas that come back make one.
    if (shard.change((machine) => machine.topicsDeleted((topicId) => deletedTopics.has(topicId)))) this.untold.delete(shard);
    else this.untold.add(shard);
  }

  report(): GroupCoordinatorReport {
    let loading = 0;
    let groups = 0;
    let offsets = 0;
    for (const shard of this.shards.values()) {
      if (shard.isLoading) loading++;
      groups += shard.size.groups;
      offsets += shard.size.offsets;
    }
    return { shards: this.shards.size, loading, groups, offsets };
  }

  /** Groups coordinated here that know the partition; for `yak where`. */
  readersOf(topic: string, partition: number): readonly GroupReader[] {
    return [...this.shards.values()].flatMap((shard) => shard.peek((machine) => machine.readersOf(topic, partition), []));
  }

  // ---- verbs ----

  async findCoordinators(context: RequestContext, request: FindCoordinatorsRequest): Promise<readonly FoundCoordinator[]> {
    const failed = (key: string, error: KafkaErrorName, message?: string): FoundCoordinator => ({
      key,
      error,
      ...(message === undefined ? {} : { message }),
      brokerId: -1,
      endpoint: null,
    });
    if (request.keyType !== 'group') {
      return request.keys.map((key) => failed(key, 'INVALID_REQUEST', 'transactions are not served yet'));
    }
    await this.options.waitForMetadata((image) => isTopicReady(image, OFFSETS_TOPIC), OFFSETS_TOPIC_WAIT_MS);
    const { image } = this.options.broker;
    return request.keys.map((key) => {
      if (key === '') return failed(key, 'INVALID_GROUP_ID', 'a group id must not be empty');
      if (!this.isAllowed(context, 'DESCRIBE', key)) return failed(key, 'GROUP_AUTHORIZATION_FAILED');
      const index = this.partitionOf(key);
      if (index === null) return failed(key, 'COORDINATOR_NOT_AVAILABLE', `${OFFSETS_TOPIC} does not exist yet`);
      const record = image.partition(image.topicsByName.get(OFFSETS_TOPIC)!.topicId, index);
      const leader = record ? image.brokers.get(record.leader) : undefined;
      if (!leader || leader.isFenced)
        return failed(key, 'COORDINATOR_NOT_AVAILABLE', `partition ${index} of ${OFFSETS_TOPIC} has no leader`);
      const endpoint = endpointFor(leader.listeners, context.listener);
      if (endpoint === null)
        return failed(key, 'COORDINATOR_NOT_AVAILABLE', `broker ${leader.brokerId} coordinates it and has no ${context.listener} listener`);
      return { key, error: 'NONE', brokerId: leader.brokerId, endpoint };
    });
  }

  async join(context: RequestContext, request: JoinGroupRequest): Promise<JoinGroupResponse> {
    const failed = (error: KafkaErrorName): JoinGroupResponse => ({
      error,
      generationId: -1,
      protocolType: null,
      protocolName: null,
      leader: '',
      skipAssignment: false,
      memberId: request.memberId,
      members: [],
    });
    const client = clientOf(context);
    const response = await this.command(context, 'READ', request.groupId, failed, (machine, reply, now) =>
      machine.join(request, client, reply, now),
    );
    if (response.error === 'NONE') {
      this.options.memberSeen?.(context, request.groupId, response.memberId, request.groupInstanceId);
    }
    return response;
  }

  sync(context: RequestContext, request: SyncGroupRequest): Promise<SyncGroupResponse> {
    const failed = (error: KafkaErrorName): SyncGroupResponse => ({
      error,
      protocolType: null,
      protocolName: null,
      assignment: Buffer.alloc(0),
    });
    return this.command(context, 'READ', request.groupId, failed, (machine, reply, now) => machine.sync(request, reply, now));
  }

  async heartbeat(context: RequestContext, request: HeartbeatRequest): Promise<HeartbeatResponse> {
    const failed = (error: KafkaErrorName): HeartbeatResponse => ({ error });
    if (!this.isAllowed(context, 'READ', request.groupId)) return failed('GROUP_AUTHORIZATION_FAILED');
    const shard = this.shardOf(request.groupId);
    if (typeof shard === 'string') return failed(shard);
    const response = shard.immediately(failed, (machine, now) => machine.heartbeat(request, now));
    if (response.error === 'NONE') this.options.memberSeen?.(context, request.groupId, request.memberId, request.groupInstanceId);
    return response;
  }

  leave(context: RequestContext, request: LeaveGroupRequest): Promise<LeaveGroupResponse> {
    const failed = (error: KafkaErrorName): LeaveGroupResponse => ({
      error,
      members: request.members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId, error })),
    });
    return this.command(context, 'READ', request.groupId, failed, (machine, reply, now) => machine.leave(request, reply, now));
  }

  async commitOffsets(context: RequestContext, request: OffsetCommitRequest): Promise<OffsetCommitResponse> {
    const problems = request.partitions.map((asked) => this.partitionProblem(context, asked));
    const known = request.partitions.filter((_, index) => problems[index] === null);
    const failed = (error: KafkaErrorName): OffsetCommitResponse => ({
      partitions: known.map(({ topic, partition }) => ({ topic, partition, error })),
    });
    const response = await this.command(context, 'READ', request.groupId, failed, (machine, reply: Reply<OffsetCommitResponse>, now) =>
      machine.commitOffsets({ ...request, partitions: known }, reply, (topic) => this.topicIdOf(topic), now),
    );
    return { partitions: merged(request.partitions, problems, response.partitions) };
  }

  fetchOffsets(context: RequestContext, request: OffsetFetchRequest): Promise<OffsetFetchResponse> {
    const failed = (error: KafkaErrorName): OffsetFetchResponse => ({ error, partitions: [] });
    return this.lookUp(context, 'DESCRIBE', request.groupId, failed, (machine) =>
      machine.fetchOffsets(request, (topic) => this.topicIdOf(topic)),
    );
  }

  async deleteOffsets(context: RequestContext, request: OffsetDeleteRequest): Promise<OffsetDeleteResponse> {
    const problems = request.partitions.map((asked) => this.partitionProblem(context, asked));
    const known = request.partitions.filter((_, index) => problems[index] === null);
    const failed = (error: KafkaErrorName): OffsetDeleteResponse => ({ error, partitions: [] });
    const response = await this.command(context, 'DELETE', request.groupId, failed, (machine, reply: Reply<OffsetDeleteResponse>) =>
      machine.deleteOffsets({ ...request, partitions: known }, reply),
    );
    return response.error === 'NONE' ? { error: 'NONE', partitions: merged(request.partitions, problems, response.partitions) } : response;
  }

  describe(context: RequestContext, groupIds: readonly string[]): Promise<readonly GroupDescription[]> {
    return Promise.all(
      groupIds.map((groupId) => {
        const failed = (error: KafkaErrorName): GroupDescription => ({
          groupId,
          error,
          state: 'Dead',
          protocolType: '',
          protocolName: '',
          generationId: -1,
          members: [],
        });
        return this.lookUp(context, 'DESCRIBE', groupId, failed, (machine) => machine.describe(groupId));
      }),
    );
  }

  async list(context: RequestContext, states: readonly GroupStateName[] | null): ReturnType<GroupVerbs['list']> {
    const shards = [...this.shards.values()];
    const failed = (error: KafkaErrorName) => ({ error, groups: [] });
    const parts = await Promise.all(
      shards.map((shard) =>
        shard.lookUp<Awaited<ReturnType<GroupVerbs['list']>>>(failed, (machine) => ({ error: 'NONE', groups: machine.list() })),
      ),
    );
    // A shard that moved away meanwhile is listed by its new coordinator.
    const problem = parts.find(({ error }) => error !== 'NONE' && error !== 'NOT_COORDINATOR');
    return {
      error: problem?.error ?? 'NONE',
      groups: parts
        .flatMap(({ groups }) => groups)
        .filter(({ groupId, state }) => (states === null || states.includes(state)) && this.isAllowed(context, 'DESCRIBE', groupId)),
    };
  }

  delete(context: RequestContext, groupIds: readonly string[]): ReturnType<GroupVerbs['delete']> {
    return Promise.all(
      groupIds.map(async (groupId) => {
        const failed = (error: KafkaErrorName): { readonly error: KafkaErrorName } => ({ error });
        const { error } = await this.command(context, 'DELETE', groupId, failed, (machine, reply) => machine.deleteGroup(groupId, reply));
        return { groupId, error };
      }),
    );
  }

  history(context: RequestContext, groupId: string): Promise<GroupHistoryResponse> {
    const failed = (error: KafkaErrorName): GroupHistoryResponse => ({ error, groupId, rebalances: [] });
    return this.lookUp(context, 'DESCRIBE', groupId, failed, (machine) => machine.history(groupId));
  }

  // ---- the way to a shard ----

  private async command<R>(
    context: RequestContext,
    operation: Operation,
    groupId: string,
    failed: Failed<R>,
    decide: (machine: GroupMachine, reply: Reply<R>, now: Time) => Decision,
  ): Promise<R> {
    if (!this.isAllowed(context, operation, groupId)) return failed('GROUP_AUTHORIZATION_FAILED');
    const shard = this.shardOf(groupId);
    return typeof shard === 'string' ? failed(shard) : shard.command(failed, decide);
  }

  private async lookUp<R>(
    context: RequestContext,
    operation: Operation,
    groupId: string,
    failed: Failed<R>,
    read: (machine: GroupMachine) => R,
  ): Promise<R> {
    if (!this.isAllowed(context, operation, groupId)) return failed('GROUP_AUTHORIZATION_FAILED');
    const shard = this.shardOf(groupId);
    return typeof shard === 'string' ? failed(shard) : shard.lookUp(failed, read);
  }

  /** The shard, or why there is none here. */
  private shardOf(groupId: string): GroupShard | KafkaErrorName {
    const index = this.partitionOf(groupId);
    if (index === null) return 'COORDINATOR_NOT_AVAILABLE';
    return this.shards.get(index) ?? 'NOT_COORDINATOR';
  }

  private partitionOf(groupId: string): number | null {
    const { image } = this.options.broker;
    const topic = image.topicsByName.get(OFFSETS_TOPIC);
    return topic ? coordinatorPartition(groupId, image.partitionsOf(topic.topicId).length) : null;
  }

  private topicIdOf(topic: string): TopicId | null {
    return this.options.broker.image.topicsByName.get(topic)?.topicId ?? null;
  }

  private isAllowed(context: RequestContext, operation: Operation, groupId: string): boolean {
    return this.options.broker.authorizer.isAllowed(context, operation, { type: 'GROUP', name: groupId });
  }

  /** Null: there is such a partition, and the asker may read it. */
  private partitionProblem(context: RequestContext, { topic, partition }: TopicPartition): KafkaErrorName | null {
    if (!this.isTopicReadable(context, topic)) return 'TOPIC_AUTHORIZATION_FAILED';
    const { image } = this.options.broker;
    const record = image.topicsByName.get(topic);
    return record && image.partition(record.topicId, partition) ? null : 'UNKNOWN_TOPIC_OR_PARTITION';
  }

  private isTopicReadable(context: RequestContext, topic: string): boolean {
    return this.options.broker.authorizer.isAllowed(context, 'READ', { type: 'TOPIC', name: topic });
  }
}

/** As Kafka writes it: the address without port, behind a slash. */
function clientOf(context: RequestContext): GroupClient {
  const at = context.clientAddress.lastIndexOf(':');
  const host = at < 0 ? context.clientAddress : context.clientAddress.slice(0, at);
  return { clientId: context.clientId ?? '', clientHost: `/${host.replace(/^\[|\]$/g, '')}` };
}

type Result = TopicPartition & { readonly error: KafkaErrorName };

/** In the order of the request: the problem of a partition, or else the machine's answer to the ones that had none. */
function merged(asked: readonly TopicPartition[], problems: readonly (KafkaErrorName | null)[], answers: readonly Result[]): Result[] {
  let next = 0;
  return asked.map(({ topic, partition }, index) => {
    const error = problems[index];
    return error ? { topic, partition, error } : answers[next++]!;
  });
}
