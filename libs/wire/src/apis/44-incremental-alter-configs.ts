/**
 * IncrementalAlterConfigs (key 44), versions 0-1: what is not named stays (KIP-339).
 *
 * v1 flexible.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, bool, int8, int16, int32, string, struct } from '../schema/fields.js';

export const incrementalAlterConfigsApi = api({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: '0-1',
  flexible: '1+',
  request: struct({
    resources: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        /** Operations: 0 set, 1 delete, 2 append, 3 subtract. */
        configs: array(struct({ name: string(), configOperation: int8(), value: string({ nullable: '0+' }) })),
      }),
    ),
    validateOnly: bool(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    responses: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: '0+' }),
        resourceType: int8(),
        resourceName: string(),
      }),
    ),
  }),
});

export type IncrementalAlterConfigsRequestBody = RequestOf<typeof incrementalAlterConfigsApi>;
export type IncrementalAlterConfigsRequestValue = RequestBodyOf<typeof incrementalAlterConfigsApi>;
export type IncrementalAlterConfigsResponseBody = ResponseOf<typeof incrementalAlterConfigsApi>;
export type IncrementalAlterConfigsResponseValue = ResponseBodyOf<typeof incrementalAlterConfigsApi>;
