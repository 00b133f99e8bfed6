/**
 * What a group coordinator writes to `__consumer_offsets`, and all that it needs to go on from there: live path and loading
 * apply the same records. Keys and values are Kafka's own bytes (group-record-codec.ts), the history has a key version of ours.
 * The value null is a tombstone.
 */
import type { LeaderEpoch, Offset, TopicId, WallMs } from '#kernel';
import type { Rebalance } from './messages.js';

export interface OffsetRecord {
  readonly type: 'offset';
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  readonly value: CommittedOffset | null;
}
export interface CommittedOffset {
  readonly offset: Offset;
  readonly leaderEpoch: LeaderEpoch;
  readonly metadata: string;
  readonly committedAtMs: WallMs;
  /** Of the topic at that time: a commit for a topic that was deleted and made anew does not count. '' unknown. */
  readonly topicId: TopicId;
}

export interface GroupMetadataRecord {
  readonly type: 'group';
  readonly groupId: string;
  readonly value: GroupMetadata | null;
}
/**
 * Written when a generation is formed (assignments still empty, before anybody is told of it), when its leader has assigned,
 * when a static member was replaced, and when the last member is gone. So a generation that anybody heard of is never reused.
 */
export interface GroupMetadata {
  readonly protocolType: string;
  readonly generationId: number;
  readonly protocolName: string | null;
  readonly leader: string | null;
  readonly stateSinceMs: WallMs;
  readonly members: readonly GroupMemberMetadata[];
}
export interface GroupMemberMetadata {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  /** Its metadata for the chosen protocol. */
  readonly subscription: Buffer;
  /** Empty until the leader has assigned. */
  readonly assignment: Buffer;
}

export interface GroupHistoryRecord {
  readonly type: 'history';
  readonly groupId: string;
  readonly value: readonly Rebalance[] | null;
}

export type GroupRecord = OffsetRecord | GroupMetadataRecord | GroupHistoryRecord;
