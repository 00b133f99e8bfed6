/**
 * What clients may ask of a broker and of the cluster coordinator alike, as classes that class-validator checks. They
 * mirror #rpc's shapes (`implements` keeps them true); produce and fetch have no class, their frames are checked by hand.
 */

import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsOptional, IsString, ValidateIf, ValidateNested } from 'class-validator';
import type * as rpc from '#rpc';
import { IsAssignment, IsPartitionIndex, IsSafeInteger, IsShortText, IsStringMap, IsWaitMs, Nullable } from './checks.js';

/** Topics or partitions in one request; more is asked in several. */
export const REQUEST_ITEMS_MAX = 10_000;

export class MetadataRequestDto implements rpc.MetadataRequest {
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(REQUEST_ITEMS_MAX)
  @IsString({ each: true })
  topics: string[] | null = null;

  @IsOptional()
  @IsBoolean()
  allowAutoTopicCreation?: boolean;

  @IsOptional()
  @IsSafeInteger({ min: -1 })
  newerThanRevision?: number;

  @IsOptional()
  @IsWaitMs()
  maxWaitMs?: number;
}

export class NewTopicDto implements rpc.NewTopic {
  @IsShortText()
  name!: string;

  @IsOptional()
  @IsSafeInteger({ min: -1, max: 2 ** 31 - 1 })
  partitions?: number;

  @IsOptional()
  @IsSafeInteger({ min: -1, max: 2 ** 15 - 1 })
  replicationFactor?: number;

  @IsOptional()
  @IsAssignment()
  assignments?: number[][];

  @IsOptional()
  @IsStringMap()
  configs?: Record<string, string>;
}

/** Read by the coordinator; a broker writes its own over it. */
export class OnBehalfOfDto implements rpc.OnBehalfOf {
  @IsShortText({ min: 1 })
  principal!: string;

  @Nullable()
  @IsShortText()
  clientId!: string | null;

  @IsShortText({ min: 1 })
  clientAddress!: string;
}

/** What every change that the cluster coordinator decides has beside its items. */
class ChangeRequestDto {
  @IsOptional()
  @IsWaitMs()
  timeoutMs?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => OnBehalfOfDto)
  onBehalfOf?: OnBehalfOfDto;
}

/** A change that may be asked for without being made. */
export class ValidatableChangeRequestDto extends ChangeRequestDto {
  @IsOptional()
  @IsBoolean()
  validateOnly?: boolean;
}

export class CreateTopicsRequestDto extends ValidatableChangeRequestDto implements rpc.CreateTopicsRequest {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(REQUEST_ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => NewTopicDto)
  topics!: NewTopicDto[];
}

/** By name, or by the id of exactly that topic. */
export class TopicSelectorDto {
  @ValidateIf((selector: TopicSelectorDto) => selector.topicId === undefined)
  @IsShortText({ min: 1 })
  name!: string;

  @IsOptional()
  @IsShortText({ min: 1 })
  topicId!: string;
}

export class DeleteTopicsRequestDto extends ChangeRequestDto implements rpc.DeleteTopicsRequest {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(REQUEST_ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => TopicSelectorDto)
  topics!: TopicSelectorDto[];
}

export class ListOffsetsPartitionDto {
  @IsShortText()
  topic!: string;

  @IsPartitionIndex()
  partition!: number;

  /** -1 latest, -2 earliest, -3 max timestamp, else milliseconds since 1970. */
  @IsSafeInteger({ min: -3 })
  timestamp!: number;
}

export class ListOffsetsRequestDto implements rpc.ListOffsetsRequest {
  @IsArray()
  @ArrayMaxSize(REQUEST_ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => ListOffsetsPartitionDto)
  partitions!: ListOffsetsPartitionDto[];
}

/** Requests without fields: anything sent along is dropped. */
export class EmptyRequestDto {
  [field: string]: never;
}
