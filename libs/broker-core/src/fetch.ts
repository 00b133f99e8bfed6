/**
 * Fetch, for consumers (below the high watermark) and for followers (up to the log end, with their positions). Reads, and
 * if that is not enough yet, parks until something moves or the wait is over, and reads once more.
 */
import type { KafkaErrorName, RequestContext } from '#kernel';
import { divergingEpoch } from '#replication';
import { sleep } from '#seams';
import type { BrokerState } from './broker-state.js';
import type { Partition } from './partition.js';
import type { FetchPartition, FetchPartitionResponse, FetchRequest, FetchResponse } from './verbs.js';
import type { Waiters } from './waiters.js';

/** A fetch for which there is no memory looks again after this. Milliseconds. */
const NO_ROOM_PAUSE_MS = 20;

export async function fetch(broker: BrokerState, context: RequestContext, request: FetchRequest): Promise<FetchResponse> {
  if (request.replica && request.maxBytes === 0 && request.partitions.length === 0) {
    broker.parkedFetches.release(request.replica.brokerId);
    return { partitions: [] };
  }
  const deadline = broker.clock.monotonicMs() + request.maxWaitMs;
  const sentAfter = request.replica ? broker.parkedFetches.sentAfter(request.replica.brokerId, context.clientAddress) : null;
  // Who asks again and again while there is no memory gets nothing in the end, and asks again.
  while (!request.replica && broker.queued.isFull && broker.clock.monotonicMs() < deadline) await sleep(broker.scheduler, NO_ROOM_PAUSE_MS);
  for (let isArrival = true; ; isArrival = false) {
    const ends = readableEnds(broker, request);
    const pass = readAll(broker, context, request, isArrival ? sentAfter : null);
    const responses = pass instanceof Promise ? await pass : pass;
    if (isArrival && !request.replica) noteFetched(broker, context, request, responses);
    const remainingMs = deadline - broker.clock.monotonicMs();
    if (remainingMs <= 0 || isEnough(request, responses)) return counted(broker, context, request, responses);
    // What moved during a cold read woke nobody, since nobody was parked yet.
    if (pass instanceof Promise && readableEnds(broker, request) !== ends) continue;
    const isReleased = await park(broker, request, remainingMs);
    if (isReleased) {
      const last = readAll(broker, context, request, null);
      return counted(broker, context, request, last instanceof Promise ? await last : last);
    }
  }
}

/** For the list of clients: what was asked for is what the client has everything below of. */
function noteFetched(
  broker: BrokerState,
  context: RequestContext,
  request: FetchRequest,
  responses: readonly FetchPartitionResponse[],
): void {
  const client = broker.clients.of(context);
  if (client === null) return;
  for (let i = 0; i < responses.length; i++) {
    const { topic, partition, error, divergingEpoch: diverging } = responses[i]!;
    if (error === 'NONE' && !diverging) client.fetchedFrom(topic, partition, request.partitions[i]!.fetchOffset);
  }
}

/** Changes whenever any asked partition has more to read: ends only grow while a role lasts. */
function readableEnds(broker: BrokerState, request: FetchRequest): number {
  let sum = 0;
  for (const asked of request.partitions) {
    const partition = broker.locate(asked);
    if (partition) sum += request.replica ? partition.log.logEndOffset : partition.highWatermark;
  }
  return sum;
}

function isEnough(request: FetchRequest, responses: readonly FetchPartitionResponse[]): boolean {
  if (responses.length === 0) return true;
  let bytes = 0;
  for (const response of responses) {
    if (response.error !== 'NONE' || response.divergingEpoch) return true;
    for (const records of response.records) bytes += records.length;
  }
  return bytes >= request.minBytes;
}

function counted(
  broker: BrokerState,
  context: RequestContext,
  request: FetchRequest,
  partitions: readonly FetchPartitionResponse[],
): FetchResponse {
  if (request.replica) {
    broker.parkedFetches.answered(request.replica.brokerId, context.clientAddress);
  } else {
    let bytes = 0;
    for (const response of partitions) for (const records of response.records) bytes += records.length;
    broker.counters.bytesFetched += bytes;
    broker.queued.noteAnswer(bytes);
  }
  return { partitions };
}

