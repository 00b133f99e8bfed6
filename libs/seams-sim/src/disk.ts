/**
 * A disk in memory that forgets what was not synced. Writes are visible at once; `crash({ loseUnsynced: false })` is kill -9
 * (the page cache lives on), `crash({ loseUnsynced: true })` a loss of power: each file and directory keeps its durable image
 * and a random allowed part of what came after (torn writes at 512-byte sectors, names in order per directory). Renames
 * between directories are refused (EXDEV): their durability would not be well defined.
 *
 * Stands alone in unit tests (`new SimDisk()`; a sync then resolves in a microtask), or belongs to a host of a SimWorld.
 * Every changing call is one operation: `failAt(n)` lets the n-th (counted from 1, from then on) take effect and throws
 * SimCrash into the caller and into every later call, until crash() is called.
 */
import { YakError } from '#kernel';
import type { Disk, DiskFile } from '#seams';
import { SimCrash } from './crash.js';
import { DirectoryNode, type Node } from './directory-node.js';
import { FileNode } from './file-node.js';
import { SimRandom } from './random.js';

export type DiskOperationKind = 'create' | 'write' | 'truncate' | 'sync' | 'rename' | 'remove' | 'makeDirectory' | 'syncDirectory';

export interface DiskOperation {
  /** Counts from 1 over the life of the disk. */
  readonly index: number;
  readonly kind: DiskOperationKind;
  readonly path: string;
}

export interface DiskFault {
  readonly kinds: readonly DiskOperationKind[];
  readonly code: 'EIO' | 'ENOSPC';
  /** Only paths that match; default all. */
  readonly path?: RegExp;
  /** How many calls fail; default 1. */
  readonly times?: number;
}

export interface SimDiskOptions {
  /** Default: seed 0. */
  readonly random?: SimRandom;
  /** How device time passes; without it a sync or read is done in the next microtask. */
  readonly after?: (delayMs: number, run: () => void) => void;
  readonly syncLatencyMs?: () => number;
  readonly readLatencyMs?: () => number;
  readonly capacityBytes?: number;
}

/** Whose calls these are: completions run in its events, and never after its death. */
export interface DiskOwner {
  deliver(run: () => void): void;
}

const STANDALONE: DiskOwner = { deliver: (run) => run() };

export class SimDisk implements Disk {
  /** Operations done so far. */
  operations = 0;
  /** What losses of power took, in all. */
  bytesLost = 0;
  /** Added to every sync from now on: a slow device. */
  extraSyncLatencyMs = 0;
  private root = new DirectoryNode();
  private readonly random: SimRandom;
  private readonly listeners: ((operation: DiskOperation) => void)[] = [];
  private readonly faults: { fault: DiskFault; left: number }[] = [];
  private readonly locks = new Map<string, object>();
  private capacityBytes: number;
  private usedBytes = 0;
  private boots = 1;
  private powerCycles = 0;
  private crashAt: number | null = null;
  private standalone: Mount;
  /** The live ones. */
  private mounts: Mount[];

  constructor(private readonly options: SimDiskOptions = {}) {
    this.random = options.random ?? new SimRandom(0);
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.standalone = new Mount(this, STANDALONE);
    this.mounts = [this.standalone];
  }

  /** A Disk for one process: dead after the next crash(). */
  mount(owner: DiskOwner): Disk {
    const mount = new Mount(this, owner);
    this.mounts.push(mount);
    return mount;
  }

  /**
   * The process (or the host) stops here. Open files are dead, locks free, syncs under way never answer. With `loseUnsynced`
   * the page cache is gone and bootId is a new one. Answers how many unsynced bytes were lost.
   */
  crash({ loseUnsynced }: { loseUnsynced: boolean }): number {
    this.crashAt = null;
    for (const mount of this.mounts) mount.isDead = true;
    this.standalone = new Mount(this, STANDALONE);
    this.mounts = [this.standalone];
    this.locks.clear();
    if (!loseUnsynced) return 0;
    this.boots++;
    this.powerCycles++;
    const lost = this.root.losePower(this.random);
    this.bytesLost += lost;
    this.usedBytes = sizeOf(this.root);
    return lost;
  }

  /** Another, empty disk in its place. For a host whose processes are dead. */
  replace(): void {
    this.crash({ loseUnsynced: true });
    this.root = new DirectoryNode();
    this.usedBytes = 0;
  }

  onOperation(listener: (operation: DiskOperation) => void): void {
    this.listeners.push(listener);
  }

  /** Crashes the caller right after the n-th operation from now (1: the next one) took effect. */
  failAt(nth: number): void {
    this.crashAt = this.operations + nth;
  }

