/** DescribeConfigs: topics from any broker, a broker's own from itself. Only configs that act are listed. */
import type { ConfigEntry, DescribeConfigsRequest } from '#rpc';
import { type DescribeConfigsRequestBody, type DescribeConfigsResponseValue, describeConfigsApi } from '#wire';
import type { Handler } from '../handler.js';
import { CONFIG_SOURCES, outcome, type Refusal, resourceType, UNKNOWN_RESOURCE_TYPE } from './admin-answers.js';

type Asked = DescribeConfigsRequestBody['resources'][number];
type Answer = DescribeConfigsResponseValue['results'][number];

const CONFIG_TYPES = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 } as const;
/** All configs of one resource with synonyms and documentation, roughly. */
const RESOURCE_BYTES = 10_000;

export const describeConfigsHandler: Handler<typeof describeConfigsApi> = {
  api: describeConfigsApi,
  limitations: [
    'Only configs that act are listed: what Kafka has beyond docs/configs.md does not appear, with or without being asked for by name.',
    'Topics and brokers have configs. Every config of a broker is read-only: it is read at start. The cluster-wide default of brokers is empty.',
    'Groups, loggers and client metrics get INVALID_REQUEST.',
  ],

  async handle({ broker }, { body, context, version }) {
    const asked = body.resources.map((resource) => ({ resource, type: resourceType(resource.resourceType) }));
    const resources = asked.flatMap(({ resource, type }) => (type === null ? [] : [toVerb(resource, type)]));
    const described = resources.length === 0 ? [] : (await broker.admin.describeConfigs(context, { resources })).resources;
    let next = 0;
    return {
      results: asked.map(({ resource, type }) => {
        if (type === null) return answer(version, resource, UNKNOWN_RESOURCE_TYPE, []);
        const result = described[next++]!;
        return answer(
          version,
          resource,
          result,
          result.configs.map((config) => entry(body, config)),
        );
      }),
    };
  },

  failed: ({ body, version }, error) => ({ results: body.resources.map((resource) => answer(version, resource, { error }, [])) }),

  replyBytesMax: ({ resources }) => resources.length * RESOURCE_BYTES,
};

/** As in Kafka, no names at all means every name. */
function toVerb(
  { resourceName, configurationKeys }: Asked,
  type: DescribeConfigsRequest['resources'][number]['type'],
): DescribeConfigsRequest['resources'][number] {
  return { type, name: resourceName, names: configurationKeys === null || configurationKeys.length === 0 ? null : configurationKeys };
}

function entry({ includeSynonyms, includeDocumentation }: DescribeConfigsRequestBody, config: ConfigEntry): Answer['configs'][number] {
  return {
    name: config.name,
    value: config.value,
    readOnly: config.isReadOnly,
    configSource: CONFIG_SOURCES[config.source],
    isSensitive: config.isSensitive,
    synonyms: includeSynonyms ? config.synonyms.map(({ name, value, source }) => ({ name, value, source: CONFIG_SOURCES[source] })) : [],
    configType: CONFIG_TYPES[config.type],
    documentation: includeDocumentation ? config.documentation : null,
  };
}

function answer(version: number, { resourceType, resourceName }: Asked, refusal: Refusal, configs: Answer['configs']): Answer {
  return { ...outcome(describeConfigsApi.key, version, refusal), resourceType, resourceName, configs };
}
