/**
 * One cluster coordinator acting on one sound (or newly begun) history: everything that is served while it acts. Born with
 * a coordinator epoch, ends with the first refusal of the store and never comes back; ClusterCoordinator starts the next.
 */
import type { BrokerId, RequestContext } from '#kernel';
import { assert, NO_BROKER, YakError } from '#kernel';
import type {
  CoordinatorRecord,
  Decision,
  DecisionState,
  MetadataEntry,
  MetadataLog,
  MetadataRecord,
  Outcome,
  PartitionName,
  ValidateTopicConfigs,
} from '#metadata';
import {
  allocateProducerIds,
  alterPartition,
  askedElection,
  brokerEpochProblem,
  controlledShutdown,
  deltaOf,
  failDirectory,
  MetadataImage,
  markComplete,
  moveLeadersAway,
  registerBroker,
  unfenceBroker,
} from '#metadata';
import type {
  AllocateProducerIdsRequest,
  AllocateProducerIdsResponse,
  AlterPartitionRequest,
  AlterPartitionResponse,
  BrokerHeartbeatRequest,
  BrokerHeartbeatResponse,
  DescribeClusterResponse,
  ElectLeaderRequest,
  ElectLeaderResponse,
  MetadataFetchRequest,
  MetadataFetchResponse,
  MetadataRequest,
  MetadataResponse,
  RegisterBrokerRequest,
  RegisterBrokerResponse,
  ReportPositionsRequest,
  ReportPositionsResponse,
} from '#rpc';
import { PROTOCOL } from '#rpc';
import type { LeaderView } from './answers.js';
import { describeBrokers, leaderView, metadataAnswer } from './answers.js';
import { Asking } from './asking.js';
import { BrokerSessions } from './broker-sessions.js';
import { BrokerWatch } from './broker-watch.js';
import type { CoordinatorConfig, CoordinatorReport, CoordinatorSeams } from './config.js';
import { FailureDetector } from './failure-detector.js';
import { MetadataChain } from './metadata-chain.js';
import { OffsetsTopic } from './offsets-topic.js';
import { electByOperator } from './operator-elections.js';
import { Suspicion } from './suspicion.js';
import { TopicCommands } from './topic-commands.js';
import type { Turn } from './turn.js';
import { Upkeep } from './upkeep.js';
import { Waiters } from './waiters.js';

/** Longest that a request may wait for something new. */
export const MAX_WAIT_MS = 30_000;
/** Entries in one answer to a broker; the rest follows in the next. */
export const MAX_ENTRIES_PER_FETCH = 200;

export interface ReignOptions {
  readonly config: CoordinatorConfig;
  readonly seams: CoordinatorSeams;
  readonly metadataLog: MetadataLog;
  readonly validateTopicConfigs: ValidateTopicConfigs;
  readonly coordinatorEpoch: number;
  readonly turn: Pick<Turn, 'isSure' | 'standbys' | 'prove'>;
  readonly image: MetadataImage;
  readonly recentEntries: readonly MetadataEntry[];
  readonly onEntry: (entry: MetadataEntry, before: MetadataImage, after: MetadataImage) => void;
  readonly onLeaderChange: (view: LeaderView) => void;
  readonly onStopped: (reason: string) => void;
  /** A broker knows what this history does not (R19). */
  readonly onContradiction: (reason: string) => void;
}

export class Reign {
  readonly chain: MetadataChain;
  /** Creation, growth, configs and deletion of topics. */
  readonly topics: TopicCommands;
  readonly suspicion: Suspicion;
  private readonly config: CoordinatorConfig;
  private readonly seams: CoordinatorSeams;
  private readonly detector: FailureDetector;
  private readonly sessions = new BrokerSessions();
  private readonly asking = new Asking();
  private readonly watch: BrokerWatch;
  private readonly offsetsTopic: OffsetsTopic;
  private readonly upkeep: Upkeep;
  /** Woken by every commit, and when the reign ends. */
  private readonly commits: Waiters;
  /** Woken when a broker said that it applied more. */
  private readonly applications: Waiters;
  /** Revision that fenced a broker, or gave it the shutdown slot: what others must have applied. */
  private readonly fencedAtRevision = new Map<BrokerId, number>();
  private readonly shutdownAtRevision = new Map<BrokerId, number>();
  private readonly firstRevision: number;
  private readonly isHeard = (brokerId: BrokerId): boolean => this.detector.lastHeardAt(brokerId) !== null;
  private readonly greyReplacementAt = new Map<string, number>();

