/** What lies in a shared store, read and judged: whose turn it is, the good prefix of the chain, what is wrong with the rest (R19). Pure. */
import { type CoordinatorEpoch, NO_EPOCH, YakError } from '#kernel';
import { decodeChecked } from '../entry-file.js';
import type { Coordinator, StoredTurn } from '../metadata-log.js';
import { NEW_HISTORY_STEP } from '../new-history.js';
import { GENESIS_OP_ID, type MetadataEntry, type MetadataSnapshot } from '../records.js';

export const STORE_FORMAT_VERSION = '1';

/** The hash against which every step is tested. */
export interface StoredState {
  /** False: nobody ever took this store over, or all of it is gone. */
  readonly exists: boolean;
  readonly storeId: string;
  /** Of the store's process in which this history was begun or accepted; another one may hold less. */
  readonly runId: string;
  readonly coordinatorEpoch: CoordinatorEpoch;
  /** Random per takeover: tells it from every other one, even of a store that went back and gave the same epoch again. */
  readonly turnId: string;
  readonly beat: number;
  readonly actor: Coordinator | null;
  readonly revision: number;
  readonly opId: string;
  readonly snapshotRevision: number;
  /** The durable mark. */
  readonly suspect: string | null;
}

export interface StoredChain extends StoredState {
  readonly snapshot: MetadataSnapshot | null;
  readonly entries: MetadataEntry[];
  readonly damage: string | null;
}

/** Throws a YakError `UNSUPPORTED_METADATA` when another release wrote it. `source` names the store in messages. */
export function readStoredState(flat: readonly string[], source: string): StoredState {
  const state = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) state.set(flat[i]!, flat[i + 1]!);
  const exists = state.size > 0;
  if (exists && state.get('format') !== STORE_FORMAT_VERSION) throw unsupportedFormat(state.get('format') ?? '', source);
  return {
    exists,
    storeId: state.get('storeId') ?? '',
    runId: state.get('runId') ?? '',
    coordinatorEpoch: Number(state.get('coordinatorEpoch') ?? NO_EPOCH),
    turnId: state.get('turnId') ?? '',
    beat: Number(state.get('beat') ?? 0),
    actor: coordinatorOf(state.get('actor')),
    revision: Number(state.get('revision') ?? -1),
    opId: state.get('opId') ?? GENESIS_OP_ID,
    snapshotRevision: Number(state.get('snapshotRevision') ?? -1),
    suspect: state.get('suspect') ?? null,
  };
}

/** Throws as readStoredState. */
export function readStoredChain(flat: readonly string[], snapshotLine: string, lines: readonly string[], source: string): StoredChain {
  const state = readStoredState(flat, source);
  let damage: string | null = null;
  const snapshot = snapshotLine === '' ? null : decodeLine<MetadataSnapshot>(snapshotLine);
  if ((snapshot?.revision ?? -1) !== state.snapshotRevision)
    damage = `the snapshot of revision ${state.snapshotRevision} is missing or damaged`;
  const start = snapshot ?? { revision: -1, opId: GENESIS_OP_ID };
  const linked = damage === null ? linkedEntries(lines, start) : { entries: [], damage };
  const last = linked.entries.at(-1) ?? start;
  damage = linked.damage;
  if (damage === null && (last.revision !== state.revision || last.opId !== state.opId))
    damage = `the chain ends at revision ${last.revision}, not at ${state.revision}`;
  return { ...state, snapshot, entries: linked.entries, damage };
}

/** The good prefix of lines that follow `after`. */
export function linkedEntries(
  lines: readonly string[],
  after: { readonly revision: number; readonly opId: string },
): { entries: MetadataEntry[]; damage: string | null } {
  const entries: MetadataEntry[] = [];
  let last = after;
  for (const line of lines) {
    const entry = decodeLine<MetadataEntry>(line);
    if (entry === null) return { entries, damage: `the entry of revision ${last.revision + 1} is damaged` };
    if (entry.revision !== last.revision + 1 || entry.previousOpId !== last.opId)
      return { entries, damage: `the entry of revision ${last.revision + 1} is not linked to the one before` };
    entries.push(entry);
    last = entry;
  }
  return { entries, damage: null };
}

