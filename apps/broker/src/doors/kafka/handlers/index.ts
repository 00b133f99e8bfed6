/** Handlers by api key. Every API that is described must have one (handlers.spec in the door's spec checks it). */
import { erased, type Handler } from '../handler.js';
import { produceHandler } from './00-produce.js';
import { fetchHandler } from './01-fetch.js';
import { listOffsetsHandler } from './02-list-offsets.js';
import { metadataHandler } from './03-metadata.js';
import { apiVersionsHandler } from './18-api-versions.js';
import { initProducerIdHandler } from './22-init-producer-id.js';

export const HANDLERS: readonly (Handler | undefined)[] = byKey([
  erased(produceHandler),
  erased(fetchHandler),
  erased(listOffsetsHandler),
  erased(metadataHandler),
  erased(apiVersionsHandler),
  erased(initProducerIdHandler),
]);

function byKey(handlers: readonly Handler[]): (Handler | undefined)[] {
  const table: (Handler | undefined)[] = [];
  for (const handler of handlers) table[handler.api.key] = handler;
  return Array.from(table);
}
