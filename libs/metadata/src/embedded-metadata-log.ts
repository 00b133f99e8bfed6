/**
 * The MetadataLog of a single cluster coordinator: an fsynced chain in one folder (docs/formats/metadata-log.md). Compare-
 * and-set on (coordinator epoch, op id of the last entry), as every adapter; the folder's lock keeps a second process out.
 *
 * The store is suspect (R19) when its chain is broken, when the folder's id or epoch file is missing or does not fit the
 * chain; a plain restart is no suspicion. The mark of it is durable and goes only with a new snapshot.
 */
import type { CoordinatorEpoch } from '#kernel';
import { AssertionError, NO_EPOCH, YakError } from '#kernel';
import type { Disk, Random } from '#seams';
import { randomId, replaceFile } from '#seams';
import { makeDirectoryDurably } from './durable-directory.js';
import { decodeChecked, EntryFile, encodeChecked } from './entry-file.js';
import type { AppendResult, BeatResult, Expected, MetadataLog, Observation } from './metadata-log.js';
import type { MetadataEntry, MetadataRecord, MetadataSnapshot } from './records.js';
import { GENESIS_OP_ID } from './records.js';

const LOG_FILE = 'metadata.log';
const FOLDER_ID_FILE = 'folder-id';
const EPOCH_FILE = 'coordinator-epoch';
const SUSPECT_FILE = 'suspect';

export class EmbeddedMetadataLog implements MetadataLog {
  readonly isShared = false;
  private isClosed = false;
  private failure: string | null = null;

  private constructor(
    private readonly disk: Disk,
    private readonly directory: string,
    private readonly folderId: string,
    private readonly lock: { release(): Promise<void> },
    private file: EntryFile | null,
    private coordinatorEpoch: CoordinatorEpoch,
    private snapshot: MetadataSnapshot | null,
    private entries: MetadataEntry[],
    private suspicion: string | null,
  ) {}

