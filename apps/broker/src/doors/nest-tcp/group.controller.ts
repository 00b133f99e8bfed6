/** Consumer groups on Nest's TCP transport: each method checks its message and hands it to the plain handler of the same name. */
import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload, type TcpContext } from '@nestjs/microservices';
import {
  CommitOffsetsRequestDto,
  DeleteOffsetsRequestDto,
  FetchOffsetsRequestDto,
  GroupHeartbeatRequestDto,
  GroupHistoryRequestDto,
  GroupIdsRequestDto,
  JoinGroupRequestDto,
  LeaveGroupRequestDto,
  ListGroupsRequestDto,
  Message,
  requestContext,
  requestValidationPipe,
  SyncGroupRequestDto,
} from '../../../../shared/nest-door/index.js';
import { BROKER_HANDLERS } from './broker.controller.js';
import type { GroupRpcHandlers } from './group-rpc-handlers.js';

const checked = requestValidationPipe();

@Controller()
export class GroupController {
  constructor(@Inject(BROKER_HANDLERS) private readonly handlers: GroupRpcHandlers) {}

  @Message('findCoordinator')
  findCoordinator(@Payload(checked) request: GroupIdsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.findCoordinator(request, requestContext(context));
  }

  @Message('joinGroup')
  joinGroup(@Payload(checked) request: JoinGroupRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.joinGroup(request, requestContext(context, request));
  }

  @Message('syncGroup')
  syncGroup(@Payload(checked) request: SyncGroupRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.syncGroup(request, requestContext(context, request));
  }

  @Message('groupHeartbeat')
  groupHeartbeat(@Payload(checked) request: GroupHeartbeatRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.groupHeartbeat(request, requestContext(context, request));
  }

  @Message('leaveGroup')
  leaveGroup(@Payload(checked) request: LeaveGroupRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.leaveGroup(request, requestContext(context, request));
  }

  @Message('commitOffsets')
  commitOffsets(@Payload(checked) request: CommitOffsetsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.commitOffsets(request, requestContext(context, request));
  }

  @Message('fetchOffsets')
  fetchOffsets(@Payload(checked) request: FetchOffsetsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.fetchOffsets(request, requestContext(context, request));
  }

  @Message('deleteOffsets')
  deleteOffsets(@Payload(checked) request: DeleteOffsetsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.deleteOffsets(request, requestContext(context));
  }

  @Message('describeGroups')
  describeGroups(@Payload(checked) request: GroupIdsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.describeGroups(request, requestContext(context));
  }

  @Message('listGroups')
  listGroups(@Payload(checked) request: ListGroupsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.listGroups(request, requestContext(context));
  }

  @Message('deleteGroups')
  deleteGroups(@Payload(checked) request: GroupIdsRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.deleteGroups(request, requestContext(context));
  }

  @Message('groupHistory')
  groupHistory(@Payload(checked) request: GroupHistoryRequestDto, @Ctx() context: TcpContext) {
    return this.handlers.groupHistory(request, requestContext(context));
  }
}
