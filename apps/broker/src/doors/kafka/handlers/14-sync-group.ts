/** SyncGroup: brings the leader's assignment, and waits for it. */
import type { SyncGroupResponse } from '#groups';
import type { KafkaErrorName } from '#kernel';
import { type SyncGroupResponseValue, syncGroupApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';

/** KIP-559: from here on both are mandatory, whatever the field's nullability says. */
const FIRST_PROTOCOL_VERSION = 5;
const NO_ASSIGNMENT = Buffer.alloc(0);

export const syncGroupHandler: Handler<typeof syncGroupApi> = {
  api: syncGroupApi,
  limitations: [],
  isLongPoll: true,
  holdsBack: true,

  async handle({ broker }, { body, context, version }) {
    const { groupId, generationId, memberId, groupInstanceId, protocolType, protocolName } = body;
    const lacksProtocol = protocolType === null || protocolName === null;
    if (version >= FIRST_PROTOCOL_VERSION && lacksProtocol) return answer(version, refused('INCONSISTENT_GROUP_PROTOCOL'));
    const response = await broker.groups.sync(context, {
      groupId,
      generationId,
      memberId,
      groupInstanceId,
      protocolType,
      protocolName,
      // Copies: the group keeps them for longer than the frame should live.
      assignments: body.assignments.map((each) => ({ memberId: each.memberId, assignment: Buffer.from(each.assignment) })),
    });
    return answer(version, response);
  },

  failed: ({ version }, error) => answer(version, refused(error)),
};

function refused(error: KafkaErrorName): SyncGroupResponse {
  return { error, protocolType: null, protocolName: null, assignment: NO_ASSIGNMENT };
}

function answer(version: number, { error, protocolType, protocolName, assignment }: SyncGroupResponse): SyncGroupResponseValue {
  return { errorCode: wireErrorCode(syncGroupApi.key, version, error), protocolType, protocolName, assignment };
}
