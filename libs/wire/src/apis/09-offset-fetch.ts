/**
 * OffsetFetch (key 9), versions 1-9.
 *
 * v2 null topics mean all that the group committed, and an error for the whole · v3 throttle time · v5 leader epoch · v6
 * flexible · v7 may require offsets that no open transaction can change · v8 many groups at once · v9 member id and epoch
 * (KIP-848).
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, bool, int16, int32, int64, string, struct } from '../schema/fields.js';

export const offsetFetchApi = api({
  key: 9,
  name: 'OffsetFetch',
  versions: '1-9',
  flexible: '6+',
  request: struct({
    groupId: string({ versions: '0-7', default: '' }),
    topics: array(struct({ name: string(), partitionIndexes: array(int32()) }), { versions: '0-7', nullable: '2-7', default: [] }),
    groups: array(
      struct({
        groupId: string(),
        memberId: string({ versions: '9+', nullable: '9+', default: null }),
        memberEpoch: int32({ versions: '9+', default: -1 }),
        topics: array(struct({ name: string(), partitionIndexes: array(int32()) }), { nullable: '8+' }),
      }),
      { versions: '8+', default: [] },
    ),
    requireStable: bool({ versions: '7+', default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '3+', default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            committedOffset: int64(),
            committedLeaderEpoch: int32({ versions: '5-7', default: -1 }),
            metadata: string({ nullable: '0-7' }),
            errorCode: int16(),
          }),
        ),
      }),
      { versions: '0-7', default: [] },
    ),
    errorCode: int16({ versions: '2-7', default: 0 }),
    groups: array(
      struct({
        groupId: string(),
        topics: array(
          struct({
            name: string(),
            partitions: array(
              struct({
                partitionIndex: int32(),
                committedOffset: int64(),
                committedLeaderEpoch: int32({ default: -1 }),
                metadata: string({ nullable: '8+' }),
                errorCode: int16(),
              }),
            ),
          }),
        ),
        errorCode: int16({ default: 0 }),
      }),
      { versions: '8+', default: [] },
    ),
  }),
});

export type OffsetFetchRequestBody = RequestOf<typeof offsetFetchApi>;
export type OffsetFetchRequestValue = RequestBodyOf<typeof offsetFetchApi>;
export type OffsetFetchResponseBody = ResponseOf<typeof offsetFetchApi>;
export type OffsetFetchResponseValue = ResponseBodyOf<typeof offsetFetchApi>;
