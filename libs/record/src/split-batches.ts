import { CorruptionError } from '#kernel';
import { headerProblem, sizeInBytes } from './batch-header.js';

/** Views of the whole batches in `buffer`, in order. Throws CorruptionError when it holds anything else, a cut batch included. No CRC. */
export function splitBatches(buffer: Buffer): Buffer[] {
  const batches: Buffer[] = [];
  for (let at = 0; at < buffer.length; ) {
    const problem = headerProblem(buffer, at, buffer.length - at);
    if (problem !== null) throw new CorruptionError(`no whole record batch at byte ${at} of ${buffer.length}: ${problem}`);
    const size = sizeInBytes(buffer, at);
    batches.push(size === buffer.length ? buffer : buffer.subarray(at, at + size));
    at += size;
  }
  return batches;
}
