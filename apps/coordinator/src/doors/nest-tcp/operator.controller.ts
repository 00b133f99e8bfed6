/** What is decided by a person, on Nest's TCP transport: a store that lost something is trusted, a leader is elected. */
import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload, type TcpContext } from '@nestjs/microservices';
import { decisionContext, type RpcHandlers } from '#rpc';
import { ElectLeaderRequestDto, Message, requestContext, requestValidationPipe } from '../../../../shared/nest-door/index.js';
import { COORDINATOR_HANDLERS } from './coordinator.controller.js';
import { TrustStoreRequestDto } from './dto/operator-requests.js';

const checked = requestValidationPipe();

@Controller()
export class OperatorController {
  constructor(@Inject(COORDINATOR_HANDLERS) private readonly handlers: Required<Pick<RpcHandlers, 'trustStore' | 'electLeader'>>) {}

  @Message('trustStore')
  trustStore(@Payload(checked) request: TrustStoreRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.trustStore(request, requestContext(context));
  }

  @Message('electLeader')
  electLeader(@Payload(checked) request: ElectLeaderRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.electLeader(request, decisionContext(requestContext(context), request));
  }
}
