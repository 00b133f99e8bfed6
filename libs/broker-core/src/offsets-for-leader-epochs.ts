/** KIP-320: where a leader epoch ended, by the log of the leader; everybody else refuses, and epochs are fenced as in ListOffsets. */
import { type KafkaErrorName, NO_EPOCH, type RequestContext } from '#kernel';
import type { OffsetsForLeaderEpochsRequest, OffsetsForLeaderEpochsResponse } from './admin-verbs.js';
import { askedLeader } from './asked-leader.js';
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
  const led = askedLeader(broker, context, asked);
  if ('error' in led) return failed(asked, led.error);
  const { leaderEpoch, endOffset } = led.partition.log.endOffsetForEpoch(asked.leaderEpoch < 0 ? NO_EPOCH : asked.leaderEpoch);
  return { topic: asked.topic, partition: asked.partition, error: 'NONE', leaderEpoch, endOffset };
}

function failed({ topic, partition }: Asked, error: KafkaErrorName): Answer {
  return { topic, partition, error, leaderEpoch: NO_EPOCH, endOffset: -1 };
}