  constructor(private readonly options: ReignOptions) {
    this.config = options.config;
    this.seams = options.seams;
    this.commits = new Waiters(this.seams.scheduler);
    this.applications = new Waiters(this.seams.scheduler);
    this.detector = new FailureDetector(this.config.sessionTimeoutMs);
    this.firstRevision = options.image.revision;
    this.asking.reset(options.image);
    this.chain = new MetadataChain(
      {
        log: options.metadataLog,
        random: this.seams.random,
        scheduler: this.seams.scheduler,
        logger: this.seams.logger,
        snapshotEveryEntries: this.config.snapshotEveryEntries,
        onCommitted: (entry, before, after) => this.committed(entry, before, after),
        onRegained: () => this.detector.beginGrace(this.now()),
        onStopped: (reason) => this.end(reason),
      },
      options.image,
      options.coordinatorEpoch,
      options.recentEntries,
    );
    this.suspicion = new Suspicion(this.chain, options.coordinatorEpoch, this.seams.logger);
    this.watch = new BrokerWatch(this.seams, this.chain, this.detector, this.sessions, options.turn, () => {
      this.upkeep.runIfDue();
      this.offsetsTopic.createIfDue();
    });
    this.topics = new TopicCommands({
      config: this.config,
      seams: this.seams,
      validateTopicConfigs: options.validateTopicConfigs,
      chain: this.chain,
      sessions: this.sessions,
      applications: this.applications,
      isHeard: this.isHeard,
    });
    this.upkeep = new Upkeep(this.config.leaderRebalanceDelayMs, this.seams.clock, this.chain, this.isHeard);
    this.offsetsTopic = new OffsetsTopic(this.config, this.seams, this.chain, this.topics);
  }

  get image(): MetadataImage {
    return this.chain.image;
  }

  /** Commits the first entry of this reign; nobody is served before. Rejects with NOT_ACTIVE when the store refuses it. */
  async begin(isSuspect: boolean, records: readonly MetadataRecord[] = []): Promise<void> {
    const { coordinatorEpoch } = this.options;
    const first: CoordinatorRecord = {
      type: 'coordinator',
      version: 1,
      coordinatorEpoch,
      address: this.config.advertisedAddress,
      isSuspect,
    };
    await this.chain.submit(() => ({ records: [first, ...records], response: null }), { isAlone: true });
    this.watch.start();
  }

  /** Ends it from outside; whoever waits is answered with NOT_ACTIVE. */
  stop(reason: string): void {
    this.chain.stop(reason);
  }

  connectionClosed(clientAddress: string): void {
    const session = this.sessions.closed(clientAddress);
    if (session) void this.watch.connectionClosed(session);
  }

  // ---- control plane ----

  async registerBroker(request: RegisterBrokerRequest, context: RequestContext): Promise<RegisterBrokerResponse> {
    const refuse = (error: Outcome['error'], message: string): RegisterBrokerResponse => this.registration({ error, message }, -1);
    if (request.protocol.max < PROTOCOL.min || request.protocol.min > PROTOCOL.max) {
      const theirs = `${request.protocol.min} to ${request.protocol.max}`;
      return refuse(
        'UNSUPPORTED_VERSION',
        `broker ${request.brokerId} speaks control protocol ${theirs}, this coordinator ${PROTOCOL.min} to ${PROTOCOL.max}`,
      );
    }
    if (request.clusterId !== null && request.clusterId === this.image.cluster?.clusterId) {
      const contradiction =
        this.suspicion.contradiction(request.metadataRevision, request.metadataOpId) ??
        this.suspicion.epochContradiction(request.storedBrokerEpoch, request.highestCoordinatorEpoch);
      if (contradiction !== null) throw await this.contradicted(request.brokerId, contradiction);
      const given = this.suspicion.givenUp(request.brokerId, request.metadataRevision, request.metadataOpId);
      if (given !== null) return refuse('BROKER_NOT_AVAILABLE', given);
    }
    const result = await this.chain.submit(
      (state) =>
        registerBroker(state, request, {
          isOldIncarnationGone: this.isOldIncarnationGone(request),
          isHeard: this.isHeard,
        }),
      { isAlone: true },
    );
    if (result.error === 'NONE') {
      this.sessions.heard(request.brokerId, result.brokerEpoch, context.clientAddress);
      this.detector.heard(request.brokerId, this.now());
      await this.suspicion.endIfNobodyIsAwaited();
    }
    return this.registration(result, result.brokerEpoch);
  }

