/**
 * Metadata (key 3), versions 0-12.
 *
 * v0 an empty list of topics means all, later null does · v1 controller, rack, internal topics · v2 cluster id · v4 may
 * forbid automatic creation · v5 offline replicas · v7 leader epoch · v8 authorized operations (of the cluster until
 * v10) · v9 flexible · v10 topic ids in answers · v12 topic ids in questions.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { ZERO_UUID } from '../primitives/uuid.js';
import { array, bool, int16, int32, string, struct, uuid } from '../schema/fields.js';

/** "Not asked for, or not known." */
export const NO_AUTHORIZED_OPERATIONS = -2_147_483_648;

export const metadataApi = api({
  key: 3,
  name: 'Metadata',
  versions: '0-12',
  flexible: '9+',
  request: struct({
    topics: array(
      struct({
        topicId: uuid({ versions: '10+', default: ZERO_UUID }),
        name: string({ nullable: '10+' }),
      }),
      { nullable: '1+' },
    ),
    allowAutoTopicCreation: bool({ versions: '4+', default: true }),
    includeClusterAuthorizedOperations: bool({ versions: '8-10', default: false }),
    includeTopicAuthorizedOperations: bool({ versions: '8+', default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '3+', default: 0 }),
    brokers: array(
      struct({
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ versions: '1+', nullable: '1+', default: null }),
      }),
    ),
    clusterId: string({ versions: '2+', nullable: '2+', default: null }),
    controllerId: int32({ versions: '1+', default: -1 }),
    topics: array(
      struct({
        errorCode: int16(),
        name: string({ nullable: '12+' }),
        topicId: uuid({ versions: '10+', default: ZERO_UUID }),
        isInternal: bool({ versions: '1+', default: false }),
        partitions: array(
          struct({
            errorCode: int16(),
            partitionIndex: int32(),
            leaderId: int32(),
            leaderEpoch: int32({ versions: '7+', default: -1 }),
            replicaNodes: array(int32()),
            isrNodes: array(int32()),
            offlineReplicas: array(int32(), { versions: '5+', default: [] }),
          }),
        ),
        topicAuthorizedOperations: int32({ versions: '8+', default: NO_AUTHORIZED_OPERATIONS }),
      }),
    ),
    clusterAuthorizedOperations: int32({ versions: '8-10', default: NO_AUTHORIZED_OPERATIONS }),
  }),
});

export type MetadataRequestBody = RequestOf<typeof metadataApi>;
export type MetadataRequestValue = RequestBodyOf<typeof metadataApi>;
export type MetadataResponseBody = ResponseOf<typeof metadataApi>;
export type MetadataResponseValue = ResponseBodyOf<typeof metadataApi>;
