/**
 * Follows one other broker for all partitions that it leads: one loop of fetches on one session, and on a second session
 * small position-only fetches that report what became durable while a fetch is parked at the leader (R2: fetching goes on
 * while a sync runs, and neither waits for the other).
 *
 * When the set of partitions changes while a fetch is parked, an empty position-only fetch asks the leader to answer it now.
 *
 * Per partition and leader epoch: (1) fetch with the own end and last epoch; the leader finds a divergence → truncate and
 * repeat (R3); (2) no divergence and the epoch's start durably reached → remember it (R19), and from then on positions
 * count; (3) append, sync, report. Nothing is appended unless leader, epoch and log end are what they were when the request
 * left (R5).
 */
import { assert, type BrokerId, CorruptionError, type LeaderEpoch, type Offset, YakError } from '#kernel';
import type { Endpoint } from '#metadata';
import { recordBatch, splitBatches } from '#record';
import { truncationOffset } from '#replication';
import { type Logger, type Scheduler, sleep } from '#seams';
import type { ReplicaDialer, ReplicaSession } from './contract.js';
import { FewPerTurn } from './few-per-turn.js';
import type { Partition } from './partition.js';
import type { FetchPartition, FetchPartitionResponse, FetchRequest } from './verbs.js';

export interface ReplicaFetcherOptions {
  readonly leader: BrokerId;
  readonly self: { readonly brokerId: BrokerId; brokerEpoch(): number };
  readonly endpoint: () => Endpoint | null;
  readonly dialer: ReplicaDialer;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly waitMaxMs: number;
  readonly partitionMaxBytes: number;
  readonly responseMaxBytes: number;
}

/** Caught-up epochs noted in one turn of the event loop; each costs blocking syncs. */
export const CAUGHT_UP_PER_TURN_MAX = 16;
/** Pause after a failed dial, a broken session or a partition-level error. */
export const REPLICA_FETCH_BACKOFF_MS = 50;

interface Followed {
  readonly partition: Partition;
  readonly leaderEpoch: LeaderEpoch;
  /** Log end at which the leader was seen to have no more, or that holds a batch of this epoch; null until then. */
  reachedStartAt: Offset | null;
  /** Position last told to the leader as durable; -1: none in this epoch. */
  reportedHeld: Offset;
  /** The last answer brought records. */
  hadRecords: boolean;
  isBackingOff: boolean;
}

export class ReplicaFetcher {
  private readonly followed = new Map<Partition, Followed>();
  private session: ReplicaSession | null = null;
  private reportSession: ReplicaSession | null = null;
  private isStopped = false;
  private isLooping = false;
  private isReporting = false;
  private reportDial: Promise<ReplicaSession> | null = null;
  private hasUnreported = false;
  private rotation = 0;
  /** Counts data fetches; odd while one is in flight. */
  private fetchSerial = 0;
  private isReleasing = false;
  private readonly caughtUp: FewPerTurn<Followed>;
  private noting: Followed | null = null;

  constructor(private readonly options: ReplicaFetcherOptions) {
    this.caughtUp = new FewPerTurn(options.scheduler, CAUGHT_UP_PER_TURN_MAX, (entry) => this.markCaughtUp(entry));
  }

  get partitionCount(): number {
    return this.followed.size;
  }

  add(partition: Partition, leaderEpoch: LeaderEpoch): void {
    this.followed.set(partition, {
      partition,
      leaderEpoch,
      reachedStartAt: null,
      reportedHeld: -1,
      hadRecords: false,
      isBackingOff: false,
    });
    this.startLoop();
    void this.releaseParkedFetch();
  }

  remove(partition: Partition): void {
    this.followed.delete(partition);
  }

  stop(): void {
    this.isStopped = true;
    this.followed.clear();
    this.session?.close();
    this.reportSession?.close();
  }

  /** `partition` made more durable: tell the leader now if the next fetch would only do so later. */
  heldAdvanced(partition: Partition): void {
    const entry = this.followed.get(partition);
    if (!entry) return;
    this.noteCaughtUp(entry);
    if (this.durableEnd(entry) > entry.reportedHeld) this.report();
  }

  // ---- the fetch loop ----

  private startLoop(): void {
    if (this.isLooping || this.isStopped) return;
    this.isLooping = true;
    void this.loop().finally(() => {
      this.isLooping = false;
      if (this.followed.size > 0 && !this.isStopped) this.startLoop();
    });
  }

