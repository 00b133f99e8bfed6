/**
 * Which messages carry record batches, and how they leave and enter the JSON: `partitions[].records` of a produce request
 * and of a fetch response. In a binary frame the field holds the number of attached bytes, on a stock JSON connection it is
 * base64. What cannot be a batch is left as it came, for the validation of the door to name the field.
 */

import { malformedFrame } from './limits.js';
import type { PatternKey } from './patterns.js';
import { PATTERNS } from './patterns.js';

export type Direction = 'request' | 'response';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

interface PartitionWithRecords {
  records?: unknown;
}

export function carriesRecords(patternCode: number, isRequest: boolean): boolean {
  return patternCode === (isRequest ? PATTERNS.produce.code : PATTERNS.fetch.code);
}

/** A shallow copy of the message with lengths in place of batches. A batch may be given as a Buffer or a list of Buffers. */
export function detachRecords(message: unknown): { body: unknown; attachments: Uint8Array[]; attachmentsLength: number } {
  const attachments: Uint8Array[] = [];
  let attachmentsLength = 0;
  const body = mapPartitions(message, (partition) => {
    const chunks = chunksOf(partition.records);
    if (chunks === null) return partition;
    let length = 0;
    for (const chunk of chunks) {
      length += chunk.length;
      if (chunk.length > 0) attachments.push(chunk);
    }
    attachmentsLength += length;
    return { ...partition, records: length };
  });
  return { body, attachments, attachmentsLength };
}

/** Replaces the lengths in a message that was just parsed by views of `attachments`, which must be used up exactly. */
export function attachRecords(message: unknown, attachments: Buffer): void {
  let position = 0;
  for (const partition of partitionsOf(message)) {
    if (typeof partition?.records !== 'number') continue;
    const length = partition.records;
    if (!Number.isInteger(length) || length < 0 || position + length > attachments.length) {
      throw malformedFrame(`records of ${length} bytes at ${position} of ${attachments.length} bytes of attachments`);
    }
    partition.records = attachments.subarray(position, position + length);
    position += length;
  }
  if (position !== attachments.length) throw malformedFrame(`${attachments.length - position} bytes of attachments belong to no field`);
}

/** What a stock JSON peer sent, with Buffers where it has base64 (or Node's own `{"type":"Buffer","data":[…]}`). */
export function fromJsonMessage(pattern: PatternKey, direction: Direction, json: unknown): unknown {
  if (!carriesRecords(PATTERNS[pattern].code, direction === 'request')) return json;
  return mapPartitions(json, (partition) => ({ ...partition, records: bufferFromJson(partition.records) }));
}

/** The other way: base64 where the message has Buffers. */
export function toJsonMessage(pattern: PatternKey, direction: Direction, message: unknown): unknown {
  if (!carriesRecords(PATTERNS[pattern].code, direction === 'request')) return message;
  return mapPartitions(message, (partition) => {
    const chunks = chunksOf(partition.records);
    // An empty list stays one: a door that answers readable records has none.
    if (chunks === null || chunks.length === 0) return partition;
    const bytes = chunks.length === 1 ? Buffer.from(chunks[0]!.buffer, chunks[0]!.byteOffset, chunks[0]!.length) : Buffer.concat(chunks);
    return { ...partition, records: bytes.toString('base64') };
  });
}

function bufferFromJson(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.length % 4 === 0 && BASE64.test(value) ? Buffer.from(value, 'base64') : value;
  }
  const tagged = value as { type?: unknown; data?: unknown } | null | undefined;
  if (tagged?.type !== 'Buffer' || !Array.isArray(tagged.data)) return value;
  const areBytes = tagged.data.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);
  return areBytes ? Buffer.from(tagged.data as number[]) : value;
}

function chunksOf(records: unknown): readonly Uint8Array[] | null {
  if (records instanceof Uint8Array) return [records];
  return Array.isArray(records) && records.every((chunk) => chunk instanceof Uint8Array) ? records : null;
}

function partitionsOf(message: unknown): PartitionWithRecords[] {
  const partitions = (message as { partitions?: unknown } | null | undefined)?.partitions;
  return Array.isArray(partitions) ? (partitions as PartitionWithRecords[]) : [];
}

function mapPartitions(message: unknown, map: (partition: PartitionWithRecords) => unknown): unknown {
  const partitions = (message as { partitions?: unknown } | null | undefined)?.partitions;
  if (!Array.isArray(partitions)) return message;
  return { ...(message as object), partitions: partitions.map((partition) => (isObject(partition) ? map(partition) : partition)) };
}

function isObject(value: unknown): value is PartitionWithRecords {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
