/**
 * Heartbeat of a group's member (key 12), versions 0-4.
 *
 * v1 throttle time · v3 static members · v4 flexible.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { int16, int32, string, struct } from '../schema/fields.js';

export const heartbeatApi = api({
  key: 12,
  name: 'Heartbeat',
  versions: '0-4',
  flexible: '4+',
  request: struct({
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ versions: '3+', nullable: '3+', default: null }),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '1+', default: 0 }),
    errorCode: int16(),
  }),
});

export type HeartbeatRequestBody = RequestOf<typeof heartbeatApi>;
export type HeartbeatRequestValue = RequestBodyOf<typeof heartbeatApi>;
export type HeartbeatResponseBody = ResponseOf<typeof heartbeatApi>;
export type HeartbeatResponseValue = ResponseBodyOf<typeof heartbeatApi>;
