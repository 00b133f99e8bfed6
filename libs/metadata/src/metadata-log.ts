/**
 * The port behind which the metadata chain is stored. Safety is its compare-and-set, never a lock (R17, R18). Adapters:
 * embedded (fsynced file) now, Redis next; each passes test/conformance/metadata-log.
 */
import type { CoordinatorEpoch } from '#kernel';
import type { MetadataEntry, MetadataRecord, MetadataSnapshot } from './records.js';

export interface Expected {
  /** Op id of the entry that this one follows; GENESIS_OP_ID for the first. */
  readonly opId: string;
  readonly revision: number;
}

export type AppendResult =
  | { readonly kind: 'appended'; readonly entry: MetadataEntry }
  /** Somebody else wrote: step down. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It may or may not be stored: nobody is answered until a no-op with the same expectation settled it (R20). */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface MetadataLog {
  /** Snapshot (null for an empty store) and the entries after it. `isSuspect` with a reason: damaged or foreign store (R19). */
  load(): Promise<{ snapshot: MetadataSnapshot | null; entries: MetadataEntry[]; suspicion: string | null }>;
  /** Durably raises the store's coordinator epoch above every earlier one and answers it; older writers are refused from then on. */
  takeOver(atLeast: CoordinatorEpoch): Promise<CoordinatorEpoch>;
  /**
   * A broker knows what this store does not (R19): durably, every load from now on tells `reason` as its suspicion, until a
   * snapshot begins a new history. Nothing is appended meanwhile.
   */
  markSuspect(reason: string): Promise<void>;
  append(expected: Expected, coordinatorEpoch: CoordinatorEpoch, opId: string, records: readonly MetadataRecord[]): Promise<AppendResult>;
  /** Replaces everything up to snapshot.revision; also how a new history begins (R19). */
  writeSnapshot(snapshot: MetadataSnapshot, coordinatorEpoch: CoordinatorEpoch): Promise<void>;
  close(): Promise<void>;
}
