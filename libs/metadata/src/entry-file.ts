/**
 * The file in which a chain of metadata entries lies on disk: the store of the embedded MetadataLog and each broker's own
 * copy (docs/formats/metadata-log.md). Lines of JSON, each behind its CRC32, so that a person may look.
 *
 * One append is one line, so a torn write can only be the last line: it is cut. A bad line with a good one after it is
 * damage, reported and never repaired in silence. A rewrite replaces the file as a whole (tmp, fsync, rename, fsync).
 * After a failed write or sync the file refuses every further one (R16).
 */
import { crc32 } from '@node-rs/crc32';
import type { CoordinatorEpoch } from '#kernel';
import { NO_EPOCH, YakError } from '#kernel';
import type { Disk, DiskFile } from '#seams';
import { replaceFile } from '#seams';
import type { MetadataEntry, MetadataRecord, MetadataSnapshot } from './records.js';
import { GENESIS_OP_ID } from './records.js';

const FORMAT = 'yak-metadata';
const VERSION = 1;
const NEWLINE = 0x0a;

type Line =
  | { readonly kind: 'header'; readonly format: string; readonly version: number; readonly folderId: string | null }
  /** Highest coordinator epoch that was accepted, where it is above that of the last entry. */
  | { readonly kind: 'coordinator-epoch'; readonly value: CoordinatorEpoch }
  | {
      readonly kind: 'snapshot';
      readonly revision: number;
      readonly coordinatorEpoch: CoordinatorEpoch;
      readonly opId: string;
      readonly count: number;
    }
  | { readonly kind: 'record'; readonly record: MetadataRecord }
  | { readonly kind: 'entries'; readonly coordinatorEpoch: CoordinatorEpoch; readonly entries: readonly MetadataEntry[] };

export interface EntryFileContent {
  /** Null: none was stored with the file. */
  readonly folderId: string | null;
  readonly snapshot: MetadataSnapshot | null;
  /** After the snapshot, linked without a gap. */
  readonly entries: MetadataEntry[];
  /** Highest that any good line names; -1 for none. */
  readonly highestCoordinatorEpoch: CoordinatorEpoch;
  /** What is wrong with the file, torn tail excepted; then the content is the good prefix. */
  readonly damage: string | null;
}

export class EntryFile {
  private failure: YakError | null = null;

  private constructor(
    private readonly disk: Disk,
    readonly path: string,
    private file: DiskFile,
  ) {}

  /** Null when there is no such file. Throws a YakError `UNSUPPORTED_METADATA` when a newer release wrote it. */
  static read(disk: Disk, path: string): EntryFileContent | null {
    const bytes = disk.readFile(path);
    return bytes === null ? null : parse(bytes, path);
  }

  /** Writes the file anew, durably, and opens it for appends. */
  static create(disk: Disk, path: string, content: Omit<EntryFileContent, 'damage'>): EntryFile {
    writeWhole(disk, path, content);
    return new EntryFile(disk, path, disk.open(path));
  }

  get sizeBytes(): number {
    return this.file.sizeBytes;
  }

  /** Durable when it returns. Throws a YakError; then nobody knows whether it is stored and the file refuses further writes. */
  appendNow(entries: readonly MetadataEntry[], coordinatorEpoch: CoordinatorEpoch): void {
    this.guarded(() => {
      this.file.write([encodeLine({ kind: 'entries', coordinatorEpoch, entries })], this.file.sizeBytes);
      this.file.syncNow();
    });
  }

  /** The same without blocking. One append at a time. */
  async append(entries: readonly MetadataEntry[], coordinatorEpoch: CoordinatorEpoch): Promise<void> {
    this.guarded(() => this.file.write([encodeLine({ kind: 'entries', coordinatorEpoch, entries })], this.file.sizeBytes));
    try {
      await this.file.sync();
    } catch (error) {
      throw this.fail(error);
    }
  }

  /** Durable when it returns. */
  appendCoordinatorEpochNow(value: CoordinatorEpoch): void {
    this.guarded(() => {
      this.file.write([encodeLine({ kind: 'coordinator-epoch', value })], this.file.sizeBytes);
      this.file.syncNow();
    });
  }

  /** Replaces the content; a crash leaves the old or the new file. Blocking. */
  rewriteNow(content: Omit<EntryFileContent, 'damage'>): void {
    this.guarded(() => {
      this.file.close();
      writeWhole(this.disk, this.path, content);
      this.file = this.disk.open(this.path);
    });
  }

  close(): void {
    if (!this.failure) this.file.close();
  }

  private guarded(work: () => void): void {
    if (this.failure) throw this.failure;
    try {
      work();
    } catch (error) {
      throw this.fail(error);
    }
  }

  private fail(cause: unknown): YakError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.failure = new YakError(
      'METADATA_STORE_FAILED',
      `${this.path} could not be written (${reason}); it takes no more writes until a restart`,
      {
        cause,
      },
    );
    return this.failure;
  }
}

