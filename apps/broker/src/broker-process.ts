/**
 * One broker as a process: the only place where the real clock, disk and network meet the core, and the core its doors.
 *
 * Start: bind every door (so that a used port is said at once, a probe has somebody to ask during recovery, and the ports are
 * known), then recover, register, catch up; ready means unfenced. Until then verbs answer that they are not available.
 * Stop: hand leaders over while the doors still serve, then close doors, drain, flush.
 */
import { Broker, type BrokerReport } from '#broker-core';
import { type BrokerOptions, type ListenerOptions, type ProcessMessage, parseBrokerOptions } from '#config';
import { allowAll, YakError } from '#kernel';
import type { BrokerListeners, Endpoint } from '#metadata';
import { DEFAULT_RPC_LIMITS, dialRpc } from '#rpc';
import { type Address, formatAddress, type Listener, type Logger } from '#seams';
import { createLogger, NodeClock, NodeDisk, NodeNetwork, NodeRandom, NodeScheduler, resolveAddress } from '#seams-node';
import { CONTROL_LIMITS } from '../../shared/control-limits.js';
import type { HttpDoor } from '../../shared/http-door/index.js';
import { LeaderWatch } from '../../shared/leader-watch.js';
import { type NestDoor, startNestDoor } from '../../shared/nest-door/index.js';
import { type ServerProcess, takeLogOptions } from '../../shared/process/server-process.js';
import { toBrokerConfig } from './broker.config.js';
import { openBrokerHttpDoor } from './doors/http/broker-http-door.js';
import { KafkaDoor, ReplicaClient } from './doors/kafka/index.js';
import { batchCodec } from './doors/nest-tcp/batch-codec.js';
import { brokerRpcHandlers } from './doors/nest-tcp/broker-rpc-handlers.js';
import { JsonRecords } from './doors/nest-tcp/json-records.js';
import { NestTcpModule } from './doors/nest-tcp/nest-tcp.module.js';

/** Running requests get this long once doors close; a produce that waits for followers may outlast any stop. */
const DRAIN_MS = 500;
/** Of the time for a planned stop, what is left for closing doors and files. */
const FLUSH_MS = 10_000;
const METADATA_WATCH_MS = 60_000;

type Door = keyof BrokerOptions['listeners'];
type AdvertisedListeners = { -readonly [D in keyof BrokerListeners]: { host: string; port: number } };

export class BrokerProcess implements ServerProcess {
  readonly stopTimeoutMs = { withHandOver: this.options.values['shutdown.timeout.ms'], alone: 10_000 };
  private readonly clock = new NodeClock();
  private readonly listeners: AdvertisedListeners;
  private readonly broker: Broker;
  private readonly leaders: LeaderWatch;
  private http: HttpDoor | null = null;
  private nest: NestDoor | null = null;
  private readonly kafka: KafkaDoor;
  private kafkaListener: Listener | null = null;
  private readonly externalAddresses: { externalKafka?: string; externalTcp?: string } = {};
  private isStopping = false;
  private readonly hurried = deferred<boolean>();

  static create(argv: readonly string[]): BrokerProcess {
    const { rest, format, level } = takeLogOptions(argv);
    const disk = new NodeDisk();
    const options = parseBrokerOptions(rest, process.env, disk);
    return new BrokerProcess(options, disk, createLogger({ name: `broker-${options.brokerId}`, format, level }));
  }

  constructor(
    private readonly options: BrokerOptions,
    disk: NodeDisk,
    readonly logger: Logger,
  ) {
    const { kafka, replication, tcp, http, externalKafka, externalTcp } = options.listeners;
    this.listeners = {
      kafka: { ...kafka.advertised },
      replication: { ...replication.advertised },
      tcp: { ...tcp.advertised },
      http: { ...http.advertised },
      ...(externalKafka && { externalKafka: { ...externalKafka.advertised } }),
      ...(externalTcp && { externalTcp: { ...externalTcp.advertised } }),
    };
    const { clock } = this;
    const scheduler = new NodeScheduler();
    const network = new NodeNetwork();
    const dialTimeoutMs = options.values['broker.session.timeout.ms'];
    this.broker = new Broker(toBrokerConfig(options, this.listeners), {
      clock,
      scheduler,
      random: new NodeRandom(),
      disk,
      network,
      logger,
      authorizer: allowAll,
      replicas: new ReplicaClient({ network, clock, scheduler, brokerId: options.brokerId, dialTimeoutMs }),
      coordinators: {
        dial: (address) => dialRpc(network, scheduler, address, { timeoutMs: dialTimeoutMs, limits: CONTROL_LIMITS }),
        resolve: (address) => resolveAddress(address),
      },
    });
    this.leaders = new LeaderWatch(this.broker.image);
    const limits = { frameBytesMax: options.values['socket.request.max.bytes'], drainMsMax: DRAIN_MS };
    this.kafka = new KafkaDoor({
      network,
      clock,
      scheduler,
      logger,
      broker: this.broker,
      clients: this.broker.clients,
      queued: this.broker.queued,
      limits,
    });
  }

