/**
 * A real cluster coordinator on a simulated machine, and brokers that are only what a coordinator sees of one: they
 * register, beat, follow the metadata and answer asks. Requests travel as events, so frozen and dead processes behave.
 */
import type { RequestContext } from '#kernel';
import { assert, YakError } from '#kernel';
import type { PartitionRecord } from '#metadata';
import { EmbeddedMetadataLog, keptMembers, liveMembers, MetadataImage } from '#metadata';
import type {
  BrokerHeartbeatRequest,
  BrokerHeartbeatResponse,
  PatternKey,
  RegisterBrokerRequest,
  RegisterBrokerResponse,
  RpcMessages,
} from '#rpc';
import type { Listener } from '#seams';
import { sleep, withTimeout } from '#seams';
import type { SimProcess } from '#seams-sim';
import { SimWorld } from '#seams-sim';
import { ClusterCoordinator } from '../cluster-coordinator.js';
import type { CoordinatorConfig } from '../config.js';

export const SESSION_MS = 2_000;
export const HEARTBEAT_MS = 500;
const STORE = '/coordinator';

export class SimCluster {
  readonly world: SimWorld;
  readonly brokers: SimBroker[];
  coordinator!: ClusterCoordinator;
  process!: SimProcess;
  private connections = 0;

  constructor(
    private readonly config: Partial<CoordinatorConfig> = {},
    brokerCount = 3,
    seed = 1,
  ) {
    this.world = new SimWorld({ seed });
    this.brokers = Array.from({ length: brokerCount }, (_, id) => new SimBroker(this, id));
  }

  /** Coordinator and brokers run and all are active. */
  static async active(config: Partial<CoordinatorConfig> = {}, brokerCount = 3): Promise<SimCluster> {
    const cluster = new SimCluster(config, brokerCount);
    await cluster.startCoordinator();
    for (const broker of cluster.brokers) broker.start();
    await cluster.until(() => cluster.brokers.every((broker) => broker.isActive), 'all brokers active');
    return cluster;
  }

  async startCoordinator(): Promise<void> {
    const process = this.world.start('c');
    this.process = process;
    let isStarted = false;
    process.run('start', () => {
      const boot = async (): Promise<void> => {
        const metadataLog = await EmbeddedMetadataLog.open(process.disk, STORE, process.random);
        this.coordinator = new ClusterCoordinator({
          config: {
            advertisedAddress: { host: 'c', port: 3180 },
            configuredBrokers: this.brokers.map((broker) => broker.id),
            sessionTimeoutMs: SESSION_MS,
            heartbeatIntervalMs: HEARTBEAT_MS,
            leaderRebalanceDelayMs: null,
            offsetsTopic: null,
            ...this.config,
          },
          seams: process,
          metadataLog,
          validateTopicConfigs: () => [],
        });
        await this.coordinator.start();
        isStarted = true;
      };
      boot().catch((error) => this.world.fail(error));
    });
    await this.until(() => isStarted, 'coordinator started');
  }

  killCoordinator(): void {
    this.process.kill();
  }

  async until(condition: () => boolean, what: string, maxMs = 10_000): Promise<void> {
    if (!(await this.world.runUntil(condition, maxMs))) throw new Error(`not within ${maxMs} virtual ms: ${what}`);
  }

  /** A request from a process; rejects with CONNECTION_CLOSED when the coordinator is dead, REQUEST_TIMEOUT when it is silent. */
  request<K extends PatternKey>(
    from: SimProcess,
    address: string,
    pattern: K,
    request: RpcMessages[K][0],
    timeoutMs = SESSION_MS,
  ): Promise<RpcMessages[K][1]> {
    const answer = new Promise<RpcMessages[K][1]>((resolve, reject) => {
      if (!this.process.isAlive) {
        reject(new YakError('CONNECTION_CLOSED', 'the coordinator is dead'));
        return;
      }
      this.process.run(
        `request:${pattern}`,
        () => {
          const handler = this.coordinator.handlers[pattern];
          assert(handler, `no handler for ${pattern}`);
          handler(structuredClone(request), contextOf(address)).then(
            (value) => from.run(`response:${pattern}`, () => resolve(structuredClone(value) as RpcMessages[K][1]), 0.2),
            (error) => from.run(`response:${pattern}`, () => reject(error), 0.2),
          );
        },
        0.2,
      );
    });
    return withTimeout(from.scheduler, timeoutMs, answer, () => new YakError('REQUEST_TIMEOUT', pattern));
  }

