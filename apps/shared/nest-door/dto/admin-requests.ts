/** Partitions and configs: what administrators ask, as classes that class-validator checks. They mirror #rpc's shapes. */
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsIn, IsOptional, ValidateNested } from 'class-validator';
import type * as rpc from '#rpc';
import { IsAssignment, IsPartitionIndex, IsSafeInteger, IsShortText, Nullable } from './checks.js';
import { ValidatableChangeRequestDto } from './client-requests.js';

/** Topics or resources in one request; more is asked in several. */
export const ADMIN_ITEMS_MAX = 1_000;
/** Configs named for one resource. */
export const CONFIGS_PER_RESOURCE_MAX = 1_000;
const CONFIG_VALUE_LENGTH_MAX = 10_000;

const RESOURCE_TYPES: rpc.ConfigResourceType[] = ['topic', 'broker', 'group', 'broker-logger', 'client-metrics'];
const OPERATIONS: rpc.ConfigOperation['operation'][] = ['set', 'delete', 'append', 'subtract'];

export class GrowTopicDto {
  @IsShortText()
  name!: string;

  @IsSafeInteger({ min: -1, max: 2 ** 31 - 1 })
  totalCount!: number;

  @IsOptional()
  @IsAssignment()
  assignments?: number[][];
}

export class CreatePartitionsRequestDto extends ValidatableChangeRequestDto implements rpc.CreatePartitionsRequest {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(ADMIN_ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => GrowTopicDto)
  topics!: GrowTopicDto[];
}

class ConfigResourceDto implements rpc.ConfigResource {
  @IsIn(RESOURCE_TYPES, { message: `type must be one of ${RESOURCE_TYPES.join(', ')}` })
  type!: rpc.ConfigResourceType;

  @IsShortText()
  name!: string;
}

export class ConfigOperationDto implements rpc.ConfigOperation {
  @IsShortText({ min: 1 })
  name!: string;

  @IsIn(OPERATIONS, { message: `operation must be one of ${OPERATIONS.join(', ')}` })
  operation!: rpc.ConfigOperation['operation'];

  @Nullable()
  @IsShortText({ max: CONFIG_VALUE_LENGTH_MAX })
  value: string | null = null;
}

export class AlterResourceDto extends ConfigResourceDto {
  @IsArray()
  @ArrayMaxSize(CONFIGS_PER_RESOURCE_MAX)
  @ValidateNested({ each: true })
  @Type(() => ConfigOperationDto)
  operations!: ConfigOperationDto[];

  @IsOptional()
  @IsBoolean()
  replacesAll?: boolean;
}

export class AlterConfigsRequestDto extends ValidatableChangeRequestDto implements rpc.AlterConfigsRequest {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(ADMIN_ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => AlterResourceDto)
  resources!: AlterResourceDto[];
}

export class DescribeResourceDto extends ConfigResourceDto {
  /** Null or left out: all. */
  @Nullable()
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(CONFIGS_PER_RESOURCE_MAX)
  @IsShortText({ each: true })
  names: string[] | null = null;
}

export class DescribeConfigsRequestDto implements rpc.DescribeConfigsRequest {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(ADMIN_ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => DescribeResourceDto)
  resources!: DescribeResourceDto[];
}

const ELECTIONS: rpc.ElectLeaderRequest['kind'][] = ['preferred', 'unclean'];

export class ElectLeaderRequestDto extends ValidatableChangeRequestDto implements rpc.ElectLeaderRequest {
  @IsShortText({ min: 1 })
  topic!: string;

  @IsPartitionIndex()
  partition!: number;

  @IsIn(ELECTIONS, { message: `kind must be one of ${ELECTIONS.join(', ')}` })
  kind!: rpc.ElectLeaderRequest['kind'];
}
