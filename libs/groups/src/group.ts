/**
 * A classic group: its state and the phases of a rebalance. Requests come in through group-join.ts and group-requests.ts.
 *
 *   Empty               no members; maybe commits. A join begins an initial rebalance, which waits for company.
 *   PreparingRebalance  joins are parked until all known members are here (or the rebalance timeout drops the absent).
 *                       Then: generation + 1, protocol and leader chosen, written with empty assignments, joins answered.
 *   CompletingRebalance syncs are parked until the leader's brings the assignments. Whoever does not sync in time goes.
 *   Stable              assignments are handed out. Whatever changes the membership prepares the next rebalance.
 *   Dead                deleted; nothing knows this object any more.
 *
 * Invariants: a generation is in a record before anybody hears of it; assignments of a generation are set once; a parked
 * reply is answered exactly once, when its member leaves the phase or the group.
 */
import { assert, type WallMs } from '#kernel';
import { CONSUMER_PROTOCOL_TYPE } from './consumer-protocol.js';
import type { Reply, Time } from './contract.js';
import { Timer } from './deadlines.js';
import type { Due, Effects, GroupEnvironment, GroupTimer } from './effects.js';
import { GroupMember, NO_BYTES, subscribedTopicsOf } from './group-member.js';
import { GroupMembers } from './group-members.js';
import { PENDING_MEMBERS_OF_ALL_MAX } from './limits.js';
import type { GroupStateName, JoinGroupResponse, Rebalance, RebalanceCauseKind, SyncGroupRequest, SyncGroupResponse } from './messages.js';
import { OpenRebalance, withRebalance } from './rebalance-history.js';
import type { GroupMetadata } from './records.js';
import { refusedJoin, refusedSync } from './responses.js';

/** A new member whose join is parked cannot send heartbeats; if its client is gone, this is how long it is held (Kafka's constant). */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000;

const TRANSITIONS: Readonly<Record<GroupStateName, readonly GroupStateName[]>> = {
  Empty: ['PreparingRebalance', 'Dead'],
  PreparingRebalance: ['CompletingRebalance', 'Empty'],
  CompletingRebalance: ['Stable', 'PreparingRebalance'],
  Stable: ['PreparingRebalance'],
  Dead: [],
};

export class Group {
  readonly members = new GroupMembers();
  protocolType = '';
  generationId = 0;
  /** Of the generation; null before the first and while Empty. */
  protocolName: string | null = null;
  stateSinceMs: WallMs;
  /** Of all members; null: not a consumer group, or bytes that we cannot read. */
  subscribedTopics: ReadonlySet<string> | null = null;

  private current: GroupStateName = 'Empty';
  /** Members that know of the generation and have not synced. */
  private readonly pendingSync = new Set<string>();
  /** End of the join phase, or of the time to sync. */
  private readonly phase: GroupTimer = new Timer<Due>((due) => this.phaseExpired(due));
  /** The join phase began with an empty group. */
  private isInitial = false;
  private hasNewCompany = false;
  private initialDelayLeftMs = 0;
  private rebalance: OpenRebalance | null = null;

  constructor(
    readonly groupId: string,
    private readonly environment: GroupEnvironment,
    now: Time,
  ) {
    this.stateSinceMs = now.wallMs;
  }

  /** As another group coordinator left it: sessions begin now, members without assignments may still get them. */
  static restore(groupId: string, metadata: GroupMetadata, environment: GroupEnvironment, now: Time): Group {
    const group = new Group(groupId, environment, now);
    const { protocolType, generationId, protocolName, stateSinceMs } = metadata;
    Object.assign(group, { protocolType, generationId, protocolName, stateSinceMs });
    for (const each of metadata.members) {
      const member = GroupMember.restore(each, protocolName ?? '', group.sessionTimer(each.memberId));
      group.members.add(member);
      group.keepSession(member, now);
    }
    if (metadata.leader !== null && group.members.has(metadata.leader)) group.members.leaderId = metadata.leader;
    group.subscribedTopics = group.computeSubscribedTopics();
    if (metadata.members.length === 0) return group;
    group.current = metadata.members.some(({ assignment }) => assignment.length > 0) ? 'Stable' : 'CompletingRebalance';
    if (group.current === 'CompletingRebalance') {
      group.rebalance = OpenRebalance.takenOver(environment.histories.get(groupId) ?? [], stateSinceMs);
      for (const { memberId } of group.members) group.pendingSync.add(memberId);
      environment.deadlines.arm(group.phase, now.monotonicMs + group.members.rebalanceTimeoutMs);
    }
    return group;
  }

  get state(): GroupStateName {
    return this.current;
  }

  get isConsumerGroup(): boolean {
    return this.protocolType === CONSUMER_PROTOCOL_TYPE;
  }