  /** A request of a client; virtual time passes until it is answered. */
  ask<K extends PatternKey>(pattern: K, request: RpcMessages[K][0], timeoutMs = 20_000): Promise<RpcMessages[K][1]> {
    const client = this.world.process('client') ?? this.world.start('client');
    return this.world.settle(this.request(client, 'client:1', pattern, request, timeoutMs));
  }

  /** The operator looks at what would be done, and has it done. */
  async trust(): Promise<RpcMessages['trustStore'][1]> {
    const { action, coordinatorEpoch, brokers } = await this.ask('trustStore', {});
    return this.ask('trustStore', { confirm: { action, coordinatorEpoch, brokers } });
  }

  /** What the door says when it sees the connection of a process end. */
  connectionClosed(address: string): void {
    this.process.run('connection closed', () => this.coordinator.connectionClosed(address), 0.2);
  }

  nextAddress(host: string): string {
    return `${host}:${++this.connections}`;
  }

  async createTopic(name = 't', assignments: number[][] = [[0, 1, 2]]): Promise<void> {
    const { topics } = await this.ask('createTopics', { topics: [{ name, assignments }] });
    expect(topics[0]).toMatchObject({ error: 'NONE' });
  }

  get image(): MetadataImage {
    return this.coordinator.image;
  }

  partition(name = 't', index = 0): PartitionRecord {
    const record = this.image.partition(this.image.topicsByName.get(name)?.topicId ?? '', index);
    assert(record, `no partition ${name}-${index}`);
    return record;
  }

  show(name = 't'): string {
    const record = this.partition(name);
    const kept = keptMembers(record, this.image);
    return `leader ${record.leader} live ${liveMembers(record, this.image).join(',') || 'none'}${kept.length ? ` kept ${kept.join(',')}` : ''}`;
  }

  fencedBrokers(): number[] {
    return [...this.image.brokers.values()].filter((broker) => broker.isFenced).map((broker) => broker.brokerId);
  }
}

export function contextOf(clientAddress: string): RequestContext {
  return {
    principal: 'User:ANONYMOUS',
    listener: 'nest',
    clientId: null,
    clientSoftware: null,
    clientAddress,
    deadline: Number.POSITIVE_INFINITY,
  };
}

/** Its fields without underscore live on its disk: they outlast the process. */
export class SimBroker {
  process: SimProcess | null = null;
  // On disk.
  directoryId: string;
  clusterId: string | null = null;
  storedBrokerEpoch = -1;
  image = MetadataImage.empty();
  highestCoordinatorEpoch = -1;
  isComplete = true;
  /** What it answers to asks, by partition. */
  position = { lastEpoch: 0, caughtUpEpoch: 0, syncedEndOffset: 0, maxProducerId: -1 };
  // In memory.
  brokerEpoch = -1;
  isActive = false;
  wantsShutdown = false;
  mayShutDown = false;
  oldestSyncAgeMs = 0;
  isDirectoryOffline = false;
  holdsMetadata = false;
  address = '';
  lastRegistration: RegisterBrokerResponse | null = null;
  lastHeartbeat: BrokerHeartbeatResponse | null = null;
  listener: Listener | null = null;
  private incarnationId = '';
  private starts = 0;

  constructor(
    private readonly cluster: SimCluster,
    readonly id: number,
  ) {
    this.directoryId = `directory-${id}`;
  }

  start(): void {
    const process = this.cluster.world.start(`b${this.id}`);
    this.process = process;
    this.incarnationId = `${this.id}/${++this.starts}`;
    Object.assign(this, {
      brokerEpoch: -1,
      isActive: false,
      wantsShutdown: false,
      mayShutDown: false,
      oldestSyncAgeMs: 0,
      isDirectoryOffline: false,
    });
    this.address = this.cluster.nextAddress(`b${this.id}`);
    process.run('start', () => {
      process.network
        .listen({ host: `b${this.id}`, port: 3125 }, () => {})
        .then((listener) => (this.listener = listener))
        .catch((error) => this.cluster.world.fail(error));
      this.live(process).catch((error) => this.cluster.world.fail(error));
      this.follow(process).catch((error) => this.cluster.world.fail(error));
    });
  }

  /** kill -9: the kernel closes its connections. */
  kill(): void {
    this.process!.kill();
    this.isActive = false;
    this.cluster.connectionClosed(this.address);
  }

