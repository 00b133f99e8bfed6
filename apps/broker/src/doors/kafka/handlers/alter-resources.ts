/** What AlterConfigs and IncrementalAlterConfigs have in common: resources that go to the verb, and those that cannot. */
import type { AlterConfigsRequest, ConfigOperation } from '#rpc';
import type { HandlerEnvironment, KafkaRequest } from '../handler.js';
import { outcome, type Refusal, repeated, resourceType, UNKNOWN_RESOURCE_TYPE, undecided } from './admin-answers.js';

export interface AskedResource {
  readonly resourceType: number;
  readonly resourceName: string;
  /** What is to be done, or why not. */
  readonly operations: readonly ConfigOperation[] | Refusal;
}
export interface AlteredResource {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly resourceType: number;
  readonly resourceName: string;
}

/** Every resource is answered once. */
export async function alterResources(
  { broker }: HandlerEnvironment,
  { context, version }: KafkaRequest<unknown>,
  apiKey: number,
  asked: readonly AskedResource[],
  options: { readonly validateOnly: boolean; readonly replacesAll: boolean },
): Promise<AlteredResource[]> {
  const twice = repeated(asked.map(keyOf));
  const byKey = new Map(asked.map((resource) => [keyOf(resource), resource]));
  const answers: AlteredResource[] = [];
  const answer = (resource: AskedResource, refusal: Refusal): void => {
    const { resourceType, resourceName } = resource;
    answers.push({ ...outcome(apiKey, version, refusal), resourceType, resourceName });
  };
  const resources: AlterConfigsRequest['resources'][number][] = [];
  const sent = new Map<string, AskedResource>();
  for (const [key, resource] of byKey) {
    const type = resourceType(resource.resourceType);
    if (twice.has(key)) answer(resource, { error: 'INVALID_REQUEST', message: 'the resource is named more than once' });
    else if (type === null) answer(resource, UNKNOWN_RESOURCE_TYPE);
    else if ('error' in resource.operations) answer(resource, resource.operations);
    else {
      sent.set(`${type} ${resource.resourceName}`, resource);
      resources.push({ type, name: resource.resourceName, operations: resource.operations, replacesAll: options.replacesAll });
    }
  }
  if (resources.length === 0) return answers;
  try {
    const decided = await broker.admin.alterConfigs(context, { resources, validateOnly: options.validateOnly });
    for (const result of decided.resources) {
      const resource = sent.get(`${result.type} ${result.name}`);
      if (resource) answer(resource, result);
    }
  } catch (failure) {
    const refusal = undecided(failure);
    for (const resource of sent.values()) answer(resource, refusal);
  }
  return answers;
}

export function failedResources(
  { version }: KafkaRequest<unknown>,
  apiKey: number,
  asked: readonly { readonly resourceType: number; readonly resourceName: string }[],
  refusal: Refusal,
): AlteredResource[] {
  return asked.map(({ resourceType, resourceName }) => ({ ...outcome(apiKey, version, refusal), resourceType, resourceName }));
}

/** Kafka's rule for both APIs: every config once, and a value where one is needed. */
export function checkedOperations(operations: readonly ConfigOperation[]): readonly ConfigOperation[] | Refusal {
  const [again] = repeated(operations.map(({ name }) => name));
  if (again !== undefined) return { error: 'INVALID_REQUEST', message: `config ${again} is named more than once` };
  const withoutValue = operations.find(({ operation, value }) => operation !== 'delete' && value === null);
  if (withoutValue) return { error: 'INVALID_REQUEST', message: `config ${withoutValue.name} has no value` };
  return operations;
}

function keyOf({ resourceType, resourceName }: AskedResource): string {
  return `${resourceType} ${resourceName}`;
}
