/**
 * A SimDisk as one process has it: every call goes to the host's disk, and none after the process died. Open files die with
 * their mount; what is under way at the device goes on, but nobody is told.
 */
import { YakError } from '#kernel';
import type { Disk, DiskFile } from '#seams';
import { SimCrash } from './crash.js';
import { DirectoryNode } from './directory-node.js';
import type { DiskOperationKind, SimDisk } from './disk.js';
import { FileNode } from './file-node.js';

/** Whose calls these are: completions run in its events, and never after its death. */
export interface DiskOwner {
  deliver(run: () => void): void;
}

export class Mount implements Disk {
  isDead = false;

  constructor(
    readonly disk: SimDisk,
    private readonly owner: DiskOwner,
  ) {}

  open(path: string, options: { create?: boolean } = {}): DiskFile {
    this.assertAlive();
    const existing = this.disk.lookup(path);
    if (existing?.kind === 'directory') throw new YakError('EISDIR', `cannot open ${path}: it is a directory`);
    if (existing) return new MountedFile(this, path, existing);
    if (!options.create) throw missing('open', path);
    this.disk.checkFault('create', path);
    const { directory, name } = this.parent(path);
    const file = new FileNode();
    directory.link(name, file);
    this.finish('create', path);
    return new MountedFile(this, path, file);
  }

  exists(path: string): boolean {
    this.assertAlive();
    return this.disk.lookup(path) !== null;
  }

  list(path: string): string[] {
    this.assertAlive();
    const node = this.disk.lookup(path);
    if (node === null) throw missing('list', path);
    if (node.kind !== 'directory') throw new YakError('ENOTDIR', `cannot list ${path}: it is a file`);
    return [...node.entries.keys()].sort();
  }

  makeDirectory(path: string): void {
    this.assertAlive();
    let directory = this.disk.rootNode;
    let made = '';
    for (const part of partsOf(path)) {
      made += `/${part}`;
      const next = directory.entries.get(part);
      if (next?.kind === 'file') throw new YakError('EEXIST', `cannot make directory ${path}: ${made} is a file`);
      if (next) {
        directory = next;
        continue;
      }
      this.disk.checkFault('makeDirectory', path);
      const fresh = new DirectoryNode();
      directory.link(part, fresh);
      directory = fresh;
      this.finish('makeDirectory', made);
    }
  }

  rename(from: string, to: string): void {
    this.assertAlive();
    const source = this.parent(from);
    const target = this.parent(to);
    const node = source.directory.entries.get(source.name);
    if (node === undefined) throw missing('rename', from);
    if (source.directory !== target.directory)
      throw new YakError('EXDEV', `cannot rename ${from} to ${to}: the simulated disk renames within one directory only`);
    if (node.kind === 'directory' && (target.directory.entries.get(target.name) as DirectoryNode | undefined)?.entries?.size) {
      throw new YakError('ENOTEMPTY', `cannot rename ${from} to ${to}: the target is a directory with files in it`);
    }
    this.disk.checkFault('rename', from);
    const replaced = target.directory.entries.get(target.name);
    if (replaced?.kind === 'file' && replaced !== node) this.disk.claim(-replaced.cache.size, to);
    source.directory.rename(source.name, target.name, node);
    this.finish('rename', `${from} -> ${to}`);
  }

  remove(path: string): void {
    this.assertAlive();
    if (this.disk.lookup(path) === null) return;
    const { directory, name } = this.parent(path);
    this.removeEntry(directory, name, path);
  }

  private removeEntry(parent: DirectoryNode, name: string, path: string): void {
    const node = parent.entries.get(name)!;
    if (node.kind === 'directory') for (const child of [...node.entries.keys()].sort()) this.removeEntry(node, child, `${path}/${child}`);
    this.disk.checkFault('remove', path);
    if (node.kind === 'file') this.disk.claim(-node.cache.size, path);
    parent.unlink(name);
    this.finish('remove', path);
  }

  syncDirectory(path: string): void {
    this.assertAlive();
    const node = this.disk.lookup(path);
    if (node === null) throw missing('sync directory', path);
    if (node.kind !== 'directory') throw new YakError('ENOTDIR', `cannot sync directory ${path}: it is a file`);
    this.disk.checkFault('syncDirectory', path);
    node.sync();
    this.finish('syncDirectory', path);
  }

