/**
 * The log of one partition, see PartitionLog in contract.ts for what it promises. Appends of one turn of the event loop gather in
 * `pending` and leave with one write at its end; under `commit` one fdatasync runs at a time and what is written meanwhile joins
 * the next. Single owner, no locks: whatever waits (a sync, a cold read) compares generations when it comes back.
 *
 * Invariant: logStartOffset <= flushedEndOffset <= writtenEndOffset <= logEndOffset.
 */
import {
  AssertionError,
  assert,
  CorruptionError,
  type LeaderEpoch,
  type Offset,
  partitionKey,
  type TopicId,
  type WallMs,
  YakError,
} from '#kernel';
import { isCrcValid, recordBatch, splitBatches } from '#record';
import { type Cancellable, replaceFile } from '#seams';
import { appendRefusal } from './append-checks.js';
import type { AppendOutcome, EpochEnd, LogConfig, PartitionLog } from './contract.js';
import { LEADER_EPOCH_CHECKPOINT, type LeaderEpochCache } from './leader-epoch-cache.js';
import { TAIL_CACHE_PINNING_RATIO } from './limits.js';
import type { LogHost } from './log-host.js';
import { QUARANTINE_FILE, START_OVER_FILE, storeCaughtUpEpoch } from './partition-folder.js';
import { loadProducerState, removeSnapshotsAbove, writeProducerSnapshot } from './producer-replay.js';
import type { ProducerState } from './producer-state.js';
import { firstRetained } from './retention.js';
import type { SegmentStore } from './segment-store.js';
import { finishNow } from './steps.js';
import { TailCache, unpinned } from './tail-cache.js';
import { findByTimestamp, findMaxTimestamp, type RecordPlace } from './timestamp-lookup.js';

export interface RecoveredPartition {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: TopicId;
  readonly store: SegmentStore;
  readonly epochs: LeaderEpochCache;
  readonly producers: ProducerState;
  readonly logStartOffset: Offset;
  readonly caughtUpEpoch: LeaderEpoch;
}

interface FlushWaiter {
  readonly endOffset: Offset;
  resolve(): void;
  reject(error: Error): void;
}

