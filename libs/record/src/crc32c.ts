/**
 * CRC-32C (Castagnoli), the checksum of batches and of our own small files. The native module is loaded at first use; where
 * it does not load (an odd platform), a table-driven version gives the same numbers, some ten times slower.
 */
import { createRequire } from 'node:module';
import { CRC_START, crc, sizeInBytes } from './batch-header.js';

type Crc32c = (bytes: Uint8Array) => number;

let implementation: Crc32c | null = null;

export function crc32c(bytes: Uint8Array): number {
  implementation ??= loadNative() ?? crc32cInTables;
  return implementation(bytes);
}

/** The batch must be whole; `headerProblem` comes first. */
export function isCrcValid(batch: Buffer, at = 0): boolean {
  return crc32c(batch.subarray(at + CRC_START, at + sizeInBytes(batch, at))) === crc(batch, at);
}

function loadNative(): Crc32c | null {
  try {
    const native = createRequire(import.meta.url)('@node-rs/crc32') as { crc32c(input: Uint8Array): number };
    return (bytes) => native.crc32c(bytes);
  } catch {
    return null;
  }
}

const POLYNOMIAL_REVERSED = 0x82f6_3b78;
const SLICES = 8;
let tables: Uint32Array[] | null = null;

function makeTables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL_REVERSED : value >>> 1;
    return value;
  });
  const all = [first];
  for (let slice = 1; slice < SLICES; slice++) {
    const previous = all[slice - 1]!;
    all.push(previous.map((value) => (value >>> 8) ^ first[value & 0xff]!));
  }
  return all;
}

/** The fallback; exported for its test only. */
export function crc32cInTables(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = (tables ??= makeTables()) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let value = 0xffff_ffff;
  let i = 0;
  for (const end = bytes.length - (SLICES - 1); i < end; i += SLICES) {
    const low = value ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    value =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) value = (value >>> 8) ^ t0[(value ^ bytes[i]!) & 0xff]!;
  return (value ^ 0xffff_ffff) >>> 0;
}