  readFile(path: string): Buffer | null {
    this.assertAlive();
    const node = this.disk.lookup(path);
    if (node === null) return null;
    if (node.kind === 'directory') throw new YakError('EISDIR', `cannot read ${path}: it is a directory`);
    return node.cache.read(0, node.cache.size);
  }

  freeBytes(path: string): number {
    this.assertAlive();
    return this.disk.freeBytes(path);
  }

  async lock(name: string): Promise<{ release(): Promise<void> } | null> {
    this.assertAlive();
    const holder = {};
    if (!this.disk.tryLock(name, holder)) return null;
    return { release: async () => this.disk.unlock(name, holder) };
  }

  bootId(): string {
    this.assertAlive();
    return this.disk.bootId();
  }

  /** @internal Counts an operation; a listener may have killed this process at it. */
  finish(kind: DiskOperationKind, path: string): void {
    this.disk.done(kind, path);
    this.assertAlive();
  }

  /** @internal Settles in an event of the owner; never after its death. */
  deliver(run: () => void): void {
    if (this.isDead) return;
    this.owner.deliver(() => {
      if (!this.isDead) run();
    });
  }

  /** @internal Code of a crashed process may still unwind: it must not touch the disk. */
  assertAlive(): void {
    if (this.isDead) throw new SimCrash('the process that used this disk has crashed');
  }

  private parent(path: string): { directory: DirectoryNode; name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    const directory = this.disk.lookup(parts.join('/'));
    if (name === undefined || directory?.kind !== 'directory') throw missing('find the directory of', path);
    return { directory, name };
  }
}

class MountedFile implements DiskFile {
  private isOpen = true;

  constructor(
    private readonly mount: Mount,
    readonly path: string,
    private readonly node: FileNode,
  ) {}

  get sizeBytes(): number {
    return this.node.cache.size;
  }

  write(chunks: readonly Uint8Array[], position: number): void {
    this.assertUsable('write');
    this.mount.disk.checkFault('write', this.path);
    // One copy: the buffers are free again when this returns.
    const bytes = Buffer.concat(chunks as Uint8Array[]);
    this.mount.disk.claim(Math.max(0, position + bytes.length - this.node.cache.size), this.path);
    this.node.write(position, bytes);
    this.mount.finish('write', this.path);
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.assertUsable('sync');
      const mark = this.node.mark();
      this.mount.disk.onDevice('sync', () => {
        const failure = this.settleOnDevice(mark);
        this.mount.deliver(() => (failure ? reject(failure) : resolve()));
      });
    });
  }

  /** The device does it whether or not the process still lives; a simulated crash here just means that nobody is told. */
  private settleOnDevice(mark: number): unknown {
    try {
      this.syncUpTo(mark);
      return null;
    } catch (error) {
      return error;
    }
  }

  syncNow(): void {
    this.assertUsable('sync');
    this.syncUpTo(this.node.mark());
  }

  private syncUpTo(mark: number): void {
    try {
      this.mount.disk.checkFault('sync', this.path);
    } catch (error) {
      this.node.forget(mark);
      throw error;
    }
    this.node.settle(mark);
    this.mount.finish('sync', this.path);
  }

  readNow(position: number, length: number): Buffer {
    this.assertUsable('read');
    return this.node.cache.read(position, length);
  }

  read(position: number, length: number): Promise<Buffer> {
    return new Promise((resolve) => {
      this.assertUsable('read');
      this.mount.disk.onDevice('read', () => this.mount.deliver(() => resolve(this.node.cache.read(position, length))));
    });
  }

  truncate(length: number): void {
    this.assertUsable('truncate');
    this.mount.disk.checkFault('truncate', this.path);
    this.mount.disk.claim(length - this.node.cache.size, this.path);
    this.node.truncate(length);
    this.mount.finish('truncate', this.path);
  }

  close(): void {
    this.isOpen = false;
  }

  private assertUsable(what: string): void {
    this.mount.assertAlive();
    if (!this.isOpen) throw new YakError('EBADF', `cannot ${what} ${this.path}: the file is closed`);
  }
}

export function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function missing(what: string, path: string): YakError {
  return new YakError('ENOENT', `cannot ${what} ${path}: no such file or directory`);
}
