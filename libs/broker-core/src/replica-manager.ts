/**
 * All replicas on this broker, kept as the committed metadata says: folders made, roles taken, leaders followed, files of
 * deleted topics removed. The only place that turns a metadata image into roles.
 *
 * Order at each image (R14, R17, R23): the change is durable before it comes here; deleted topics go, missing folders are
 * made, then roles change. Folders that this broker lost or quarantined are made anew only once the committed record has no
 * seat for it (R15).
 */

import { effectiveLogConfig } from '#config';
import {
  type Authorizer,
  type BrokerEpoch,
  type BrokerId,
  type KafkaErrorName,
  type LeaderEpoch,
  type Offset,
  partitionKey,
  type TopicId,
} from '#kernel';
import type { LogDirectory, PartitionLog } from '#log';
import type { MetadataImage, PartitionRecord, TopicRecord } from '#metadata';
import type { BrokerStatus, LeaderState } from '#replication';
import type { Clock, Logger, Scheduler } from '#seams';
import type { BrokerState } from './broker-state.js';
import type { BrokerConfig, BrokerEvent, ReplicaDialer } from './contract.js';
import type { Counters } from './counters.js';
import { FewPerTurn } from './few-per-turn.js';
import { type LostSeat, LostSeats } from './lost-seats.js';
import { ParkedFetches } from './parked-fetches.js';
import { Partition, type PartitionHost } from './partition.js';
import { QueuedBytes } from './queued-bytes.js';
import { ReplicaFetcher } from './replica-fetcher.js';
import type { CurrentLeader } from './verbs.js';

/** Folders made, and leaders begun, in one turn of the event loop; each costs several blocking syncs. */
export const FOLDERS_PER_TURN_MAX = 16;
export const NEW_LEADERS_PER_TURN_MAX = 16;

export interface ReplicaManagerOptions {
  readonly config: BrokerConfig;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly authorizer: Authorizer;
  readonly counters: Counters;
  readonly clients: BrokerState['clients'];
  readonly directory: LogDirectory;
  readonly queued?: QueuedBytes;
  readonly replicas: ReplicaDialer;
  readonly emit: (event: BrokerEvent) => void;
  /** Sends the pending proposal of `state` until a committed partition epoch ends it. */
  readonly sendProposal: (partition: Partition, state: LeaderState) => void;
  /** More is lost than the last registration confessed: register again (R14, R15). */
  readonly onLost: () => void;
  readonly onRoleChanged?: (partition: Partition) => void;
  /** Monotonic time at which the last answered heartbeat was sent; null when none was. */
  readonly lastHeartbeatConfirmedAt: () => number | null;
}

export class ReplicaManager implements BrokerState, PartitionHost {
  readonly brokerId: BrokerId;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly authorizer: Authorizer;
  readonly counters: Counters;
  readonly clients: BrokerState['clients'];
  readonly fetchMaxBytes: number;
  readonly queued: QueuedBytes;
  readonly replicaLagTimeMaxMs: number;
  readonly parkedFetches = new ParkedFetches();
  private readonly partitions = new Map<string, Partition>();
  private readonly byTopicId = new Map<TopicId, Map<number, Partition>>();
  private readonly fetchers = new Map<BrokerId, ReplicaFetcher>();
  private readonly lost: LostSeats;
  /** The topic's configs as each replica's log has them. */
  private readonly appliedConfigs = new WeakMap<Partition, TopicRecord['configs']>();
  private readonly newLeaders: FewPerTurn<Partition>;
  private registeredEpoch: BrokerEpoch = -1;
  private isStopped = false;
  private isMakingMore = false;
  private hasUnrecordedFolders = false;

  constructor(
    private readonly options: ReplicaManagerOptions,
    private currentImage: MetadataImage,
  ) {
    this.brokerId = options.config.brokerId;
    this.clock = options.clock;
    this.scheduler = options.scheduler;
    this.logger = options.logger;
    this.authorizer = options.authorizer;
    this.counters = options.counters;
    this.clients = options.clients;
    this.fetchMaxBytes = options.config.fetchMaxBytes;
    this.queued = options.queued ?? new QueuedBytes(options.clock, Number.POSITIVE_INFINITY);
    this.replicaLagTimeMaxMs = options.config.replicaLagTimeMaxMs;
    this.newLeaders = new FewPerTurn(this.scheduler, NEW_LEADERS_PER_TURN_MAX, (partition) => this.takeRole(partition));
    this.lost = new LostSeats(options.directory);
    this.lost.find(currentImage, this.brokerId, this.logger);
  }

  get image(): MetadataImage {
    return this.currentImage;
  }

