/**
 * Where two logs part, told by leader epochs alone (KIP-101, KIP-279, KIP-320). The leader compares what a follower says of
 * its last epoch; the follower truncates to the smaller of both ends and asks again. A high watermark never decides (R3).
 */
import type { LeaderEpoch, Offset } from '#kernel';

export interface EpochEnd {
  readonly leaderEpoch: LeaderEpoch;
  readonly endOffset: Offset;
}

/** The part of a log that knows epochs. */
export interface EpochHistory {
  readonly logStartOffset: Offset;
  endOffsetForEpoch(leaderEpoch: LeaderEpoch): EpochEnd;
}

/** Leader's side: null when the follower's log is a prefix of ours, else the newest epoch of ours not above its own, and that epoch's end. */
export function divergingEpoch(leader: EpochHistory, fetchOffset: Offset, lastFetchedEpoch: LeaderEpoch): EpochEnd | null {
  if (lastFetchedEpoch < 0) return null;
  const end = leader.endOffsetForEpoch(lastFetchedEpoch);
  if (end.leaderEpoch === lastFetchedEpoch && end.endOffset >= fetchOffset) return null;
  return end;
}

/**
 * Follower's side: the offset to truncate to after the leader answered `diverging`, never above the follower's own end of
 * that epoch. Repeat the fetch afterwards: fast successive elections may need several rounds.
 */
export function truncationOffset(follower: EpochHistory, diverging: EpochEnd): Offset {
  const own = follower.endOffsetForEpoch(diverging.leaderEpoch);
  if (diverging.endOffset < 0) return follower.logStartOffset;
  const ownEnd = own.endOffset < 0 ? follower.logStartOffset : own.endOffset;
  return Math.max(follower.logStartOffset, Math.min(ownEnd, diverging.endOffset));
}
