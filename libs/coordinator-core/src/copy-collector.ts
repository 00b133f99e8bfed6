/**
 * R19: while the store is suspect, the brokers' own copies of the metadata are collected. It is complete when every broker
 * that is known of has either handed over its copy or shown that it has none; what is then known is the best there is.
 */
import type { BrokerId } from '#kernel';
import type { MetadataCopyOffer } from '#metadata';

interface Report {
  readonly incarnationId: string;
  /** Null: it has no copy. */
  readonly offer: MetadataCopyOffer | null;
}

export class CopyCollector {
  private readonly expected = new Set<BrokerId>();
  private readonly reports = new Map<BrokerId, Report>();

  constructor(
    readonly reason: string,
    expected: Iterable<BrokerId>,
  ) {
    for (const brokerId of expected) this.expected.add(brokerId);
  }

  /** A broker registers; answers whether its copy is still wanted. */
  registering(brokerId: BrokerId, incarnationId: string, hasCopy: boolean): boolean {
    this.expected.add(brokerId);
    const report = this.reports.get(brokerId);
    if (report?.incarnationId === incarnationId) return false;
    if (hasCopy) return true;
    this.reports.set(brokerId, { incarnationId, offer: null });
    return false;
  }

  offered(incarnationId: string, offer: MetadataCopyOffer): void {
    this.reports.set(offer.brokerId, { incarnationId, offer });
    for (const record of offer.snapshot.records) if (record.type === 'broker') this.expected.add(record.brokerId);
  }

  get offers(): MetadataCopyOffer[] {
    return [...this.reports.values()].flatMap((report) => (report.offer ? [report.offer] : []));
  }

  get missing(): BrokerId[] {
    return [...this.expected].filter((brokerId) => !this.reports.has(brokerId)).sort((a, b) => a - b);
  }
}
