/**
 * Kafka's primitive types for what groups store and what members hand each other: records of `__consumer_offsets` and the
 * ConsumerProtocol. Separate from the wire's codec, because stored bytes fail as corruption, not as a bad request.
 * Buffers that come out are copies: a group keeps them longer than the frame or batch that they came in.
 */
import { CorruptionError } from '#kernel';

export class ByteReader {
  position = 0;

  constructor(
    private readonly buffer: Buffer,
    /** Named in the error; called only then, because a million records are read while a group coordinator loads. */
    private readonly what: string | (() => string),
  ) {}

  get remaining(): number {
    return this.buffer.length - this.position;
  }

  int16(): number {
    return this.buffer.readInt16BE(this.take(2));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4));
  }

  /** As a number; anything outside the safe integers is damage. */
  int64(): number {
    const at = this.take(8);
    // Two halves are several times faster than a BigInt.
    const value = this.buffer.readInt32BE(at) * 2 ** 32 + this.buffer.readUInt32BE(at + 4);
    if (!Number.isSafeInteger(value)) this.fail(`int64 at ${at} is outside ±2^53`);
    return value;
  }

  uvarint(): number {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = this.buffer[this.take(1)]!;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    return this.fail(`varint at ${this.position - 5} is longer than 5 bytes`);
  }

  string(): string {
    return this.nullableString() ?? this.fail(`string before ${this.position} is null`);
  }

  nullableString(): string | null {
    const length = this.int16();
    return length === -1 ? null : this.utf8(length);
  }

  compactString(): string {
    return this.compactNullableString() ?? this.fail(`string before ${this.position} is null`);
  }

  compactNullableString(): string | null {
    const length = this.uvarint() - 1;
    return length === -1 ? null : this.utf8(length);
  }

  bytes(): Buffer {
    return this.nullableBytes() ?? this.fail(`bytes before ${this.position} are null`);
  }

  nullableBytes(): Buffer | null {
    const length = this.int32();
    return length === -1 ? null : this.raw(length);
  }

  compactBytes(): Buffer {
    const length = this.uvarint() - 1;
    return length === -1 ? this.fail(`bytes before ${this.position} are null`) : this.raw(length);
  }

  raw(length: number): Buffer {
    const at = this.take(length);
    return Buffer.from(this.buffer.subarray(at, at + length));
  }

  array<T>(element: () => T): T[] {
    return this.elements(this.int32(), element);
  }

  compactArray<T>(element: () => T): T[] {
    return this.elements(this.uvarint() - 1, element);
  }

  /** Tag to bytes, of one struct's tag section. */
  tags(): Map<number, Buffer> {
    const count = this.uvarint();
    const tags = new Map<number, Buffer>();
    for (let i = 0; i < count; i++) {
      const tag = this.uvarint();
      tags.set(tag, this.raw(this.uvarint()));
    }
    return tags;
  }

  /** Of so many bytes, as unpadded base64url. */
  base64url(length: number): string {
    const at = this.take(length);
    return this.buffer.toString('base64url', at, at + length);
  }

  /** For formats that nobody may append to. */
  expectEnd(): void {
    if (this.remaining > 0) this.fail(`${this.remaining} bytes follow the last field`);
  }

  fail(problem: string): never {
    const what = typeof this.what === 'string' ? this.what : this.what();
    throw new CorruptionError(`${what}: ${problem} (${this.buffer.length} bytes in all)`);
  }

  private elements<T>(count: number, element: () => T): T[] {
    // Every element takes a byte at least, so a damaged count cannot make us allocate.
    if (count < 0 || count > this.remaining) this.fail(`array before ${this.position} claims ${count} elements`);
    const elements: T[] = [];
    for (let i = 0; i < count; i++) elements.push(element());
    return elements;
  }

  private utf8(length: number): string {
    const at = this.take(length);
    return this.buffer.toString('utf8', at, at + length);
  }

  private take(length: number): number {
    const at = this.position;
    if (length < 0 || length > this.remaining) this.fail(`${length} bytes wanted at ${at}, ${this.remaining} are left`);
    this.position += length;
    return at;
  }
}

const INT16_MAX = 32_767;

export class ByteWriter {
  private readonly chunks: Buffer[] = [];

  int16(value: number): this {
    const chunk = Buffer.allocUnsafe(2);
    chunk.writeInt16BE(value);
    return this.raw(chunk);
  }

  int32(value: number): this {
    const chunk = Buffer.allocUnsafe(4);
    chunk.writeInt32BE(value);
    return this.raw(chunk);
  }

  /** A fraction (of a millisecond) is dropped. */
  int64(value: number): this {
    const chunk = Buffer.allocUnsafe(8);
    chunk.writeBigInt64BE(BigInt(Math.floor(value)));
    return this.raw(chunk);
  }

  uvarint(value: number): this {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
    bytes.push(rest);
    return this.raw(Buffer.from(bytes));
  }

  /** At most 32,767 bytes of UTF-8; more is a bug of the caller, who has limits for what he keeps. */
  string(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    if (bytes.length > INT16_MAX) throw new RangeError(`a string of ${bytes.length} bytes does not fit: at most ${INT16_MAX}`);
    return this.int16(bytes.length).raw(bytes);
  }

  nullableString(value: string | null): this {
    return value === null ? this.int16(-1) : this.string(value);
  }

  compactString(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    return this.uvarint(bytes.length + 1).raw(bytes);
  }

  bytes(value: Buffer): this {
    return this.int32(value.length).raw(value);
  }

  nullableBytes(value: Buffer | null): this {
    return value === null ? this.int32(-1) : this.bytes(value);
  }

  array<T>(elements: readonly T[], write: (element: T) => void): this {
    this.int32(elements.length);
    for (const element of elements) write(element);
    return this;
  }

  raw(chunk: Buffer): this {
    this.chunks.push(chunk);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.chunks);
  }
}
