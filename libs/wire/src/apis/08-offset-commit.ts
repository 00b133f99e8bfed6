/**
 * OffsetCommit (key 8), versions 2-9.
 *
 * v2-4 carry a retention time (KIP-211 took it away) · v3 throttle time · v6 leader epoch · v7 static members · v8 flexible ·
 * v9 the generation may be a member epoch (KIP-848).
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, int16, int32, int64, string, struct } from '../schema/fields.js';

export const offsetCommitApi = api({
  key: 8,
  name: 'OffsetCommit',
  versions: '2-9',
  flexible: '8+',
  request: struct({
    groupId: string(),
    generationIdOrMemberEpoch: int32({ versions: '1+', default: -1 }),
    memberId: string({ versions: '1+', default: '' }),
    groupInstanceId: string({ versions: '7+', nullable: '7+', default: null }),
    retentionTimeMs: int64({ versions: '2-4', default: -1 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            committedOffset: int64(),
            committedLeaderEpoch: int32({ versions: '6+', default: -1 }),
            committedMetadata: string({ nullable: '0+' }),
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '3+', default: 0 }),
    topics: array(struct({ name: string(), partitions: array(struct({ partitionIndex: int32(), errorCode: int16() })) })),
  }),
});

export type OffsetCommitRequestBody = RequestOf<typeof offsetCommitApi>;
export type OffsetCommitRequestValue = RequestBodyOf<typeof offsetCommitApi>;
export type OffsetCommitResponseBody = ResponseOf<typeof offsetCommitApi>;
export type OffsetCommitResponseValue = ResponseBodyOf<typeof offsetCommitApi>;
