/**
 * What members of consumer groups, committers and administrators ask of a broker, as classes that class-validator checks
 * (`implements` keeps them true to #rpc's shapes). Bytes are base64 here. What a person with a stock `ClientProxy` would not
 * think of has a default: no member id yet, no instance id, no reason.
 */
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsIn, IsOptional, ValidateNested } from 'class-validator';
import {
  GROUP_ID_LENGTH_MAX,
  GROUP_INSTANCE_ID_LENGTH_MAX,
  GROUP_STATES,
  type GroupStateName,
  PROTOCOL_NAME_LENGTH_MAX,
  PROTOCOLS_MAX,
} from '#groups';
import type * as rpc from '#rpc';
import { IsBase64Bytes, IsEpoch, IsPartitionIndex, IsSafeInteger, IsShortText, Nullable } from './checks.js';
import { REQUEST_ITEMS_MAX } from './client-requests.js';

/** Groups in one request of an administrator. */
export const GROUPS_PER_REQUEST_MAX = 1_000;
/** Members in one leave, assignments in one sync. */
export const GROUP_MEMBERS_MAX = 10_000;
/** Of a member, per protocol: its topics, and what it owned. */
export const MEMBER_METADATA_BYTES_MAX = 64 * 1024;
/** Of a member: what it is to read. */
export const MEMBER_ASSIGNMENT_BYTES_MAX = 256 * 1024;
/** The broker has its own, shorter and configured limit (offset.metadata.max.bytes), and answers it per partition. */
const COMMIT_METADATA_LENGTH_MAX = 64 * 1024;
const REASON_LENGTH_MAX = 1_000;
const DURATION_MS_MAX = 2 ** 31 - 1;

const IsGroupId = () => IsShortText({ min: 1, max: GROUP_ID_LENGTH_MAX });
const IsMemberId = () => IsShortText({ max: 1_000 });
const IsInstanceId = () => IsShortText({ min: 1, max: GROUP_INSTANCE_ID_LENGTH_MAX });
const IsProtocolName = () => IsShortText({ min: 1, max: PROTOCOL_NAME_LENGTH_MAX });
const IsGeneration = () => IsSafeInteger({ min: -1, max: DURATION_MS_MAX });

/** Who asks, by its own word; in every request that may be a member's. */
class FromClientDto {
  @IsOptional()
  @IsShortText({ max: 250 })
  clientId?: string;
}

/** A member of a generation. */
class FromMemberDto extends FromClientDto {
  @IsGroupId()
  groupId!: string;

  @IsGeneration()
  generationId!: number;

  @IsMemberId()
  memberId!: string;

  @Nullable()
  @IsInstanceId()
  groupInstanceId: string | null = null;
}

export class GroupIdsRequestDto implements rpc.FindCoordinatorRequest, rpc.DescribeGroupsRequest, rpc.DeleteGroupsRequest {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(GROUPS_PER_REQUEST_MAX)
  @IsShortText({ min: 1, max: GROUP_ID_LENGTH_MAX, each: true })
  groupIds!: string[];
}

export class ListGroupsRequestDto implements rpc.ListGroupsRequest {
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(GROUP_STATES.length)
  @IsIn(GROUP_STATES, { each: true, message: `states must be some of ${GROUP_STATES.join(', ')}` })
  states?: GroupStateName[];
}

export class GroupHistoryRequestDto implements rpc.GroupHistoryRequest {
  @IsGroupId()
  groupId!: string;
}

export class GroupProtocolDto {
  @IsProtocolName()
  name!: string;

  @IsBase64Bytes({ max: MEMBER_METADATA_BYTES_MAX })
  metadata!: string;
}

export class JoinGroupRequestDto extends FromClientDto implements rpc.JoinGroupRpcRequest {
  @IsGroupId()
  groupId!: string;

  @IsSafeInteger({ min: 1, max: DURATION_MS_MAX })
  sessionTimeoutMs!: number;

  @IsSafeInteger({ min: 1, max: DURATION_MS_MAX })
  rebalanceTimeoutMs!: number;

  @IsMemberId()
  memberId = '';

  @Nullable()
  @IsInstanceId()
  groupInstanceId: string | null = null;

  @IsProtocolName()
  protocolType = 'consumer';

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(PROTOCOLS_MAX)
  @ValidateNested({ each: true })
  @Type(() => GroupProtocolDto)
  protocols!: GroupProtocolDto[];

  @IsBoolean()
  requiresKnownMemberId = false;

  @IsBoolean()
  supportsSkippingAssignment = false;

  @Nullable()
  @IsShortText({ max: REASON_LENGTH_MAX })
  reason: string | null = null;
}

export class GroupAssignmentDto {
  @IsShortText({ min: 1 })
  memberId!: string;

  @IsBase64Bytes({ max: MEMBER_ASSIGNMENT_BYTES_MAX })
  assignment!: string;
}

export class SyncGroupRequestDto extends FromMemberDto implements rpc.SyncGroupRpcRequest {
  @Nullable()
  @IsProtocolName()
  protocolType: string | null = null;

  @Nullable()
  @IsProtocolName()
  protocolName: string | null = null;

  @IsArray()
  @ArrayMaxSize(GROUP_MEMBERS_MAX)
  @ValidateNested({ each: true })
  @Type(() => GroupAssignmentDto)
  assignments: GroupAssignmentDto[] = [];
}

export class GroupHeartbeatRequestDto extends FromMemberDto implements rpc.HeartbeatRpcRequest {}

export class LeavingMemberDto {
  @IsMemberId()
  memberId = '';

  @Nullable()
  @IsInstanceId()
  groupInstanceId: string | null = null;

  @Nullable()
  @IsShortText({ max: REASON_LENGTH_MAX })
  reason: string | null = null;
}

export class LeaveGroupRequestDto extends FromClientDto implements rpc.LeaveGroupRpcRequest {
  @IsGroupId()
  groupId!: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(GROUP_MEMBERS_MAX)
  @ValidateNested({ each: true })
  @Type(() => LeavingMemberDto)
  members!: LeavingMemberDto[];
}

export class GroupPartitionDto {
  @IsShortText({ min: 1, max: 249 })
  topic!: string;

  @IsPartitionIndex()
  partition!: number;
}

export class OffsetToCommitDto extends GroupPartitionDto {
  @IsSafeInteger({ min: 0 })
  offset!: number;

  @IsEpoch()
  leaderEpoch = -1;

  @Nullable()
  @IsShortText({ max: COMMIT_METADATA_LENGTH_MAX })
  metadata: string | null = null;
}

export class CommitOffsetsRequestDto extends FromClientDto implements rpc.OffsetCommitRpcRequest {
  @IsGroupId()
  groupId!: string;

  @IsGeneration()
  generationId = -1;

  @IsMemberId()
  memberId = '';

  @Nullable()
  @IsInstanceId()
  groupInstanceId: string | null = null;

  @IsArray()
  @ArrayMaxSize(REQUEST_ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => OffsetToCommitDto)
  partitions!: OffsetToCommitDto[];
}

export class FetchOffsetsRequestDto extends FromClientDto implements rpc.OffsetFetchRpcRequest {
  @IsGroupId()
  groupId!: string;

  @Nullable()
  @IsArray()
  @ArrayMaxSize(REQUEST_ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => GroupPartitionDto)
  partitions: GroupPartitionDto[] | null = null;

  @IsBoolean()
  requireStable = false;
}

export class DeleteOffsetsRequestDto {
  @IsGroupId()
  groupId!: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(REQUEST_ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => GroupPartitionDto)
  partitions!: GroupPartitionDto[];
}
