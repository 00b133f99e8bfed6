/**
 * Load from clients as people use them, at a steady rate and with acks=all, until it is stopped: our own client, KafkaJS and
 * kcat (librdkafka), each with the defaults of its library, and a group of each that reads along. Every record is a number of its own, so that
 * reading back tells lost from doubled ones. A failed send is one that the library told its user of, after its own retries.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Consumer, Kafka, type Producer as KafkaJsProducer, logLevel } from 'kafkajs';
import type { GroupConsumer, Producer, YakClient } from '#client';
import { type Running, start } from './commands.js';

const TURN_MS = 20;

export interface Load {
  readonly name: string;
  readonly topic: string;
  /** Values that were acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
  readonly failures: readonly string[];
  /** From the start of a send to its acknowledgement; null where the client does not tell. */
  readonly longestSendMs: number | null;
  /** Ends after everything that was begun is settled. */
  stop(): Promise<void>;
}

/** Acknowledged values, failures and the longest wait, as one sender sees them. */
class Sent {
  readonly acknowledged = new Set<string>();
  readonly failures: string[] = [];
  longestSendMs = 0;

  async note(values: readonly string[], send: () => Promise<unknown>): Promise<void> {
    const began = performance.now();
    try {
      await send();
      for (const value of values) this.acknowledged.add(value);
    } catch (error) {
      this.failures.push(`${values[0]} after ${Math.round(performance.now() - began)} ms: ${String(error)}`);
    }
    this.longestSendMs = Math.max(this.longestSendMs, performance.now() - began);
  }
}

/** Our own client: sends that do not wait for each other, over all partitions. */
export class OwnLoad implements Load {
  readonly name = 'own client';
  private readonly sent = new Sent();
  private readonly open = new Set<Promise<void>>();
  private readonly producer: Producer;
  private readonly done: Promise<void>;
  private isOver = false;

  constructor(
    client: YakClient,
    readonly topic: string,
    private readonly partitions: number,
  ) {
    this.producer = client.producer();
    this.done = this.run();
  }

  get acknowledged(): ReadonlySet<string> {
    return this.sent.acknowledged;
  }
  get failures(): readonly string[] {
    return this.sent.failures;
  }
  get longestSendMs(): number {
    return this.sent.longestSendMs;
  }

  private async run(): Promise<void> {
    for (let number = 0; !this.isOver; ) {
      for (let i = 0; i < 2 * this.partitions; i++, number++) {
        const value = String(number);
        const partition = number % this.partitions;
        const one = this.sent.note([value], () => this.producer.send({ topic: this.topic, partition, value: Buffer.from(value) }));
        this.open.add(one);
        void one.then(() => this.open.delete(one));
      }
      await sleep(TURN_MS);
    }
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.done;
    await Promise.all(this.open);
    await this.producer.close();
  }
}

/**
 * KafkaJS with its defaults, one loop per partition. Not one send over several partitions: KafkaJS 2.2.4 takes such a send for
 * done when the leader of one of them moves to a broker that had answered for another one, and has not sent that part.
 */
export class KafkaJsLoad implements Load {
  readonly name = 'KafkaJS';
  private readonly sent = new Sent();
  private readonly done: Promise<unknown>;
  private isOver = false;
  private number = 0;

  private constructor(
    private readonly producer: KafkaJsProducer,
    readonly topic: string,
    partitions: number,
  ) {
    this.done = Promise.all(Array.from({ length: partitions }, (_, partition) => this.run(partition)));
  }

  static async start(bootstrap: string, topic: string, partitions: number): Promise<KafkaJsLoad> {
    const producer = kafkaJs(bootstrap).producer();
    await producer.connect();
    return new KafkaJsLoad(producer, topic, partitions);
  }

  get acknowledged(): ReadonlySet<string> {
    return this.sent.acknowledged;
  }
  get failures(): readonly string[] {
    return this.sent.failures;
  }
  get longestSendMs(): number {
    return this.sent.longestSendMs;
  }

