/**
 * ListOffsets (key 2), versions 1-9.
 *
 * v2 isolation level · v4 leader epochs · v6 flexible · v7 timestamp -3, the greatest (KIP-734) · v8 -4, earliest local
 * (KIP-405) · v9 -5, latest tiered (KIP-1005).
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, int8, int16, int32, int64, string, struct } from '../schema/fields.js';

export const listOffsetsApi = api({
  key: 2,
  name: 'ListOffsets',
  versions: '1-9',
  flexible: '6+',
  request: struct({
    replicaId: int32(),
    isolationLevel: int8({ versions: '2+', default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            currentLeaderEpoch: int32({ versions: '4+', default: -1 }),
            timestamp: int64(),
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '2+', default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            timestamp: int64({ versions: '1+', default: -1 }),
            offset: int64({ versions: '1+', default: -1 }),
            leaderEpoch: int32({ versions: '4+', default: -1 }),
          }),
        ),
      }),
    ),
  }),
});

export type ListOffsetsRequestBody = RequestOf<typeof listOffsetsApi>;
export type ListOffsetsRequestValue = RequestBodyOf<typeof listOffsetsApi>;
export type ListOffsetsResponseBody = ResponseOf<typeof listOffsetsApi>;
export type ListOffsetsResponseValue = ResponseBodyOf<typeof listOffsetsApi>;
