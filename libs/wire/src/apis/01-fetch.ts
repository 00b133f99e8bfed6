/**
 * Fetch (key 1), versions 4-17.
 *
 * v5 log start offset · v7 sessions (KIP-227) · v9 current leader epoch (KIP-320) · v10 zstd · v11 rack, preferred read
 * replica (KIP-392) · v12 flexible, last fetched epoch, diverging epoch (KIP-595) · v13 topic ids instead of names ·
 * v15 replica id and epoch move to a tag (KIP-903) · v16 endpoints of current leaders (KIP-951) · v17 directory id.
 *
 * Tag 10000 on a request's partition is ours: the follower's durable end, sent by our followers only. Other brokers skip it.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { ZERO_UUID } from '../primitives/uuid.js';
import { array, int8, int16, int32, int64, object, records, string, struct, uuid } from '../schema/fields.js';
import { nodeEndpoint } from './common.js';

export const FLUSHED_END_OFFSET_TAG = 10_000;

export const fetchApi = api({
  key: 1,
  name: 'Fetch',
  versions: '4-17',
  flexible: '12+',
  request: struct({
    clusterId: string({ versions: '12+', nullable: '12+', tag: 0, default: null }),
    replicaId: int32({ versions: '0-14', default: -1 }),
    replicaState: object(struct({ replicaId: int32({ default: -1 }), replicaEpoch: int64({ default: -1 }) }), {
      versions: '15+',
      tag: 1,
      default: null,
    }),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ versions: '3+', default: 0x7fffffff }),
    isolationLevel: int8({ versions: '4+', default: 0 }),
    sessionId: int32({ versions: '7+', default: 0 }),
    sessionEpoch: int32({ versions: '7+', default: -1 }),
    topics: array(
      struct({
        topic: string({ versions: '0-12', default: '' }),
        topicId: uuid({ versions: '13+', default: ZERO_UUID }),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32({ versions: '9+', default: -1 }),
            fetchOffset: int64(),
            lastFetchedEpoch: int32({ versions: '12+', default: -1 }),
            logStartOffset: int64({ versions: '5+', default: -1 }),
            partitionMaxBytes: int32(),
            replicaDirectoryId: uuid({ versions: '17+', tag: 0, default: ZERO_UUID }),
            flushedEndOffset: int64({ versions: '12+', tag: FLUSHED_END_OFFSET_TAG, default: -1 }),
          }),
        ),
      }),
    ),
    forgottenTopicsData: array(
      struct({
        topic: string({ versions: '7-12', default: '' }),
        topicId: uuid({ versions: '13+', default: ZERO_UUID }),
        partitions: array(int32()),
      }),
      { versions: '7+', default: [] },
    ),
    rackId: string({ versions: '11+', default: '' }),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '1+', default: 0 }),
    errorCode: int16({ versions: '7+', default: 0 }),
    sessionId: int32({ versions: '7+', default: 0 }),
    responses: array(
      struct({
        topic: string({ versions: '0-12', default: '' }),
        topicId: uuid({ versions: '13+', default: ZERO_UUID }),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            highWatermark: int64(),
            lastStableOffset: int64({ versions: '4+', default: -1 }),
            logStartOffset: int64({ versions: '5+', default: -1 }),
            divergingEpoch: object(struct({ epoch: int32({ default: -1 }), endOffset: int64({ default: -1 }) }), {
              versions: '12+',
              tag: 0,
              default: null,
            }),
            currentLeader: object(struct({ leaderId: int32({ default: -1 }), leaderEpoch: int32({ default: -1 }) }), {
              versions: '12+',
              tag: 1,
              default: null,
            }),
            snapshotId: object(struct({ endOffset: int64({ default: -1 }), epoch: int32({ default: -1 }) }), {
              versions: '12+',
              tag: 2,
              default: null,
            }),
            abortedTransactions: array(struct({ producerId: int64(), firstOffset: int64() }), { versions: '4+', nullable: '4+' }),
            preferredReadReplica: int32({ versions: '11+', default: -1 }),
            records: records({ nullable: '0+' }),
          }),
        ),
      }),
    ),
    nodeEndpoints: array(nodeEndpoint, { versions: '16+', tag: 0, default: [] }),
  }),
});

export type FetchRequestBody = RequestOf<typeof fetchApi>;
export type FetchRequestValue = RequestBodyOf<typeof fetchApi>;
export type FetchResponseBody = ResponseOf<typeof fetchApi>;
export type FetchResponseValue = ResponseBodyOf<typeof fetchApi>;
