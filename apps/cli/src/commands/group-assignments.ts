/** What members of a group read, taken out of the opaque bytes that the group's leader gave each of them. */
import type { DescribedGroup } from '#client';
import { CONSUMER_PROTOCOL_TYPE, decodeAssignment, type TopicPartitions } from '#groups';
import { YakError } from '#kernel';

/** By member id; null where the bytes are of another protocol, or damaged. */
export type Assignments = ReadonlyMap<string, readonly TopicPartitions[] | null>;

export function assignmentsOf(group: DescribedGroup): Assignments {
  return new Map(group.members.map((member) => [member.memberId, partitionsOf(group, member.assignment)]));
}

function partitionsOf(group: DescribedGroup, assignment: Buffer): readonly TopicPartitions[] | null {
  if (group.protocolType !== CONSUMER_PROTOCOL_TYPE) return null;
  try {
    return decodeAssignment(assignment).partitions;
  } catch (error) {
    if (error instanceof YakError) return null;
    throw error;
  }
}

/** `topic-partition` to member id. */
export function ownersOf(assignments: Assignments): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const [memberId, topics] of assignments) {
    for (const { topic, partitions } of topics ?? []) for (const partition of partitions) owners.set(`${topic}-${partition}`, memberId);
  }
  return owners;
}
