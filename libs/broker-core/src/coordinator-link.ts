/**
 * This broker's line to the cluster coordinator: finds the one that acts, registers, beats, follows the metadata chain, and
 * carries requests. When the coordinator is away it keeps trying and nothing else stops (R21).
 *
 * Ages are monotonic and counted from when an answered heartbeat was *sent* (R21). The broker epoch is stored durably before
 * the first heartbeat under it (R12). Metadata is durable in the copy before anybody hears of it (R17).
 */
import { type BrokerEpoch, type CoordinatorEpoch, type MonotonicMs, YakError } from '#kernel';
import type { CopyOutcome, CopyUpdate, MetadataCopy, MetadataImage } from '#metadata';
import { type PatternKey, PROTOCOL, type RegisterBrokerResponse, type RpcClient, type RpcMessages } from '#rpc';
import { type Clock, formatAddress, type Logger, type Random, type Scheduler, sleep, withTimeout } from '#seams';
import type { BrokerConfig, CoordinatorDialer } from './contract.js';
import { COORDINATOR_RETRY_MS, CoordinatorFinder } from './coordinator-finder.js';
import { ImageWaiters } from './image-waiters.js';

/** Longest wait of one metadata long poll. */
export const METADATA_FETCH_WAIT_MS = 5_000;
/** An address at which nothing answers must not cost a broker its session: others may act. */
export const COORDINATOR_DIAL_TIMEOUT_MS = 1_000;
/** The beat is quicker while this broker waits to be unfenced, or for the shutdown slot (R28). */
export const WAITING_BEAT_MS = 50;

export interface CoordinatorLinkHost {
  /** What the data folder and this process have to say at registration. */
  registration(): Pick<
    RpcMessages['registerBroker'][0],
    'directoryId' | 'clusterId' | 'isBlank' | 'storedBrokerEpoch' | 'wasCleanShutdown' | 'isSameBoot' | 'isComplete' | 'lostPartitions'
  >;
  /** Stores cluster id and broker epoch durably, and lets roles be taken. */
  registered(brokerEpoch: BrokerEpoch, clusterId: string): void;
  imageChanged(image: MetadataImage): void;
  heartbeat(): { oldestSyncAgeMs: number; isComplete: boolean; isDirectoryOffline: boolean; lastProbeWallMs: number };
  answerAsks(asks: readonly { topicId: string; partition: number; leaderEpoch: number }[]): RpcMessages['reportPositions'][0]['positions'];
  maxSeen(): { leaderEpoch: number; producerId: number };
  /** The metadata copy, which lies in the data folder, cannot be written. */
  storageFailed(error: YakError): void;
  /** The cluster refuses this broker for good: wrong cluster, wrong protocol. */
  rejected(error: YakError): void;
}

export class CoordinatorLink {
  readonly incarnationId: string;
  private client: RpcClient | null = null;
  private epoch: BrokerEpoch = -1;
  private registeredRevision = -1;
  private isStopped = false;
  private wantsShutdown = false;
  private hasShutdownSlot = false;
  private fencedNow = true;
  private sentAt: MonotonicMs | null = null;
  private confirmedAt: MonotonicMs | null = null;
  private heardEpoch: CoordinatorEpoch = -1;
  private readonly finder: CoordinatorFinder;
  /** Why the last line was lost. */
  private why = 'none was asked yet';
  private confirming: Promise<boolean> | null = null;
  private confirmingNext: Promise<boolean> | null = null;
  private readonly waiters: ImageWaiters;

  constructor(
    private readonly config: BrokerConfig,
    private readonly seams: { clock: Clock; scheduler: Scheduler; random: Random; logger: Logger; coordinators: CoordinatorDialer },
    private readonly copy: MetadataCopy,
    private readonly host: CoordinatorLinkHost,
    incarnationId: string,
  ) {
    this.incarnationId = incarnationId;
    this.waiters = new ImageWaiters(seams.scheduler, () => copy.image);
    this.finder = new CoordinatorFinder(config.coordinators, seams.coordinators, seams.random);
  }

  get brokerEpoch(): BrokerEpoch {
    return this.epoch;
  }
  /** Answered by the coordinator and seen in the metadata: this incarnation is not fenced. */
  get isActive(): boolean {
    if (this.epoch < 0 || this.fencedNow) return false;
    const record = this.copy.image.brokers.get(this.config.brokerId);
    return record?.brokerEpoch === this.epoch && !record.isFenced;
  }
  get coordinatorEpoch(): CoordinatorEpoch {
    return Math.max(this.heardEpoch, this.copy.highestCoordinatorEpoch);
  }
  get lastHeartbeatSentAt(): MonotonicMs | null {
    return this.sentAt;
  }
  /** When the last answered heartbeat was sent. */
  get lastHeartbeatConfirmedAt(): MonotonicMs | null {
    return this.confirmedAt;
  }

