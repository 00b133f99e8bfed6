/**
 * What members, committers and administrators of a consumer group ask, and what they are told: plain shapes for both doors,
 * without API versions. An expected failure is Kafka's error name in `error`. Metadata and assignments of members are
 * opaque bytes (ConsumerProtocol, where protocolType is `consumer`).
 */
import type { KafkaErrorName, LeaderEpoch, Offset, WallMs } from '#kernel';

export interface JoinGroupRequest {
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** '' on the first join. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly protocolType: string;
  /** In the order of the member's preference. */
  readonly protocols: readonly { readonly name: string; readonly metadata: Buffer }[];
  /** A first join is answered with MEMBER_ID_REQUIRED and the id to come back with (KIP-394; Kafka's JoinGroup v4+). */
  readonly requiresKnownMemberId: boolean;
  /** The leader understands skipAssignment (JoinGroup v9+). */
  readonly supportsSkippingAssignment: boolean;
  /** Why it joins, for people (KIP-800). */
  readonly reason: string | null;
}
export interface JoinGroupResponse {
  readonly error: KafkaErrorName;
  readonly message?: string;
  /** -1 on error. */
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** Member id of the leader; '' on error. */
  readonly leader: string;
  readonly skipAssignment: boolean;
  /** Also set with MEMBER_ID_REQUIRED. */
  readonly memberId: string;
  /** For the leader only, else empty. */
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null; readonly metadata: Buffer }[];
}

export interface SyncGroupRequest {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** Null: not checked (SyncGroup below v5). */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** From the leader only, else empty. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[];
}
export interface SyncGroupResponse {
  readonly error: KafkaErrorName;
  readonly message?: string;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Buffer;
}

export interface HeartbeatRequest {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}
export interface HeartbeatResponse {
  readonly error: KafkaErrorName;
}

export interface LeaveGroupRequest {
  readonly groupId: string;
  /** A static member may be named by instance id alone (memberId ''): removed by an administrator. */
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null; readonly reason: string | null }[];
}
export interface LeaveGroupResponse {
  /** Of the group as a whole. */
  readonly error: KafkaErrorName;
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null; readonly error: KafkaErrorName }[];
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface OffsetCommitRequest {
  readonly groupId: string;
  /** -1 with memberId '': not a member; allowed only while the group is empty. */
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly partitions: readonly (TopicPartition & {
    /** The next record to read. */
    readonly offset: Offset;
    /** Of the last record that was read; -1 unknown. */
    readonly leaderEpoch: LeaderEpoch;
    readonly metadata: string | null;
  })[];
}
/** In the order of the request. */
export interface OffsetCommitResponse {
  readonly partitions: readonly (TopicPartition & { readonly error: KafkaErrorName })[];
}

export interface OffsetFetchRequest {
  readonly groupId: string;
  /** Null: everything that the group committed. */
  readonly partitions: readonly TopicPartition[] | null;
  /** Answer UNSTABLE_OFFSET_COMMIT where a transaction is open. Nothing is, until transactions exist. */
  readonly requireStable: boolean;
}
export interface OffsetFetchResponse {
  readonly error: KafkaErrorName;
  /** Empty on error. A partition without a commit has offset -1, leaderEpoch -1, metadata '' and no error. */
  readonly partitions: readonly CommittedPartition[];
}
export interface CommittedPartition extends TopicPartition {
  readonly offset: Offset;
  readonly leaderEpoch: LeaderEpoch;
  readonly metadata: string;
  /** 0 when there is no commit. */
  readonly committedAtMs: WallMs;
  readonly error: KafkaErrorName;
}

export interface OffsetDeleteRequest {
  readonly groupId: string;
  readonly partitions: readonly TopicPartition[];
}
export interface OffsetDeleteResponse {
  readonly error: KafkaErrorName;
  readonly partitions: readonly (TopicPartition & { readonly error: KafkaErrorName })[];
}

/** As people and tools see it (Kafka's names). */
export const GROUP_STATES = ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead'] as const;
export type GroupStateName = (typeof GROUP_STATES)[number];

export interface GroupDescription {
  readonly groupId: string;
  /** GROUP_ID_NOT_FOUND (state Dead) when nothing is known of it. */
  readonly error: KafkaErrorName;
  readonly message?: string;
  readonly state: GroupStateName;
  /** '' for a group that only ever committed offsets. */
  readonly protocolType: string;
  /** '' unless Stable. */
  readonly protocolName: string;
  readonly generationId: number;
  readonly members: readonly GroupMemberDescription[];
}
export interface GroupMemberDescription {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  /** Address without port, as Kafka writes it: `/127.0.0.1`. */
  readonly clientHost: string;
  /** Of the chosen protocol; empty unless Stable. */
  readonly metadata: Buffer;
  /** Empty unless Stable. */
  readonly assignment: Buffer;
}

export interface GroupListing {
  readonly groupId: string;
  readonly protocolType: string;
  readonly state: GroupStateName;
  /** `classic`; the protocol of KIP-848 does not exist here. */
  readonly groupType: 'classic';
}

/** Why something happened to a group's membership; `yak group why` prints them. */
export type RebalanceCauseKind =
  | 'joined'
  | 'rejoined'
  /** A member joined with other topics or protocols than before. */
  | 'subscription-changed'
  /** The leader asked for a new assignment. */
  | 'leader-rejoined'
  | 'left'
  /** Removed by an administrator. */
  | 'removed'
  /** No heartbeat within its session. */
  | 'session-timeout'
  /** Did not join again in time. */
  | 'rebalance-timeout'
  /** Joined, but did not sync in time. */
  | 'sync-timeout'
  /** Another process joined under the same group.instance.id. */
  | 'static-member-replaced';

export interface RebalanceCause {
  readonly kind: RebalanceCauseKind;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** What the member said (KIP-800), if it did. */
  readonly reason: string | null;
  readonly atMs: WallMs;
}

/** One rebalance, from its first cause to the assignment (or to the empty group). */
export interface Rebalance {
  /** The generation that it made; the group's last one when it was given up. */
  readonly generationId: number;
  readonly startedAtMs: WallMs;
  /** Null: it was not finished when a new group coordinator took over. */
  readonly durationMs: number | null;
  /** At most CAUSES_PER_REBALANCE_MAX, oldest first. */
  readonly causes: readonly RebalanceCause[];
  readonly causesOmitted: number;
  /** After it. */
  readonly memberCount: number;
  readonly protocolName: string | null;
  /** `assigning`: the generation is formed and its leader has not assigned yet; always the last one. */
  readonly outcome: 'assigning' | 'stable' | 'empty' | 'superseded';
}

export interface GroupHistoryResponse {
  readonly error: KafkaErrorName;
  readonly groupId: string;
  /** Oldest first, at most REBALANCES_KEPT_MAX. Also survives a change of the group coordinator. */
  readonly rebalances: readonly Rebalance[];
}

export const REBALANCES_KEPT_MAX = 20;
export const CAUSES_PER_REBALANCE_MAX = 12;
