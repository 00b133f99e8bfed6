/** Configs as they are in force: of topics from any broker, of a broker from that very one, since each speaks only for itself. */
import { YakError } from '#kernel';
import type { DescribeConfigsRequest, DescribeConfigsResponse, MetadataResponse } from '#rpc';
import { withTimeout } from '#seams';
import type { ClientCore } from './client-core.js';

type Resource = DescribeConfigsRequest['resources'][number];
type Described = DescribeConfigsResponse['resources'][number];

export interface ConfigQuestions {
  readonly core: ClientCore;
  readonly attemptTimeoutMs: number;
  readonly askAny: (request: DescribeConfigsRequest) => Promise<DescribeConfigsResponse>;
  readonly metadata: () => Promise<MetadataResponse>;
}

/** In the order of the request. A broker that does not answer is an error of its resource. */
export async function describeConfigs(questions: ConfigQuestions, { resources }: DescribeConfigsRequest): Promise<DescribeConfigsResponse> {
  const isOfOneBroker = ({ type, name }: Resource): boolean => type === 'broker' && name !== '';
  const anybodys = resources.filter((resource) => !isOfOneBroker(resource));
  const [shared, brokers] = await Promise.all([
    anybodys.length > 0 ? questions.askAny({ resources: anybodys }) : { resources: [] },
    anybodys.length < resources.length ? questions.metadata().then((metadata) => metadata.brokers) : [],
  ]);
  let next = 0;
  return {
    resources: await Promise.all(
      resources.map((resource) => (isOfOneBroker(resource) ? askBroker(questions, brokers, resource) : shared.resources[next++]!)),
    ),
  };
}

async function askBroker(
  { core, attemptTimeoutMs }: ConfigQuestions,
  brokers: MetadataResponse['brokers'],
  resource: Resource,
): Promise<Described> {
  const { type, name } = resource;
  const failed = (message: string): Described => ({ type, name, error: 'BROKER_NOT_AVAILABLE', message, configs: [] });
  const broker = brokers.find(({ id }) => String(id) === name);
  if (broker === undefined) return failed(`broker ${name} does not run; those that do are ${brokers.map(({ id }) => id).join(', ')}`);
  const address = { host: broker.host, port: broker.port };
  const asked = core.pool
    .get(address, 'metadata')
    .then((client) => client.request('describeConfigs', { resources: [resource] }, { timeoutMs: attemptTimeoutMs }));
  try {
    const { resources } = await withTimeout(
      core.seams.scheduler,
      attemptTimeoutMs,
      asked,
      () => new YakError('REQUEST_TIMEOUT', 'no answer'),
    );
    return resources[0]!;
  } catch (error) {
    if (!core.anyNode.isWorthRepeating(error)) throw error;
    return failed(`broker ${name} did not answer: ${(error as Error).message}`);
  }
}
