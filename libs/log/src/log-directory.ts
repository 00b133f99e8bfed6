/**
 * One data folder of one broker, see LogDirectory in contract.ts. Owns identity, lock, the checkpoints that name all partitions, and
 * the decision that the disk is not to be trusted any more: after the first failed write or sync nothing is written here (R16).
 *
 * Opening goes outside in: identity, lock, leftovers, partitions, and only when all of them are recovered and synced are the
 * recovery points stored and the clean marker removed (R12).
 */
import { assert, CorruptionError, type Offset, partitionKey, type TopicId, type WallMs, YakError } from '#kernel';
import { type Cancellable, type Clock, type Disk, type Logger, type Random, type Scheduler } from '#seams';
import { claimFolder, makeDurably } from './claim-folder.js';
import { CLEANER_CHECKPOINT, CleanerOffsets } from './cleaner/cleaner-offsets.js';
import { type CleanerConfig, LogCleaner } from './cleaner/log-cleaner.js';
import type { DirectoryState, LogConfig, LogDirectory, PartitionLog } from './contract.js';
import {
  BROKER_STATE,
  type BrokerState,
  CLEAN_MARKER,
  type FolderIdentity,
  loadBrokerState,
  loadCleanMarker,
  META_PROPERTIES,
  removeCleanMarker,
  storeBrokerState,
  storeCleanMarker,
  storeIdentity,
} from './folder-identity.js';
import { FreeSpaceGuard } from './free-space-guard.js';
import { RECOVERY_POINT_CHECKPOINT_INTERVAL_MS, TAIL_CACHE_BYTES_MAX, TAIL_CACHE_BYTES_MIN, TAIL_CACHES_BYTES_MAX } from './limits.js';
import type { LogHost } from './log-host.js';
import { OffsetCheckpoint } from './offset-checkpoint.js';
import { DELETED_SUFFIX, loadTopicId, makePartitionFolder, NEW_SUFFIX, parsePartitionFolder, QUARANTINE_FILE } from './partition-folder.js';
import { recoverPartition } from './recovery.js';
import { SegmentedLog } from './segmented-log.js';
import { finishInTurns, finishNow } from './steps.js';

export const RECOVERY_POINT_CHECKPOINT = 'recovery-point-offset-checkpoint';
export const LOG_START_CHECKPOINT = 'log-start-offset-checkpoint';
export const HIGH_WATERMARK_CHECKPOINT = 'replication-offset-checkpoint';

const LEFTOVER = new RegExp(
  `(\\${DELETED_SUFFIX}|\\${NEW_SUFFIX}|^(${META_PROPERTIES}|${BROKER_STATE}|${CLEAN_MARKER}|.*-offset-checkpoint(\\.background)?)\\.tmp)$`,
);

export interface LogSeams {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
}

export interface OpenLogDirectoryOptions {
  readonly brokerId: number;
  readonly configFor: (topic: string) => LogConfig;
  readonly onProgress?: (progress: RecoveryProgress) => void;
  /** What the newest batches of all logs may take in memory. Default TAIL_CACHES_BYTES_MAX. */
  readonly tailCachesBytesMax?: number;
}

/** While a folder is recovered. One partition may hold most of what is to be read: then `bytesRead` is what moves. */
export interface RecoveryProgress {
  /** Partitions. */
  readonly done: number;
  readonly total: number;
  /** Of segments that had to be looked through, those that are written again counted twice. */
  readonly bytesRead: number;
}

type Quarantined = { topic: string; partition: number; topicId: TopicId; reason: string };

/**
 * Opens (or makes) the data folder and recovers what is in it. Rejects with a YakError: DATA_FOLDER_IN_USE, WRONG_BROKER_ID,
 * UNSUPPORTED_FORMAT, or the disk's own code.
 */
