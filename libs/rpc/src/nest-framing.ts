/**
 * The server end of one connection to the Nest door, without a socket: bytes in, Nest packets out; Nest replies in, chunks
 * out. The first byte of the connection decides between our binary frames and the stock JSON of `ClientProxy`.
 *
 * Use: `for (const packet of framing.feed(chunk)) emit('message', packet)`; on each reply write `framing.encodeReply(reply)`,
 * then emit `framing.feed()`, which hands out what had waited for a place in flight. Stop reading from the peer while
 * `isFull`. Any throw of `feed` means: close the connection.
 */

import { toRpcFailure, unknownPattern } from './failure.js';
import type { Frame } from './frame.js';
import { decodeFrame, encodeFrame, FRAME_MAGIC, FrameKind, parseJson } from './frame.js';
import { FrameSplitter } from './frame-splitter.js';
import { encodeJsonFrame, isJsonFrameStart, JsonFrameSplitter } from './json-frame-splitter.js';
import type { RpcLimits } from './limits.js';
import { malformedFrame, rpcLimits } from './limits.js';
import type { PatternKey } from './patterns.js';
import { PATTERNS, patternKeyOf } from './patterns.js';
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

/** The text with which Nest answers a pattern that has no handler. */
const NO_MESSAGE_HANDLER = 'There is no matching message handler defined in the remote service.';

export class NestFraming {
  private readonly limits: RpcLimits;
  private splitter: FrameSplitter | JsonFrameSplitter | null = null;
  /** Requests without an answer, with their pattern. */
  private readonly open = new Map<string | number, string | number>();

  constructor(limits: Partial<RpcLimits> = {}) {
    this.limits = rpcLimits(limits);
  }

  /** Null until the first byte came. */
  get isBinary(): boolean | null {
    return this.splitter === null ? null : this.splitter instanceof FrameSplitter;
  }

  get inFlight(): number {
    return this.open.size;
  }

  /** Too much is in flight: pause reading until replies were encoded. */
  get isFull(): boolean {
    return this.open.size >= this.limits.maxInFlight;
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
      const packet = this.nextPacket();
      if (packet === null) break;
      if (packet.id !== undefined) {
        if (this.open.has(packet.id)) throw malformedFrame(`request id ${packet.id} is already in flight on this connection`);
        this.open.set(packet.id, packet.pattern);
      }
      packets.push(packet);
    }
    return packets;
  }

  /** Nothing for a reply to a request that was answered before. A reply that is too large becomes a TOO_LARGE failure. */
  encodeReply(reply: NestReply): Uint8Array[] {
    if (reply.id === undefined) return [];
    const pattern = this.open.get(reply.id);
    if (pattern === undefined) return [];
    if (this.splitter instanceof JsonFrameSplitter) return this.encodeJsonReply(reply, pattern);
    this.open.delete(reply.id);
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

  private splitterFor(firstByte: number): FrameSplitter | JsonFrameSplitter {
    if (firstByte === FRAME_MAGIC) return new FrameSplitter(this.limits);
    if (isJsonFrameStart(firstByte)) return new JsonFrameSplitter(this.limits);
    const byte = firstByte.toString(16).padStart(2, '0');
    throw malformedFrame(
      `a connection that begins with byte 0x${byte} is neither a YaK client nor a Nest ClientProxy; is this the wrong port?`,
    );
  }

  private nextPacket(): NestPacket | null {
    if (this.splitter instanceof FrameSplitter) {
      const bytes = this.splitter.next();
      return bytes === null ? null : requestPacket(decodeFrame(bytes));
    }
    const json = this.splitter?.next() ?? null;
    return json === null ? null : jsonPacket(parseJson(json));
  }

  private encodeJsonReply(reply: NestReply, pattern: string | number): Uint8Array[] {
    const isLast = reply.isDisposed === true || reply.err !== undefined;
    if (isLast) this.open.delete(reply.id!);
    const key = patternKeyOf(pattern);
    try {
      const response = key === null || reply.response === undefined ? reply.response : toJsonMessage(key, 'response', reply.response);
      return [encodeJsonFrame({ ...reply, response }, this.limits)];
    } catch (error) {
      this.open.delete(reply.id!);
      return [encodeJsonFrame({ id: reply.id, err: toRpcFailure(error), isDisposed: true }, this.limits)];
    }
  }
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
