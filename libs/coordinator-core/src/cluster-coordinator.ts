/**
 * The cluster coordinator as a process sees it: it loads the store, stands by while another one acts on it, takes over, and acts
 * until the store refuses it; then it starts over. In between an empty store waits for its brokers (bootstrap), a suspect one
 * collects their copies (R19).
 *
 * What is served while it acts is in reign.ts; what is decided is in #metadata. It owns no socket: a door calls `handlers`
 * and tells it about closed connections.
 */
import type { RequestContext } from '#kernel';
import { YakError } from '#kernel';
import type { MetadataEntry, MetadataRecord } from '#metadata';
import { MetadataImage } from '#metadata';
import type {
  BrokerHeartbeatRequest,
  BrokerHeartbeatResponse,
  OfferMetadataCopyRequest,
  OfferMetadataCopyResponse,
  RegisterBrokerRequest,
  RegisterBrokerResponse,
  RpcHandlers,
} from '#rpc';
import { RpcFailureError } from '#rpc';
import type { Cancellable } from '#seams';
import type { LeaderView } from './answers.js';
import { BlankBrokers, newCluster } from './blank-brokers.js';
import { ClientGatherer } from './client-gatherer.js';
import type { ClusterCoordinatorOptions, CoordinatorConfig, CoordinatorReport, CoordinatorState } from './config.js';
import { DEFAULT_COORDINATOR_CONFIG } from './config.js';
import { CopyCollector } from './copy-collector.js';
import { Listeners } from './listeners.js';
import { Reign } from './reign.js';
import { StoreRebuild, type StoreRebuildHost } from './store-rebuild.js';
import { type TrustHost, trustStore } from './trust.js';
import { TurnTaker } from './turn-taker.js';
import { Waiters } from './waiters.js';

/** After it had to stop acting, or could not begin. */
export const RESTART_DELAY_MS = 1_000;
/** The same with a shared store: brokers wait for whoever is next. */
export const SHARED_RESTART_DELAY_MS = 100;
/** The same reason for not acting is told again after this. */
export const TROUBLE_TOLD_AGAIN_MS = 60_000;
/** A broker that registers while the cluster does not exist yet is answered after this at the latest. */
export const REGISTRATION_HOLD_MS = 500;
/** What a shared store may answer with for a while: it is tried again, however often. */
const PASSING_TROUBLES: ReadonlySet<string> = new Set(['METADATA_STORE_UNAVAILABLE', 'METADATA_STORE_CHANGED', 'STALE_COORDINATOR_EPOCH']);

const NOT_REGISTERED = { brokerEpoch: -1, clusterId: '', revision: -1, wantsMetadataCopy: false } as const;

export class ClusterCoordinator {
  readonly handlers: RpcHandlers;
  private readonly config: CoordinatorConfig;
  private state: CoordinatorState = 'stopped';
  private reason: string | null = null;
  private readonly turnTaker: TurnTaker;
  /** Op ids by revision, as far as this store's own chain is known. */
  private knownOpId: (revision: number) => string | null = () => null;
  private reign: Reign | null = null;
  private rebuild: StoreRebuild | null = null;
  private readonly blankBrokers: BlankBrokers;
  private bootstrapping: Promise<void> | null = null;
  private readonly stateChanges: Waiters;
  /** Last told why it does not act: a store that is away is tried ten times a second. */
  private trouble = { reason: '', toldAt: Number.NEGATIVE_INFINITY };
  private restartTimer: Cancellable | null = null;
  /** Counts beginnings and ends of what is done with the store: one at a time. */
  private life = 0;
  private readonly leaderListeners = new Listeners<[LeaderView]>(this.options.seams.logger);
  private readonly entryListeners = new Listeners<[MetadataEntry, MetadataImage]>(this.options.seams.logger);
  private readonly stateListeners = new Listeners<[CoordinatorState, string | null]>(this.options.seams.logger);

