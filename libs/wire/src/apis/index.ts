/** All APIs that YaK speaks, by key. The list of files in this folder is the protocol table. */
import type { Api } from '../api.js';
import { produceApi } from './00-produce.js';
import { fetchApi } from './01-fetch.js';
import { listOffsetsApi } from './02-list-offsets.js';
import { metadataApi } from './03-metadata.js';
import { apiVersionsApi } from './18-api-versions.js';
import { initProducerIdApi } from './22-init-producer-id.js';

export * from './00-produce.js';
export * from './01-fetch.js';
export * from './02-list-offsets.js';
export * from './03-metadata.js';
export * from './18-api-versions.js';
export * from './22-init-producer-id.js';

export const ALL_APIS: readonly Api[] = [produceApi, fetchApi, listOffsetsApi, metadataApi, apiVersionsApi, initProducerIdApi];
