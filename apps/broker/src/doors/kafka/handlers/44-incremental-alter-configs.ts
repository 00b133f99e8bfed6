/** IncrementalAlterConfigs: what is not named stays as it is. */
import type { ConfigOperation } from '#rpc';
import { type IncrementalAlterConfigsRequestBody, incrementalAlterConfigsApi } from '#wire';
import type { Handler } from '../handler.js';
import type { Refusal } from './admin-answers.js';
import { type AskedResource, alterResources, checkedOperations, failedResources } from './alter-resources.js';

const OPERATIONS = ['set', 'delete', 'append', 'subtract'] as const;

export const incrementalAlterConfigsHandler: Handler<typeof incrementalAlterConfigsApi> = {
  api: incrementalAlterConfigsApi,
  limitations: ['Only topics have configs that can be changed; those of brokers are read at start (INVALID_REQUEST).'],

  async handle(environment, request) {
    const { resources, validateOnly } = request.body;
    const options = { validateOnly, replacesAll: false };
    return { responses: await alterResources(environment, request, incrementalAlterConfigsApi.key, resources.map(toAsked), options) };
  },

  failed: (request, error) => ({ responses: failedResources(request, incrementalAlterConfigsApi.key, request.body.resources, { error }) }),
};

function toAsked({ resourceType, resourceName, configs }: IncrementalAlterConfigsRequestBody['resources'][number]): AskedResource {
  return { resourceType, resourceName, operations: operationsOf(configs) };
}

function operationsOf(configs: IncrementalAlterConfigsRequestBody['resources'][number]['configs']): readonly ConfigOperation[] | Refusal {
  const operations: ConfigOperation[] = [];
  for (const { name, configOperation, value } of configs) {
    const operation = OPERATIONS[configOperation];
    if (operation === undefined) return { error: 'INVALID_REQUEST', message: `config ${name}: there is no operation ${configOperation}` };
    operations.push({ name, operation, value: operation === 'delete' ? null : value });
  }
  return checkedOperations(operations);
}
