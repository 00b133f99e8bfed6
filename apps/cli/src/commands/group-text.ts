/** What is said about groups, as text: pure, so that every sentence has its test. */
import type { DescribedGroup, GroupList, PartitionProgress } from '#client';
import { type GroupMemberDescription, REBALANCES_KEPT_MAX, type Rebalance, type RebalanceCause, type RebalanceCauseKind } from '#groups';
import { formatCount, formatTable } from '../../../shared/command/figures.js';
import { formatDuration, formatMoment } from '../../../shared/command/moments.js';
import { printableLine } from '../../../shared/command/printable.js';
import { type Assignments, ownersOf } from './group-assignments.js';
import { hostOfMember } from './hosts.js';

const MEMBERS_NAMED_MAX = 5;
/** What is left of the generated part of a member id, where only people read it. */
const MEMBER_ID_DIGITS = 8;

export function listText(groups: GroupList['groups']): string {
  const rows = groups.map((one) => [one.groupId, one.state, one.protocolType || '-', `broker ${one.coordinatorId}`]);
  return formatTable([['group', 'state', 'type', 'coordinator'], ...rows]);
}

export function overviewText(group: DescribedGroup, assignments: Assignments, progress: readonly PartitionProgress[]): string {
  const parts = [printableLine(headingOf(group, progress))];
  if (group.members.length > 0) parts.push(membersTable(group, assignments));
  if (progress.length > 0) parts.push(progressTable(group, assignments, progress));
  if (group.members.length === 0) parts.push('it has no members');
  if (progress.length === 0) parts.push('it has committed nothing');
  return parts.join('\n');
}

function headingOf(group: DescribedGroup, progress: readonly PartitionProgress[]): string {
  const { groupId, state, generationId, protocolName, coordinatorId } = group;
  const lag = progress.reduce((sum, one) => sum + (one.lagRecords ?? 0), 0);
  const oldest = progress.reduce((most, one) => Math.max(most, one.lagMs ?? 0), 0);
  const behind = progress.some((one) => one.lagRecords !== null)
    ? `  lag ${records(lag)}${lag > 0 ? `, ${formatDuration(oldest)}` : ''}`
    : '';
  return `${groupId}  ${state}  generation ${generationId}${protocolName && `  protocol ${protocolName}`}  coordinator broker ${coordinatorId}${behind}`;
}

function membersTable(group: DescribedGroup, assignments: Assignments): string {
  const rows = group.members.map((one) => {
    const topics = assignments.get(one.memberId);
    const reads = topics?.map(({ topic, partitions }) => `${topic}:${partitions.join(',')}`).join(' ');
    const shown = group.state !== 'Stable' ? '(rebalancing)' : topics === null ? '?' : reads || 'none';
    return [`  ${one.clientId}`, hostOfMember(one), one.groupInstanceId ?? '-', one.memberId, shown];
  });
  return formatTable([['  client', 'host', 'instance', 'member', 'reads'], ...rows]);
}

function progressTable(group: DescribedGroup, assignments: Assignments, progress: readonly PartitionProgress[]): string {
  const owners = ownersOf(assignments);
  const members = new Map(group.members.map((one) => [one.memberId, one]));
  const rows = progress.map((one) => {
    const owner = members.get(owners.get(`${one.topic}-${one.partition}`) ?? '');
    return [
      `  ${one.topic}`,
      String(one.partition),
      one.committedOffset < 0 ? '-' : String(one.committedOffset),
      one.endOffset < 0 ? (one.error === 'UNKNOWN_TOPIC_OR_PARTITION' ? 'does not exist' : '?') : String(one.endOffset),
      one.lagRecords === null ? '-' : records(one.lagRecords),
      one.lagMs === null ? '-' : one.lagRecords === 0 ? '0 s' : formatDuration(one.lagMs),
      owner === undefined ? '-' : (owner.groupInstanceId ?? shortMemberId(owner)),
    ];
  });
  return formatTable([['  topic', 'partition', 'committed', 'end', 'lag', 'lag in time', 'read by'], ...rows]);
}

