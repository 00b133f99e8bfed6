/** What the operator may ask of the cluster coordinator, as classes that class-validator checks. They mirror #rpc's shapes. */
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsOptional, ValidateNested } from 'class-validator';
import type * as rpc from '#rpc';
import { IsBrokerId, IsEpoch } from '../../../../../shared/nest-door/index.js';

const ACTIONS: rpc.TrustAction[] = ['begin-history', 'begin-cluster', 'take-brokers', 'end-suspicion'];
const BROKERS_MAX = 1_000;

class TrustConfirmationDto implements rpc.TrustConfirmation {
  @IsIn(ACTIONS, { message: `action must be one of ${ACTIONS.join(', ')}` })
  action!: rpc.TrustAction;

  @IsEpoch()
  coordinatorEpoch!: number;

  @IsArray()
  @ArrayMaxSize(BROKERS_MAX)
  @IsBrokerId({ each: true })
  brokers!: number[];
}

export class TrustStoreRequestDto implements rpc.TrustStoreRequest {
  @IsOptional()
  @ValidateNested()
  @Type(() => TrustConfirmationDto)
  confirm?: TrustConfirmationDto;
}
