/**
 * A broker: recovers its data folder, joins the cluster, keeps its replicas as metadata says, and answers the verbs that
 * doors bring. Inside out at start (recover, register, follow metadata), outside in at stop (doors are closed by the
 * caller, then roles, then files).
 */
import { effectiveLogConfig } from '#config';
import { GroupTable } from '#groups';
import { NO_EPOCH, type RequestContext, YakError } from '#kernel';
import { type CleanerStats, type LogCleaner, type LogDirectory, openLogDirectory } from '#log';
import { MetadataCopy, MetadataImage } from '#metadata';
import type { ListClientsResponse, LocateRecordRequest, LocateRecordResponse, PatternKey, RpcMessages } from '#rpc';
import { type Cancellable, randomId } from '#seams';
import { Admin } from './admin.js';
import type { AdminVerbs } from './admin-verbs.js';
import { ClientRegistry } from './clients/client-registry.js';
import { type ClientVerbs, listClients, locateRecord } from './clients/client-verbs.js';
import { cluster } from './cluster.js';
import type { BrokerConfig, BrokerCounters, BrokerEvent, BrokerReport, BrokerSeams } from './contract.js';
import { CoordinatorLink } from './coordinator-link.js';
import { Counters, countRoles } from './counters.js';
import { createMissingTopics } from './create-missing-topics.js';
import { fetch } from './fetch.js';
import { GroupCoordinator, type GroupCoordinatorReport } from './groups/group-coordinator.js';
import { HAND_OVER_TIMEOUT_MS, handOver } from './hand-over.js';
import { sendProposal } from './isr-proposals.js';
import { listOffsets } from './list-offsets.js';
import type { Partition } from './partition.js';
import { produce } from './produce.js';
import { allocateProducerIds, ProducerIds } from './producer-ids.js';
import { QueuedBytes } from './queued-bytes.js';
import { ReplicaManager } from './replica-manager.js';
import type {
  BrokerVerbs,
  ClusterView,
  FetchRequest,
  FetchResponse,
  InitProducerIdResponse,
  ListOffsetsRequest,
  ListOffsetsResponse,
  ProduceRequest,
  ProduceResponse,
  TopicsRequest,
} from './verbs.js';

/** A sync that runs for longer than this means that the storage is wedged: /livez says so. */
export const STORAGE_WEDGED_MS = 30_000;

export class Broker implements BrokerVerbs, ClientVerbs {
  private directory: LogDirectory | null = null;
  private cleaner: LogCleaner | null = null;
  private copy: MetadataCopy | null = null;
  private link: CoordinatorLink | null = null;
  private replicas: ReplicaManager | null = null;
  private readonly tally = new Counters();
  private readonly listeners = new Set<(event: BrokerEvent) => void>();
  private readonly timers: Cancellable[] = [];
  private readonly producerIds: ProducerIds;
  private phase: 'recovering' | 'running' | 'stopping' | 'failed' = 'recovering';
  private failure: string | null = null;
  private isLeaving = false;
  private recovery: BrokerReport['recovery'] = { done: 0, total: 0, bytesRead: 0 };
  private lastProbeWallMs = 0;
  private lastState: BrokerReport['state'] = 'recovering';
  private groupCoordinator: GroupCoordinator | null = null;
  readonly admin: AdminVerbs;
  readonly clients: ClientRegistry;
  readonly queued: QueuedBytes;

  constructor(
    private readonly config: BrokerConfig,
    private readonly seams: BrokerSeams,
  ) {
    this.clients = new ClientRegistry(seams.clock, config.brokerId);
    this.queued = new QueuedBytes(seams.clock, config.queuedBytesMax ?? Number.POSITIVE_INFINITY);
    this.admin = new Admin(this, config, seams, () => this.requireReplicas());
    this.producerIds = new ProducerIds(() => allocateProducerIds(this.requireLink(), config));
  }

  // ---- lifecycle ----

