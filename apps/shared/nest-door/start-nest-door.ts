/** One Nest microservice on our TCP door, set up the same way in every process: strategy, validation, failures, logging. */
import 'reflect-metadata';
import type { DynamicModule, INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { type NestDoorOptions, NestDoorServer } from './nest-door-server.js';
import { nestLogger } from './nest-logger.js';
import { RpcFailureFilter } from './rpc-failure.filter.js';

export interface NestDoor {
  readonly app: INestMicroservice;
  readonly server: NestDoorServer;
}

/** Rejects with a YakError ADDRESS_IN_USE or CANNOT_LISTEN; then nothing is left open. */
export async function startNestDoor(module: DynamicModule, options: NestDoorOptions): Promise<NestDoor> {
  const server = new NestDoorServer(options);
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    strategy: server,
    logger: nestLogger(options.logger),
    abortOnError: false,
  });
  app.useGlobalFilters(new RpcFailureFilter(options.logger));
  await app.listen();
  return { app, server };
}
