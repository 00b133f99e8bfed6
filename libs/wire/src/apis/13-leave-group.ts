/**
 * LeaveGroup (key 13), versions 0-5.
 *
 * v0-2 one member · v1 throttle time · v3 several members, each with an error of its own (KIP-345) · v4 flexible · v5 why
 * they leave (KIP-800).
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, int16, int32, string, struct } from '../schema/fields.js';

export const leaveGroupApi = api({
  key: 13,
  name: 'LeaveGroup',
  versions: '0-5',
  flexible: '4+',
  request: struct({
    groupId: string(),
    memberId: string({ versions: '0-2', default: '' }),
    members: array(
      struct({
        memberId: string(),
        groupInstanceId: string({ nullable: '3+', default: null }),
        reason: string({ versions: '5+', nullable: '5+', default: null }),
      }),
      { versions: '3+', default: [] },
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '1+', default: 0 }),
    errorCode: int16(),
    members: array(struct({ memberId: string(), groupInstanceId: string({ nullable: '3+' }), errorCode: int16() }), {
      versions: '3+',
      default: [],
    }),
  }),
});

export type LeaveGroupRequestBody = RequestOf<typeof leaveGroupApi>;
export type LeaveGroupRequestValue = RequestBodyOf<typeof leaveGroupApi>;
export type LeaveGroupResponseBody = ResponseOf<typeof leaveGroupApi>;
export type LeaveGroupResponseValue = ResponseBodyOf<typeof leaveGroupApi>;