  // ---- members ----

  sessionTimer(memberId: string): GroupTimer {
    return new Timer<Due>((due) => this.sessionExpired(memberId, due));
  }

  /** It was heard of. */
  keepSession(member: GroupMember, now: Time): void {
    this.environment.deadlines.arm(member.session, now.monotonicMs + member.sessionTimeoutMs);
  }

  /** See GroupMachine.resume. The wait for company in an initial rebalance goes on: who is in it waits here. */
  resume(wasSilent: boolean, now: Time): void {
    const { deadlines } = this.environment;
    for (const member of this.members) {
      if (!wasSilent || member.session.at === null) continue;
      if (member.isNew) deadlines.arm(member.session, now.monotonicMs + NEW_MEMBER_JOIN_TIMEOUT_MS);
      else this.keepSession(member, now);
    }
    const isWaitingForCompany = this.current === 'PreparingRebalance' && this.isInitial;
    if (this.phase.at !== null && !isWaitingForCompany) deadlines.arm(this.phase, now.monotonicMs + this.members.rebalanceTimeoutMs);
  }

  /** An id was given out; the group waits for it as long as a session. */
  addPending(memberId: string, sessionTimeoutMs: number, now: Time): void {
    const timer = new Timer<Due>((due) => {
      this.environment.touch(this.groupId);
      this.forgetPending(memberId, due.now, due.out);
    });
    const { deadlines, pending } = this.environment;
    this.members.pending.set(memberId, timer);
    deadlines.arm(timer, now.monotonicMs + sessionTimeoutMs);
    pending.add(timer);
    if (pending.size <= PENDING_MEMBERS_OF_ALL_MAX) return;
    const [oldest] = pending;
    pending.delete(oldest!);
    deadlines.arm(oldest!, now.monotonicMs);
  }

  forgetPending(memberId: string, now: Time, out: Effects): void {
    this.takePending(memberId);
    if (this.current === 'PreparingRebalance') this.advanceJoinPhase(now, out);
  }

  takePending(memberId: string): void {
    const timer = this.members.pending.get(memberId);
    if (timer) {
      this.environment.deadlines.cancel(timer);
      this.environment.pending.delete(timer);
    }
    this.members.pending.delete(memberId);
  }

  /** A member whose first join is parked; the caller says why the group rebalances. */
  addJoining(member: GroupMember, protocolType: string, reply: Reply<JoinGroupResponse>, now: Time): void {
    if (this.members.size === 0) this.protocolType = protocolType;
    if (this.current === 'PreparingRebalance' && this.isInitial) this.hasNewCompany = true;
    member.parkedJoin = reply;
    this.members.add(member);
    this.environment.deadlines.arm(member.session, now.monotonicMs + NEW_MEMBER_JOIN_TIMEOUT_MS);
  }

  /** Its parked replies are told that nobody knows it; the caller calls advanceJoinPhase when all that go are gone. */
  remove(member: GroupMember, kind: RebalanceCauseKind, reason: string | null, now: Time, out: Effects): void {
    this.drop(member, out);
    this.noteChange(kind, member, reason, now, out);
  }

  /** Another process under the same instance id takes the place, the assignment and the lead of `old`, which is fenced. */
  replaceStatic(old: GroupMember, member: GroupMember, now: Time, out: Effects): void {
    const wasLeader = this.members.isLeader(old.memberId);
    const join = this.members.takeParkedJoin(old);
    if (join) out.answer(join, refusedJoin('FENCED_INSTANCE_ID', old.memberId));
    if (old.parkedSync) out.answer(old.parkedSync, refusedSync('FENCED_INSTANCE_ID'));
    old.parkedSync = null;
    this.environment.deadlines.cancel(old.session);
    this.members.remove(old);
    member.assignment = old.assignment;
    member.isNew = false;
    this.members.add(member);
    if (wasLeader) this.members.leaderId = member.memberId;
    if (this.pendingSync.delete(old.memberId)) this.pendingSync.add(member.memberId);
    this.keepSession(member, now);
  }

  private drop(member: GroupMember, out: Effects): void {
    const join = this.members.takeParkedJoin(member);
    if (join) out.answer(join, refusedJoin('UNKNOWN_MEMBER_ID', member.memberId));
    if (member.parkedSync) out.answer(member.parkedSync, refusedSync('UNKNOWN_MEMBER_ID'));
    member.parkedSync = null;
    this.environment.deadlines.cancel(member.session);
    this.members.remove(member);
    this.pendingSync.delete(member.memberId);
  }

