/**
 * Produce: append to each partition, then answer as `acks` asks. One timer per request; nothing per record.
 * A negative or late answer never means "not stored" (G1).
 */
import { isInternalTopic, type KafkaErrorName, type RequestContext } from '#kernel';
import { recordBatch } from '#record';
import type { BrokerState } from './broker-state.js';
import type { ClientConnection, ProducedNote } from './clients/client-connection.js';
import type { Partition, ProduceOutcome } from './partition.js';
import type { ProducePartitionResponse, ProduceRequest, ProduceResponse } from './verbs.js';

export function produce(broker: BrokerState, context: RequestContext, request: ProduceRequest): Promise<ProduceResponse> {
  const responses = new Array<ProducePartitionResponse>(request.partitions.length);
  const unsettled = new Map<number, (error: KafkaErrorName) => void>();
  const client = broker.clients.of(context);
  return new Promise((resolve) => {
    let isSubmitted = false;
    const finishIfDone = (): void => {
      if (isSubmitted && unsettled.size === 0) resolve({ partitions: responses });
    };
    request.partitions.forEach((asked, index) => {
      const partition = broker.partition(asked.topic, asked.partition);
      const refusal = refusalBeforeAppend(broker, context, request, asked, partition);
      if (refusal) {
        responses[index] = refusal;
        return;
      }
      const outcome = partition!.append(asked.records!, request.acks === -1);
      if (outcome.kind === 'refused') {
        responses[index] = refused(broker, asked, outcome.error, outcome.message);
        return;
      }
      const note = client && noteSent(broker, client, partition!, asked.records!, outcome);
      const stored: ProducePartitionResponse = {
        topic: asked.topic,
        partition: asked.partition,
        error: 'NONE',
        baseOffset: outcome.baseOffset,
        logStartOffset: partition!.log.logStartOffset,
      };
      if (request.acks === 0) {
        responses[index] = stored;
        return;
      }
      const settle = (error: KafkaErrorName): void => {
        if (!unsettled.delete(index)) return;
        responses[index] = error === 'NONE' ? stored : refused(broker, asked, error);
        if (note && error === 'NONE' && outcome.lastOffset > note.lastAcknowledgedOffset) {
          note.lastAcknowledgedOffset = outcome.lastOffset;
          note.lastAcknowledgedAtMs = broker.clock.wallMs();
        }
        finishIfDone();
      };
      unsettled.set(index, settle);
      if (request.acks === -1) partition!.whenCommitted(outcome.lastOffset + 1, settle);
      else partition!.whenHeld(outcome.lastOffset + 1, settle);
    });
    isSubmitted = true;
    if (unsettled.size === 0) return finishIfDone();
    const timer = broker.scheduler.after(Math.max(0, request.timeoutMs), () => {
      for (const settle of [...unsettled.values()]) settle('REQUEST_TIMED_OUT');
    });
    const answer = resolve;
    resolve = (response) => {
      timer.cancel();
      answer(response);
    };
  });
}

type Asked = ProduceRequest['partitions'][number];

/** For the list of clients and for `yak where`. The header is read only: the batch belongs to the log by now. */
function noteSent(
  broker: BrokerState,
  client: ClientConnection,
  partition: Partition,
  records: Buffer,
  outcome: Extract<ProduceOutcome, { kind: 'stored' }>,
): ProducedNote {
  const note = client.sent(partition.topic, partition.index, recordBatch.producerId(records));
  if (!outcome.isDuplicate) {
    broker.clients.remember(partition.history, partition.highWatermark);
    partition.history.stored(outcome.baseOffset, outcome.lastOffset, partition.leaderEpoch, client.sender, client.lastRequestAtMs);
  }
  return note;
}

function refusalBeforeAppend(
  broker: BrokerState,
  context: RequestContext,
  request: ProduceRequest,
  asked: Asked,
  partition: Partition | null,
): ProducePartitionResponse | null {
  if (request.acks !== -1 && request.acks !== 0 && request.acks !== 1) return refused(broker, asked, 'INVALID_REQUIRED_ACKS');
  if (!broker.authorizer.isAllowed(context, 'WRITE', { type: 'TOPIC', name: asked.topic })) {
    return refused(broker, asked, 'TOPIC_AUTHORIZATION_FAILED');
  }
  if (isInternalTopic(asked.topic) && context.listener !== 'internal') return refused(broker, asked, 'INVALID_TOPIC_EXCEPTION');
  if (request.transactionalId !== null) return refused(broker, asked, 'INVALID_TXN_STATE', 'transactions are not served yet');
  if (!asked.records || asked.records.length === 0) return refused(broker, asked, 'INVALID_RECORD', 'no record batch');
  if (!partition) return refused(broker, asked, broker.missingPartitionError(asked.topic, asked.partition));
  if (request.acks === -1 && broker.isCutOffFromReplicas(partition)) {
    // What is stored already must not be told as refused before the append (R1).
    const error = partition.log.findDuplicate(asked.records) ? 'NOT_ENOUGH_REPLICAS_AFTER_APPEND' : 'NOT_ENOUGH_REPLICAS';
    return refused(broker, asked, error, 'this leader reaches neither the cluster coordinator nor an in-sync replica');
  }
  return null;
}

function refused(broker: BrokerState, asked: Asked, error: KafkaErrorName, message?: string): ProducePartitionResponse {
  return {
    topic: asked.topic,
    partition: asked.partition,
    error,
    ...(message === undefined ? {} : { message }),
    baseOffset: -1,
    logStartOffset: -1,
    ...(error === 'NOT_LEADER_OR_FOLLOWER' ? broker.currentLeader(asked.topic, asked.partition) : {}),
  };
}