  /**
   * Recovers the data folder and begins to join the cluster; resolves when recovery is done, not when it has joined (see
   * report and onEvent). Rejects with a YakError when the folder cannot be used. One that is stopped meanwhile joins nothing.
   */
  async start(): Promise<void> {
    const { config, seams } = this;
    const metadataPath = `${config.dataPath}/metadata`;
    // The folder's lock comes first: two processes on one folder would corrupt the copy as well as the logs (R11).
    this.directory = await openLogDirectory(
      { disk: seams.disk, clock: seams.clock, scheduler: seams.scheduler, random: seams.random, logger: seams.logger },
      config.dataPath,
      {
        brokerId: config.brokerId,
        configFor: (topic) => effectiveLogConfig(config.log, this.copiedTopicConfigs(metadataPath, topic)),
        onProgress: (progress) => void (this.recovery = progress),
        ...(config.tailCachesBytesMax !== undefined && { tailCachesBytesMax: config.tailCachesBytesMax }),
      },
    );
    if (this.phase === 'stopping') return this.directory.close();
    this.copy ??= MetadataCopy.open(seams.disk, `${metadataPath}/copy`);
    if (this.copy.damage) seams.logger.warn('the metadata copy was damaged; its good part is used', { damage: this.copy.damage });
    const { directory, copy } = this;
    const link = new CoordinatorLink(config, seams, copy, this.linkHost(directory, copy), randomId(seams.random));
    this.link = link;
    this.replicas = new ReplicaManager(
      {
        config,
        clock: seams.clock,
        scheduler: seams.scheduler,
        logger: seams.logger,
        authorizer: seams.authorizer,
        counters: this.tally,
        clients: this.clients,
        directory,
        queued: this.queued,
        replicas: seams.replicas,
        emit: (event) => this.emit(event),
        sendProposal: (partition, state) => void sendProposal(this.proposalHost, partition, state),
        onLost: () => link.registerAgain(),
        lastHeartbeatConfirmedAt: () => link.lastHeartbeatConfirmedAt,
        onRoleChanged: (partition) => this.groupCoordinator?.roleChanged(partition),
      },
      copy.image,
    );
    this.groupCoordinator = new GroupCoordinator({
      config: config.groups,
      broker: this.replicas,
      newMachine: () => new GroupTable(config.groups, seams.random),
      waitForMetadata: (condition, timeoutMs) => link.waitFor(condition, timeoutMs),
      confirmByHeartbeat: () => link.confirm(),
      memberSeen: (context, ...member) => this.clients.noteMember(context, ...member),
    });
    directory.onFailure((error) => this.storageFailed(error));
    this.cleaner = directory.createCleaner(config.cleaner, this.replicas.highWatermarkOf);
    this.cleaner.start();
    this.phase = 'running';
    this.every(config.highWatermarkCheckpointIntervalMs, () => this.checkpoint());
    this.every(config.retentionCheckIntervalMs, () => this.replicas!.applyRetention());
    this.every(Math.max(1, config.replicaLagTimeMaxMs / 2), () => this.replicas!.checkLag());
    this.noteState();
    link.start();
  }

  /**
   * `handOver`: ask for the shutdown slot and let leaders move first (R28); false for a stop of the whole cluster. Doors
   * are closed by the caller between `handOver()` and this where draining matters.
   */
  async stop(options: { handOver: boolean }): Promise<void> {
    if (options.handOver) await this.handOver();
    this.phase = this.phase === 'failed' ? 'failed' : 'stopping';
    this.noteState();
    for (const timer of this.timers) timer.cancel();
    const brokerEpoch = this.link?.brokerEpoch ?? NO_EPOCH;
    this.replicas?.stop();
    this.link?.stop();
    await this.cleaner?.stop();
    const { directory } = this;
    if (directory) {
      if (directory.failure) await directory.close();
      else {
        this.checkpoint();
        await directory.closeCleanly(brokerEpoch);
      }
    }
    this.copy?.close();
  }

  /** Leaders move away while doors still serve (R28); from now on this broker is not ready. False: the slot was not granted in time. */
  async handOver(timeoutMs = HAND_OVER_TIMEOUT_MS): Promise<boolean> {
    this.isLeaving = true;
    this.noteState();
    if (!this.link || this.phase !== 'running' || this.link.brokerEpoch < 0) return false;
    return handOver(this.link, this.seams, timeoutMs);
  }

