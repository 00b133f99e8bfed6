/**
 * One cleaning of one log: read the dirty part into an offset map, then write the closed segments anew from the first on, group by
 * group, each swapped in when it is complete. Between any two steps the log may be appended to, cut, trimmed, deleted or closed:
 * everything is looked at again after each wait, and a cleaning that lost its ground stops and leaves what it had swapped in.
 *
 * Groups go in ascending order: what a tombstone deletes is gone from the disk before the tombstone is. The last batch of a group
 * always stays, if only its header: a segment reaches to the next one, and every hole is followed by a batch below the high watermark.
 * So does the last batch of each leader epoch: followers learn from it where the next one begins (R3).
 */
import { CorruptionError, type Offset, YakError } from '#kernel';
import { isCrcValid, recordBatch, sliceRecords } from '#record';
import { CLEANER_READ_BYTES, CLEANER_STEP_BYTES, CLEANER_SYNC_BYTES } from '../limits.js';
import type { LogHost } from '../log-host.js';
import { ProducerState } from '../producer-state.js';
import type { Segment } from '../segment.js';
import type { SegmentedLog } from '../segmented-log.js';
import type { Candidate } from './candidate.js';
import { filterBatch } from './filter-batch.js';
import { OffsetMap } from './offset-map.js';
import type { Pace } from './pace.js';
import { openCleaned, swapIn } from './swap.js';

/** Positions in a segment are int32. */
const SEGMENT_BYTES_MAX = 0x7fff_ffff;

/** What producers had written up to an offset: their batches below it say so after a restart, too. */
export interface ProducersAt {
  readonly offset: Offset;
  readonly state: ProducerState;
}

export interface CleaningTally {
  bytesRead: number;
  bytesWritten: number;
  recordsDropped: number;
  segmentsReplaced: number;
  /** Batches whose records could not be read; they stay. */
  batchesNotRead: number;
}

export type CleaningOutcome =
  /** Everything below `endOffset` is clean. */
  | { readonly kind: 'cleaned'; readonly endOffset: Offset; readonly producers: ProducersAt }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'refused'; readonly reason: string };

const INTERRUPTED = { kind: 'interrupted' } as const;

export class Cleaning {
  readonly tally: CleaningTally = { bytesRead: 0, bytesWritten: 0, recordsDropped: 0, segmentsReplaced: 0, batchesNotRead: 0 };
  private readonly log: SegmentedLog;
  private readonly cuts: number;
  private readonly endOffset: Offset;
  private isLost = false;

  /** `known`: from the last cleaning of this log, for the same log; null after a start. */
  constructor(
    private readonly host: LogHost,
    private readonly pace: Pace,
    private readonly candidate: Candidate,
    private readonly mapBytesMax: number,
    private readonly known: ProducersAt | null,
  ) {
    this.log = candidate.log;
    this.cuts = this.log.cuts;
    this.endOffset = candidate.segments.at(-1)!.nextOffset;
  }

  /** Rejects only for bugs: damage marks the log, a failed disk the folder. */
  async run(): Promise<CleaningOutcome> {
    try {
      return await this.clean();
    } catch (error) {
      if (!(error instanceof YakError)) throw error;
      if (this.isStillOurs()) this.log.damaged(error);
      return INTERRUPTED;
    }
  }

  private async clean(): Promise<CleaningOutcome> {
    const { firstDirtyOffset, segments } = this.candidate;
    const map = new OffsetMap(this.mapBytesMax, this.endOffset - firstDirtyOffset);
    const { mapEndOffset, producers } = await this.readDirtyPart(map);
    if (!this.isStillOurs()) return INTERRUPTED;
    const stays = this.batchesOf(producers);
    for (const { startOffset } of this.log.epochStarts) stays.add(startOffset - 1);
    const { deleteRetentionMs } = this.log.config;
    const rules = { map, mapEndOffset, nowMs: this.host.clock.wallMs(), deleteRetentionMs };
    const cleaned = segments.filter((segment) => segment.baseOffset < mapEndOffset);
    if (!cleaned.every((segment) => this.keeps(segment))) return INTERRUPTED;
    for (const group of groupsOf(cleaned, this.log.config.segmentBytes, this.log.config.segmentIndexBytes)) {
      const reason = await this.cleanGroup(group, (batch, isLast) => {
        const mustStay = isLast || stays.has(recordBatch.lastOffset(batch));
        const { kept, recordsDropped, problem } = filterBatch(batch, mustStay, rules);
        this.tally.recordsDropped += recordsDropped;
        if (problem !== null) this.tally.batchesNotRead++;
        return kept;
      });
      if (reason !== null) return { kind: 'refused', reason };
      if (!this.isStillOurs()) return INTERRUPTED;
    }
    return { kind: 'cleaned', endOffset: mapEndOffset, producers: { offset: mapEndOffset, state: producers } };
  }