  injectFault(fault: DiskFault): void {
    this.faults.push({ fault, left: fault.times ?? 1 });
  }

  clearFaults(): void {
    this.faults.length = 0;
    this.extraSyncLatencyMs = 0;
  }

  /** Shrinking it below what is used fills the disk. */
  setCapacity(bytes: number): void {
    this.capacityBytes = bytes;
  }

  /** Bytes of files under `path` that a loss of power could take. */
  unsyncedBytes(path = '/'): number {
    const node = this.lookup(path);
    return node === null ? 0 : unsyncedBytesOf(node);
  }

  // ---- Disk, for whoever uses it alone ----

  open(path: string, options?: { create?: boolean }): DiskFile {
    return this.standalone.open(path, options);
  }
  exists(path: string): boolean {
    return this.standalone.exists(path);
  }
  list(path: string): string[] {
    return this.standalone.list(path);
  }
  makeDirectory(path: string): void {
    this.standalone.makeDirectory(path);
  }
  rename(from: string, to: string): void {
    this.standalone.rename(from, to);
  }
  remove(path: string): void {
    this.standalone.remove(path);
  }
  syncDirectory(path: string): void {
    this.standalone.syncDirectory(path);
  }
  readFile(path: string): Buffer | null {
    return this.standalone.readFile(path);
  }
  freeBytes(_path: string): number {
    return Math.max(0, this.capacityBytes - this.usedBytes);
  }
  lock(name: string): Promise<{ release(): Promise<void> } | null> {
    return this.standalone.lock(name);
  }
  bootId(): string {
    return `sim-boot-${this.boots}`;
  }

  // ---- what mounts and files ask ----

  /** @internal Throws the injected error of this call, if there is one. */
  checkFault(kind: DiskOperationKind, path: string): void {
    const entry = this.faults.find(
      ({ fault, left }) => left > 0 && fault.kinds.includes(kind) && (fault.path === undefined || fault.path.test(path)),
    );
    if (!entry) return;
    entry.left--;
    throw new YakError(entry.fault.code, `cannot ${kind} ${path}: injected ${entry.fault.code}`);
  }

  /** @internal Counts an operation that has taken effect; crashes the caller when its time has come. */
  done(kind: DiskOperationKind, path: string): void {
    const operation = { index: ++this.operations, kind, path };
    for (const listener of this.listeners) listener(operation);
    if (this.crashAt === null || this.operations < this.crashAt) return;
    for (const mount of this.mounts) mount.isDead = true;
    throw new SimCrash(`simulated crash after disk operation ${operation.index}: ${kind} ${path}`);
  }

  /** @internal */
  claim(bytes: number, path: string): void {
    if (bytes > 0 && this.usedBytes + bytes > this.capacityBytes)
      throw new YakError('ENOSPC', `cannot write ${path}: no space left on the simulated disk`);
    this.usedBytes += bytes;
  }

  /** @internal Runs when the device is through; not at all if the power went in between. */
  onDevice(kind: 'sync' | 'read', run: () => void): void {
    const powerCycle = this.powerCycles;
    const guarded = () => {
      if (powerCycle === this.powerCycles) run();
    };
    if (!this.options.after) {
      queueMicrotask(guarded);
      return;
    }
    const latencyMs =
      kind === 'sync' ? (this.options.syncLatencyMs?.() ?? 1) + this.extraSyncLatencyMs : (this.options.readLatencyMs?.() ?? 0.1);
    this.options.after(latencyMs, guarded);
  }

  /** @internal */
  get rootNode(): DirectoryNode {
    return this.root;
  }

  /** @internal */
  lookup(path: string): Node | null {
    let node: Node = this.root;
    for (const part of partsOf(path)) {
      if (node.kind !== 'directory') return null;
      const next = node.entries.get(part);
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  /** @internal */
  tryLock(name: string, holder: object): boolean {
    if (this.locks.has(name)) return false;
    this.locks.set(name, holder);
    return true;
  }

  /** @internal */
  unlock(name: string, holder: object): void {
    if (this.locks.get(name) === holder) this.locks.delete(name);
  }
}

class Mount implements Disk {
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

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function missing(what: string, path: string): YakError {
  return new YakError('ENOENT', `cannot ${what} ${path}: no such file or directory`);
}

function sizeOf(node: Node): number {
  if (node.kind === 'file') return node.cache.size;
  let sum = 0;
  for (const child of node.entries.values()) sum += sizeOf(child);
  return sum;
}

function unsyncedBytesOf(node: Node): number {
  if (node.kind === 'file') return node.unsyncedBytes;
  let sum = 0;
  for (const child of node.entries.values()) sum += unsyncedBytesOf(child);
  return sum;
}