/** Resolves true when the wait is over (time, or the replica asked for an answer), false when something moved. */
function park(broker: BrokerState, request: FetchRequest, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const partitions = request.partitions
      .map((asked) => broker.locate(asked))
      .filter((partition): partition is Partition => partition !== null);
    const finish = (isOver: boolean): void => {
      timer.cancel();
      for (const partition of partitions) waitersOf(request, partition).remove(moved);
      if (request.replica) broker.parkedFetches.remove(request.replica.brokerId, released);
      resolve(isOver);
    };
    const moved = (): void => finish(false);
    const released = (): void => finish(true);
    const timer = broker.scheduler.after(waitMs, released);
    for (const partition of partitions) waitersOf(request, partition).add(moved);
    if (request.replica) broker.parkedFetches.add(request.replica.brokerId, released);
  });
}

function waitersOf(request: FetchRequest, partition: Partition): Waiters {
  return request.replica ? partition.appends : partition.watermarks;
}

/** Partitions in request order; the first that has something gives at least one whole batch, whatever the limits (KIP-74). */
function readAll(
  broker: BrokerState,
  context: RequestContext,
  request: FetchRequest,
  sentAfter: number | null,
): FetchPartitionResponse[] | Promise<FetchPartitionResponse[]> {
  const responses = new Array<FetchPartitionResponse>(request.partitions.length);
  let budget = Math.min(
    request.maxBytes,
    broker.fetchMaxBytes,
    request.replica ? Number.POSITIVE_INFINITY : broker.queued.nextAnswerBytes(),
  );
  let isFirst = budget > 0;
  const step = (from: number): FetchPartitionResponse[] | Promise<FetchPartitionResponse[]> => {
    for (let i = from; i < request.partitions.length; i++) {
      const answer = readOne(broker, context, request, request.partitions[i]!, budget, isFirst, sentAfter);
      if (answer instanceof Promise) {
        return answer.then((response) => {
          take(i, response);
          return step(i + 1);
        });
      }
      take(i, answer);
    }
    return responses;
  };
  const take = (index: number, response: FetchPartitionResponse): void => {
    responses[index] = response;
    for (const records of response.records) {
      budget -= records.length;
      isFirst = false;
    }
  };
  return step(0);
}

function readOne(
  broker: BrokerState,
  context: RequestContext,
  request: FetchRequest,
  asked: FetchPartition,
  budget: number,
  isFirst: boolean,
  sentAfter: number | null,
): FetchPartitionResponse | Promise<FetchPartitionResponse> {
  const partition = broker.locate(asked);
  const error = accessError(broker, context, request, asked, partition);
  if (error) return refused(broker, asked, partition, error);
  const { log } = partition!;
  if (request.replica) {
    const diverging = divergingEpoch(log, asked.fetchOffset, asked.lastFetchedEpoch);
    if (diverging) return { ...answered(partition!, []), divergingEpoch: diverging };
  } else if (asked.lastFetchedEpoch >= 0) {
    const diverging = divergingEpoch(log, asked.fetchOffset, asked.lastFetchedEpoch);
    if (diverging) return { ...answered(partition!, []), divergingEpoch: diverging };
  }
  if (asked.fetchOffset < log.logStartOffset || asked.fetchOffset > log.logEndOffset) {
    // A follower that lags behind cannot say that an offset is beyond the partition's end (KIP-392).
    const isLagging = asked.fetchOffset > log.logEndOffset && partition!.role.kind === 'follower';
    return refused(broker, asked, partition, isLagging ? 'OFFSET_NOT_AVAILABLE' : 'OFFSET_OUT_OF_RANGE');
  }
  if (request.replica) notePosition(partition!, request.replica, asked, sentAfter);
  const end = request.replica ? log.logEndOffset : partition!.highWatermark;
  if (request.maxBytes === 0 || asked.fetchOffset >= end || (budget <= 0 && !isFirst)) return answered(partition!, []);
  const records = log.read(asked.fetchOffset, end, Math.min(asked.maxBytes, Math.max(0, budget)), isFirst);
  if (!(records instanceof Promise)) return answered(partition!, records);
  const isRead = broker.queued.noteReading(Math.min(asked.maxBytes, Math.max(0, budget)));
  return records.finally(isRead).then(
    (read) => {
      // Files went while it was read. A follower takes an empty answer for the end of the log, so it has to ask again.
      if (read.length === 0 && isFirst && request.replica) return refused(broker, asked, partition, 'OFFSET_NOT_AVAILABLE');
      return answered(partition!, read);
    },
    (failure) => {
      broker.logger.error('read failed', {
        topic: partition!.topic,
        partition: partition!.index,
        reason: String(failure?.message ?? failure),
      });
      return refused(broker, asked, partition, 'KAFKA_STORAGE_ERROR');
    },
  );
}

