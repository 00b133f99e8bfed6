/**
 * DeleteTopics (key 20), versions 1-6.
 *
 * v4 flexible · v5 error messages · v6 by name or by topic id.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { ZERO_UUID } from '../primitives/uuid.js';
import { array, int16, int32, string, struct, uuid } from '../schema/fields.js';

export const deleteTopicsApi = api({
  key: 20,
  name: 'DeleteTopics',
  versions: '1-6',
  flexible: '4+',
  request: struct({
    topics: array(struct({ name: string({ nullable: '6+', default: null }), topicId: uuid({ default: ZERO_UUID }) }), {
      versions: '6+',
      default: [],
    }),
    topicNames: array(string(), { versions: '0-5', default: [] }),
    timeoutMs: int32(),
  }),
  response: struct({
    throttleTimeMs: int32({ versions: '1+', default: 0 }),
    responses: array(
      struct({
        name: string({ nullable: '6+' }),
        topicId: uuid({ versions: '6+', default: ZERO_UUID }),
        errorCode: int16(),
        errorMessage: string({ versions: '5+', nullable: '5+', default: null }),
      }),
    ),
  }),
});

export type DeleteTopicsRequestBody = RequestOf<typeof deleteTopicsApi>;
export type DeleteTopicsRequestValue = RequestBodyOf<typeof deleteTopicsApi>;
export type DeleteTopicsResponseBody = ResponseOf<typeof deleteTopicsApi>;
export type DeleteTopicsResponseValue = ResponseBodyOf<typeof deleteTopicsApi>;
