import type { ConfigEntry, ConfigResourceType, DescribeConfigsRequest } from '#rpc';
import { FakeCluster } from './testing/fake-cluster.js';

/** Every broker describes itself and all topics, and says who it is in the documentation. */
async function world(seed: number): Promise<FakeCluster> {
  const cluster = await FakeCluster.start(seed);
  for (const id of cluster.brokerIds) {
    const entry = (name: string): ConfigEntry => ({
      name,
      value: '1',
      source: 'default',
      isReadOnly: false,
      isSensitive: false,
      type: 'int',
      documentation: `of broker ${id}`,
      synonyms: [],
    });
    Object.assign(cluster.served.get(id)!, {
      describeConfigs: async ({ resources }: DescribeConfigsRequest) => ({
        resources: resources.map(({ type, name }) => ({ type, name, error: 'NONE', configs: [entry(name)] })),
      }),
    });
  }
  return cluster;
}

const asked = (...names: [ConfigResourceType, string][]) => ({ resources: names.map(([type, name]) => ({ type, name, names: null })) });

describe('configs', () => {
  it('of a broker are asked of that broker, those of topics of anybody, and answered in the order of the question', async () => {
    const cluster = await world(1);
    const { admin } = cluster.client();
    const { resources } = await cluster.world.settle(
      admin.describeConfigs(asked(['broker', '2'], ['topic', 't'], ['broker', '0'], ['broker', ''], ['topic', 'u'])),
    );
    expect(resources.map(({ type, name }) => `${type} ${name}`)).toEqual(['broker 2', 'topic t', 'broker 0', 'broker ', 'topic u']);
    expect(resources[0]!.configs[0]!.documentation).toBe('of broker 2');
    expect(resources[2]!.configs[0]!.documentation).toBe('of broker 0');
  });

  it('of a broker that does not run or does not answer are an error of that one', async () => {
    const cluster = await world(2);
    const { admin } = cluster.client();
    cluster.broker(1).kill();
    const { resources } = await cluster.world.settle(admin.describeConfigs(asked(['broker', '1'], ['broker', '7'], ['broker', '2'])));
    expect(resources.map(({ error }) => error)).toEqual(['BROKER_NOT_AVAILABLE', 'BROKER_NOT_AVAILABLE', 'NONE']);
    expect(resources[1]!.message).toBe('broker 7 does not run; those that do are 0, 1, 2');
  });
});

describe('changes whose answer was lost', () => {
  it('say so when the repeat finds the partitions there already', async () => {
    const cluster = await world(3);
    let isLost = false;
    for (const id of cluster.brokerIds) {
      Object.assign(cluster.served.get(id)!, {
        createPartitions: async () => {
          if (isLost) return { topics: [{ name: 't', error: 'INVALID_PARTITIONS', message: 'topic t has 5 partitions' }] };
          isLost = true;
          cluster.broker(id).kill();
          return { topics: [{ name: 't', error: 'NONE' }] };
        },
      });
    }
    const { admin } = cluster.client({ retryBackoffMs: 5 });
    const { topics } = await cluster.world.settle(admin.createPartitions({ topics: [{ name: 't', totalCount: 5 }] }));
    expect(topics[0]).toMatchObject({
      error: 'INVALID_PARTITIONS',
      message: expect.stringMatching(/5 partitions \(an attempt before this one/),
    });
  });
});
