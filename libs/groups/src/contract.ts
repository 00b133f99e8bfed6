/**
 * The groups of one `__consumer_offsets` partition as a pure machine: commands, records and `now` in; records and answers
 * out. It reads no clock, writes nothing and knows no broker. The broker's group coordinator (#broker-core) owns one
 * GroupTable per partition that it leads, and keeps these promises around it (R24):
 *
 * - it asks a command only while an append would be taken, appends `records` and calls `apply` for each at once, before the next command;
 * - it lets every answer out only when everything that was applied before the answer was decided lies below the high watermark;
 * - it gives the table up as a whole, with every parked reply failed, when it stops leading the partition.
 */
import type { KafkaErrorName, MonotonicMs, TopicId, WallMs } from '#kernel';
import type {
  GroupDescription,
  GroupHistoryResponse,
  GroupListing,
  HeartbeatRequest,
  HeartbeatResponse,
  JoinGroupRequest,
  JoinGroupResponse,
  LeaveGroupRequest,
  LeaveGroupResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
  OffsetFetchRequest,
  OffsetFetchResponse,
  SyncGroupRequest,
  SyncGroupResponse,
} from './messages.js';
import type { GroupRecord } from './records.js';

export interface GroupConfig {
  /** Inclusive bounds; outside: INVALID_SESSION_TIMEOUT. */
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** First join of an empty group waits this long for company; prolonged by the same step while others come, up to the rebalance timeout. */
  readonly initialRebalanceDelayMs: number;
  /** Members of a group; one more: GROUP_MAX_SIZE_REACHED. */
  readonly maxSize: number;
  /** All of a group's member metadata and assignments together; a join or assignment beyond it is refused. Bounds the size of a record. */
  readonly groupMetadataMaxBytes: number;
  /** Of one commit's metadata, in bytes of UTF-8; more: OFFSET_METADATA_TOO_LARGE. */
  readonly offsetMetadataMaxBytes: number;
  /** Commits of a group that has been empty (or of a topic not subscribed) for this long go. */
  readonly offsetsRetentionMs: number;
  /** How often each group is looked at for that, at least; RETENTION_CHECK_INTERVAL_DEFAULT_MS where it is left out. */
  readonly offsetsRetentionCheckIntervalMs?: number;
}

export interface Time {
  readonly monotonicMs: MonotonicMs;
  /** Only stamps records and history. */
  readonly wallMs: WallMs;
}

/** Who asks, as the door knows it. `clientHost` without port, `/127.0.0.1`. */
export interface GroupClient {
  readonly clientId: string;
  readonly clientHost: string;
}

/** Exactly one of the two is called, once. */
export interface Reply<R> {
  send(response: R): void;
  /** The coordinator goes away or cannot write. */
  fail(error: KafkaErrorName): void;
}
export interface Answer {
  readonly reply: Reply<never>;
  readonly response: unknown;
}

export interface Decision {
  readonly records: readonly GroupRecord[];
  /** To be sent once `records`, and everything applied before them, are committed. */
  readonly answers: readonly Answer[];
}

/**
 * Every method but the look-ups answers with a Decision; parked replies come out of a later one (another member's sync, a
 * tick). Nothing throws for bad input.
 */
export interface GroupMachine {
  /** While loading, and right after each decision. */
  apply(record: GroupRecord): void;
  /** Everything is loaded: sessions of members begin now, an unfinished rebalance goes on. */
  loaded(now: Time): void;

  join(request: JoinGroupRequest, client: GroupClient, reply: Reply<JoinGroupResponse>, now: Time): Decision;
  sync(request: SyncGroupRequest, reply: Reply<SyncGroupResponse>, now: Time): Decision;
  /** Answered at once: it shows nothing that has to be committed. */
  heartbeat(request: HeartbeatRequest, now: Time): HeartbeatResponse;
  leave(request: LeaveGroupRequest, reply: Reply<LeaveGroupResponse>, now: Time): Decision;
  /** `topicIdOf` answers null for a topic that does not exist: UNKNOWN_TOPIC_OR_PARTITION. */
  commitOffsets(
    request: OffsetCommitRequest,
    reply: Reply<OffsetCommitResponse>,
    topicIdOf: (topic: string) => TopicId | null,
    now: Time,
  ): Decision;
  deleteOffsets(request: OffsetDeleteRequest, reply: Reply<OffsetDeleteResponse>): Decision;
  /** NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND, or everything of it gets a tombstone. */
  deleteGroup(groupId: string, reply: Reply<{ readonly error: KafkaErrorName }>): Decision;
  /** Commits for topic ids that exist no more get tombstones. */
  topicsDeleted(isDeleted: (topicId: TopicId) => boolean): Decision;
  /** Sessions, rebalances and retention whose time has come. */
  tick(now: Time): Decision;
  /**
   * Requests were refused for a while; nobody's time ran out for that. Members get the time anew in which the group waits for
   * their joins and syncs, and where `wasSilent` (heartbeats were refused, too), their sessions. Called before the next command.
   */
  resume(wasSilent: boolean, now: Time): void;
  /** When `tick` has something to do at the earliest, or null. Called after every command. */
  nextDeadline(): MonotonicMs | null;

  // Look-ups of what was applied.
  /**
   * `topicIdOf` as it is known now, null for a topic that does not exist: a commit for an earlier topic of that name does not
   * count, whether or not its tombstone could be written yet.
   */
  fetchOffsets(request: OffsetFetchRequest, topicIdOf?: (topic: string) => TopicId | null): OffsetFetchResponse;
  describe(groupId: string): GroupDescription;
  list(): readonly GroupListing[];
  history(groupId: string): GroupHistoryResponse;
  /** Groups with a commit for that partition, or with a member that has it assigned; for `yak where`. */
  readersOf(topic: string, partition: number): readonly GroupReader[];
  /** How many offsets and groups are held. */
  readonly size: { readonly groups: number; readonly offsets: number };

  /** Every parked reply; the table must not be used afterwards. */
  abandon(): readonly Reply<never>[];
}

export interface GroupReader {
  readonly groupId: string;
  readonly state: GroupDescription['state'];
  /** Null: nothing committed there. */
  readonly committedOffset: number | null;
  readonly committedAtMs: WallMs;
  /** Of the member that has the partition assigned (protocolType consumer), or null. */
  readonly owner: {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly clientId: string;
    readonly clientHost: string;
  } | null;
}
