/**
 * JoinGroup (key 11), versions 0-9.
 *
 * v1 a rebalance timeout of its own · v2 throttle time · v4 may answer MEMBER_ID_REQUIRED (KIP-394) · v5 static members
 * (KIP-345) · v6 flexible · v7 protocol type in answers, no protocol is null instead of '' · v8 why it joins (KIP-800) · v9
 * the leader may skip the assignment (KIP-814).
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, bool, bytes, int16, int32, string, struct } from '../schema/fields.js';

export const joinGroupApi = api({
  key: 11,
  name: 'JoinGroup',
  versions: '0-9',
  flexible: '6+',
  request: struct({
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32({ versions: '1+', default: -1 }),
    memberId: string(),
    groupInstanceId: string({ versions: '5+', nullable: '5+', default: null }),
    protocolType: string(),
    protocols: array(struct({ name: string(), metadata: bytes() })),
    reason: string({ versions: '8+', nullable: '8+', default: null }),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '2+', default: 0 }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ versions: '7+', nullable: '7+', default: null }),
    protocolName: string({ nullable: '7+' }),
    leader: string(),
    skipAssignment: bool({ versions: '9+', default: false }),
    memberId: string(),
    members: array(
      struct({
        memberId: string(),
        groupInstanceId: string({ versions: '5+', nullable: '5+', default: null }),
        metadata: bytes(),
      }),
    ),
  }),
});

export type JoinGroupRequestBody = RequestOf<typeof joinGroupApi>;
export type JoinGroupRequestValue = RequestBodyOf<typeof joinGroupApi>;
export type JoinGroupResponseBody = ResponseOf<typeof joinGroupApi>;
export type JoinGroupResponseValue = ResponseBodyOf<typeof joinGroupApi>;
