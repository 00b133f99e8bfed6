/**
 * Consumer groups on the Nest door: the shapes of #groups with base64 strings where those have bytes (they are small, and a
 * person may look), asked of the group coordinator's broker, which findCoordinator names.
 */

import type * as groups from '#groups';
import type { KafkaErrorName } from '#kernel';

/** `T` as JSON carries it: every Buffer is base64. */
export type AsBase64<T> = T extends Uint8Array
  ? string
  : T extends readonly (infer Element)[]
    ? readonly AsBase64<Element>[]
    : T extends object
      ? { readonly [K in keyof T]: AsBase64<T[K]> }
      : T;

export interface FindCoordinatorRequest {
  readonly groupIds: readonly string[];
}
export interface FindCoordinatorResponse {
  /** In the order of the request. brokerId -1, host '' and port -1 on error. */
  readonly coordinators: readonly {
    readonly groupId: string;
    readonly error: KafkaErrorName;
    readonly message?: string;
    readonly brokerId: number;
    /** Nest door of that broker. */
    readonly host: string;
    readonly port: number;
  }[];
}

interface FromClient {
  readonly clientId?: string;
}

/** What a member need not say: '' as member id, no instance id, no reason. */
export type JoinGroupRpcRequest = AsBase64<groups.JoinGroupRequest> & FromClient;
export type JoinGroupRpcResponse = AsBase64<groups.JoinGroupResponse>;
export type SyncGroupRpcRequest = AsBase64<groups.SyncGroupRequest> & FromClient;
export type SyncGroupRpcResponse = AsBase64<groups.SyncGroupResponse>;
export type HeartbeatRpcRequest = groups.HeartbeatRequest & FromClient;
export type LeaveGroupRpcRequest = groups.LeaveGroupRequest & FromClient;
export type OffsetCommitRpcRequest = groups.OffsetCommitRequest & FromClient;
export type OffsetFetchRpcRequest = groups.OffsetFetchRequest & FromClient;

/** Of the groups whose coordinator the asked broker is; others get NOT_COORDINATOR. */
export interface DescribeGroupsRequest {
  readonly groupIds: readonly string[];
}
export interface DescribeGroupsResponse {
  readonly groups: readonly AsBase64<groups.GroupDescription>[];
}
/** Every broker is asked: each lists the groups that it coordinates. */
export interface ListGroupsRequest {
  readonly states?: readonly groups.GroupStateName[];
}
export interface ListGroupsResponse {
  /** COORDINATOR_LOAD_IN_PROGRESS or COORDINATOR_NOT_AVAILABLE: the list may lack some. */
  readonly error: KafkaErrorName;
  readonly groups: readonly groups.GroupListing[];
}
export interface DeleteGroupsRequest {
  readonly groupIds: readonly string[];
}
export interface DeleteGroupsResponse {
  readonly groups: readonly { readonly groupId: string; readonly error: KafkaErrorName }[];
}
export interface GroupHistoryRequest {
  readonly groupId: string;
}

export interface GroupRpcMessages {
  findCoordinator: [FindCoordinatorRequest, FindCoordinatorResponse];
  joinGroup: [JoinGroupRpcRequest, JoinGroupRpcResponse];
  syncGroup: [SyncGroupRpcRequest, SyncGroupRpcResponse];
  groupHeartbeat: [HeartbeatRpcRequest, groups.HeartbeatResponse];
  leaveGroup: [LeaveGroupRpcRequest, groups.LeaveGroupResponse];
  commitOffsets: [OffsetCommitRpcRequest, groups.OffsetCommitResponse];
  fetchOffsets: [OffsetFetchRpcRequest, groups.OffsetFetchResponse];
  deleteOffsets: [groups.OffsetDeleteRequest, groups.OffsetDeleteResponse];
  describeGroups: [DescribeGroupsRequest, DescribeGroupsResponse];
  listGroups: [ListGroupsRequest, ListGroupsResponse];
  deleteGroups: [DeleteGroupsRequest, DeleteGroupsResponse];
  groupHistory: [GroupHistoryRequest, groups.GroupHistoryResponse];
}
