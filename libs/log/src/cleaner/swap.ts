/**
 * Puts a cleaned segment in the place of those it was made from, so that a loss of power at any point leaves the old ones or the
 * new one, whole (S13). Its three files are complete and synced under `.cleaned` names. The rename of the log file to `.swap` is the
 * decision: before it a start throws `.cleaned` files away, after it a start completes what follows. What happens is in steps with a
 * sync of the folder between them, because a disk may keep the names of one step in any order.
 */
import { assert, CorruptionError } from '#kernel';
import { recordBatch } from '#record';
import type { Disk } from '#seams';
import { scanBatches } from '../scan-batches.js';
import { OFFSET_INDEX_SUFFIX, SEGMENT_SUFFIX, Segment, segmentPath, TIME_INDEX_SUFFIX } from '../segment.js';

export const CLEANED_SUFFIX = '.cleaned';
export const SWAP_SUFFIX = '.swap';

const INDEX_SUFFIXES = [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX] as const;

/** An empty segment to write into; what an earlier attempt left of it is gone. */
export function openCleaned(disk: Disk, folder: string, like: Segment): Segment {
  for (const suffix of [SEGMENT_SUFFIX, ...INDEX_SUFFIXES]) disk.remove(segmentPath(folder, like.baseOffset, suffix + CLEANED_SUFFIX));
  const cleaned = new Segment(disk, folder, like.baseOffset, like.createdMs, CLEANED_SUFFIX);
  // Asking makes the files, so that there are three to rename however few entries come.
  assert(cleaned.offsetIndex.file.entries + cleaned.timeIndex.file.entries === 0, 'a cleaned segment begins empty');
  return cleaned;
}

/**
 * `cleaned` is sealed and synced and covers the offsets of `old`, which are neighbours. Durable when it returns; the answer is
 * the segment under its own name, ready to be read. The caller gives it to the store in the same turn.
 */
export function swapIn(disk: Disk, folder: string, old: readonly Segment[], cleaned: Segment, createdMs: number): Segment {
  const { baseOffset } = cleaned;
  const path = (suffix: string) => segmentPath(folder, baseOffset, suffix);
  cleaned.close();
  disk.rename(path(SEGMENT_SUFFIX + CLEANED_SUFFIX), path(SEGMENT_SUFFIX + SWAP_SUFFIX));
  disk.syncDirectory(folder);
  removeOld(
    disk,
    folder,
    baseOffset,
    old.map((segment) => segment.baseOffset),
  );
  for (const suffix of INDEX_SUFFIXES) disk.rename(path(suffix + CLEANED_SUFFIX), path(suffix));
  disk.rename(path(SEGMENT_SUFFIX + SWAP_SUFFIX), path(SEGMENT_SUFFIX));
  disk.syncDirectory(folder);
  const segment = new Segment(disk, folder, baseOffset, createdMs);
  const problem = segment.load();
  if (problem !== null) throw new CorruptionError(`${path(SEGMENT_SUFFIX)} was cleaned and cannot be loaded: ${problem}`);
  segment.close();
  return segment;
}

/** At a start, before anything else is looked at. Throws CorruptionError when a swapped file is damaged. */
export function completeSwaps(disk: Disk, folder: string): void {
  for (const name of disk.list(folder)) {
    const match = /^(\d{20})\.log\.swap$/.exec(name);
    if (match === null) continue;
    const baseOffset = Number(match[1]);
    const endOffset = endOf(disk, `${folder}/${name}`);
    const old = disk
      .list(folder)
      .filter((each) => /^\d{20}\.(log|index|timeindex)$/.test(each))
      .map((each) => Number(each.slice(0, 20)))
      .filter((each) => each >= baseOffset && each < endOffset);
    // The indexes are made anew from the segment, which is read whole then: rare, and nothing needs to be known of them here.
    removeOld(disk, folder, baseOffset, [...new Set(old)]);
    disk.rename(`${folder}/${name}`, segmentPath(folder, baseOffset, SEGMENT_SUFFIX));
    disk.syncDirectory(folder);
  }
}

/** Everything that the swapped file replaces, but not the log file that its rename replaces. Highest first, durable. */
function removeOld(disk: Disk, folder: string, baseOffset: number, old: readonly number[]): void {
  for (const each of [...old].sort((a, b) => b - a)) {
    for (const suffix of INDEX_SUFFIXES) disk.remove(segmentPath(folder, each, suffix));
    if (each !== baseOffset) disk.remove(segmentPath(folder, each, SEGMENT_SUFFIX));
  }
  disk.syncDirectory(folder);
}

function endOf(disk: Disk, path: string): number {
  const file = disk.open(path);
  try {
    let endOffset = -1;
    const { problem, position } = scanBatches(
      file,
      { from: 0, to: file.sizeBytes, firstOffset: null, leaderEpochMin: -1, withCrc: false },
      (buffer, at) => {
        endOffset = recordBatch.lastOffset(buffer, at) + 1;
      },
    );
    if (problem !== null) throw new CorruptionError(`${path} at byte ${position}: ${problem}`);
    return endOffset;
  } finally {
    file.close();
  }
}
