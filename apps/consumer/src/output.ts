/**
 * Standard output with back-pressure. When the reader goes away (`| head`), `isGone` becomes true and writing ends quietly;
 * any other failure to write rejects.
 */
import type { Writable } from 'node:stream';
import { YakError } from '#kernel';

export class Output {
  isGone = false;
  private failure: Error | null = null;
  private wake: (() => void) | null = null;

  constructor(private readonly stream: Writable) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') this.isGone = true;
      else this.failure = new YakError('CANNOT_WRITE', `standard output cannot be written: ${error.message}`);
      this.wake?.();
    });
    stream.on('drain', () => this.wake?.());
  }

  /** Resolves when more may be written. */
  async write(bytes: Buffer): Promise<void> {
    if (this.isGone || bytes.length === 0) return;
    if (this.failure !== null) throw this.failure;
    if (!this.stream.write(bytes)) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = null;
    }
    if (this.failure !== null) throw this.failure;
  }
}
