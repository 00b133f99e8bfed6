/**
 * A log file that cannot fill the disk: `<name>.log`, and up to LOG_FILES_KEPT - 1 older ones as `<name>.1.log` (newest) and on.
 * Writes are plain appends; a write that fails is dropped and counted, because a full disk must not end the cluster's supervisor.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';

export const LOG_FILE_BYTES_MAX = 10 * 1_048_576;
export const LOG_FILES_KEPT = 5;

export class RotatingLog {
  private descriptor: number | null = null;
  private sizeBytes = 0;
  droppedWrites = 0;

  constructor(
    private readonly folder: string,
    private readonly name: string,
    private readonly limits = { fileBytesMax: LOG_FILE_BYTES_MAX, filesKept: LOG_FILES_KEPT },
  ) {}

  get path(): string {
    return this.pathOf(0);
  }

  write(chunk: Uint8Array): void {
    try {
      if (this.descriptor === null) this.open();
      if (this.sizeBytes > 0 && this.sizeBytes + chunk.length > this.limits.fileBytesMax) this.rotate();
      let written = 0;
      while (written < chunk.length) written += fs.writeSync(this.descriptor!, chunk, written);
      this.sizeBytes += chunk.length;
    } catch {
      this.droppedWrites++;
    }
  }

  close(): void {
    if (this.descriptor !== null) fs.closeSync(this.descriptor);
    this.descriptor = null;
  }

  private open(): void {
    fs.mkdirSync(this.folder, { recursive: true });
    this.descriptor = fs.openSync(this.path, 'a');
    this.sizeBytes = fs.fstatSync(this.descriptor).size;
  }

  private rotate(): void {
    this.close();
    for (let age = this.limits.filesKept - 2; age >= 0; age--) {
      if (fs.existsSync(this.pathOf(age))) fs.renameSync(this.pathOf(age), this.pathOf(age + 1));
    }
    this.open();
  }

  private pathOf(age: number): string {
    return join(this.folder, age === 0 ? `${this.name}.log` : `${this.name}.${age}.log`);
  }
}
