/**
 * Standard output with back-pressure. When the reader goes away (`| head`), `isGone` becomes true and writing ends quietly;
 * any other failure to write rejects.
 */
import type { Writable } from 'node:stream';
import { YakError } from '#kernel';

export class Output {
  isGone = false;
  private failure: Error | null = null;
  private waiting: (() => void)[] = [];
  /** Writes that were not called back yet. */
  private unwritten = 0;

  constructor(private readonly stream: Writable) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') this.isGone = true;
      else this.failure = new YakError('CANNOT_WRITE', `standard output cannot be written: ${error.message}`);
      this.wake();
    });
    stream.on('drain', () => this.wake());
  }

  /** Resolves when more may be written. `written` is called once the reader's side has the bytes, and never if it has not. */
  async write(bytes: Buffer, written: () => void = () => {}): Promise<void> {
    if (this.failure !== null) throw this.failure;
    if (this.isGone) return;
    if (bytes.length === 0) return written();
    this.unwritten++;
    const mayGoOn = this.stream.write(bytes, (error) => {
      this.unwritten--;
      if (!error) written();
      if (this.unwritten === 0) this.wake();
    });
    if (!mayGoOn) await this.untilWoken();
    if (this.failure !== null) throw this.failure;
  }

  /** Resolves when everything was written, or cannot be any more. */
  async drained(): Promise<void> {
    while (this.unwritten > 0 && !this.isGone && this.failure === null) await this.untilWoken();
  }

  private untilWoken(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
