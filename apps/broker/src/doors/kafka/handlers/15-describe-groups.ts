/** DescribeGroups: every group once, however often it is named: its members' metadata may be large. */
import type { GroupDescription } from '#groups';
import { type DescribeGroupsRequestBody, type DescribeGroupsResponseValue, describeGroupsApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';

type GroupAnswer = DescribeGroupsResponseValue['groups'][number];

/** KIP-1043. Below it a group that does not exist is a dead one, without an error. */
const FIRST_NOT_FOUND_VERSION = 6;

export const describeGroupsHandler: Handler<typeof describeGroupsApi> = {
  api: describeGroupsApi,
  limitations: [
    'Authorized operations are not told (-2147483648), asked or not.',
    'A group that is named more than once in a request is described once.',
  ],

  async handle({ broker }, { body, context, version }) {
    const descriptions = await broker.groups.describe(context, groupIdsOf(body));
    return { groups: descriptions.map((description) => groupAnswer(version, description)) };
  },

  failed({ body, version }, error) {
    const nothing = { error, state: 'Dead', protocolType: '', protocolName: '', generationId: -1, members: [] } as const;
    return { groups: groupIdsOf(body).map((groupId) => groupAnswer(version, { groupId, ...nothing })) };
  },
};

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
