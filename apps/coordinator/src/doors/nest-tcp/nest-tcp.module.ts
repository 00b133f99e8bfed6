import { type DynamicModule, Module } from '@nestjs/common';
import { ClientController } from './client.controller.js';
import { COORDINATOR_HANDLERS, CoordinatorController, type CoordinatorRpcHandlers } from './coordinator.controller.js';
import { OperatorController } from './operator.controller.js';

/** The Nest TCP door of the cluster coordinator: one controller for the cluster, one for its clients, one for its operator, over what the process built. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's dynamic modules are built by a static method
export class NestTcpModule {
  static over(handlers: CoordinatorRpcHandlers): DynamicModule {
    return {
      module: NestTcpModule,
      controllers: [ClientController, CoordinatorController, OperatorController],
      providers: [{ provide: COORDINATOR_HANDLERS, useValue: handlers }],
    };
  }
}