  get brokerEpoch(): BrokerEpoch {
    return this.registeredEpoch;
  }

  get all(): Iterable<Partition> {
    return this.partitions.values();
  }

  /** What the next registration must confess (R14, R15). */
  get lostPartitions(): LostSeat[] {
    return this.lost.all;
  }

  /**
   * Every assigned replica is here and was admitted to the ISR under this registration's broker epoch (R8), so that it holds
   * what it should. An epoch reached in an earlier run proves nothing: what was held then may be what was lost.
   */
  get isComplete(): boolean {
    if (this.lost.size > 0 || this.options.directory.failure) return false;
    for (const partition of this.partitions.values()) {
      const isAssigned = this.currentImage.partition(partition.topicId, partition.index)?.replicas.includes(this.brokerId) ?? false;
      if (isAssigned && (!partition.isInSync || partition.role.kind === 'failed')) return false;
    }
    return true;
  }

  emit(event: BrokerEvent): void {
    this.options.emit(event);
  }

  readonly status = (brokerId: BrokerId): BrokerStatus | null => this.currentImage.brokers.get(brokerId) ?? null;

  // ---- metadata ----

  /** A registration in this run: only now may roles be taken (R12). */
  registered(brokerEpoch: BrokerEpoch): void {
    this.registeredEpoch = brokerEpoch;
    // The next start judges by this flag alone: the folders may have been made anew by then, and still be empty.
    if (this.lost.size > 0 && !this.options.directory.failure) this.options.directory.markComplete(false);
    for (const partition of this.partitions.values()) partition.registered();
  }

  /** Brings folders and roles in line with `image`, which is durable already. */
  apply(image: MetadataImage): void {
    this.currentImage = image;
    if (this.registeredEpoch < 0 || this.isStopped || this.options.directory.failure) return;
    this.removeDeleted(image);
    const folders = this.makeFolders(image);
    if (folders.areMore) this.makeMoreAtEndOfTurn();
    else if (folders.made > 0 || this.hasUnrecordedFolders || this.options.directory.state.foldersMadeRevision < 0) {
      this.options.directory.storeFoldersMadeRevision(image.revision);
      this.hasUnrecordedFolders = false;
    }
    for (const partition of [...this.partitions.values()]) {
      const topic = image.topicsById.get(partition.topicId);
      const record = image.partition(partition.topicId, partition.index);
      if (!topic || !record?.replicas.includes(this.brokerId)) {
        // Metadata that merely lacks it is no order to delete (R14): the replica stops and its files stay.
        partition.resign();
        continue;
      }
      if (!this.beginsToLead(partition, record)) {
        this.newLeaders.remove(partition);
        this.takeRole(partition);
      } else if (!this.newLeaders.add(partition)) partition.resign(); // what waits for the old role is failed now, not when its turn comes (R23)
    }
  }

  private beginsToLead({ role }: Partition, record: PartitionRecord): boolean {
    const epoch = role.kind === 'leader' ? role.state.leaderEpoch : -1;
    return record.leader === this.brokerId && record.leaderEpoch !== epoch && role.kind !== 'failed';
  }

  /** As the newest metadata says. */
  private takeRole(partition: Partition): void {
    const topic = this.currentImage.topicsById.get(partition.topicId);
    const record = this.currentImage.partition(partition.topicId, partition.index);
    const isHere = this.byTopicId.get(partition.topicId)?.get(partition.index) === partition;
    if (!topic || !record?.replicas.includes(this.brokerId) || !isHere || this.isStopped || this.options.directory.failure) return;
    this.applyConfigs(partition, topic);
    partition.update(record);
    partition.proposeIsrChange();
  }

  /** Before the record is: what a replica may count as holding follows the flush policy that both name (R1). */
  private applyConfigs(partition: Partition, topic: TopicRecord): void {
    if (this.appliedConfigs.get(partition) === topic.configs || partition.log.failure) return;
    partition.log.updateConfig(effectiveLogConfig(this.options.config.log, topic.configs));
    this.appliedConfigs.set(partition, topic.configs);
  }

  private removeDeleted(image: MetadataImage): void {
    for (const partition of [...this.partitions.values()]) {
      if (image.topicsById.has(partition.topicId) || !image.deletedTopics.has(partition.topicId)) continue;
      partition.resign();
      this.forget(partition);
      this.options.directory.deletePartition(partition.topic, partition.index, partition.topicId);
    }
    for (const [key, log] of this.options.directory.partitions) {
      if (this.partitions.has(key) || !image.deletedTopics.has(log.topicId)) continue;
      this.options.directory.deletePartition(log.topic, log.partition, log.topicId);
    }
    for (const quarantined of [...this.options.directory.quarantined]) {
      if (image.deletedTopics.has(quarantined.topicId)) this.options.directory.wipeQuarantined(quarantined.topic, quarantined.partition);
    }
    this.lost.forgetDeleted(image);
  }

