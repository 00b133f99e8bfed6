/**
 * The groups of one `__consumer_offsets` partition (contract.ts). Beside each other:
 *
 *   applied   offsets, histories, group metadata: what the records say; all that another group coordinator would know
 *   live      a Group for everything that has, or waits for, members: parked replies, sessions, ids given out
 *
 * Live groups run ahead of their records only inside a command: when its records are applied, both say the same. A group
 * without metadata that has commits is simple; it has no live part.
 */
import { assert, type KafkaErrorName, type MonotonicMs, type TopicId, type WallMs } from '#kernel';
import type { Random } from '#seams';
import type { Decision, GroupClient, GroupConfig, GroupMachine, GroupReader, Reply, Time } from './contract.js';
import { Deadlines, Timer } from './deadlines.js';
import { type Due, Effects, type GroupEnvironment, type GroupTimer } from './effects.js';
import { Group } from './group.js';
import { joinGroup } from './group-join.js';
import { commitProblem, heartbeat, leaveGroup, syncGroup } from './group-requests.js';
import { groupIdLengthProblem, groupIdProblem, joinProblem } from './limits.js';
import { describeGroup, describeSimpleGroup, describeUnknownGroup, listGroup, readerOf } from './lookups.js';
import type {
  GroupDescription,
  GroupHistoryResponse,
  GroupListing,
  HeartbeatRequest,
  HeartbeatResponse,
  JoinGroupRequest,
  JoinGroupResponse,
  LeaveGroupRequest,
  LeaveGroupResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
  OffsetFetchRequest,
  OffsetFetchResponse,
  Rebalance,
  SyncGroupRequest,
  SyncGroupResponse,
} from './messages.js';
import { CommittedOffsets } from './offsets.js';
import type { GroupMetadata, GroupRecord, OffsetRecord } from './records.js';
import { refusedJoin, refusedSync } from './responses.js';
import { judgeRetention, RETENTION_CHECK_INTERVAL_DEFAULT_MS } from './retention.js';

/** Looks at idle groups are gathered into so many moments of one check interval. */
const CHECKS_PER_INTERVAL = 60;

export class GroupTable implements GroupMachine {
  private readonly metadata = new Map<string, GroupMetadata>();
  private readonly offsets = new CommittedOffsets();
  private readonly histories = new Map<string, readonly Rebalance[]>();

  private readonly groups = new Map<string, Group>();
  private readonly deadlines = new Deadlines<Due>();
  private readonly retentionTimers = new Map<string, GroupTimer>();
  private readonly touched = new Set<string>();
  private readonly environment: GroupEnvironment;
  private isLoaded = false;

  constructor(
    private readonly config: GroupConfig,
    private readonly random: Random,
  ) {
    const { deadlines, histories } = this;
    this.environment = { config, deadlines, histories, pending: new Set(), touch: (groupId) => this.touched.add(groupId) };
  }

  // ---- records ----

  apply(record: GroupRecord): void {
    const { groupId } = record;
    switch (record.type) {
      case 'offset':
        this.offsets.apply(record);
        break;
      case 'history':
        if (record.value) this.histories.set(groupId, record.value);
        else this.histories.delete(groupId);
        break;
      case 'group': {
        if (record.value) this.metadata.set(groupId, record.value);
        else this.metadata.delete(groupId);
        if (!this.isLoaded) break;
        const live = this.groups.get(groupId)?.generationId;
        const applied = record.value?.generationId ?? 0;
        assert(live === undefined || live >= applied, `group ${groupId} lives in generation ${live}, behind its record of ${applied}`);
        break;
      }
    }
  }

  loaded(now: Time): void {
    assert(!this.isLoaded, 'a table is loaded once');
    this.isLoaded = true;
    for (const [groupId, metadata] of this.metadata) this.groups.set(groupId, Group.restore(groupId, metadata, this.environment, now));
    for (const groupId of this.groupIds()) this.armRetention(groupId, now.wallMs, now);
  }

  // ---- members ----

