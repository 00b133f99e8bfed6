/** JoinGroup: waits as long as the rebalance takes. What its version cannot say is said for it; the rest is the verb's. */
import type { JoinGroupResponse } from '#groups';
import type { KafkaErrorName } from '#kernel';
import { type JoinGroupResponseValue, joinGroupApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';

/** Below it a member has one timeout for both. */
const FIRST_REBALANCE_TIMEOUT_VERSION = 1;
/** KIP-394. */
const FIRST_MEMBER_ID_REQUIRED_VERSION = 4;
const FIRST_NULL_PROTOCOL_VERSION = 7;
/** KIP-814. */
const FIRST_SKIP_ASSIGNMENT_VERSION = 9;

export const joinGroupHandler: Handler<typeof joinGroupApi> = {
  api: joinGroupApi,
  limitations: ['Versions 0-3 do not know MEMBER_ID_REQUIRED: a member that gives up before its answer counts until its session ends.'],
  isLongPoll: true,
  holdsBack: true,

  async handle({ broker }, { body, context, version }) {
    const response = await broker.groups.join(context, {
      groupId: body.groupId,
      sessionTimeoutMs: body.sessionTimeoutMs,
      rebalanceTimeoutMs: version < FIRST_REBALANCE_TIMEOUT_VERSION ? body.sessionTimeoutMs : body.rebalanceTimeoutMs,
      memberId: body.memberId,
      groupInstanceId: body.groupInstanceId,
      protocolType: body.protocolType,
      // Copies: the group keeps them for longer than the frame should live.
      protocols: body.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      requiresKnownMemberId: version >= FIRST_MEMBER_ID_REQUIRED_VERSION && body.groupInstanceId === null,
      supportsSkippingAssignment: version >= FIRST_SKIP_ASSIGNMENT_VERSION,
      reason: body.reason,
    });
    return answer(version, response);
  },

  failed: ({ body, version }, error) => answer(version, refused(error, body.memberId)),
};

function refused(error: KafkaErrorName, memberId: string): JoinGroupResponse {
  return { error, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId, members: [] };
}

function answer(version: number, response: JoinGroupResponse): JoinGroupResponseValue {
  return {
    errorCode: wireErrorCode(joinGroupApi.key, version, response.error),
    generationId: response.generationId,
    protocolType: response.protocolType,
    protocolName: response.protocolName ?? (version < FIRST_NULL_PROTOCOL_VERSION ? '' : null),
    leader: response.leader,
    skipAssignment: response.skipAssignment,
    memberId: response.memberId,
    members: response.members,
  };
}