  async start(): Promise<Extract<ProcessMessage, { type: 'ready' }>> {
    const { options, broker } = this;
    for (const warning of options.warnings) this.logger.warn(warning);
    const active = this.whenActive();
    active.catch(() => {});
    await this.openDoors();
    await broker.start();
    void this.followMetadata();
    await active;
    const ready = {
      type: 'ready',
      clusterId: broker.report().clusterId ?? '',
      pid: process.pid,
      tcp: formatAddress(this.boundAt(options.listeners.tcp, this.nest!.server.boundAddress)),
      kafka: formatAddress(this.boundAt(options.listeners.kafka, this.kafkaListener!.address)),
      http: formatAddress(this.boundAt(options.listeners.http, this.http!.address)),
      ...this.externalAddresses,
    } as const;
    const { type: _, pid: __, ...told } = ready;
    this.logger.info('ready', { ...told, data: options.dataPath });
    return ready;
  }

  async stop({ handOver }: { handOver: boolean }): Promise<void> {
    this.isStopping = true;
    if (handOver) await this.handOver();
    await Promise.all([this.nest?.server.drain(DRAIN_MS), this.kafka.close()]);
    await this.broker.stop({ handOver: false });
    await this.nest?.app.close();
    await this.http?.close();
  }

  /** Stops waiting for the shutdown slot, and for clients. */
  hurry(): void {
    this.hurried.resolve(false);
  }

  /** Everything is served meanwhile; who asks for what this broker led is told where it is now. */
  private async handOver(): Promise<void> {
    const timeoutMs = this.stopTimeoutMs.withHandOver;
    const hasLeft = await Promise.race([this.broker.handOver(timeoutMs - Math.min(FLUSH_MS, timeoutMs / 3)), this.hurried.promise]);
    if (!hasLeft) return this.logger.warn('stopping without the shutdown slot: leaders move when this broker is gone');
    const lingered = new Promise<void>((resolve) => setTimeout(resolve, this.options.values['shutdown.linger.ms']));
    await Promise.race([lingered, this.hurried.promise]);
  }

  private async openDoors(): Promise<void> {
    const { options, broker, logger } = this;
    const { listeners, values } = options;
    const hostNames = [...new Set(Object.values(this.listeners).map(({ host }) => host.toLowerCase()))];
    this.http = await openBrokerHttpDoor({ address: listeners.http.bind, hostNames, logger }, broker, this.leaders);
    this.resolvePort('http', this.http.address);
    const handlers = brokerRpcHandlers(broker);
    const jsonRecords = new JsonRecords(batchCodec, () => this.clock.wallMs());
    this.nest = await startNestDoor(NestTcpModule.over(handlers, jsonRecords), {
      address: listeners.tcp.bind,
      logger,
      // Our clients take no larger frame, so a larger answer must become a failure that says so.
      limits: { maxFrameBytes: Math.min(values['socket.request.max.bytes'], DEFAULT_RPC_LIMITS.maxFrameBytes) },
    });
    const { server } = this.nest;
    broker.queued.watch(() => server.heldBytes);
    this.listNestClients(this.nest);
    this.resolvePort('tcp', this.nest.server.boundAddress);
    this.resolvePort('replication', (await this.kafka.listen(listeners.replication.bind, 'replication')).address);
    this.kafkaListener = await this.kafka.listen(listeners.kafka.bind, 'client');
    this.resolvePort('kafka', this.kafkaListener.address);
    await this.openExternalDoors(this.nest);
  }

  /** The same doors on second ports: the same limits and handlers, other addresses in the answers. */
  private async openExternalDoors({ server }: NestDoor): Promise<void> {
    const { externalKafka, externalTcp } = this.options.listeners;
    if (externalTcp !== null) {
      const bound = await server.listenAlso(externalTcp.bind, 'external-nest');
      this.resolvePort('externalTcp', bound);
      this.externalAddresses.externalTcp = formatAddress(this.boundAt(externalTcp, bound));
    }
    if (externalKafka !== null) {
      const { address: bound } = await this.kafka.listen(externalKafka.bind, 'external');
      this.resolvePort('externalKafka', bound);
      this.externalAddresses.externalKafka = formatAddress(this.boundAt(externalKafka, bound));
    }
  }

  private listNestClients({ server }: NestDoor): void {
    const { clients } = this.broker;
    // The cluster coordinator asks for this very list, and is no client.
    server.onRequest((context, pattern) => pattern !== 'listClients' && clients.requested(context));
    server.onConnectionClosed((clientAddress, listener) => clients.disconnected({ listener, clientAddress }));
  }

  /** An advertised port 0 stands for the port that was really bound. */
  private resolvePort(door: Door, bound: Address): void {
    const advertised = this.listeners[door];
    if (advertised?.port === 0) advertised.port = bound.port;
  }

  private boundAt({ bind }: ListenerOptions, bound: Address): Endpoint {
    return { host: bind.host, port: bound.port };
  }

  /** Rejects when the broker fails first: a folder of another cluster, or one that a newer release wrote. */
  private whenActive(): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = ({ state, failure }: BrokerReport): void => {
        if (state === 'active') resolve();
        else if (state === 'failed') reject(new YakError('START_FAILED', failure ?? 'the log has the reason'));
      };
      this.broker.onEvent((event) => {
        if (event.kind === 'state') check(this.broker.report());
      });
    });
  }

  private async followMetadata(): Promise<void> {
    while (!this.isStopping) {
      const seen = this.broker.image.revision;
      this.leaders.advance(this.broker.image);
      await this.broker.waitForMetadata((image) => image.revision > seen, METADATA_WATCH_MS);
    }
  }
}

function deferred<T>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
