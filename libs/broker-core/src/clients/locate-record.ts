/**
 * What this broker knows of one record: its replica, the batch on disk, who brought it and who has fetched it as far as that
 * is remembered, and which of the groups that it coordinates are past it. Whoever asks puts the answers of all brokers
 * together. Reads one batch; changes nothing.
 */
import type { GroupReader } from '#groups';
import { type Offset, type RequestContext, YakError } from '#kernel';
import { decodeRecords, recordBatch } from '#record';
import type { LocateRecordRequest, LocateRecordResponse } from '#rpc';
import type { BrokerState } from '../broker-state.js';
import type { Partition } from '../partition.js';

export type LocateState = Pick<BrokerState, 'brokerId' | 'clients' | 'image' | 'authorizer' | 'partition' | 'logger'>;
/** Groups coordinated here that committed for the partition or have it assigned. */
export type GroupReaders = (topic: string, partition: number) => readonly GroupReader[];

type Batch = NonNullable<LocateRecordResponse['batch']>;

/** A topic or partition that metadata does not know is an `error`; a record that is not here is not. Never rejects for a bad log. */
export async function locateRecord(
  broker: LocateState,
  context: RequestContext,
  request: LocateRecordRequest,
  groupReaders: GroupReaders,
): Promise<LocateRecordResponse> {
  const { topic, partition: index, offset } = request;
  const refused = { brokerId: broker.brokerId, replica: null, batch: null, producer: null, fetchedBy: [], groups: [] };
  if (!broker.authorizer.isAllowed(context, 'DESCRIBE', { type: 'TOPIC', name: topic })) {
    return { error: 'TOPIC_AUTHORIZATION_FAILED', ...refused };
  }
  const known = broker.image.topicsByName.get(topic);
  if (!known || !broker.image.partition(known.topicId, index)) {
    const message = known ? `topic ${topic} has no partition ${index}` : `there is no topic ${topic}`;
    return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message, ...refused };
  }
  const groups = groupReaders(topic, index);
  const partition = broker.partition(topic, index);
  if (!partition) return { error: 'NONE', ...refused, groups };
  const batch = await readBatch(broker, partition, offset);
  const sender = batch && partition.history.senderOf(offset, batch.leaderEpoch);
  const software = sender?.sender.software;
  return {
    error: 'NONE',
    brokerId: broker.brokerId,
    replica: replicaView(partition, offset),
    batch,
    producer: sender && {
      clientId: sender.sender.clientId,
      address: sender.sender.address,
      software: software ? `${software.name} ${software.version}` : null,
      atMs: sender.atMs,
    },
    fetchedBy: broker.clients.readersBeyond(topic, index, offset),
    groups,
  };
}

function replicaView(partition: Partition, offset: Offset): LocateRecordResponse['replica'] {
  const { log, highWatermark } = partition;
  return {
    role: partition.role.kind,
    isInSync: partition.isInSync,
    leaderEpoch: partition.leaderEpoch,
    logStartOffset: log.logStartOffset,
    flushedEndOffset: log.flushedEndOffset,
    logEndOffset: log.logEndOffset,
    highWatermark,
    committedAtMs: highWatermark > offset ? partition.history.committedAtMs(offset) : null,
  };
}

/** Null: the log has no such record. */
async function readBatch(broker: LocateState, partition: Partition, offset: Offset): Promise<Batch | null> {
  const { log } = partition;
  if (partition.role.kind === 'failed' || log.failure || offset < log.logStartOffset || offset >= log.logEndOffset) return null;
  try {
    const [bytes] = await log.read(offset, log.logEndOffset, 1, true);
    return bytes ? batchAt(bytes, offset) : null;
  } catch (error) {
    // Retention took the file meanwhile, or the disk failed: the log judges that, this is a question only.
    if (!(error instanceof YakError)) throw error;
    const fields = { topic: partition.topic, partition: partition.index, offset, reason: error.message };
    broker.logger.warn('a record could not be looked at', fields);
    return null;
  }
}

/** `bytes` may hold several batches; the log answers the next one when compaction removed the one that was asked for. */
function batchAt(bytes: Buffer, offset: Offset): Batch | null {
  for (let at = 0; at + recordBatch.HEADER_BYTES <= bytes.length; at += recordBatch.sizeInBytes(bytes, at)) {
    if (recordBatch.headerProblem(bytes, at, bytes.length - at) !== null) return null;
    if (recordBatch.baseOffset(bytes, at) > offset) return null;
    if (recordBatch.lastOffset(bytes, at) < offset) continue;
    const batch = bytes.subarray(at, at + recordBatch.sizeInBytes(bytes, at));
    const timestamp = timestampOf(batch, offset);
    return timestamp === null ? null : view(batch, timestamp);
  }
  return null;
}

/** Of the record; of the batch when its records cannot be read here (a codec that is not built in). Null: compacted away. */
function timestampOf(batch: Buffer, offset: Offset): number | null {
  if (recordBatch.isControl(batch)) return recordBatch.maxTimestamp(batch);
  try {
    return decodeRecords(batch).find((record) => record.offset === offset)?.timestamp ?? null;
  } catch (error) {
    if (!(error instanceof YakError)) throw error;
    return recordBatch.maxTimestamp(batch);
  }
}

function view(batch: Buffer, timestamp: number): Batch {
  return {
    baseOffset: recordBatch.baseOffset(batch),
    lastOffset: recordBatch.lastOffset(batch),
    leaderEpoch: recordBatch.leaderEpoch(batch),
    timestamp,
    producerId: recordBatch.producerId(batch),
    producerEpoch: recordBatch.producerEpoch(batch),
    baseSequence: recordBatch.baseSequence(batch),
    sizeBytes: batch.length,
  };
}