  join(request: JoinGroupRequest, client: GroupClient, reply: Reply<JoinGroupResponse>, now: Time): Decision {
    const out = new Effects();
    const problem = joinProblem(request, this.config);
    if (problem) return answered(out, reply, refusedJoin(problem.error, request.memberId, problem.message));
    assert(this.isLoaded, 'a join before the table was loaded');
    const known = this.groups.get(request.groupId);
    if (!known && request.memberId !== '') return answered(out, reply, refusedJoin('UNKNOWN_MEMBER_ID', request.memberId));
    const group = known ?? new Group(request.groupId, this.environment, now);
    this.groups.set(request.groupId, group);
    joinGroup(group, { request, client, reply, uuid: () => this.uuid(), config: this.config, now, out });
    return this.settle(request.groupId, now, out);
  }

  sync(request: SyncGroupRequest, reply: Reply<SyncGroupResponse>, now: Time): Decision {
    const out = new Effects();
    const problem = groupIdProblem(request.groupId);
    if (problem) return answered(out, reply, refusedSync(problem.error, problem.message));
    const group = this.groups.get(request.groupId);
    if (!group) return answered(out, reply, refusedSync('UNKNOWN_MEMBER_ID'));
    syncGroup(group, request, reply, this.config, now, out);
    return this.settle(request.groupId, now, out);
  }

  heartbeat(request: HeartbeatRequest, now: Time): HeartbeatResponse {
    const problem = groupIdProblem(request.groupId);
    if (problem) return { error: problem.error };
    const group = this.groups.get(request.groupId);
    return { error: group ? heartbeat(group, request, now) : 'UNKNOWN_MEMBER_ID' };
  }

  leave(request: LeaveGroupRequest, reply: Reply<LeaveGroupResponse>, now: Time): Decision {
    const out = new Effects();
    const problem = groupIdProblem(request.groupId);
    if (problem) return answered(out, reply, { error: problem.error, members: [] });
    const group = this.groups.get(request.groupId);
    if (!group) {
      const members = request.members.map(({ memberId, groupInstanceId }) => {
        return { memberId, groupInstanceId, error: 'UNKNOWN_MEMBER_ID' as const };
      });
      return answered(out, reply, { error: 'NONE', members });
    }
    out.answer(reply, leaveGroup(group, request, now, out));
    return this.settle(request.groupId, now, out);
  }

  // ---- offsets ----

  commitOffsets(
    request: OffsetCommitRequest,
    reply: Reply<OffsetCommitResponse>,
    topicIdOf: (topic: string) => TopicId | null,
    now: Time,
  ): Decision {
    const out = new Effects();
    assert(this.isLoaded, 'a commit before the table was loaded');
    const { groupId } = request;
    const group = this.groups.get(groupId) ?? null;
    const isGroupIdMissing = groupId === '' && (request.memberId !== '' || request.generationId >= 0);
    const problem = (isGroupIdMissing ? groupIdProblem(groupId) : groupIdLengthProblem(groupId))?.error ?? commitProblem(group, request);
    const member = problem ? undefined : group?.members.get(request.memberId);
    if (group && member) group.keepSession(member, now);
    const partitions = request.partitions.map(({ topic, partition, offset, leaderEpoch, metadata }) => {
      const topicId = topicIdOf(topic);
      const error = problem ?? this.offsetProblem(topicId, partition, metadata ?? '');
      if (error === 'NONE') {
        const value = { offset, leaderEpoch, metadata: metadata ?? '', committedAtMs: now.wallMs, topicId: topicId! };
        out.records.push({ type: 'offset', groupId, topic, partition, value });
      }
      return { topic, partition, error };
    });
    out.answer(reply, { partitions });
    if (out.records.length > 0 && !this.retentionTimers.has(groupId))
      this.armRetention(groupId, now.wallMs + this.config.offsetsRetentionMs, now);
    return out;
  }

  private offsetProblem(topicId: TopicId | null, partition: number, metadata: string): KafkaErrorName {
    if (topicId === null || partition < 0) return 'UNKNOWN_TOPIC_OR_PARTITION';
    return Buffer.byteLength(metadata) > this.config.offsetMetadataMaxBytes ? 'OFFSET_METADATA_TOO_LARGE' : 'NONE';
  }

