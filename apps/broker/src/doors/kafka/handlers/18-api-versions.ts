/** ApiVersions: what this door serves, and who is asking (KIP-511). No feature is finalized before it exists. */
import { type ApiVersionsResponseValue, apiVersionsApi, errorCode } from '#wire';
import type { Handler } from '../handler.js';
import { ADVERTISED_APIS } from './advertised.js';

const FIRST_SOFTWARE_VERSION = 3;
/** A name or version of software as Kafka accepts it. */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

export const apiVersionsHandler: Handler<typeof apiVersionsApi> = {
  api: apiVersionsApi,
  limitations: ['No features are supported or finalized.'],

  handle(_environment, request) {
    const { clientSoftwareName: name, clientSoftwareVersion: version } = request.body;
    if (request.version >= FIRST_SOFTWARE_VERSION) {
      if (!SOFTWARE.test(name) || !SOFTWARE.test(version)) return { errorCode: errorCode('INVALID_REQUEST'), apiKeys: [] };
      request.nameSoftware({ name, version });
    }
    return { errorCode: 0, apiKeys: ADVERTISED_APIS };
  },

  failed: (_request, error) => ({ errorCode: errorCode(error), apiKeys: [] }),
};

/** In v0, whatever was asked: the asker retries with a version of this range. */
export const UNSUPPORTED_API_VERSIONS: ApiVersionsResponseValue = {
  errorCode: errorCode('UNSUPPORTED_VERSION'),
  apiKeys: [{ apiKey: apiVersionsApi.key, minVersion: apiVersionsApi.advertised.min, maxVersion: apiVersionsApi.advertised.max }],
};
