/**
 * Produce (key 0), versions 3-11. Advertised from 0: librdkafka before 2.11.1 gives up compression otherwise
 * (KAFKA-18659); versions 0-2 are refused at the door.
 *
 * v5 log start offset · v7 zstd allowed · v8 errors per record and a message · v9 flexible · v10 current leader and its
 * endpoint as tags (KIP-951) · v11 may answer TRANSACTION_ABORTABLE.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, int16, int32, int64, object, records, string, struct } from '../schema/fields.js';
import { nodeEndpoint } from './common.js';

export const produceApi = api({
  key: 0,
  name: 'Produce',
  versions: '3-11',
  advertised: '0-11',
  flexible: '9+',
  request: struct({
    transactionalId: string({ versions: '3+', nullable: '3+', default: null }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array(
      struct({
        name: string({ versions: '0-12' }),
        partitionData: array(struct({ index: int32(), records: records({ nullable: '0+' }) })),
      }),
    ),
  }),
  response: struct({
    responses: array(
      struct({
        name: string({ versions: '0-12' }),
        partitionResponses: array(
          struct({
            index: int32(),
            errorCode: int16(),
            baseOffset: int64(),
            logAppendTimeMs: int64({ versions: '2+', default: -1 }),
            logStartOffset: int64({ versions: '5+', default: -1 }),
            recordErrors: array(struct({ batchIndex: int32(), batchIndexErrorMessage: string({ nullable: '8+', default: null }) }), {
              versions: '8+',
              default: [],
            }),
            errorMessage: string({ versions: '8+', nullable: '8+', default: null }),
            currentLeader: object(struct({ leaderId: int32({ default: -1 }), leaderEpoch: int32({ default: -1 }) }), {
              versions: '10+',
              tag: 0,
              default: null,
            }),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32({ versions: '1+', default: 0 }),
    nodeEndpoints: array(nodeEndpoint, { versions: '10+', tag: 0, default: [] }),
  }),
});

export type ProduceRequestBody = RequestOf<typeof produceApi>;
export type ProduceRequestValue = RequestBodyOf<typeof produceApi>;
export type ProduceResponseBody = ResponseOf<typeof produceApi>;
export type ProduceResponseValue = ResponseBodyOf<typeof produceApi>;
