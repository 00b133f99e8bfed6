import { type DynamicModule, Module } from '@nestjs/common';
import { BROKER_HANDLERS, BrokerController } from './broker.controller.js';
import type { BrokerRpcHandlers } from './broker-rpc-handlers.js';
import { ClientController } from './client.controller.js';
import { GroupController } from './group.controller.js';
import { JSON_RECORDS, type JsonRecords } from './json-records.js';

/** The Nest TCP door of a broker: one controller for records and topics, one for groups, one for who is connected, over what the process built. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's dynamic modules are built by a static method
export class NestTcpModule {
  static over(handlers: BrokerRpcHandlers, jsonRecords: JsonRecords): DynamicModule {
    return {
      module: NestTcpModule,
      controllers: [BrokerController, ClientController, GroupController],
      providers: [
        { provide: BROKER_HANDLERS, useValue: handlers },
        { provide: JSON_RECORDS, useValue: jsonRecords },
      ],
    };
  }
}