  /** At most FOLDERS_PER_TURN_MAX, so that heartbeats go on while thousands of partitions are made. */
  private makeFolders(image: MetadataImage): { made: number; areMore: boolean } {
    let made = 0;
    for (const topic of image.topicsById.values()) {
      for (const record of image.partitionsOf(topic.topicId)) {
        if (!record.replicas.includes(this.brokerId)) continue;
        const key = partitionKey(topic.name, record.partition);
        if (this.partitions.has(key)) continue;
        if (made === FOLDERS_PER_TURN_MAX) return { made, areMore: true };
        if (this.openReplica(topic, record, key)) made++;
      }
    }
    return { made, areMore: false };
  }

  /** "Folders made" is recorded only when all of the image are: a kill in between must not make the others look lost (R14). */
  private makeMoreAtEndOfTurn(): void {
    this.hasUnrecordedFolders = true;
    if (this.isMakingMore) return;
    this.isMakingMore = true;
    this.scheduler.endOfTurn(() => {
      this.isMakingMore = false;
      this.apply(this.currentImage);
    });
  }

  private openReplica(topic: TopicRecord, record: PartitionRecord, key: string): boolean {
    const { directory } = this.options;
    const isSeated = record.isr.some((seat) => seat.brokerId === this.brokerId);
    if (this.lost.has(key)) {
      // An image of before this registration says nothing of the seat that it took away or left (R15).
      const isJudged = this.currentImage.brokers.get(this.brokerId)?.brokerEpoch === this.registeredEpoch;
      if (isSeated || !isJudged) return false;
      if (this.lost.isDamaged(key)) directory.wipeQuarantined(topic.name, record.partition);
      this.lost.delete(key);
    }
    const config = effectiveLogConfig(this.options.config.log, topic.configs);
    const existing = directory.partitions.get(key);
    if (existing && existing.topicId !== topic.topicId) {
      this.logger.error('a folder of another topic id is in the way; its replica is not served', { folder: key, topicId: topic.topicId });
      return false;
    }
    if (!existing && isSeated && !this.lost.isMaybeNotMade(record)) {
      this.logger.error('the folder of a replica is missing', { folder: key, topicId: topic.topicId });
      this.lost.add(key, { topicId: topic.topicId, partition: record.partition });
      this.options.onLost();
      return false;
    }
    const log = existing ?? directory.createPartition(topic.name, record.partition, topic.topicId, config);
    const partition = new Partition(this, record, log, directory.checkpointedHighWatermarks.get(key) ?? 0);
    this.partitions.set(key, partition);
    const siblings = this.byTopicId.get(topic.topicId);
    if (siblings) siblings.set(record.partition, partition);
    else this.byTopicId.set(topic.topicId, new Map([[record.partition, partition]]));
    return !existing;
  }

  private forget(partition: Partition): void {
    this.partitions.delete(partitionKey(partition.topic, partition.index));
    const siblings = this.byTopicId.get(partition.topicId);
    siblings?.delete(partition.index);
    if (siblings?.size === 0) this.byTopicId.delete(partition.topicId);
    for (const fetcher of this.fetchers.values()) fetcher.remove(partition);
  }

  // ---- roles ----

  roleChanged(partition: Partition): void {
    this.options.onRoleChanged?.(partition);
    const role = partition.role;
    if (role.kind === 'failed' && partition.log.failure && !this.options.directory.failure) return this.lose(partition);
    for (const [leader, fetcher] of this.fetchers) {
      fetcher.remove(partition);
      if (fetcher.partitionCount === 0 && (role.kind !== 'follower' || role.leader !== leader)) {
        fetcher.stop();
        this.fetchers.delete(leader);
      }
    }
    if (role.kind === 'follower' && !this.isStopped) this.fetcherFor(role.leader).add(partition, role.leaderEpoch);
  }

  /** Its data turned out to be damaged: the seat has to go, or the partition would wait for this broker for ever (R15). */
  private lose(partition: Partition): void {
    this.forget(partition);
    const { topicId, index } = partition;
    this.lost.add(partitionKey(partition.topic, index), { topicId, partition: index });
    this.options.onLost();
  }

  followerHeld(partition: Partition): void {
    const role = partition.role;
    if (role.kind === 'follower') this.fetchers.get(role.leader)?.heldAdvanced(partition);
  }