  async heartbeat(request: BrokerHeartbeatRequest, context: RequestContext): Promise<BrokerHeartbeatResponse> {
    const problem = brokerEpochProblem({ image: this.image, revision: this.image.revision }, request);
    if (problem) return this.heartbeatAnswer(request, problem);
    const contradiction = this.suspicion.contradiction(request.appliedRevision, request.appliedOpId);
    if (contradiction !== null) {
      const { message } = await this.contradicted(request.brokerId, contradiction);
      return this.heartbeatAnswer(request, { error: 'BROKER_ID_NOT_REGISTERED', message });
    }
    this.detector.heard(request.brokerId, this.now());
    const session = this.sessions.heard(request.brokerId, request.brokerEpoch, context.clientAddress);
    session.lastProbeWallMs = request.lastProbeWallMs;
    this.applied(request.brokerId, request.appliedRevision);

    const outcome = await this.standing(request);
    if (request.oldestSyncAgeMs > this.config.sessionTimeoutMs) {
      this.upkeep.syncWasSlow(request.brokerId);
      await this.chain.submit((state) => moveLeadersAway(state, request.brokerId));
    }
    return this.heartbeatAnswer(request, outcome);
  }

  async alterPartition(request: AlterPartitionRequest): Promise<AlterPartitionResponse> {
    const key = `${request.topicId}/${request.partition}`;
    const now = this.now();
    const { isGreyReplacement, ...response } = await this.chain.submit((state) =>
      alterPartition(state, request, { now, greyReplacementAt: this.greyReplacementAt.get(key) ?? null }),
    );
    if (isGreyReplacement) {
      this.greyReplacementAt.set(key, now);
      this.seams.logger.warn('a leader that lost its followers was replaced', { topicId: request.topicId, partition: request.partition });
    }
    return response;
  }

  async allocateProducerIds(request: AllocateProducerIdsRequest): Promise<AllocateProducerIdsResponse> {
    return this.chain.submit((state) => allocateProducerIds(state, request));
  }

  async reportPositions(request: ReportPositionsRequest): Promise<ReportPositionsResponse> {
    const problem = brokerEpochProblem({ image: this.image, revision: this.image.revision }, request);
    if (problem) return problem;
    let maxProducerId = -1;
    for (const { topicId, partition, leaderEpoch, caughtUpEpoch, syncedEndOffset, maxProducerId: seen } of request.positions) {
      const { brokerId, brokerEpoch } = request;
      this.asking.answered({ topicId, partition }, { brokerId, brokerEpoch, leaderEpoch, caughtUpEpoch, syncedEndOffset });
      maxProducerId = Math.max(maxProducerId, seen);
    }
    if (maxProducerId >= this.image.nextProducerId) {
      await this.chain.submit((state) => raiseProducerIds(state, maxProducerId + 1));
    }
    await this.electAsked(request.positions);
    return { error: 'NONE' };
  }

  async metadataFetch(request: MetadataFetchRequest): Promise<MetadataFetchResponse> {
    const deadline = this.now() + Math.min(request.maxWaitMs, MAX_WAIT_MS);
    const contradiction = this.suspicion.contradiction(request.afterRevision, request.afterOpId);
    // Before it gets a snapshot that would take it back: its copy may be the only one that knows more (R19).
    if (contradiction !== null) throw await this.contradicted(request.brokerId, contradiction);
    const given = this.suspicion.givenUp(request.brokerId, request.afterRevision, request.afterOpId);
    if (given !== null) return this.fetched({ error: 'BROKER_NOT_AVAILABLE', message: given, snapshot: null, entries: [] });
    this.applied(request.brokerId, request.afterRevision);
    for (;;) {
      const entries = this.chain.entriesAfter(request.afterRevision, request.afterOpId);
      const left = deadline - this.now();
      if (entries === null) return this.fetched({ snapshot: this.image.toSnapshot(), entries: [] });
      if (entries.length > 0 || left <= 0) return this.fetched({ snapshot: null, entries: entries.slice(0, MAX_ENTRIES_PER_FETCH) });
      await this.commits.wait(left);
      this.requireActing();
    }
  }

  // ---- for clients and people ----

  async metadata(request: MetadataRequest): Promise<MetadataResponse> {
    const deadline = this.now() + Math.min(request.maxWaitMs ?? 0, MAX_WAIT_MS);
    if (request.topics !== null && request.allowAutoTopicCreation && this.config.autoCreateTopics) {
      await this.topics.createMissing(request.topics);
    }
    while (request.newerThanRevision !== undefined && this.image.revision <= request.newerThanRevision && this.now() < deadline) {
      await this.commits.wait(deadline - this.now());
      this.requireActing();
    }
    return metadataAnswer(this.image, request.topics);
  }