  constructor(private readonly options: ClusterCoordinatorOptions) {
    this.config = { ...DEFAULT_COORDINATOR_CONFIG, ...options.config };
    const { clock, scheduler } = options.seams;
    this.stateChanges = new Waiters(scheduler);
    this.turnTaker = new TurnTaker({
      log: options.metadataLog,
      seams: options.seams,
      self: () => ({ id: this.config.id, ...this.config.advertisedAddress }),
      beatIntervalMs: this.config.beatIntervalMs,
      turnTimeoutMs: this.config.turnTimeoutMs,
      onStandby: (reason) => {
        if (!this.isStopped) this.become('standby', reason);
      },
      onLost: (reason) => this.turnLost(reason),
    });
    this.blankBrokers = new BlankBrokers(this.config.configuredBrokers, this.config.autoBootstrap, () => clock.monotonicMs());
    const clients = new ClientGatherer(options.seams);
    this.handlers = {
      metadata: async (request) => this.acting().metadata(request),
      createTopics: async (request) => this.acting().topics.createTopics(request),
      deleteTopics: async (request) => this.acting().topics.deleteTopics(request),
      createPartitions: async (request) => this.acting().topics.createPartitions(request),
      alterConfigs: async (request) => this.acting().topics.alterConfigs(request),
      describeCluster: async () => this.acting().describeCluster(),
      listClients: async () => clients.gather(this.acting().image),
      registerBroker: (request, context) => this.registerBroker(request, context),
      brokerHeartbeat: (request, context) => this.brokerHeartbeat(request, context),
      metadataFetch: async (request) => this.acting().metadataFetch(request),
      alterPartition: async (request) => this.acting().alterPartition(request),
      allocateProducerIds: async (request) => this.acting().allocateProducerIds(request),
      reportPositions: async (request) => this.acting().reportPositions(request),
      offerMetadataCopy: (request) => this.offerMetadataCopy(request),
      trustStore: (request, context) => trustStore(this.trustHost, request, context),
      electLeader: async (request) => this.acting().electLeader(request),
    };
  }

  /**
   * Resolves once the store is loaded and taken over, or stood by for; also when a shared store is away, which is tried again and
   * again. Rejects with the store's YakError when that will not pass.
   */
  async start(): Promise<void> {
    if (this.state !== 'stopped') throw new YakError('ALREADY_STARTED', 'the cluster coordinator was started already');
    const life = ++this.life;
    const begun = this.begin();
    try {
      await Promise.race([begun, this.whenStandby()]);
    } catch (error) {
      if (life === this.life && !this.mayPass(error)) throw error;
      this.couldNotBegin(error, life);
      return;
    }
    begun.catch((error) => this.couldNotBegin(error, life));
  }

  /** Answers whoever waits, releases the turn, then closes the store. */
  async stop(): Promise<void> {
    if (this.state === 'stopped') return;
    this.life++;
    this.restartTimer?.cancel();
    this.become('stopped', null);
    this.reign?.stop('it is shutting down');
    this.reign = null;
    await this.turnTaker.close();
  }

  /** The table of leaders; empty while it does not act. */
  leaders(): LeaderView[] {
    return this.reign?.leaders() ?? [];
  }

  /** After each committed election. Answers the way to stop listening. */
  onLeaderChange(listener: (view: LeaderView) => void): () => void {
    return this.leaderListeners.add(listener);
  }

  onEntry(listener: (entry: MetadataEntry, image: MetadataImage) => void): () => void {
    return this.entryListeners.add(listener);
  }

  onState(listener: (state: CoordinatorState, reason: string | null) => void): () => void {
    return this.stateListeners.add(listener);
  }

  /** The metadata as committed; while it does not act, as it was loaded. */
  get image(): MetadataImage {
    return this.reign?.image ?? this.turnTaker.image;
  }

  report(): CoordinatorReport {
    const { image } = this;
    return {
      state: this.state,
      reason: this.reason,
      clusterId: image.cluster?.clusterId ?? null,
      coordinatorEpoch: this.turnTaker.coordinatorEpoch,
      revision: image.revision,
      isSuspect: this.state === 'collecting' || (image.coordinator?.isSuspect ?? false),
      ...this.turnTaker.report(),
      ...(this.reign?.report() ?? { brokers: [], leaderlessPartitions: 0, askedPartitions: 0, loopDelayMs: 0 }),
    };
  }

  /** A door says that a connection ended; `clientAddress` is that of its requests' contexts (R22, fast path). */
  connectionClosed(clientAddress: string): void {
    this.reign?.connectionClosed(clientAddress);
  }

  // ---- life ----

  private async begin(): Promise<void> {
    this.become('starting', null);
    const acquired = await this.turnTaker.acquire();
    if (acquired === 'given up' || this.isStopped) return;
    const { image, entries } = this.turnTaker;
    this.knownOpId = (revision) => this.turnTaker.opIdAt(revision);
    if (acquired.suspicion !== null) this.collect(acquired.suspicion);
    else if (image.cluster === null) this.become('bootstrapping', this.blankBrokers.reason);
    else await this.act(image, entries, image.coordinator?.isSuspect ?? false);
  }

  private turnLost(reason: string): void {
    if (this.reign) this.reign.stop(reason);
    else if (!this.isStopped && this.state !== 'inactive') this.startOver(reason);
  }