  /** Keys of the dirty part, and the producers of everything below the end of the map. */
  private async readDirtyPart(map: OffsetMap): Promise<{ mapEndOffset: Offset; producers: ProducerState }> {
    const { firstDirtyOffset, segments } = this.candidate;
    const producers = this.known?.state ?? new ProducerState();
    const producersFrom = this.known?.offset ?? (this.log.producers.producers.size === 0 ? firstDirtyOffset : 0);
    const from = Math.min(producersFrom, firstDirtyOffset);
    for (const segment of segments) {
      if (segment.nextOffset <= from) continue;
      for await (const batch of this.batchesFrom(segment, from)) {
        const lastOffset = recordBatch.lastOffset(batch);
        if (lastOffset >= firstDirtyOffset) {
          const fullAt = this.putKeys(map, batch);
          if (fullAt !== null) return { mapEndOffset: fullAt, producers };
        }
        if (lastOffset >= producersFrom) producers.record(batch, 0, 0);
      }
    }
    return { mapEndOffset: this.endOffset, producers };
  }

  /** Null when all fit; else the offset of the first record that did not. */
  private putKeys(map: OffsetMap, batch: Buffer): Offset | null {
    if (recordBatch.isControl(batch)) return null;
    try {
      for (const { key, offset } of sliceRecords(batch)) {
        if (offset >= this.candidate.firstDirtyOffset && key !== null && !map.put(key, offset)) return offset;
      }
    } catch (error) {
      // A producer's nonsense under a right CRC: nobody can read these records, so they delete nothing. filterBatch counts them.
      if (!(error instanceof CorruptionError)) throw error;
    }
    return null;
  }

  /** Last offsets of the batches that say what is remembered of living producers (R26). */
  private batchesOf(producers: ProducerState): Set<Offset> {
    const stays = new Set<Offset>();
    for (const [producerId, { batches }] of producers.producers) {
      if (this.log.producers.producers.has(producerId)) for (const { lastOffset } of batches) stays.add(lastOffset);
    }
    return stays;
  }

  /** Writes `group` anew and swaps it in, unless nothing changes. Answers why it may not, or null; look at isStillOurs after it. */
  private async cleanGroup(group: readonly Segment[], filter: (batch: Buffer, isLast: boolean) => Buffer | null): Promise<string | null> {
    const { log, host } = this;
    const groupBytes = group.reduce((sum, segment) => sum + segment.sizeBytes, 0);
    const spaceProblem = this.spaceProblem(groupBytes);
    if (spaceProblem !== null) return spaceProblem;
    const groupEnd = group.at(-1)!.nextOffset;
    const { folder } = log.store;
    const cleaned = host.guard(() => openCleaned(host.disk, folder, group[0]!));
    let isChanged = group.length > 1;
    let stagedBytes = 0;
    let unsyncedBytes = 0;
    let isSwapped = false;
    try {
      for (const segment of group) {
        for await (const batch of this.batchesFrom(segment, segment.baseOffset)) {
          const kept = filter(batch, recordBatch.lastOffset(batch) + 1 === groupEnd);
          if (kept !== batch) isChanged = true;
          if (kept === null) continue;
          if (cleaned.sizeBytes + kept.length > SEGMENT_BYTES_MAX) return 'a cleaned segment would pass 2 GiB; lower segment.bytes';
          cleaned.stage(kept, log.config.indexIntervalBytes);
          stagedBytes += kept.length;
          if (stagedBytes < CLEANER_STEP_BYTES) continue;
          unsyncedBytes += this.write(cleaned, stagedBytes);
          stagedBytes = 0;
          await this.pace.spend(CLEANER_STEP_BYTES);
          if (unsyncedBytes < CLEANER_SYNC_BYTES || !this.isStillOurs()) continue;
          unsyncedBytes = 0;
          await this.sync(cleaned);
        }
        if (!this.isStillOurs()) return null;
      }
      if (!isChanged) return null;
      this.write(cleaned, stagedBytes);
      host.guard(() => cleaned.seal());
      await this.sync(cleaned);
      if (!group.every((segment) => this.keeps(segment))) return null;
      host.guard(() => log.store.replace(group, swapIn(host.disk, folder, group, cleaned, group.at(-1)!.createdMs)));
      isSwapped = true;
      log.forgetCachedBelow(groupEnd);
      this.tally.segmentsReplaced += group.length;
      return null;
    } finally {
      if (!isSwapped) this.discard(cleaned);
    }
  }

