/**
 * JoinGroup against one group: who may come in, under which id, and whether that needs a rebalance. A join that does is
 * parked with its member; group.ts answers it when the generation is formed.
 */
import type { KafkaErrorName } from '#kernel';
import type { GroupClient, GroupConfig, Reply, Time } from './contract.js';
import type { Effects } from './effects.js';
import type { Group } from './group.js';
import { CLIENT_ID_KEPT_MAX, GroupMember, isSameSubscription, memberBytes } from './group-member.js';
import { memberProblem } from './group-requests.js';
import { PENDING_MEMBERS_MAX, REASON_LENGTH_MAX } from './limits.js';
import type { JoinGroupRequest, JoinGroupResponse } from './messages.js';
import { refusedJoin } from './responses.js';

export interface Join {
  readonly request: JoinGroupRequest;
  readonly client: GroupClient;
  readonly reply: Reply<JoinGroupResponse>;
  /** For a member that comes without one. */
  readonly uuid: () => string;
  readonly config: GroupConfig;
  readonly now: Time;
  readonly out: Effects;
}

/** Length of a UUID as text, with the dash before it. */
const MEMBER_ID_SUFFIX_BYTES = 37;

export function joinGroup(group: Group, join: Join): void {
  const { request, now, out } = join;
  if (!hasRoom(group, request.memberId, join.config)) {
    const known = group.members.get(request.memberId);
    if (known) group.remove(known, 'removed', 'the group is full', now, out);
    else group.takePending(request.memberId);
    group.advanceJoinPhase(now, out);
    refuse(join, 'GROUP_MAX_SIZE_REACHED', `the group has as many members as group.max.size allows (${join.config.maxSize})`);
  } else if (request.memberId === '') {
    joinNew(group, join);
  } else {
    joinKnown(group, join);
  }
}

function joinNew(group: Group, join: Join): void {
  const { request, client, uuid, now, out } = join;
  const replaced = request.groupInstanceId === null ? undefined : group.members.withInstanceId(request.groupInstanceId);
  if (refuseProtocols(group, join, replaced) || refuseSize(group, join, replaced)) return;
  const memberId = `${request.groupInstanceId ?? client.clientId.slice(0, CLIENT_ID_KEPT_MAX)}-${uuid()}`;
  if (replaced) {
    joinInPlaceOf(group, replaced, memberId, join);
  } else if (request.groupInstanceId === null && request.requiresKnownMemberId) {
    if (group.members.pending.size >= PENDING_MEMBERS_MAX) {
      refuse(join, 'GROUP_MAX_SIZE_REACHED', `${PENDING_MEMBERS_MAX} member ids were given out and have not come back`);
      return;
    }
    group.addPending(memberId, request.sessionTimeoutMs, now);
    out.answer(join.reply, refusedJoin('MEMBER_ID_REQUIRED', memberId));
  } else {
    addMember(group, memberId, join);
  }
}

function joinKnown(group: Group, join: Join): void {
  const { request } = join;
  const isPending = request.groupInstanceId === null && group.members.pending.has(request.memberId);
  const problem = isPending ? null : memberProblem(group, request);
  if (problem) {
    refuse(join, problem);
    return;
  }
  const member = group.members.get(request.memberId);
  if (refuseProtocols(group, join, member) || refuseSize(group, join, member)) return;
  if (member) rejoin(group, member, join);
  else addMember(group, request.memberId, join);
}

function addMember(group: Group, memberId: string, join: Join): void {
  const { request, reply, now, out } = join;
  group.takePending(memberId);
  const member = new GroupMember(memberId, timeoutsOf(request), join.client, group.sessionTimer(memberId));
  group.addJoining(member, request.protocolType, reply, now);
  group.noteChange('joined', member, reasonOf(request), now, out);
  group.advanceJoinPhase(now, out);
}

function rejoin(group: Group, member: GroupMember, join: Join): void {
  const { request, reply, now, out } = join;
  const isUnchanged = member.matches(request.protocols, group.protocolName);
  const isLeader = group.members.isLeader(member.memberId);
  // In CompletingRebalance the answer was lost; in Stable a leader that comes again wants to assign again.
  const isUpToDate = isUnchanged && (group.state === 'CompletingRebalance' || (group.state === 'Stable' && !isLeader));
  const before = member.metadataFor(group.protocolName);
  takeOver(group, member, join);
  group.keepSession(member, now);
  if (isUpToDate) {
    out.answer(reply, group.joined(member));
    return;
  }
  park(group, member, join);
  if (group.state !== 'PreparingRebalance') {
    const hasNewTopics = !isSame(group, before, member.metadataFor(group.protocolName));
    const kind = hasNewTopics ? 'subscription-changed' : isLeader ? 'leader-rejoined' : 'rejoined';
    group.noteChange(kind, member, reasonOf(request), now, out);
  }
  group.advanceJoinPhase(now, out);
}

