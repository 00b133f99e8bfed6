/**
 * The Kafka door: listens for Kafka clients (`client`; `external` for those outside of the brokers' network) and for followers
 * (`replication`), one KafkaConnection each. Plain TypeScript on the Network seam, so that the simulation runs the very same code. It holds no topic and no record: every
 * question goes to one verb of the broker.
 */
import type { BrokerVerbs, ClientNotes, QueuedBytes } from '#broker-core';
import { assert } from '#kernel';
import type { Address, Cancellable, Clock, Connection, Listener, Logger, Network, Scheduler } from '#seams';
import { type KafkaDoorCounters, newCounters } from './counters.js';
import type { KafkaListener } from './handler.js';
import { KafkaConnection } from './kafka-connection.js';
import { DEFAULT_KAFKA_DOOR_LIMITS, type KafkaDoorLimits } from './limits.js';
import { RoomQueue } from './room-for-all.js';

const SWEEP_INTERVAL_MS = 1_000;

export interface KafkaDoorOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly broker: BrokerVerbs;
  readonly limits?: Partial<KafkaDoorLimits>;
  /** Told of clients' connections (not of followers'); nobody when absent. */
  readonly clients?: ClientNotes;
  /** The limit for what all connections of clients hold together; none when absent. */
  readonly queued?: QueuedBytes;
}

export class KafkaDoor {
  readonly counters: Readonly<KafkaDoorCounters>;
  private readonly mutableCounters = newCounters();
  private readonly limits: KafkaDoorLimits;
  private readonly listeners: Listener[] = [];
  private readonly connections = new Set<KafkaConnection>();
  private sweep: Cancellable | null = null;
  private closing: Promise<void> | null = null;
  private onEmpty: (() => void) | null = null;
  private readonly room: RoomQueue | null;

  constructor(private readonly options: KafkaDoorOptions) {
    this.counters = this.mutableCounters;
    this.limits = { ...DEFAULT_KAFKA_DOOR_LIMITS, ...options.limits };
    this.room = options.queued ? new RoomQueue(options.queued, options) : null;
    options.queued?.watch(() => {
      let bytes = 0;
      for (const connection of this.connections) bytes += connection.heldBytes;
      return bytes;
    });
  }

  /** Rejects as Network.listen does. */
  async listen(address: Address, listenerName: KafkaListener): Promise<Listener> {
    assert(this.closing === null, 'the Kafka door was closed');
    const listener = await this.options.network.listen(address, (connection) => this.accept(connection, listenerName));
    this.listeners.push(listener);
    return listener;
  }

  /** Starts no new requests, lets answers under way leave (at most drainMsMax), then closes everything. */
  close(): Promise<void> {
    this.closing ??= this.drainAndClose();
    return this.closing;
  }

  private async drainAndClose(): Promise<void> {
    if (this.connections.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.options.scheduler.after(this.limits.drainMsMax, resolve);
        this.onEmpty = () => {
          timer.cancel();
          resolve();
        };
        for (const connection of [...this.connections]) connection.drain();
      });
    }
    this.sweep?.cancel();
    this.sweep = null;
    this.room?.close();
    await Promise.all(this.listeners.map((listener) => listener.close()));
  }

  private accept(connection: Connection, listener: KafkaListener): void {
    const { options, mutableCounters: counters, limits } = this;
    if (this.closing !== null) return connection.destroy();
    if (this.connections.size >= limits.connectionsMax) {
      counters.connectionsRefused++;
      options.logger.warn('connection refused', {
        client: connection.remoteAddress,
        reason: `${limits.connectionsMax} are open (connectionsMax)`,
      });
      return connection.destroy();
    }
    counters.connectionsAccepted++;
    counters.connectionsOpen++;
    const accepted: KafkaConnection = new KafkaConnection({
      connection,
      environment: {
        broker: options.broker,
        limits,
        listener,
        // Followers' fetches are what requests with acks=all wait for.
        room: listener === 'replication' ? null : this.room,
        nextTurn: () => new Promise((resolve) => options.scheduler.endOfTurn(resolve)),
      },
      clock: options.clock,
      scheduler: options.scheduler,
      logger: options.logger,
      counters,
      clients: listener === 'replication' ? null : (options.clients ?? null),
      onClosed: () => this.forget(accepted),
    });
    this.connections.add(accepted);
    this.sweep ??= this.planSweep();
  }

  private forget(connection: KafkaConnection): void {
    if (!this.connections.delete(connection)) return;
    this.mutableCounters.connectionsOpen--;
    if (this.connections.size === 0) this.onEmpty?.();
  }

  /** One timer for all connections, and none while there are none. */
  private planSweep(): Cancellable {
    return this.options.scheduler.after(SWEEP_INTERVAL_MS, () => {
      const nowMs = this.options.clock.monotonicMs();
      for (const connection of [...this.connections]) connection.checkTimeouts(nowMs);
      this.sweep = this.connections.size > 0 ? this.planSweep() : null;
    });
  }
}
