import { WireError } from './wire-error.js';

/** Chunks smaller than this are gathered while a frame is incomplete: a peer that sends byte by byte must not cost an object per byte. */
const SMALL_CHUNK_BYTES = 4096;
const GATHER_BYTES = 65_536;

/**
 * Cuts a stream of chunks into frames, on demand. Memory grows with the bytes that arrived, never with the size that a
 * frame declares. A frame inside one chunk is handed out as a view of it; one that spans chunks is assembled once.
 * It keeps no more than what was pushed: back-pressure is the caller's (pause the connection).
 */
export class FrameSplitter {
  private readonly chunks: Buffer[] = [];
  private bytes = 0;
  private gather: Buffer | null = null;
  private gatherPosition = 0;

  constructor(
    private readonly frameBytesMin: number,
    private readonly frameBytesMax: number,
  ) {}

  /** Bytes pushed and not yet handed out. */
  get bufferedBytes(): number {
    return this.bytes;
  }

  /** Buffers held for these bytes. */
  get chunkCount(): number {
    return this.chunks.length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.bytes += chunk.length;
    if (chunk.length >= SMALL_CHUNK_BYTES || this.chunks.length === 0) this.chunks.push(chunk);
    else this.pushSmall(chunk);
  }

  /** The next whole frame without its size, or null. Throws WireError for a size that no frame may have. */
  next(): Buffer | null {
    if (this.bytes < 4) return null;
    const size = this.peekSize();
    if (size < this.frameBytesMin) throw new WireError(`a frame of ${size} bytes; the smallest has ${this.frameBytesMin}`);
    if (size > this.frameBytesMax) {
      throw new WireError(`a frame of ${size} bytes; at most ${this.frameBytesMax} are accepted (socket.request.max.bytes)`);
    }
    if (this.bytes < 4 + size) return null;
    this.skip(4);
    return this.takeFrame(size);
  }

  private pushSmall(chunk: Buffer): void {
    if (this.gather === null || this.gatherPosition + chunk.length > this.gather.length) {
      this.gather = Buffer.allocUnsafeSlow(GATHER_BYTES);
      this.gatherPosition = 0;
    }
    const start = this.gatherPosition;
    this.gather.set(chunk, start);
    this.gatherPosition += chunk.length;
    const last = this.chunks.length - 1;
    const previous = this.chunks[last]!;
    const isContinuation =
      previous.buffer === this.gather.buffer && previous.byteOffset + previous.length === this.gather.byteOffset + start;
    if (isContinuation) {
      const from = previous.byteOffset - this.gather.byteOffset;
      this.chunks[last] = this.gather.subarray(from, this.gatherPosition);
    } else {
      this.chunks.push(this.gather.subarray(start, this.gatherPosition));
    }
  }

  private peekSize(): number {
    const first = this.chunks[0]!;
    if (first.length >= 4) return first.readInt32BE(0);
    let size = 0;
    let seen = 0;
    for (const chunk of this.chunks) {
      for (let i = 0; i < chunk.length && seen < 4; i++, seen++) size = (size << 8) | chunk[i]!;
      if (seen === 4) break;
    }
    return size;
  }

  private skip(length: number): void {
    this.bytes -= length;
    while (length > 0) {
      const first = this.chunks[0]!;
      if (first.length > length) {
        this.chunks[0] = first.subarray(length);
        return;
      }
      length -= first.length;
      this.chunks.shift();
    }
  }

  private takeFrame(size: number): Buffer {
    const first = this.chunks[0];
    if (first !== undefined && first.length >= size) {
      const frame = first.subarray(0, size);
      this.skip(size);
      return frame;
    }
    const frame = Buffer.allocUnsafeSlow(size);
    let filled = 0;
    let used = 0;
    while (filled < size) {
      const chunk = this.chunks[used]!;
      const part = Math.min(chunk.length, size - filled);
      frame.set(part === chunk.length ? chunk : chunk.subarray(0, part), filled);
      filled += part;
      if (part < chunk.length) this.chunks[used] = chunk.subarray(part);
      else used++;
    }
    this.chunks.splice(0, used);
    this.bytes -= size;
    if (this.bytes === 0) this.gather = null;
    return frame;
  }
}