/** Static membership (KIP-345): in Stable the generation goes on, unless the assignment would have to be another. */
function joinInPlaceOf(group: Group, old: GroupMember, memberId: string, join: Join): void {
  const { request, reply, now, out } = join;
  const leaderBefore = group.members.leaderId ?? '';
  const before = old.metadataFor(group.protocolName);
  const member = new GroupMember(memberId, timeoutsOf(request), join.client, group.sessionTimer(memberId));
  group.replaceStatic(old, member, now, out);
  const isUnchanged =
    group.state === 'Stable' &&
    group.members.selectProtocol() === group.protocolName &&
    isSame(group, before, member.metadataFor(group.protocolName));
  if (isUnchanged) {
    group.writeMetadata(out);
    // An old client would assign anew if it heard that it leads, and break the generation; so it hears of the one before (KAFKA-7725).
    const response = request.supportsSkippingAssignment ? group.joined(member) : group.joined(member, leaderBefore);
    out.answer(reply, { ...response, skipAssignment: response.leader === memberId });
    return;
  }
  park(group, member, join);
  if (group.state !== 'PreparingRebalance') group.noteChange('static-member-replaced', member, reasonOf(request), now, out);
  group.advanceJoinPhase(now, out);
}

function park(group: Group, member: GroupMember, { reply, out }: Join): void {
  const earlier = group.members.takeParkedJoin(member);
  if (earlier) {
    out.answer(earlier, refusedJoin('REBALANCE_IN_PROGRESS', member.memberId, 'another join of this member took its place'));
  }
  group.members.parkJoin(member, reply);
}

function takeOver(group: Group, member: GroupMember, { request }: Join): void {
  const { rebalanceTimeoutMs, sessionTimeoutMs } = timeoutsOf(request);
  member.rebalanceTimeoutMs = rebalanceTimeoutMs;
  member.sessionTimeoutMs = sessionTimeoutMs;
  group.members.changeProtocols(member, request.protocols);
}

function hasRoom(group: Group, memberId: string, { maxSize }: GroupConfig): boolean {
  const { members, state } = group;
  if (state === 'Empty') return maxSize > 0;
  if (state === 'PreparingRebalance') return Boolean(members.get(memberId)?.parkedJoin) || members.parkedJoins < maxSize;
  return members.has(memberId) || members.size < maxSize;
}

function refuseProtocols(group: Group, join: Join, except: GroupMember | undefined): boolean {
  const { protocolType, protocols } = join.request;
  const names = protocols.map(({ name }) => name);
  const problem =
    protocolType === '' || names.length === 0
      ? 'a member needs a protocol type and at least one protocol'
      : group.members.size === 0
        ? null
        : protocolType !== group.protocolType
          ? `the group's protocol type is "${group.protocolType}", not "${protocolType}"`
          : group.members.supportOneOf(names, except)
            ? null
            : `none of ${names.join(', ')} is supported by all members: give all of them one assignor (partition.assignment.strategy) in common`;
  if (problem !== null) refuse(join, 'INCONSISTENT_GROUP_PROTOCOL', problem);
  return problem !== null;
}

function refuseSize(group: Group, join: Join, except: GroupMember | undefined): boolean {
  const { request, client, config } = join;
  const { groupInstanceId } = request;
  const clientId = client.clientId.slice(0, CLIENT_ID_KEPT_MAX);
  const named = { memberId: groupInstanceId ?? clientId, groupInstanceId, clientId, clientHost: client.clientHost };
  const bytes = memberBytes(named, request.protocols) + MEMBER_ID_SUFFIX_BYTES;
  const after = group.members.metadataBytes - (except?.metadataBytes ?? 0) + bytes;
  if (after <= config.groupMetadataMaxBytes) return false;
  const message = `metadata of the group's members would take ${after} bytes; at most ${config.groupMetadataMaxBytes} are allowed`;
  refuse(join, 'GROUP_MAX_SIZE_REACHED', message);
  return true;
}

function isSame(group: Group, a: Buffer, b: Buffer): boolean {
  return group.isConsumerGroup ? isSameSubscription(a, b) : a.equals(b);
}

function refuse({ request, reply, out }: Join, error: KafkaErrorName, message?: string): void {
  out.answer(reply, refusedJoin(error, request.memberId, message));
}

/** Without a rebalance timeout of its own (JoinGroup v0), the session timeout is both. */
function timeoutsOf(request: JoinGroupRequest): JoinGroupRequest {
  return request.rebalanceTimeoutMs >= 0 ? request : { ...request, rebalanceTimeoutMs: request.sessionTimeoutMs };
}

function reasonOf({ reason }: JoinGroupRequest): string | null {
  return reason === null || reason === '' ? null : reason.slice(0, REASON_LENGTH_MAX);
}