  describeCluster(): DescribeClusterResponse {
    const { host, port } = this.config.advertisedAddress;
    const { coordinatorEpoch } = this.options;
    return {
      clusterId: this.image.cluster?.clusterId ?? '',
      revision: this.image.revision,
      coordinator: {
        id: this.config.id,
        host,
        port,
        coordinatorEpoch,
        isSuspect: this.suspicion.isOn,
        store: this.config.storeName,
        standbys: this.options.turn.standbys,
      },
      brokers: describeBrokers(
        this.image,
        (brokerId) => this.heartbeatAgeMs(brokerId),
        (brokerId) => this.sessions.get(brokerId)?.lastProbeWallMs,
      ),
    };
  }

  electLeader(request: ElectLeaderRequest): Promise<ElectLeaderResponse> {
    return electByOperator(request, this.chain, this.asking, this.seams.logger);
  }

  leaders(): LeaderView[] {
    return [...this.image.allPartitions()].map((record) => leaderView(this.image, record));
  }

  report(): Pick<CoordinatorReport, 'brokers' | 'leaderlessPartitions' | 'askedPartitions' | 'loopDelayMs'> {
    return {
      loopDelayMs: this.watch.loopDelayMs,
      leaderlessPartitions: [...this.image.allPartitions()].filter((record) => record.leader === NO_BROKER).length,
      askedPartitions: this.asking.names(this.image).length,
      brokers: [...this.image.brokers.values()].map(({ brokerId, brokerEpoch, isFenced, isShuttingDown, isIntact }) => ({
        brokerId,
        brokerEpoch,
        isFenced,
        isShuttingDown,
        isIntact,
        heartbeatAgeMs: this.heartbeatAgeMs(brokerId),
        appliedRevision: this.sessions.get(brokerId)?.appliedRevision ?? -1,
        lastProbeWallMs: this.sessions.get(brokerId)?.lastProbeWallMs ?? 0,
      })),
    };
  }

  // ---- what follows from commits ----

  private committed(entry: MetadataEntry, before: MetadataImage, after: MetadataImage): void {
    const delta = deltaOf(entry);
    let isBrokerUp = false;
    for (const broker of delta.brokers) {
      const old = before.brokers.get(broker.brokerId);
      if (broker.isFenced && (!old?.isFenced || old.brokerEpoch !== broker.brokerEpoch)) {
        this.fencedAtRevision.set(broker.brokerId, entry.revision);
      }
      if (broker.isShuttingDown && !old?.isShuttingDown) this.shutdownAtRevision.set(broker.brokerId, entry.revision);
      if (!broker.isFenced && old?.isFenced !== false) isBrokerUp = true;
    }
    for (const partition of delta.partitions) {
      this.asking.changed(partition);
      const old = before.partition(partition.topicId, partition.partition);
      if (old?.leader !== partition.leader || old.leaderEpoch !== partition.leaderEpoch)
        this.options.onLeaderChange(leaderView(after, partition));
    }
    this.options.onEntry(entry, before, after);
    this.commits.wakeAll();
    const asked = this.asking.names(after);
    if (isBrokerUp && asked.length > 0) this.electAsked(asked).catch(() => {});
    if (isBrokerUp) this.offsetsTopic.createIfDue();
  }

  private end(reason: string): void {
    this.watch.stop();
    this.commits.wakeAll();
    this.applications.wakeAll();
    this.options.onStopped(reason);
  }

  // ---- registration and heartbeats ----

  /** Same directory, whose lock is exclusive, and no connection of the old incarnation is known to be open. */
  private isOldIncarnationGone(request: RegisterBrokerRequest): boolean {
    const old = this.image.brokers.get(request.brokerId);
    return old?.directoryId === request.directoryId && (this.sessions.get(request.brokerId)?.clientAddress ?? null) === null;
  }

  /** The change of standing that a heartbeat asks for, committed; NONE when there is nothing to change. */
  private async standing(request: BrokerHeartbeatRequest): Promise<Outcome> {
    const broker = this.image.brokers.get(request.brokerId)!;
    if (request.isDirectoryOffline) {
      if (!broker.isFenced) this.seams.logger.error('the data folder of a broker failed', { brokerId: request.brokerId });
      return this.chain.submit((state) => failDirectory(state, request));
    }
    const fencedAt = this.fencedAtRevision.get(request.brokerId) ?? this.firstRevision;
    const hasSeenItself = request.appliedRevision >= Math.max(fencedAt, broker.brokerEpoch);
    // Only what it says after it saw the judgement on itself can undo that judgement.
    if (request.isComplete && !broker.isIntact && request.appliedRevision >= broker.brokerEpoch) {
      await this.chain.submit((state) => markComplete(state, request));
    }
    if (broker.isFenced && request.wantsUnfenced && !request.wantsShutdown && hasSeenItself) {
      const outcome = await this.chain.submit((state) => unfenceBroker(state, request));
      this.detector.heard(request.brokerId, this.now());
      return outcome;
    }
    if (request.wantsShutdown && !broker.isFenced && !broker.isShuttingDown) {
      const outcome = await this.chain.submit((state) => controlledShutdown(state, request));
      if (outcome.error !== 'NONE')
        this.seams.logger.info('shutdown slot refused', { brokerId: request.brokerId, reason: outcome.message });
    }
    return { error: 'NONE' };
  }

