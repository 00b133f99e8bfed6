/** As much as the cluster takes for some seconds, for looking at memory while it is busy. Values are random bytes: nothing shrinks. */
import { randomBytes } from 'node:crypto';
import type { Kafka } from 'kafkajs';

export interface Burst {
  readonly acknowledged: number;
  readonly failed: number;
  readonly megabytesPerSecond: number;
  readonly errors: readonly string[];
}

const PARTITIONS = 6;

export async function burst(kafka: Kafka, topic: string, seconds: number, recordBytes: number): Promise<Burst> {
  const admin = kafka.admin();
  await admin.connect();
  if (!(await admin.listTopics()).includes(topic)) {
    await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 3 }], waitForLeaders: true });
  }
  await admin.disconnect();
  let acknowledged = 0;
  let failed = 0;
  const errors = new Set<string>();
  const value = randomBytes(recordBytes);
  const began = performance.now();
  await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      const producer = kafka.producer();
      await producer.connect();
      while (performance.now() - began < seconds * 1_000) {
        const messages = Array.from({ length: 5 }, () => ({ partition, value }));
        try {
          await producer.send({ topic, acks: -1, messages });
          acknowledged += messages.length;
        } catch (error) {
          failed += messages.length;
          errors.add(String(error));
        }
      }
      await producer.disconnect();
    }),
  );
  const elapsed = (performance.now() - began) / 1_000;
  const megabytesPerSecond = Math.round((acknowledged * recordBytes) / 1e5 / elapsed) / 10;
  return { acknowledged, failed, megabytesPerSecond, errors: [...errors].slice(0, 5) };
}