  private async loop(): Promise<void> {
    while (!this.isStopped && this.followed.size > 0) {
      const entries = this.fetchable();
      if (entries.length === 0) {
        await sleep(this.options.scheduler, REPLICA_FETCH_BACKOFF_MS);
        continue;
      }
      try {
        const session = await this.connected();
        const sent = entries.map((entry) => this.fetchPartition(entry, this.options.partitionMaxBytes));
        // A partition that is new in its epoch must not be parked: its position counts only after an answer.
        const isSettled = entries.every((entry) => entry.reachedStartAt !== null);
        this.fetchSerial++;
        const response = await session
          .fetch(this.request(sent, isSettled ? this.options.waitMaxMs : 0, this.options.responseMaxBytes))
          .finally(() => this.fetchSerial++);
        assert(response.partitions.length === sent.length, 'a fetch response names every partition asked for');
        let hadWholeBudget = true;
        for (let i = 0; i < sent.length; i++) {
          const answer = response.partitions[i]!;
          this.handle(entries[i]!, sent[i]!, answer, hadWholeBudget);
          if (answer.records.some((records) => records.length > 0)) hadWholeBudget = false;
        }
      } catch (error) {
        this.session?.close();
        this.session = null;
        if (!(error instanceof YakError)) throw error;
        await sleep(this.options.scheduler, REPLICA_FETCH_BACKOFF_MS);
      }
    }
  }

  /**
   * Rotated, so that a full response does not starve the same partitions every time. Those that may be at the leader's end in
   * a new epoch come first: an empty answer says so only where nothing before it used up the response.
   */
  private fetchable(): Followed[] {
    const entries = [...this.followed.values()].filter((entry) => !entry.isBackingOff);
    if (entries.length < 2) return entries;
    this.rotation = (this.rotation + 1) % entries.length;
    const rotated = [...entries.slice(this.rotation), ...entries.slice(0, this.rotation)];
    const isFirst = (entry: Followed): boolean => entry.reachedStartAt === null && !entry.hadRecords;
    return [...rotated.filter(isFirst), ...rotated.filter((entry) => !isFirst(entry))];
  }

  private async connected(): Promise<ReplicaSession> {
    if (this.session) return this.session;
    const session = await this.dial();
    if (this.isStopped) {
      session.close();
      throw new YakError('CONNECTION_CLOSED', 'the fetcher was stopped');
    }
    this.session = session;
    session.onClose(() => {
      if (this.session === session) this.session = null;
    });
    return session;
  }

  private async dial(): Promise<ReplicaSession> {
    const endpoint = this.options.endpoint();
    if (!endpoint) throw new YakError('CONNECT_FAILED', `broker ${this.options.leader} has no known address`);
    return this.options.dialer.dial(endpoint);
  }

  private request(partitions: FetchPartition[], maxWaitMs: number, maxBytes: number): FetchRequest {
    return {
      replica: { brokerId: this.options.self.brokerId, brokerEpoch: this.options.self.brokerEpoch() },
      maxWaitMs,
      minBytes: 1,
      maxBytes,
      isolation: 'read_uncommitted',
      partitions,
    };
  }

  private fetchPartition(entry: Followed, maxBytes: number): FetchPartition {
    const log = entry.partition.log;
    const held = this.durableEnd(entry);
    entry.reportedHeld = Math.max(entry.reportedHeld, held);
    return {
      topic: entry.partition.topic,
      topicId: entry.partition.topicId,
      partition: entry.partition.index,
      fetchOffset: log.logEndOffset,
      currentLeaderEpoch: entry.leaderEpoch,
      lastFetchedEpoch: log.latestEpoch,
      logStartOffset: log.logStartOffset,
      maxBytes,
      flushedEndOffset: held,
    };
  }

  /** `hadWholeBudget`: the leader would have given at least one batch if there was any. */
  private handle(entry: Followed, sent: FetchPartition, response: FetchPartitionResponse, hadWholeBudget: boolean): void {
    const { partition } = entry;
    const role = partition.role;
    const isSame =
      this.followed.get(partition) === entry &&
      role.kind === 'follower' &&
      role.leader === this.options.leader &&
      role.leaderEpoch === entry.leaderEpoch &&
      partition.log.logEndOffset === sent.fetchOffset;
    if (!isSame) return;
    if (response.error === 'OFFSET_OUT_OF_RANGE' && response.logStartOffset > partition.log.logEndOffset) {
      this.options.logger.warn('the leader no longer has what comes next here: starting over at its first offset', {
        topic: partition.topic,
        partition: partition.index,
        logEndOffset: partition.log.logEndOffset,
        leaderLogStartOffset: response.logStartOffset,
      });
      partition.restartAt(response.logStartOffset);
      return;
    }
    if (response.error !== 'NONE') return this.backOff(entry);
    if (response.divergingEpoch) {
      partition.truncate(truncationOffset(partition.log, response.divergingEpoch));
      return;
    }
    this.append(entry, response, hadWholeBudget);
  }

