/**
 * Checks of the two messages that carry records, by hand because they are the hot path: one pass over the partitions, no
 * allocation unless something is wrong. What is inside a batch (CRC, size, offsets) the broker core judges per partition.
 */
import { topicNameProblem } from '#kernel';
import { type FetchRequest, type ProduceRequest, RpcFailureError } from '#rpc';

/** Partitions in one produce or fetch request. */
const PARTITIONS_MAX = 10_000;

export function checkProduce(request: ProduceRequest): void {
  checkObject(request);
  if (request.acks !== -1 && request.acks !== 0 && request.acks !== 1) {
    throw invalidField('acks', 'must be -1 (all in-sync replicas), 0 or 1');
  }
  checkInteger('timeoutMs', request.timeoutMs, 0);
  checkClientId(request.clientId);
  checkPartitions(request.partitions);
  for (let i = 0; i < request.partitions.length; i++) {
    const { topic, partition, records } = request.partitions[i]!;
    checkPartition(i, topic, partition);
    if (!Buffer.isBuffer(records) || records.length === 0) {
      throw invalidField(`partitions.${i}.records`, 'must be the bytes of exactly one record batch');
    }
  }
}

export function checkFetch(request: FetchRequest): void {
  checkObject(request);
  checkInteger('maxWaitMs', request.maxWaitMs, 0);
  checkInteger('minBytes', request.minBytes, 0);
  checkInteger('maxBytes', request.maxBytes, 0);
  checkClientId(request.clientId);
  checkPartitions(request.partitions);
  for (let i = 0; i < request.partitions.length; i++) {
    const wanted = request.partitions[i]!;
    checkPartition(i, wanted.topic, wanted.partition);
    checkInteger(`partitions.${i}.fetchOffset`, wanted.fetchOffset, 0);
    checkInteger(`partitions.${i}.maxBytes`, wanted.maxBytes, 0);
    if (wanted.currentLeaderEpoch !== undefined) checkInteger(`partitions.${i}.currentLeaderEpoch`, wanted.currentLeaderEpoch, -1);
    if (wanted.lastFetchedEpoch !== undefined) checkInteger(`partitions.${i}.lastFetchedEpoch`, wanted.lastFetchedEpoch, -1);
  }
}

/** Earliest and latest are known without a look-up. */
const LATEST = -1;
const EARLIEST = -2;

/** A look-up by time reads from disk, so a request may ask for one of each partition: there are only so many. */
export function checkLookUps(
  partitions: readonly { readonly topic: string; readonly partition: number; readonly timestamp: number }[],
): void {
  const seen = new Set<string>();
  partitions.forEach(({ topic, partition, timestamp }, i) => {
    if (timestamp === LATEST || timestamp === EARLIEST) return;
    const key = `${topic}-${partition}`;
    if (seen.has(key))
      throw invalidField(`partitions.${i}`, `asks for ${topic} partition ${partition} by time again; send another request`);
    seen.add(key);
  });
}

export function checkObject(request: unknown): void {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) throw invalidField('request', 'must be an object');
}

export function checkPartitions(partitions: unknown): asserts partitions is readonly unknown[] {
  if (!Array.isArray(partitions)) throw invalidField('partitions', 'must be an array of {topic, partition, …}');
  if (partitions.length > PARTITIONS_MAX) throw invalidField('partitions', `must not have more than ${PARTITIONS_MAX} entries`);
  const wrong = partitions.findIndex((entry) => typeof entry !== 'object' || entry === null);
  if (wrong >= 0) throw invalidField(`partitions.${wrong}`, 'must be an object with topic and partition');
}

function checkPartition(index: number, topic: unknown, partition: unknown): void {
  if (typeof topic !== 'string') throw invalidField(`partitions.${index}.topic`, 'must be a topic name');
  const problem = topicNameProblem(topic);
  if (problem) throw invalidField(`partitions.${index}.topic`, `is not a legal name: ${problem}`);
  if (!Number.isSafeInteger(partition) || (partition as number) < 0) {
    throw invalidField(`partitions.${index}.partition`, 'must be an integer of at least 0');
  }
}

function checkClientId(clientId: unknown): void {
  if (clientId === undefined) return;
  if (typeof clientId !== 'string' || clientId.length > 250) {
    throw invalidField('clientId', 'must be text of at most 250 characters');
  }
}

function checkInteger(field: string, value: unknown, min: number): void {
  if (!Number.isSafeInteger(value) || (value as number) < min) throw invalidField(field, `must be an integer of at least ${min}`);
}

export function invalidField(field: string, reason: string): RpcFailureError {
  return new RpcFailureError('INVALID', `the request is not valid: ${field} ${reason}`, [{ field, reason }]);
}
