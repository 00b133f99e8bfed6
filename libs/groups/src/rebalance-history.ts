/**
 * Why groups rebalanced, bounded in every direction: REBALANCES_KEPT_MAX rebalances, CAUSES_PER_REBALANCE_MAX causes each,
 * HISTORY_BYTES_MAX as JSON. The oldest rebalances go first, then the later causes. It explains; nothing decides by it.
 */
import type { MonotonicMs, WallMs } from '#kernel';
import type { Time } from './contract.js';
import type { GroupMember } from './group-member.js';
import { CAUSES_PER_REBALANCE_MAX, REBALANCES_KEPT_MAX, type Rebalance, type RebalanceCause, type RebalanceCauseKind } from './messages.js';

/** Of one group's history record. It is written with every rebalance, so it stays small. */
export const HISTORY_BYTES_MAX = 8 * 1024;

/** A rebalance that is going on. */
export class OpenRebalance {
  private readonly causes: RebalanceCause[] = [];
  private causesOmitted = 0;

  constructor(
    private readonly startedAtMs: WallMs,
    /** Null: begun under another group coordinator. */
    private readonly startedMonotonicMs: MonotonicMs | null,
  ) {}

  /** That another group coordinator began: with its causes, if the history has them. */
  static takenOver(history: readonly Rebalance[], stateSinceMs: WallMs): OpenRebalance {
    const begun = history.at(-1);
    if (begun?.outcome !== 'assigning') return new OpenRebalance(stateSinceMs, null);
    const open = new OpenRebalance(begun.startedAtMs, null);
    open.causes.push(...begun.causes);
    open.causesOmitted = begun.causesOmitted;
    return open;
  }

  because(kind: RebalanceCauseKind, member: GroupMember, reason: string | null, now: Time): void {
    if (this.causes.length === CAUSES_PER_REBALANCE_MAX) {
      this.causesOmitted++;
      return;
    }
    const { memberId, groupInstanceId, clientId, clientHost } = member;
    this.causes.push({ kind, memberId, groupInstanceId, clientId, clientHost, reason, atMs: now.wallMs });
  }

  /** As it stands, with what has become of it so far. */
  entry(of: Pick<Rebalance, 'generationId' | 'memberCount' | 'protocolName' | 'outcome'>, now: Time): Rebalance {
    const durationMs = this.startedMonotonicMs === null ? null : Math.round(now.monotonicMs - this.startedMonotonicMs);
    return { ...of, startedAtMs: this.startedAtMs, durationMs, causes: [...this.causes], causesOmitted: this.causesOmitted };
  }
}

/** What was still `assigning` is replaced. */
export function withRebalance(history: readonly Rebalance[], rebalance: Rebalance): readonly Rebalance[] {
  const finished = history.filter(({ outcome }) => outcome !== 'assigning');
  let kept = [...finished, rebalance].slice(-REBALANCES_KEPT_MAX);
  while (kept.length > 1 && isTooLong(kept)) kept = kept.slice(1);
  while (kept[0]!.causes.length > 1 && isTooLong(kept)) kept = [withoutLastCause(kept[0]!), ...kept.slice(1)];
  return kept;
}

function withoutLastCause(rebalance: Rebalance): Rebalance {
  return { ...rebalance, causes: rebalance.causes.slice(0, -1), causesOmitted: rebalance.causesOmitted + 1 };
}

function isTooLong(history: readonly Rebalance[]): boolean {
  return Buffer.byteLength(JSON.stringify(history)) > HISTORY_BYTES_MAX;
}
