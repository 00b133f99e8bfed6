/** Producer snapshots of a partition folder, and rebuilding the state from the newest valid one and the headers behind it. */
import { CorruptionError, type Offset, type WallMs } from '#kernel';
import { recordBatch } from '#record';
import type { Disk } from '#seams';
import { decodeProducerSnapshot, encodeProducerSnapshot } from './producer-snapshot.js';
import { ProducerState } from './producer-state.js';
import { scanInSteps } from './scan-batches.js';
import { SNAPSHOT_SUFFIX, segmentPath } from './segment.js';
import type { SegmentStore } from './segment-store.js';
import type { Steps } from './steps.js';

/** Older ones than this many are removed. One segment apart each: truncation rarely goes further back. */
const SNAPSHOTS_KEPT = 3;

/** Without `isSynced` a crash may lose it, and its CRC tells. */
export function writeProducerSnapshot(disk: Disk, folder: string, offset: Offset, state: ProducerState, isSynced: boolean): void {
  const path = segmentPath(folder, offset, SNAPSHOT_SUFFIX);
  disk.remove(path);
  const file = disk.open(path, { create: true });
  try {
    file.write([encodeProducerSnapshot(state)], 0);
    if (isSynced) file.syncNow();
  } finally {
    file.close();
  }
  for (const older of snapshotOffsets(disk, folder).slice(0, -SNAPSHOTS_KEPT)) disk.remove(segmentPath(folder, older, SNAPSHOT_SUFFIX));
}

/** They say nothing about a log that ends at `offset`. Durable once the caller synced the folder. */
export function removeSnapshotsAbove(disk: Disk, folder: string, offset: Offset): void {
  for (const each of snapshotOffsets(disk, folder)) if (each > offset) disk.remove(segmentPath(folder, each, SNAPSHOT_SUFFIX));
}

/** End offsets of the snapshots in a folder, ascending. */
export function snapshotOffsets(disk: Disk, folder: string): Offset[] {
  return disk
    .list(folder)
    .filter((name) => name.endsWith(SNAPSHOT_SUFFIX))
    .map((name) => Number(name.slice(0, -SNAPSHOT_SUFFIX.length)))
    .filter(Number.isSafeInteger)
    .sort((a, b) => a - b);
}

/** The state as of `endOffset`, which is the end of the store. Snapshots behind it or damaged ones are removed. */
export function* loadProducerState(disk: Disk, store: SegmentStore, endOffset: Offset, nowMs: WallMs): Steps<ProducerState> {
  const { state, offset } = newestSnapshot(disk, store.folder, endOffset);
  for (const segment of store.segments) {
    if (segment.nextOffset <= offset || segment.sizeBytes === 0) continue;
    const from = segment.baseOffset < offset ? segment.locate(offset).position : 0;
    const end = yield* scanInSteps(
      segment.file,
      { from, to: segment.sizeBytes, firstOffset: null, leaderEpochMin: -1, withCrc: false },
      (buffer, at) => {
        if (recordBatch.baseOffset(buffer, at) >= offset) state.record(buffer, at, nowMs);
      },
    );
    if (end.problem !== null) throw new CorruptionError(`${segment.file.path} at byte ${end.position}: ${end.problem}`);
  }
  return state;
}

function newestSnapshot(disk: Disk, folder: string, endOffset: Offset): { state: ProducerState; offset: Offset } {
  for (const offset of snapshotOffsets(disk, folder).reverse()) {
    const path = segmentPath(folder, offset, SNAPSHOT_SUFFIX);
    if (offset <= endOffset) {
      const content = disk.readFile(path);
      try {
        if (content !== null) return { state: decodeProducerSnapshot(content), offset };
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
      }
    }
    disk.remove(path);
  }
  return { state: new ProducerState(), offset: 0 };
}
