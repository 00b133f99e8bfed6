/** Heartbeat of a group's member. */
import { heartbeatApi } from '#wire';
import type { Handler } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';

export const heartbeatHandler: Handler<typeof heartbeatApi> = {
  api: heartbeatApi,
  limitations: [],

  async handle({ broker }, { body, context, version }) {
    const { groupId, generationId, memberId, groupInstanceId } = body;
    const { error } = await broker.groups.heartbeat(context, { groupId, generationId, memberId, groupInstanceId });
    return { errorCode: wireErrorCode(heartbeatApi.key, version, error) };
  },

  failed: ({ version }, error) => ({ errorCode: wireErrorCode(heartbeatApi.key, version, error) }),
};
