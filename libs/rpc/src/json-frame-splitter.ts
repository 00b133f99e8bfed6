/**
 * The framing of Nest's stock JSON socket: `<n>#<json>`, where n counts UTF-16 code units of the JSON text, not bytes.
 * Hands out the JSON text of whole messages; code units are counted as bytes arrive, so no message is decoded twice.
 */
import { checkJsonValues } from './json-values.js';
import type { RpcLimits } from './limits.js';
import { frameTooLarge, jsonTooLarge, malformedFrame } from './limits.js';

const HASH = 0x23;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const MAX_LENGTH_DIGITS = 10;

export function isJsonFrameStart(byte: number): boolean {
  return byte >= DIGIT_0 && byte <= DIGIT_9;
}

export function encodeJsonFrame(message: unknown, limits: Pick<RpcLimits, 'maxFrameBytes'>): Buffer {
  const json = JSON.stringify(message);
  const frame = Buffer.from(`${json.length}#${json}`);
  if (frame.length > limits.maxFrameBytes) throw frameTooLarge(frame.length, limits);
  return frame;
}

export class JsonFrameSplitter {
  private buffer: Buffer = Buffer.alloc(0);
  private start = 0;
  private end = 0;
  /** Of the message being read; -1 while its length is not read. */
  private wantedUnits = -1;
  private countedUnits = 0;
  /** Next byte to be counted. */
  private position = 0;

  constructor(private readonly limits: Pick<RpcLimits, 'maxJsonBytes' | 'maxJsonValues'>) {}

  get bufferedBytes(): number {
    return this.end - this.start;
  }

  push(chunk: Buffer): void {
    if (this.start === this.end) {
      this.buffer = chunk;
      this.start = this.position = 0;
      this.end = chunk.length;
      return;
    }
    const held = this.end - this.start;
    if (this.end + chunk.length > this.buffer.length) {
      const grown = Buffer.allocUnsafe(2 * (held + chunk.length));
      this.buffer.copy(grown, 0, this.start, this.end);
      this.buffer = grown;
      this.position -= this.start;
      this.start = 0;
      this.end = held;
    }
    chunk.copy(this.buffer, this.end);
    this.end += chunk.length;
  }

  /** The next whole JSON text, or null until more has arrived. Throws MALFORMED_FRAME, TOO_LARGE. */
  next(): string | null {
    if (this.wantedUnits < 0 && !this.readLength()) return null;
    if (!this.countUnits()) {
      if (this.bufferedBytes > this.limits.maxJsonBytes) throw jsonTooLarge(this.bufferedBytes, this.limits);
      return null;
    }
    checkJsonValues(this.buffer, this.start, this.position, this.limits);
    const json = this.buffer.toString('utf8', this.start, this.position);
    this.start = this.position;
    this.wantedUnits = -1;
    this.countedUnits = 0;
    return json;
  }

  private readLength(): boolean {
    let length = 0;
    for (let at = this.start; at < this.end; at++) {
      const byte = this.buffer[at]!;
      if (byte === HASH && at > this.start) {
        if (length > this.limits.maxJsonBytes) throw jsonTooLarge(length, this.limits);
        this.wantedUnits = length;
        this.start = this.position = at + 1;
        return true;
      }
      if (!isJsonFrameStart(byte) || at - this.start >= MAX_LENGTH_DIGITS) {
        throw malformedFrame('a JSON frame is <length>#<json>, and the length is a decimal number of UTF-16 code units');
      }
      length = length * 10 + (byte - DIGIT_0);
    }
    return false;
  }

  /** True when exactly wantedUnits code units lie between start and position. */
  private countUnits(): boolean {
    while (this.countedUnits < this.wantedUnits) {
      if (this.position >= this.end) return false;
      const byte = this.buffer[this.position]!;
      const bytes = byte < 0x80 ? 1 : byte < 0xc0 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      if (bytes === 0) throw malformedFrame('the JSON text is not UTF-8');
      if (this.position + bytes > this.end) return false;
      this.position += bytes;
      this.countedUnits += bytes === 4 ? 2 : 1;
    }
    if (this.countedUnits > this.wantedUnits)
      throw malformedFrame('the length of a JSON frame ends inside a character; it counts UTF-16 code units');
    return true;
  }
}
