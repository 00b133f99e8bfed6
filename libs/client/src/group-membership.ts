/**
 * A member of a group, as a loop:
 *
 *   joining  -> syncing -> stable       heartbeats all the time from here on
 *   stable   -> revoking -> joining     the group rebalances (eager: everything is given back), or the leader asks for it;
 *                                       commits of the old generation count until the revocation is over
 *   stable | revoking -> lost -> joining  the coordinator no longer knows this member or generation: nothing may be committed
 *   any      -> failed                  fenced by another process of the same instance id, or refused
 *   any      -> stopped                 left, or closed without leaving
 *
 * The loss of the coordinator changes nothing: the link finds it again and the group goes on there. There is at most one
 * generation that may commit, and none between generations.
 */
import type { TopicPartition } from '#groups';
import { CONSUMER_PROTOCOL_TYPE, decodeAssignment, encodeSubscription } from '#groups';
import type { KafkaErrorName } from '#kernel';
import { RETRIABLE_ERRORS } from '#kernel';
import type { JoinGroupRpcResponse, SyncGroupRpcResponse } from '#rpc';
import type { Cancellable } from '#seams';
import type { ClientCore } from './client-core.js';
import type { GroupCoordinatorLink } from './group-coordinator-link.js';
import { fatalGroupError, fencedError } from './group-errors.js';
import { Generation } from './group-generation.js';
import type { CoveredTopics, Leadership } from './group-leader.js';
import { GroupLeader } from './group-leader.js';
import type { GroupOptions } from './group-options.js';
import { GROUP_ATTEMPT_TIMEOUT_MS, JOIN_SLACK_MS } from './group-options.js';

/** Of one generation at a time: assigned, then ended, mostly with a revocation in between. */
export interface MembershipOwner {
  assigned(generation: Generation): void;
  /** The generation may commit until this resolves. Must resolve within revocationMs. */
  revoking(reason: string): Promise<void>;
  /** It is over, with or without (`isLost`) an orderly revocation. */
  ended(isLost: boolean, reason: string): void;
  failed(error: unknown): void;
}

export class GroupMembership {
  private memberId = '';
  private generation: Generation | null = null;
  private isStopped = false;
  private readonly leader: GroupLeader;
  private readonly timers = new Set<Cancellable>();

  constructor(
    private readonly core: ClientCore,
    private readonly options: GroupOptions,
    private readonly link: GroupCoordinatorLink,
    private readonly owner: MembershipOwner,
  ) {
    this.leader = new GroupLeader(core, options.assignors);
  }

  start(): void {
    this.guard(this.run());
  }

