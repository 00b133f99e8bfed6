/**
 * What a partition's log promises to the layers above. Everything above this line of code speaks offsets and whole record
 * batches; nothing above it knows files. A shared journal could be put below it without touching a caller (docs/adr).
 *
 * Three ends, all exclusive, flushedEndOffset <= heldEndOffset <= logEndOffset:
 * - logEndOffset: next offset to assign; counts what this turn of the event loop appended but has not written yet.
 * - flushedEndOffset: everything below is durable (fdatasync returned), contiguous across segments; it is the end captured
 *   *before* that fdatasync began (R2).
 * - heldEndOffset: what this replica may count as holding: flushedEndOffset under `commit`, what is written under `interval`.
 *   A switch to `commit` takes nothing back: what counted goes on counting, and only what comes after it waits for its sync.
 */
import type { KafkaErrorName, LeaderEpoch, Offset, TopicId, WallMs } from '#kernel';
import type { CleanerConfig, LogCleaner } from './cleaner/log-cleaner.js';

/** `commit`: fdatasync before a replica counts as holding a record (group commit). `interval`: page cache, as Kafka. */
export type FlushPolicy = 'commit' | 'interval';

/** What happens to old records: whole segments go, only the newest record of each key stays, or both. */
export type CleanupPolicy = 'delete' | 'compact' | 'compact,delete';

export interface LogConfig {
  readonly segmentBytes: number;
  readonly segmentMs: number;
  readonly indexIntervalBytes: number;
  readonly segmentIndexBytes: number;
  /** -1: unlimited. */
  readonly retentionMs: number;
  /** -1: unlimited. */
  readonly retentionBytes: number;
  readonly maxMessageBytes: number;
  /** How far ahead of the wall clock a record's timestamp may be (R25). */
  readonly messageTimestampAfterMaxMs: number;
  readonly flushPolicy: FlushPolicy;
  /** Under `interval`: the longest time that written bytes stay unsynced. */
  readonly flushIntervalMs: number;
  readonly producerIdExpirationMs: number;
  readonly cleanupPolicy: CleanupPolicy;
  /** How long a tombstone stays after compaction has first seen it: for readers that are behind. */
  readonly deleteRetentionMs: number;
  /** A log is compacted once more than this share of its closed segments is not yet, 0 to 1. */
  readonly minCleanableDirtyRatio: number;
  /** Records younger than this are not compacted. */
  readonly minCompactionLagMs: number;
  /** A record is compacted at the latest when it is this old, if its segment is closed; segments are closed by then, too. */
  readonly maxCompactionLagMs: number;
}

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly baseOffset: Offset /** inclusive */; readonly lastOffset: Offset }
  /** One of the producer's last five batches again: the original offsets (R26). */
  | { readonly kind: 'duplicate'; readonly baseOffset: Offset /** inclusive */; readonly lastOffset: Offset }
  | {
      readonly kind: 'refused';
      readonly error: Extract<
        KafkaErrorName,
        | 'CORRUPT_MESSAGE'
        | 'INVALID_RECORD'
        | 'MESSAGE_TOO_LARGE'
        | 'RECORD_LIST_TOO_LARGE'
        | 'INVALID_TIMESTAMP'
        | 'INVALID_PRODUCER_EPOCH'
        | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
        | 'INVALID_TXN_STATE'
        | 'KAFKA_STORAGE_ERROR'
      >;
      readonly message: string;
    };

export interface EpochEnd {
  readonly leaderEpoch: LeaderEpoch;
  readonly endOffset: Offset;
}

