/**
 * InitProducerId (key 22), versions 0-5.
 *
 * v2 flexible · v3 the producer id and epoch held so far (KIP-360) · v4 may answer PRODUCER_FENCED · v5 may answer
 * TRANSACTION_ABORTABLE.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { int16, int32, int64, string, struct } from '../schema/fields.js';

export const initProducerIdApi = api({
  key: 22,
  name: 'InitProducerId',
  versions: '0-5',
  flexible: '2+',
  request: struct({
    transactionalId: string({ nullable: '0+' }),
    transactionTimeoutMs: int32(),
    producerId: int64({ versions: '3+', default: -1 }),
    producerEpoch: int16({ versions: '3+', default: -1 }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    producerId: int64({ default: -1 }),
    producerEpoch: int16(),
  }),
});

export type InitProducerIdRequestBody = RequestOf<typeof initProducerIdApi>;
export type InitProducerIdRequestValue = RequestBodyOf<typeof initProducerIdApi>;
export type InitProducerIdResponseBody = ResponseOf<typeof initProducerIdApi>;
export type InitProducerIdResponseValue = ResponseBodyOf<typeof initProducerIdApi>;