  private heartbeatAnswer(request: BrokerHeartbeatRequest, outcome: Outcome): BrokerHeartbeatResponse {
    const broker = this.image.brokers.get(request.brokerId);
    const isOk = outcome.error === 'NONE' && broker !== undefined;
    return {
      ...outcome,
      coordinatorEpoch: this.options.coordinatorEpoch,
      revision: this.image.revision,
      isFenced: !isOk || broker.isFenced,
      mayShutDown: isOk && request.wantsShutdown && this.mayShutDown(request.brokerId),
      asks: isOk ? this.asking.asksFor(request.brokerId, request.brokerEpoch, this.image) : [],
    };
  }

  /** R28: the slot is granted, and every other running broker applied the revision that moved the leaders. */
  private mayShutDown(brokerId: BrokerId): boolean {
    const broker = this.image.brokers.get(brokerId)!;
    if (broker.isFenced) return true;
    if (!broker.isShuttingDown) return false;
    const revision = this.shutdownAtRevision.get(brokerId) ?? this.firstRevision;
    for (const other of this.image.brokers.values()) {
      if (other.brokerId === brokerId || other.isFenced) continue;
      if ((this.sessions.get(other.brokerId)?.appliedRevision ?? -1) < revision) return false;
    }
    return true;
  }

  private registration(outcome: Outcome, brokerEpoch: number): RegisterBrokerResponse {
    const { error, message } = outcome;
    return {
      error,
      ...(message === undefined ? {} : { message }),
      brokerEpoch,
      clusterId: this.image.cluster?.clusterId ?? '',
      coordinatorEpoch: this.options.coordinatorEpoch,
      revision: this.image.revision,
      wantsMetadataCopy: false,
    };
  }

  private applied(brokerId: BrokerId, revision: number): void {
    this.sessions.applied(brokerId, revision);
    this.applications.wakeAll();
  }

  // ---- suspicion (R19) ----

  /** A broker knows more than the coordinator that has the turn could have told it. Who lost the turn is no judge of that. */
  private async contradicted(brokerId: BrokerId, contradiction: string): Promise<YakError> {
    if (!(await this.options.turn.prove())) throw new YakError('NOT_ACTIVE', 'another cluster coordinator may act by now');
    this.requireActing();
    this.options.onContradiction(`broker ${brokerId} ${contradiction}`);
    return new YakError('NOT_ACTIVE', 'the metadata store is suspect; register again');
  }

  private async electAsked(names: readonly PartitionName[]): Promise<void> {
    await this.chain.submit((state): Decision<null> => {
      const records: MetadataRecord[] = [];
      for (const name of names) {
        const decision = askedElection(state, name, this.asking.positions(name));
        records.push(...decision.records);
        if (decision.response.winner !== null) {
          this.seams.logger.warn('a leader was elected by asking the replicas', { ...name, leader: decision.response.winner });
        } else {
          this.seams.logger.debug('an election waits', { ...name, waitingFor: decision.response.waitingFor });
        }
      }
      return { records, response: null };
    });
  }

  // ---- small things ----

  private fetched(found: Omit<MetadataFetchResponse, 'coordinatorEpoch' | 'error'> & Partial<Outcome>): MetadataFetchResponse {
    return { error: 'NONE', coordinatorEpoch: this.options.coordinatorEpoch, ...found };
  }

  private heartbeatAgeMs(brokerId: BrokerId): number | null {
    const heardAt = this.detector.lastHeardAt(brokerId);
    return heardAt === null ? null : this.now() - heardAt;
  }

  private requireActing(): void {
    if (this.chain.isStopped) throw new YakError('NOT_ACTIVE', 'this cluster coordinator does not act any more');
  }

  private now(): number {
    return this.seams.clock.monotonicMs();
  }
}

function raiseProducerIds(state: DecisionState, atLeast: number): Decision<null> {
  assert(atLeast >= 0, 'producer ids only rise');
  if (atLeast <= state.image.nextProducerId) return { records: [], response: null };
  return { records: [{ type: 'producer-ids', version: 1, nextProducerId: atLeast }], response: null };
}
