/**
 * What one partition of this broker remembers of its recent past, for `yak where`: which connection brought the last batches,
 * and when the high watermark passed which offset. In memory only and bounded; nothing is decided by it. A partition keeps
 * none of it until its first client batch, and forgets it when others need the room (ClientRegistry.remember).
 */
import type { LeaderEpoch, Offset, WallMs } from '#kernel';
import type { Clock } from '#seams';

export const BATCHES_REMEMBERED_MAX = 1_024;
export const ADVANCES_REMEMBERED_MAX = 2_048;
/** Advances closer together than this are told as one, with the time of the first. */
export const ADVANCE_SPACING_MS = 10;

/** Whoever sent something, as it was then. Shared by everything that it sent; never changed. */
export interface Sender {
  readonly clientId: string | null;
  readonly address: string;
  readonly software: { readonly name: string; readonly version: string } | null;
}

interface StoredBatch {
  baseOffset: Offset;
  /** Inclusive. */
  lastOffset: Offset;
  leaderEpoch: LeaderEpoch;
  sender: Sender;
  atMs: WallMs;
}

interface Advance {
  highWatermark: Offset;
  atMs: WallMs;
}

export class PartitionHistory {
  private batches: StoredBatch[] | null = null;
  private nextBatch = 0;
  private advances: Advance[] = [];
  private nextAdvance = 0;
  /** Offsets below it were committed before anything was remembered, or longer ago than is. */
  private knownFrom: Offset = 0;

  get isKept(): boolean {
    return this.batches !== null;
  }

  /** From now on what happens is remembered. */
  begin(highWatermark: Offset): void {
    this.batches = [];
    this.nextBatch = 0;
    this.startOver(highWatermark);
  }

  forget(): void {
    this.batches = null;
    this.advances = [];
  }

  stored(baseOffset: Offset, lastOffset: Offset, leaderEpoch: LeaderEpoch, sender: Sender, atMs: WallMs): void {
    const { batches } = this;
    if (batches === null) return;
    if (batches.length < BATCHES_REMEMBERED_MAX) {
      batches.push({ baseOffset, lastOffset, leaderEpoch, sender, atMs });
      return;
    }
    const oldest = batches[this.nextBatch]!;
    oldest.baseOffset = baseOffset;
    oldest.lastOffset = lastOffset;
    oldest.leaderEpoch = leaderEpoch;
    oldest.sender = sender;
    oldest.atMs = atMs;
    this.nextBatch = (this.nextBatch + 1) % BATCHES_REMEMBERED_MAX;
  }

  /** Called at every advance of the high watermark: a few stores, and the clock is read only while something is kept. */
  watermarkAdvanced(highWatermark: Offset, clock: Clock): void {
    if (this.batches === null) return;
    const { advances } = this;
    const atMs = clock.wallMs();
    const latest = this.latestAdvance();
    if (latest !== undefined) {
      // Only an election that may lose records takes a watermark back; what was known above it is void.
      if (highWatermark < latest.highWatermark) return this.startOver(highWatermark);
      if (atMs - latest.atMs < ADVANCE_SPACING_MS && atMs >= latest.atMs) {
        latest.highWatermark = highWatermark;
        return;
      }
    }
    if (advances.length < ADVANCES_REMEMBERED_MAX) {
      advances.push({ highWatermark, atMs });
      return;
    }
    const oldest = advances[this.nextAdvance]!;
    this.knownFrom = oldest.highWatermark;
    oldest.highWatermark = highWatermark;
    oldest.atMs = atMs;
    this.nextAdvance = (this.nextAdvance + 1) % ADVANCES_REMEMBERED_MAX;
  }

  /** Within one leader epoch an offset is given once, so that offset and epoch name a batch for ever. Null: not remembered. */
  senderOf(offset: Offset, leaderEpoch: LeaderEpoch): { readonly sender: Sender; readonly atMs: WallMs } | null {
    const found = this.batches?.find((one) => one.baseOffset <= offset && offset <= one.lastOffset && one.leaderEpoch === leaderEpoch);
    return found ? { sender: found.sender, atMs: found.atMs } : null;
  }

  /** When the high watermark passed `offset` here, at most ADVANCE_SPACING_MS late. Null: not remembered, or not passed yet. */
  committedAtMs(offset: Offset): WallMs | null {
    if (this.batches === null || offset < this.knownFrom) return null;
    const { advances } = this;
    for (let i = 0; i < advances.length; i++) {
      const advance = advances[(this.nextAdvance + i) % advances.length]!;
      if (advance.highWatermark > offset) return advance.atMs;
    }
    return null;
  }

  private latestAdvance(): Advance | undefined {
    const { length } = this.advances;
    return length < ADVANCES_REMEMBERED_MAX ? this.advances[length - 1] : this.advances[(this.nextAdvance + length - 1) % length];
  }

  private startOver(highWatermark: Offset): void {
    this.advances = [];
    this.nextAdvance = 0;
    this.knownFrom = highWatermark;
  }
}
