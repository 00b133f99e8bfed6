/**
 * What brokers tell and ask the cluster coordinator, as classes that class-validator checks: a wrong control message could
 * cost an election, so each one is checked whole before anything looks at it. They mirror #rpc's shapes.
 */

import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsDefined, IsObject, IsOptional, ValidateNested } from 'class-validator';
import type { IsrMember, MetadataRecord, MetadataSnapshot } from '#metadata';
import type * as rpc from '#rpc';
import {
  AreMetadataRecords,
  IsBrokerId,
  IsEpoch,
  IsFiniteAge,
  IsPartitionIndex,
  IsSafeInteger,
  IsShortText,
  IsWaitMs,
  Nullable,
} from '../../../../../shared/nest-door/index.js';

/** Partitions that one message may name: a broker's whole share after a restart. */
const PARTITIONS_MAX = 200_000;
const REPLICAS_MAX = 1_000;

class EndpointDto {
  @IsShortText({ min: 1, max: 255 })
  host!: string;

  @IsSafeInteger({ min: 1, max: 65_535 })
  port!: number;
}

class BrokerListenersDto {
  @IsDefined()
  @ValidateNested()
  @Type(() => EndpointDto)
  kafka!: EndpointDto;

  @IsDefined()
  @ValidateNested()
  @Type(() => EndpointDto)
  replication!: EndpointDto;

  @IsDefined()
  @ValidateNested()
  @Type(() => EndpointDto)
  tcp!: EndpointDto;

  @IsDefined()
  @ValidateNested()
  @Type(() => EndpointDto)
  http!: EndpointDto;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => EndpointDto)
  externalKafka?: EndpointDto;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => EndpointDto)
  externalTcp?: EndpointDto;
}

class SoftwareDto {
  @IsShortText({ max: 100 })
  name!: string;

  @IsShortText({ max: 100 })
  version!: string;
}

class ProtocolRangeDto {
  @IsSafeInteger({ min: 0, max: 65_535 })
  min!: number;

  @IsSafeInteger({ min: 0, max: 65_535 })
  max!: number;
}

class PartitionIdDto {
  @IsShortText({ min: 1, max: 100 })
  topicId!: string;

  @IsPartitionIndex()
  partition!: number;
}

export class RegisterBrokerRequestDto implements rpc.RegisterBrokerRequest {
  @IsBrokerId()
  brokerId!: number;

  @IsShortText({ min: 1, max: 100 })
  incarnationId!: string;

  @IsShortText({ min: 1, max: 100 })
  directoryId!: string;

  @Nullable()
  @IsShortText({ min: 1, max: 100 })
  clusterId!: string | null;

  @IsDefined()
  @ValidateNested()
  @Type(() => BrokerListenersDto)
  listeners!: BrokerListenersDto;

  @Nullable()
  @IsShortText({ max: 255 })
  rack!: string | null;

  @IsDefined()
  @ValidateNested()
  @Type(() => SoftwareDto)
  software!: SoftwareDto;

  @IsDefined()
  @ValidateNested()
  @Type(() => ProtocolRangeDto)
  protocol!: ProtocolRangeDto;

  @IsBoolean()
  isBlank!: boolean;

  @IsEpoch()
  storedBrokerEpoch!: number;

  @IsBoolean()
  wasCleanShutdown!: boolean;

  @IsBoolean()
  isSameBoot!: boolean;

  @IsBoolean()
  isComplete!: boolean;

  @IsArray()
  @ArrayMaxSize(PARTITIONS_MAX)
  @ValidateNested({ each: true })
  @Type(() => PartitionIdDto)
  lostPartitions!: PartitionIdDto[];

  @IsEpoch()
  metadataRevision!: number;

  @IsShortText({ max: 100 })
  metadataOpId!: string;

  @IsEpoch()
  highestCoordinatorEpoch!: number;
}

export class BrokerHeartbeatRequestDto implements rpc.BrokerHeartbeatRequest {
  @IsBrokerId()
  brokerId!: number;