  start(): void {
    void this.run();
  }

  stop(): void {
    this.isStopped = true;
    this.client?.close();
    this.waiters.stop();
  }

  /** Rejects with a YakError: UNAVAILABLE when no coordinator is reachable now, or what the request failed with (unknown outcome). */
  async request<K extends PatternKey>(pattern: K, request: RpcMessages[K][0], timeoutMs: number): Promise<RpcMessages[K][1]> {
    const client = this.client;
    if (!client || client.isClosed) {
      throw new YakError('UNAVAILABLE', `no cluster coordinator serves this broker now (${this.why}); try again`);
    }
    return client.request(pattern, request, { timeoutMs });
  }

  /** See ImageWaiters. */
  waitFor(condition: (image: MetadataImage) => boolean, timeoutMs: number): Promise<boolean> {
    return this.waiters.waitFor(condition, timeoutMs);
  }

  /**
   * Sends a heartbeat now (questions that come while one is on its way share the next). Resolves true when it was answered
   * and the revision that the answer named is applied here: what this broker leads then, it led after the call began (R24).
   */
  confirm(): Promise<boolean> {
    if (this.confirming) {
      this.confirmingNext ??= this.confirming.then(() => {
        this.confirmingNext = null;
        return this.confirm();
      });
      return this.confirmingNext;
    }
    this.confirming = this.confirmOnce().finally(() => {
      this.confirming = null;
    });
    return this.confirming;
  }

  private async confirmOnce(): Promise<boolean> {
    const client = this.client;
    if (!client || client.isClosed || this.epoch < 0) return false;
    try {
      const revision = await this.beat(client, true);
      return revision !== null && (await this.waitFor((image) => image.revision >= revision, this.config.sessionTimeoutMs));
    } catch (error) {
      if (!(error instanceof YakError)) throw error;
      return false;
    }
  }

  /** What a registration has to confess has grown: the one in force is given up. */
  registerAgain(): void {
    this.epoch = -1;
    this.fencedNow = true;
    this.client?.close();
  }

  /** Asks for the shutdown slot until it is granted and every leader moved away (R28); false when `timeoutMs` passed first. */
  async handOver(timeoutMs: number): Promise<boolean> {
    this.wantsShutdown = true;
    const deadline = this.seams.clock.monotonicMs() + timeoutMs;
    while (!this.isStopped && !this.hasShutdownSlot && this.seams.clock.monotonicMs() < deadline) {
      const client = this.client;
      if (client && !client.isClosed && this.epoch >= 0) await this.beat(client).catch(() => undefined);
      if (!this.hasShutdownSlot) await sleep(this.seams.scheduler, WAITING_BEAT_MS);
    }
    return this.hasShutdownSlot;
  }

  // ---- one connection after another ----

  private async run(): Promise<void> {
    while (!this.isStopped) {
      try {
        const client = await this.connect();
        if (this.epoch < 0) await this.register(client);
        await this.serve(client);
      } catch (error) {
        this.lost(error);
      }
      this.client?.close();
      this.client = null;
      if (this.isStopped) return;
      await sleep(this.seams.scheduler, this.finder.pauseMs());
    }
  }

  private lost(error: unknown): void {
    if (!(error instanceof YakError)) throw error;
    this.finder.failed(error);
    this.why = error.message;
    this.seams.logger.debug('line to the cluster coordinator lost', { reason: error.message, code: error.code });
  }

  private async connect(): Promise<RpcClient> {
    const address = await this.finder.next();
    const dialled = this.seams.coordinators.dial(address);
    const client = await withTimeout(this.seams.scheduler, COORDINATOR_DIAL_TIMEOUT_MS, dialled, () => {
      dialled.then(
        (late) => late.close(),
        () => {},
      );
      return new YakError('CONNECT_TIMEOUT', `no cluster coordinator answers at ${formatAddress(address)}`);
    });
    if (this.isStopped) {
      client.close();
      throw new YakError('CONNECTION_CLOSED', 'stopping');
    }
    this.client = client;
    this.seams.logger.debug('connected to a cluster coordinator', { address: formatAddress(address) });
    return client;
  }

