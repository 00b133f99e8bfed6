/**
 * CreatePartitions (key 37), versions 0-3. `count` is how many partitions the topic is to have in all.
 *
 * v2 flexible · v3 may say THROTTLING_QUOTA_EXCEEDED.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, bool, int16, int32, string, struct } from '../schema/fields.js';

export const createPartitionsApi = api({
  key: 37,
  name: 'CreatePartitions',
  versions: '0-3',
  flexible: '2+',
  request: struct({
    topics: array(
      struct({
        name: string(),
        count: int32(),
        assignments: array(struct({ brokerIds: array(int32()) }), { nullable: '0+' }),
      }),
    ),
    timeoutMs: int32(),
    validateOnly: bool(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    results: array(
      struct({
        name: string(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
      }),
    ),
  }),
});

export type CreatePartitionsRequestBody = RequestOf<typeof createPartitionsApi>;
export type CreatePartitionsRequestValue = RequestBodyOf<typeof createPartitionsApi>;
export type CreatePartitionsResponseBody = ResponseOf<typeof createPartitionsApi>;
export type CreatePartitionsResponseValue = ResponseBodyOf<typeof createPartitionsApi>;
