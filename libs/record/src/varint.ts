/**
 * Zigzag variable-length integers, as used inside records only. Values are numbers: exact for |value| <= 2^53; a larger varlong
 * (only a nonsensical timestamp is one) loses low bits on reading and cannot be written.
 */
import { AssertionError, CorruptionError } from '#kernel';

const VARINT_BYTES_MAX = 5;
const VARLONG_BYTES_MAX = 10;
const ZIGZAG_MAX = 2 ** 52;

export function varintSize(value: number): number {
  let rest = zigzag(value);
  let size = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    size++;
  }
  return size;
}

/** Answers the position after the last byte written. */
export function writeVarint(buffer: Buffer, value: number, at: number): number {
  let rest = zigzag(value);
  while (rest >= 0x80) {
    buffer[at++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  buffer[at++] = rest;
  return at;
}

function zigzag(value: number): number {
  // Not `assert`: its message would be built for every number.
  if (!Number.isInteger(value) || Math.abs(value) > ZIGZAG_MAX) throw new AssertionError(`${value} cannot be written as a varint`);
  return value >= 0 ? value * 2 : value * -2 - 1;
}

/** Reads forward through a buffer and throws CorruptionError instead of reading past its end. */
export class VarintReader {
  position: number;

  constructor(
    readonly buffer: Buffer,
    position = 0,
    readonly end = buffer.length,
  ) {
    this.position = position;
  }

  /** 32 bit. */
  varint(): number {
    let raw = 0;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.byte();
      raw += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        if (raw > 0xffff_ffff) break;
        return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
      }
    }
    throw new CorruptionError(`a variable-length integer at byte ${this.position} does not fit in 32 bits`);
  }

  /** 64 bit. */
  varlong(): number {
    let raw = 0;
    let isExact = true;
    const start = this.position;
    for (let i = 0; i < VARLONG_BYTES_MAX; i++) {
      const byte = this.byte();
      raw += (byte & 0x7f) * 2 ** (7 * i);
      if (i >= 7) isExact = false;
      if (byte < 0x80) {
        if (isExact) return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
        return this.varlongExactly(start);
      }
    }
    throw new CorruptionError(`a variable-length integer at byte ${start} does not fit in 64 bits`);
  }

  byte(): number {
    if (this.position >= this.end) throw new CorruptionError(`a record ends in the middle, at byte ${this.position}`);
    return this.buffer[this.position++]!;
  }

  /** A view of the next `length` bytes. */
  bytes(length: number): Buffer {
    if (length < 0 || length > this.end - this.position) {
      throw new CorruptionError(`a record says ${length} bytes at byte ${this.position} but ${this.end - this.position} follow`);
    }
    const view = this.buffer.subarray(this.position, this.position + length);
    this.position += length;
    return view;
  }

  private varlongExactly(start: number): number {
    let raw = 0n;
    for (let i = start; i < this.position; i++) raw |= BigInt(this.buffer[i]! & 0x7f) << BigInt(7 * (i - start));
    return Number(BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n)));
  }
}