export interface PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: TopicId;
  readonly logStartOffset: Offset;
  readonly logEndOffset: Offset;
  readonly flushedEndOffset: Offset;
  readonly heldEndOffset: Offset;
  /** Leader epoch of the last batch or of the last beginLeaderEpoch, whichever is newer; -1 for a log that never had one. */
  readonly latestEpoch: LeaderEpoch;
  /** Sum of the segments' sizes. */
  readonly sizeBytes: number;
  /** Set once reading found damage below the recovery point (R15) or the directory went offline; such a log serves nothing. */
  readonly failure: Error | null;
  /** Why appendAsLeader would refuse whatever it is given: the log failed, or too little space is free (R16). Null: it would not. */
  readonly storageProblem: string | null;

  /**
   * Validates exactly one client batch (kafka-protocol 3.3), assigns offsets, deduplicates by producer state, and queues it
   * for the one write of this turn. `records` belongs to the log from now on: base offset and leader epoch are patched in
   * place (R27). Requires leaderEpoch >= latestEpoch. Never throws for bad input. A compacted log refuses records without key.
   */
  appendAsLeader(records: Buffer, leaderEpoch: LeaderEpoch): AppendOutcome;
  /** The original offsets when `records` is one of its producer's last five batches (R26), else null. Appends nothing. */
  findDuplicate(records: Buffer): { readonly baseOffset: Offset /** inclusive */; readonly lastOffset: Offset } | null;
  /**
   * Appends whole batches as the leader stored them. Throws CorruptionError on a bad CRC, a cut or malformed batch, offsets
   * below logEndOffset or out of order, or epochs that go backwards (R5); then nothing of `records` was appended.
   *
   * Holes are accepted, before the first batch and between batches. That is safe: a leader answers a fetch with the first batch that
   * reaches the asked offset, so a hole is what its compaction removed, which is below its high watermark and superseded. Compaction
   * keeps the last batch of each leader epoch and of each segment that it wrote, if only the header: epochs begin at the same offsets
   * on all replicas, and the batch behind a hole is below the high watermark, too, so no cut ever ends in a hole. The caller sees to
   * it that the answer belongs to a fetch from this logEndOffset, of this epoch, whose history did not diverge (R3, R5).
   */
  appendAsFollower(records: Buffer): void;
  /** Writes (epoch, logEndOffset) into the epoch cache, durably, before the first append of that epoch (R4). */
  beginLeaderEpoch(leaderEpoch: LeaderEpoch): void;
  /**
   * Largest known epoch <= `leaderEpoch` and where it ends: the start of the next higher one, or logEndOffset (KIP-101, 279). Where
   * compaction left a hole at an epoch's start, replicas may disagree about it inside the hole, which holds no record to cut.
   * Above the latest, -1, or nothing known: (-1, -1). Below the first: (leaderEpoch, start of the first).
   */
  endOffsetForEpoch(leaderEpoch: LeaderEpoch): EpochEnd;
  /**
   * Drops everything at and above `offset` (a batch that straddles it goes whole, a hole before it, too), highest segment first, durably (R16), with
   * epoch cache (also when offset >= logEndOffset, KAFKA-10706) and producer state rebuilt (R26).
   */
  truncateTo(offset: Offset): void;
  /**
   * A cut at `offset` may take records away for whose sake compaction removed earlier ones: then what would be left is not what
   * the log held up to `offset` once. Only a cut below what was committed can be one (R13, R19).
   */
  cutsIntoCompacted(offset: Offset): boolean;
  /** Drops everything and continues at `offset` (the leader no longer has what we miss). */
  truncateFullyAndStartAt(offset: Offset): void;

  /** Called after each advance of heldEndOffset or flushedEndOffset, never from inside an append call. */
  onHeld(listener: () => void): void;
  /** Called once when the log fails (see failure). */
  onFailure(listener: (error: Error) => void): void;
  /** Resolves when everything appended before the call is durable; rejects when the log fails. */
  flush(): Promise<void>;

  /**
   * Whole batches from the first that reaches `offset`, below `endOffset` (exclusive, a batch that straddles it is left out),
   * at most `maxBytes`, but the first batch always whole when `atLeastOneBatch`. After compaction the first one may begin above
   * `offset`, and batches may have no records: go on at the last offset + 1. What is read from the disk has a record, though, if there is one
   * below `endOffset` and `atLeastOneBatch`: such headers do not count for it. Empty at the end. A Buffer array from memory for the tail (answers
   * synchronously), else a promise. Buffers are the caller's to send, not to change. `offset` must be in
   * [logStartOffset, logEndOffset].
   */
  read(offset: Offset, endOffset: Offset, maxBytes: number, atLeastOneBatch: boolean): Buffer[] | Promise<Buffer[]>;
  /** First record with timestamp >= `timestamp` and offset < `endOffset`; null when there is none. */
  offsetForTimestamp(timestamp: WallMs, endOffset: Offset): Promise<{ offset: Offset; timestamp: WallMs } | null>;
  /** The record with the largest timestamp below `endOffset` (ListOffsets -3); null for an empty log. */
  offsetOfMaxTimestamp(endOffset: Offset): Promise<{ offset: Offset; timestamp: WallMs } | null>;

  /** retention.ms and retention.bytes, where the policy has `delete`; never at or above `highWatermark`. Answers how many segments went. */
  applyRetention(highWatermark: Offset): number;
  /** The leader told that everything below is gone (its own retention). Whole segments only; logStartOffset still moves. */
  advanceLogStartOffset(offset: Offset): void;
  updateConfig(config: LogConfig): void;
  readonly config: LogConfig;
  /** Producer ids seen, for the coordinator's "never reuse" check (R19). -1 when none. */
  readonly maxProducerId: number;
  /** Caught-up epoch (R19): highest LE in which this replica led or its synced end reached LESO; fsynced by markCaughtUp. -1 when none. */
  readonly caughtUpEpoch: LeaderEpoch;
  markCaughtUp(leaderEpoch: LeaderEpoch): void;
}

