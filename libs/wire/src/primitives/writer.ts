import { assert } from '#kernel';
import { isUuid, writeUuid } from './uuid.js';

/** Record buffers up to this size are copied next to the header bytes; a longer list of chunks costs more than that. */
const COPY_BYTES_MAX = 1024;
const FIRST_CHUNK_BYTES = 512;
const CHUNK_BYTES_MAX = 65_536;

/**
 * Writes Kafka's primitive types into a list of chunks. Large byte fields become chunks of their own (no copy), so they
 * must not change until the chunks have left. A value that its type cannot hold is a bug: it fails an assert.
 */
export class Writer {
  private readonly done: Buffer[] = [];
  private doneBytes = 0;
  private chunk: Buffer;
  private chunkStart = 0;
  private position = 0;

  constructor(firstChunkBytes = FIRST_CHUNK_BYTES) {
    this.chunk = Buffer.allocUnsafe(firstChunkBytes);
  }

  /** Bytes written so far. */
  get sizeBytes(): number {
    return this.doneBytes + this.position - this.chunkStart;
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  int8(value: number): void {
    const at = this.take(1);
    this.chunk.writeInt8(value, at);
  }

  int16(value: number): void {
    const at = this.take(2);
    this.chunk.writeInt16BE(value, at);
  }

  uint16(value: number): void {
    const at = this.take(2);
    this.chunk.writeUInt16BE(value, at);
  }

  int32(value: number): void {
    const at = this.take(4);
    this.chunk.writeInt32BE(value, at);
  }

  uint32(value: number): void {
    const at = this.take(4);
    this.chunk.writeUInt32BE(value, at);
  }

  int64(value: number): void {
    assert(Number.isSafeInteger(value), `int64 ${value} is not a safe integer`);
    const at = this.take(8);
    this.chunk.writeInt32BE(Math.floor(value / 4294967296), at);
    this.chunk.writeInt32BE(value | 0, at + 4);
  }

  float64(value: number): void {
    const at = this.take(8);
    this.chunk.writeDoubleBE(value, at);
  }

  uuid(value: string): void {
    assert(isUuid(value), `"${value}" is not an id of 22 base64url characters`);
    const at = this.take(16);
    writeUuid(this.chunk, value, at);
  }

  uvarint(value: number): void {
    assert(value >= 0 && value <= 0xffffffff, `uvarint ${value} is outside 0..2^32-1`);
    if (value < 0x80) {
      const only = this.take(1);
      this.chunk[only] = value;
      return;
    }
    while (value > 0x7f) {
      const at = this.take(1);
      this.chunk[at] = (value & 0x7f) | 0x80;
      value = Math.floor(value / 128);
    }
    const at = this.take(1);
    this.chunk[at] = value;
  }

  string(value: string | null, isCompact: boolean): void {
    if (value === null) {
      if (isCompact) this.uvarint(0);
      else this.int16(-1);
      return;
    }
    const length = Buffer.byteLength(value);
    if (isCompact) {
      this.uvarint(length + 1);
    } else {
      assert(length <= 0x7fff, `string of ${length} bytes; at most 32767 fit`);
      this.int16(length);
    }
    const at = this.take(length);
    this.chunk.write(value, at, length, 'utf8');
  }

  /** A byte field out of one or more buffers, one after the other; null for null. */
  bytes(value: Uint8Array | readonly Uint8Array[] | null, isCompact: boolean): void {
    if (value === null) {
      if (isCompact) this.uvarint(0);
      else this.int32(-1);
      return;
    }
    if (value instanceof Uint8Array) {
      this.bytesLength(value.length, isCompact);
      this.raw(value);
      return;
    }
    let length = 0;
    for (const part of value) length += part.length;
    this.bytesLength(length, isCompact);
    for (const part of value) this.raw(part);
  }

  private bytesLength(length: number, isCompact: boolean): void {
    if (isCompact) this.uvarint(length + 1);
    else this.int32(length);
  }

  arrayLength(count: number, isCompact: boolean): void {
    if (isCompact) this.uvarint(count + 1);
    else this.int32(count);
  }

  /** Bytes without a length. */
  raw(bytes: Uint8Array): void {
    if (bytes.length <= COPY_BYTES_MAX) {
      const at = this.take(bytes.length);
      this.chunk.set(bytes, at);
      return;
    }
    this.cut();
    this.done.push(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.doneBytes += bytes.length;
  }

  /** One tagged field: tag, size, and what `write` writes. */
  taggedField(tag: number, write: (writer: Writer) => void): void {
    const inner = new Writer(64);
    write(inner);
    this.uvarint(tag);
    this.uvarint(inner.sizeBytes);
    for (const chunk of inner.finish()) this.raw(chunk);
  }

  /** Puts the size of everything after the first 4 bytes into these (they were reserved with int32). */
  finishFrame(): Buffer[] {
    const size = this.sizeBytes - 4;
    const chunks = this.finish();
    chunks[0]!.writeInt32BE(size, 0);
    return chunks;
  }

  /** All chunks in order, none empty. The writer is used up. */
  finish(): Buffer[] {
    this.cut();
    return this.done;
  }

  /** Room for `bytes` in one piece; a full chunk is closed and a larger one opened. */
  private take(bytes: number): number {
    if (this.position + bytes > this.chunk.length) {
      this.cut();
      this.chunk = Buffer.allocUnsafe(Math.max(bytes, Math.min(this.chunk.length * 4, CHUNK_BYTES_MAX)));
      this.chunkStart = 0;
      this.position = 0;
    }
    const at = this.position;
    this.position += bytes;
    return at;
  }

  private cut(): void {
    if (this.position === this.chunkStart) return;
    this.done.push(this.chunk.subarray(this.chunkStart, this.position));
    this.doneBytes += this.position - this.chunkStart;
    this.chunkStart = this.position;
  }
}
