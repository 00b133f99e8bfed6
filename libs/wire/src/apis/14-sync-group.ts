/**
 * SyncGroup (key 14), versions 0-5.
 *
 * v1 throttle time · v3 static members · v4 flexible · v5 protocol type and name, checked when given.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, bytes, int16, int32, string, struct } from '../schema/fields.js';

export const syncGroupApi = api({
  key: 14,
  name: 'SyncGroup',
  versions: '0-5',
  flexible: '4+',
  request: struct({
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ versions: '3+', nullable: '3+', default: null }),
    protocolType: string({ versions: '5+', nullable: '5+', default: null }),
    protocolName: string({ versions: '5+', nullable: '5+', default: null }),
    assignments: array(struct({ memberId: string(), assignment: bytes() })),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '1+', default: 0 }),
    errorCode: int16(),
    protocolType: string({ versions: '5+', nullable: '5+', default: null }),
    protocolName: string({ versions: '5+', nullable: '5+', default: null }),
    assignment: bytes(),
  }),
});

export type SyncGroupRequestBody = RequestOf<typeof syncGroupApi>;
export type SyncGroupRequestValue = RequestBodyOf<typeof syncGroupApi>;
export type SyncGroupResponseBody = ResponseOf<typeof syncGroupApi>;
export type SyncGroupResponseValue = ResponseBodyOf<typeof syncGroupApi>;
