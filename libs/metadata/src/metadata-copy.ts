/**
 * A broker's own copy of the metadata chain. A change is durable here before the broker acts on it (R17); what it holds is
 * always a prefix of one history (S12). It remembers the highest coordinator epoch it ever followed and refuses lower ones.
 *
 * It does not fetch: the caller asks the cluster coordinator and hands over what came.
 */
import type { CoordinatorEpoch } from '#kernel';
import type { Disk } from '#seams';
import { makeDirectoryDurably, parentOf } from './durable-directory.js';
import { EntryFile } from './entry-file.js';
import { MetadataImage } from './image.js';
import type { MetadataEntry, MetadataSnapshot } from './records.js';

/** The file is rewritten as a snapshot when it exceeds this and four times the size of the last snapshot. */
export const COPY_COMPACTION_MIN_BYTES = 256 * 1024;

export type CopyUpdate =
  | { readonly kind: 'entries'; readonly entries: readonly MetadataEntry[] }
  | { readonly kind: 'snapshot'; readonly snapshot: MetadataSnapshot };

export type CopyOutcome =
  /** Durable. `before` is what the copy was; entries that it had already are skipped. */
  | {
      readonly kind: 'applied';
      readonly before: MetadataImage;
      readonly after: MetadataImage;
      readonly entries: readonly MetadataEntry[] | null;
    }
  /** Sent by a deposed coordinator: drop it. */
  | { readonly kind: 'stale-coordinator'; readonly highestCoordinatorEpoch: CoordinatorEpoch }
  /** Does not follow what is held: ask for a snapshot. */
  | { readonly kind: 'needs-snapshot'; readonly reason: string };

export class MetadataCopy {
  private constructor(
    private readonly file: EntryFile,
    private current: MetadataImage,
    private highest: CoordinatorEpoch,
    private snapshotBytes: number,
    /** What was found wrong at open, for the log; the copy then holds the good prefix. Null: nothing. */
    readonly damage: string | null,
  ) {}

  /**
   * Opens or creates the file at `path`; its directory is made if it is missing. What was read is written again, durably,
   * before it counts: it may have come out of the page cache only. Throws a YakError when the disk fails or a newer release
   * wrote the file.
   */
  static open(disk: Disk, path: string): MetadataCopy {
    makeDirectoryDurably(disk, parentOf(path));
    const content = EntryFile.read(disk, path);
    const image = MetadataImage.fromChain(content ?? { snapshot: null, entries: [] });
    const highest = content?.highestCoordinatorEpoch ?? -1;
    const file = EntryFile.create(disk, path, fileContent(image, highest));
    return new MetadataCopy(file, image, highest, file.sizeBytes, content?.damage ?? null);
  }

  get image(): MetadataImage {
    return this.current;
  }

  /** -1 before the first. */
  get highestCoordinatorEpoch(): CoordinatorEpoch {
    return this.highest;
  }

  /**
   * Applies what a coordinator of `coordinatorEpoch` sent; durable when it returns. Blocks for one fsync, none when nothing
   * is new. Throws a YakError when the disk failed: the broker must stop acting on metadata.
   */
  applyDurably(update: CopyUpdate, coordinatorEpoch: CoordinatorEpoch): CopyOutcome {
    if (coordinatorEpoch < this.highest) return { kind: 'stale-coordinator', highestCoordinatorEpoch: this.highest };
    return update.kind === 'snapshot'
      ? this.applySnapshot(update.snapshot, coordinatorEpoch)
      : this.applyEntries(update.entries, coordinatorEpoch);
  }

  /** A coordinator of this epoch was heard: no lower one is followed from now on. Durable when it returns. */
  noteCoordinatorEpoch(coordinatorEpoch: CoordinatorEpoch): void {
    if (coordinatorEpoch <= this.highest) return;
    this.file.appendCoordinatorEpochNow(coordinatorEpoch);
    this.highest = coordinatorEpoch;
  }

  close(): void {
    this.file.close();
  }

  private applyEntries(sent: readonly MetadataEntry[], coordinatorEpoch: CoordinatorEpoch): CopyOutcome {
    const before = this.current;
    const first = sent.findIndex((entry) => entry.previousOpId === before.opId);
    const isKnown = sent.length === 0 || sent.at(-1)!.opId === before.opId;
    const entries = isKnown ? [] : sent.slice(Math.max(first, 0));
    if (!isKnown && first === -1) {
      return { kind: 'needs-snapshot', reason: `entry ${sent[0]!.revision} does not follow revision ${before.revision}` };
    }
    let after = before;
    for (const entry of entries) {
      if (entry.previousOpId !== after.opId || entry.revision !== after.revision + 1 || entry.coordinatorEpoch < after.coordinatorEpoch) {
        return { kind: 'needs-snapshot', reason: `entry ${entry.revision} does not follow revision ${after.revision}` };
      }
      after = after.apply(entry);
    }
    if (entries.length > 0) this.file.appendNow(entries, coordinatorEpoch);
    else this.noteCoordinatorEpoch(coordinatorEpoch);
    this.current = after;
    this.highest = coordinatorEpoch;
    this.compactIfLarge();
    return { kind: 'applied', before, after, entries };
  }

  private applySnapshot(snapshot: MetadataSnapshot, coordinatorEpoch: CoordinatorEpoch): CopyOutcome {
    const before = this.current;
    if (snapshot.opId === before.opId) return this.applyEntries([], coordinatorEpoch);
    // Forward only. A new history, too, begins far above every copy (R19); a lower revision is a store that went back.
    const isForward = snapshot.revision > before.revision && snapshot.coordinatorEpoch >= before.coordinatorEpoch;
    if (!isForward) {
      return { kind: 'needs-snapshot', reason: `snapshot of revision ${snapshot.revision} is older than revision ${before.revision}` };
    }
    const after = MetadataImage.fromSnapshot(snapshot);
    this.file.rewriteNow(fileContent(after, coordinatorEpoch));
    this.snapshotBytes = this.file.sizeBytes;
    this.current = after;
    this.highest = coordinatorEpoch;
    return { kind: 'applied', before, after, entries: null };
  }

  private compactIfLarge(): void {
    if (this.file.sizeBytes < Math.max(COPY_COMPACTION_MIN_BYTES, 4 * this.snapshotBytes)) return;
    this.file.rewriteNow(fileContent(this.current, this.highest));
    this.snapshotBytes = this.file.sizeBytes;
  }
}

function fileContent(image: MetadataImage, highestCoordinatorEpoch: CoordinatorEpoch) {
  return { folderId: null, snapshot: image.revision < 0 ? null : image.toSnapshot(), entries: [], highestCoordinatorEpoch };
}
