/**
 * FindCoordinator (key 10), versions 0-5.
 *
 * v1 key types (0 group, 1 transaction) and messages · v3 flexible · v4 many keys at once · v5 may answer
 * TRANSACTION_ABORTABLE. (v6 adds share groups.)
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, int8, int16, int32, string, struct } from '../schema/fields.js';

export const findCoordinatorApi = api({
  key: 10,
  name: 'FindCoordinator',
  versions: '0-5',
  flexible: '3+',
  request: struct({
    key: string({ versions: '0-3', default: '' }),
    keyType: int8({ versions: '1+', default: 0 }),
    coordinatorKeys: array(string(), { versions: '4+', default: [] }),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '1+', default: 0 }),
    errorCode: int16({ versions: '0-3', default: 0 }),
    errorMessage: string({ versions: '1-3', nullable: '1-3', default: null }),
    nodeId: int32({ versions: '0-3', default: 0 }),
    host: string({ versions: '0-3', default: '' }),
    port: int32({ versions: '0-3', default: 0 }),
    coordinators: array(
      struct({
        key: string(),
        nodeId: int32(),
        host: string(),
        port: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '4+', default: null }),
      }),
      { versions: '4+', default: [] },
    ),
  }),
});

export type FindCoordinatorRequestBody = RequestOf<typeof findCoordinatorApi>;
export type FindCoordinatorRequestValue = RequestBodyOf<typeof findCoordinatorApi>;
export type FindCoordinatorResponseBody = ResponseOf<typeof findCoordinatorApi>;
export type FindCoordinatorResponseValue = ResponseBodyOf<typeof findCoordinatorApi>;
