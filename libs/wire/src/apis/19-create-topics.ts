/**
 * CreateTopics (key 19), versions 2-7.
 *
 * v4 -1 partitions or replicas: the cluster's default (KIP-464) · v5 flexible, the answer tells counts and configs
 * (KIP-525) · v6 may say THROTTLING_QUOTA_EXCEEDED · v7 topic ids in answers.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { ZERO_UUID } from '../primitives/uuid.js';
import { array, bool, int8, int16, int32, string, struct, uuid } from '../schema/fields.js';

export const createTopicsApi = api({
  key: 19,
  name: 'CreateTopics',
  versions: '2-7',
  flexible: '5+',
  request: struct({
    topics: array(
      struct({
        name: string(),
        numPartitions: int32(),
        replicationFactor: int16(),
        assignments: array(struct({ partitionIndex: int32(), brokerIds: array(int32()) })),
        configs: array(struct({ name: string(), value: string({ nullable: '0+' }) })),
      }),
    ),
    timeoutMs: int32({ default: 60_000 }),
    validateOnly: bool({ versions: '1+', default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '2+', default: 0 }),
    topics: array(
      struct({
        name: string(),
        topicId: uuid({ versions: '7+', default: ZERO_UUID }),
        errorCode: int16(),
        errorMessage: string({ versions: '1+', nullable: '0+', default: null }),
        topicConfigErrorCode: int16({ versions: '5+', tag: 0, default: 0 }),
        numPartitions: int32({ versions: '5+', default: -1 }),
        replicationFactor: int16({ versions: '5+', default: -1 }),
        configs: array(
          struct({
            name: string(),
            value: string({ nullable: '5+' }),
            readOnly: bool(),
            configSource: int8({ versions: '5+', default: -1 }),
            isSensitive: bool(),
          }),
          { versions: '5+', nullable: '5+', default: [] },
        ),
      }),
    ),
  }),
});

export type CreateTopicsRequestBody = RequestOf<typeof createTopicsApi>;
export type CreateTopicsRequestValue = RequestBodyOf<typeof createTopicsApi>;
export type CreateTopicsResponseBody = ResponseOf<typeof createTopicsApi>;
export type CreateTopicsResponseValue = ResponseBodyOf<typeof createTopicsApi>;
