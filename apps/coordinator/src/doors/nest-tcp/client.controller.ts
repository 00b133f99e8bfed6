/** Who is connected to the cluster, on Nest's TCP transport. */
import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload, type TcpContext } from '@nestjs/microservices';
import type { RpcHandlers } from '#rpc';
import { EmptyRequestDto, Message, requestContext, requestValidationPipe } from '../../../../shared/nest-door/index.js';
import { COORDINATOR_HANDLERS } from './coordinator.controller.js';

const checked = requestValidationPipe();

@Controller()
export class ClientController {
  constructor(@Inject(COORDINATOR_HANDLERS) private readonly handlers: Required<Pick<RpcHandlers, 'listClients'>>) {}

  @Message('listClients')
  listClients(@Payload(checked) _request: EmptyRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.listClients({}, requestContext(context));
  }
}