function writeWhole(disk: Disk, path: string, content: Omit<EntryFileContent, 'damage'>): void {
  const lines: Buffer[] = [encodeLine({ kind: 'header', format: FORMAT, version: VERSION, folderId: content.folderId })];
  if (content.highestCoordinatorEpoch !== NO_EPOCH) {
    lines.push(encodeLine({ kind: 'coordinator-epoch', value: content.highestCoordinatorEpoch }));
  }
  const snapshot = content.snapshot;
  if (snapshot) {
    const { revision, coordinatorEpoch, opId, records } = snapshot;
    lines.push(encodeLine({ kind: 'snapshot', revision, coordinatorEpoch, opId, count: records.length }));
    for (const record of records) lines.push(encodeLine({ kind: 'record', record }));
  }
  for (const entry of content.entries)
    lines.push(encodeLine({ kind: 'entries', coordinatorEpoch: entry.coordinatorEpoch, entries: [entry] }));
  const slash = path.lastIndexOf('/');
  replaceFile(disk, path.slice(0, slash), path.slice(slash + 1), Buffer.concat(lines));
}

function encodeLine(line: Line): Buffer {
  return encodeChecked(line);
}

/** `<crc32, 8 hex digits> <json>\n`; the CRC covers the JSON's bytes. */
export function encodeChecked(value: unknown): Buffer {
  const json = JSON.stringify(value);
  return Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} ${json}\n`);
}

/** Undefined when the line is not what was written. `line` is without its newline. */
export function decodeChecked(line: Buffer): unknown {
  const text = line.toString('latin1', 0, 9);
  if (!/^[0-9a-f]{8} $/.test(text)) return undefined;
  const json = line.subarray(9);
  if (crc32(json) !== Number.parseInt(text.slice(0, 8), 16)) return undefined;
  try {
    return JSON.parse(json.toString());
  } catch {
    return undefined;
  }
}

function parse(bytes: Buffer, path: string): EntryFileContent {
  const lines: (Line | undefined)[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start);
    lines.push(end === -1 ? undefined : (decodeChecked(bytes.subarray(start, end)) as Line | undefined));
    start = end === -1 ? bytes.length : end + 1;
  }

  let folderId: string | null = null;
  let highestCoordinatorEpoch: CoordinatorEpoch = NO_EPOCH;
  for (const line of lines) {
    if (line?.kind === 'coordinator-epoch') highestCoordinatorEpoch = Math.max(highestCoordinatorEpoch, line.value);
    if (line?.kind === 'snapshot' || line?.kind === 'entries') {
      highestCoordinatorEpoch = Math.max(highestCoordinatorEpoch, line.coordinatorEpoch);
    }
  }

  let snapshot: MetadataSnapshot | null = null;
  const entries: MetadataEntry[] = [];
  const result = (damage: string | null): EntryFileContent => ({ folderId, snapshot, entries, highestCoordinatorEpoch, damage });
  const damageAt = (index: number, what: string): string => `${path} line ${index + 1}: ${what}`;

  const header = lines[0];
  if (header?.kind !== 'header' || header.format !== FORMAT) return result(damageAt(0, 'is not the header of a metadata file'));
  if (header.version !== VERSION) {
    throw new YakError(
      'UNSUPPORTED_METADATA',
      `${path} has format version ${header.version}, this release knows ${VERSION}: upgrade this process`,
    );
  }
  folderId = header.folderId;

  for (let index = 1; index < lines.length; index++) {
    const line = lines[index];
    if (line === undefined) {
      const isTornTail = lines.slice(index).every((later) => later === undefined);
      // A file is written whole, so a tail that ends inside its snapshot was not torn by an append.
      return result(isTornTail ? null : damageAt(index, 'does not match its checksum'));
    }
    if (line.kind === 'snapshot') {
      const records = lines.slice(index + 1, index + 1 + line.count);
      if (records.length < line.count || records.some((record) => record?.kind !== 'record')) {
        return result(damageAt(index, `the snapshot of ${line.count} records is incomplete`));
      }
      const { revision, coordinatorEpoch, opId } = line;
      snapshot = { revision, coordinatorEpoch, opId, records: records.map((record) => (record as { record: MetadataRecord }).record) };
      entries.length = 0;
      index += line.count;
    } else if (line.kind === 'entries') {
      for (const entry of line.entries) {
        const last: { revision: number; opId: string } | null = entries.at(-1) ?? snapshot;
        if (entry.previousOpId !== (last?.opId ?? GENESIS_OP_ID) || entry.revision !== (last?.revision ?? -1) + 1) {
          return result(damageAt(index, `revision ${entry.revision} does not follow revision ${last?.revision ?? -1}`));
        }
        entries.push(entry);
      }
    } else if (line.kind !== 'coordinator-epoch') {
      throw new YakError(
        'UNSUPPORTED_METADATA',
        `${path} line ${index + 1} is of the kind "${line.kind}", which this release does not expect there`,
      );
    }
  }
  return result(null);
}
