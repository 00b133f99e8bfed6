/**
 * Cuts a byte stream into whole binary frames. A frame that lies inside one chunk is handed out as a view of it; one that
 * straddles chunks is assembled in a buffer that grows with what arrived, never by what was declared. After an error the
 * stream is unreadable.
 */
import type { FrameLimits } from './frame.js';
import { FRAME_HEADER_BYTES, frameLength } from './frame.js';

/** Straddling frames up to this size get their buffer at once. */
const FIRST_ASSEMBLY_BYTES = 128 * 1024;
const NOTHING = Buffer.alloc(0);

export class FrameSplitter {
  /** What arrived and is not handed out; begins with a frame. */
  private pending: Buffer = NOTHING;
  /** A straddling frame: filled up to assembledBytes. `pending` is what follows it. */
  private assembly: Buffer | null = null;
  private assembledBytes = 0;
  /** Of the frame being assembled; 0 while its header is incomplete. */
  private assemblyLength = 0;

  constructor(private readonly limits: FrameLimits) {}

  /** Bytes held, handed-out frames not counted. */
  get bufferedBytes(): number {
    return this.pending.length + this.assembledBytes;
  }

  /** The chunk belongs to the splitter. */
  push(chunk: Buffer): void {
    if (this.pending.length === 0) this.pending = chunk;
    else if (this.assembly === null && this.pending.length < FRAME_HEADER_BYTES) {
      this.beginAssembly();
      this.pending = chunk;
    } else {
      // Only when the owner stopped taking frames (too many in flight) while a chunk was already on its way.
      this.pending = Buffer.concat([this.pending, chunk]);
    }
  }

  /** The next whole frame, or null until more has arrived. Throws MALFORMED_FRAME, TOO_LARGE. */
  next(): Buffer | null {
    if (this.assembly !== null) return this.continueAssembly();
    if (this.pending.length < FRAME_HEADER_BYTES) {
      if (this.pending.length > 0) this.beginAssembly();
      return null;
    }
    const length = frameLength(this.pending, this.limits);
    if (length > this.pending.length) {
      this.beginAssembly();
      return null;
    }
    const frame = this.pending.subarray(0, length);
    this.pending = length === this.pending.length ? NOTHING : this.pending.subarray(length);
    return frame;
  }

  private beginAssembly(): void {
    const start = this.pending;
    this.assemblyLength = start.length >= FRAME_HEADER_BYTES ? frameLength(start, this.limits) : 0;
    this.assembly = Buffer.allocUnsafe(this.capacityFor(start.length));
    this.assembly.set(start, 0);
    this.assembledBytes = start.length;
    this.pending = NOTHING;
  }

  private continueAssembly(): Buffer | null {
    if (this.assemblyLength === 0) {
      this.take(FRAME_HEADER_BYTES - this.assembledBytes);
      if (this.assembledBytes < FRAME_HEADER_BYTES) return null;
      this.assemblyLength = frameLength(this.assembly!, this.limits);
    }
    this.take(this.assemblyLength - this.assembledBytes);
    if (this.assembledBytes < this.assemblyLength) return null;
    const frame = this.assembly!.subarray(0, this.assemblyLength);
    this.assembly = null;
    this.assembledBytes = 0;
    this.assemblyLength = 0;
    return frame;
  }

  /** Moves up to `wanted` bytes of `pending` behind what is assembled. */
  private take(wanted: number): void {
    const count = Math.min(wanted, this.pending.length);
    if (count === 0) return;
    const needed = this.assembledBytes + count;
    if (needed > this.assembly!.length) {
      const grown = Buffer.allocUnsafe(this.capacityFor(needed));
      this.assembly!.copy(grown, 0, 0, this.assembledBytes);
      this.assembly = grown;
    }
    this.pending.copy(this.assembly!, this.assembledBytes, 0, count);
    this.assembledBytes = needed;
    this.pending = count === this.pending.length ? NOTHING : this.pending.subarray(count);
  }

  private capacityFor(bytes: number): number {
    if (this.assemblyLength === 0) return Math.max(bytes, FRAME_HEADER_BYTES);
    return Math.min(this.assemblyLength, Math.max(FIRST_ASSEMBLY_BYTES, 2 * bytes));
  }
}
