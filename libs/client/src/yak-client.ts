/** One client of one cluster: connections and metadata are shared by everything that is made from it. */
import { YakAdmin } from './admin.js';
import { ClientCore } from './client-core.js';
import { clientClosed } from './connection-pool.js';
import { YakConsumer } from './consumer.js';
import type { Admin, Client, ClientConfig, ClientSeams, Consumer, ConsumerConfig, Producer, ProducerConfig } from './contract.js';
import { YakGroupConsumer } from './group-consumer.js';
import type { GroupConsumer, GroupConsumerConfig } from './group-contract.js';
import { YakProducer } from './producer.js';

export class YakClient implements Client {
  readonly admin: Admin;
  private readonly core: ClientCore;
  private readonly ownAdmin: YakAdmin;
  private readonly producers = new Set<YakProducer>();
  private readonly consumers = new Set<YakConsumer | YakGroupConsumer>();
  private isClosed = false;

  /** Connects when something is first asked for. Throws INVALID_CONFIG. */
  constructor(config: ClientConfig, seams: ClientSeams) {
    this.core = new ClientCore(config, seams);
    this.admin = this.ownAdmin = new YakAdmin(this.core);
  }

  producer(config: ProducerConfig = {}): Producer {
    this.assertOpen();
    const producer = new YakProducer(this.core, config, (closed) => this.producers.delete(closed));
    this.producers.add(producer);
    return producer;
  }

  consumer(config: ConsumerConfig): Consumer {
    this.assertOpen();
    const consumer = new YakConsumer(this.core, config, (closed) => this.consumers.delete(closed));
    this.consumers.add(consumer);
    return consumer;
  }

  groupConsumer(config: GroupConsumerConfig): GroupConsumer {
    this.assertOpen();
    const consumer = new YakGroupConsumer(this.core, config, (closed) => this.consumers.delete(closed));
    this.consumers.add(consumer);
    return consumer;
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.ownAdmin.close();
    await Promise.all([...this.consumers].map((consumer) => consumer.close()));
    for (const producer of [...this.producers]) producer.abort();
    this.core.close();
  }

  private assertOpen(): void {
    if (this.isClosed) throw clientClosed();
  }
}
