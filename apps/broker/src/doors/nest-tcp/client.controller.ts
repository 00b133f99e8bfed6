/** Clients and single records on Nest's TCP transport: each method checks its message and hands it to the plain handler. */
import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload, type TcpContext } from '@nestjs/microservices';
import {
  EmptyRequestDto,
  LocateRecordRequestDto,
  Message,
  requestContext,
  requestValidationPipe,
} from '../../../../shared/nest-door/index.js';
import { BROKER_HANDLERS } from './broker.controller.js';
import type { ClientRpcHandlers } from './client-rpc-handlers.js';

const checked = requestValidationPipe();

@Controller()
export class ClientController {
  constructor(@Inject(BROKER_HANDLERS) private readonly handlers: ClientRpcHandlers) {}

  @Message('listClients')
  listClients(@Payload(checked) _request: EmptyRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.listClients({}, requestContext(context));
  }

  @Message('locateRecord')
  locateRecord(@Payload(checked) request: LocateRecordRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.locateRecord(request, requestContext(context));
  }
}
