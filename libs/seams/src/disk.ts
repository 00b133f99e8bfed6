/**
 * The disk, as Linux gives it. Writes go to the page cache and are visible at once; they survive a crash of the process.
 * Only what was synced survives a loss of power: file bytes and length after `sync`, names (create, rename, remove) after
 * `syncDirectory` of the parent. Quick calls are synchronous (a page-cache write does not block; see docs/adr); what may
 * wait for the device has an asynchronous form.
 *
 * Errors: a YakError with code `EIO`, `ENOSPC`, `ENOENT`, `EACCES`, `EEXIST` … (Node's codes). After a failed write or
 * sync the caller must take the directory offline and never retry (R16).
 */
export interface DiskFile {
  readonly path: string;
  /** Current length in bytes, unsynced writes included. */
  readonly sizeBytes: number;
  /** Writes all chunks, in order, at `position` (usually sizeBytes). The buffers are free again when it returns. */
  write(chunks: readonly Uint8Array[], position: number): void;
  /** fdatasync: everything written before the call is durable when it resolves. */
  sync(): Promise<void>;
  /** The same, blocking. For rare paths: checkpoints, truncation, start and stop. */
  syncNow(): void;
  /** Up to `length` bytes from `position`, fewer at the end of the file. Blocking; for small or hot reads. */
  readNow(position: number, length: number): Buffer;
  /** The same on the thread pool, for reads that may be cold. */
  read(position: number, length: number): Promise<Buffer>;
  truncate(length: number): void;
  close(): void;
}

export interface Disk {
  /** Opens for reading and writing; with `create` a missing file is made (its name is durable after syncDirectory). */
  open(path: string, options?: { create?: boolean }): DiskFile;
  exists(path: string): boolean;
  /** Names in a directory, sorted. Throws ENOENT. */
  list(path: string): string[];
  /** mkdir -p. Durable after syncDirectory of each parent. */
  makeDirectory(path: string): void;
  rename(from: string, to: string): void;
  /** Removes a file, or a directory with everything in it. Nothing happens if it is missing. */
  remove(path: string): void;
  /** fsync of the directory: creations, renames and removals in it are durable. Blocking. */
  syncDirectory(path: string): void;
  /** Whole file, or null when it does not exist. */
  readFile(path: string): Buffer | null;
  /** Bytes free for us on the file system of `path`; Infinity when unknown. */
  freeBytes(path: string): number;
  /**
   * One process per name on this machine (an abstract unix socket named by it; freed by the kernel at kill -9, R11).
   * Null when another holder lives.
   */
  lock(name: string): Promise<{ release(): Promise<void> } | null>;
  /** Identifies this boot of the kernel: equal ids mean that no page cache was lost in between. */
  bootId(): string;
}

/** Replaces a small file so that a crash at any point leaves the old or the new one: write tmp, fsync, rename, fsync directory (R16). */
export function replaceFile(disk: Disk, directory: string, name: string, content: Uint8Array): void {
  const temporary = `${directory}/${name}.tmp`;
  disk.remove(temporary);
  const file = disk.open(temporary, { create: true });
  try {
    file.write([content], 0);
    file.syncNow();
  } finally {
    file.close();
  }
  disk.rename(temporary, `${directory}/${name}`);
  disk.syncDirectory(directory);
}
