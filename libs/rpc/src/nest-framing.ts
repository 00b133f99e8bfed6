/**
 * The server end of one connection to the Nest door, without a socket: bytes in, Nest packets out; Nest replies in, chunks
 * out. The first byte of the connection decides between our binary frames and the stock JSON of `ClientProxy`.
 *
 * Use: `for (const packet of framing.feed(chunk)) emit('message', packet)`; on each reply write `framing.encodeReply(reply)`,
 * then emit `framing.feed()`, which hands out what had waited for a place in flight. Stop reading from the peer while
 * `isFull`. Any throw of `feed` means: close the connection.
 */

import { shownPattern, toRpcFailure, unknownPattern } from './failure.js';
import type { Frame } from './frame.js';
import { decodeFrame, encodeFrame, FRAME_HEADER_BYTES, FRAME_MAGIC, FrameKind, jsonEnd, parseJson } from './frame.js';
import { FrameSplitter } from './frame-splitter.js';
import { encodeJsonFrame, isJsonFrameStart, JsonFrameSplitter } from './json-frame-splitter.js';
import { checkJsonValues } from './json-values.js';
import type { RpcLimits } from './limits.js';
import { DEFAULT_RPC_LIMITS, malformedFrame, rpcLimits } from './limits.js';
import type { PatternKey } from './patterns.js';
import { PATTERNS, patternKeyOf } from './patterns.js';
import { PlacesInFlight } from './places-in-flight.js';
import { fromJsonMessage, toJsonMessage } from './record-fields.js';

/** Nest's packet. `pattern` is PATTERNS[…].code for every message that we know, whichever way the peer named it. */
export interface NestPacket {
  readonly pattern: string | number;
  /** Undefined: an event, which is never answered (JSON peers only). */
  readonly id: string | number | undefined;
  readonly data: unknown;
}

/** What ServerTCP gives to `socket.sendMessage`. */
export interface NestReply {
  readonly id?: string | number;
  readonly response?: unknown;
  readonly err?: unknown;
  readonly status?: string;
  readonly isDisposed?: boolean;
}

interface OpenRequest {
  readonly pattern: string | number;
  /** Of its frame, and what a fetch asked for. */
  readonly bytes: number;
}

/** The text with which Nest answers a pattern that has no handler. */
const NO_MESSAGE_HANDLER = 'There is no matching message handler defined in the remote service.';

export class NestFraming {
  private readonly limits: RpcLimits;
  private splitter: FrameSplitter | JsonFrameSplitter | null = null;
  /** Requests without an answer. */
  private readonly open = new Map<string | number, OpenRequest>();
  private readonly places: PlacesInFlight;
  private inFlightBytes = 0;
  /** Set by the owner while the peer leaves answers unread: nothing more is handed out, so that answers do not pile up. */
  isHeld = false;

  constructor(limits: Partial<RpcLimits> = {}) {
    this.limits = rpcLimits(limits);
    this.places = new PlacesInFlight(this.limits);
  }

  /** Null until the first byte came. */
  get isBinary(): boolean | null {
    return this.splitter === null ? null : this.splitter instanceof FrameSplitter;
  }

  get inFlight(): number {
    return this.open.size;
  }

  /** Too much is in flight, or the owner holds: pause reading until replies were encoded. */
  get isFull(): boolean {
    return this.isHeld || !this.places.hasRoom || this.inFlightBytes >= this.limits.maxInFlightBytes;
  }

  /** A frame has begun and is not complete, or frames wait for a place in flight. */
  get bufferedBytes(): number {
    return this.splitter?.bufferedBytes ?? 0;
  }

  /** Whole messages, at most as many as fit in flight. Throws MALFORMED_FRAME or TOO_LARGE; the connection is then to be closed. */
  feed(chunk?: Buffer): NestPacket[] {
    if (chunk !== undefined && chunk.length > 0) {
      this.splitter ??= this.splitterFor(chunk[0]!);
      this.splitter.push(chunk);
    }
    const packets: NestPacket[] = [];
    while (!this.isFull) {
      const bufferedBytes = this.bufferedBytes;
      const packet = this.nextPacket();
      if (packet === null) break;
      if (packet.id !== undefined) this.begin(packet.id, packet, bufferedBytes - this.bufferedBytes);
      packets.push(packet);
    }
    return packets;
  }

