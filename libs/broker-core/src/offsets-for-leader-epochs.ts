/** KIP-320: where a leader epoch ended, by the log of the leader; everybody else refuses, and epochs are fenced as in ListOffsets. */
import { type KafkaErrorName, NO_EPOCH, type RequestContext } from '#kernel';
import type { OffsetsForLeaderEpochsRequest, OffsetsForLeaderEpochsResponse } from './admin-verbs.js';
import type { BrokerState } from './broker-state.js';

type Asked = OffsetsForLeaderEpochsRequest['partitions'][number];
type Answer = OffsetsForLeaderEpochsResponse['partitions'][number];

export function offsetsForLeaderEpochs(
  broker: BrokerState,
  context: RequestContext,
  request: OffsetsForLeaderEpochsRequest,
): OffsetsForLeaderEpochsResponse {
  return { partitions: request.partitions.map((asked) => endOf(broker, context, asked)) };
}

function endOf(broker: BrokerState, context: RequestContext, asked: Asked): Answer {
  if (!broker.authorizer.isAllowed(context, 'DESCRIBE', { type: 'TOPIC', name: asked.topic }))
    return failed(asked, 'TOPIC_AUTHORIZATION_FAILED');
  const partition = broker.partition(asked.topic, asked.partition);
  if (!partition) return failed(asked, broker.missingPartitionError(asked.topic, asked.partition));
  const state = partition.leader;
  if (!state) return failed(asked, partition.role.kind === 'failed' ? 'KAFKA_STORAGE_ERROR' : 'NOT_LEADER_OR_FOLLOWER');
  if (asked.currentLeaderEpoch >= 0 && asked.currentLeaderEpoch < state.leaderEpoch) return failed(asked, 'FENCED_LEADER_EPOCH');
  if (asked.currentLeaderEpoch > state.leaderEpoch) return failed(asked, 'UNKNOWN_LEADER_EPOCH');
  const { leaderEpoch, endOffset } = partition.log.endOffsetForEpoch(asked.leaderEpoch < 0 ? NO_EPOCH : asked.leaderEpoch);
  return { topic: asked.topic, partition: asked.partition, error: 'NONE', leaderEpoch, endOffset };
}

function failed({ topic, partition }: Asked, error: KafkaErrorName): Answer {
  return { topic, partition, error, leaderEpoch: NO_EPOCH, endOffset: -1 };
}
