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
import { type DiskOwner, Mount, partsOf } from './mounted-disk.js';
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
