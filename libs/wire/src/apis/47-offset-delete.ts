/** OffsetDelete (key 47), version 0, which is not flexible: Kafka never made another. */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, int16, int32, string, struct } from '../schema/fields.js';

export const offsetDeleteApi = api({
  key: 47,
  name: 'OffsetDelete',
  versions: '0',
  flexible: 'none',
  request: struct({
    groupId: string(),
    topics: array(struct({ name: string(), partitions: array(struct({ partitionIndex: int32() })) })),
  }),
  response: struct({
    errorCode: int16(),
    throttleTimeMs: int32({ default: 0 }),
    topics: array(struct({ name: string(), partitions: array(struct({ partitionIndex: int32(), errorCode: int16() })) })),
  }),
});

export type OffsetDeleteRequestBody = RequestOf<typeof offsetDeleteApi>;
export type OffsetDeleteRequestValue = RequestBodyOf<typeof offsetDeleteApi>;
export type OffsetDeleteResponseBody = ResponseOf<typeof offsetDeleteApi>;
export type OffsetDeleteResponseValue = ResponseBodyOf<typeof offsetDeleteApi>;
