/**
 * Sync, heartbeat, leave and the right to commit, against one group. Whoever asks must be a member (25), under its own
 * instance id (82), of the current generation (22).
 */
import type { KafkaErrorName } from '#kernel';
import type { GroupConfig, Reply, Time } from './contract.js';
import type { Effects } from './effects.js';
import type { Group } from './group.js';
import { REASON_LENGTH_MAX } from './limits.js';
import type {
  HeartbeatRequest,
  LeaveGroupRequest,
  LeaveGroupResponse,
  OffsetCommitRequest,
  SyncGroupRequest,
  SyncGroupResponse,
} from './messages.js';
import { type Refusal, refusedSync } from './responses.js';

interface MemberReference {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

/** Null: it is a member, and no other process has taken its instance id. */
export function memberProblem(group: Group, { memberId, groupInstanceId }: MemberReference): KafkaErrorName | null {
  if (groupInstanceId !== null) {
    const holder = group.members.withInstanceId(groupInstanceId);
    if (!holder) return 'UNKNOWN_MEMBER_ID';
    if (holder.memberId !== memberId) return 'FENCED_INSTANCE_ID';
  }
  return group.members.has(memberId) ? null : 'UNKNOWN_MEMBER_ID';
}

function generationProblem(group: Group, request: MemberReference & { readonly generationId: number }): KafkaErrorName | null {
  const problem = memberProblem(group, request);
  if (problem) return problem;
  // A new member was never told of any generation: the one before its first is not its own, even if it guesses the number.
  const isOfGeneration = request.generationId === group.generationId && !group.members.get(request.memberId)!.isNew;
  return isOfGeneration ? null : 'ILLEGAL_GENERATION';
}

export function syncGroup(
  group: Group,
  request: SyncGroupRequest,
  reply: Reply<SyncGroupResponse>,
  config: GroupConfig,
  now: Time,
  out: Effects,
): void {
  const problem = syncProblem(group, request, config);
  if (problem) {
    out.answer(reply, refusedSync(problem.error, problem.message));
    return;
  }
  const member = group.members.get(request.memberId)!;
  group.keepSession(member, now);
  if (group.state === 'Stable') {
    group.synced(member);
    out.answer(reply, group.syncedResponse(member));
    return;
  }
  group.parkSync(member, reply, out);
  if (group.members.isLeader(member.memberId)) group.assign(request.assignments, now, out);
}

function syncProblem(group: Group, request: SyncGroupRequest, config: GroupConfig): Refusal | null {
  const error = generationProblem(group, request);
  if (error) return { error };
  // Before the names: until the next generation is formed, there are none to be compared with.
  if (group.state === 'PreparingRebalance') return { error: 'REBALANCE_IN_PROGRESS' };
  const { protocolType, protocolName, assignments } = request;
  if (protocolType !== null && protocolType !== group.protocolType) {
    return { error: 'INCONSISTENT_GROUP_PROTOCOL', message: `the group's protocol type is "${group.protocolType}", not "${protocolType}"` };
  }
  if (protocolName !== null && protocolName !== group.protocolName) {
    return { error: 'INCONSISTENT_GROUP_PROTOCOL', message: `the group's protocol is "${group.protocolName}", not "${protocolName}"` };
  }
  if (group.state !== 'CompletingRebalance' || !group.members.isLeader(request.memberId)) return null;
  const bytes = assignments.reduce((sum, { assignment }) => sum + assignment.length, group.members.metadataBytes);
  if (bytes <= config.groupMetadataMaxBytes) return null;
  const message = `metadata and assignments of the group would take ${bytes} bytes; at most ${config.groupMetadataMaxBytes} are allowed`;
  return { error: 'UNKNOWN_SERVER_ERROR', message };
}

export function heartbeat(group: Group, request: HeartbeatRequest, now: Time): KafkaErrorName {
  const problem = generationProblem(group, request);
  if (problem) return problem;
  group.keepSession(group.members.get(request.memberId)!, now);
  return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE';
}

export function leaveGroup(group: Group, request: LeaveGroupRequest, now: Time, out: Effects): LeaveGroupResponse {
  const members = request.members.map((leaving) => {
    const { memberId, groupInstanceId } = leaving;
    return { memberId, groupInstanceId, error: leave(group, leaving, now, out) };
  });
  group.advanceJoinPhase(now, out);
  return { error: 'NONE', members };
}

function leave(group: Group, leaving: LeaveGroupRequest['members'][number], now: Time, out: Effects): KafkaErrorName {
  const { memberId, groupInstanceId } = leaving;
  const reason = leaving.reason ? leaving.reason.slice(0, REASON_LENGTH_MAX) : null;
  if (groupInstanceId === null && group.members.pending.has(memberId)) {
    group.takePending(memberId);
    return 'NONE';
  }
  const isByInstanceId = memberId === '' && groupInstanceId !== null;
  const member = isByInstanceId ? group.members.withInstanceId(groupInstanceId) : group.members.get(memberId);
  const problem = isByInstanceId ? null : memberProblem(group, leaving);
  if (problem) return problem;
  if (!member) return 'UNKNOWN_MEMBER_ID';
  group.remove(member, isByInstanceId ? 'removed' : 'left', reason, now, out);
  return 'NONE';
}

/** Null: it may commit. Without a group (null) only a plain commit may. */
export function commitProblem(group: Group | null, request: OffsetCommitRequest): KafkaErrorName | null {
  const isPlain = request.generationId < 0 && request.memberId === '' && request.groupInstanceId === null;
  if (!group) return isPlain ? null : request.generationId < 0 ? 'UNKNOWN_MEMBER_ID' : 'ILLEGAL_GENERATION';
  if (isPlain) return group.state === 'Empty' ? null : 'UNKNOWN_MEMBER_ID';
  // A member that was told of the new generation and has no assignment of it: what it commits was read under the one before.
  return generationProblem(group, request) ?? (group.state === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : null);
}
