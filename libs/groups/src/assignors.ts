/**
 * Kafka's two eager assignors as pure functions, for the leader of a group: same members, topics and partition counts give
 * the same assignment as Kafka's RangeAssignor (without racks) and RoundRobinAssignor, so that a group of mixed clients
 * agrees whoever leads. Every subscribed partition is given to exactly one member; every member is in the result.
 */
import type { TopicPartitions } from './consumer-protocol.js';

export interface AssignableMember {
  readonly memberId: string;
  readonly groupInstanceId?: string | null;
  readonly topics: readonly string[];
}
/** By member id; topics sorted, partitions ascending. */
export type MemberAssignments = Map<string, TopicPartitions[]>;

/** Topic by topic: consecutive partitions to each member, the first members one more. A topic without a count is left out. */
export function rangeAssign(members: readonly AssignableMember[], partitionCounts: ReadonlyMap<string, number>): MemberAssignments {
  const sorted = sortMembers(members);
  const assignments: MemberAssignments = new Map(sorted.map((member) => [member.memberId, []]));
  for (const topic of subscribedTopics(members)) {
    const subscribers = sorted.filter((member) => member.topics.includes(topic));
    const count = partitionCounts.get(topic) ?? 0;
    const share = Math.floor(count / subscribers.length);
    const oneMore = count % subscribers.length;
    let next = 0;
    subscribers.forEach((member, position) => {
      const length = share + (position < oneMore ? 1 : 0);
      const partitions = Array.from({ length }, (_, i) => next + i);
      next += length;
      if (length > 0) assignments.get(member.memberId)!.push({ topic, partitions });
    });
  }
  return assignments;
}

/** All partitions of all topics in order, each to the next member in the circle that subscribes to its topic. */
export function roundRobinAssign(members: readonly AssignableMember[], partitionCounts: ReadonlyMap<string, number>): MemberAssignments {
  const sorted = sortMembers(members);
  const subscriptions = sorted.map((member) => new Set(member.topics));
  const dealt = new Map<string, Map<string, number[]>>(sorted.map((member) => [member.memberId, new Map()]));
  let turn = 0;
  for (const topic of subscribedTopics(members)) {
    for (let partition = 0; partition < (partitionCounts.get(topic) ?? 0); partition++) {
      while (!subscriptions[turn % sorted.length]!.has(topic)) turn++;
      const topics = dealt.get(sorted[turn++ % sorted.length]!.memberId)!;
      const partitions = topics.get(topic);
      if (partitions) partitions.push(partition);
      else topics.set(topic, [partition]);
    }
  }
  return new Map([...dealt].map(([memberId, topics]) => [memberId, [...topics].map(([topic, partitions]) => ({ topic, partitions }))]));
}

/** Static members first, by instance id; then the others by member id (Kafka's AbstractPartitionAssignor.MemberInfo). */
function sortMembers(members: readonly AssignableMember[]): AssignableMember[] {
  return [...members].sort((a, b) => {
    const [instanceA, instanceB] = [a.groupInstanceId ?? null, b.groupInstanceId ?? null];
    if (instanceA !== null && instanceB !== null) return compare(instanceA, instanceB);
    if (instanceA !== null) return -1;
    if (instanceB !== null) return 1;
    return compare(a.memberId, b.memberId);
  });
}

function subscribedTopics(members: readonly AssignableMember[]): string[] {
  return [...new Set(members.flatMap((member) => member.topics))].sort(compare);
}

/** By UTF-16 units, as Java compares strings. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