  @IsEpoch()
  brokerEpoch!: number;

  @IsEpoch()
  appliedRevision!: number;

  @IsShortText({ max: 100 })
  appliedOpId!: string;

  @IsBoolean()
  wantsUnfenced!: boolean;

  @IsBoolean()
  wantsShutdown!: boolean;

  @IsOptional()
  @IsBoolean()
  wantsProof?: boolean;

  @IsFiniteAge()
  oldestSyncAgeMs!: number;

  @IsBoolean()
  isComplete!: boolean;

  @IsBoolean()
  isDirectoryOffline!: boolean;

  @IsFiniteAge()
  lastProbeWallMs!: number;
}

export class MetadataFetchRequestDto implements rpc.MetadataFetchRequest {
  @IsBrokerId()
  brokerId!: number;

  @IsEpoch()
  afterRevision!: number;

  @IsShortText({ max: 100 })
  afterOpId!: string;

  @IsWaitMs()
  maxWaitMs!: number;
}

class IsrMemberDto implements IsrMember {
  @IsBrokerId()
  brokerId!: number;

  @IsEpoch()
  brokerEpoch!: number;
}

export class AlterPartitionRequestDto implements rpc.AlterPartitionRequest {
  @IsBrokerId()
  brokerId!: number;

  @IsEpoch()
  brokerEpoch!: number;

  @IsShortText({ min: 1, max: 100 })
  topicId!: string;

  @IsPartitionIndex()
  partition!: number;

  @IsEpoch()
  leaderEpoch!: number;

  @IsEpoch()
  partitionEpoch!: number;

  /** Never empty: an ISR without members would be the end of the partition (KAFKA-15353). */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(REPLICAS_MAX)
  @ValidateNested({ each: true })
  @Type(() => IsrMemberDto)
  isr!: IsrMemberDto[];
}

export class AllocateProducerIdsRequestDto implements rpc.AllocateProducerIdsRequest {
  @IsBrokerId()
  brokerId!: number;

  @IsEpoch()
  brokerEpoch!: number;
}

class PositionDto {
  @IsShortText({ min: 1, max: 100 })
  topicId!: string;

  @IsPartitionIndex()
  partition!: number;

  @IsEpoch()
  leaderEpoch!: number;

  @IsEpoch()
  lastEpoch!: number;

  @IsEpoch()
  caughtUpEpoch!: number;

  @IsSafeInteger({ min: -1 })
  syncedEndOffset!: number;

  @IsSafeInteger({ min: -1 })
  maxProducerId!: number;
}

export class ReportPositionsRequestDto implements rpc.ReportPositionsRequest {
  @IsBrokerId()
  brokerId!: number;

  @IsEpoch()
  brokerEpoch!: number;

  @IsArray()
  @ArrayMaxSize(PARTITIONS_MAX)
  @ValidateNested({ each: true })
  @Type(() => PositionDto)
  positions!: PositionDto[];
}

class MetadataSnapshotDto implements MetadataSnapshot {
  @IsEpoch()
  revision!: number;

  @IsEpoch()
  coordinatorEpoch!: number;

  @IsShortText({ max: 100 })
  opId!: string;

  @AreMetadataRecords()
  records!: MetadataRecord[];
}

export class OfferMetadataCopyRequestDto implements rpc.OfferMetadataCopyRequest {
  @IsBrokerId()
  brokerId!: number;

  @IsShortText({ min: 1, max: 100 })
  incarnationId!: string;

  @IsDefined()
  @ValidateNested()
  @Type(() => MetadataSnapshotDto)
  snapshot!: MetadataSnapshotDto;

  @IsEpoch()
  highestCoordinatorEpoch!: number;

  @IsEpoch()
  maxBrokerEpochSeen!: number;

  @IsEpoch()
  maxLeaderEpochSeen!: number;

  @IsSafeInteger({ min: -1 })
  maxProducerIdSeen!: number;
}