/** Rebalances oldest first, each with its causes in plain words. */
export function historyText(groupId: string, rebalances: readonly Rebalance[]): string {
  if (rebalances.length === 0) return `${groupId}: no rebalance is known`;
  const many = rebalances.length === 1 ? 'one rebalance is known' : `${rebalances.length} rebalances are known, oldest first`;
  const kept = rebalances.length >= REBALANCES_KEPT_MAX ? ` (the last ${REBALANCES_KEPT_MAX} are kept)` : '';
  return [`${groupId}: ${many}${kept}`, ...rebalances.map(rebalanceText)].join('\n\n');
}

function rebalanceText(rebalance: Rebalance): string {
  const { startedAtMs, durationMs, causes, causesOmitted, outcome } = rebalance;
  const unfinished = outcome === 'assigning' ? 'the leader of the group has not assigned yet' : 'another broker took over in between';
  const took = outcome === 'assigning' || durationMs === null ? unfinished : `took ${formatDuration(durationMs)}`;
  const lines = causes.map((cause) => `  ${causeText(cause)}`);
  if (lines.length === 0) lines.push('  nobody is known to have caused it');
  if (causesOmitted > 0) lines.push(`  and ${formatCount(causesOmitted)} more like these`);
  return [`${formatMoment(startedAtMs)}  ${took}`, ...lines, `  => ${outcomeText(rebalance)}`].join('\n');
}

const CAUSES: Readonly<Record<RebalanceCauseKind, string>> = {
  joined: 'joined',
  rejoined: 'joined again',
  'subscription-changed': 'came with other topics or protocols than before',
  'leader-rejoined': 'leads the group and asked for a new assignment',
  left: 'left',
  removed: 'was removed by an administrator',
  'session-timeout': 'sent no heartbeat within its session and was dropped',
  'rebalance-timeout': 'did not join again in time and was dropped',
  'sync-timeout': 'joined, but did not ask for its assignment in time and was dropped',
  'static-member-replaced': 'took the place of another process with the same instance id',
};

export function causeText(cause: RebalanceCause): string {
  return printableLine(`${memberText(cause)} ${CAUSES[cause.kind]}${cause.reason ? `: "${cause.reason}"` : ''}`);
}

function outcomeText({ outcome, generationId, memberCount, protocolName }: Rebalance): string {
  if (outcome === 'superseded') return `given up for the next one (generation ${generationId} stayed the last)`;
  if (outcome === 'empty' || memberCount === 0) return `generation ${generationId}, without members`;
  const protocol = protocolName ? `, protocol ${printableLine(protocolName)}` : '';
  return `generation ${generationId} with ${memberCount === 1 ? 'one member' : `${memberCount} members`}${protocol}`;
}

type Named = Pick<GroupMemberDescription, 'memberId' | 'groupInstanceId' | 'clientId' | 'clientHost'>;

function memberText(member: Named): string {
  const who = `${shortMemberId(member)} at ${hostOfMember(member)}`;
  return member.groupInstanceId === null ? who : `instance ${member.groupInstanceId} (${who})`;
}

/** The first few of them. */
export function membersSentence(members: readonly Named[]): string {
  const more = members.length - MEMBERS_NAMED_MAX;
  return `${members.slice(0, MEMBERS_NAMED_MAX).map(memberText).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A member id is what its client is called, a dash and a long random text. */
function shortMemberId({ memberId, clientId, groupInstanceId }: Named): string {
  const prefix = [clientId, groupInstanceId].find((name) => name !== null && name !== '' && memberId.startsWith(`${name}-`));
  const random = prefix === undefined ? memberId : memberId.slice(prefix!.length + 1);
  const short = random.length > MEMBER_ID_DIGITS + 1 ? `${random.slice(0, MEMBER_ID_DIGITS)}…` : random;
  return clientId === '' ? short : `${clientId}-${short}`;
}

export function records(count: number): string {
  return count === 1 ? '1 record' : `${formatCount(count)} records`;
}
