/** The 32-bit hash by which Kafka clients place keyed records; every client has to agree on it, bit for bit. */
const MULTIPLIER = 0x5bd1e995;
const SEED = 0x9747b28c;

/** Signed 32 bits. */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  let hash = SEED ^ length;
  const wholeWords = length & ~3;
  for (let at = 0; at < wholeWords; at += 4) {
    let word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    word = Math.imul(word, MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  const rest = length - wholeWords;
  if (rest === 3) hash ^= data[wholeWords + 2]! << 16;
  if (rest >= 2) hash ^= data[wholeWords + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ data[wholeWords]!, MULTIPLIER);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  hash ^= hash >>> 15;
  return hash | 0;
}
