/**
 * The newest batches of a log, by reference to the buffers they were received in: tail reads answer from here, in the same turn.
 * What is not written yet is always here; beyond that it holds a bounded number of bytes, counted as what the references pin.
 */
import type { Offset } from '#kernel';

interface Entry {
  readonly batch: Buffer;
  readonly baseOffset: Offset;
  /** Inclusive. */
  readonly lastOffset: Offset;
  /** What goes free with it: what it pins, unless an entry behind it pins the same. */
  chargedBytes: number;
}

export class TailCache {
  private entries: Entry[] = [];
  /** Entries before it are evicted already. */
  private head = 0;
  private chargedBytes = 0;
  private lastBacking: ArrayBufferLike | null = null;

  get bytes(): number {
    return this.chargedBytes;
  }

  /** Batches come in offset order. `baseOffset` is where the one before ended: a hole that compaction left belongs to the batch behind it. */
  push(batch: Buffer, baseOffset: Offset, lastOffset: Offset): void {
    // Neighbours in one received chunk pin it only once.
    const chargedBytes = batch.buffer === this.lastBacking ? 0 : Math.max(batch.length, batch.buffer.byteLength);
    this.lastBacking = batch.buffer;
    this.chargedBytes += chargedBytes;
    this.entries.push({ batch, baseOffset, lastOffset, chargedBytes });
  }

  /** Drops the oldest until at most `bytesMax` are charged, but nothing at or above `writtenEndOffset`. */
  evict(bytesMax: number, writtenEndOffset: Offset): void {
    while (this.chargedBytes > bytesMax && this.head < this.entries.length && this.entries[this.head]!.lastOffset < writtenEndOffset) {
      const { batch, chargedBytes } = this.entries[this.head]!;
      (this.entries as (Entry | undefined)[])[this.head++] = undefined;
      const next = this.entries[this.head];
      if (next?.batch.buffer === batch.buffer) next.chargedBytes += chargedBytes;
      else this.chargedBytes -= chargedBytes;
    }
    if (this.head === this.entries.length) this.clear();
    else if (this.head > 1024 && this.head * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
  }

  clear(): void {
    this.entries = [];
    this.head = 0;
    this.chargedBytes = 0;
    this.lastBacking = null;
  }

  /** Null when the batch that contains `offset` is not here. */
  read(offset: Offset, endOffset: Offset, maxBytes: number, atLeastOneBatch: boolean): Buffer[] | null {
    if (this.head === this.entries.length || offset < this.entries[this.head]!.baseOffset) return null;
    const found: Buffer[] = [];
    let bytes = 0;
    for (let i = this.find(offset); i < this.entries.length; i++) {
      const { batch, lastOffset } = this.entries[i]!;
      if (lastOffset >= endOffset) break;
      bytes += batch.length;
      if (bytes > maxBytes && !(atLeastOneBatch && found.length === 0)) break;
      found.push(batch);
    }
    return found;
  }

  /** Index of the first entry that ends at or after `offset`. */
  private find(offset: Offset): number {
    let low = this.head;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.entries[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The batch itself, or a copy of it where keeping a view would pin a chunk `ratio` times its size. */
export function unpinned(batch: Buffer, ratio: number): Buffer {
  if (batch.buffer.byteLength <= batch.length * ratio) return batch;
  const copy = Buffer.allocUnsafeSlow(batch.length);
  batch.copy(copy);
  return copy;
}
