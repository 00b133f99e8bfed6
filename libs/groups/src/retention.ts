/**
 * Which commits, and which groups, have been idle for offsetsRetentionMs, by the wall-clock stamps in their records
 * (Kafka's rules since KIP-211):
 *
 *   no members, was a group   everything, counted from the later of "became empty" and the commit
 *   never had members         each commit from its own time
 *   Stable consumers          commits for topics to which nobody subscribes, each from its own time
 *   rebalancing, or not readable: nothing
 *
 * Every group is looked at by a timer of its own, when something of it may be due and at least once per check interval.
 */
import type { WallMs } from '#kernel';
import type { Group } from './group.js';
import type { CommittedEntry } from './offsets.js';

/** Where GroupConfig does not say (Kafka's offsets.retention.check.interval.ms). */
export const RETENTION_CHECK_INTERVAL_DEFAULT_MS = 600_000;
/** Of one look at one group, so that no batch of records grows without bound; the rest follows at once. */
export const TOMBSTONES_PER_CHECK_MAX = 1000;

export interface RetentionVerdict {
  readonly expired: readonly CommittedEntry[];
  /** Nothing is left of the group, and it has been empty for long enough. */
  readonly isGroupDue: boolean;
  readonly hasCommits: boolean;
  /** When something falls due next; null: nothing will until the group changes. */
  readonly nextDueMs: WallMs | null;
}

export function judgeRetention(
  group: Group | undefined,
  commits: Iterable<CommittedEntry>,
  retentionMs: number,
  nowMs: WallMs,
): RetentionVerdict {
  const expired: CommittedEntry[] = [];
  let kept = 0;
  let nextDueMs: WallMs | null = null;
  const note = (dueMs: WallMs) => {
    if (nextDueMs === null || dueMs < nextDueMs) nextDueMs = dueMs;
  };
  for (const entry of commits) {
    const dueMs = expiryOf(entry, group, retentionMs);
    if (dueMs !== null && dueMs <= nowMs && expired.length < TOMBSTONES_PER_CHECK_MAX) {
      expired.push(entry);
      continue;
    }
    kept++;
    if (dueMs !== null) note(dueMs);
  }
  const hasEmptyGroup = group !== undefined && group.state === 'Empty' && group.members.pending.size === 0;
  const groupDueMs = hasEmptyGroup ? Math.max(group.stateSinceMs, 0) + retentionMs : null;
  if (groupDueMs !== null && kept === 0) note(groupDueMs);
  const isGroupDue = kept === 0 && groupDueMs !== null && groupDueMs <= nowMs;
  return { expired, isGroupDue, hasCommits: kept > 0, nextDueMs: isGroupDue ? null : nextDueMs };
}

function expiryOf({ topic, value }: CommittedEntry, group: Group | undefined, retentionMs: number): WallMs | null {
  if (!group) return value.committedAtMs + retentionMs;
  if (group.state === 'Empty') return Math.max(value.committedAtMs, group.protocolType === '' ? 0 : group.stateSinceMs) + retentionMs;
  const isForgotten = group.state === 'Stable' && group.subscribedTopics !== null && !group.subscribedTopics.has(topic);
  return isForgotten ? value.committedAtMs + retentionMs : null;
}