  proposalPending(partition: Partition, state: LeaderState): void {
    this.options.sendProposal(partition, state);
  }

  private fetcherFor(leader: BrokerId): ReplicaFetcher {
    let fetcher = this.fetchers.get(leader);
    if (!fetcher) {
      const { config } = this.options;
      fetcher = new ReplicaFetcher({
        leader,
        self: { brokerId: this.brokerId, brokerEpoch: () => this.registeredEpoch },
        endpoint: () => this.currentImage.brokers.get(leader)?.listeners.replication ?? null,
        dialer: this.options.replicas,
        scheduler: this.scheduler,
        logger: this.logger,
        waitMaxMs: config.replicaFetchWaitMaxMs,
        partitionMaxBytes: config.replicaFetchMaxBytes,
        responseMaxBytes: config.replicaFetchResponseMaxBytes,
      });
      this.fetchers.set(leader, fetcher);
    }
    return fetcher;
  }

  /** Called on a timer: followers that fell behind leave the ISR (replica.lag.time.max.ms). */
  checkLag(): void {
    for (const partition of this.partitions.values()) partition.proposeIsrChange();
  }

  applyRetention(): void {
    for (const partition of this.partitions.values()) {
      if (partition.leader) partition.log.applyRetention(partition.highWatermark);
    }
  }

  highWatermarks(): Map<string, Offset> {
    const marks = new Map<string, Offset>();
    for (const [key, partition] of this.partitions) marks.set(key, partition.highWatermark);
    return marks;
  }

  /** Nobody is led or followed any more; what waits is failed (R23). */
  stop(): void {
    this.isStopped = true;
    for (const partition of this.partitions.values()) partition.resign();
    for (const fetcher of this.fetchers.values()) fetcher.stop();
    this.fetchers.clear();
  }

  /** This replica's answer to an asking election, which promises to take no part in a lower leader epoch (R19); null when it has no such replica. */
  positionFor(topicId: TopicId, index: number, leaderEpoch: LeaderEpoch) {
    const partition = this.byTopicId.get(topicId)?.get(index);
    if (!partition && this.lost.isLost(topicId, index)) {
      // Who waits for every last known member must hear that this one has nothing (R13).
      return { topicId, partition: index, leaderEpoch, lastEpoch: -1, caughtUpEpoch: -1, syncedEndOffset: 0, maxProducerId: -1 };
    }
    if (!partition || partition.role.kind === 'failed') return null;
    partition.promise(leaderEpoch);
    return {
      topicId,
      partition: index,
      leaderEpoch,
      lastEpoch: partition.log.latestEpoch,
      caughtUpEpoch: partition.log.caughtUpEpoch,
      // Under `interval` what is written counts: it has been acknowledged, and a loss of it changes the broker epoch.
      syncedEndOffset: partition.log.heldEndOffset,
      maxProducerId: partition.log.maxProducerId,
    };
  }

  // ---- BrokerState ----

  partition(topic: string, index: number): Partition | null {
    return this.partitions.get(partitionKey(topic, index)) ?? null;
  }

  readonly highWatermarkOf = (log: PartitionLog): Offset => this.partition(log.topic, log.partition)?.highWatermark ?? -1;

  locate(asked: { readonly topic: string | null; readonly topicId: TopicId | null; readonly partition: number }): Partition | null {
    if (asked.topicId !== null) return this.byTopicId.get(asked.topicId)?.get(asked.partition) ?? null;
    return asked.topic === null ? null : this.partition(asked.topic, asked.partition);
  }

  missingPartitionError(topic: string, index: number): KafkaErrorName {
    const known = this.currentImage.topicsByName.get(topic);
    if (!known || !this.currentImage.partition(known.topicId, index)) return 'UNKNOWN_TOPIC_OR_PARTITION';
    return 'NOT_LEADER_OR_FOLLOWER';
  }

  currentLeader(topic: string, index: number): { currentLeader?: CurrentLeader } {
    const known = this.currentImage.topicsByName.get(topic);
    const record = known && this.currentImage.partition(known.topicId, index);
    if (!record || record.leader < 0) return {};
    return { currentLeader: { leader: record.leader, leaderEpoch: record.leaderEpoch } };
  }

  isCutOffFromReplicas(partition: Partition): boolean {
    const session = this.options.config.sessionTimeoutMs;
    const now = this.clock.monotonicMs();
    const confirmedAt = this.options.lastHeartbeatConfirmedAt();
    if (confirmedAt !== null && now - confirmedAt <= session) return false;
    const fetchedAt = partition.leader?.lastIsrFetchAt() ?? null;
    return fetchedAt !== null && now - fetchedAt > session;
  }
}
