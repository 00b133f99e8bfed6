/**
 * ApiVersions (key 18), versions 0-4.
 *
 * v3 flexible (the response header is not, KIP-511), the client's software · v4 features whose lowest level is 0 may be
 * listed (KAFKA-17011). A version that we do not know is answered in v0 with UNSUPPORTED_VERSION and this API's range.
 */
import { api, type RequestBodyOf, type RequestOf, type ResponseBodyOf, type ResponseOf } from '../api.js';
import { array, bool, int16, int32, int64, string, struct } from '../schema/fields.js';

export const apiVersionsApi = api({
  key: 18,
  name: 'ApiVersions',
  versions: '0-4',
  flexible: '3+',
  request: struct({
    clientSoftwareName: string({ versions: '3+', default: '' }),
    clientSoftwareVersion: string({ versions: '3+', default: '' }),
  }),
  response: struct({
    errorCode: int16(),
    apiKeys: array(struct({ apiKey: int16(), minVersion: int16(), maxVersion: int16() })),
    throttleTimeMs: int32({ versions: '1+', default: 0 }),
    supportedFeatures: array(struct({ name: string(), minVersion: int16(), maxVersion: int16() }), { versions: '3+', tag: 0, default: [] }),
    finalizedFeaturesEpoch: int64({ versions: '3+', tag: 1, default: -1 }),
    finalizedFeatures: array(struct({ name: string(), maxVersionLevel: int16(), minVersionLevel: int16() }), {
      versions: '3+',
      tag: 2,
      default: [],
    }),
    zkMigrationReady: bool({ versions: '3+', tag: 3, default: false }),
  }),
});

export type ApiVersionsRequestBody = RequestOf<typeof apiVersionsApi>;
export type ApiVersionsRequestValue = RequestBodyOf<typeof apiVersionsApi>;
export type ApiVersionsResponseBody = ResponseOf<typeof apiVersionsApi>;
export type ApiVersionsResponseValue = ResponseBodyOf<typeof apiVersionsApi>;