  private linkHost(directory: LogDirectory, copy: MetadataCopy): ConstructorParameters<typeof CoordinatorLink>[3] {
    return {
      registration: () => ({
        directoryId: directory.state.directoryId,
        clusterId: directory.state.clusterId,
        isBlank: directory.state.isBlank && copy.image.revision < 0,
        storedBrokerEpoch: directory.state.storedBrokerEpoch,
        wasCleanShutdown: directory.state.wasCleanShutdown,
        isSameBoot: directory.state.isSameBoot,
        isComplete: directory.state.isComplete,
        lostPartitions: this.replicas!.lostPartitions,
      }),
      registered: (brokerEpoch, clusterId) => {
        directory.adopt(clusterId, this.config.brokerId);
        directory.storeBrokerEpoch(brokerEpoch);
        this.replicas!.registered(brokerEpoch);
        this.replicas!.apply(copy.image);
        this.noteState();
      },
      imageChanged: (image) => {
        this.replicas!.apply(image);
        this.groupCoordinator!.imageChanged(image);
        this.noteState();
      },
      heartbeat: () => ({
        oldestSyncAgeMs: directory.oldestSyncAgeMs(),
        isComplete: this.noteComplete(directory),
        isDirectoryOffline: directory.failure !== null,
        lastProbeWallMs: this.lastProbeWallMs,
      }),
      answerAsks: (asks) => asks.flatMap((ask) => this.replicas!.positionFor(ask.topicId, ask.partition, ask.leaderEpoch) ?? []),
      maxSeen: () => {
        let leaderEpoch = NO_EPOCH;
        let producerId = -1;
        for (const log of directory.partitions.values()) {
          leaderEpoch = Math.max(leaderEpoch, log.latestEpoch);
          producerId = Math.max(producerId, log.maxProducerId);
        }
        return { leaderEpoch, producerId };
      },
      storageFailed: (error) => directory.diskFailed(error),
      rejected: (error) => this.fail(error),
    };
  }

  /** "Not intact" stands until everything is held again; then it is set durably before the coordinator hears of it. */
  private noteComplete(directory: LogDirectory): boolean {
    const { isComplete } = this.replicas!;
    if (isComplete) directory.markComplete(true);
    return isComplete;
  }

  /** Topic configs as the copy on disk knows them, while recovery runs before anything else is open. */
  private copiedTopicConfigs(metadataPath: string, topic: string): Readonly<Record<string, string>> {
    this.copy ??= MetadataCopy.open(this.seams.disk, `${metadataPath}/copy`);
    return this.copy.image.topicsByName.get(topic)?.configs ?? {};
  }

  private every(intervalMs: number, task: () => void): void {
    const index = this.timers.length;
    const again = (): void => {
      this.timers[index] = this.seams.scheduler.after(intervalMs, () => {
        if (this.phase !== 'running') return;
        task();
        again();
      });
    };
    again();
  }

  private checkpoint(): void {
    if (this.directory && !this.directory.failure && this.replicas) this.directory.checkpointHighWatermarks(this.replicas.highWatermarks());
  }

  private storageFailed(error: Error): void {
    this.seams.logger.error('the data folder failed; this broker resigns and stays down until it is replaced or restarted', {
      reason: error.message,
    });
    this.fail(error);
  }

  private fail(error: Error): void {
    this.phase = 'failed';
    this.failure = error.message;
    this.noteState();
  }

  // ---- verbs ----

  get groups(): GroupCoordinator {
    this.requireReplicas();
    return this.groupCoordinator!;
  }

  produce(context: RequestContext, request: ProduceRequest): Promise<ProduceResponse> {
    return produce(this.requireReplicas(), context, request);
  }

  fetch(context: RequestContext, request: FetchRequest): Promise<FetchResponse> {
    return fetch(this.requireReplicas(), context, request);
  }

  listOffsets(context: RequestContext, request: ListOffsetsRequest): Promise<ListOffsetsResponse> {
    return listOffsets(this.requireReplicas(), context, request);
  }

  cluster(context: RequestContext, request: TopicsRequest): Promise<ClusterView> {
    return cluster(
      this.requireReplicas(),
      {
        isAllowed: this.config.autoCreateTopics,
        create: (names) => createMissingTopics(this.requireLink(), this.seams.logger, context, names),
      },
      context,
      request,
    );
  }

  async initProducerId(context: RequestContext, request: { transactionalId: string | null }): Promise<InitProducerIdResponse> {
    const refused = { producerId: -1, producerEpoch: -1 };
    if (request.transactionalId !== null) return { error: 'INVALID_REQUEST', ...refused };
    const isAllowed = this.seams.authorizer.isAllowed(context, 'IDEMPOTENT_WRITE', { type: 'CLUSTER', name: 'cluster' });
    return isAllowed ? this.producerIds.take() : { error: 'CLUSTER_AUTHORIZATION_FAILED', ...refused };
  }

  listClients(context: RequestContext): ListClientsResponse {
    return listClients(this.requireReplicas(), context);
  }

  locateRecord(context: RequestContext, request: LocateRecordRequest): Promise<LocateRecordResponse> {
    return locateRecord(this.requireReplicas(), context, request, (topic, partition) => this.groups.readersOf(topic, partition));
  }