  private async act(image: MetadataImage, entries: readonly MetadataEntry[], isSuspect: boolean, records: readonly MetadataRecord[] = []) {
    const { seams, metadataLog, validateTopicConfigs } = this.options;
    const reign: Reign = new Reign({
      config: this.config,
      seams,
      metadataLog,
      validateTopicConfigs,
      coordinatorEpoch: this.turnTaker.coordinatorEpoch,
      turn: this.turnTaker,
      image,
      recentEntries: entries,
      onEntry: (entry, _before, after) => this.entryListeners.tell(entry, after),
      onLeaderChange: (view) => this.leaderListeners.tell(view),
      onStopped: (reason) => this.reignEnded(reign, reason),
      onContradiction: (reason) => this.collect(reason),
    });
    this.reign = reign;
    await reign.begin(isSuspect, records);
    if (this.reign !== reign) return;
    this.trouble = { reason: '', toldAt: Number.NEGATIVE_INFINITY };
    this.become('active', null);
  }

  private reignEnded(reign: Reign, reason: string): void {
    if (this.reign !== reign) return;
    this.reign = null;
    this.turnTaker.moveTo(reign.image);
    if (!this.isStopped) this.startOver(reason);
  }

  private startOver(reason: string): void {
    const { clock, logger, scheduler } = this.options.seams;
    const now = clock.monotonicMs();
    if (reason !== this.trouble.reason || now - this.trouble.toldAt >= TROUBLE_TOLD_AGAIN_MS) {
      logger.error('the cluster coordinator does not act', { reason });
      this.trouble = { reason, toldAt: now };
    }
    this.life++;
    this.turnTaker.giveUp();
    this.rebuild = null;
    this.become('inactive', reason);
    this.restartTimer?.cancel();
    this.restartTimer = scheduler.after(this.options.metadataLog.isShared ? SHARED_RESTART_DELAY_MS : RESTART_DELAY_MS, () => {
      const life = ++this.life;
      if (!this.isStopped) this.begin().catch((error) => this.couldNotBegin(error, life));
    });
  }

  /** What an earlier life says late is void: there must never be two at once. */
  private couldNotBegin(error: unknown, life: number): void {
    if (!this.isStopped && life === this.life) this.startOver((error as Error).message);
  }

  private whenStandby(): Promise<void> {
    return new Promise((resolve) => {
      const stopListening = this.onState((state) => {
        if (state === 'starting') return;
        stopListening();
        if (state === 'standby') resolve();
      });
    });
  }

  private mayPass(error: unknown): boolean {
    return this.options.metadataLog.isShared && PASSING_TROUBLES.has((error as { code?: string }).code ?? '');
  }

  // ---- requests that are answered in every state ----

  private async registerBroker(request: RegisterBrokerRequest, context: RequestContext): Promise<RegisterBrokerResponse> {
    this.requireTurn();
    if (this.state === 'bootstrapping') {
      const waiting = await this.registerBlank(request);
      if (waiting !== null) return waiting;
    }
    if (this.state === 'collecting') {
      const wantsMetadataCopy = await this.rebuild!.registering(request);
      return { ...this.waiting(this.reason ?? 'register again'), wantsMetadataCopy };
    }
    return this.acting().registerBroker(request, context);
  }

  private async brokerHeartbeat(request: BrokerHeartbeatRequest, context: RequestContext): Promise<BrokerHeartbeatResponse> {
    if (request.wantsProof) await this.requireProof();
    this.requireTurn();
    if (this.state !== 'bootstrapping' && this.state !== 'collecting') {
      const answer = await this.acting().heartbeat(request, context);
      // It makes the broker give its registration up: only who has the turn may say so.
      if (answer.error !== 'NONE') await this.requireProof();
      return answer;
    }
    const { coordinatorEpoch } = this.turnTaker;
    const message = this.reason ?? 'register again';
    return { error: 'BROKER_ID_NOT_REGISTERED', message, coordinatorEpoch, revision: -1, isFenced: true, mayShutDown: false, asks: [] };
  }

  // ---- an empty store ----

  /** Null when the cluster exists now and the registration may go on. */
  private async registerBlank(request: RegisterBrokerRequest): Promise<RegisterBrokerResponse | null> {
    if (request.clusterId !== null || !request.isBlank) {
      this.collect(`the store is empty, but broker ${request.brokerId} holds data of cluster ${request.clusterId ?? '(unknown)'}`);
      return null;
    }
    const refusal = this.blankBrokers.refusal(request.brokerId);
    if (refusal !== null) return this.waiting(refusal);
    this.blankBrokers.asked(request.brokerId);
    this.reason = this.blankBrokers.reason;
    if (this.blankBrokers.missing().length === 0 && this.config.autoBootstrap) await this.bootstrap();
    else await this.stateChanges.wait(REGISTRATION_HOLD_MS);
    return this.state === 'bootstrapping' ? this.waiting(this.blankBrokers.reason) : null;
  }

