import type * as rpc from '#rpc';
import { IsPartitionIndex, IsSafeInteger, IsShortText } from './checks.js';

export class LocateRecordRequestDto implements rpc.LocateRecordRequest {
  @IsShortText({ min: 1 })
  topic!: string;

  @IsPartitionIndex()
  partition!: number;

  @IsSafeInteger({ min: 0 })
  offset!: number;
}
