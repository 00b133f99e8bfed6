/**
 * Fetch, for consumers and (on the replication listener only) for followers. Sessions are declined, which is legal: every
 * request is a full one and is answered with session id 0 (KIP-227).
 */
import type { FetchPartition, FetchPartitionResponse, FetchRequest } from '#broker-core';
import type { KafkaErrorName } from '#kernel';
import { errorCode, type FetchRequestBody, type FetchResponseValue, fetchApi, ZERO_UUID } from '#wire';
import { containsZstd } from '../batch-compression.js';
import type { Handler, HandlerEnvironment, KafkaRequest } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';
import { type NodeEndpoint, nodeEndpointsOf } from './node-endpoints.js';

type Request = KafkaRequest<FetchRequestBody>;
type TopicResponse = FetchResponseValue['responses'][number];
type PartitionResponse = TopicResponse['partitions'][number];

const FIRST_TOPIC_ID_VERSION = 13;
const FIRST_ZSTD_VERSION = 10;
/** (id, -1) ends a session, (id, 0) opens one: both ask for a full answer. Any other epoch is incremental. */
const FULL_FETCH_EPOCHS: ReadonlySet<number> = new Set([-1, 0]);

export const fetchHandler: Handler<typeof fetchApi> = {
  api: fetchApi,
  limitations: [
    'Fetch sessions are declined: session id 0 in every answer, FETCH_SESSION_ID_NOT_FOUND for an incremental fetch.',
    'The preferred read replica is always -1; rack and directory ids are read and not used.',
    'A replica id is accepted on the replication listener only.',
  ],

  isLongPoll: true,

  async handle(environment, request) {
    const { body, version } = request;
    if (!FULL_FETCH_EPOCHS.has(body.sessionEpoch)) return { errorCode: errorCode('FETCH_SESSION_ID_NOT_FOUND'), responses: [] };
    const replica = replicaOf(body, version);
    if (replica !== null && environment.listener !== 'replication') return failure(request, 'TOPIC_AUTHORIZATION_FAILED');
    if (body.isolationLevel !== 0 && body.isolationLevel !== 1) return failure(request, 'INVALID_REQUEST');
    const { partitions } = await environment.broker.fetch(request.context, toVerb(environment, request, replica));
    const nodeEndpoints = await nodeEndpointsOf(environment, request, fetchApi.key, partitions);
    return answer(request, partitions, nodeEndpoints);
  },

  failed: failure,

  replyBytesMax,
};

function replyBytesMax(body: FetchRequestBody): number {
  let bytes = 0;
  for (const { partitions } of body.topics) for (const { partitionMaxBytes } of partitions) bytes += Math.max(0, partitionMaxBytes);
  return Math.min(bytes, Math.max(0, body.maxBytes));
}

/** v15 moved the replica's id to a tag, beside its broker epoch (KIP-903). Ids below 0 are consumers (-2: a debugging one). */
function replicaOf(body: FetchRequestBody, version: number): FetchRequest['replica'] {
  const brokerId = version >= 15 ? (body.replicaState?.replicaId ?? -1) : body.replicaId;
  return brokerId < 0 ? null : { brokerId, brokerEpoch: body.replicaState?.replicaEpoch ?? -1 };
}

function toVerb(environment: HandlerEnvironment, { body, version }: Request, replica: FetchRequest['replica']): FetchRequest {
  const hasTopicIds = version >= FIRST_TOPIC_ID_VERSION;
  const partitions: FetchPartition[] = [];
  for (const topic of body.topics) {
    for (const asked of topic.partitions) {
      partitions.push({
        topic: hasTopicIds ? null : topic.topic,
        topicId: hasTopicIds ? topic.topicId : null,
        partition: asked.partition,
        fetchOffset: asked.fetchOffset,
        currentLeaderEpoch: asked.currentLeaderEpoch,
        lastFetchedEpoch: asked.lastFetchedEpoch,
        logStartOffset: replica === null ? -1 : asked.logStartOffset,
        maxBytes: Math.max(0, asked.partitionMaxBytes),
        flushedEndOffset: replica === null || asked.flushedEndOffset < 0 ? null : asked.flushedEndOffset,
      });
    }
  }
  return {
    replica,
    maxWaitMs: Math.min(Math.max(0, body.maxWaitMs), environment.limits.fetchWaitMsMax),
    minBytes: Math.max(0, body.minBytes),
    maxBytes: Math.max(0, body.maxBytes),
    isolation: body.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted',
    partitions,
  };
}

/** Topics and partitions in the order of the results; partitions of one topic together. */
function answer(request: Request, results: readonly FetchPartitionResponse[], nodeEndpoints: NodeEndpoint[]): FetchResponseValue {
  const topics = new Map<string, { topic: string; topicId: string; partitions: PartitionResponse[] }>();
  const hasTopicIds = request.version >= FIRST_TOPIC_ID_VERSION;
  for (const result of results) {
    const key = hasTopicIds ? result.topicId : result.topic;
    let topic = topics.get(key);
    if (!topic) topics.set(key, (topic = { topic: result.topic, topicId: result.topicId || ZERO_UUID, partitions: [] }));
    topic.partitions.push(partitionResponse(request, result));
  }
  return { responses: [...topics.values()], nodeEndpoints };
}

function partitionResponse({ version, body }: Request, result: FetchPartitionResponse): PartitionResponse {
  if (version < FIRST_ZSTD_VERSION && result.records.some(containsZstd)) {
    return emptyPartition(result.partition, wireErrorCode(fetchApi.key, version, 'UNSUPPORTED_COMPRESSION_TYPE'), body.isolationLevel);
  }
  const { currentLeader, divergingEpoch } = result;
  return {
    partitionIndex: result.partition,
    errorCode: wireErrorCode(fetchApi.key, version, result.error),
    highWatermark: result.highWatermark,
    lastStableOffset: result.lastStableOffset,
    logStartOffset: result.logStartOffset,
    divergingEpoch: divergingEpoch ? { epoch: divergingEpoch.leaderEpoch, endOffset: divergingEpoch.endOffset } : null,
    currentLeader: currentLeader ? { leaderId: currentLeader.leader, leaderEpoch: currentLeader.leaderEpoch } : null,
    abortedTransactions: abortedTransactions(body.isolationLevel),
    records: result.records,
  };
}

/** Zero length, never null: librdkafka gives up a whole answer for a null. */
const NO_RECORDS: readonly Buffer[] = [];

function emptyPartition(partitionIndex: number, code: number, isolationLevel: number): PartitionResponse {
  return {
    partitionIndex,
    errorCode: code,
    highWatermark: -1,
    abortedTransactions: abortedTransactions(isolationLevel),
    records: NO_RECORDS,
  };
}

/** A list, empty while there are no transactions, for read_committed; null means that it was not asked for. */
function abortedTransactions(isolationLevel: number): readonly never[] | null {
  return isolationLevel === 1 ? [] : null;
}

function failure({ version, body }: Request, error: KafkaErrorName): FetchResponseValue {
  const code = wireErrorCode(fetchApi.key, version, error);
  const responses = body.topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => emptyPartition(partition, code, body.isolationLevel)),
  }));
  return { responses };
}