export async function openLogDirectory(seams: LogSeams, path: string, options: OpenLogDirectoryOptions): Promise<LogDirectory> {
  const { disk } = seams;
  makeDurably(disk, path);
  const { identity, lock } = await claimFolder(seams, path);
  try {
    if (identity.brokerId !== null && identity.brokerId !== options.brokerId) {
      throw new YakError(
        'WRONG_BROKER_ID',
        `${path} belongs to broker ${identity.brokerId}, this is broker ${options.brokerId}: use that id or another data folder`,
      );
    }
    const directory = new DataFolder(seams, path, identity, lock, options.tailCachesBytesMax ?? TAIL_CACHES_BYTES_MAX);
    await directory.recover(options);
    return directory;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class DataFolder implements LogDirectory, LogHost {
  failure: Error | null = null;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  private readonly logs = new Map<string, SegmentedLog>();
  private readonly damagedFolders: Quarantined[] = [];
  private readonly failureListeners: ((error: Error) => void)[] = [];
  private brokerState: BrokerState;
  private wasCleanShutdown = false;
  private isSameBoot = false;
  private isBlank = false;
  private highWatermarks = new Map<string, Offset>();
  private readonly recoveryPoints = new Map<string, Offset>();
  private readonly logStartOffsets = new Map<string, Offset>();
  private readonly recoveryPointFile: OffsetCheckpoint;
  private readonly logStartFile: OffsetCheckpoint;
  private readonly highWatermarkFile: OffsetCheckpoint;
  private readonly cleanerFile: OffsetCheckpoint;
  private readonly cleanerOffsets: CleanerOffsets;
  private space!: FreeSpaceGuard;
  private checkpointTimer: Cancellable | null = null;
  private isClosed = false;
  private readonly steadyOffsetMs: number;

  constructor(
    private readonly seams: LogSeams,
    readonly path: string,
    private identity: FolderIdentity,
    private readonly lock: { release(): Promise<void> },
    private readonly tailCachesBytesMax: number,
  ) {
    this.disk = seams.disk;
    this.clock = seams.clock;
    this.scheduler = seams.scheduler;
    this.logger = seams.logger;
    this.steadyOffsetMs = this.clock.wallMs() - this.clock.monotonicMs();
    this.recoveryPointFile = new OffsetCheckpoint(this.disk, path, RECOVERY_POINT_CHECKPOINT);
    this.logStartFile = new OffsetCheckpoint(this.disk, path, LOG_START_CHECKPOINT);
    this.highWatermarkFile = new OffsetCheckpoint(this.disk, path, HIGH_WATERMARK_CHECKPOINT);
    this.cleanerFile = new OffsetCheckpoint(this.disk, path, CLEANER_CHECKPOINT);
    this.cleanerOffsets = new CleanerOffsets(this.cleanerFile, (error) => this.diskFailed(error));
    this.brokerState = { storedBrokerEpoch: -1, isComplete: true, bootId: '', foldersMadeRevision: 0, mayHoldUnsynced: false };
  }

  get state(): DirectoryState {
    const { storedBrokerEpoch, isComplete, foldersMadeRevision } = this.brokerState;
    return {
      ...this.identity,
      isBlank: this.isBlank,
      storedBrokerEpoch,
      wasCleanShutdown: this.wasCleanShutdown,
      isSameBoot: this.isSameBoot,
      isComplete,
      foldersMadeRevision,
    };
  }

  get partitions(): ReadonlyMap<string, PartitionLog> {
    return this.logs;
  }

  get quarantined(): readonly Quarantined[] {
    return this.damagedFolders;
  }

  get checkpointedHighWatermarks(): ReadonlyMap<string, Offset> {
    return this.highWatermarks;
  }

  // ---- start ----

  async recover({ configFor, onProgress }: OpenLogDirectoryOptions): Promise<void> {
    const stored = this.loadStoredState();
    this.wasCleanShutdown =
      stored !== null && loadCleanMarker(this.disk, this.path) === stored.storedBrokerEpoch && stored.storedBrokerEpoch >= 0;
    this.isSameBoot = stored !== null && stored.bootId === this.disk.bootId();
    this.removeLeftovers();
    const folders = this.disk.list(this.path).flatMap((name) => {
      const parsed = parsePartitionFolder(name);
      return parsed === null ? [] : [{ ...parsed, name }];
    });
    this.isBlank = this.identity.clusterId === null && folders.length === 0;
    const recoveryPoints = this.loadCheckpoint(this.recoveryPointFile);
    const logStartOffsets = this.loadCheckpoint(this.logStartFile);
    this.highWatermarks = this.loadCheckpoint(this.highWatermarkFile) ?? new Map();
    this.cleanerOffsets.init(this.loadCheckpoint(this.cleanerFile), (key) => folders.some(({ name }) => name === key));
    // Folders that are gone keep no entries: a partition of that name would inherit them.
    for (const { name } of folders) {
      const point = recoveryPoints?.get(name);
      if (point !== undefined) this.recoveryPoints.set(name, point);
      const start = logStartOffsets?.get(name);
      if (start !== undefined) this.logStartOffsets.set(name, start);
    }
    for (const key of [...this.highWatermarks.keys()]) if (!folders.some(({ name }) => name === key)) this.highWatermarks.delete(key);

    let bytesRead = 0;
    for (const [index, { topic, partition, name }] of folders.entries()) {
      const stored = {
        recoveryPoint: recoveryPoints === null ? null : (recoveryPoints.get(name) ?? 0),
        logStartOffset: logStartOffsets === null ? null : (logStartOffsets.get(name) ?? 0),
      };
      await this.recoverFolder(topic, partition, configFor(topic), stored, (bytes) => {
        bytesRead += bytes;
        onProgress?.({ done: index, total: folders.length, bytesRead });
      });
      onProgress?.({ done: index + 1, total: folders.length, bytesRead });
      // Probes and heartbeats have their turn between partitions.
      await new Promise<void>((resolve) => this.scheduler.endOfTurn(resolve));
    }
    this.finishRecovery(stored);
  }

  private loadStoredState(): BrokerState | null {
    try {
      return loadBrokerState(this.disk, this.path);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.logger.error('broker state is damaged; this folder counts as incomplete', { path: this.path, reason: error.message });
      return { ...this.brokerState, isComplete: false, mayHoldUnsynced: true };
    }
  }

  private loadCheckpoint(file: OffsetCheckpoint): Map<string, Offset> | null {
    try {
      return file.load();
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.logger.error('a checkpoint is damaged', { file: file.name, reason: error.message });
      return null;
    }
  }

  /** Half-made and half-deleted folders, and temporary files of ours: others may keep files here, too. */
  private removeLeftovers(): void {
    const leftovers = this.disk.list(this.path).filter((name) => LEFTOVER.test(name));
    for (const name of leftovers) this.disk.remove(`${this.path}/${name}`);
    if (leftovers.length > 0) this.disk.syncDirectory(this.path);
  }

  private async recoverFolder(
    topic: string,
    partition: number,
    config: LogConfig,
    stored: { recoveryPoint: Offset | null; logStartOffset: Offset | null },
    onBytesRead: (bytes: number) => void,
  ): Promise<void> {
    const key = partitionKey(topic, partition);
    const folder = `${this.path}/${key}`;
    let topicId: TopicId = '';
    try {
      topicId = loadTopicId(this.disk, folder);
      const mark = this.disk.readFile(`${folder}/${QUARANTINE_FILE}`);
      if (mark !== null) throw new CorruptionError(mark.toString('utf8').trim());
      const steps = recoverPartition({
        disk: this.disk,
        logger: this.logger,
        nowMs: this.clock.wallMs(),
        folder,
        topic,
        partition,
        topicId,
        config,
        isClean: this.wasCleanShutdown,
        ...stored,
        storeStart: (offset) => {
          this.recoveryPoints.set(key, offset);
          this.logStartOffsets.set(key, offset);
          this.logStartFile.storeNow(this.logStartOffsets);
          this.recoveryPointFile.storeNow(this.recoveryPoints);
        },
      });
      const recovered = await finishInTurns(steps, this.seams, onBytesRead);
      const log = new SegmentedLog(this, recovered, config);
      this.logs.set(key, log);
      this.recoveryPoints.set(key, log.flushedEndOffset);
      this.noteLogStart(log);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.logger.error('partition is damaged and not served', { topic, partition, reason: error.message });
      this.damagedFolders.push({ topic, partition, topicId, reason: error.message });
    }
  }

  private noteLogStart(log: SegmentedLog): void {
    if (log.logStartOffset > 0) this.logStartOffsets.set(log.key, log.logStartOffset);
  }

  /** Everything that was found is synced: store where recovery may begin next time, judge this folder, drop the marker. */
  private finishRecovery(stored: BrokerState | null): void {
    this.logStartFile.storeNow(this.logStartOffsets);
    this.recoveryPointFile.storeNow(this.recoveryPoints);
    const hasLostUnsynced = stored !== null && !this.wasCleanShutdown && !this.isSameBoot && stored.mayHoldUnsynced;
    const logs = [...this.logs.values()];
    this.brokerState = {
      ...(stored ?? this.brokerState),
      // A folder with partitions whose state file is gone cannot vouch for them.
      isComplete: (stored?.isComplete ?? logs.length === 0) && !hasLostUnsynced && this.damagedFolders.length === 0,
      bootId: this.disk.bootId(),
      mayHoldUnsynced: logs.some((log) => log.config.flushPolicy === 'interval'),
    };
    storeBrokerState(this.disk, this.path, this.brokerState);
    removeCleanMarker(this.disk, this.path);
    const ownBytes = logs.reduce((sum, log) => sum + log.sizeBytes, 0);
    this.space = new FreeSpaceGuard(this.disk, this.clock, this.path, ownBytes);
    this.scheduleCheckpoint();
  }

  // ---- identity and state ----

  adopt(clusterId: string, brokerId: number): void {
    const { identity } = this;
    if (identity.clusterId !== null && identity.clusterId !== clusterId) {
      throw new YakError(
        'WRONG_CLUSTER',
        `${this.path} belongs to cluster ${identity.clusterId}, this is cluster ${clusterId}: use that cluster or another data folder`,
      );
    }
    if (identity.brokerId !== null && identity.brokerId !== brokerId) {
      throw new YakError('WRONG_BROKER_ID', `${this.path} belongs to broker ${identity.brokerId}, this is broker ${brokerId}`);
    }
    if (identity.clusterId !== null && identity.brokerId !== null) return;
    const adopted = { ...identity, clusterId, brokerId };
    this.guard(() => storeIdentity(this.disk, this.path, adopted));
    this.identity = adopted;
  }

  storeBrokerEpoch(brokerEpoch: number): void {
    this.changeState({ storedBrokerEpoch: brokerEpoch });
  }

  markComplete(isComplete: boolean): void {
    if (this.brokerState.isComplete !== isComplete) this.changeState({ isComplete });
  }

  storeFoldersMadeRevision(revision: number): void {
    if (this.brokerState.foldersMadeRevision !== revision) this.changeState({ foldersMadeRevision: revision });
  }

  private changeState(change: Partial<BrokerState>): void {
    const changed = { ...this.brokerState, ...change };
    this.guard(() => storeBrokerState(this.disk, this.path, changed));
    this.brokerState = changed;
  }

  // ---- partitions ----

  createPartition(topic: string, partition: number, topicId: TopicId, config: LogConfig): PartitionLog {
    const key = partitionKey(topic, partition);
    assert(parsePartitionFolder(key) !== null, `${key} is no name of a partition folder`);
    assert(!this.logs.has(key) && !this.disk.exists(`${this.path}/${key}`), `partition ${key} already exists in ${this.path}`);
    if (config.flushPolicy === 'interval') this.intervalModeBegins();
    return this.guard(() => {
      this.forgetOffsets(key);
      makePartitionFolder(this.disk, this.path, key, topicId, this.uniqueName(topicId, partition));
      const steps = recoverPartition({
        disk: this.disk,
        logger: this.logger,
        nowMs: this.clock.wallMs(),
        folder: `${this.path}/${key}`,
        topic,
        partition,
        topicId,
        config,
        isClean: true,
        recoveryPoint: 0,
        logStartOffset: 0,
        storeStart: () => {},
      });
      const log = new SegmentedLog(this, finishNow(steps), config);
      this.logs.set(key, log);
      return log;
    });
  }

  deletePartition(topic: string, partition: number, topicId: TopicId): void {
    const key = partitionKey(topic, partition);
    const log = this.logs.get(key);
    const known = log?.topicId ?? this.damagedFolders.find((each) => partitionKey(each.topic, each.partition) === key)?.topicId;
    assert(known === topicId, `partition ${key} here belongs to topic id ${known ?? '(none)'}, asked to delete ${topicId} (R14)`);
    this.removeFolder(topic, partition, topicId);
  }

  wipeQuarantined(topic: string, partition: number): void {
    const key = partitionKey(topic, partition);
    const damaged = this.damagedFolders.find((each) => partitionKey(each.topic, each.partition) === key);
    assert(damaged !== undefined || this.logs.get(key)?.failure, `partition ${key} is not quarantined`);
    this.removeFolder(topic, partition, damaged?.topicId ?? this.logs.get(key)!.topicId);
  }

  /** Out of the way first, durably, so that a crash in the middle leaves nothing with the partition's name. */
  private removeFolder(topic: string, partition: number, topicId: TopicId): void {
    const key = partitionKey(topic, partition);
    this.guard(() => {
      this.logs.get(key)?.close(new YakError('PARTITION_DELETED', `partition ${key} was deleted`));
      this.logs.delete(key);
      const damaged = this.damagedFolders.findIndex((each) => partitionKey(each.topic, each.partition) === key);
      if (damaged >= 0) this.damagedFolders.splice(damaged, 1);
      const moved = `${this.path}/${this.uniqueName(topicId, partition)}${DELETED_SUFFIX}`;
      this.disk.rename(`${this.path}/${key}`, moved);
      this.disk.syncDirectory(this.path);
      this.forgetOffsets(key);
      this.disk.remove(moved);
      this.disk.syncDirectory(this.path);
    });
  }

  /** Short enough for any file system, whatever the topic's name; never a partition folder's name once it has its suffix. */
  private uniqueName(topicId: TopicId, partition: number): string {
    return `${topicId || 'unknown'}-${partition}-${this.seams.random.bytes(6).toString('hex')}`;
  }

  /** A later partition of the same name must not inherit them. */
  private forgetOffsets(key: string): void {
    this.highWatermarks.delete(key);
    this.cleanerOffsets.lower(key, 0);
    if (this.recoveryPoints.delete(key)) this.recoveryPointFile.storeNow(this.recoveryPoints);
    if (this.logStartOffsets.delete(key)) this.logStartFile.storeNow(this.logStartOffsets);
  }

  // ---- checkpoints ----

  checkpointHighWatermarks(highWatermarks: ReadonlyMap<string, Offset>): void {
    if (this.failure !== null || this.isClosed) return;
    this.highWatermarks = new Map(highWatermarks);
    this.storeSoon(this.highWatermarkFile, this.highWatermarks);
  }

  private scheduleCheckpoint(): void {
    this.checkpointTimer = this.scheduler.after(RECOVERY_POINT_CHECKPOINT_INTERVAL_MS, () => {
      if (this.failure !== null || this.isClosed) return;
      this.checkpointRecoveryPoints();
      this.scheduleCheckpoint();
    });
  }

  private checkpointRecoveryPoints(): void {
    let hasChanged = false;
    for (const log of this.logs.values()) {
      if (log.failure !== null || this.recoveryPoints.get(log.key) === log.flushedEndOffset) continue;
      this.recoveryPoints.set(log.key, log.flushedEndOffset);
      hasChanged = true;
    }
    if (hasChanged) this.storeSoon(this.recoveryPointFile, this.recoveryPoints);
  }

  private storeSoon(file: OffsetCheckpoint, offsets: ReadonlyMap<string, Offset>): void {
    file.storeSoon(offsets).catch((error: unknown) => this.diskFailed(error));
  }

  lowerRecoveryPoint(key: string, offset: Offset): void {
    this.cleanerOffsets.lower(key, offset);
    // Also when the stored one is lower: a checkpoint in the background may be about to raise it.
    this.recoveryPoints.set(key, Math.min(offset, this.recoveryPoints.get(key) ?? 0));
    this.recoveryPointFile.storeNow(this.recoveryPoints);
  }

  storeLogStartOffset(key: string, offset: Offset): void {
    this.logStartOffsets.set(key, offset);
    this.logStartFile.storeNow(this.logStartOffsets);
  }

  // ---- what logs ask ----

  steadyMs(): WallMs {
    return this.steadyOffsetMs + this.clock.monotonicMs();
  }

  guard<T>(work: () => T): T {
    if (this.failure !== null) throw this.failure;
    try {
      return work();
    } catch (error) {
      if (error instanceof YakError && !(error instanceof CorruptionError)) this.diskFailed(error);
      throw error;
    }
  }

  diskFailed(error: unknown): void {
    if (!(error instanceof YakError)) {
      // A bug, not the disk: it must end the process, not vanish in a promise.
      this.scheduler.endOfTurn(() => {
        throw error;
      });
      return;
    }
    if (this.failure !== null || this.isClosed) return;
    const failure = new YakError('DIRECTORY_OFFLINE', `${this.path} is offline: ${error.message}`, { cause: error });
    this.failure = failure;
    this.logger.error('data folder is offline: nothing more is written to it', {
      path: this.path,
      reason: error.message,
      code: error.code,
    });
    this.checkpointTimer?.cancel();
    this.recoveryPointFile.abandon();
    this.highWatermarkFile.abandon();
    this.cleanerOffsets.abandon();
    if (error.code === 'EIO') this.rememberLoss();
    for (const log of this.logs.values()) log.fail(failure);
    for (const listener of this.failureListeners) listener(failure);
  }

  /** What never reached the device may still be read back from memory after a restart: not intact until it is complete again. */
  private rememberLoss(): void {
    try {
      this.brokerState = { ...this.brokerState, isComplete: false };
      storeBrokerState(this.disk, this.path, this.brokerState);
    } catch (error) {
      this.logger.error('the loss could not be noted in the data folder', { path: this.path, reason: (error as Error).message });
    }
  }

  intervalModeBegins(): void {
    if (!this.brokerState.mayHoldUnsynced) this.changeState({ mayHoldUnsynced: true });
  }

  partitionDamaged(): void {
    this.markComplete(false);
  }

  producerSpaceProblem(): string | null {
    return this.space.producerProblem();
  }

  followerSpaceProblem(): string | null {
    return this.space.followerProblem();
  }

  tailCacheBytesMax(): number {
    return Math.max(TAIL_CACHE_BYTES_MIN, Math.min(TAIL_CACHE_BYTES_MAX, this.tailCachesBytesMax / Math.max(1, this.logs.size)));
  }

  onFailure(listener: (error: Error) => void): void {
    this.failureListeners.push(listener);
  }

  oldestSyncAgeMs(): number {
    const nowMs = this.clock.monotonicMs();
    let oldest = 0;
    for (const log of this.logs.values()) oldest = Math.max(oldest, log.syncAgeMs(nowMs));
    return oldest;
  }

  freeBytes(): number {
    return this.disk.freeBytes(this.path);
  }

  createCleaner(config: CleanerConfig, highWatermarkOf: (log: PartitionLog) => Offset): LogCleaner {
    return new LogCleaner(this, this.logs, this.cleanerOffsets, config, highWatermarkOf);
  }

  // ---- stop ----

  async closeCleanly(brokerEpoch: number): Promise<void> {
    if (this.isClosed) return;
    try {
      const healthy = [...this.logs.values()].filter((log) => log.failure === null);
      await Promise.all(healthy.map((log) => log.flush()));
      this.guard(() => this.storeForStop(healthy, brokerEpoch));
    } catch (error) {
      if (!(error instanceof YakError)) throw error;
      this.logger.error('no clean marker: the data folder could not be flushed', { path: this.path, reason: error.message });
    }
    await this.close();
  }

  /** The marker is last: it vouches for everything before it. */
  private storeForStop(logs: readonly SegmentedLog[], brokerEpoch: number): void {
    for (const log of logs) {
      log.storeForStop();
      this.recoveryPoints.set(log.key, log.flushedEndOffset);
    }
    this.recoveryPointFile.storeNow(this.recoveryPoints);
    this.highWatermarkFile.storeNow(this.highWatermarks);
    storeCleanMarker(this.disk, this.path, brokerEpoch);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.checkpointTimer?.cancel();
    this.recoveryPointFile.abandon();
    this.highWatermarkFile.abandon();
    this.cleanerOffsets.abandon();
    for (const log of this.logs.values()) log.close(new YakError('DATA_FOLDER_CLOSED', `${this.path} is closed`));
    await this.lock.release();
  }
}
