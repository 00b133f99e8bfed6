/**
 * Counts what a JSON text would become, before it becomes that: "{}," is three bytes here and sixty as an object, so a few
 * megabytes of it would cost hundreds. One pass over the bytes, no allocation; strings are skipped, nothing is validated.
 */
import type { RpcLimits } from './limits.js';
import { tooManyJsonValues } from './limits.js';

/** A value takes two bytes at least: texts up to this size cannot hold enough of them to matter. */
const HARMLESS_BYTES = 64 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;

/** Throws TOO_LARGE when the text in `bytes` from `start` to `end` (exclusive) has more than maxJsonValues values. */
export function checkJsonValues(bytes: Buffer, start: number, end: number, limits: Pick<RpcLimits, 'maxJsonValues'>): void {
  if (end - start <= HARMLESS_BYTES) return;
  let left = limits.maxJsonValues;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) at = endOfString(bytes, at + 1, end);
    else if ((byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) && --left < 0) throw tooManyJsonValues(limits);
  }
}

/** Position of the closing quote; `end` when there is none. */
function endOfString(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return end;
}
