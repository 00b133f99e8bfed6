/** So many records through all partitions of a topic and back: that it works, not how fast. */
import type { Kafka } from 'kafkajs';
import { readAll } from './read-back.js';

let trips = 0;

export interface RoundTrip {
  readonly sent: number;
  /** Distinct records of this trip that came back. */
  readonly received: number;
}

export async function roundTrip(kafka: Kafka, topic: string, records: number): Promise<RoundTrip> {
  const trip = `trip-${process.pid}-${Math.round(performance.timeOrigin)}-${++trips}`;
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const admin = kafka.admin();
  await admin.connect();
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  await admin.disconnect();
  const partitions = topics[0]!.partitions.length;
  for (let partition = 0; partition < partitions; partition++) {
    // One partition a send: KafkaJS 2.2.4 may take a send over several for done when a leader moves between brokers that answered.
    const messages = Array.from({ length: records }, (_, id) => id)
      .filter((id) => id % partitions === partition)
      .map((id) => ({ partition, value: `${trip}:${id}` }));
    if (messages.length > 0) await producer.send({ topic, acks: -1, messages });
  }
  await producer.disconnect();
  const received = new Set<string>();
  await readAll(kafka, topic, trip, (value) => {
    if (value.startsWith(`${trip}:`)) received.add(value);
  });
  return { sent: records, received: received.size };
}