  deleteOffsets({ groupId, partitions }: OffsetDeleteRequest, reply: Reply<OffsetDeleteResponse>): Decision {
    const out = new Effects();
    const error = groupIdProblem(groupId)?.error ?? this.deleteOffsetsProblem(groupId);
    if (error) return answered(out, reply, { error, partitions: [] });
    const group = this.groups.get(groupId);
    const results = partitions.map(({ topic, partition }): OffsetDeleteResponse['partitions'][number] => {
      // Members that we cannot read may subscribe to anything.
      const isSubscribed = group !== undefined && group.members.size > 0 && (group.subscribedTopics?.has(topic) ?? true);
      if (isSubscribed) return { topic, partition, error: 'GROUP_SUBSCRIBED_TO_TOPIC' };
      if (this.offsets.get(groupId, topic, partition)) out.records.push(tombstone({ groupId, topic, partition }));
      return { topic, partition, error: 'NONE' };
    });
    return answered(out, reply, { error: 'NONE', partitions: results });
  }

  private deleteOffsetsProblem(groupId: string): KafkaErrorName | null {
    if (!this.exists(groupId)) return 'GROUP_ID_NOT_FOUND';
    const group = this.groups.get(groupId);
    return group && group.state !== 'Empty' && !group.isConsumerGroup ? 'NON_EMPTY_GROUP' : null;
  }

  deleteGroup(groupId: string, reply: Reply<{ readonly error: KafkaErrorName }>): Decision {
    const out = new Effects();
    if (!this.exists(groupId)) return answered(out, reply, { error: 'GROUP_ID_NOT_FOUND' });
    const group = this.groups.get(groupId);
    if (group && group.state !== 'Empty') return answered(out, reply, { error: 'NON_EMPTY_GROUP' });
    for (const entry of this.offsets.of(groupId)) out.records.push(tombstone(entry));
    this.bury(groupId, out);
    return answered(out, reply, { error: 'NONE' });
  }

  topicsDeleted(isDeleted: (topicId: TopicId) => boolean): Decision {
    const out = new Effects();
    for (const entry of this.offsets.ofDeletedTopics(isDeleted)) out.records.push(tombstone(entry));
    return out;
  }

  /** Everything of a group but its offsets. */
  private bury(groupId: string, out: Effects): void {
    const group = this.groups.get(groupId);
    group?.die();
    this.groups.delete(groupId);
    this.cancelRetention(groupId);
    if (this.metadata.has(groupId) || (group?.generationId ?? 0) > 0) out.records.push({ type: 'group', groupId, value: null });
    if (this.histories.has(groupId)) out.records.push({ type: 'history', groupId, value: null });
  }

  // ---- time ----

  tick(now: Time): Decision {
    const out = new Effects();
    this.deadlines.fire(now.monotonicMs, { now, out });
    for (const groupId of this.touched) this.settle(groupId, now, out);
    this.touched.clear();
    return out;
  }

  resume(wasSilent: boolean, now: Time): void {
    for (const group of this.groups.values()) group.resume(wasSilent, now);
  }

  nextDeadline(): MonotonicMs | null {
    return this.deadlines.next();
  }

  /** After every command for a group: one that came to nothing is forgotten, an empty one will expire. */
  private settle(groupId: string, now: Time, out: Effects): Effects {
    const group = this.groups.get(groupId);
    if (group?.state !== 'Empty') return out;
    const isRecorded = group.generationId > 0 || this.metadata.has(groupId);
    if (isRecorded && !this.retentionTimers.has(groupId)) this.armRetention(groupId, now.wallMs + this.config.offsetsRetentionMs, now);
    if (!isRecorded && group.members.pending.size === 0) this.groups.delete(groupId);
    return out;
  }

  private checkRetention(groupId: string, { now, out }: Due): void {
    const verdict = judgeRetention(this.groups.get(groupId), this.offsets.of(groupId), this.config.offsetsRetentionMs, now.wallMs);
    for (const entry of verdict.expired) out.records.push(tombstone(entry));
    if (verdict.isGroupDue) this.bury(groupId, out);
    else if (verdict.nextDueMs !== null || verdict.hasCommits) this.armRetention(groupId, verdict.nextDueMs, now);
    else this.cancelRetention(groupId);
  }

