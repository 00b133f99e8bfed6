/**
 * The file system of this machine behind the Disk port. Page-cache writes are synchronous writevSync calls (docs/adr, and
 * cheaper than the thread pool); fdatasync and cold reads go to the thread pool. Nothing here retries a failed call (R16).
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { YakError } from '#kernel';
import type { Disk, DiskFile } from '#seams';
import { wrapNodeError } from './node-error.js';
import { acquireProcessLock } from './process-lock.js';

/** Linux takes at most 1024 buffers in one writev. */
const BUFFERS_PER_WRITEV = 1024;
const BOOT_ID_PATH = '/proc/sys/kernel/random/boot_id';

export class NodeDisk implements Disk {
  private knownBootId: string | null = null;

  open(path: string, options: { create?: boolean } = {}): DiskFile {
    const flags = fs.constants.O_RDWR | (options.create ? fs.constants.O_CREAT : 0);
    return guard(`cannot open ${path}`, () => {
      const descriptor = fs.openSync(path, flags, 0o644);
      try {
        return new NodeDiskFile(path, descriptor, fs.fstatSync(descriptor).size);
      } catch (error) {
        fs.closeSync(descriptor);
        throw error;
      }
    });
  }

  exists(path: string): boolean {
    return fs.existsSync(path);
  }

  list(path: string): string[] {
    return guard(`cannot list ${path}`, () => fs.readdirSync(path).sort());
  }

  makeDirectory(path: string): void {
    guard(`cannot make directory ${path}`, () => makeWithParents(path));
  }

  rename(from: string, to: string): void {
    guard(`cannot rename ${from} to ${to}`, () => fs.renameSync(from, to));
  }

  remove(path: string): void {
    guard(`cannot remove ${path}`, () => fs.rmSync(path, { recursive: true, force: true }));
  }

  syncDirectory(path: string): void {
    guard(`cannot sync directory ${path}`, () => {
      const descriptor = fs.openSync(path, fs.constants.O_RDONLY);
      try {
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  readFile(path: string): Buffer | null {
    return guard(`cannot read ${path}`, () => {
      try {
        return fs.readFileSync(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    });
  }

  freeBytes(path: string): number {
    for (let existing = path; ; existing = dirname(existing)) {
      try {
        const status = fs.statfsSync(existing);
        return status.bavail * status.bsize;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(existing) !== existing) continue;
        return Number.POSITIVE_INFINITY;
      }
    }
  }

  lock(name: string): Promise<{ release(): Promise<void> } | null> {
    return acquireProcessLock(name);
  }

  bootId(): string {
    if (this.knownBootId === null) {
      // Without a boot id (not Linux) every process counts as a boot of its own: "the page cache may be gone" is the safe answer.
      this.knownBootId = fs.existsSync(BOOT_ID_PATH)
        ? fs.readFileSync(BOOT_ID_PATH, 'utf8').trim()
        : `unknown-${process.pid}-${Date.now()}`;
    }
    return this.knownBootId;
  }
}

class NodeDiskFile implements DiskFile {
  private isOpen = true;
  /** A descriptor must outlive the thread-pool calls that use it, or its number may already name another file. */
  private callsInFlight = 0;

  constructor(
    readonly path: string,
    private readonly descriptor: number,
    private size: number,
  ) {}

  get sizeBytes(): number {
    return this.size;
  }

  write(chunks: readonly Uint8Array[], position: number): void {
    this.guard(`cannot write ${this.path}`, () => {
      let at = position;
      for (let from = 0; from < chunks.length; from += BUFFERS_PER_WRITEV) {
        at += this.writeAll(chunks.slice(from, from + BUFFERS_PER_WRITEV), at);
        this.size = Math.max(this.size, at);
      }
    });
  }

  /** writev may write less than asked (a signal, a nearly full disk): go on with the rest, or get the error. */
  private writeAll(chunks: Uint8Array[], position: number): number {
    const total = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    let written = 0;
    while (written < total) {
      const count = fs.writevSync(this.descriptor, withoutFirst(chunks, written), position + written);
      if (count === 0) throw Object.assign(new Error(`writev wrote 0 of ${total - written} bytes`), { code: 'EIO' });
      written += count;
    }
    return total;
  }

  sync(): Promise<void> {
    return this.onThreadPool(`cannot sync ${this.path}`, (done) => fs.fdatasync(this.descriptor, (error) => done(error, undefined)));
  }

  syncNow(): void {
    this.guard(`cannot sync ${this.path}`, () => fs.fdatasyncSync(this.descriptor));
  }

  readNow(position: number, length: number): Buffer {
    return this.guard(`cannot read ${this.path}`, () => {
      const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.size - position)));
      let filled = 0;
      while (filled < buffer.length) {
        const count = fs.readSync(this.descriptor, buffer, filled, buffer.length - filled, position + filled);
        if (count === 0) break;
        filled += count;
      }
      return buffer.subarray(0, filled);
    });
  }

  async read(position: number, length: number): Promise<Buffer> {
    this.guard(`cannot read ${this.path}`, () => {});
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.size - position)));
    let filled = 0;
    while (filled < buffer.length) {
      const count = await this.onThreadPool<number>(`cannot read ${this.path}`, (done) =>
        fs.read(this.descriptor, buffer, filled, buffer.length - filled, position + filled, done),
      );
      if (count === 0) break;
      filled += count;
    }
    return buffer.subarray(0, filled);
  }

  truncate(length: number): void {
    this.guard(`cannot truncate ${this.path}`, () => fs.ftruncateSync(this.descriptor, length));
    this.size = length;
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (this.callsInFlight === 0) fs.closeSync(this.descriptor);
  }

  private onThreadPool<T>(what: string, start: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.guard(what, () => {});
      this.callsInFlight++;
      start((error, value) => {
        this.callsInFlight--;
        if (!this.isOpen && this.callsInFlight === 0) fs.closeSync(this.descriptor);
        if (error) reject(wrapNodeError(error, what));
        else resolve(value);
      });
    });
  }

  /** A closed descriptor's number may already belong to another file, so the kernel cannot be asked. */
  private guard<T>(what: string, call: () => T): T {
    if (!this.isOpen) throw new YakError('EBADF', `${what}: the file is closed`);
    return guard(what, call);
  }
}

function withoutFirst(chunks: Uint8Array[], bytes: number): Uint8Array[] {
  if (bytes === 0) return chunks;
  let skip = bytes;
  for (let index = 0; index < chunks.length; index++) {
    const chunk = chunks[index]!;
    if (skip < chunk.byteLength) return [chunk.subarray(skip), ...chunks.slice(index + 1)];
    skip -= chunk.byteLength;
  }
  return [];
}

function guard<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw wrapNodeError(error, what);
  }
}

/** Not mkdir's own `recursive`: below a file system that makes no directories (/proc) Node 20 never returns from it. */
function makeWithParents(path: string): void {
  try {
    fs.mkdirSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' && fs.statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path || fs.existsSync(parent)) throw error;
    makeWithParents(parent);
    fs.mkdirSync(path);
  }
}
