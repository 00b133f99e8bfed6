/**
 * Consumer groups as doors see them. All but findCoordinators and list are asked of the group's coordinator: the broker that
 * leads the group's partition of `__consumer_offsets`; others answer NOT_COORDINATOR, one that is still loading
 * COORDINATOR_LOAD_IN_PROGRESS, one that cannot commit now COORDINATOR_NOT_AVAILABLE (R21, R24).
 */
import type {
  GroupDescription,
  GroupHistoryResponse,
  GroupListing,
  GroupStateName,
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
} from '#groups';
import type { BrokerId, KafkaErrorName, RequestContext } from '#kernel';
import type { Endpoint } from '#metadata';

export interface FindCoordinatorsRequest {
  /** `transaction` is refused until transactions exist. */
  readonly keyType: 'group' | 'transaction';
  readonly keys: readonly string[];
}
export interface FoundCoordinator {
  readonly key: string;
  readonly error: KafkaErrorName;
  readonly message?: string;
  /** -1 on error. */
  readonly brokerId: BrokerId;
  /** On the listener that the question came in on; null on error. */
  readonly endpoint: Endpoint | null;
}

export interface GroupVerbs {
  /** In the order of the request. */
  findCoordinators(context: RequestContext, request: FindCoordinatorsRequest): Promise<readonly FoundCoordinator[]>;
  /** Waits as long as the group's rebalance takes. */
  join(context: RequestContext, request: JoinGroupRequest): Promise<JoinGroupResponse>;
  /** Waits for the leader's assignment. */
  sync(context: RequestContext, request: SyncGroupRequest): Promise<SyncGroupResponse>;
  heartbeat(context: RequestContext, request: HeartbeatRequest): Promise<HeartbeatResponse>;
  leave(context: RequestContext, request: LeaveGroupRequest): Promise<LeaveGroupResponse>;
  commitOffsets(context: RequestContext, request: OffsetCommitRequest): Promise<OffsetCommitResponse>;
  fetchOffsets(context: RequestContext, request: OffsetFetchRequest): Promise<OffsetFetchResponse>;
  deleteOffsets(context: RequestContext, request: OffsetDeleteRequest): Promise<OffsetDeleteResponse>;
  /** In the order of the request; error in each. */
  describe(context: RequestContext, groupIds: readonly string[]): Promise<readonly GroupDescription[]>;
  /** Those that this broker coordinates. `states` null: all. */
  list(
    context: RequestContext,
    states: readonly GroupStateName[] | null,
  ): Promise<{ readonly error: KafkaErrorName; readonly groups: readonly GroupListing[] }>;
  delete(
    context: RequestContext,
    groupIds: readonly string[],
  ): Promise<readonly { readonly groupId: string; readonly error: KafkaErrorName }[]>;
  history(context: RequestContext, groupId: string): Promise<GroupHistoryResponse>;
}
