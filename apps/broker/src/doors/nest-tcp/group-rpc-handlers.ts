/**
 * Messages of consumer groups on one side, the group verbs of the broker core on the other; beside broker-rpc-handlers.ts,
 * and as free of Nest. Base64 ends here: the core has Buffers. A join or sync may be answered minutes later, so nothing
 * here holds anything but the answer's promise.
 */
import type { BrokerVerbs } from '#broker-core';
import type { GroupDescription } from '#groups';
import type { AsBase64, GroupRpcMessages, RpcHandlers } from '#rpc';

export type GroupPattern = keyof GroupRpcMessages;
export type GroupRpcHandlers = Required<Pick<RpcHandlers, GroupPattern>>;

export function groupRpcHandlers(broker: Pick<BrokerVerbs, 'groups'>): GroupRpcHandlers {
  return {
    async findCoordinator({ groupIds }, context) {
      const found = await broker.groups.findCoordinators(context, { keyType: 'group', keys: groupIds });
      return {
        coordinators: found.map(({ key, error, message, brokerId, endpoint }) => ({
          groupId: key,
          error,
          ...(message === undefined ? {} : { message }),
          brokerId,
          host: endpoint?.host ?? '',
          port: endpoint?.port ?? -1,
        })),
      };
    },

    async joinGroup(request, context) {
      const protocols = request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata, 'base64') }));
      const response = await broker.groups.join(context, { ...request, protocols });
      return { ...response, members: response.members.map((member) => ({ ...member, metadata: member.metadata.toString('base64') })) };
    },

    async syncGroup(request, context) {
      const assignments = request.assignments.map((one) => ({ ...one, assignment: Buffer.from(one.assignment, 'base64') }));
      const response = await broker.groups.sync(context, { ...request, assignments });
      return { ...response, assignment: response.assignment.toString('base64') };
    },

    groupHeartbeat: (request, context) => broker.groups.heartbeat(context, request),
    leaveGroup: (request, context) => broker.groups.leave(context, request),
    commitOffsets: (request, context) => broker.groups.commitOffsets(context, request),
    fetchOffsets: (request, context) => broker.groups.fetchOffsets(context, request),
    deleteOffsets: (request, context) => broker.groups.deleteOffsets(context, request),

    async describeGroups({ groupIds }, context) {
      const groups = await broker.groups.describe(context, groupIds);
      return { groups: groups.map(toBase64) };
    },
    listGroups: (request, context) => broker.groups.list(context, request.states ?? null),
    deleteGroups: async ({ groupIds }, context) => ({ groups: await broker.groups.delete(context, groupIds) }),
    groupHistory: ({ groupId }, context) => broker.groups.history(context, groupId),
  };
}

function toBase64(group: GroupDescription): AsBase64<GroupDescription> {
  const members = group.members.map((member) => ({
    ...member,
    metadata: member.metadata.toString('base64'),
    assignment: member.assignment.toString('base64'),
  }));
  return { ...group, members };
}
