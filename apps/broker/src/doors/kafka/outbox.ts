import type { Connection } from '#seams';

/** So much is handed to the connection at a time: enough to keep it busy, little enough to see whether the peer reads. */
const WRITE_BYTES = 1 << 20;

/**
 * Answers on their way out, in order. Gathers what becomes ready and writes it in one go; large answers leave piece by
 * piece as the peer reads, so that a stalled peer shows as a stop of `flushedBytes`.
 */
export class Outbox {
  private chunks: Uint8Array[] = [];
  private waitingBytes = 0;
  private handedBytes = 0;

  constructor(private readonly connection: Connection) {}

  /** Not yet with the peer's kernel, as far as we can see. */
  get pendingBytes(): number {
    return this.waitingBytes + this.connection.bufferedBytes;
  }

  /** Bytes that have left since the start; grows while the peer reads. */
  get flushedBytes(): number {
    return this.handedBytes - this.connection.bufferedBytes;
  }

  /** Nothing waits for the connection to take it. */
  get isHandedOver(): boolean {
    return this.chunks.length === 0;
  }

  add(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      this.waitingBytes += chunk.length;
      this.chunks.push(chunk);
    }
  }

  /** Writes until all is handed over or the connection holds enough; call again when it drains. */
  flush(): void {
    while (this.chunks.length > 0 && this.connection.bufferedBytes < WRITE_BYTES) {
      const batch = this.waitingBytes <= WRITE_BYTES ? this.takeAll() : this.takeSome();
      let bytes = 0;
      for (const chunk of batch) bytes += chunk.length;
      this.waitingBytes -= bytes;
      this.handedBytes += bytes;
      this.connection.write(batch);
    }
  }

  private takeAll(): Uint8Array[] {
    const all = this.chunks;
    this.chunks = [];
    return all;
  }

  private takeSome(): Uint8Array[] {
    let count = 0;
    let room = WRITE_BYTES;
    while (count < this.chunks.length && this.chunks[count]!.length <= room) room -= this.chunks[count++]!.length;
    const batch = this.chunks.splice(0, count);
    const next = this.chunks[0];
    if (next !== undefined && room > 0) {
      batch.push(next.subarray(0, room));
      this.chunks[0] = next.subarray(room);
    }
    return batch;
  }
}