export class SegmentedLog implements PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: TopicId;
  readonly key: string;
  logStartOffset: Offset;
  logEndOffset: Offset;
  flushedEndOffset: Offset;
  failure: Error | null = null;
  caughtUpEpoch: LeaderEpoch;
  /** Everything below is in the page cache at least. */
  private writtenEndOffset: Offset;
  /** heldEndOffset when the listeners last heard of it. */
  private announcedHeldOffset: Offset;
  /** Counted as held before the policy was switched to `commit`: it goes on counting, and the folder confesses if it gets lost. */
  private heldBeforeSwitch: Offset = 0;
  /** How often the log was cut or started over. */
  cuts = 0;
  private pending: Buffer[] = [];
  private isWriteScheduled = false;
  private syncStartedMs: number | null = null;
  private syncTimer: Cancellable | null = null;
  private waiters: FlushWaiter[] = [];
  private readonly tail = new TailCache();
  /** Of these two the cleaner makes use, and nobody else. */
  readonly store: SegmentStore;
  producers: ProducerState;
  private readonly epochs: LeaderEpochCache;
  private readonly heldListeners: (() => void)[] = [];
  private readonly failureListeners: ((error: Error) => void)[] = [];

  /** Everything in `recovered` is durable. */
  constructor(
    private readonly host: LogHost,
    recovered: RecoveredPartition,
    private currentConfig: LogConfig,
  ) {
    this.topic = recovered.topic;
    this.partition = recovered.partition;
    this.topicId = recovered.topicId;
    this.key = partitionKey(recovered.topic, recovered.partition);
    this.store = recovered.store;
    this.epochs = recovered.epochs;
    this.producers = recovered.producers;
    this.logStartOffset = recovered.logStartOffset;
    this.caughtUpEpoch = recovered.caughtUpEpoch;
    this.logEndOffset = this.store.active.nextOffset;
    this.writtenEndOffset = this.logEndOffset;
    this.flushedEndOffset = this.logEndOffset;
    this.announcedHeldOffset = this.logEndOffset;
  }

  get heldEndOffset(): Offset {
    return this.currentConfig.flushPolicy === 'commit' ? Math.max(this.flushedEndOffset, this.heldBeforeSwitch) : this.writtenEndOffset;
  }

  get latestEpoch(): LeaderEpoch {
    return this.epochs.latestEpoch;
  }

  get maxProducerId(): number {
    return this.producers.maxProducerId;
  }

  get config(): LogConfig {
    return this.currentConfig;
  }

  get storageProblem(): string | null {
    return this.failure?.message ?? this.host.producerSpaceProblem();
  }

  get sizeBytes(): number {
    return this.store.sizeBytes + this.pending.reduce((sum, batch) => sum + batch.length, 0);
  }

  /** Where each epoch begins; for checks and tools. */
  get epochStarts(): readonly { leaderEpoch: LeaderEpoch; startOffset: Offset }[] {
    return this.epochs.entries;
  }

  // ---- append ----

  appendAsLeader(records: Buffer, leaderEpoch: LeaderEpoch): AppendOutcome {
    const { storageProblem } = this;
    if (storageProblem !== null) return { kind: 'refused', error: 'KAFKA_STORAGE_ERROR', message: storageProblem };
    const refusal = appendRefusal(records, this.currentConfig, this.host.clock.wallMs());
    if (refusal !== null) return refusal;
    if (leaderEpoch < this.latestEpoch)
      throw new AssertionError(`${this.key}: append in leader epoch ${leaderEpoch} after ${this.latestEpoch}`);
    if (recordBatch.producerId(records) >= 0) {
      const answer = this.producers.check(records);
      if (answer !== null) return answer;
    }
    if (leaderEpoch > this.latestEpoch) this.beginLeaderEpoch(leaderEpoch);
    const baseOffset = this.logEndOffset;
    recordBatch.setBaseOffset(records, baseOffset);
    recordBatch.setLeaderEpoch(records, leaderEpoch);
    const lastOffset = this.take(records, unpinned(records, TAIL_CACHE_PINNING_RATIO));
    return { kind: 'appended', baseOffset, lastOffset };
  }

  findDuplicate(records: Buffer): { readonly baseOffset: Offset; readonly lastOffset: Offset } | null {
    if (recordBatch.headerProblem(records, 0, records.length) !== null || recordBatch.producerId(records) < 0) return null;
    const answer = this.producers.check(records);
    return answer?.kind === 'duplicate' ? answer : null;
  }

  appendAsFollower(records: Buffer): void {
    this.assertUsable();
    const spaceProblem = this.host.followerSpaceProblem();
    if (spaceProblem !== null) throw new YakError('NO_SPACE', spaceProblem);
    const batches = splitBatches(records);
    let expected = this.logEndOffset;
    let epoch = this.latestEpoch;
    for (const batch of batches) {
      this.assertContinues(batch, expected, epoch);
      expected = recordBatch.lastOffset(batch) + 1;
      epoch = recordBatch.leaderEpoch(batch);
    }
    for (const batch of batches) {
      const batchEpoch = recordBatch.leaderEpoch(batch);
      if (batchEpoch > this.latestEpoch) this.assignEpoch(batchEpoch, this.logEndOffset);
      this.take(batch, batch);
    }
  }

  private assertContinues(batch: Buffer, expectedOffset: Offset, epochMin: LeaderEpoch): void {
    const base = recordBatch.baseOffset(batch);
    if (base < expectedOffset) throw new CorruptionError(`${this.key}: batch at offset ${base} does not continue ${expectedOffset}`);
    const epoch = recordBatch.leaderEpoch(batch);
    if (epoch < epochMin) throw new CorruptionError(`${this.key}: batch at offset ${base} has leader epoch ${epoch} after ${epochMin}`);
    if (!isCrcValid(batch)) throw new CorruptionError(`${this.key}: batch at offset ${base} does not match its CRC`);
  }

  /** The batch is in the log from here on; it leaves for the disk at the end of this turn. Answers its last offset. */
  private take(batch: Buffer, cached: Buffer): Offset {
    const lastOffset = recordBatch.lastOffset(batch);
    this.producers.record(batch, 0, this.host.steadyMs());
    this.tail.push(cached, this.logEndOffset, lastOffset);
    this.pending.push(batch);
    this.logEndOffset = lastOffset + 1;
    if (!this.isWriteScheduled) {
      this.isWriteScheduled = true;
      this.host.scheduler.endOfTurn(this.onEndOfTurn);
    }
    return lastOffset;
  }

  // ---- write and sync ----

  private readonly onEndOfTurn = (): void => {
    this.isWriteScheduled = false;
    if (this.failure !== null) return;
    try {
      this.writePending();
    } catch (error) {
      if (this.failure !== null) return;
      throw error;
    }
    this.syncIfDue();
    if (this.heldEndOffset > this.announcedHeldOffset) this.announceHeld();
  };

  private writePending(): void {
    if (this.pending.length > 0) {
      const batches = this.pending;
      this.pending = [];
      const hasRolled = this.host.guard(() => this.store.write(batches, this.currentConfig, this.host.clock.wallMs()));
      this.writtenEndOffset = this.logEndOffset;
      if (hasRolled) this.host.guard(() => this.snapshotProducers(false));
    }
    this.tail.evict(this.host.tailCacheBytesMax(), this.writtenEndOffset);
  }

  /** Beside a new segment, so that recovery replays about one of them. Taken where the state is true: at the written end. */
  private snapshotProducers(isSynced: boolean): void {
    const { disk } = this.host;
    writeProducerSnapshot(disk, this.store.folder, this.writtenEndOffset, this.producers, isSynced);
  }

  private syncIfDue(): void {
    if (this.syncStartedMs !== null || !this.store.hasUnsynced || this.failure !== null) return;
    if (this.currentConfig.flushPolicy === 'commit' || this.waiters.length > 0) {
      this.startSync();
    } else {
      this.syncTimer ??= this.host.scheduler.after(this.currentConfig.flushIntervalMs, () => {
        this.syncTimer = null;
        if (this.syncStartedMs === null && this.failure === null && this.store.hasUnsynced) this.startSync();
      });
    }
  }

  /** The end that counts is the one captured here, before the sync begins (R2). */
  private startSync(): void {
    this.syncTimer?.cancel();
    this.syncTimer = null;
    const files = this.store.takeUnsynced();
    const endOffset = this.writtenEndOffset;
    const { cuts } = this;
    this.syncStartedMs = this.host.clock.monotonicMs();
    const syncs = files.length === 1 ? files[0]!.sync() : Promise.all(files.map((file) => file.sync()));
    syncs.then(
      () => this.onSynced(endOffset, cuts),
      (error: unknown) => {
        this.syncStartedMs = null;
        this.host.diskFailed(error);
      },
    );
  }

  private onSynced(endOffset: Offset, cuts: number): void {
    this.syncStartedMs = null;
    if (this.failure !== null) return;
    this.store.synced();
    // A sync that began before the log was cut proves nothing about what came after.
    if (cuts === this.cuts && endOffset > this.flushedEndOffset) {
      this.flushedEndOffset = endOffset;
      this.settleWaiters();
      this.announceHeld();
    }
    this.syncIfDue();
  }

  private settleWaiters(): void {
    const settled = this.waiters.filter(
      (waiter) => waiter.endOffset <= this.flushedEndOffset || this.flushedEndOffset === this.logEndOffset,
    );
    if (settled.length === 0) return;
    this.waiters = this.waiters.filter((waiter) => !settled.includes(waiter));
    for (const waiter of settled) waiter.resolve();
  }

  flush(): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure);
    if (this.flushedEndOffset === this.logEndOffset) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.waiters.push({ endOffset: this.logEndOffset, resolve, reject });
      if (!this.isWriteScheduled) this.syncIfDue();
    });
  }

  /** Milliseconds that the running fdatasync has taken so far; 0 when none runs. */
  syncAgeMs(nowMs: number): number {
    return this.syncStartedMs === null ? 0 : nowMs - this.syncStartedMs;
  }

  onHeld(listener: () => void): void {
    this.heldListeners.push(listener);
  }

  onFailure(listener: (error: Error) => void): void {
    this.failureListeners.push(listener);
  }

  private announceHeld(): void {
    this.announcedHeldOffset = this.heldEndOffset;
    for (const listener of this.heldListeners) listener();
  }

  // ---- epochs and truncation ----

  beginLeaderEpoch(leaderEpoch: LeaderEpoch): void {
    this.assertUsable();
    this.assignEpoch(leaderEpoch, this.logEndOffset);
  }

  private assignEpoch(leaderEpoch: LeaderEpoch, startOffset: Offset): void {
    if (this.epochs.assign(leaderEpoch, startOffset)) this.storeEpochs();
  }

  private storeEpochs(): void {
    this.host.guard(() => replaceFile(this.host.disk, this.store.folder, LEADER_EPOCH_CHECKPOINT, this.epochs.encode()));
  }

  endOffsetForEpoch(leaderEpoch: LeaderEpoch): EpochEnd {
    return this.epochs.endOffsetFor(leaderEpoch, this.logEndOffset);
  }

  truncateTo(offset: Offset): void {
    this.assertUsable();
    if (offset < this.logStartOffset) {
      this.truncateFullyAndStartAt(offset);
      return;
    }
    if (offset >= this.logEndOffset) {
      if (this.epochs.truncateFromEnd(offset)) this.storeEpochs();
      return;
    }
    this.writePending();
    const end = this.store.cutOffset(offset);
    if (end < this.logStartOffset) {
      this.truncateFullyAndStartAt(this.logStartOffset);
      return;
    }
    this.host.guard(() => {
      // First: or a crash would take the shorter log for one that lost data below its recovery point.
      this.host.lowerRecoveryPoint(this.key, end);
      removeSnapshotsAbove(this.host.disk, this.store.folder, end);
      this.store.truncateTo(end);
      if (this.epochs.truncateFromEnd(end)) this.storeEpochs();
      this.continueAt(end);
      if (this.producers.isTouchedByTruncationTo(end)) this.reloadProducers(end);
    });
    this.settleWaiters();
  }

  cutsIntoCompacted(offset: Offset): boolean {
    // Also in the active segment: an earlier cut may have made a cleaned one that.
    return this.currentConfig.cleanupPolicy !== 'delete' && offset < this.logEndOffset;
  }

  truncateFullyAndStartAt(offset: Offset): void {
    this.assertUsable();
    this.pending = [];
    this.host.guard(() => {
      const { disk } = this.host;
      const { folder } = this.store;
      // From here on recovery completes this, whatever of it a crash leaves undone.
      replaceFile(disk, folder, START_OVER_FILE, Buffer.from(`${offset}\n`));
      this.host.lowerRecoveryPoint(this.key, 0);
      removeSnapshotsAbove(disk, folder, -1);
      this.store.startOver(offset, this.host.clock.wallMs());
      this.epochs.clear();
      this.storeEpochs();
      this.caughtUpEpoch = -1;
      storeCaughtUpEpoch(disk, folder, -1);
      this.host.storeLogStartOffset(this.key, offset);
      disk.remove(`${folder}/${START_OVER_FILE}`);
      disk.syncDirectory(folder);
    });
    this.producers.clear();
    this.logStartOffset = offset;
    this.continueAt(offset);
    this.settleWaiters();
  }

  /** The log ends at `offset`, all of it durable. */
  private continueAt(offset: Offset): void {
    this.cuts++;
    this.announcedHeldOffset = offset;
    this.tail.clear();
    this.logEndOffset = offset;
    this.writtenEndOffset = offset;
    this.flushedEndOffset = offset;
    this.heldBeforeSwitch = 0;
  }

  private reloadProducers(endOffset: Offset): void {
    const { maxProducerId } = this.producers;
    this.producers = finishNow(loadProducerState(this.host.disk, this.store, endOffset, this.host.steadyMs()));
    this.producers.maxProducerId = Math.max(this.producers.maxProducerId, maxProducerId);
  }

  markCaughtUp(leaderEpoch: LeaderEpoch): void {
    this.assertUsable();
    if (leaderEpoch <= this.caughtUpEpoch) return;
    this.host.guard(() => storeCaughtUpEpoch(this.host.disk, this.store.folder, leaderEpoch));
    this.caughtUpEpoch = leaderEpoch;
  }

  // ---- read ----

  read(offset: Offset, endOffset: Offset, maxBytes: number, atLeastOneBatch: boolean): Buffer[] | Promise<Buffer[]> {
    this.assertUsable();
    if (offset < this.logStartOffset || offset > this.logEndOffset) {
      throw new AssertionError(`${this.key}: read at ${offset}, outside ${this.logStartOffset} to ${this.logEndOffset}`);
    }
    if (offset >= endOffset || offset === this.logEndOffset) return [];
    return this.tail.read(offset, endOffset, maxBytes, atLeastOneBatch) ?? this.readCold(offset, endOffset, maxBytes, atLeastOneBatch);
  }

  private async readCold(offset: Offset, endOffset: Offset, maxBytes: number, atLeastOneBatch: boolean): Promise<Buffer[]> {
    try {
      return await this.store.read(offset, endOffset, maxBytes, atLeastOneBatch, this.currentConfig.indexIntervalBytes);
    } catch (error) {
      if (this.failure !== null) throw this.failure;
      if (error instanceof YakError) this.damaged(error);
      throw error;
    }
  }

  offsetForTimestamp(timestamp: WallMs, endOffset: Offset): Promise<RecordPlace | null> {
    const read = this.read.bind(this);
    return findByTimestamp(this.store.segments, read, timestamp, this.logStartOffset, Math.min(endOffset, this.logEndOffset));
  }

  offsetOfMaxTimestamp(endOffset: Offset): Promise<RecordPlace | null> {
    return findMaxTimestamp(this.store.segments, this.read.bind(this), this.logStartOffset, Math.min(endOffset, this.logEndOffset));
  }

  // ---- retention ----

  applyRetention(highWatermark: Offset): number {
    this.assertUsable();
    this.producers.expire(this.host.steadyMs(), this.currentConfig.producerIdExpirationMs);
    const bound = Math.min(highWatermark, this.flushedEndOffset);
    const startOffset = firstRetained(this.store.segments, this.currentConfig, bound, this.host.clock.wallMs());
    return startOffset > this.logStartOffset ? this.startAt(startOffset) : 0;
  }

  advanceLogStartOffset(offset: Offset): void {
    this.assertUsable();
    if (offset <= this.logStartOffset) return;
    assert(offset <= this.logEndOffset, `${this.key}: log start ${offset} lies behind the log end ${this.logEndOffset}`);
    this.startAt(offset);
  }

  /** Answers how many segments went. */
  private startAt(offset: Offset): number {
    this.writePending();
    return this.host.guard(() => {
      this.host.storeLogStartOffset(this.key, offset);
      this.logStartOffset = offset;
      if (this.store.active.sizeBytes > 0 && this.store.active.nextOffset <= offset) {
        this.store.roll(this.host.clock.wallMs());
        this.snapshotProducers(false);
      }
      const count = this.store.removeBelow(offset);
      if (this.epochs.truncateFromStart(offset)) this.storeEpochs();
      return count;
    });
  }

  updateConfig(config: LogConfig): void {
    if (config.flushPolicy === 'interval') this.host.intervalModeBegins();
    const held = this.heldEndOffset;
    this.currentConfig = config;
    if (config.flushPolicy === 'commit') this.heldBeforeSwitch = held;
    this.syncIfDue();
  }

  // ---- failure and end ----

  /** Reads below `offset` come from the disk from now on, as compaction left it. */
  forgetCachedBelow(offset: Offset): void {
    this.tail.evict(-1, Math.min(offset, this.writtenEndOffset));
  }

  /** Damage below the recovery point: kept on disk with a mark, not served from now on (R15). */
  damaged(error: YakError): void {
    const failure = error instanceof CorruptionError ? error : new CorruptionError(`${this.key} cannot be read`, { cause: error });
    this.host.logger.error('partition is damaged and no longer served', {
      topic: this.topic,
      partition: this.partition,
      reason: error.message,
    });
    this.fail(failure);
    this.host.guard(() => replaceFile(this.host.disk, this.store.folder, QUARANTINE_FILE, Buffer.from(`${error.message}\n`)));
    this.host.partitionDamaged();
  }

  /** Serves nothing from now on. Touches no disk. */
  fail(error: Error): void {
    if (this.failure !== null) return;
    this.failure = error;
    this.syncTimer?.cancel();
    this.pending = [];
    this.tail.clear();
    const { waiters } = this;
    this.waiters = [];
    for (const waiter of waiters) waiter.reject(error);
    for (const listener of this.failureListeners) listener(error);
  }

  /** For a clean stop, after flush(): a start after it needs no scan. */
  storeForStop(): void {
    this.assertUsable();
    assert(this.flushedEndOffset === this.logEndOffset, `${this.key}: stopped with unsynced records`);
    this.store.sealNow();
    this.snapshotProducers(true);
    this.host.disk.syncDirectory(this.store.folder);
  }

  /** Closes the files; nobody hears of it. `reason` is what later calls meet. */
  close(reason: Error): void {
    this.failureListeners.length = 0;
    this.fail(reason);
    this.store.close();
  }

  private assertUsable(): void {
    if (this.failure !== null) throw this.failure;
  }
}
