/**
 * DescribeConfigs (key 32), versions 1-4.
 *
 * v1 synonyms and where a value comes from · v3 types and documentation · v4 flexible.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, bool, int8, int16, int32, string, struct } from '../schema/fields.js';

export const describeConfigsApi = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: '1-4',
  flexible: '4+',
  request: struct({
    resources: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        configurationKeys: array(string(), { nullable: '0+' }),
      }),
    ),
    includeSynonyms: bool({ versions: '1+', default: false }),
    includeDocumentation: bool({ versions: '3+', default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    results: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: '0+' }),
        resourceType: int8(),
        resourceName: string(),
        configs: array(
          struct({
            name: string(),
            value: string({ nullable: '0+' }),
            readOnly: bool(),
            configSource: int8({ versions: '1+', default: -1 }),
            isSensitive: bool(),
            synonyms: array(struct({ name: string(), value: string({ nullable: '0+' }), source: int8() }), {
              versions: '1+',
              default: [],
            }),
            configType: int8({ versions: '3+', default: 0 }),
            documentation: string({ versions: '3+', nullable: '0+', default: null }),
          }),
        ),
      }),
    ),
  }),
});

export type DescribeConfigsRequestBody = RequestOf<typeof describeConfigsApi>;
export type DescribeConfigsRequestValue = RequestBodyOf<typeof describeConfigsApi>;
export type DescribeConfigsResponseBody = ResponseOf<typeof describeConfigsApi>;
export type DescribeConfigsResponseValue = ResponseBodyOf<typeof describeConfigsApi>;
