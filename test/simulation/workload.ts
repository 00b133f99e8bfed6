/**
 * Real producers (acks=all, idempotent) and one real consumer, and what they were told. Values are unique and say who sent
 * them in which order, so that loss, duplication and reordering can be read off any copy of the data.
 */
import type { Client, Consumer, Producer } from '#client';
import type { Checkers } from './checkers.js';
import { Violation } from './checkers.js';
import type { SimCluster } from './cluster.js';
import type { SwarmOptions } from './swarm-options.js';

export interface Acknowledged {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

/** `producer:partition:sequence:padding`; the sequence counts what that producer sent to that partition. */
export interface ParsedValue {
  readonly producer: number;
  readonly partition: number;
  readonly sequence: number;
}

export function parseValue(value: string): ParsedValue {
  const [producer, partition, sequence] = value.split(':', 3).map(Number);
  return { producer: producer!, partition: partition!, sequence: sequence! };
}

export class Workload {
  readonly acknowledged: Acknowledged[] = [];
  /** What the consumer was given, per partition, from offset 0. */
  readonly consumed: string[][];
  sent = 0;
  retries = 0;
  private unsettled = 0;
  private readonly producers: Producer[] = [];
  private consumer: Consumer | null = null;

  constructor(
    private readonly cluster: SimCluster,
    private readonly checkers: Checkers,
    private readonly options: SwarmOptions,
  ) {
    this.consumed = Array.from({ length: options.partitions }, () => []);
  }

  get isSent(): boolean {
    return this.sent === this.options.records && this.unsettled === 0;
  }

  /** Sends the records in bursts over the planned time and reads everything back as it becomes readable. */
  start(): void {
    const client = this.cluster.client();
    this.startConsumer(client);
    const perProducer = Math.ceil(this.options.records / this.options.producers);
    for (let index = 0; index < this.options.producers; index++) {
      const count = Math.min(perProducer, this.options.records - index * perProducer);
      this.startProducer(client, index, count);
    }
  }

  /** Everything below the committed end was read. */
  get hasConsumedAll(): boolean {
    return this.consumed.every((values, partition) => values.length >= this.checkers.committedEnd(partition));
  }

  describe(): string {
    const read = this.consumed.map((values, partition) => `${values.length} of ${this.checkers.committedEnd(partition)}`).join(', ');
    return `sent ${this.sent} of ${this.options.records}, unanswered ${this.unsettled}, consumed per partition ${read}`;
  }

  stop(): void {
    this.retries = this.producers.reduce((sum, producer) => sum + producer.metrics.retries, 0);
    void this.consumer?.close();
  }

  private startProducer(client: Client, index: number, count: number): void {
    const { clientProcess, world } = this.cluster;
    const random = world.random.fork(`producer/${index}`);
    const { batchBytes, lingerMs, durationMs, partitions, valueBytesMax } = this.options;
    const producer = client.producer({ acks: -1, idempotent: true, batchBytes, lingerMs, deliveryTimeoutMs: 180_000 });
    this.producers.push(producer);
    const sequences = new Array<number>(partitions).fill(0);
    let left = count;
    while (left > 0) {
      const burst = Math.min(left, random.between(1, 12));
      left -= burst;
      clientProcess.run(
        'burst',
        () => {
          for (let record = 0; record < burst; record++) {
            const partition = random.integer(partitions);
            const head = `${index}:${partition}:${sequences[partition]!++}:`;
            this.send(producer, partition, head.padEnd(random.integer(valueBytesMax), 'abcdefghij'));
          }
        },
        random.integer(durationMs),
      );
    }
  }

  private send(producer: Producer, partition: number, value: string): void {
    this.sent++;
    this.unsettled++;
    producer.send({ topic: this.cluster.topic, partition, key: null, value: Buffer.from(value) }).then(
      (result) => {
        this.unsettled--;
        this.acknowledge({ partition: result.partition, offset: result.offset, value });
      },
      (error) => this.cluster.world.fail(new Violation('H1', `a record was given up: ${error.message}`)),
    );
  }

  private acknowledge(record: Acknowledged): void {
    this.checkers.check();
    if (record.offset >= this.checkers.committedEnd(record.partition)) {
      const end = this.checkers.committedEnd(record.partition);
      this.cluster.world.fail(
        new Violation('S6', `offset ${record.offset} of partition ${record.partition} was acknowledged, committed end is ${end}`),
      );
    }
    this.acknowledged.push(record);
  }

  private startConsumer(client: Client): void {
    const consumer = client.consumer({ topic: this.cluster.topic, from: 'earliest', maxWaitMs: 500 });
    this.consumer = consumer;
    const read = async () => {
      for await (const records of consumer) {
        this.checkers.check();
        for (const record of records) this.take(record.partition, record.offset, record.value!.toString());
      }
    };
    this.cluster.clientProcess.run('consume', () => void read().catch((error) => this.cluster.world.fail(error)));
  }

  private take(partition: number, offset: number, value: string): void {
    const values = this.consumed[partition]!;
    if (offset !== values.length)
      throw new Violation('H5', `consumer of partition ${partition} got offset ${offset} after ${values.length - 1}`);
    const end = this.checkers.committedEnd(partition);
    if (offset >= end) throw new Violation('S6', `offset ${offset} of partition ${partition} was served, committed end is ${end}`);
    values.push(value);
  }
}