  /** `dueMs` null: nothing falls due as things are; the next check interval looks again. Several groups share a moment. */
  private armRetention(groupId: string, dueMs: WallMs | null, now: Time): void {
    const intervalMs = this.config.offsetsRetentionCheckIntervalMs ?? RETENTION_CHECK_INTERVAL_DEFAULT_MS;
    const togetherMs = Math.max(Math.floor(intervalMs / CHECKS_PER_INTERVAL), 1);
    const delayMs = Math.min(Math.max((dueMs ?? Infinity) - now.wallMs, 1), intervalMs);
    const timer = this.retentionTimers.get(groupId) ?? new Timer<Due>((due) => this.checkRetention(groupId, due));
    this.retentionTimers.set(groupId, timer);
    this.deadlines.arm(timer, Math.ceil((now.monotonicMs + delayMs) / togetherMs) * togetherMs);
  }

  private cancelRetention(groupId: string): void {
    const timer = this.retentionTimers.get(groupId);
    if (timer) this.deadlines.cancel(timer);
    this.retentionTimers.delete(groupId);
  }

  // ---- look-ups ----

  fetchOffsets(request: OffsetFetchRequest, topicIdOf: (topic: string) => TopicId | null = () => null): OffsetFetchResponse {
    const problem = groupIdLengthProblem(request.groupId);
    return problem ? { error: problem.error, partitions: [] } : { error: 'NONE', partitions: this.offsets.fetch(request, topicIdOf) };
  }

  describe(groupId: string): GroupDescription {
    const group = this.groups.get(groupId);
    if (group) return describeGroup(group);
    return this.offsets.hasGroup(groupId) ? describeSimpleGroup(groupId) : describeUnknownGroup(groupId);
  }

  list(): readonly GroupListing[] {
    return Array.from(this.groupIds(), (groupId) => listGroup(groupId, this.groups.get(groupId)));
  }

  history(groupId: string): GroupHistoryResponse {
    const rebalances = this.histories.get(groupId) ?? [];
    return { error: this.exists(groupId) || rebalances.length > 0 ? 'NONE' : 'GROUP_ID_NOT_FOUND', groupId, rebalances };
  }

  readersOf(topic: string, partition: number): readonly GroupReader[] {
    const readers: GroupReader[] = [];
    for (const groupId of this.groupIds()) {
      const reader = readerOf(groupId, this.groups.get(groupId), this.offsets.get(groupId, topic, partition), topic, partition);
      if (reader) readers.push(reader);
    }
    return readers;
  }

  get size(): { readonly groups: number; readonly offsets: number } {
    let groups = this.groups.size;
    for (const groupId of this.offsets.groupIds) if (!this.groups.has(groupId)) groups++;
    return { groups, offsets: this.offsets.count };
  }

  /** As the records say it: what another group coordinator would start from. Null for a simple or unknown group. */
  appliedMetadata(groupId: string): GroupMetadata | null {
    return this.metadata.get(groupId) ?? null;
  }

  abandon(): readonly Reply<never>[] {
    return [...this.groups.values()].flatMap((group) => group.abandon());
  }

  private exists(groupId: string): boolean {
    return this.groups.has(groupId) || this.offsets.hasGroup(groupId);
  }

  private *groupIds(): Iterable<string> {
    yield* this.groups.keys();
    for (const groupId of this.offsets.groupIds) if (!this.groups.has(groupId)) yield groupId;
  }

  /** Version 4, as Kafka makes them. */
  private uuid(): string {
    const bytes = this.random.bytes(16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }
}

function answered<R>(out: Effects, reply: Reply<R>, response: R): Effects {
  out.answer(reply, response);
  return out;
}

function tombstone({ groupId, topic, partition }: Pick<OffsetRecord, 'groupId' | 'topic' | 'partition'>): OffsetRecord {
  return { type: 'offset', groupId, topic, partition, value: null };
}
