/**
 * The port behind which the metadata chain is stored. Safety is its compare-and-set, never a lock (R17, R18). Adapters:
 * embedded (one process, fsynced file) and Redis (shared by several coordinators); each passes test/conformance/metadata-log.
 *
 * Who acts on a shared store: the one whose beat counter advances. There is no lock and nothing expires. A coordinator that saw
 * the counter stand still for a session of its own clock takes over, which raises the coordinator epoch; whoever held an
 * older one is refused from then on, whenever it wakes up.
 */
import type { CoordinatorEpoch } from '#kernel';
import type { Endpoint, MetadataEntry, MetadataRecord, MetadataSnapshot } from './records.js';

/** A cluster coordinator process, as the others find it. */
export interface Coordinator extends Endpoint {
  readonly id: number;
}

/** Whose turn it is, as the store has it. */
export interface StoredTurn {
  readonly coordinatorEpoch: CoordinatorEpoch;
  /** Only rises within a coordinator epoch. Whoever saw (epoch, beat) stand still for a session may take over. */
  readonly beat: number;
  /** Null: released, anybody may take over at once. */
  readonly actor: Coordinator | null;
}

/** Who takes over, and what it saw before. */
export interface Claim {
  readonly actor: Coordinator;
  /** `beat` null: only the coordinator epoch has to be the same (who holds the turn itself, and goes on beating). */
  readonly still?: { readonly coordinatorEpoch: CoordinatorEpoch; readonly beat: number | null } | null;
}

export type BeatResult =
  /** This coordinator acted at some moment between call and answer. `standbys`: who looked lately, itself excluded. */
  | { readonly kind: 'beaten'; readonly standbys: readonly Coordinator[] }
  /** Somebody else took over, or the store is not the one that was taken over any more: stop acting. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The store is slow or away. Nothing is known; it may be tried again. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** What a standby sees. */
export interface Observation {
  /** Null: nobody ever took this store over, or all of it is gone. */
  readonly turn: StoredTurn | null;
  /** Entries after the asked position; null when they cannot be had (covered by a snapshot, another history): load. */
  readonly entries: readonly MetadataEntry[] | null;
}

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

/**
 * `load` of a shared store stores no suspicion while it is somebody else's turn: it tells, and the acting coordinator judges.
 * Except where a takeover that this process saw is missing from the store: then it is the acting one that cannot know.
 */
export interface MetadataLog {
  /** False: one process at a time can open it, so there is nobody to stand by for. Then `observe` is never called. */
  readonly isShared: boolean;
  /** Snapshot (null for an empty store) and the entries after it. `isSuspect` with a reason: damaged or foreign store (R19). */
  load(): Promise<{ snapshot: MetadataSnapshot | null; entries: MetadataEntry[]; suspicion: string | null }>;
  /**
   * Durably raises the store's coordinator epoch above every earlier one and answers it; older writers are refused from then on.
   * With `claim.still`, only if nobody took over and nobody beat since that was observed (null: nobody ever took it over); throws
   * a YakError `NOT_MY_TURN` otherwise. A store that is not shared has no use for a claim.
   */
  takeOver(atLeast: CoordinatorEpoch, claim?: Claim): Promise<CoordinatorEpoch>;
  /** One atomic step: tests the coordinator epoch, advances the beat counter. Also the proof that this coordinator still acts. */
  beat(coordinatorEpoch: CoordinatorEpoch): Promise<BeatResult>;
  /** Gives the turn up, so that a standby need not wait for a session. Never throws; a lost release costs time only. */
  release(coordinatorEpoch: CoordinatorEpoch): Promise<void>;
  /** Looks without writing the chain. `standby`: who looks, remembered for `beat`. Throws a YakError `METADATA_STORE_UNAVAILABLE`. */
  observe(after: Expected, standby: Coordinator): Promise<Observation>;
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