export function turnOf(state: StoredState): StoredTurn | null {
  return state.exists ? { coordinatorEpoch: state.coordinatorEpoch, beat: state.beat, actor: state.actor } : null;
}

/** Null for one that is not there or cannot be read. */
export function coordinatorOf(json: string | undefined): Coordinator | null {
  if (json === undefined) return null;
  try {
    const { id, host, port } = JSON.parse(json) as Coordinator;
    return { id, host, port };
  } catch {
    return null;
  }
}

/** One coordinator has one spelling: it is compared as text in the store. */
export function coordinatorText({ id, host, port }: Coordinator): string {
  return JSON.stringify({ id, host, port });
}

function decodeLine<T>(line: string): T | null {
  return (decodeChecked(Buffer.from(line)) as T | undefined) ?? null;
}

export function unsupportedFormat(format: string, source: string): YakError {
  return new YakError(
    'UNSUPPORTED_METADATA',
    `${source} holds metadata of format "${format}", and this release knows ${STORE_FORMAT_VERSION}: start the release that wrote it, or name another store`,
  );
}

/** The last state of the store that this process saw with its own eyes. */
export interface Witness {
  readonly storeId: string;
  readonly coordinatorEpoch: CoordinatorEpoch;
  readonly revision: number;
  readonly opId: string;
}

export interface Suspicion {
  readonly reason: string;
  /**
   * Nothing speaks against the store but that its process is another one than that of the history: everybody sees that, until
   * somebody who may does away with it. Others are known to this process only, so it has to store them.
   */
  readonly isRestartOnly: boolean;
}

/** Why the store is not to be believed; null when nothing speaks against it. What only brokers know, they have to say. */
export function suspicionOf(chain: StoredChain, runId: string, witness: Witness | null): Suspicion | null {
  const because = (reason: string, isRestartOnly = false): Suspicion => ({ reason, isRestartOnly });
  if (chain.suspect !== null) return because(chain.suspect);
  const contradiction = witness === null ? null : contradictionOf(chain, chain.snapshot, chain.entries, witness);
  if (contradiction !== null) return because(contradiction);
  if (!chain.exists) return null;
  if (chain.runId !== runId) {
    const restarted = `the store was restarted or replaced (run id ${runId}, was ${chain.runId}) and may have lost metadata`;
    return chain.damage === null ? because(restarted, true) : because(`${restarted}; ${chain.damage}`);
  }
  return chain.damage === null ? null : because(chain.damage);
}

/**
 * Whether a takeover that this process saw is missing: the epoch of a store only rises, also where a new history begins. Whoever
 * acts on such a store acts in the past, and cannot know.
 */
export function lostTakeover(state: StoredState, witness: Witness | null): boolean {
  return witness !== null && state.exists && state.storeId === witness.storeId && state.coordinatorEpoch < witness.coordinatorEpoch;
}

/**
 * Whether another coordinator began a new history where the store that this process saw had been lost: its numbers are far above
 * all that was known (a takeover or two that no broker heard of aside). To suspect it would be to begin a further one, from
 * copies that are of this one by now.
 */
function isNewHistory(state: StoredState, witness: Witness): boolean {
  const isFarAbove = state.coordinatorEpoch >= witness.coordinatorEpoch + NEW_HISTORY_STEP / 2;
  return isFarAbove && state.suspect === null && state.revision > witness.revision;
}

/** What in the store is not as this process saw it; null for none. `entries` need not be all of them. */
export function contradictionOf(
  state: StoredState,
  snapshot: MetadataSnapshot | null,
  entries: readonly MetadataEntry[],
  witness: Witness,
): string | null {
  const had = `revision ${witness.revision} of coordinator epoch ${witness.coordinatorEpoch}`;
  if (!state.exists) return `the store came back empty; it held ${had}`;
  if (state.storeId !== witness.storeId) return isNewHistory(state, witness) ? null : `the store is another one than that with ${had}`;
  if (state.coordinatorEpoch < witness.coordinatorEpoch || state.revision < witness.revision)
    return `the store came back older, with revision ${state.revision} of coordinator epoch ${state.coordinatorEpoch}; it held ${had}`;
  const at = [...entries, ...(snapshot ? [snapshot] : []), state].find(({ revision }) => revision === witness.revision);
  return at !== undefined && at.opId !== witness.opId ? `the store holds another history than the one with ${had}` : null;
}
