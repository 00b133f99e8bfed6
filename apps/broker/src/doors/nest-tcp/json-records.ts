/**
 * Records for a stock Nest `ClientProxy`, which speaks JSON: it may send `records: [{key, value, headers}]` instead of a
 * base64 batch, and it gets `records: [{offset, timestamp, key, value, headers}]` back. Keys and values are UTF-8 text, or
 * base64 with `encoding: 'base64'`; `encoding: 'batch'` asks for whole batches. For people and small services: our own
 * clients never come through here.
 */
import type { Record as StoredRecord } from '#record';
import type { FetchRequest, ProduceRequest, RpcReply } from '#rpc';
import { checkObject, checkPartitions, invalidField } from './record-frame-checks.js';

export const JSON_RECORDS = Symbol('JSON_RECORDS');

export interface JsonRecord {
  readonly key?: string | null;
  readonly value: string | null;
  readonly headers?: Readonly<Record<string, string | null>>;
  /** Milliseconds since 1970; default: now. */
  readonly timestamp?: number;
}

type Encoding = 'utf8' | 'base64' | 'batch';
export type JsonFetchRequest = FetchRequest & { readonly encoding: Encoding };
/** `records`: a list of readable records, or whole batches for encoding 'batch'. */
export interface JsonFetchResponse {
  readonly partitions: readonly (Omit<RpcReply<'fetch'>['partitions'][number], 'records'> & { readonly records: unknown })[];
}

/** How a batch is built and read; #record's functions in a process. */
export interface BatchCodec {
  encode(records: readonly Omit<StoredRecord, 'offset'>[]): Buffer;
  /** Whole batches only, as a fetch answers them; one after another as they are asked for. Throws a YakError when one cannot be read. */
  decode(batches: Buffer): Iterable<readonly StoredRecord[]>;
}

const RECORDS_MAX = 10_000;
const TIMEOUT_MS_DEFAULT = 30_000;
const FETCH_WAIT_MS_DEFAULT = 500;
const FETCH_BYTES_DEFAULT = 1024 * 1024;
/** However much is asked for: JSON takes many times the bytes of the records in it. */
const FETCH_BYTES_MAX = 4 * 1024 * 1024;
/** What a record takes in an answer beside its bytes. */
const RECORD_OVERHEAD_BYTES = 64;

export class JsonRecords {
  constructor(
    private readonly codec: BatchCodec,
    private readonly nowMs: () => number,
  ) {}

  /** Fills in defaults (acks all) and builds a batch where records came as objects; what is wrong after that the frame check names. */
  produceRequest(json: unknown): ProduceRequest {
    checkObject(json);
    const request = json as Partial<ProduceRequest> & { encoding?: unknown };
    const encoding = encodingOf(request.encoding);
    checkPartitions(request.partitions);
    return {
      ...request,
      acks: request.acks ?? -1,
      timeoutMs: request.timeoutMs ?? TIMEOUT_MS_DEFAULT,
      partitions: request.partitions.map((partition, index) => {
        const { records } = partition as { records: unknown };
        return Array.isArray(records) ? { ...partition, records: this.batchOf(records, index, encoding) } : partition;
      }),
    };
  }

  fetchRequest(json: unknown): JsonFetchRequest {
    checkObject(json);
    const request = json as Partial<JsonFetchRequest>;
    checkPartitions(request.partitions);
    const asked = request.maxBytes ?? FETCH_BYTES_DEFAULT;
    const maxBytes = typeof asked === 'number' ? Math.min(asked, FETCH_BYTES_MAX) : asked;
    return {
      ...request,
      encoding: encodingOf(request.encoding),
      maxWaitMs: request.maxWaitMs ?? FETCH_WAIT_MS_DEFAULT,
      minBytes: request.minBytes ?? 1,
      maxBytes,
      partitions: request.partitions.map((partition) => ({ ...partition, maxBytes: partition.maxBytes ?? maxBytes })),
    };
  }