  private append(entry: Followed, response: FetchPartitionResponse, hadWholeBudget: boolean): void {
    const { partition } = entry;
    const { log } = partition;
    try {
      for (const records of response.records) {
        if (records.length === 0) continue;
        const newestEpoch = recordBatch.leaderEpoch(splitBatches(records).at(-1)!);
        if (newestEpoch > entry.leaderEpoch) {
          throw new CorruptionError(`a batch of leader epoch ${newestEpoch} came in an answer of epoch ${entry.leaderEpoch}`);
        }
        log.appendAsFollower(records);
      }
    } catch (error) {
      if (!(error instanceof YakError)) throw error;
      this.options.logger.error('refused what the leader sent', {
        topic: partition.topic,
        partition: partition.index,
        leader: this.options.leader,
        reason: error.message,
      });
      return this.backOff(entry);
    }
    entry.hadRecords = response.records.some((records) => records.length > 0);
    const isAtLeadersEnd = hadWholeBudget && !entry.hadRecords;
    if (entry.reachedStartAt === null && (isAtLeadersEnd || log.latestEpoch === entry.leaderEpoch)) {
      entry.reachedStartAt = log.logEndOffset;
    }
    if (response.logStartOffset > log.logStartOffset) log.advanceLogStartOffset(Math.min(response.logStartOffset, log.logEndOffset));
    partition.learnHighWatermark(response.highWatermark);
    this.noteCaughtUp(entry);
  }

  private backOff(entry: Followed): void {
    entry.isBackingOff = true;
    this.options.scheduler.after(REPLICA_FETCH_BACKOFF_MS, () => {
      entry.isBackingOff = false;
    });
  }

  /** Repeated until the fetch in flight is answered: the asking may overtake the fetch, they travel on two connections. */
  private async releaseParkedFetch(): Promise<void> {
    const serial = this.fetchSerial;
    if (serial % 2 === 0 || this.isReleasing) return;
    this.isReleasing = true;
    try {
      while (this.fetchSerial === serial && !this.isStopped) {
        const session = await this.reportConnected();
        await session.fetch(this.request([], 0, 0));
        if (this.fetchSerial === serial) await sleep(this.options.scheduler, REPLICA_FETCH_BACKOFF_MS);
      }
    } catch (error) {
      // The leader is gone or going; the fetch in flight ends with its own connection.
      if (!(error instanceof YakError)) throw error;
    } finally {
      this.isReleasing = false;
    }
  }

  // ---- durable positions ----

  /** R19: the epoch in which this replica durably reached the leader's start is remembered before any position of it counts. */
  private noteCaughtUp(entry: Followed): void {
    const { log } = entry.partition;
    if (entry.reachedStartAt === null || log.caughtUpEpoch >= entry.leaderEpoch) return;
    if (log.heldEndOffset < entry.reachedStartAt) return;
    this.noting = entry;
    this.caughtUp.add(entry);
    this.noting = null;
  }

  private markCaughtUp(entry: Followed): void {
    const { log } = entry.partition;
    if (this.isStopped || this.followed.get(entry.partition) !== entry || log.failure || log.caughtUpEpoch >= entry.leaderEpoch) return;
    log.markCaughtUp(entry.leaderEpoch);
    // Its turn came late: no fetch or report of this moment carries the position.
    if (entry !== this.noting) this.report();
  }

  private durableEnd(entry: Followed): Offset {
    return entry.partition.log.caughtUpEpoch === entry.leaderEpoch ? entry.partition.log.heldEndOffset : -1;
  }

  /** One position-only fetch in flight; what became durable meanwhile goes with the next. */
  private report(): void {
    this.hasUnreported = true;
    if (this.isReporting || this.isStopped) return;
    this.isReporting = true;
    this.options.scheduler.endOfTurn(() => void this.sendReports());
  }

  private async sendReports(): Promise<void> {
    try {
      while (this.hasUnreported && !this.isStopped) {
        this.hasUnreported = false;
        const entries = [...this.followed.values()].filter((entry) => this.durableEnd(entry) > entry.reportedHeld);
        if (entries.length === 0) break;
        const session = await this.reportConnected();
        const partitions = entries
          .filter((entry) => this.followed.get(entry.partition) === entry)
          .map((entry) => this.fetchPartition(entry, 0));
        if (partitions.length > 0) await session.fetch(this.request(partitions, 0, 0));
      }
    } catch (error) {
      this.reportSession?.close();
      this.reportSession = null;
      // What was in flight may not have arrived; the next fetch of the loop carries the position in any case.
      if (!(error instanceof YakError)) throw error;
    } finally {
      this.isReporting = false;
      if (this.hasUnreported && !this.isStopped) this.report();
    }
  }

  private reportConnected(): Promise<ReplicaSession> {
    if (this.reportSession) return Promise.resolve(this.reportSession);
    this.reportDial ??= this.dialReport().finally(() => {
      this.reportDial = null;
    });
    return this.reportDial;
  }

  private async dialReport(): Promise<ReplicaSession> {
    const session = await this.dial();
    if (this.isStopped) {
      session.close();
      throw new YakError('CONNECTION_CLOSED', 'the fetcher was stopped');
    }
    this.reportSession = session;
    session.onClose(() => {
      if (this.reportSession === session) this.reportSession = null;
    });
    return session;
  }
}