  /** Nothing for a reply to a request that was answered before. A reply that is too large becomes a TOO_LARGE failure. */
  encodeReply(reply: NestReply): Uint8Array[] {
    if (reply.id === undefined) return [];
    const pattern = this.open.get(reply.id)?.pattern;
    if (pattern === undefined) return [];
    if (this.splitter instanceof JsonFrameSplitter) return this.encodeJsonReply(reply, pattern);
    this.end(reply.id);
    const frame = { pattern: pattern as number, id: reply.id as number };
    if (reply.err === undefined) {
      try {
        return encodeFrame({ ...frame, kind: FrameKind.response, body: reply.response ?? null }, this.limits);
      } catch (error) {
        return encodeFrame({ ...frame, kind: FrameKind.failure, body: toRpcFailure(error) }, this.limits);
      }
    }
    const failure = reply.err === NO_MESSAGE_HANDLER ? unknownPattern(pattern) : toRpcFailure(reply.err);
    return encodeFrame({ ...frame, kind: FrameKind.failure, body: failure }, this.limits);
  }

  private begin(id: string | number, { pattern, data }: NestPacket, frameBytes: number): void {
    if (this.open.has(id)) throw malformedFrame(`request id ${shownPattern(id)} is already in flight on this connection`);
    const bytes = frameBytes + Math.min(answerBytesAsked(pattern, data), this.limits.maxInFlightBytes);
    this.open.set(id, { pattern, bytes });
    this.places.take(pattern);
    this.inFlightBytes += bytes;
  }

  private end(id: string | number): void {
    const request = this.open.get(id);
    if (request === undefined) return;
    this.open.delete(id);
    this.places.giveBack(request.pattern);
    this.inFlightBytes -= request.bytes;
  }

  private splitterFor(firstByte: number): FrameSplitter | JsonFrameSplitter {
    if (firstByte === FRAME_MAGIC) return new FrameSplitter(this.limits);
    // Whoever may send more than the default (brokers, to the coordinator) speaks binary.
    const maxJsonBytes = Math.min(this.limits.maxJsonBytes, this.limits.maxFrameBytes, DEFAULT_RPC_LIMITS.maxJsonBytes);
    if (isJsonFrameStart(firstByte))
      return new JsonFrameSplitter({ maxJsonBytes, maxJsonValues: Math.min(this.limits.maxJsonValues, DEFAULT_RPC_LIMITS.maxJsonValues) });
    const byte = firstByte.toString(16).padStart(2, '0');
    throw malformedFrame(
      `a connection that begins with byte 0x${byte} is neither a YaK client nor a Nest ClientProxy; is this the wrong port?`,
    );
  }

  private nextPacket(): NestPacket | null {
    if (this.splitter instanceof FrameSplitter) {
      const bytes = this.splitter.next();
      if (bytes === null) return null;
      checkJsonValues(bytes, FRAME_HEADER_BYTES, jsonEnd(bytes), this.limits);
      return requestPacket(decodeFrame(bytes));
    }
    const json = this.splitter?.next() ?? null;
    return json === null ? null : jsonPacket(parseJson(json));
  }

  private encodeJsonReply(reply: NestReply, pattern: string | number): Uint8Array[] {
    const isLast = reply.isDisposed === true || reply.err !== undefined;
    if (isLast) this.end(reply.id!);
    const key = patternKeyOf(pattern);
    try {
      const response = key === null || reply.response === undefined ? reply.response : toJsonMessage(key, 'response', reply.response);
      return [encodeJsonFrame({ ...reply, response }, this.limits)];
    } catch (error) {
      this.end(reply.id!);
      return [encodeJsonFrame({ id: reply.id, err: toRpcFailure(error), isDisposed: true }, this.limits)];
    }
  }
}

/** What the answer may grow to, where it is the asker who says so. */
function answerBytesAsked(pattern: string | number, data: unknown): number {
  if (pattern !== PATTERNS.fetch.code) return 0;
  const maxBytes = (data as { maxBytes?: unknown } | null | undefined)?.maxBytes;
  return typeof maxBytes === 'number' && maxBytes > 0 ? maxBytes : 0;
}

function requestPacket(frame: Frame): NestPacket {
  if (frame.kind !== FrameKind.request) throw malformedFrame(`a client sent kind ${frame.kind}; only requests (1) are expected here`);
  return { pattern: frame.pattern, id: frame.id, data: frame.body };
}

function jsonPacket(message: unknown): NestPacket {
  const { pattern, id, data } = (message ?? {}) as { pattern?: unknown; id?: unknown; data?: unknown };
  if (typeof id !== 'string' && typeof id !== 'number' && id !== undefined) throw malformedFrame('id is neither a string nor a number');
  if (pattern === undefined) throw malformedFrame('the message has no pattern');
  const text = typeof pattern === 'string' || typeof pattern === 'number' ? pattern : JSON.stringify(pattern);
  const key = patternKeyOf(text);
  if (key === null) return { pattern: text, id, data };
  return { pattern: PATTERNS[key].code, id, data: fromJsonMessage(key as PatternKey, 'request', data) };
}