/** How the last run of this data folder ended, and what the broker needs to say when it registers (R12, R14). */
export interface DirectoryState {
  readonly clusterId: string | null;
  readonly brokerId: number | null;
  readonly directoryId: string;
  /** No cluster id, no partitions: this folder never took part in a cluster. */
  readonly isBlank: boolean;
  /** Last broker epoch that was stored, -1 if none. Never used as one's own (R12). */
  readonly storedBrokerEpoch: number;
  /** The marker was present and named storedBrokerEpoch. It is already deleted, durably. */
  readonly wasCleanShutdown: boolean;
  readonly isSameBoot: boolean;
  /** False from any loss until it is set again (R8, "intact"). */
  readonly isComplete: boolean;
  /** Highest metadata revision for which all assigned folders were made (R14). */
  readonly foldersMadeRevision: number;
}

/** One data folder of one broker: meta.properties, lock, checkpoints, clean marker and the partitions below it. */
export interface LogDirectory {
  readonly path: string;
  readonly state: DirectoryState;
  /** Keyed by partitionKey(topic, partition). Quarantined ones are not here. */
  readonly partitions: ReadonlyMap<string, PartitionLog>;
  /** Folders whose data below the recovery point is damaged (R15): kept on disk, not served. */
  readonly quarantined: readonly { topic: string; partition: number; topicId: TopicId; reason: string }[];
  /** High watermarks of the last checkpoint, keyed by partitionKey. */
  readonly checkpointedHighWatermarks: ReadonlyMap<string, Offset>;
  /** Set when a write or sync failed or space ran out: nothing more is written here. */
  readonly failure: Error | null;
  onFailure(listener: (error: Error) => void): void;
  /** Another file in this folder could not be written: the whole folder is offline from now on (R16). A YakError, else it is a bug. */
  diskFailed(error: unknown): void;

  /** First registration: cluster id and broker id become part of the folder, durably. Later calls only assert equality. */
  adopt(clusterId: string, brokerId: number): void;
  /** Fsynced before the first heartbeat under that epoch. */
  storeBrokerEpoch(brokerEpoch: number): void;
  markComplete(isComplete: boolean): void;
  storeFoldersMadeRevision(revision: number): void;
  /** Creates the folder with partition.metadata, durably. Asserts that none exists. */
  createPartition(topic: string, partition: number, topicId: TopicId, config: LogConfig): PartitionLog;
  /** Only on a delete record that names the topic id (R14), or to wipe a quarantined or foreign folder; durable, leaves no files. */
  deletePartition(topic: string, partition: number, topicId: TopicId): void;
  /** Quarantined data thrown away after a committed PE has this replica outside the ISR (R15), or a sole duplicate; then createPartition may follow. */
  wipeQuarantined(topic: string, partition: number): void;
  checkpointHighWatermarks(highWatermarks: ReadonlyMap<string, Offset>): void;
  /** Age of the oldest running fdatasync, 0 when none (R22). */
  oldestSyncAgeMs(): number;
  freeBytes(): number;
  /** Compaction of the logs here. One per folder; stop it before the folder is closed. */
  createCleaner(config: CleanerConfig, highWatermarkOf: (log: PartitionLog) => Offset): LogCleaner;
  /** Flushes everything, then writes the clean marker with the broker epoch, last of all (R12); not when the directory failed. */
  closeCleanly(brokerEpoch: number): Promise<void>;
  /** Releases lock and files without marker. */
  close(): Promise<void>;
}
