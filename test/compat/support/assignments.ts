/** Who reads what in a group, as its coordinator tells any client: the opaque bytes of the leader, decoded by KafkaJS. */
import kafkajs, { type Admin } from 'kafkajs';

export interface Assignments {
  readonly state: string;
  readonly protocol: string;
  /** Client id (more than one member may have it) and the partitions of the topic. */
  readonly members: readonly { readonly clientId: string; readonly partitions: readonly number[] }[];
}

export async function assignmentsOf(admin: Admin, groupId: string, topic: string): Promise<Assignments> {
  const { groups } = await admin.describeGroups([groupId]);
  const { state, protocol, members } = groups[0]!;
  return {
    state,
    protocol,
    members: members.map(({ clientId, memberAssignment }) => {
      const decoded = memberAssignment.length === 0 ? null : kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment);
      return { clientId, partitions: decoded?.assignment[topic] ?? [] };
    }),
  };
}