function accessError(
  broker: BrokerState,
  context: RequestContext,
  request: FetchRequest,
  asked: FetchPartition,
  partition: Partition | null,
): KafkaErrorName | null {
  if (request.replica) {
    if (context.listener !== 'replication') return 'CLUSTER_AUTHORIZATION_FAILED';
    if (!broker.authorizer.isAllowed(context, 'CLUSTER_ACTION', { type: 'CLUSTER', name: 'cluster' }))
      return 'CLUSTER_AUTHORIZATION_FAILED';
  } else {
    const topic = partition?.topic ?? asked.topic;
    if (topic !== null && !broker.authorizer.isAllowed(context, 'READ', { type: 'TOPIC', name: topic }))
      return 'TOPIC_AUTHORIZATION_FAILED';
  }
  if (!partition) {
    if (asked.topicId !== null && !broker.image.topicsById.has(asked.topicId)) return 'UNKNOWN_TOPIC_ID';
    const topic = asked.topicId !== null ? broker.image.topicsById.get(asked.topicId)!.name : asked.topic!;
    return broker.missingPartitionError(topic, asked.partition);
  }
  const role = partition.role;
  if (role.kind === 'failed') return 'KAFKA_STORAGE_ERROR';
  if (role.kind === 'idle') return 'NOT_LEADER_OR_FOLLOWER';
  if (request.replica && role.kind !== 'leader') return 'NOT_LEADER_OR_FOLLOWER';
  if (role.kind === 'follower' && !partition.isInSync) return 'NOT_LEADER_OR_FOLLOWER';
  const epoch = role.kind === 'leader' ? role.state.leaderEpoch : role.leaderEpoch;
  if (request.replica ? asked.currentLeaderEpoch !== epoch : asked.currentLeaderEpoch >= 0) {
    if (asked.currentLeaderEpoch < epoch) return 'FENCED_LEADER_EPOCH';
    if (asked.currentLeaderEpoch > epoch) return 'UNKNOWN_LEADER_EPOCH';
  }
  return null;
}

function notePosition(
  partition: Partition,
  replica: NonNullable<FetchRequest['replica']>,
  asked: FetchPartition,
  sentAfter: number | null,
): void {
  const state = partition.leader;
  if (!state?.record.replicas.includes(replica.brokerId)) return;
  // Under `interval` a follower's log end is what it holds; under `commit` only what it says it synced (R2).
  const reported = asked.flushedEndOffset ?? -1;
  partition.followerFetched(
    state,
    replica.brokerId,
    replica.brokerEpoch,
    asked.fetchOffset,
    Math.min(reported, asked.fetchOffset),
    sentAfter,
  );
}

function answered(partition: Partition, records: readonly Buffer[]): FetchPartitionResponse {
  return {
    topic: partition.topic,
    topicId: partition.topicId,
    partition: partition.index,
    error: 'NONE',
    highWatermark: partition.highWatermark,
    lastStableOffset: partition.lastStableOffset,
    logStartOffset: partition.log.logStartOffset,
    records,
  };
}

function refused(broker: BrokerState, asked: FetchPartition, partition: Partition | null, error: KafkaErrorName): FetchPartitionResponse {
  const topicId = asked.topicId ?? partition?.topicId ?? '';
  const topic = partition?.topic ?? asked.topic ?? broker.image.topicsById.get(topicId)?.name ?? '';
  const hasHint = error === 'NOT_LEADER_OR_FOLLOWER' || error === 'FENCED_LEADER_EPOCH';
  return {
    topic,
    topicId,
    partition: asked.partition,
    error,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: error === 'OFFSET_OUT_OF_RANGE' && partition ? partition.log.logStartOffset : -1,
    ...(hasHint ? broker.currentLeader(topic, asked.partition) : {}),
    records: [],
  };
}
