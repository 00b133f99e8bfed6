/** AlterConfigs: the whole set at once; what is not named goes back to its default. */
import { type AlterConfigsRequestBody, alterConfigsApi } from '#wire';
import type { Handler } from '../handler.js';
import { type AskedResource, alterResources, checkedOperations, failedResources } from './alter-resources.js';

export const alterConfigsHandler: Handler<typeof alterConfigsApi> = {
  api: alterConfigsApi,
  limitations: ['Only topics have configs that can be changed; those of brokers are read at start (INVALID_REQUEST).'],

  async handle(environment, request) {
    const { resources, validateOnly } = request.body;
    const options = { validateOnly, replacesAll: true };
    return { responses: await alterResources(environment, request, alterConfigsApi.key, resources.map(toAsked), options) };
  },

  failed: (request, error) => ({ responses: failedResources(request, alterConfigsApi.key, request.body.resources, { error }) }),
};

function toAsked({ resourceType, resourceName, configs }: AlterConfigsRequestBody['resources'][number]): AskedResource {
  const operations = configs.map(({ name, value }) => ({ name, operation: 'set' as const, value }));
  return { resourceType, resourceName, operations: checkedOperations(operations) };
}