  private async register(client: RpcClient): Promise<void> {
    const timeoutMs = Math.max(this.config.sessionTimeoutMs, 2_000);
    for (;;) {
      const response = await client.request('registerBroker', this.registration(), { timeoutMs });
      this.heard(response.coordinatorEpoch);
      if (response.wantsMetadataCopy) {
        await this.offerCopy(client, timeoutMs);
      } else if (response.error === 'NONE') {
        if (response.coordinatorEpoch < this.copy.highestCoordinatorEpoch) {
          throw new YakError('NOT_ACTIVE', 'registered by a deposed cluster coordinator');
        }
        this.epoch = response.brokerEpoch;
        this.registeredRevision = response.revision;
        try {
          this.host.registered(response.brokerEpoch, response.clusterId);
        } catch (error) {
          this.epoch = -1;
          throw error;
        }
        this.finder.succeeded();
        this.fencedNow = true;
        this.confirmedAt = this.seams.clock.monotonicMs();
        this.seams.logger.info('registered', { brokerEpoch: this.epoch, coordinatorEpoch: response.coordinatorEpoch });
        return;
      } else {
        this.refuseForGood(response);
        this.seams.logger.info('registration has to wait', { error: response.error, reason: response.message });
      }
      await sleep(this.seams.scheduler, COORDINATOR_RETRY_MS + this.seams.random.integer(COORDINATOR_RETRY_MS));
      if (this.isStopped) throw new YakError('CONNECTION_CLOSED', 'stopping');
    }
  }

  private registration(): RpcMessages['registerBroker'][0] {
    const { config, copy } = this;
    return {
      brokerId: config.brokerId,
      incarnationId: this.incarnationId,
      listeners: config.listeners,
      rack: config.rack,
      software: config.software,
      protocol: PROTOCOL,
      ...this.host.registration(),
      metadataRevision: copy.image.revision,
      metadataOpId: copy.image.opId,
      highestCoordinatorEpoch: copy.highestCoordinatorEpoch,
    };
  }

  private refuseForGood(response: RegisterBrokerResponse): void {
    if (response.error !== 'INCONSISTENT_CLUSTER_ID' && response.error !== 'UNSUPPORTED_VERSION' && response.error !== 'INVALID_REQUEST')
      return;
    const error = new YakError(response.error, response.message ?? response.error);
    this.host.rejected(error);
    throw error;
  }

  private async offerCopy(client: RpcClient, timeoutMs: number): Promise<void> {
    const seen = this.host.maxSeen();
    let maxBrokerEpochSeen = this.host.registration().storedBrokerEpoch;
    for (const broker of this.copy.image.brokers.values()) maxBrokerEpochSeen = Math.max(maxBrokerEpochSeen, broker.brokerEpoch);
    await client.request(
      'offerMetadataCopy',
      {
        brokerId: this.config.brokerId,
        incarnationId: this.incarnationId,
        snapshot: this.copy.image.toSnapshot(),
        highestCoordinatorEpoch: this.copy.highestCoordinatorEpoch,
        maxBrokerEpochSeen,
        maxLeaderEpochSeen: seen.leaderEpoch,
        maxProducerIdSeen: seen.producerId,
      },
      { timeoutMs },
    );
  }

  /** Until the connection or the registration is lost. */
  private async serve(client: RpcClient): Promise<void> {
    const closed = new Promise<void>((resolve) => client.onClose(() => resolve()));
    const fail = (error: unknown): void => {
      if (!client.isClosed) this.lost(error);
      else if (!(error instanceof YakError)) throw error;
      client.close();
    };
    const beats = this.beatForEver(client).catch(fail);
    const follows = this.follow(client).catch(fail);
    await closed;
    await Promise.all([beats, follows]);
  }

  private async beatForEver(client: RpcClient): Promise<void> {
    while (!this.isStopped && !client.isClosed) {
      const startedAt = this.seams.clock.monotonicMs();
      await this.beat(client);
      if (this.epoch < 0) {
        client.close();
        return;
      }
      const interval = this.fencedNow ? Math.min(WAITING_BEAT_MS, this.config.heartbeatIntervalMs) : this.config.heartbeatIntervalMs;
      await sleep(this.seams.scheduler, Math.max(0, interval - (this.seams.clock.monotonicMs() - startedAt)));
    }
  }

