/**
 * The cluster coordinator as a process: the only place where the real clock, disk and network meet its core, and the core its
 * doors. Start: the store, the doors, then its turn; ready means that it acts, or that it stands by with a warm copy. Stop:
 * doors, then the turn is released, then the store; there is nothing to hand over, since brokers serve without it (R21).
 */
import { type CoordinatorOptions, type CoordinatorRole, type ProcessMessage, parseCoordinatorOptions, validateTopicConfigs } from '#config';
import { ClusterCoordinator, type CoordinatorState } from '#coordinator-core';
import { assert } from '#kernel';
import { formatAddress, type Logger } from '#seams';
import { createLogger, NodeClock, NodeDisk, NodeNetwork, NodeRandom, NodeScheduler } from '#seams-node';
import { CONTROL_LIMITS } from '../../shared/control-limits.js';
import type { HttpDoor } from '../../shared/http-door/index.js';
import { type NestDoor, startNestDoor } from '../../shared/nest-door/index.js';
import { type ServerProcess, takeLogOptions, tellSupervisor } from '../../shared/process/server-process.js';
import { toCoordinatorConfig } from './coordinator.config.js';
import { openCoordinatorHttpDoor } from './doors/http/coordinator-http-door.js';
import type { CoordinatorRpcHandlers } from './doors/nest-tcp/coordinator.controller.js';
import { NestTcpModule } from './doors/nest-tcp/nest-tcp.module.js';
import { type MetadataStore, openMetadataStore } from './metadata-store.js';

/** Long polls do not end by themselves in this time; everything else does. */
const DRAIN_MS = 200;

export class CoordinatorProcess implements ServerProcess {
  readonly stopTimeoutMs = { withHandOver: 10_000, alone: 10_000 };
  private readonly clock = new NodeClock();
  private readonly scheduler = new NodeScheduler();
  private readonly network = new NodeNetwork();
  private readonly random = new NodeRandom();
  private store: MetadataStore | null = null;
  private coordinator: ClusterCoordinator | null = null;
  private http: HttpDoor | null = null;
  private nest: NestDoor | null = null;

  static create(argv: readonly string[]): CoordinatorProcess {
    const { rest, format, level } = takeLogOptions(argv);
    const disk = new NodeDisk();
    const options = parseCoordinatorOptions(rest, process.env, disk);
    return new CoordinatorProcess(options, disk, createLogger({ name: 'coordinator', format, level }));
  }

  constructor(
    private readonly options: CoordinatorOptions,
    private readonly disk: NodeDisk,
    readonly logger: Logger,
  ) {}

  async start(): Promise<Extract<ProcessMessage, { type: 'ready' }>> {
    const { options, logger } = this;
    const advertised = { ...options.listeners.tcp.advertised };
    for (const warning of options.warnings) logger.warn(warning);
    const store = await openMetadataStore(options, this.disk, this.random, logger);
    this.store = store;
    const coordinator = new ClusterCoordinator({
      config: toCoordinatorConfig(options, advertised, store.name),
      seams: { clock: this.clock, scheduler: this.scheduler, random: this.random, network: this.network, logger },
      metadataLog: store.log,
      validateTopicConfigs,
    });
    this.coordinator = coordinator;
    await this.openDoors(coordinator);
    if (advertised.port === 0) advertised.port = this.nest!.server.boundAddress.port;
    this.nest!.server.onConnectionClosed((clientAddress) => coordinator.connectionClosed(clientAddress));
    coordinator.onLeaderChange(({ topic, partition, leader, leaderEpoch }) => {
      logger.info('leader', { topic, partition, leader, leaderEpoch });
      tellSupervisor({ type: 'leader', topic, partition, leader, leaderEpoch });
    });
    this.tellStates(coordinator);
    store.publishLeadersOf(coordinator);
    const serving = this.whenServing(coordinator);
    await coordinator.start();
    await serving;
    const ready = {
      type: 'ready',
      clusterId: coordinator.report().clusterId ?? '',
      pid: process.pid,
      tcp: formatAddress({ host: options.listeners.tcp.bind.host, port: this.nest!.server.boundAddress.port }),
      http: formatAddress({ host: options.listeners.http.bind.host, port: this.http!.address.port }),
    } as const;
    logger.info('ready', { clusterId: ready.clusterId, tcp: ready.tcp, http: ready.http, store: store.name });
    return ready;
  }

  async stop(): Promise<void> {
    await this.nest?.server.drain(DRAIN_MS);
    await this.coordinator?.stop();
    this.store?.close();
    await this.nest?.app.close();
    await this.http?.close();
  }

  /** Nothing here waits for others. */
  hurry(): void {}

  private async openDoors(coordinator: ClusterCoordinator): Promise<void> {
    const { options, logger } = this;
    const { tcp, http } = options.listeners;
    const hostNames = [...new Set([tcp.advertised.host.toLowerCase(), http.advertised.host.toLowerCase()])];
    this.nest = await startNestDoor(NestTcpModule.over(allHandlers(coordinator)), { address: tcp.bind, logger, limits: CONTROL_LIMITS });
    const { server } = this.nest;
    this.http = await openCoordinatorHttpDoor(
      { address: http.bind, hostNames, logger, storeTimeoutMs: options.values['coordinator.session.timeout.ms'] },
      coordinator,
      () => server.connectionCount,
    );
  }

  /** To the log and the supervisor; not each of the attempts while the store is away. */
  private tellStates(coordinator: ClusterCoordinator): void {
    let last = '';
    coordinator.onState((state, reason) => {
      const role = ROLES[state];
      if (role === undefined || `${role} ${reason}` === last) return;
      last = `${role} ${reason}`;
      const { coordinatorEpoch } = coordinator.report();
      this.logger.info('state', { state, coordinatorEpoch, ...(reason && { reason }) });
      tellSupervisor({ type: 'state', state: role, coordinatorEpoch, reason });
    });
  }

  private whenServing(coordinator: ClusterCoordinator): Promise<void> {
    return new Promise((resolve) => {
      const stop = coordinator.onState((state) => {
        if (state !== 'active' && state !== 'standby') return;
        stop();
        resolve();
      });
    });
  }
}

/** Without the states that are over in a moment. */
const ROLES: { readonly [S in CoordinatorState]?: CoordinatorRole } = {
  active: 'active',
  standby: 'standby',
  bootstrapping: 'bootstrapping',
  collecting: 'collecting',
  inactive: 'inactive',
};

/** The controller serves every message of a coordinator; one without a handler is a mistake of ours, found at start. */
function allHandlers({ handlers }: ClusterCoordinator): CoordinatorRpcHandlers {
  for (const key of ['metadata', 'registerBroker', 'brokerHeartbeat', 'metadataFetch', 'alterPartition'] as const) {
    assert(handlers[key], `the cluster coordinator has no handler for ${key}`);
  }
  return handlers as CoordinatorRpcHandlers;
}