  private async run(partition: number): Promise<void> {
    while (!this.isOver) {
      const values = [String(this.number++), String(this.number++)];
      const messages = values.map((value) => ({ partition, value }));
      await this.sent.note(values, () => this.producer.send({ topic: this.topic, messages }));
      await sleep(TURN_MS);
    }
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.done;
    await this.producer.disconnect();
  }
}

/** kcat, fed line by line. It says which messages failed and ends with an error then; else all were delivered. */
export class KcatLoad implements Load {
  readonly name = 'kcat';
  readonly acknowledged = new Set<string>();
  readonly failures: string[] = [];
  readonly longestSendMs = null;
  private readonly kcat: Running;
  private readonly feeding: NodeJS.Timeout;
  private number = 0;

  constructor(
    bootstrap: string,
    readonly topic: string,
  ) {
    this.kcat = start('kcat', ['-P', '-b', bootstrap, '-t', topic, '-X', 'acks=all'], { keepStdinOpen: true });
    this.feeding = setInterval(() => {
      for (let i = 0; i < 6; i++) this.kcat.process.stdin!.write(`${this.number++}\n`);
    }, TURN_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.feeding);
    this.kcat.process.stdin!.end();
    const { code, stderr } = await this.kcat.done;
    const complaints = stderr.split('\n').filter((line) => line.includes('elivery failed'));
    this.failures.push(...complaints);
    if (code !== 0 && complaints.length === 0) this.failures.push(`kcat ended with ${code}: ${stderr.slice(-500)}`);
    for (let number = 0; number < this.number; number++) this.acknowledged.add(String(number));
  }
}

/** Members of a group that read along; `troubles` is what a user would see of a stop. */
export interface Readers {
  readonly name: string;
  readonly seen: ReadonlyMap<string, number>;
  readonly troubles: readonly string[];
  /** Of readers, by their library. */
  readonly restarts: number;
  stop(): Promise<void>;
}

export class OwnReaders implements Readers {
  readonly name = 'group of our own client';
  readonly seen = new Map<string, number>();
  readonly troubles: string[] = [];
  readonly restarts = 0;
  private readonly members: GroupConsumer[];
  private readonly loops: Promise<void>[];
  private isOver = false;

  constructor(client: YakClient, topic: string, members: number) {
    this.members = Array.from({ length: members }, () =>
      client.groupConsumer({ groupId: `own-${topic}`, topics: [topic], from: 'earliest' }),
    );
    this.loops = this.members.map((member) => this.read(member));
  }

  private async read(member: GroupConsumer): Promise<void> {
    member.onEvent((event) => {
      if (event.type === 'lost' || event.type === 'commit-failed') this.troubles.push(JSON.stringify(event));
    });
    try {
      for await (const records of member) for (const { value } of records) count(this.seen, value!.toString());
    } catch (error) {
      if (!this.isOver) this.troubles.push(String(error));
    }
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.members.map((member) => member.close()));
    await Promise.all(this.loops);
  }
}

export class KafkaJsReaders implements Readers {
  readonly name = 'group of KafkaJS';
  readonly seen = new Map<string, number>();
  readonly troubles: string[] = [];
  restarts = 0;
  private readonly consumers: Consumer[] = [];

  static async start(bootstrap: string, topic: string, members: number): Promise<KafkaJsReaders> {
    const readers = new KafkaJsReaders();
    for (let i = 0; i < members; i++) await readers.join(kafkaJs(bootstrap).consumer({ groupId: `kafkajs-${topic}` }), topic);
    return readers;
  }

  private async join(consumer: Consumer, topic: string): Promise<void> {
    // One that it recovers from by itself is its way of finding another broker (an open connection closed, a dial refused).
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (payload.restart) this.restarts++;
      else this.troubles.push(`crash: ${payload.error.message}`);
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => count(this.seen, message.value!.toString()) });
    this.consumers.push(consumer);
  }

  async stop(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.disconnect()));
  }
}

function kafkaJs(bootstrap: string): Kafka {
  return new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING });
}

function count(seen: Map<string, number>, value: string): void {
  seen.set(value, (seen.get(value) ?? 0) + 1);
}
