/**
 * What the acting cluster coordinator puts right by itself: seats that are kept in vain are dropped (R10), and preferred replicas
 * get leadership back once all replicas have been in sync for long enough. Looked at now and then; what is refused is tried again.
 */
import type { BrokerId, MonotonicMs } from '#kernel';
import type { MetadataImage, PartitionName } from '#metadata';
import { dropKeptMembers, isKeptInVain, isLeaderImbalanced, rebalanceLeaders } from '#metadata';
import type { Clock } from '#seams';
import type { MetadataChain } from './metadata-chain.js';

const KEPT_CHECK_INTERVAL_MS = 500;
const REBALANCE_CHECK_INTERVAL_MS = 1_000;

export class Upkeep {
  private readonly imbalancedSince = new Map<string, MonotonicMs>();
  private readonly slowSyncAt = new Map<BrokerId, MonotonicMs>();
  private rebalanceCheckedAt: MonotonicMs = Number.NEGATIVE_INFINITY;
  private keptCheckedAt: MonotonicMs = Number.NEGATIVE_INFINITY;

  constructor(
    /** Null: leadership is never given back. */
    private readonly leaderRebalanceDelayMs: number | null,
    private readonly clock: Clock,
    private readonly chain: MetadataChain,
    private readonly isHeard: (brokerId: BrokerId) => boolean,
  ) {}

  /** Its disk stalled: nothing is given back to it for a while. */
  syncWasSlow(brokerId: BrokerId): void {
    this.slowSyncAt.set(brokerId, this.clock.monotonicMs());
  }

  /** Cheap when there is nothing to do: called at every poll. */
  runIfDue(): void {
    this.dropKeptIfDue();
    this.rebalanceIfDue();
  }

  /** A seat was kept for want of brokers that had been heard; once they are, nothing else takes it away (R10). */
  private dropKeptIfDue(): void {
    const now = this.clock.monotonicMs();
    if (now - this.keptCheckedAt < KEPT_CHECK_INTERVAL_MS) return;
    this.keptCheckedAt = now;
    for (const record of this.image.allPartitions()) {
      if (!isKeptInVain(record, this.image, this.isHeard)) continue;
      this.chain.submit((state) => dropKeptMembers(state, this.isHeard)).catch(() => {});
      return;
    }
  }

  private rebalanceIfDue(): void {
    const delayMs = this.leaderRebalanceDelayMs;
    const now = this.clock.monotonicMs();
    if (delayMs === null || now - this.rebalanceCheckedAt < Math.min(REBALANCE_CHECK_INTERVAL_MS, delayMs)) return;
    this.rebalanceCheckedAt = now;
    const due: PartitionName[] = [];
    for (const record of this.image.allPartitions()) {
      const key = `${record.topicId}/${record.partition}`;
      const isSlow = now - (this.slowSyncAt.get(record.replicas[0]!) ?? Number.NEGATIVE_INFINITY) < delayMs;
      if (isSlow || !isLeaderImbalanced(record, { image: this.image })) {
        this.imbalancedSince.delete(key);
        continue;
      }
      const since = this.imbalancedSince.get(key) ?? now;
      this.imbalancedSince.set(key, since);
      if (now - since >= delayMs) due.push({ topicId: record.topicId, partition: record.partition });
    }
    if (due.length > 0) this.chain.submit((state) => rebalanceLeaders(state, due)).catch(() => {});
  }

  private get image(): MetadataImage {
    return this.chain.image;
  }
}