  registration(changes: Partial<RegisterBrokerRequest> = {}): RegisterBrokerRequest {
    const host = `b${this.id}`;
    return {
      brokerId: this.id,
      incarnationId: this.incarnationId,
      directoryId: this.directoryId,
      clusterId: this.clusterId,
      listeners: { kafka: { host, port: 9092 }, replication: { host, port: 9192 }, tcp: { host, port: 3125 }, http: { host, port: 8080 } },
      rack: null,
      software: { name: 'yak', version: '0' },
      protocol: { min: 1, max: 1 },
      isBlank: this.clusterId === null,
      storedBrokerEpoch: this.storedBrokerEpoch,
      wasCleanShutdown: false,
      isSameBoot: true,
      isComplete: this.isComplete,
      lostPartitions: [],
      metadataRevision: this.image.revision,
      metadataOpId: this.image.opId,
      highestCoordinatorEpoch: this.highestCoordinatorEpoch,
      ...changes,
    };
  }

  private async live(process: SimProcess): Promise<void> {
    for (;;) {
      try {
        if (this.brokerEpoch < 0) await this.register(process);
        else await this.beat(process);
      } catch (error) {
        if (!(error instanceof YakError)) throw error;
      }
      await sleep(process.scheduler, this.isActive && !this.wantsShutdown ? HEARTBEAT_MS : 50);
    }
  }

  heartbeat(changes: Partial<BrokerHeartbeatRequest> = {}): BrokerHeartbeatRequest {
    return {
      brokerId: this.id,
      brokerEpoch: this.brokerEpoch,
      appliedRevision: this.image.revision,
      appliedOpId: this.image.opId,
      wantsUnfenced: true,
      wantsShutdown: this.wantsShutdown,
      oldestSyncAgeMs: this.oldestSyncAgeMs,
      isComplete: this.isComplete,
      isDirectoryOffline: this.isDirectoryOffline,
      lastProbeWallMs: 0,
      ...changes,
    };
  }

  private async register(process: SimProcess): Promise<void> {
    const response = await this.cluster.request(process, this.address, 'registerBroker', this.registration());
    this.lastRegistration = response;
    if (response.wantsMetadataCopy) {
      await this.cluster.request(process, this.address, 'offerMetadataCopy', {
        brokerId: this.id,
        incarnationId: this.incarnationId,
        snapshot: this.image.toSnapshot(),
        highestCoordinatorEpoch: this.highestCoordinatorEpoch,
        maxBrokerEpochSeen: this.storedBrokerEpoch,
        maxLeaderEpochSeen: this.position.lastEpoch,
        maxProducerIdSeen: this.position.maxProducerId,
      });
    }
    if (response.error !== 'NONE') return;
    this.brokerEpoch = response.brokerEpoch;
    this.storedBrokerEpoch = response.brokerEpoch;
    this.clusterId = response.clusterId;
  }

  private async beat(process: SimProcess): Promise<void> {
    const response = await this.cluster.request(process, this.address, 'brokerHeartbeat', this.heartbeat());
    this.lastHeartbeat = response;
    this.mayShutDown = response.mayShutDown;
    this.isActive = response.error === 'NONE' && !response.isFenced;
    if (response.error === 'STALE_BROKER_EPOCH' || response.error === 'BROKER_ID_NOT_REGISTERED') this.brokerEpoch = -1;
    if (response.asks.length === 0) return;
    const positions = response.asks.map((ask) => ({ ...ask, ...this.position }));
    await this.cluster.request(process, this.address, 'reportPositions', { brokerId: this.id, brokerEpoch: this.brokerEpoch, positions });
  }

  private async follow(process: SimProcess): Promise<void> {
    for (;;) {
      try {
        if (this.holdsMetadata || this.brokerEpoch < 0) throw new YakError('UNAVAILABLE', 'not now');
        const { revision, opId } = this.image;
        const response = await this.cluster.request(
          process,
          this.address,
          'metadataFetch',
          { brokerId: this.id, afterRevision: revision, afterOpId: opId, maxWaitMs: 1_000 },
          SESSION_MS,
        );
        if (response.coordinatorEpoch < this.highestCoordinatorEpoch) continue;
        this.highestCoordinatorEpoch = response.coordinatorEpoch;
        if (response.snapshot) this.image = MetadataImage.fromSnapshot(response.snapshot);
        for (const entry of response.entries) if (entry.previousOpId === this.image.opId) this.image = this.image.apply(entry);
      } catch (error) {
        if (!(error instanceof YakError)) throw error;
        await sleep(process.scheduler, 50);
      }
    }
  }
}