  private sessionExpired(memberId: string, { now, out }: Due): void {
    const member = this.members.get(memberId);
    assert(member, `session of ${memberId}, which is no member of ${this.groupId}`);
    // Who waits for us needs no heartbeat; its session begins anew with the answer. A new member may have lost its client.
    if (!member.isNew && (member.parkedJoin || member.parkedSync)) return;
    this.environment.touch(this.groupId);
    this.remove(member, 'session-timeout', null, now, out);
    this.advanceJoinPhase(now, out);
  }

  // ---- join phase ----

  /** Something happened that makes another generation necessary. */
  noteChange(kind: RebalanceCauseKind, member: GroupMember, reason: string | null, now: Time, out: Effects): void {
    if (this.current !== 'PreparingRebalance') this.prepareRebalance(now, out);
    this.rebalance!.because(kind, member, reason, now);
  }

  private prepareRebalance(now: Time, out: Effects): void {
    if (this.current === 'CompletingRebalance') {
      this.closeRebalance('superseded', now, out);
      this.answerSyncs(() => refusedSync('REBALANCE_IN_PROGRESS'), now, out);
    }
    this.isInitial = this.current === 'Empty';
    this.rebalance = new OpenRebalance(now.wallMs, now.monotonicMs);
    this.pendingSync.clear();
    this.transition('PreparingRebalance', now);
    const { initialRebalanceDelayMs } = this.environment.config;
    const rebalanceTimeoutMs = this.members.rebalanceTimeoutMs;
    this.hasNewCompany = false;
    this.initialDelayLeftMs = Math.max(rebalanceTimeoutMs - initialRebalanceDelayMs, 0);
    this.environment.deadlines.arm(this.phase, now.monotonicMs + (this.isInitial ? initialRebalanceDelayMs : rebalanceTimeoutMs));
  }

  /** Ends the join phase if nobody is missing. Does nothing in other states. */
  advanceJoinPhase(now: Time, out: Effects): void {
    if (this.current !== 'PreparingRebalance') return;
    const isWaitingForCompany = this.isInitial && this.environment.config.initialRebalanceDelayMs > 0;
    if (!isWaitingForCompany && (this.isInitial || this.members.haveAllJoined)) this.completeJoinPhase(now, out);
  }

  private phaseExpired({ now, out }: Due): void {
    this.environment.touch(this.groupId);
    if (this.current !== 'PreparingRebalance') {
      this.expireSyncs(now, out);
    } else if (this.isInitial && this.hasNewCompany && this.initialDelayLeftMs > 0) {
      const delayMs = Math.min(this.environment.config.initialRebalanceDelayMs, this.initialDelayLeftMs);
      this.hasNewCompany = false;
      this.initialDelayLeftMs -= delayMs;
      this.environment.deadlines.arm(this.phase, now.monotonicMs + delayMs);
    } else {
      this.completeJoinPhase(now, out);
    }
  }

  private completeJoinPhase(now: Time, out: Effects): void {
    this.environment.deadlines.cancel(this.phase);
    for (const member of [...this.members]) {
      if (member.parkedJoin || member.isStatic) continue;
      this.remove(member, 'rebalance-timeout', null, now, out);
    }
    if (!this.members.electJoinedLeader() && this.members.size > 0) {
      // Only static members that are away: their sessions decide, or the first that comes back.
      this.environment.deadlines.arm(this.phase, now.monotonicMs + Math.max(this.members.rebalanceTimeoutMs, 1));
      return;
    }
    this.generationId++;
    if (this.members.size === 0) this.becomeEmpty(now, out);
    else this.formGeneration(now, out);
  }

  private becomeEmpty(now: Time, out: Effects): void {
    this.protocolName = null;
    this.subscribedTopics = this.computeSubscribedTopics();
    this.transition('Empty', now);
    this.writeMetadata(out);
    this.closeRebalance('empty', now, out);
  }

  private formGeneration(now: Time, out: Effects): void {
    this.protocolName = this.members.selectProtocol();
    this.subscribedTopics = this.computeSubscribedTopics();
    for (const member of this.members) member.assignment = NO_BYTES;
    this.transition('CompletingRebalance', now);
    this.writeMetadata(out);
    this.writeHistory('assigning', now, out);
    for (const member of this.members) {
      const reply = this.members.takeParkedJoin(member);
      if (!reply) continue; // static and away
      member.isNew = false;
      this.pendingSync.add(member.memberId);
      this.keepSession(member, now);
      out.answer(reply, this.joined(member));
    }
    this.environment.deadlines.arm(this.phase, now.monotonicMs + this.members.rebalanceTimeoutMs);
  }

  /** The generation as a member is told of it: with everybody's subscription, if it leads. */
  joined({ memberId }: GroupMember, leader = this.members.leaderId ?? ''): JoinGroupResponse {
    const { generationId, protocolType, protocolName } = this;
    const members: JoinGroupResponse['members'] =
      leader !== memberId
        ? []
        : Array.from(this.members, (each) => {
            return { memberId: each.memberId, groupInstanceId: each.groupInstanceId, metadata: each.metadataFor(protocolName) };
          });
    return { error: 'NONE', generationId, protocolType, protocolName, leader, skipAssignment: false, memberId, members };
  }

