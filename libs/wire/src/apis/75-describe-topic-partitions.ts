/** DescribeTopicPartitions (key 75), version 0: topics with eligible leader replicas, page by page (KIP-966). */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { ZERO_UUID } from '../primitives/uuid.js';
import { array, bool, int16, int32, object, string, struct, uuid } from '../schema/fields.js';
import { NO_AUTHORIZED_OPERATIONS } from './03-metadata.js';

/** The first partition of the next page. */
const cursor = struct({ topicName: string(), partitionIndex: int32() });

export const describeTopicPartitionsApi = api({
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: '0',
  flexible: '0+',
  request: struct({
    topics: array(struct({ name: string() })),
    responsePartitionLimit: int32({ default: 2_000 }),
    cursor: object(cursor, { nullable: '0+', default: null }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        errorCode: int16(),
        name: string({ nullable: '0+' }),
        topicId: uuid({ default: ZERO_UUID }),
        isInternal: bool({ default: false }),
        partitions: array(
          struct({
            errorCode: int16(),
            partitionIndex: int32(),
            leaderId: int32(),
            leaderEpoch: int32({ default: -1 }),
            replicaNodes: array(int32()),
            isrNodes: array(int32()),
            eligibleLeaderReplicas: array(int32(), { nullable: '0+', default: null }),
            lastKnownElr: array(int32(), { nullable: '0+', default: null }),
            offlineReplicas: array(int32()),
          }),
        ),
        topicAuthorizedOperations: int32({ default: NO_AUTHORIZED_OPERATIONS }),
      }),
    ),
    nextCursor: object(cursor, { nullable: '0+', default: null }),
  }),
});

export type DescribeTopicPartitionsRequestBody = RequestOf<typeof describeTopicPartitionsApi>;
export type DescribeTopicPartitionsRequestValue = RequestBodyOf<typeof describeTopicPartitionsApi>;
export type DescribeTopicPartitionsResponseBody = ResponseOf<typeof describeTopicPartitionsApi>;
export type DescribeTopicPartitionsResponseValue = ResponseBodyOf<typeof describeTopicPartitionsApi>;
