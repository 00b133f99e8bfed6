/**
 * AlterConfigs (key 33), versions 0-2: all configs of a resource at once; what is not named goes back to its default.
 *
 * v2 flexible.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, bool, int8, int16, int32, string, struct } from '../schema/fields.js';

export const alterConfigsApi = api({
  key: 33,
  name: 'AlterConfigs',
  versions: '0-2',
  flexible: '2+',
  request: struct({
    resources: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        configs: array(struct({ name: string(), value: string({ nullable: '0+' }) })),
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

export type AlterConfigsRequestBody = RequestOf<typeof alterConfigsApi>;
export type AlterConfigsRequestValue = RequestBodyOf<typeof alterConfigsApi>;
export type AlterConfigsResponseBody = ResponseOf<typeof alterConfigsApi>;
export type AlterConfigsResponseValue = ResponseBodyOf<typeof alterConfigsApi>;