  /** Admin calls that any broker takes and the cluster coordinator decides. Rejects with a YakError when it is away. */
  async forward<K extends PatternKey>(
    pattern: K,
    request: RpcMessages[K][0],
    timeoutMs = this.config.sessionTimeoutMs * 2,
  ): Promise<RpcMessages[K][1]> {
    return this.requireLink().request(pattern, request, timeoutMs);
  }

  /** Resolves true when the metadata image meets `condition`, false after `timeoutMs`. */
  waitForMetadata(condition: (image: MetadataImage) => boolean, timeoutMs: number): Promise<boolean> {
    return this.requireLink().waitFor(condition, timeoutMs);
  }

  private readonly proposalHost = {
    scheduler: this.seams.scheduler,
    logger: this.seams.logger,
    brokerId: this.config.brokerId,
    requestTimeoutMs: this.config.sessionTimeoutMs,
    isRunning: () => this.phase === 'running',
    link: () => this.requireLink(),
  };

  // ---- what others may ask ----

  get image(): MetadataImage {
    return this.copy?.image ?? MetadataImage.empty();
  }

  /** Replicas on this broker, for metrics, tools and the simulation's checkers. */
  get partitions(): Iterable<Partition> {
    return this.replicas?.all ?? [];
  }

  counters(): BrokerCounters {
    return this.tally;
  }

  groupReport(): GroupCoordinatorReport {
    return this.groupCoordinator?.report() ?? { shards: 0, loading: 0, groups: 0, offsets: 0 };
  }

  get cleanerStats(): CleanerStats | null {
    return this.cleaner?.stats ?? null;
  }

  /** /livez was asked: the next heartbeat carries the time. */
  probed(): void {
    this.lastProbeWallMs = this.seams.clock.wallMs();
  }

  onEvent(listener: (event: BrokerEvent) => void): void {
    this.listeners.add(listener);
  }

  report(): BrokerReport {
    const now = this.seams.clock.monotonicMs();
    const { link, directory } = this;
    const age = (at: number | null | undefined): number | null => (at === null || at === undefined ? null : now - at);
    const confirmedAgeMs = age(link?.lastHeartbeatConfirmedAt);
    const oldestSyncAgeMs = directory?.oldestSyncAgeMs() ?? 0;
    return {
      brokerId: this.config.brokerId,
      clusterId: directory?.state.clusterId ?? null,
      state: this.state(),
      brokerEpoch: link?.brokerEpoch ?? NO_EPOCH,
      coordinatorEpoch: link?.coordinatorEpoch ?? NO_EPOCH,
      metadataRevision: this.image.revision,
      lastHeartbeatSentAgeMs: age(link?.lastHeartbeatSentAt),
      lastHeartbeatAnsweredAgeMs: confirmedAgeMs,
      isDegraded: confirmedAgeMs === null || confirmedAgeMs > this.config.sessionTimeoutMs,
      isStorageWedged: oldestSyncAgeMs > STORAGE_WEDGED_MS,
      oldestSyncAgeMs,
      partitions: countRoles(this.partitions),
      recovery: this.recovery,
      failure: this.failure,
      externalKafka: this.config.listeners.externalKafka ?? null,
      externalTcp: this.config.listeners.externalTcp ?? null,
    };
  }

  private state(): BrokerReport['state'] {
    if (this.isLeaving && this.phase !== 'failed') return 'stopping';
    if (this.phase !== 'running') return this.phase;
    if (!this.link || this.link.brokerEpoch < 0) return 'registering';
    const self = this.image.brokers.get(this.config.brokerId);
    return self && self.brokerEpoch === this.link.brokerEpoch && !self.isFenced ? 'active' : 'fenced';
  }

  private noteState(): void {
    const state = this.state();
    if (state === this.lastState) return;
    this.lastState = state;
    this.emit({ kind: 'state', state, atMs: this.seams.clock.monotonicMs() });
  }

  private emit(event: BrokerEvent): void {
    this.seams.logger.info(event.kind, { ...event });
    for (const listener of this.listeners) listener(event);
  }

  private requireReplicas(): ReplicaManager {
    if (!this.replicas) throw new YakError('UNAVAILABLE', 'this broker has not recovered its data yet');
    return this.replicas;
  }

  private requireLink(): CoordinatorLink {
    if (!this.link) throw new YakError('UNAVAILABLE', 'this broker has not recovered its data yet');
    return this.link;
  }
}
