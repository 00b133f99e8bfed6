/**
 * The broker's messages on Nest's TCP transport. Nothing is decided here: each method hands its message to the plain handler
 * of the same name. A stock `ClientProxy` gets readable records, our own clients get batches as they are.
 */
import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload, type TcpContext } from '@nestjs/microservices';
import type { FetchRequest, ProduceRequest, RpcReply } from '#rpc';
import {
  AlterConfigsRequestDto,
  CreatePartitionsRequestDto,
  CreateTopicsRequestDto,
  DeleteTopicsRequestDto,
  DescribeConfigsRequestDto,
  ElectLeaderRequestDto,
  EmptyRequestDto,
  ListOffsetsRequestDto,
  Message,
  MetadataRequestDto,
  requestContext,
  requestValidationPipe,
  socketOf,
} from '../../../../shared/nest-door/index.js';
import type { BrokerRpcHandlers } from './broker-rpc-handlers.js';
import { JSON_RECORDS, type JsonFetchResponse, type JsonRecords } from './json-records.js';

export const BROKER_HANDLERS = Symbol('BROKER_HANDLERS');

/** One for all methods: a pipe holds no state. */
const checked = requestValidationPipe();

@Controller()
export class BrokerController {
  constructor(
    @Inject(BROKER_HANDLERS) private readonly handlers: BrokerRpcHandlers,
    @Inject(JSON_RECORDS) private readonly json: JsonRecords,
  ) {}

  @Message('metadata')
  metadata(@Payload(checked) request: MetadataRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.metadata(request, requestContext(context));
  }

  @Message('createTopics')
  createTopics(@Payload(checked) request: CreateTopicsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.createTopics(request, requestContext(context));
  }

  @Message('deleteTopics')
  deleteTopics(@Payload(checked) request: DeleteTopicsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.deleteTopics(request, requestContext(context));
  }

  @Message('createPartitions')
  createPartitions(@Payload(checked) request: CreatePartitionsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.createPartitions(request, requestContext(context));
  }

  @Message('alterConfigs')
  alterConfigs(@Payload(checked) request: AlterConfigsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.alterConfigs(request, requestContext(context));
  }

  @Message('electLeader')
  electLeader(@Payload(checked) request: ElectLeaderRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.electLeader(request, requestContext(context));
  }

  @Message('describeConfigs')
  describeConfigs(@Payload(checked) request: DescribeConfigsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.describeConfigs(request, requestContext(context));
  }

  @Message('describeCluster')
  describeCluster(@Payload(checked) _request: EmptyRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.describeCluster({}, requestContext(context));
  }

  @Message('listOffsets')
  listOffsets(@Payload(checked) request: ListOffsetsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.listOffsets(request, requestContext(context));
  }

  @Message('initProducerId')
  initProducerId(@Payload(checked) _request: EmptyRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.initProducerId({}, requestContext(context));
  }

  @Message('produce')
  produce(@Payload() request: ProduceRequest, @Ctx() context: TcpContext) {
    const wanted = socketOf(context).isJson ? this.json.produceRequest(request) : request;
    return this.handlers.produce(wanted, requestContext(context, wanted));
  }

  @Message('fetch')
  async fetch(@Payload() request: FetchRequest, @Ctx() context: TcpContext): Promise<RpcReply<'fetch'> | JsonFetchResponse> {
    if (!socketOf(context).isJson) return this.handlers.fetch(request, requestContext(context, request));
    const wanted = this.json.fetchRequest(request);
    return this.json.fetchResponse(wanted, await this.handlers.fetch(wanted, requestContext(context, wanted)));
  }
}
