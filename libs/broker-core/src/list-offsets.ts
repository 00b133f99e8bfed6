/** ListOffsets: earliest, latest (the high watermark), by timestamp. Served by the leader only. */
import type { KafkaErrorName, RequestContext } from '#kernel';
import { askedLeader } from './asked-leader.js';
import type { BrokerState } from './broker-state.js';
import type { Partition } from './partition.js';
import type { ListOffsetsRequest, ListOffsetsResponse } from './verbs.js';

export const LATEST_TIMESTAMP = -1;
export const EARLIEST_TIMESTAMP = -2;
export const MAX_TIMESTAMP = -3;
export const EARLIEST_LOCAL_TIMESTAMP = -4;

type Asked = ListOffsetsRequest['partitions'][number];
type Answer = ListOffsetsResponse['partitions'][number];

export async function listOffsets(broker: BrokerState, context: RequestContext, request: ListOffsetsRequest): Promise<ListOffsetsResponse> {
  return { partitions: await Promise.all(request.partitions.map((asked) => listOne(broker, context, asked))) };
}

async function listOne(broker: BrokerState, context: RequestContext, asked: Asked): Promise<Answer> {
  const led = askedLeader(broker, context, asked);
  if ('error' in led) return failed(asked, led.error);
  const { partition, state } = led;
  const { log } = partition;
  if (asked.timestamp === EARLIEST_TIMESTAMP || asked.timestamp === EARLIEST_LOCAL_TIMESTAMP) {
    return found(asked, log.logStartOffset, -1, epochAt(partition, log.logStartOffset));
  }
  // Right after an election the watermark may be older than what consumers already read (R7).
  if (!state.isHighWatermarkFresh) return failed(asked, 'OFFSET_NOT_AVAILABLE');
  const end = partition.highWatermark;
  if (asked.timestamp === LATEST_TIMESTAMP) return found(asked, end, -1, state.leaderEpoch);
  if (asked.timestamp < EARLIEST_LOCAL_TIMESTAMP) return failed(asked, 'UNSUPPORTED_VERSION');
  try {
    const match =
      asked.timestamp === MAX_TIMESTAMP ? await log.offsetOfMaxTimestamp(end) : await log.offsetForTimestamp(asked.timestamp, end);
    if (partition.leader !== state) return failed(asked, 'NOT_LEADER_OR_FOLLOWER');
    return match ? found(asked, match.offset, match.timestamp, state.leaderEpoch) : found(asked, -1, -1, -1);
  } catch (error) {
    broker.logger.error('look-up by timestamp failed', { topic: asked.topic, partition: asked.partition, reason: String(error) });
    return failed(asked, 'KAFKA_STORAGE_ERROR');
  }
}

function epochAt(partition: Partition, offset: number): number {
  return offset >= partition.log.logEndOffset ? partition.leaderEpoch : -1;
}

function found(asked: Asked, offset: number, timestamp: number, leaderEpoch: number): Answer {
  return { topic: asked.topic, partition: asked.partition, error: 'NONE', offset, timestamp, leaderEpoch };
}

function failed(asked: Asked, error: KafkaErrorName): Answer {
  return { topic: asked.topic, partition: asked.partition, error, offset: -1, timestamp: -1, leaderEpoch: -1 };
}