  /** No more heartbeats, no more joins. The group learns of it by leave(), or when the session times out. */
  stop(): void {
    this.isStopped = true;
    this.generation = null;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  /** Best effort, after stop(); `mayGoOn` bounds it. */
  async leave(reason: string, mayGoOn: () => boolean): Promise<void> {
    if (this.memberId === '') return;
    const { groupId, groupInstanceId } = this.options;
    const members = [{ memberId: this.memberId, groupInstanceId, reason }];
    this.memberId = '';
    await this.link.ask('leaveGroup', { groupId, members }, { timeoutMs: GROUP_ATTEMPT_TIMEOUT_MS, mayGoOn });
  }

  /** What an answer to a heartbeat or a commit of that generation says about the membership. */
  heard(generation: Generation, error: KafkaErrorName): void {
    const { groupId } = this.options;
    if (error === 'REBALANCE_IN_PROGRESS') generation.interrupt({ kind: 'rebalance', reason: 'the group is rebalancing' });
    else if (error === 'UNKNOWN_MEMBER_ID') {
      const reason = `the coordinator of group ${groupId} no longer knows this member; its session of ${this.options.sessionTimeoutMs} ms may have timed out, or it was removed`;
      generation.interrupt({ kind: 'lost', reason, isMemberForgotten: true });
    } else if (error === 'ILLEGAL_GENERATION') {
      const reason = `group ${groupId} went on without this member after generation ${generation.generationId}`;
      generation.interrupt({ kind: 'lost', reason, isMemberForgotten: false });
    } else if (error === 'FENCED_INSTANCE_ID') generation.interrupt({ kind: 'fenced' });
  }

  private async run(): Promise<void> {
    let reason = 'it starts';
    while (!this.isStopped) {
      const generation = await this.join(reason);
      if (generation === null || this.isStopped) return;
      this.generation = generation;
      this.owner.assigned(generation);
      this.guard(this.beat(generation));
      await generation.interrupted;
      const interruption = generation.interruption!;
      if (interruption.kind === 'rebalance' && !this.isStopped) {
        await Promise.race([this.owner.revoking(interruption.reason), generation.lost]);
      }
      if (this.isStopped) return;
      reason = this.end(generation);
    }
  }

  /** Answers why the next join is made. */
  private end(generation: Generation): string {
    const interruption = generation.interruption!;
    this.generation = null;
    if (interruption.kind === 'fenced') {
      this.memberId = '';
      const error = fencedError(this.options);
      this.owner.ended(true, error.message);
      throw error;
    }
    if (interruption.kind === 'lost' && interruption.isMemberForgotten) this.memberId = '';
    this.owner.ended(interruption.kind === 'lost', interruption.reason);
    return interruption.reason;
  }

  // ---- joining, syncing ----

  private async join(reason: string): Promise<Generation | null> {
    const { groupId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, assignors, topics } = this.options;
    const metadata = encodeSubscription({ topics }).toString('base64');
    const protocols = assignors.map(({ name }) => ({ name, metadata }));
    for (let attempt = 1; !this.isStopped; attempt++) {
      const request = {
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId: this.memberId,
        groupInstanceId,
        protocolType: CONSUMER_PROTOCOL_TYPE,
        protocols,
        requiresKnownMemberId: true,
        supportsSkippingAssignment: true,
        reason,
      };
      const joined = await this.link.ask('joinGroup', request, { timeoutMs: rebalanceTimeoutMs + JOIN_SLACK_MS, mayGoOn: this.goesOn });
      if (joined === null || this.isStopped) return null;
      if (joined.error === 'MEMBER_ID_REQUIRED') {
        this.memberId = joined.memberId;
        continue;
      }
      if (joined.error === 'NONE') {
        this.memberId = joined.memberId;
        const generation = await this.sync(joined);
        if (generation !== null) return generation;
      } else this.refused(joined.error, joined.message);
      await this.pause(this.core.backoffMs(attempt));
    }
    return null;
  }

  /** Null: join again. */
  private async sync(joined: JoinGroupRpcResponse): Promise<Generation | null> {
    const { groupId, groupInstanceId, rebalanceTimeoutMs } = this.options;
    const isLeader = joined.leader === joined.memberId;
    const leadership = isLeader ? await this.leader.assign(joined, this.goesOn) : null;
    if (this.isStopped || (isLeader && leadership === null)) return null;
    const request = {
      groupId,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId,
      protocolType: joined.protocolType,
      protocolName: joined.protocolName,
      assignments: leadership === null || joined.skipAssignment ? [] : leadership.assignments,
    };
    const synced = await this.link.ask('syncGroup', request, { timeoutMs: rebalanceTimeoutMs + JOIN_SLACK_MS, mayGoOn: this.goesOn });
    if (synced === null || this.isStopped) return null;
    if (synced.error !== 'NONE') {
      this.refused(synced.error, synced.message);
      return null;
    }
    const generation = new Generation(joined, isLeader, assignedPartitions(synced));
    if (leadership !== null) this.guard(this.lead(generation, leadership, joined.skipAssignment));
    return generation;
  }

  /** Throws unless joining again may help. */
  private refused(error: KafkaErrorName, message: string | undefined): void {
    if (error === 'UNKNOWN_MEMBER_ID') this.memberId = '';
    else if (error === 'FENCED_INSTANCE_ID') {
      this.memberId = '';
      throw fencedError(this.options);
    } else if (error !== 'REBALANCE_IN_PROGRESS' && error !== 'ILLEGAL_GENERATION' && !RETRIABLE_ERRORS.has(error)) {
      throw fatalGroupError(error, message, this.options);
    }
  }

  // ---- stable ----

  private async beat(generation: Generation): Promise<void> {
    const { groupId, groupInstanceId, heartbeatIntervalMs, sessionTimeoutMs } = this.options;
    const { generationId, memberId } = generation;
    const timeoutMs = Math.min(GROUP_ATTEMPT_TIMEOUT_MS, Math.max(500, Math.floor(sessionTimeoutMs / 3)));
    const mayGoOn = () => this.generation === generation;
    while (mayGoOn()) {
      await this.pause(heartbeatIntervalMs);
      if (!mayGoOn()) return;
      const request = { groupId, generationId, memberId, groupInstanceId };
      const answer = await this.link.ask('groupHeartbeat', request, { timeoutMs, mayGoOn });
      if (answer === null || !mayGoOn()) return;
      this.heard(generation, answer.error);
      if (answer.error === 'GROUP_AUTHORIZATION_FAILED') throw fatalGroupError(answer.error, undefined, this.options);
    }
  }

  private async lead(generation: Generation, leadership: Leadership, isKept: boolean): Promise<void> {
    const mayGoOn = () => !this.isStopped && generation.interruption === null;
    const unassigned = isKept ? await this.unassigned(leadership.covers, mayGoOn) : null;
    const change = unassigned ?? (await this.leader.topicsChanged(leadership.covers, mayGoOn));
    if (change !== null && mayGoOn()) generation.interrupt({ kind: 'rebalance', reason: change });
  }

  private async unassigned(covers: CoveredTopics, mayGoOn: () => boolean): Promise<string | null> {
    const { groupId } = this.options;
    const answer = await this.link.ask('describeGroups', { groupIds: [groupId] }, { timeoutMs: GROUP_ATTEMPT_TIMEOUT_MS, mayGoOn });
    // Not stable: a rebalance is on its way anyhow.
    if (answer === null || answer.groups[0]?.state !== 'Stable') return null;
    const partition = this.leader.unassigned(covers, answer);
    return partition === null ? null : `nobody had ${partition}`;
  }

  private readonly goesOn = (): boolean => !this.isStopped;

  /** Never resolves after stop(). */
  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.core.seams.scheduler.after(delayMs, () => {
        this.timers.delete(timer);
        resolve();
      });
      this.timers.add(timer);
    });
  }

  private guard(work: Promise<void>): void {
    work.catch((error) => {
      if (!this.isStopped) this.owner.failed(error);
    });
  }
}

function assignedPartitions(synced: SyncGroupRpcResponse): TopicPartition[] {
  const { partitions } = decodeAssignment(Buffer.from(synced.assignment, 'base64'));
  return partitions.flatMap(({ topic, partitions: numbers }) => numbers.map((partition) => ({ topic, partition })));
}