  /** First entry of a cluster. Once only, however many ask. */
  private async bootstrap(): Promise<void> {
    this.bootstrapping ??= this.act(MetadataImage.empty(), [], false, [newCluster(this.config, this.options.seams.random)]).finally(() => {
      this.bootstrapping = null;
    });
    await this.bootstrapping;
  }

  // ---- a suspect store ----

  private collect(reason: string): void {
    if (this.state === 'collecting' || this.isStopped) return;
    const { reign } = this;
    this.turnTaker.moveTo(this.image);
    if (reign) this.knownOpId = (revision) => reign.chain.opIdAt(revision);
    const { image, coordinatorEpoch } = this.turnTaker;
    const own = { image, coordinatorEpoch, opIdAt: this.knownOpId };
    const collector = new CopyCollector(reason, [...this.config.configuredBrokers, ...image.brokers.keys()], own);
    this.rebuild = new StoreRebuild(collector, this.rebuildHost());
    this.options.seams.logger.error('the metadata store is suspect; collecting the copies of the brokers', { reason });
    this.reign = null;
    this.become('collecting', collector.waitsFor);
    // Whoever knew more may be gone when this process starts again: the store itself has to remember.
    this.options.metadataLog.markSuspect(reason).catch((error) => {
      this.options.seams.logger.error('the suspicion could not be stored', { reason: (error as Error).message });
    });
    reign?.stop(`the store is suspect: ${reason}`);
  }

  private async offerMetadataCopy(request: OfferMetadataCopyRequest): Promise<OfferMetadataCopyResponse> {
    if (this.state !== 'collecting') return { error: 'NONE', message: 'copies are not wanted any more' };
    await this.rebuild!.offered(request);
    return { error: 'NONE' };
  }

  private rebuildHost(): StoreRebuildHost {
    const { config, turnTaker, blankBrokers } = this;
    return {
      ...{ config, turnTaker, blankBrokers },
      seams: this.options.seams,
      metadataLog: this.options.metadataLog,
      isCollecting: (rebuild) => this.state === 'collecting' && this.rebuild === rebuild,
      tell: (reason) => {
        this.reason = reason;
      },
      notActive: (reason) => this.notActive(reason),
      act: (image, isSuspect) => this.act(image, [], isSuspect),
    };
  }

  private readonly trustHost: TrustHost = {
    logger: this.options.seams.logger,
    situation: () => ({
      state: this.state,
      reason: this.reason,
      coordinatorEpoch: this.turnTaker.coordinatorEpoch,
      image: this.image,
      isUnderWay: this.rebuild?.isUnderWay === true || this.bootstrapping !== null,
      collector: this.rebuild?.collector ?? null,
      missingBlank: this.blankBrokers.missing(),
      suspicion: this.state === 'active' ? (this.reign?.suspicion ?? null) : null,
    }),
    requireTurn: () => this.requireTurn(),
    requireProof: () => this.requireProof(),
    beginHistory: () => this.rebuild!.begin(true),
    beginCluster: () => (this.state === 'collecting' ? this.rebuild!.begin(true) : this.bootstrap()),
  };

  // ---- small things ----

  private acting(): Reign {
    if (this.reign === null || this.state !== 'active') throw this.notActive(this.reason ?? `it is ${this.state}`);
    this.requireTurn();
    return this.reign;
  }

  private async requireProof(): Promise<void> {
    if (!(await this.turnTaker.prove())) throw this.notActive('its store did not confirm that it acts');
  }

  private requireTurn(): void {
    if (this.turnTaker.isSure) return;
    const isUnsure = this.reign !== null || this.state === 'bootstrapping' || this.state === 'collecting';
    if (isUnsure) throw this.notActive('its metadata store does not answer, so another one may act by now');
    throw this.notActive(this.reason ?? `it is ${this.state}`);
  }

  private notActive(reason: string): YakError {
    const actor = this.turnTaker.otherActor;
    const acting = actor ? { host: actor.host, port: actor.port } : undefined;
    return new RpcFailureError('NOT_ACTIVE', `this cluster coordinator does not act: ${reason}`, undefined, acting);
  }

  private waiting(message: string): RegisterBrokerResponse {
    return { error: 'BROKER_NOT_AVAILABLE', message, ...NOT_REGISTERED, coordinatorEpoch: this.turnTaker.coordinatorEpoch };
  }

  private get isStopped(): boolean {
    return this.state === 'stopped';
  }

  private become(state: CoordinatorState, reason: string | null): void {
    this.state = state;
    this.reason = reason;
    this.stateChanges.wakeAll();
    this.stateListeners.tell(state, reason);
  }
}
