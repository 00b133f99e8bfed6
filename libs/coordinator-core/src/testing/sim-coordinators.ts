/** Several real cluster coordinators on simulated machines that share one store; a connection to it can be cut or slowed down. */
import { assert, YakError } from '#kernel';
import type { StoreLink } from '#metadata';
import { MetadataImage, SharedMetadataLog, StoreModel } from '#metadata';
import type { BrokerHeartbeatRequest, PatternKey, RegisterBrokerResponse, RpcMessages } from '#rpc';
import { sleep, withTimeout } from '#seams';
import type { SimProcess } from '#seams-sim';
import { SimWorld } from '#seams-sim';
import { ClusterCoordinator } from '../cluster-coordinator.js';
import { contextOf } from './sim-cluster.js';

const COMMAND_TIMEOUT_MS = 1_000;

export class SimLine implements StoreLink {
  readonly name = 'store';
  isCut = false;
  delayMs = 1;
  /** By verb: so long is the next answer under way, ms. The step itself is executed in time. */
  readonly lateAnswers = new Map<string, number>();

  constructor(
    private readonly store: { readonly model: StoreModel; isDurable: boolean },
    private readonly process: SimProcess,
  ) {}

  async connect(): Promise<void> {}

  async run(step: readonly (string | number)[]): Promise<readonly unknown[]> {
    const { scheduler } = this.process;
    const answer = async (): Promise<readonly unknown[]> => {
      await sleep(scheduler, this.delayMs / 2);
      if (this.isCut) return new Promise(() => {});
      const reply = this.store.model.run(step);
      const verb = String(step[0]);
      const lateMs = this.lateAnswers.get(verb) ?? 0;
      this.lateAnswers.delete(verb);
      await sleep(scheduler, this.delayMs / 2 + lateMs);
      return this.isCut ? new Promise(() => {}) : reply;
    };
    return withTimeout(scheduler, COMMAND_TIMEOUT_MS, answer(), () => new YakError('METADATA_STORE_UNAVAILABLE', 'no answer'));
  }

  async check(): Promise<{ isDurable: boolean }> {
    await this.run(['load']);
    return { isDurable: this.store.isDurable };
  }

  close(): void {}
}

export class SimCoordinator {
  coordinator!: ClusterCoordinator;
  line!: SimLine;
  process!: SimProcess;

  constructor(
    private readonly cluster: SimCoordinators,
    readonly id: number,
  ) {}

  /** Resolves in virtual time when its start is over: acting or standing by. */
  async start(): Promise<void> {
    const { world, store } = this.cluster;
    const process = world.start(`c${this.id}`);
    this.process = process;
    this.line = new SimLine(store, process);
    let isStarted = false;
    process.run('start', () => {
      const boot = async (): Promise<void> => {
        const metadataLog = await SharedMetadataLog.open({ link: this.line, random: process.random, logger: process.logger });
        this.coordinator = new ClusterCoordinator({
          config: {
            id: this.id,
            advertisedAddress: { host: `c${this.id}`, port: 3180 },
            configuredBrokers: [0],
            leaderRebalanceDelayMs: null,
            offsetsTopic: null,
          },
          seams: process,
          metadataLog,
          validateTopicConfigs: () => [],
        });
        await this.coordinator.start();
        isStarted = true;
      };
      boot().catch((error) => world.fail(error));
    });
    await this.cluster.until(() => isStarted, `coordinator ${this.id} started`);
  }

  get state(): string {
    return this.coordinator.report().state;
  }

  get epoch(): number {
    return this.coordinator.report().coordinatorEpoch;
  }

  ask<K extends PatternKey>(pattern: K, request: RpcMessages[K][0]): Promise<RpcMessages[K][1]> {
    const answer = new Promise<RpcMessages[K][1]>((resolve, reject) => {
      this.process.run(pattern, () => {
        this.coordinator.handlers[pattern]!(request, contextOf('b0:1')).then((value) => resolve(value as RpcMessages[K][1]), reject);
      });
    });
    answer.catch(() => {});
    return answer;
  }
}

