/** The brokers that ask to begin a new cluster with empty data folders; all configured ones at about the same time make one (R19). */
import type { BrokerId } from '#kernel';
import type { ClusterRecord } from '#metadata';
import { type Random, randomId } from '#seams';

/** A blank broker counts for the bootstrap if it asked within this. */
export const BLANK_BROKER_MEMORY_MS = 10_000;

export class BlankBrokers {
  private readonly askedAt = new Map<BrokerId, number>();

  constructor(
    private readonly configuredBrokers: readonly BrokerId[],
    private readonly autoBootstrap: boolean,
    private readonly now: () => number,
  ) {}

  /** Why this broker does not count; null: it does. */
  refusal(brokerId: BrokerId): string | null {
    if (this.configuredBrokers.includes(brokerId)) return null;
    return `broker ${brokerId} is not one of the configured brokers ${this.configuredBrokers.join(', ')}; it may join once the cluster exists`;
  }

  asked(brokerId: BrokerId): void {
    this.askedAt.set(brokerId, this.now());
  }

  missing(): BrokerId[] {
    const since = this.now() - BLANK_BROKER_MEMORY_MS;
    return this.configuredBrokers.filter((brokerId) => (this.askedAt.get(brokerId) ?? Number.NEGATIVE_INFINITY) < since);
  }

  /** What the bootstrap waits for, for a person. */
  get reason(): string {
    const missing = this.missing();
    if (missing.length > 0) return `the cluster begins when brokers ${missing.join(', ')} have registered with empty data folders`;
    return this.autoBootstrap
      ? 'the cluster is being created'
      : 'all brokers came with empty data folders; the operator has to begin the cluster';
  }
}

export function newCluster({ configuredBrokers }: { readonly configuredBrokers: readonly BrokerId[] }, random: Random): ClusterRecord {
  return { type: 'cluster', version: 1, clusterId: randomId(random), configuredBrokers, features: {} };
}
