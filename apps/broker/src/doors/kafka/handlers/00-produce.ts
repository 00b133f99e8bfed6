/** Produce: flattens topics into partitions, one verb, and back in the same order. */
import type { ProducePartitionResponse, ProduceRequest } from '#broker-core';
import type { KafkaErrorName } from '#kernel';
import { type ProduceRequestBody, type ProduceResponseValue, produceApi } from '#wire';
import { containsZstd } from '../batch-compression.js';
import { ClosingReason, type Handler, type KafkaRequest, NO_ANSWER, type Outcome } from '../handler.js';
import { wireErrorCode } from '../kafka-error-mapper.js';
import { nodeEndpointsOf } from './node-endpoints.js';

type Request = KafkaRequest<ProduceRequestBody>;
type AskedPartition = ProduceRequest['partitions'][number];
const FIRST_ZSTD_VERSION = 7;

export const produceHandler: Handler<typeof produceApi> = {
  api: produceApi,
  limitations: [
    'Versions 0-2 are advertised (librdkafka before 2.11.1 turns compression off otherwise) and refused by closing the connection, as Kafka 4 does.',
    'Transactional ids are passed to the broker, which refuses them until transactions exist.',
  ],

  async handle(environment, request) {
    const { acks } = request.body;
    if (acks !== -1 && acks !== 0 && acks !== 1) return answer(request, failures(request, 'INVALID_REQUIRED_ACKS'), []);
    const asked = flatten(request.body);
    const refused = request.version < FIRST_ZSTD_VERSION ? refuseZstd(asked) : null;
    const { partitions } = await environment.broker.produce(request.context, {
      acks,
      timeoutMs: Math.min(Math.max(0, request.body.timeoutMs), environment.limits.produceTimeoutMsMax),
      transactionalId: request.body.transactionalId,
      partitions: refused === null ? asked : asked.filter((_, i) => refused[i] === null),
    });
    const results = refused === null ? partitions : merge(refused, partitions);
    if (acks === 0) return withoutAnswer(results);
    const nodeEndpoints = await nodeEndpointsOf(environment, request, produceApi.key, results);
    return answer(request, results, nodeEndpoints);
  },

  failed(request, error) {
    const results = failures(request, error);
    return request.body.acks === 0 ? withoutAnswer(results) : answer(request, results, []);
  },
};

function flatten(body: ProduceRequestBody): AskedPartition[] {
  const asked: AskedPartition[] = [];
  for (const { name, partitionData } of body.topicData) {
    for (const { index, records } of partitionData) asked.push({ topic: name, partition: index, records });
  }
  return asked;
}

/** With acks=0 the only way to tell a producer that something is wrong is to hang up. */
function withoutAnswer(results: readonly ProducePartitionResponse[]): Outcome<ProduceResponseValue> {
  const failure = results.find((result) => result.error !== 'NONE');
  return failure ? new ClosingReason(`acks=0 to ${failure.topic}-${failure.partition} failed: ${failure.error}`) : NO_ANSWER;
}

/** `results` in the order of the request's partitions. */
function answer(
  request: Request,
  results: readonly ProducePartitionResponse[],
  nodeEndpoints: NonNullable<ProduceResponseValue['nodeEndpoints']>,
): ProduceResponseValue {
  let next = 0;
  const responses = request.body.topicData.map(({ name, partitionData }) => ({
    name,
    partitionResponses: partitionData.map(() => partitionResponse(request.version, results[next++]!)),
  }));
  return { responses, nodeEndpoints };
}

function partitionResponse(version: number, result: ProducePartitionResponse) {
  return {
    index: result.partition,
    errorCode: wireErrorCode(produceApi.key, version, result.error),
    baseOffset: result.baseOffset,
    logStartOffset: result.logStartOffset,
    errorMessage: result.message ?? null,
    currentLeader: result.currentLeader ? { leaderId: result.currentLeader.leader, leaderEpoch: result.currentLeader.leaderEpoch } : null,
  };
}

function failures(request: Request, error: KafkaErrorName): ProducePartitionResponse[] {
  return flatten(request.body).map((asked) => failure(asked, error));
}

function failure({ topic, partition }: AskedPartition, error: KafkaErrorName): ProducePartitionResponse {
  return { topic, partition, error, baseOffset: -1, logStartOffset: -1 };
}

/** Null when nothing is to be refused; else an error where zstd was sent. */
function refuseZstd(asked: readonly AskedPartition[]): (ProducePartitionResponse | null)[] | null {
  const refused = asked.map((each) => (each.records && containsZstd(each.records) ? failure(each, 'UNSUPPORTED_COMPRESSION_TYPE') : null));
  return refused.some((each) => each !== null) ? refused : null;
}

function merge(
  refused: readonly (ProducePartitionResponse | null)[],
  accepted: readonly ProducePartitionResponse[],
): ProducePartitionResponse[] {
  let next = 0;
  return refused.map((each) => each ?? accepted[next++]!);
}
