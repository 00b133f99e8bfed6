/** Consumer groups as an administrator sees and changes them: `client.admin.groups`. Members of groups are GroupConsumers. */
import type {
  GroupDescription,
  GroupHistoryResponse,
  GroupListing,
  GroupStateName,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteResponse,
  OffsetFetchResponse,
  TopicPartition,
} from '#groups';
import type { BrokerId, KafkaErrorName, Offset, WallMs } from '#kernel';

export interface GroupList {
  /** By group id. */
  readonly groups: readonly (GroupListing & { readonly coordinatorId: BrokerId })[];
  /** Those that gave no whole answer, though they were asked for some seconds: the list may lack the groups that they coordinate. */
  readonly silentBrokers: readonly { readonly brokerId: BrokerId; readonly reason: string }[];
}

export type DescribedGroup = GroupDescription & { readonly coordinatorId: BrokerId };

/** How far a group is in one partition. Offsets are the next record to read, so ends are exclusive. */
export interface PartitionProgress extends TopicPartition {
  /** Of the topic and its leader: why offsets below are not known. */
  readonly error: KafkaErrorName;
  /** -1: nothing committed. */
  readonly committedOffset: Offset;
  readonly committedAtMs: WallMs;
  readonly metadata: string;
  /** -1: not known now. */
  readonly startOffset: Offset;
  /** The high watermark; -1: not known now. */
  readonly endOffset: Offset;
  /** Offsets from the commit (or from the start, if that is beyond it) to the end. Null: not known, or nothing committed. */
  readonly lagRecords: number | null;
  /** Age of the first unread record by its own timestamp; 0: nothing is unread. Null: not known. */
  readonly lagMs: number | null;
}

/**
 * Asked of each group's coordinator, again while that moves, loads or is away. Every method rejects with a YakError when that
 * lasts for requestTimeoutMs; expected failures are fields of the response.
 */
export interface GroupAdmin {
  /** Of all brokers. Rejects only when not even their addresses could be had. */
  list(states?: readonly GroupStateName[]): Promise<GroupList>;
  /** In the order of the request. */
  describe(groupIds: readonly string[]): Promise<readonly DescribedGroup[]>;
  history(groupId: string): Promise<GroupHistoryResponse>;
  /** Null: everything that the group committed. */
  fetchOffsets(groupId: string, partitions: readonly TopicPartition[] | null): Promise<OffsetFetchResponse>;
  /** As nobody's member: UNKNOWN_MEMBER_ID while the group has members. A group that does not exist yet begins with this. */
  commitOffsets(groupId: string, partitions: OffsetCommitRequest['partitions']): Promise<OffsetCommitResponse>;
  deleteOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<OffsetDeleteResponse>;
  /** In the order of the request; NON_EMPTY_GROUP while it has members. */
  delete(
    groupIds: readonly string[],
  ): Promise<readonly { readonly groupId: string; readonly error: KafkaErrorName; readonly message?: string }[]>;
  /**
   * Every partition that the group committed, and `alsoPartitions`, by topic and partition. Leaders that do not answer within
   * seconds leave theirs unknown.
   */
  progress(groupId: string, alsoPartitions?: readonly TopicPartition[]): Promise<readonly PartitionProgress[]>;
}
