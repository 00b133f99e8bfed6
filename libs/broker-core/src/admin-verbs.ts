/**
 * Administration as doors see it: any broker takes the call, the cluster coordinator decides it, and the answer comes when
 * this broker's own metadata shows the change (or a little later without: the decision stands; timeoutMs 0 does not wait at
 * all). `onBehalfOf` of a request is set here. Answers need not come in the order of the request, but every name is answered.
 *
 * Rejects with a YakError when the cluster coordinator gave no decision: UNAVAILABLE or BUSY when nothing was begun, any
 * other code when the outcome is unknown.
 */
import type { KafkaErrorName, LeaderEpoch, Offset, RequestContext } from '#kernel';
import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
  ConfigEntry,
  CreatePartitionsRequest,
  CreatePartitionsResponse,
  CreateTopicsRequest,
  CreateTopicsResponse,
  DeleteTopicsRequest,
  DeleteTopicsResponse,
  DescribeConfigsRequest,
  DescribeConfigsResponse,
  ElectLeaderRequest,
  ElectLeaderResponse,
} from '#rpc';

export interface OffsetsForLeaderEpochsRequest {
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    /** -1: not checked. */
    readonly currentLeaderEpoch: LeaderEpoch;
    readonly leaderEpoch: LeaderEpoch;
  }[];
}
export interface OffsetsForLeaderEpochsResponse {
  /** In the order of the request. -1, -1 on error or when nothing is known. */
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly error: KafkaErrorName;
    readonly leaderEpoch: LeaderEpoch;
    readonly endOffset: Offset;
  }[];
}

export interface AdminVerbs {
  createTopics(context: RequestContext, request: CreateTopicsRequest): Promise<CreateTopicsResponse>;
  deleteTopics(context: RequestContext, request: DeleteTopicsRequest): Promise<DeleteTopicsResponse>;
  createPartitions(context: RequestContext, request: CreatePartitionsRequest): Promise<CreatePartitionsResponse>;
  alterConfigs(context: RequestContext, request: AlterConfigsRequest): Promise<AlterConfigsResponse>;
  /** By a person: back to the preferred replica, or unclean, which gives up what the chosen one does not hold. */
  electLeader(context: RequestContext, request: ElectLeaderRequest): Promise<ElectLeaderResponse>;
  /** From this broker's own metadata and settings; nothing is forwarded. */
  describeConfigs(context: RequestContext, request: DescribeConfigsRequest): Promise<DescribeConfigsResponse>;
  /**
   * What a topic that is created with these configs has, for who may know it (else null). `replicationFactor` is the one that
   * the cluster coordinator decided. Asks nobody.
   */
  configsOfNewTopic(
    context: RequestContext,
    topic: { readonly name: string; readonly configs: Readonly<Record<string, string>>; readonly replicationFactor: number },
  ): readonly ConfigEntry[] | null;
  /** KIP-320: where a leader epoch ended in this leader's log, for consumers that check what they read after an election. */
  offsetsForLeaderEpochs(context: RequestContext, request: OffsetsForLeaderEpochsRequest): Promise<OffsetsForLeaderEpochsResponse>;
}