/** One blank broker, that registers and beats only when told to. */
export class SimCoordinators {
  readonly world = new SimWorld({ seed: 1 });
  readonly store = { model: new StoreModel(), isDurable: true };
  readonly all: readonly SimCoordinator[];
  registration: RegisterBrokerResponse | null = null;
  image = MetadataImage.empty();

  constructor(count = 2) {
    this.all = Array.from({ length: count }, (_, id) => new SimCoordinator(this, id));
  }

  /** The first one acts for a cluster that has begun, the second stands by. */
  static async active(): Promise<{ cluster: SimCoordinators; first: SimCoordinator; second: SimCoordinator }> {
    const cluster = new SimCoordinators();
    const [first, second] = cluster.all as [SimCoordinator, SimCoordinator];
    await first.start();
    await cluster.register(first);
    await second.start();
    return { cluster, first, second };
  }

  async until(condition: () => boolean, what: string, maxMs = 10_000): Promise<number> {
    const began = this.world.nowMs;
    if (!(await this.world.runUntil(condition, maxMs))) throw new Error(`not within ${maxMs} virtual ms: ${what}`);
    return this.world.nowMs - began;
  }

  async register(at: SimCoordinator): Promise<void> {
    this.registration = await this.world.settle(at.ask('registerBroker', this.registrationRequest()));
    this.image = at.coordinator.image;
    if (this.registration!.error !== 'NONE') return;
    await this.world.settle(at.ask('brokerHeartbeat', this.heartbeat()));
    this.image = at.coordinator.image;
  }

  private registrationRequest(): RpcMessages['registerBroker'][0] {
    const host = 'b0';
    return {
      brokerId: 0,
      incarnationId: 'i',
      directoryId: 'd',
      clusterId: this.registration?.clusterId ?? null,
      listeners: { kafka: { host, port: 1 }, replication: { host, port: 2 }, tcp: { host, port: 3 }, http: { host, port: 4 } },
      rack: null,
      software: { name: 'yak', version: '0' },
      protocol: { min: 1, max: 1 },
      isBlank: this.registration === null,
      storedBrokerEpoch: this.registration?.brokerEpoch ?? -1,
      wasCleanShutdown: false,
      isSameBoot: true,
      isComplete: true,
      lostPartitions: [],
      metadataRevision: this.image.revision,
      metadataOpId: this.image.opId,
      highestCoordinatorEpoch: this.image.coordinatorEpoch,
    };
  }

  /** What the broker holds, handed to one that collects copies; resolves when it was answered, or refused. */
  async offerCopy(at: SimCoordinator): Promise<void> {
    await at.ask('registerBroker', this.registrationRequest());
    const seen = { maxBrokerEpochSeen: 0, maxLeaderEpochSeen: 0, maxProducerIdSeen: 0 };
    const { coordinatorEpoch } = this.image;
    const copy = { brokerId: 0, incarnationId: 'i', snapshot: this.image.toSnapshot(), highestCoordinatorEpoch: coordinatorEpoch, ...seen };
    await at.ask('offerMetadataCopy', copy);
  }

  heartbeat(changes: Partial<BrokerHeartbeatRequest> = {}): BrokerHeartbeatRequest {
    return {
      brokerId: 0,
      brokerEpoch: this.registration!.brokerEpoch,
      appliedRevision: this.image.revision,
      appliedOpId: this.image.opId,
      wantsUnfenced: true,
      wantsShutdown: false,
      oldestSyncAgeMs: 0,
      isComplete: true,
      isDirectoryOffline: false,
      lastProbeWallMs: 0,
      ...changes,
    };
  }

  async createTopic(at: SimCoordinator, name: string): Promise<void> {
    const { topics } = await this.world.settle(at.ask('createTopics', { topics: [{ name, partitions: 1, replicationFactor: 1 }] }));
    assert(topics[0]?.error === 'NONE', `topic ${name} was not created: ${topics[0]?.error}`);
  }
}
