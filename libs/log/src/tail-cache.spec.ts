// What the cache of a log's newest batches holds on to, in bytes.
import { TailCache } from './tail-cache.js';

const CHUNK_BYTES = 4_096;
const BATCH_BYTES = 1_024;

/** Views of one received chunk. */
function batchesOfOneChunk(count: number): Buffer[] {
  const chunk = Buffer.from(new ArrayBuffer(CHUNK_BYTES));
  return Array.from({ length: count }, (_, index) => chunk.subarray(index * BATCH_BYTES, (index + 1) * BATCH_BYTES));
}

it('a chunk counts until the last batch in it is gone', () => {
  const cache = new TailCache();
  for (const [offset, batch] of batchesOfOneChunk(3).entries()) cache.push(batch, offset, offset);
  expect(cache.bytes).toBe(CHUNK_BYTES);
  cache.evict(CHUNK_BYTES, 3);
  expect([cache.bytes, cache.read(0, 3, 1, true)?.length]).toEqual([CHUNK_BYTES, 1]);
  // One of its batches left would pin all of it.
  cache.evict(CHUNK_BYTES - 1, 3);
  expect([cache.bytes, cache.read(2, 3, 1, true)]).toEqual([0, null]);
});

it('of two chunks the older one goes, and what is not written stays with all that it pins', () => {
  const cache = new TailCache();
  for (const [offset, batch] of [...batchesOfOneChunk(2), ...batchesOfOneChunk(2)].entries()) cache.push(batch, offset, offset);
  expect(cache.bytes).toBe(2 * CHUNK_BYTES);
  cache.evict(CHUNK_BYTES, 4);
  expect([cache.bytes, cache.read(1, 4, 1, true), cache.read(2, 4, 1, true)?.length]).toEqual([CHUNK_BYTES, null, 1]);
  cache.evict(0, 3);
  expect([cache.bytes, cache.read(2, 4, 1, true), cache.read(3, 4, 1, true)?.length]).toEqual([CHUNK_BYTES, null, 1]);
});
