/**
 * One file of a SimDisk: what the page cache shows, what the device holds, and the operations between the two in order.
 * cache = durable + pending, always. A loss of power keeps the durable image and an allowed part of the pending operations.
 */
import type { SimRandom } from './random.js';

/** The device writes whole sectors; a torn write keeps any subset of them. */
const SECTOR_BYTES = 512;

type PendingOperation =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

export class FileNode {
  readonly kind = 'file';
  readonly cache = new Image();
  private durable = new Image();
  private pending: PendingOperation[] = [];
  /** Operations before the first of `pending`, ever: names a point in the order for a sync that is under way. */
  private settled = 0;

  get unsyncedBytes(): number {
    return this.pending.reduce((sum, operation) => sum + (operation.kind === 'write' ? operation.bytes.length : 0), 0);
  }

  write(position: number, bytes: Uint8Array): void {
    this.cache.write(position, bytes);
    this.pending.push({ kind: 'write', position, bytes });
  }

  truncate(length: number): void {
    this.cache.truncate(length);
    this.pending.push({ kind: 'truncate', length });
  }

  /** Everything done so far; pass it to settle() when the device is through with it. */
  mark(): number {
    return this.settled + this.pending.length;
  }

  /** Operations before `mark` are durable. */
  settle(mark: number): void {
    const count = mark - this.settled;
    if (count <= 0) return;
    for (const operation of this.pending.splice(0, count)) apply(this.durable, operation);
    this.settled = mark;
  }

  /** The kernel after a failed fsync: pages are marked clean and forgotten; the cache still shows them, the device never gets them. */
  forget(mark: number): void {
    const count = mark - this.settled;
    if (count <= 0) return;
    this.pending.splice(0, count);
    this.settled = mark;
  }

  /** Loss of power. Answers how many unsynced bytes are gone. */
  losePower(random: SimRandom): number {
    const unsynced = this.unsyncedBytes;
    const survived = this.pending.length === 0 ? 0 : this.keepSomePending(random);
    this.settled += this.pending.length;
    this.pending = [];
    this.cache.copyFrom(this.durable);
    return unsynced - survived;
  }

  /** One of: nothing of it, a prefix with its last write torn, or any sectors with a length from somewhere along the way. */
  private keepSomePending(random: SimRandom): number {
    switch (random.integer(3)) {
      case 0:
        return 0;
      case 1:
        return this.keepPrefix(random);
      default:
        return this.keepSectors(random);
    }
  }

  private keepPrefix(random: SimRandom): number {
    const count = random.integer(this.pending.length + 1);
    let bytes = 0;
    for (const operation of this.pending.slice(0, count)) {
      apply(this.durable, operation);
      if (operation.kind === 'write') bytes += operation.bytes.length;
    }
    const torn = this.pending[count];
    if (torn?.kind === 'write' && random.chance(0.5)) {
      const sectorsEnd = Math.floor((torn.position + random.integer(torn.bytes.length)) / SECTOR_BYTES) * SECTOR_BYTES;
      const length = Math.max(0, sectorsEnd - torn.position);
      this.durable.write(torn.position, torn.bytes.subarray(0, length));
      bytes += length;
    }
    return bytes;
  }

  /**
   * Metadata (lengths) persists in order up to some operation; of the data written until then any sectors. What follows a
   * truncation that did not persist lies in blocks that nothing points to.
   */
  private keepSectors(random: SimRandom): number {
    const kept = new Image();
    kept.copyFrom(this.durable);
    let lengths = [kept.size];
    let bytes = 0;
    for (const operation of this.pending.slice(0, random.integer(this.pending.length + 1))) {
      if (operation.kind === 'truncate') {
        kept.truncate(operation.length);
        lengths = [operation.length];
        continue;
      }
      bytes += writeSomeSectors(kept, operation.position, operation.bytes, random);
      lengths.push(Math.max(lengths.at(-1)!, operation.position + operation.bytes.length));
    }
    kept.truncate(random.pick(lengths));
    this.durable = kept;
    return Math.min(bytes, kept.size);
  }
}

function writeSomeSectors(image: Image, position: number, bytes: Uint8Array, random: SimRandom): number {
  let kept = 0;
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
    if (random.chance(0.5)) {
      image.write(position + at, bytes.subarray(at, end));
      kept += end - at;
    }
    at = end;
  }
  return kept;
}

function apply(image: Image, operation: PendingOperation): void {
  if (operation.kind === 'write') image.write(operation.position, operation.bytes);
  else image.truncate(operation.length);
}

/** Bytes with a length; what was never written reads as zeros. */
class Image {
  size = 0;
  private bytes = Buffer.alloc(0);

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length;
    this.reserve(end);
    this.bytes.set(bytes, position);
    this.size = Math.max(this.size, end);
  }

  truncate(length: number): void {
    this.reserve(length);
    if (length < this.size) this.bytes.fill(0, length, this.size);
    this.size = length;
  }

  read(position: number, length: number): Buffer {
    const end = Math.min(this.size, position + length);
    return Buffer.from(this.bytes.subarray(Math.min(position, end), end));
  }

  copyFrom(other: Image): void {
    this.bytes = Buffer.from(other.bytes);
    this.size = other.size;
  }

  private reserve(length: number): void {
    if (length <= this.bytes.length) return;
    const grown = Buffer.alloc(Math.max(length, this.bytes.length * 2, 1024));
    grown.set(this.bytes);
    this.bytes = grown;
  }
}
