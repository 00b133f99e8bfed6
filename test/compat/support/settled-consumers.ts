/**
 * Until KafkaJS consumers are at rest after the death of a broker: leaders are where they belong, and each consumer has had
 * heartbeats answered since. Only then may it be disconnected: KafkaJS 2.2.4 makes its fetchers anew when brokers come and go, and
 * one that is disconnected just then goes on forever, without pause (fetchManager.js starts them again after the stop); and it
 * does not try a second time to leave a group whose coordinator has moved.
 */
import type { Consumer } from 'kafkajs';
import type { LocalCluster } from '../../e2e/support/local-cluster.js';
import { until } from '../../e2e/support/until.js';
import { kafkaClient } from './fed-topic.js';

/** More than one fetch takes (maxWaitTimeInMs of the tests) at their intervals of heartbeats. */
const HEARTBEATS = 3;

export async function areSettled(cluster: LocalCluster, consumers: readonly Consumer[], topics: readonly string[]): Promise<void> {
  const admin = kafkaClient(cluster).admin();
  await admin.connect();
  const isLedAsPreferred = async (): Promise<boolean> => {
    const metadata = await admin.fetchTopicMetadata({ topics: ['__consumer_offsets', ...topics] });
    const partitions = metadata.topics.flatMap((topic) => topic.partitions);
    return partitions.every(({ leader, replicas, isr }) => leader === replicas[0] && isr.length === replicas.length);
  };
  await until(() => isLedAsPreferred().catch(() => false), 40_000, 'every partition to be led by its first replica');
  await admin.disconnect();
  await Promise.all(
    consumers.map(async (consumer) => {
      let heartbeats = 0;
      const stop = consumer.on('consumer.heartbeat', () => void heartbeats++);
      await until(() => heartbeats >= HEARTBEATS, 30_000, 'heartbeats of a KafkaJS consumer to be answered');
      stop();
    }),
  );
}
