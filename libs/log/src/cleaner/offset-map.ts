/**
 * The newest offset of each key, in a fixed amount of memory outside the heap: per entry 16 bytes of the key's SHA-256 and the offset.
 * Two keys with the same 16 bytes would count as one; that takes 2^64 tries even on purpose. Open addressing, nothing is removed.
 */
import { hash } from 'node:crypto';
import type { Offset } from '#kernel';
import { recordBatch } from '#record';

const HASH_BYTES = 16;
const ENTRY_BYTES = HASH_BYTES + 8;
/** Of the slots; more makes looking up slow. */
const LOAD_MAX = 0.75;

export class OffsetMap {
  readonly capacity: number;
  private entries = 0;
  private readonly slots: number;
  /** Offset + 1 in each entry, so that zeroed memory is empty. */
  private readonly table: Buffer;

  /** Room for `keysMax` keys, or for as many as fit into `bytesMax`. */
  constructor(bytesMax: number, keysMax: number) {
    const wanted = Math.ceil(Math.max(1, keysMax) / LOAD_MAX) + 1;
    this.slots = Math.max(2, Math.min(wanted, Math.floor(bytesMax / ENTRY_BYTES)));
    this.capacity = Math.max(1, Math.floor(this.slots * LOAD_MAX));
    this.table = Buffer.alloc(this.slots * ENTRY_BYTES);
  }

  get size(): number {
    return this.entries;
  }

  get bytes(): number {
    return this.table.length;
  }

  /** False: there is no room for another key, and nothing changed. Offsets come in ascending order. */
  put(key: Buffer, offset: Offset): boolean {
    const digest = digestOf(key);
    const at = this.find(digest);
    if (recordBatch.readInt64(this.table, at + HASH_BYTES) === 0) {
      if (this.entries === this.capacity) return false;
      this.entries++;
      digest.copy(this.table, at, 0, HASH_BYTES);
    }
    recordBatch.writeInt64(this.table, offset + 1, at + HASH_BYTES);
    return true;
  }

  /** -1 for a key that is not here. */
  get(key: Buffer): Offset {
    return recordBatch.readInt64(this.table, this.find(digestOf(key)) + HASH_BYTES) - 1;
  }

  /** Where the entry with this digest is, or would be. */
  private find(digest: Buffer): number {
    for (let slot = digest.readUIntBE(0, 6) % this.slots; ; slot = (slot + 1) % this.slots) {
      const at = slot * ENTRY_BYTES;
      const isFree = recordBatch.readInt64(this.table, at + HASH_BYTES) === 0;
      if (isFree || this.table.compare(digest, 0, HASH_BYTES, at, at + HASH_BYTES) === 0) return at;
    }
  }
}

function digestOf(key: Buffer): Buffer {
  return hash('sha256', key, 'buffer');
}