  /**
   * Opens the store in `directory`, made if it is missing. Throws a YakError: `STORE_LOCKED` when another process holds it,
   * `UNSUPPORTED_METADATA` when a newer release wrote it, the disk's code otherwise.
   */
  static async open(disk: Disk, directory: string, random: Random): Promise<EmbeddedMetadataLog> {
    makeDirectoryDurably(disk, directory);
    const storedFolderId = readChecked<{ folderId: string }>(disk, `${directory}/${FOLDER_ID_FILE}`);
    const folderId = storedFolderId?.folderId ?? randomId(random);
    const lock = await disk.lock(`yak-metadata-${folderId}`);
    if (!lock) throw new YakError('STORE_LOCKED', `the metadata store ${directory} is in use by another cluster coordinator`);
    try {
      return EmbeddedMetadataLog.openLocked(disk, directory, folderId, storedFolderId !== null, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  private static openLocked(disk: Disk, directory: string, folderId: string, isFolderKnown: boolean, lock: { release(): Promise<void> }) {
    const path = `${directory}/${LOG_FILE}`;
    const content = EntryFile.read(disk, path);
    const storedEpoch = readChecked<{ value: CoordinatorEpoch }>(disk, `${directory}/${EPOCH_FILE}`);
    const hasEpochFile = disk.exists(`${directory}/${EPOCH_FILE}`);
    const epoch = Math.max(storedEpoch?.value ?? NO_EPOCH, content?.highestCoordinatorEpoch ?? NO_EPOCH);
    const hasContent = content !== null && (content.snapshot !== null || content.entries.length > 0);

    const mark = disk.readFile(`${directory}/${SUSPECT_FILE}`)?.toString().trim();
    let suspicion: string | null = null;
    if (mark !== undefined) suspicion = mark === '' ? 'the store was marked as suspect' : mark;
    else if (content?.damage) suspicion = content.damage;
    else if (content === null && hasEpochFile) suspicion = `${path} is missing though this store was in use`;
    else if (content !== null && !isFolderKnown) suspicion = `${directory}/${FOLDER_ID_FILE} is missing or damaged`;
    else if (content !== null && content.folderId !== folderId) suspicion = `${path} was written in another folder`;
    else if (hasContent && storedEpoch === null) suspicion = `${directory}/${EPOCH_FILE} is missing or damaged`;
    else if (hasContent && storedEpoch!.value < content.highestCoordinatorEpoch)
      suspicion = `${directory}/${EPOCH_FILE} is older than the chain`;

    if (suspicion !== null) {
      if (mark === undefined) replaceFile(disk, directory, SUSPECT_FILE, Buffer.from(`${suspicion}\n`));
      return new EmbeddedMetadataLog(
        disk,
        directory,
        folderId,
        lock,
        null,
        epoch,
        content?.snapshot ?? null,
        content?.entries ?? [],
        suspicion,
      );
    }
    if (!isFolderKnown) replaceFile(disk, directory, FOLDER_ID_FILE, encodeChecked({ folderId }));
    // Written anew before it counts: what was read may have been in the page cache only, and a torn tail goes with it.
    const snapshot = content?.snapshot ?? null;
    const entries = content?.entries ?? [];
    const file = EntryFile.create(disk, path, { folderId, snapshot, entries, highestCoordinatorEpoch: epoch });
    return new EmbeddedMetadataLog(disk, directory, folderId, lock, file, epoch, snapshot, [...entries], null);
  }

  /** Entries since the last snapshot. */
  get entryCount(): number {
    return this.entries.length;
  }

  async load() {
    this.requireUsable();
    return { snapshot: this.snapshot, entries: [...this.entries], suspicion: this.suspicion };
  }

  async takeOver(atLeast: CoordinatorEpoch): Promise<CoordinatorEpoch> {
    this.requireUsable();
    const next = Math.max(this.coordinatorEpoch, atLeast) + 1;
    replaceFile(this.disk, this.directory, EPOCH_FILE, encodeChecked({ value: next }));
    this.coordinatorEpoch = next;
    return next;
  }

  /** Nobody else can hold the folder: it is always this one's turn. */
  async beat(): Promise<BeatResult> {
    return { kind: 'beaten', standbys: [] };
  }

  async release(): Promise<void> {}

  async observe(): Promise<Observation> {
    throw new AssertionError('an embedded store has no standby');
  }

  async markSuspect(reason: string): Promise<void> {
    this.requireUsable();
    if (this.suspicion !== null) return;
    this.suspicion = reason.replace(/\s+/g, ' ');
    replaceFile(this.disk, this.directory, SUSPECT_FILE, Buffer.from(`${this.suspicion}\n`));
  }

  async append(
    expected: Expected,
    coordinatorEpoch: CoordinatorEpoch,
    opId: string,
    records: readonly MetadataRecord[],
  ): Promise<AppendResult> {
    const refusal = this.refusal(expected, coordinatorEpoch);
    if (refusal !== null) return { kind: 'refused', reason: refusal };
    const entry: MetadataEntry = { revision: expected.revision + 1, coordinatorEpoch, opId, previousOpId: expected.opId, records };
    // Claimed before the sync, so that a second append of the same expectation is refused, not interleaved.
    this.entries.push(entry);
    try {
      await this.file!.append([entry], coordinatorEpoch);
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      return { kind: 'unknown', reason: this.failure };
    }
    return { kind: 'appended', entry };
  }

  async writeSnapshot(snapshot: MetadataSnapshot, coordinatorEpoch: CoordinatorEpoch): Promise<void> {
    this.requireUsable();
    if (coordinatorEpoch !== this.coordinatorEpoch) {
      throw new YakError('STALE_COORDINATOR_EPOCH', `coordinator epoch ${coordinatorEpoch} was replaced by ${this.coordinatorEpoch}`);
    }
    const at = this.entries.findIndex((entry) => entry.opId === snapshot.opId);
    const entries = at === -1 ? [] : this.entries.slice(at + 1);
    const content = { folderId: this.folderId, snapshot, entries, highestCoordinatorEpoch: coordinatorEpoch };
    try {
      if (this.file) this.file.rewriteNow(content);
      else this.file = EntryFile.create(this.disk, `${this.directory}/${LOG_FILE}`, content);
      if (this.suspicion !== null) this.clearSuspicion();
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      throw error;
    }
    this.snapshot = snapshot;
    this.entries = entries;
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.file?.close();
    await this.lock.release();
  }

  /** The mark goes last: until then a crash leaves the store suspect. */
  private clearSuspicion(): void {
    replaceFile(this.disk, this.directory, FOLDER_ID_FILE, encodeChecked({ folderId: this.folderId }));
    this.disk.remove(`${this.directory}/${SUSPECT_FILE}`);
    this.disk.syncDirectory(this.directory);
    this.suspicion = null;
  }

  private refusal(expected: Expected, coordinatorEpoch: CoordinatorEpoch): string | null {
    if (this.isClosed) return 'the store is closed';
    if (this.failure !== null) return this.failure;
    if (this.suspicion !== null) return `the store is suspect: ${this.suspicion}`;
    if (coordinatorEpoch !== this.coordinatorEpoch) return `coordinator epoch ${coordinatorEpoch} was replaced by ${this.coordinatorEpoch}`;
    const last = this.entries.at(-1) ?? this.snapshot;
    const opId = last?.opId ?? GENESIS_OP_ID;
    const revision = last?.revision ?? -1;
    if (expected.opId === opId && expected.revision === revision) return null;
    return `the chain is at revision ${revision} with op id "${opId}", not at ${expected.revision} with "${expected.opId}"`;
  }

  private requireUsable(): void {
    if (this.isClosed) throw new YakError('STORE_CLOSED', `the metadata store ${this.directory} is closed`);
    if (this.failure !== null) throw new YakError('METADATA_STORE_FAILED', this.failure);
  }
}

/** Null when the file is missing or not what was written. */
function readChecked<T>(disk: Disk, path: string): T | null {
  const bytes = disk.readFile(path);
  if (bytes === null || bytes.length === 0) return null;
  return (decodeChecked(bytes.subarray(0, bytes.length - 1)) as T | undefined) ?? null;
}