  /**
   * Records before the asked offset, which share a batch with it, are left out. Compressed batches may be far larger than they
   * came: no further batch is opened once the answer has what was asked for; the next fetch begins there.
   */
  fetchResponse(request: JsonFetchRequest, response: RpcReply<'fetch'>): JsonFetchResponse {
    if (request.encoding === 'batch') {
      return { partitions: response.partitions.map((partition) => ({ ...partition, records: joined(partition.records) })) };
    }
    const text = request.encoding === 'base64' ? 'base64' : 'utf8';
    let room = request.maxBytes;
    return {
      partitions: response.partitions.map((partition, index) => {
        const from = request.partitions[index]?.fetchOffset ?? 0;
        const shown: unknown[] = [];
        if (room > 0) {
          for (const batch of this.codec.decode(joined(partition.records))) {
            for (const record of batch) {
              if (record.offset < from) continue;
              shown.push(toJson(record, text));
              room -= RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
            }
            if (room <= 0) break;
          }
        }
        return { ...partition, records: shown };
      }),
    };
  }

  private batchOf(records: readonly unknown[], partition: number, encoding: Encoding): Buffer {
    const field = `partitions.${partition}.records`;
    if (records.length === 0 || records.length > RECORDS_MAX) throw invalidField(field, `must have 1 to ${RECORDS_MAX} records`);
    const text = encoding === 'base64' ? 'base64' : 'utf8';
    return this.codec.encode(records.map((record, index) => this.recordOf(record, `${field}.${index}`, text)));
  }

  private recordOf(json: unknown, field: string, text: 'utf8' | 'base64'): Omit<StoredRecord, 'offset'> {
    if (typeof json !== 'object' || json === null) throw invalidField(field, 'must be an object with a value');
    const { key, value, headers, timestamp } = json as { [name in keyof JsonRecord]?: unknown };
    if (timestamp !== undefined && !Number.isSafeInteger(timestamp))
      throw invalidField(`${field}.timestamp`, 'must be milliseconds since 1970');
    return {
      timestamp: (timestamp as number | undefined) ?? this.nowMs(),
      key: bytesOf(key ?? null, `${field}.key`, text),
      value: bytesOf(value, `${field}.value`, text),
      headers: headersOf(headers, `${field}.headers`, text),
    };
  }
}

function encodingOf(value: unknown): Encoding {
  if (value === undefined) return 'utf8';
  if (value === 'utf8' || value === 'base64' || value === 'batch') return value;
  throw invalidField('encoding', 'must be "utf8", "base64" or "batch"');
}

function bytesOf(value: unknown, field: string, text: 'utf8' | 'base64'): Buffer | null {
  if (value === null) return null;
  if (typeof value !== 'string') throw invalidField(field, 'must be text or null');
  return Buffer.from(value, text);
}

function headersOf(headers: unknown, field: string, text: 'utf8' | 'base64'): { key: string; value: Buffer | null }[] {
  if (headers === undefined || headers === null) return [];
  if (typeof headers !== 'object' || Array.isArray(headers)) throw invalidField(field, 'must be an object of text values');
  return Object.entries(headers).map(([key, value]) => ({ key, value: bytesOf(value, `${field}.${key}`, text) }));
}

/** A header name that occurs twice keeps its last value, as in any JSON object. */
function toJson(record: StoredRecord, text: 'utf8' | 'base64') {
  const shown = (bytes: Buffer | null) => (bytes === null ? null : bytes.toString(text));
  return {
    offset: record.offset,
    timestamp: record.timestamp,
    key: shown(record.key),
    value: shown(record.value),
    headers: Object.fromEntries(record.headers.map(({ key, value }) => [key, shown(value)])),
  };
}

function joined(records: Buffer | readonly Buffer[]): Buffer {
  return Buffer.isBuffer(records) ? records : Buffer.concat(records);
}
