import type { Api } from './api.js';
import { Reader } from './primitives/reader.js';
import { Writer } from './primitives/writer.js';
import type { Encodable, Struct } from './schema/fields.js';
import { WireError } from './wire-error.js';

/**
 * Frames and headers.
 *
 *   frame            = size int32 (of what follows), header, body
 *   request header   = api_key int16, api_version int16, correlation_id int32, client_id nullable_string, [v2: tags]
 *   response header  = correlation_id int32, [v1: tags]
 *
 * `client_id` keeps its two-byte length in v2. A decoded frame starts after the size.
 */
export interface RequestStart {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
}

/** The fewest bytes of a request: the three fixed fields. */
export const REQUEST_BYTES_MIN = 8;
/** The fewest bytes of a response: its correlation id. */
export const RESPONSE_BYTES_MIN = 4;

/** What can be read of a request whose api or version is not known. */
export function peekRequest(frame: Buffer): RequestStart {
  if (frame.length < REQUEST_BYTES_MIN) throw new WireError(`a request of ${frame.length} bytes; at least ${REQUEST_BYTES_MIN} are needed`);
  return { apiKey: frame.readInt16BE(0), apiVersion: frame.readInt16BE(2), correlationId: frame.readInt32BE(4) };
}

/** Reads the rest of the header after peekRequest; the reader then stands at the body. */
export function readClientId(reader: Reader, headerVersion: 1 | 2): string | null {
  reader.position += REQUEST_BYTES_MIN;
  const length = reader.stringLength(false);
  const clientId = length === -1 ? null : reader.utf8(length);
  if (headerVersion === 2) reader.taggedFields(null);
  return clientId;
}

export function encodeRequest<Q extends Struct, R extends Struct>(
  api: Api<Q, R>,
  version: number,
  correlationId: number,
  clientId: string | null,
  body: Encodable<Q>,
): Buffer[] {
  const writer = new Writer();
  writer.int32(0);
  writer.int16(api.key);
  writer.int16(version);
  writer.int32(correlationId);
  writer.string(clientId, false);
  if (api.requestHeaderVersion(version) === 2) writer.uvarint(0);
  api.writeRequest(version, writer, body);
  return writer.finishFrame();
}

export function encodeResponse<Q extends Struct, R extends Struct>(
  api: Api<Q, R>,
  version: number,
  correlationId: number,
  body: Encodable<R>,
): Buffer[] {
  const writer = new Writer();
  writer.int32(0);
  writer.int32(correlationId);
  if (api.responseHeaderVersion(version) === 1) writer.uvarint(0);
  api.writeResponse(version, writer, body);
  return writer.finishFrame();
}

export function peekCorrelationId(frame: Buffer): number {
  if (frame.length < RESPONSE_BYTES_MIN) throw new WireError(`a response of ${frame.length} bytes has no correlation id`);
  return frame.readInt32BE(0);
}

/** A reader that stands at the body of a response. */
export function readResponseHeader(frame: Buffer, headerVersion: 0 | 1): Reader {
  const reader = new Reader(frame, RESPONSE_BYTES_MIN);
  if (headerVersion === 1) reader.taggedFields(null);
  return reader;
}
