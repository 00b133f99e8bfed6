/**
 * The cluster coordinator's messages on Nest's TCP transport. Every message is checked by class-validator, then handed to the
 * plain handler of the same name; what it means is decided in #coordinator-core.
 */
import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload, type TcpContext } from '@nestjs/microservices';
import { decisionContext, type RpcHandlers } from '#rpc';
import {
  AlterConfigsRequestDto,
  CreatePartitionsRequestDto,
  CreateTopicsRequestDto,
  DEFAULT_SHAPE_LIMITS,
  DeleteTopicsRequestDto,
  EmptyRequestDto,
  Message,
  MetadataRequestDto,
  requestContext,
  requestValidationPipe,
} from '../../../../shared/nest-door/index.js';
import {
  AllocateProducerIdsRequestDto,
  AlterPartitionRequestDto,
  BrokerHeartbeatRequestDto,
  MetadataFetchRequestDto,
  OfferMetadataCopyRequestDto,
  RegisterBrokerRequestDto,
  ReportPositionsRequestDto,
} from './dto/control-requests.js';

export const COORDINATOR_HANDLERS = Symbol('COORDINATOR_HANDLERS');

/** Those that a coordinator has to serve; the compiler finds a forgotten one. */
export type CoordinatorPattern =
  | 'metadata'
  | 'createTopics'
  | 'deleteTopics'
  | 'createPartitions'
  | 'alterConfigs'
  | 'describeCluster'
  | 'listClients'
  | 'registerBroker'
  | 'brokerHeartbeat'
  | 'metadataFetch'
  | 'alterPartition'
  | 'allocateProducerIds'
  | 'reportPositions'
  | 'offerMetadataCopy'
  | 'trustStore'
  | 'electLeader';
export type CoordinatorRpcHandlers = Required<Pick<RpcHandlers, CoordinatorPattern>>;

/** Pipes hold no state: one for all methods that brokers ask, whose reports grow with the cluster, and one for the rest. */
const checked = requestValidationPipe();
const checkedReport = requestValidationPipe({ ...DEFAULT_SHAPE_LIMITS, valuesMax: 10_000_000 });

@Controller()
export class CoordinatorController {
  constructor(@Inject(COORDINATOR_HANDLERS) private readonly handlers: CoordinatorRpcHandlers) {}

  @Message('registerBroker')
  registerBroker(@Payload(checkedReport) request: RegisterBrokerRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.registerBroker(request, requestContext(context));
  }

  @Message('brokerHeartbeat')
  brokerHeartbeat(@Payload(checked) request: BrokerHeartbeatRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.brokerHeartbeat(request, requestContext(context));
  }

  @Message('metadataFetch')
  metadataFetch(@Payload(checked) request: MetadataFetchRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.metadataFetch(request, requestContext(context));
  }

  @Message('alterPartition')
  alterPartition(@Payload(checked) request: AlterPartitionRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.alterPartition(request, requestContext(context));
  }

  @Message('allocateProducerIds')
  allocateProducerIds(@Payload(checked) request: AllocateProducerIdsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.allocateProducerIds(request, requestContext(context));
  }

  @Message('reportPositions')
  reportPositions(@Payload(checkedReport) request: ReportPositionsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.reportPositions(request, requestContext(context));
  }

  @Message('offerMetadataCopy')
  offerMetadataCopy(@Payload(checkedReport) request: OfferMetadataCopyRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.offerMetadataCopy(request, requestContext(context));
  }

  @Message('metadata')
  metadata(@Payload(checked) request: MetadataRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.metadata(request, requestContext(context));
  }

  @Message('createTopics')
  createTopics(@Payload(checked) request: CreateTopicsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.createTopics(request, decisionContext(requestContext(context), request));
  }

  @Message('deleteTopics')
  deleteTopics(@Payload(checked) request: DeleteTopicsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.deleteTopics(request, decisionContext(requestContext(context), request));
  }

  @Message('createPartitions')
  createPartitions(@Payload(checked) request: CreatePartitionsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.createPartitions(request, decisionContext(requestContext(context), request));
  }

  @Message('alterConfigs')
  alterConfigs(@Payload(checked) request: AlterConfigsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.alterConfigs(request, decisionContext(requestContext(context), request));
  }

  @Message('describeCluster')
  describeCluster(@Payload(checked) _request: EmptyRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.describeCluster({}, requestContext(context));
  }
}
