/**
 * Reads a topic from its beginning to its end as of now, with a consumer of its own group, and judges it: every acknowledged
 * record is there once, at the offset that the producer was told, and the records of a flow are in the order of sending.
 */
import type { Kafka } from 'kafkajs';

export interface Expected {
  readonly flow: string;
  /** False for a producer without idempotence: its retries may write a record twice, which is what it is entitled to. */
  readonly once: boolean;
  readonly acknowledged: ReadonlyMap<number, number>;
}

export interface ReadBack {
  readonly records: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly twice: number;
  readonly elsewhere: number;
  readonly outOfOrder: number;
  /** The first few of what is wrong, in words. */
  readonly wrong: readonly string[];
}

export async function readBack(kafka: Kafka, topic: string, groupId: string, expected: readonly Expected[]): Promise<ReadBack> {
  const found = new Map<string, Map<number, number[]>>(expected.map(({ flow }) => [flow, new Map()]));
  const order = new Map<string, { previousId: number; outOfOrder: number }>();
  let records = 0;
  await readAll(kafka, topic, groupId, (value, offset) => {
    records++;
    const colon = value.lastIndexOf(':');
    const flow = value.slice(0, colon);
    const id = Number(value.slice(colon + 1));
    const ids = found.get(flow);
    if (ids === undefined) return;
    const before = order.get(flow) ?? { previousId: -1, outOfOrder: 0 };
    if (id < before.previousId) before.outOfOrder++;
    before.previousId = id;
    order.set(flow, before);
    const seen = ids.get(id);
    if (seen === undefined) ids.set(id, [offset]);
    else seen.push(offset);
  });
  return judge(expected, found, order, records);
}

function judge(
  expected: readonly Expected[],
  found: ReadonlyMap<string, ReadonlyMap<number, number[]>>,
  order: ReadonlyMap<string, { outOfOrder: number }>,
  records: number,
): ReadBack {
  const wrong: string[] = [];
  const tell = (text: string) => {
    if (wrong.length < 20) wrong.push(text);
  };
  let acknowledged = 0;
  let lost = 0;
  let twice = 0;
  let elsewhere = 0;
  let outOfOrder = 0;
  for (const { flow, once, acknowledged: acks } of expected) {
    const ids = found.get(flow)!;
    acknowledged += acks.size;
    for (const [id, offset] of acks) {
      const seen = ids.get(id);
      if (seen === undefined) {
        lost++;
        tell(`${flow}:${id}, acknowledged at offset ${offset}, is not there`);
      } else if (offset >= 0 && !seen.includes(offset)) {
        elsewhere++;
        tell(`${flow}:${id} was acknowledged at offset ${offset} and is at ${seen.join(', ')}`);
      }
    }
    if (!once) continue;
    for (const [id, seen] of ids) {
      if (seen.length === 1) continue;
      twice++;
      tell(`${flow}:${id} is there ${seen.length} times, at ${seen.join(', ')}`);
    }
    const behind = order.get(flow)?.outOfOrder ?? 0;
    outOfOrder += behind;
    if (behind > 0) tell(`${flow}: ${behind} records come after a later one`);
  }
  return { records, acknowledged, lost, twice, elsewhere, outOfOrder, wrong };
}

/** Calls `each` for every record up to the end that the topic had at the start; a group of its own, nothing is committed. */
export async function readAll(kafka: Kafka, topic: string, groupId: string, each: (value: string, offset: number) => void): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect());
  const open = new Map(ends.filter(({ high }) => Number(high) > 0).map(({ partition, high }) => [partition, Number(high)]));
  if (open.size === 0) return;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, sessionTimeout: 10_000, heartbeatInterval: 1_000 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  try {
    await new Promise<void>((resolve, reject) => {
      const timeout = setTimeout(() => {
        reject(new Error(`reading ${topic} back took over 120 s; still open up to ${JSON.stringify([...open])}`));
      }, 120_000);
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      consumer
        .run({
          autoCommit: false,
          eachBatch: async ({ batch }) => {
            const end = open.get(batch.partition);
            if (end === undefined) return;
            for (const { offset, value } of batch.messages) if (Number(offset) < end) each(value!.toString(), Number(offset));
            if (Number(batch.lastOffset()) + 1 >= end) open.delete(batch.partition);
            if (open.size > 0) return;
            clearTimeout(timeout);
            resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}
