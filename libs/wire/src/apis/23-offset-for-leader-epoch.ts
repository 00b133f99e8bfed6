/**
 * OffsetForLeaderEpoch (key 23), versions 2-4.
 *
 * v2 is the only one that librdkafka sends · v3 replica id (-2: not a broker) · v4 flexible.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, int16, int32, int64, string, struct } from '../schema/fields.js';

export const offsetForLeaderEpochApi = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: '2-4',
  flexible: '4+',
  request: struct({
    replicaId: int32({ versions: '3+', default: -2 }),
    topics: array(
      struct({
        topic: string(),
        partitions: array(struct({ partition: int32(), currentLeaderEpoch: int32({ default: -1 }), leaderEpoch: int32() })),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({ errorCode: int16(), partition: int32(), leaderEpoch: int32({ default: -1 }), endOffset: int64({ default: -1 }) }),
        ),
      }),
    ),
  }),
});

export type OffsetForLeaderEpochRequestBody = RequestOf<typeof offsetForLeaderEpochApi>;
export type OffsetForLeaderEpochRequestValue = RequestBodyOf<typeof offsetForLeaderEpochApi>;
export type OffsetForLeaderEpochResponseBody = ResponseOf<typeof offsetForLeaderEpochApi>;
export type OffsetForLeaderEpochResponseValue = ResponseBodyOf<typeof offsetForLeaderEpochApi>;