  private write(cleaned: Segment, bytes: number): number {
    this.host.guard(() => cleaned.writeStaged());
    this.tally.bytesWritten += bytes;
    return bytes;
  }

  private async sync(cleaned: Segment): Promise<void> {
    try {
      await cleaned.file.sync();
    } catch (error) {
      this.host.diskFailed(error);
    }
  }

  /** The log may be gone with its folder, or the folder offline: then nothing is touched any more. */
  private discard(cleaned: Segment): void {
    if (this.log.failure === null) this.host.guard(() => cleaned.remove());
    else cleaned.close();
  }

  private spaceProblem(bytes: number): string | null {
    const problem = this.host.producerSpaceProblem();
    if (problem !== null) return problem;
    const free = this.host.disk.freeBytes(this.log.store.folder);
    return free > bytes * 2 ? null : `${free} bytes are free; to clean ${bytes} bytes of segments, twice that must be`;
  }

  /** Whole batches with good CRCs that end at or after `from`. Ends early when the ground is lost. */
  private async *batchesFrom(segment: Segment, from: Offset): AsyncGenerator<Buffer> {
    // A removed segment must not even be opened: that would make its file again.
    if (!this.keeps(segment)) return;
    const end = segment.sizeBytes;
    let position = from <= segment.baseOffset ? 0 : segment.locate(from).position;
    while (position < end) {
      let window = await this.readAt(segment, position, Math.min(CLEANER_READ_BYTES, end - position));
      if (window === null) return;
      let at = 0;
      while (position + at < end) {
        const available = end - position - at;
        const isHeaderHere = window.length - at >= recordBatch.HEADER_BYTES;
        const problem = isHeaderHere || at === 0 ? recordBatch.headerProblem(window, at, Math.max(available, 0)) : null;
        if (problem !== null) throw new CorruptionError(`${segment.file.path} at byte ${position + at}: ${problem}`);
        const size = isHeaderHere ? recordBatch.sizeInBytes(window, at) : Number.POSITIVE_INFINITY;
        if (at + size > window.length) {
          if (at > 0) break;
          window = await this.readAt(segment, position, size);
          if (window === null) return;
        }
        const batch: Buffer = window.subarray(at, at + size);
        if (!isCrcValid(batch)) throw new CorruptionError(`${segment.file.path} at byte ${position + at}: batch does not match its CRC`);
        yield batch;
        at += size;
        this.tally.bytesRead += size;
        await this.pace.spend(size);
        if (!this.keeps(segment)) return;
      }
      position += at;
    }
  }

  private async readAt(segment: Segment, position: number, length: number): Promise<Buffer | null> {
    let bytes: Buffer;
    try {
      bytes = await segment.file.read(position, length);
    } catch (error) {
      if (!this.keeps(segment)) return null;
      throw error;
    }
    if (!this.keeps(segment)) return null;
    if (bytes.length < length) throw new CorruptionError(`${segment.file.path} at byte ${position}: the file ends early`);
    return bytes;
  }

  private keeps(segment: Segment): boolean {
    if (!this.isStillOurs() || !this.log.store.isSettled(segment)) this.isLost = true;
    return !this.isLost;
  }

  private isStillOurs(): boolean {
    return !this.isLost && !this.pace.isStopped && this.log.failure === null && this.log.cuts === this.cuts;
  }
}

/** Neighbours that fit into one segment by their sizes before cleaning: logs must not end up as many tiny files. */
export function groupsOf(segments: readonly Segment[], segmentBytes: number, segmentIndexBytes: number): Segment[][] {
  const groups: Segment[][] = [];
  let bytes = 0;
  let offsetEntries = 0;
  let timeEntries = 0;
  for (const segment of segments) {
    const group = groups.at(-1);
    const { entries } = segment.offsetIndex.file;
    const { entries: times } = segment.timeIndex.file;
    const fits =
      group !== undefined &&
      bytes + segment.sizeBytes <= segmentBytes &&
      (offsetEntries + entries + 1) * 8 <= segmentIndexBytes &&
      (timeEntries + times + 1) * 12 <= segmentIndexBytes &&
      segment.nextOffset - group[0]!.baseOffset <= SEGMENT_BYTES_MAX;
    if (fits) group.push(segment);
    else groups.push([segment]);
    bytes = (fits ? bytes : 0) + segment.sizeBytes;
    offsetEntries = (fits ? offsetEntries : 0) + entries;
    timeEntries = (fits ? timeEntries : 0) + times;
  }
  return groups;
}