  /** The coordinator's revision, or null when the answer does not count for the registration in force. */
  private async beat(client: RpcClient, wantsProof = false): Promise<number | null> {
    const { image } = this.copy;
    const epoch = this.epoch;
    const sentAt = this.seams.clock.monotonicMs();
    this.sentAt = sentAt;
    const response = await client.request(
      'brokerHeartbeat',
      {
        brokerId: this.config.brokerId,
        brokerEpoch: epoch,
        appliedRevision: image.revision,
        appliedOpId: image.opId,
        wantsUnfenced: image.revision >= this.registeredRevision && !this.wantsShutdown,
        wantsShutdown: this.wantsShutdown,
        ...this.host.heartbeat(),
        ...(wantsProof && { wantsProof }),
      },
      { timeoutMs: this.config.sessionTimeoutMs },
    );
    if (response.error === 'NONE' && response.coordinatorEpoch < this.coordinatorEpoch) {
      throw new YakError('NOT_ACTIVE', 'answered by a deposed cluster coordinator');
    }
    this.heard(response.coordinatorEpoch);
    if (epoch !== this.epoch) return null;
    if (response.error === 'STALE_BROKER_EPOCH' || response.error === 'BROKER_ID_NOT_REGISTERED') {
      this.seams.logger.warn('the registration is void; registering again', { brokerEpoch: epoch, error: response.error });
      this.epoch = -1;
      this.fencedNow = true;
      return null;
    }
    if (response.error !== 'NONE') throw new YakError(response.error, response.message ?? response.error);
    this.finder.succeeded();
    this.confirmedAt = sentAt;
    this.fencedNow = response.isFenced;
    if (this.wantsShutdown && response.mayShutDown) this.hasShutdownSlot = true;
    if (response.asks.length > 0) await this.answer(client, epoch, response.asks);
    return response.revision;
  }

  private async answer(
    client: RpcClient,
    epoch: BrokerEpoch,
    asks: readonly { topicId: string; partition: number; leaderEpoch: number }[],
  ): Promise<void> {
    const positions = this.host.answerAsks(asks);
    if (positions.length === 0) return;
    await client.request(
      'reportPositions',
      { brokerId: this.config.brokerId, brokerEpoch: epoch, positions },
      { timeoutMs: this.config.sessionTimeoutMs },
    );
  }

  private async follow(client: RpcClient): Promise<void> {
    let mustSnapshot = false;
    while (!this.isStopped && !client.isClosed) {
      const { image } = this.copy;
      const response = await client.request(
        'metadataFetch',
        {
          brokerId: this.config.brokerId,
          afterRevision: mustSnapshot ? -1 : image.revision,
          afterOpId: mustSnapshot ? '' : image.opId,
          maxWaitMs: METADATA_FETCH_WAIT_MS,
        },
        { timeoutMs: METADATA_FETCH_WAIT_MS + this.config.sessionTimeoutMs },
      );
      if (response.error !== 'NONE') throw new YakError(response.error, response.message ?? response.error);
      this.heard(response.coordinatorEpoch);
      mustSnapshot = false;
      const updates: CopyUpdate[] = [];
      if (response.snapshot) updates.push({ kind: 'snapshot', snapshot: response.snapshot });
      if (response.entries.length > 0) updates.push({ kind: 'entries', entries: response.entries });
      for (const update of updates) {
        const outcome = this.applied(update, response.coordinatorEpoch);
        // Beats go on and tell of it; who cannot store metadata must not act on it (R16, R17).
        if (outcome === null) return;
        if (outcome.kind === 'stale-coordinator') throw new YakError('NOT_ACTIVE', 'answered by a deposed cluster coordinator');
        if (outcome.kind === 'needs-snapshot') {
          mustSnapshot = true;
          await sleep(this.seams.scheduler, COORDINATOR_RETRY_MS);
          break;
        }
      }
      if (this.copy.image !== image) {
        this.host.imageChanged(this.copy.image);
        this.waiters.wakeAll();
      }
    }
  }

  /** Null when the copy cannot be written any more. */
  private applied(update: CopyUpdate, coordinatorEpoch: CoordinatorEpoch): CopyOutcome | null {
    try {
      return this.copy.applyDurably(update, coordinatorEpoch);
    } catch (error) {
      if (!(error instanceof YakError) || error.code !== 'METADATA_STORE_FAILED') throw error;
      this.host.storageFailed(error);
      return null;
    }
  }

  private heard(coordinatorEpoch: CoordinatorEpoch): void {
    this.heardEpoch = Math.max(this.heardEpoch, coordinatorEpoch);
  }
}
