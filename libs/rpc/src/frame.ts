/**
 * One binary frame of the Nest door (docs/formats/nest-frames.md), big endian:
 *
 *   u8 magic 'Y' | u8 version | u8 kind | u8 flags (0) | u16 pattern | u32 id | u32 jsonLength | u32 attachmentsLength
 *   | json (UTF-8) | attachments
 *
 * The magic can never begin a stock Nest frame (those begin with a digit). Record batches ride behind the JSON untouched;
 * in the JSON stands their length. Decoded batches are views of the frame, never copies.
 */
import type { RpcLimits } from './limits.js';
import { frameTooLarge, jsonTooLarge, malformedFrame } from './limits.js';
import { attachRecords, carriesRecords, detachRecords } from './record-fields.js';

export const FRAME_MAGIC = 0x59;
export const FRAME_VERSION = 1;
export const FRAME_HEADER_BYTES = 18;
/** Attachments up to this size are copied behind the JSON: one small write is cheaper than two. */
const INLINE_ATTACHMENT_BYTES = 2048;

export const FrameKind = { request: 1, response: 2, failure: 3 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface Frame {
  readonly kind: FrameKind;
  /** PATTERNS[…].code; a code that this build does not know is passed on. */
  readonly pattern: number;
  /** Chosen by the requester, repeated in the answer. 0 <= id < 2^32. */
  readonly id: number;
  readonly body: unknown;
}

/** What a reader of frames accepts. */
export type FrameLimits = Pick<RpcLimits, 'maxFrameBytes' | 'maxJsonBytes'>;

/** Chunks to be written in order; the first one holds header and JSON. Throws TOO_LARGE. */
export function encodeFrame(frame: Frame, limits: Pick<RpcLimits, 'maxFrameBytes'>): Uint8Array[] {
  const { body, attachments, attachmentsLength } = carriesRecords(frame.pattern, isRequest(frame.kind))
    ? detachRecords(frame.body)
    : { body: frame.body, attachments: [], attachmentsLength: 0 };
  const json = JSON.stringify(body) ?? 'null';
  const jsonLength = Buffer.byteLength(json);
  const frameLength = FRAME_HEADER_BYTES + jsonLength + attachmentsLength;
  if (frameLength > limits.maxFrameBytes) throw frameTooLarge(frameLength, limits);

  const isInline = attachmentsLength <= INLINE_ATTACHMENT_BYTES;
  const head = Buffer.allocUnsafe(isInline ? frameLength : FRAME_HEADER_BYTES + jsonLength);
  head[0] = FRAME_MAGIC;
  head[1] = FRAME_VERSION;
  head[2] = frame.kind;
  head[3] = 0;
  head.writeUInt16BE(frame.pattern, 4);
  head.writeUInt32BE(frame.id, 6);
  head.writeUInt32BE(jsonLength, 10);
  head.writeUInt32BE(attachmentsLength, 14);
  head.write(json, FRAME_HEADER_BYTES);
  if (!isInline) return [head, ...attachments];
  let position = FRAME_HEADER_BYTES + jsonLength;
  for (const attachment of attachments) {
    head.set(attachment, position);
    position += attachment.length;
  }
  return [head];
}

/**
 * Length of the frame whose header (FRAME_HEADER_BYTES at least) begins `bytes`. Checks everything in the header, so that a
 * bad one is refused before its body is buffered. Throws MALFORMED_FRAME, TOO_LARGE.
 */
export function frameLength(bytes: Buffer, limits: FrameLimits): number {
  if (bytes[0] !== FRAME_MAGIC) throw malformedFrame(`byte 0 is ${hex(bytes[0])}, expected ${hex(FRAME_MAGIC)} ('Y')`);
  if (bytes[1] !== FRAME_VERSION) throw malformedFrame(`version ${bytes[1]}; this build speaks version ${FRAME_VERSION}`);
  const kind = bytes[2]!;
  if (kind < FrameKind.request || kind > FrameKind.failure) throw malformedFrame(`kind ${kind} is none of 1, 2, 3`);
  if (bytes[3] !== 0) throw malformedFrame(`flags ${hex(bytes[3])} are set; this build knows none`);
  const jsonLength = bytes.readUInt32BE(10);
  const length = FRAME_HEADER_BYTES + jsonLength + bytes.readUInt32BE(14);
  if (length > limits.maxFrameBytes) throw frameTooLarge(length, limits);
  if (kind === FrameKind.request && jsonLength > limits.maxJsonBytes) throw jsonTooLarge(jsonLength, limits);
  return length;
}

/** Where the attachments of a whole frame begin. */
export function jsonEnd(bytes: Buffer): number {
  return FRAME_HEADER_BYTES + bytes.readUInt32BE(10);
}

/** Takes one whole frame whose header was checked by frameLength. Throws MALFORMED_FRAME. */
export function decodeFrame(bytes: Buffer): Frame {
  const kind = bytes[2] as FrameKind;
  const pattern = bytes.readUInt16BE(4);
  const end = jsonEnd(bytes);
  const body = parseJson(bytes.toString('utf8', FRAME_HEADER_BYTES, end));
  const attachments = bytes.subarray(end);
  if (carriesRecords(pattern, isRequest(kind)) && kind !== FrameKind.failure) attachRecords(body, attachments);
  else if (attachments.length > 0) throw malformedFrame(`${attachments.length} bytes of attachments in a message that has none`);
  return { kind, pattern, id: bytes.readUInt32BE(6), body };
}

export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw malformedFrame(`not JSON: ${(error as Error).message}`, error);
  }
}

function isRequest(kind: FrameKind): boolean {
  return kind === FrameKind.request;
}

function hex(byte: number | undefined): string {
  return `0x${(byte ?? 0).toString(16).padStart(2, '0')}`;
}
