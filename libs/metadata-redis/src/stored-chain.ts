/** What lies in Redis, read and judged: the good prefix of the chain, and what is wrong with the rest (R19). Pure. */
import { type CoordinatorEpoch, NO_EPOCH, YakError } from '#kernel';
import { decodeChecked, GENESIS_OP_ID, type MetadataEntry, type MetadataSnapshot } from '#metadata';
import { FORMAT_VERSION } from './store-script.js';

export interface StoredChain {
  /** False: nobody ever took this store over, or all of it is gone. */
  readonly exists: boolean;
  readonly storeId: string;
  /** Of the Redis in which this history was begun; another one may hold less. */
  readonly runId: string;
  readonly coordinatorEpoch: CoordinatorEpoch;
  readonly revision: number;
  readonly opId: string;
  /** The durable mark. */
  readonly suspect: string | null;
  readonly snapshot: MetadataSnapshot | null;
  readonly entries: MetadataEntry[];
  readonly damage: string | null;
}

/** Throws a YakError `UNSUPPORTED_METADATA` when another release wrote it. `source` names the store in messages. */
export function readStoredChain(flat: readonly string[], snapshotLine: string, lines: readonly string[], source: string): StoredChain {
  const state = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) state.set(flat[i]!, flat[i + 1]!);
  const exists = state.size > 0;
  if (exists && state.get('format') !== FORMAT_VERSION) throw unsupportedFormat(state.get('format') ?? '', source);

  const revision = Number(state.get('revision') ?? -1);
  const opId = state.get('opId') ?? GENESIS_OP_ID;
  let damage: string | null = null;
  let snapshot: MetadataSnapshot | null = null;
  const entries: MetadataEntry[] = [];
  if (snapshotLine !== '') snapshot = decode<MetadataSnapshot>(snapshotLine);
  const snapshotRevision = Number(state.get('snapshotRevision') ?? -1);
  if ((snapshot?.revision ?? -1) !== snapshotRevision) damage = `the snapshot of revision ${snapshotRevision} is missing or damaged`;
  let last: { revision: number; opId: string } = snapshot ?? { revision: -1, opId: GENESIS_OP_ID };
  for (const line of damage === null ? lines : []) {
    const entry = decode<MetadataEntry>(line);
    if (entry === null || entry.revision !== last.revision + 1 || entry.previousOpId !== last.opId) {
      damage = `the entry of revision ${last.revision + 1} is ${entry === null ? 'damaged' : 'not linked to the one before'}`;
      break;
    }
    entries.push(entry);
    last = entry;
  }
  if (damage === null && (last.revision !== revision || last.opId !== opId))
    damage = `the chain ends at revision ${last.revision}, not at ${revision}`;
  return {
    exists,
    storeId: state.get('storeId') ?? '',
    runId: state.get('runId') ?? '',
    coordinatorEpoch: Number(state.get('coordinatorEpoch') ?? NO_EPOCH),
    revision,
    opId,
    suspect: state.get('suspect') ?? null,
    snapshot,
    entries,
    damage,
  };
}

function decode<T>(line: string): T | null {
  return (decodeChecked(Buffer.from(line)) as T | undefined) ?? null;
}

export function unsupportedFormat(format: string, source: string): YakError {
  return new YakError(
    'UNSUPPORTED_METADATA',
    `${source} holds metadata of format "${format}", and this release knows ${FORMAT_VERSION}: start the release that wrote it, or name another store`,
  );
}

/** The last state of the store that this process saw with its own eyes. */
export interface Witness {
  readonly storeId: string;
  readonly coordinatorEpoch: CoordinatorEpoch;
  readonly revision: number;
  readonly opId: string;
}

/** Why the store is not to be believed; null when nothing speaks against it. What only brokers know, they have to say. */
export function suspicionOf(chain: StoredChain, runId: string, witness: Witness | null): string | null {
  if (chain.suspect !== null) return chain.suspect;
  if (witness !== null) {
    const had = `revision ${witness.revision} of coordinator epoch ${witness.coordinatorEpoch}`;
    if (!chain.exists) return `Redis came back empty; it held ${had}`;
    if (chain.storeId !== witness.storeId) return `Redis holds another store than the one with ${had}`;
    const at = [...chain.entries, ...(chain.snapshot ? [chain.snapshot] : [])].find(({ revision }) => revision === witness.revision);
    if (chain.coordinatorEpoch < witness.coordinatorEpoch || chain.revision < witness.revision)
      return `Redis came back older, with revision ${chain.revision} of coordinator epoch ${chain.coordinatorEpoch}; it held ${had}`;
    if (at !== undefined && at.opId !== witness.opId) return `Redis holds another history than the one with ${had}`;
  }
  if (!chain.exists) return null;
  if (chain.runId !== runId) return `Redis was restarted or replaced (run id ${runId}, was ${chain.runId}) and may have lost metadata`;
  return chain.damage;
}