  // ---- sync phase ----

  /** Parks the sync; the leader's own lets everybody go. */
  parkSync(member: GroupMember, reply: Reply<SyncGroupResponse>, out: Effects): void {
    assert(this.current === 'CompletingRebalance', `${this.groupId} is ${this.current}: nothing to wait for`);
    if (member.parkedSync)
      out.answer(member.parkedSync, refusedSync('REBALANCE_IN_PROGRESS', 'another sync of this member took its place'));
    member.parkedSync = reply;
    this.synced(member);
  }

  /** It will have its assignment. */
  synced(member: GroupMember): void {
    this.pendingSync.delete(member.memberId);
    if (this.current === 'Stable' && this.pendingSync.size === 0) this.environment.deadlines.cancel(this.phase);
  }

  assign(assignments: SyncGroupRequest['assignments'], now: Time, out: Effects): void {
    for (const { memberId, assignment } of assignments) {
      const member = this.members.get(memberId);
      if (member) member.assignment = Buffer.from(assignment);
    }
    this.transition('Stable', now);
    this.writeMetadata(out);
    this.closeRebalance('stable', now, out);
    this.answerSyncs((member) => this.syncedResponse(member), now, out);
    if (this.pendingSync.size === 0) this.environment.deadlines.cancel(this.phase);
  }

  syncedResponse({ assignment }: GroupMember): SyncGroupResponse {
    return { error: 'NONE', protocolType: this.protocolType, protocolName: this.protocolName, assignment };
  }

  private answerSyncs(response: (member: GroupMember) => SyncGroupResponse, now: Time, out: Effects): void {
    for (const member of this.members) {
      if (!member.parkedSync) continue;
      out.answer(member.parkedSync, response(member));
      member.parkedSync = null;
      this.keepSession(member, now);
    }
  }

  private expireSyncs(now: Time, out: Effects): void {
    for (const memberId of [...this.pendingSync]) this.remove(this.members.get(memberId)!, 'sync-timeout', null, now, out);
    this.advanceJoinPhase(now, out);
  }

  // ---- what is kept ----

  writeMetadata(out: Effects): void {
    out.records.push({ type: 'group', groupId: this.groupId, value: this.toMetadata() });
  }

  private toMetadata(): GroupMetadata {
    const { protocolType, generationId, protocolName, stateSinceMs } = this;
    const members = Array.from(this.members, (member) => member.toMetadata(protocolName));
    return { protocolType, generationId, protocolName, leader: this.members.leaderId, stateSinceMs, members };
  }

  private closeRebalance(outcome: 'stable' | 'empty' | 'superseded', now: Time, out: Effects): void {
    this.writeHistory(outcome, now, out);
    this.rebalance = null;
  }

  private writeHistory(outcome: Rebalance['outcome'], now: Time, out: Effects): void {
    const { generationId, protocolName, groupId } = this;
    const entry = this.rebalance!.entry({ generationId, protocolName, memberCount: this.members.size, outcome }, now);
    const history = withRebalance(this.environment.histories.get(groupId) ?? [], entry);
    this.environment.histories.set(groupId, history);
    out.records.push({ type: 'history', groupId, value: history });
  }

  /** The group is deleted: timers off. It has no members, so nobody waits. */
  die(): void {
    assert(TRANSITIONS[this.current].includes('Dead'), `group ${this.groupId} cannot be deleted while ${this.current}`);
    this.current = 'Dead';
    for (const memberId of [...this.members.pending.keys()]) this.takePending(memberId);
    this.environment.deadlines.cancel(this.phase);
  }

  /** Takes every parked reply out. */
  abandon(): Reply<never>[] {
    return Array.from(this.members, ({ parkedJoin, parkedSync }) => [parkedJoin, parkedSync])
      .flat()
      .filter((reply) => reply !== null);
  }

  private computeSubscribedTopics(): ReadonlySet<string> | null {
    if (!this.isConsumerGroup) return null;
    const topics = new Set<string>();
    for (const member of this.members) {
      const subscribed = subscribedTopicsOf(member.metadataFor(this.protocolName));
      if (!subscribed) return null;
      for (const topic of subscribed) topics.add(topic);
    }
    return topics;
  }

  private transition(to: GroupStateName, now: Time): void {
    assert(TRANSITIONS[this.current].includes(to), `group ${this.groupId} cannot go from ${this.current} to ${to}`);
    this.current = to;
    this.stateSinceMs = now.wallMs;
  }
}
