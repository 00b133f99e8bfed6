/** LeaveGroup: one member below v3, whose error is the answer's; several from there, each with its own. */
import type { LeaveGroupRequest, LeaveGroupResponse } from '#groups';
import { type LeaveGroupRequestBody, type LeaveGroupResponseValue, leaveGroupApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';

const FIRST_MANY_MEMBERS_VERSION = 3;

export const leaveGroupHandler: Handler<typeof leaveGroupApi> = {
  api: leaveGroupApi,
  limitations: [],

  async handle({ broker }, { body, context, version }) {
    const response = await broker.groups.leave(context, { groupId: body.groupId, members: membersOf(version, body) });
    return answer(version, response);
  },

  failed: ({ version }, error) => answer(version, { error, members: [] }),
};

function membersOf(version: number, { memberId, members }: LeaveGroupRequestBody): LeaveGroupRequest['members'] {
  return version < FIRST_MANY_MEMBERS_VERSION ? [{ memberId, groupInstanceId: null, reason: null }] : members;
}

function answer(version: number, { error, members }: LeaveGroupResponse): LeaveGroupResponseValue {
  if (version < FIRST_MANY_MEMBERS_VERSION) {
    const errorOfAll = error === 'NONE' ? (members[0]?.error ?? 'NONE') : error;
    return { errorCode: wireErrorCode(leaveGroupApi.key, version, errorOfAll) };
  }
  return {
    errorCode: wireErrorCode(leaveGroupApi.key, version, error),
    members: members.map(({ memberId, groupInstanceId, error: errorOfMember }) => ({
      memberId,
      groupInstanceId,
      errorCode: wireErrorCode(leaveGroupApi.key, version, errorOfMember),
    })),
  };
}
