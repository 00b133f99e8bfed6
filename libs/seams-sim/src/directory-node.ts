/**
 * One directory of a SimDisk. Names that were created, renamed or removed since the last syncDirectory may or may not
 * survive a loss of power, but always as a prefix of the order in which they were done.
 */
import type { FileNode } from './file-node.js';
import type { SimRandom } from './random.js';

export type Node = FileNode | DirectoryNode;

type PendingName =
  | { readonly kind: 'link'; readonly name: string; readonly node: Node }
  | { readonly kind: 'unlink'; readonly name: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly node: Node };

export class DirectoryNode {
  readonly kind = 'directory';
  entries = new Map<string, Node>();
  private durable = new Map<string, Node>();
  private pending: PendingName[] = [];

  link(name: string, node: Node): void {
    this.record({ kind: 'link', name, node });
  }

  unlink(name: string): void {
    this.record({ kind: 'unlink', name });
  }

  rename(from: string, to: string, node: Node): void {
    this.record({ kind: 'rename', from, to, node });
  }

  sync(): void {
    for (const operation of this.pending) apply(this.durable, operation);
    this.pending = [];
  }

  get unsyncedNames(): number {
    return this.pending.length;
  }

  /** Loss of power, here and below. Answers how many unsynced bytes of files are gone. */
  losePower(random: SimRandom): number {
    // Files that only the cache still knows take their unsynced bytes with them.
    const before = new Set<Node>([...this.entries.values(), ...this.durable.values()]);
    const keep = random.integer(this.pending.length + 1);
    for (const operation of this.pending.slice(0, keep)) apply(this.durable, operation);
    this.pending = [];
    this.entries = new Map(this.durable);
    let lostBytes = 0;
    for (const node of before) lostBytes += node.losePower(random);
    return lostBytes;
  }

  private record(operation: PendingName): void {
    apply(this.entries, operation);
    this.pending.push(operation);
  }
}

function apply(entries: Map<string, Node>, operation: PendingName): void {
  switch (operation.kind) {
    case 'link':
      entries.set(operation.name, operation.node);
      return;
    case 'unlink':
      entries.delete(operation.name);
      return;
    case 'rename':
      entries.delete(operation.from);
      entries.set(operation.to, operation.node);
  }
}
