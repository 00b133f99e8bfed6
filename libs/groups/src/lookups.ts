/** Groups as people and tools see them. Metadata, assignments and the protocol show only while they are those of a Stable group. */
import { CONSUMER_PROTOCOL_TYPE, decodeAssignment } from './consumer-protocol.js';
import type { GroupReader } from './contract.js';
import type { Group } from './group.js';
import { type GroupMember, NO_BYTES } from './group-member.js';
import type { GroupDescription, GroupListing } from './messages.js';
import type { CommittedOffset } from './records.js';

export function describeGroup(group: Group): GroupDescription {
  const { groupId, state, protocolType, generationId } = group;
  const isStable = state === 'Stable';
  const members = Array.from(group.members, (member) => {
    const { memberId, groupInstanceId, clientId, clientHost } = member;
    const metadata = isStable ? member.metadataFor(group.protocolName) : NO_BYTES;
    return { memberId, groupInstanceId, clientId, clientHost, metadata, assignment: isStable ? member.assignment : NO_BYTES };
  });
  const protocolName = isStable ? (group.protocolName ?? '') : '';
  return { groupId, error: 'NONE', state, protocolType, protocolName, generationId, members };
}

/** A group that only ever committed. */
export function describeSimpleGroup(groupId: string): GroupDescription {
  return { groupId, error: 'NONE', state: 'Empty', protocolType: '', protocolName: '', generationId: 0, members: [] };
}

export function describeUnknownGroup(groupId: string): GroupDescription {
  const message = `group "${groupId}" does not exist: nobody joined it or committed under it, or it was deleted or expired`;
  return { ...describeSimpleGroup(groupId), error: 'GROUP_ID_NOT_FOUND', message, state: 'Dead' };
}

export function listGroup(groupId: string, group: Group | undefined): GroupListing {
  return { groupId, protocolType: group?.protocolType ?? '', state: group?.state ?? 'Empty', groupType: 'classic' };
}

/** Null: the group neither committed there nor reads it. */
export function readerOf(
  groupId: string,
  group: Group | undefined,
  committed: CommittedOffset | null,
  topic: string,
  partition: number,
): GroupReader | null {
  const owner = group ? ownerOf(group, topic, partition) : null;
  if (!committed && !owner) return null;
  const at = { committedOffset: committed?.offset ?? null, committedAtMs: committed?.committedAtMs ?? 0 };
  return { groupId, state: group?.state ?? 'Empty', ...at, owner };
}

function ownerOf(group: Group, topic: string, partition: number): GroupReader['owner'] {
  if (group.protocolType !== CONSUMER_PROTOCOL_TYPE) return null;
  for (const member of group.members) {
    if (!isAssigned(member, topic, partition)) continue;
    const { memberId, groupInstanceId, clientId, clientHost } = member;
    return { memberId, groupInstanceId, clientId, clientHost };
  }
  return null;
}

function isAssigned({ assignment }: GroupMember, topic: string, partition: number): boolean {
  // The name stands in the bytes as it is: most groups are passed by without decoding anything.
  if (!assignment.includes(topic)) return false;
  try {
    return decodeAssignment(assignment).partitions.some((each) => each.topic === topic && each.partitions.includes(partition));
  } catch {
    return false;
  }
}
