/**
 * A topic that a KafkaJS producer fills with numbers, and the account of who read what: every number that was acknowledged has
 * to be read, whatever dies meanwhile; what is read again is counted.
 */
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import type { LocalCluster } from '../../e2e/support/local-cluster.js';
import { until } from '../../e2e/support/until.js';

export function kafkaClient(cluster: LocalCluster, clientId = 'compat'): Kafka {
  return new Kafka({
    clientId,
    brokers: cluster.kafka.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 50, maxRetryTime: 1_000 },
  });
}

const BATCH = 25;

export class FedTopic {
  /** As many numbers as were acknowledged: 0 up to, excluding, this one. */
  acknowledged = 0;
  private batches = 0;
  private isFeeding = false;
  private feeding: Promise<void> = Promise.resolve();

  private constructor(
    readonly topic: string,
    readonly admin: Admin,
    private readonly producer: Producer,
    private readonly numPartitions: number,
  ) {}

  static async create(cluster: LocalCluster, topic: string, numPartitions: number): Promise<FedTopic> {
    const kafka = kafkaClient(cluster, `feeder-of-${topic}`);
    const admin = kafka.admin();
    const producer = kafka.producer();
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 3 }], waitForLeaders: true });
    return new FedTopic(topic, admin, producer, numPartitions);
  }

  async close(): Promise<void> {
    await this.stop();
    await Promise.all([this.admin.disconnect(), this.producer.disconnect()]);
  }

  /**
   * Acknowledged by all in-sync replicas when it resolves. One partition per `send`, in turn: KafkaJS 2.2.4 takes a `send` over
   * several for done when the leader of one moves to a broker that had answered for another, and has not sent that part.
   */
  async feed(count: number): Promise<void> {
    const end = this.acknowledged + count;
    while (this.acknowledged < end) {
      const size = Math.min(BATCH, end - this.acknowledged);
      const partition = this.batches++ % this.numPartitions;
      const messages = Array.from({ length: size }, (_, n) => ({ partition, value: String(this.acknowledged + n) }));
      await this.producer.send({ topic: this.topic, acks: -1, messages });
      this.acknowledged += size;
    }
  }

  /** One batch every 30 ms, until `stop`. */
  start(): void {
    this.isFeeding = true;
    this.feeding = (async () => {
      while (this.isFeeding) {
        await this.feed(BATCH);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    })();
    this.feeding.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.isFeeding = false;
    await this.feeding;
  }

  /** Waits until the members together have read every number that is acknowledged now. */
  async wasReadBy(values: () => Iterable<string>, timeoutMs: number, seen: () => string = () => ''): Promise<void> {
    const count = this.acknowledged;
    const missing = (): number[] => {
      const read = new Set(values());
      return Array.from({ length: count }, (_, n) => n).filter((n) => !read.has(String(n)));
    };
    await until(
      () => missing().length === 0,
      timeoutMs,
      `${count} acknowledged messages of ${this.topic} to be read`,
      () => `missing: ${missing().length}, first ${missing().slice(0, 5).join(' ')}\n${seen()}`,
    );
  }

  /** Everything that the group committed is the end of each partition. */
  async isCommittedToTheEnd(groupId: string): Promise<boolean> {
    const [committed] = await this.admin.fetchOffsets({ groupId, topics: [this.topic] });
    const ends = await this.admin.fetchTopicOffsets(this.topic);
    return ends.every(({ partition, high }) => {
      const offset = committed!.partitions.find((one) => one.partition === partition)?.offset ?? '-1';
      return offset === high || (offset === '-1' && high === '0');
    });
  }

  /** Until every partition of the topic and of the offsets has its three replicas in sync: the next broker may die. */
  async isInSync(): Promise<void> {
    const isComplete = async (): Promise<boolean> => {
      const { topics } = await this.admin.fetchTopicMetadata({ topics: [this.topic, '__consumer_offsets'] });
      return topics.every(({ partitions }) => partitions.every(({ isr, leader }) => leader >= 0 && isr.length === 3));
    };
    await until(() => isComplete().catch(() => false), 30_000, `all replicas of ${this.topic} to be in sync`);
  }
}
