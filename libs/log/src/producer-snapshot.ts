/**
 * Producer state in a file, `<end offset>.snapshot`: Kafka's version 1 layout (last batch of each producer), followed under the
 * same CRC by a section of ours with the earlier batches, so that all five are still recognized after a restart.
 */
import { CorruptionError, type Offset, type WallMs } from '#kernel';
import { crc32c, recordBatch } from '#record';
import { type ProducerBatch, type ProducerEntry, ProducerState } from './producer-state.js';

const VERSION = 1;
const SECTION_VERSION = 0;
const HEADER_BYTES = 10;
const CRC_START = 6;
const ENTRY_BYTES = 46;
const BATCH_BYTES = 16;

export function encodeProducerSnapshot(state: ProducerState): Buffer {
  const entries = [...state.producers].sort(([a], [b]) => a - b);
  const earlierBatches = entries.reduce((sum, [, entry]) => sum + entry.batches.length - 1, 0);
  const bytes = Buffer.alloc(HEADER_BYTES + entries.length * (ENTRY_BYTES + 1) + 10 + earlierBatches * BATCH_BYTES);
  bytes.writeInt16BE(VERSION, 0);
  bytes.writeInt32BE(entries.length, CRC_START);
  let at = HEADER_BYTES;
  for (const [producerId, entry] of entries) {
    const last = entry.batches.at(-1)!;
    recordBatch.writeInt64(bytes, producerId, at);
    bytes.writeInt16BE(entry.producerEpoch, at + 8);
    writeBatch(bytes, last, at + 10);
    recordBatch.writeInt64(bytes, entry.lastSeenMs, at + 26);
    bytes.writeInt32BE(-1, at + 34);
    recordBatch.writeInt64(bytes, -1, at + 38);
    at += ENTRY_BYTES;
  }
  bytes.writeInt16BE(SECTION_VERSION, at);
  recordBatch.writeInt64(bytes, state.maxProducerId, at + 2);
  at += 10;
  for (const [, entry] of entries) {
    bytes.writeUInt8(entry.batches.length - 1, at++);
    for (const batch of entry.batches.slice(0, -1)) {
      writeBatch(bytes, batch, at);
      at += BATCH_BYTES;
    }
  }
  bytes.writeUInt32BE(crc32c(bytes.subarray(CRC_START)), 2);
  return bytes;
}

/** Throws CorruptionError on damage or an unknown version; a caller then rebuilds from the log. */
export function decodeProducerSnapshot(bytes: Buffer): ProducerState {
  if (bytes.length < HEADER_BYTES || bytes.readInt16BE(0) !== VERSION)
    throw new CorruptionError('producer snapshot has an unknown version');
  if (crc32c(bytes.subarray(CRC_START)) !== bytes.readUInt32BE(2)) throw new CorruptionError('producer snapshot does not match its CRC');
  try {
    return decodeChecked(bytes);
  } catch (error) {
    throw new CorruptionError('producer snapshot is shorter than it says', { cause: error });
  }
}

function decodeChecked(bytes: Buffer): ProducerState {
  const state = new ProducerState();
  const count = bytes.readInt32BE(CRC_START);
  const read: ProducerEntry[] = [];
  let at = HEADER_BYTES;
  for (let i = 0; i < count; i++, at += ENTRY_BYTES) {
    const producerId = recordBatch.readInt64(bytes, at);
    const lastSeenMs: WallMs = recordBatch.readInt64(bytes, at + 26);
    const entry: ProducerEntry = { producerEpoch: bytes.readInt16BE(at + 8), batches: [readBatch(bytes, at + 10)], lastSeenMs };
    state.producers.set(producerId, entry);
    state.maxProducerId = Math.max(state.maxProducerId, producerId);
    read.push(entry);
  }
  // Kafka's own snapshots end here.
  if (at === bytes.length) return state;
  if (bytes.readInt16BE(at) !== SECTION_VERSION) return state;
  state.maxProducerId = Math.max(state.maxProducerId, recordBatch.readInt64(bytes, at + 2));
  at += 10;
  for (const entry of read) {
    const earlier = bytes.readUInt8(at++);
    const batches: ProducerBatch[] = [];
    for (let i = 0; i < earlier; i++, at += BATCH_BYTES) batches.push(readBatch(bytes, at));
    entry.batches.unshift(...batches);
  }
  return state;
}

/** last sequence int32, last offset int64, offset delta int32: as Kafka has them. */
function writeBatch(bytes: Buffer, batch: ProducerBatch, at: number): void {
  bytes.writeInt32BE(batch.lastSequence, at);
  recordBatch.writeInt64(bytes, batch.lastOffset, at + 4);
  bytes.writeInt32BE(batch.lastOffset - batch.baseOffset, at + 12);
}

function readBatch(bytes: Buffer, at: number): ProducerBatch {
  const lastSequence = bytes.readInt32BE(at);
  const lastOffset: Offset = recordBatch.readInt64(bytes, at + 4);
  const delta = bytes.readInt32BE(at + 12);
  // Before 0 comes 2^31-1.
  const firstSequence = lastSequence >= delta ? lastSequence - delta : lastSequence - delta + 0x8000_0000;
  return { firstSequence, lastSequence, baseOffset: lastOffset - delta, lastOffset };
}
