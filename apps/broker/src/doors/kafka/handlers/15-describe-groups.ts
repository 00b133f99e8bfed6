/** DescribeGroups: every group once, however often it is named: its members' metadata may be large. */
import type { GroupDescription } from '#groups';
import type { KafkaErrorName } from '#kernel';
import { type DescribeGroupsRequestBody, type DescribeGroupsResponseValue, describeGroupsApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';
import { MANY_GROUPS_LIMITATION, manyGroups } from './many-groups.js';

type GroupAnswer = DescribeGroupsResponseValue['groups'][number];

/** KIP-1043. Below it a group that does not exist is a dead one, without an error. */
const FIRST_NOT_FOUND_VERSION = 6;

export const describeGroupsHandler: Handler<typeof describeGroupsApi> = {
  api: describeGroupsApi,
  limitations: [
    MANY_GROUPS_LIMITATION,
    'Authorized operations are not told (-2147483648), asked or not.',
    'A group that is named more than once in a request is described once.',
  ],

  async handle(environment, { body, context, version }) {
    const { groups } = environment.broker;
    const descriptions = await manyGroups(environment, groupIdsOf(body), (some) => groups.describe(context, some), refused);
    return { groups: descriptions.map((description) => groupAnswer(version, description)) };
  },

  failed({ body, version }, error) {
    return { groups: groupIdsOf(body).map((groupId) => groupAnswer(version, refused(groupId, error))) };
  },

  // Members may have said much: not many such answers are made at once.
  replyBytesMax: () => Number.POSITIVE_INFINITY,
};

function refused(groupId: string, error: KafkaErrorName, message?: string): GroupDescription {
  const nothing = { state: 'Dead', protocolType: '', protocolName: '', generationId: -1, members: [] } as const;
  return { groupId, error, ...nothing, ...(message !== undefined && { message }) };
}

function groupIdsOf(body: DescribeGroupsRequestBody): string[] {
  return [...new Set(body.groups)];
}

function groupAnswer(version: number, { error, message, ...group }: GroupDescription): GroupAnswer {
  const isNotFound = error === 'GROUP_ID_NOT_FOUND';
  return {
    errorCode: wireErrorCode(describeGroupsApi.key, version, isNotFound && version < FIRST_NOT_FOUND_VERSION ? 'NONE' : error),
    errorMessage: isNotFound ? (message ?? 'no group of this name is known here') : (message ?? null),
    groupId: group.groupId,
    // Who cannot tell does not say "Dead".
    groupState: error === 'NONE' || isNotFound ? group.state : '',
    protocolType: group.protocolType,
    protocolData: group.protocolName,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: member.metadata,
      memberAssignment: member.assignment,
    })),
  };
}
