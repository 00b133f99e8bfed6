/**
 * Until KafkaJS consumers are at rest after the death of a broker: leaders are where they belong, and each consumer has since
 * fetched from all of them and had a heartbeat answered. Only then may it be disconnected: KafkaJS 2.2.4 makes its fetchers anew
 * when brokers come and go, and one that is disconnected just then goes on forever, without pause (fetchManager.js starts them
 * again after the stop); and it does not try a second time to leave a group whose coordinator has moved.
 */
import type { Consumer } from 'kafkajs';
import type { LocalCluster } from '../../e2e/support/local-cluster.js';
import { kafkaClient } from './fed-topic.js';
import { until } from './until.js';

export async function areSettled(
  cluster: LocalCluster,
  consumers: readonly { consumer: Consumer; topics: readonly string[] }[],
): Promise<void> {
  const admin = kafkaClient(cluster).admin();
  await admin.connect();
  const leadersOf = async (topics: readonly string[]): Promise<Set<number> | null> => {
    const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
    const partitions = metadata.topics.flatMap((topic) => topic.partitions);
    const isAtRest = partitions.every(({ leader, replicas, isr }) => leader === replicas[0] && isr.length === replicas.length);
    return isAtRest ? new Set(partitions.map(({ leader }) => leader)) : null;
  };
  await until(
    () =>
      leadersOf(['__consumer_offsets', ...consumers.flatMap(({ topics }) => topics)]).then(
        (leaders) => leaders !== null,
        () => false,
      ),
    40_000,
    'every partition to be led by its first replica',
  );
  await Promise.all(
    consumers.map(async ({ consumer, topics }) => {
      const expected = (await leadersOf(topics)) ?? new Set<number>();
      const fetchedFrom = new Set<number>();
      let heartbeats = 0;
      const stops = [
        consumer.on('consumer.fetch', ({ payload }) => void fetchedFrom.add((payload as { nodeId?: number }).nodeId ?? -1)),
        consumer.on('consumer.heartbeat', () => void heartbeats++),
      ];
      await until(
        () => heartbeats > 0 && [...expected].every((leader) => fetchedFrom.has(leader)),
        40_000,
        `KafkaJS to fetch ${topics} from ${[...expected]}`,
        () => `it did from ${[...fetchedFrom]}, with ${heartbeats} heartbeats`,
      );
      for (const stop of stops) stop();
    }),
  );
  await admin.disconnect();
}
