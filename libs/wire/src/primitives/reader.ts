import { DEFAULT_DECODE_LIMITS, type DecodeLimits } from '../limits.js';
import { WireError } from '../wire-error.js';
import { uuidFromBytes } from './uuid.js';

/**
 * Reads Kafka's primitive types from one frame, front to back, never past `end`. Every failure is a WireError that names
 * the position. Byte fields come back as views of the frame (no copy): whoever keeps one keeps the frame alive.
 * 64-bit integers become numbers and must be safe ones.
 */
export class Reader {
  private elementsLeft: number;
  private end: number;
  position: number;

  constructor(
    private readonly buffer: Buffer,
    start = 0,
    readonly limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
  ) {
    this.position = start;
    this.end = buffer.length;
    this.elementsLeft = limits.elementsPerFrameMax;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  bool(): boolean {
    return this.int8() !== 0;
  }

  int8(): number {
    return this.buffer.readInt8(this.take(1));
  }

  int16(): number {
    return this.buffer.readInt16BE(this.take(2));
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.take(2));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4));
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4));
  }

  int64(): number {
    const at = this.take(8);
    const value = this.buffer.readInt32BE(at) * 4294967296 + this.buffer.readUInt32BE(at + 4);
    if (!Number.isSafeInteger(value)) this.fail(`int64 at ${at} is outside ±2^53`);
    return value;
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.take(8));
  }

  uuid(): string {
    const at = this.take(16);
    return uuidFromBytes(this.buffer, at);
  }

  /** Unsigned base-128, at most 5 bytes and 32 bits. */
  uvarint(): number {
    const first = this.buffer[this.take(1)]!;
    if (first < 0x80) return first;
    this.position--;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.take(1)]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffffffff) break;
        return value;
      }
    }
    return this.fail(`uvarint before ${this.position} is longer than 32 bits`);
  }

  /** Length of a string or byte field; -1 for null. `isCompact`: uvarint of length + 1. */
  stringLength(isCompact: boolean): number {
    return isCompact ? this.uvarint() - 1 : this.int16();
  }

  bytesLength(isCompact: boolean): number {
    return isCompact ? this.uvarint() - 1 : this.int32();
  }

  /**
   * Count of an array; -1 for null. Refuses a count that the rest of the frame cannot hold (`elementBytesMin` each), or
   * that takes the frame above its limit of elements.
   */
  arrayLength(isCompact: boolean, elementBytesMin: number): number {
    const count = isCompact ? this.uvarint() - 1 : this.int32();
    if (count <= 0) return count < -1 ? this.fail(`array count ${count} before ${this.position}`) : count;
    if (count * Math.max(1, elementBytesMin) > this.remaining) {
      this.fail(`array of ${count} elements before ${this.position}, but only ${this.remaining} bytes are left`);
    }
    this.elementsLeft -= count;
    if (this.elementsLeft < 0) this.fail(`more than ${this.limits.elementsPerFrameMax} array elements (elementsPerFrameMax)`);
    return count;
  }

  /** `length` bytes of UTF-8. */
  utf8(length: number): string {
    if (length < 0) this.fail(`string length ${length} before ${this.position}`);
    const at = this.take(length);
    return this.buffer.toString('utf8', at, at + length);
  }

  /** The next `length` bytes as a view of the frame. */
  view(length: number): Buffer {
    if (length < 0) this.fail(`bytes length ${length} before ${this.position}`);
    const at = this.take(length);
    return this.buffer.subarray(at, at + length);
  }

  /**
   * A tag section: `onField(tag)` answers true when it consumed the field, exactly. Tags must ascend; unknown ones are
   * skipped.
   */
  taggedFields(onField: ((tag: number) => boolean) | null): void {
    const count = this.uvarint();
    if (count === 0) return;
    if (count > this.limits.taggedFieldsPerStructMax) {
      this.fail(
        `${count} tagged fields before ${this.position}; at most ${this.limits.taggedFieldsPerStructMax} (taggedFieldsPerStructMax)`,
      );
    }
    let last = -1;
    for (let i = 0; i < count; i++) {
      const tag = this.uvarint();
      if (tag <= last) this.fail(`tag ${tag} after tag ${last} before ${this.position}`);
      last = tag;
      this.taggedField(tag, onField);
    }
  }

  private taggedField(tag: number, onField: ((tag: number) => boolean) | null): void {
    const size = this.uvarint();
    if (size > this.remaining) this.fail(`tag ${tag} of ${size} bytes, but only ${this.remaining} are left`);
    const outerEnd = this.end;
    this.end = this.position + size;
    if (!onField?.(tag)) this.position = this.end;
    if (this.position !== this.end) this.fail(`tag ${tag}: ${this.remaining} of ${size} bytes were not understood`);
    this.end = outerEnd;
  }

  /** For peers that must agree with us to the byte. */
  expectEnd(): void {
    if (this.remaining > 0) this.fail(`${this.remaining} bytes follow the last field`);
  }

  fail(message: string): never {
    throw new WireError(message);
  }

  private take(bytes: number): number {
    const at = this.position;
    if (at + bytes > this.end) this.fail(`${bytes} bytes wanted at ${at}, but the frame ends at ${this.end}`);
    this.position = at + bytes;
    return at;
  }
}
