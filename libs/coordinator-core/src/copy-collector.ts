/**
 * R19: while the store is suspect, the brokers' own copies of the metadata are collected. It is complete when every broker
 * that is known of has either handed over its copy or shown that it has none; what is then known is the best there is.
 */
import type { BrokerId } from '#kernel';
import type { MetadataCopyOffer, MetadataImage } from '#metadata';

interface Report {
  readonly incarnationId: string;
  /** Null: it has no copy. */
  readonly offer: MetadataCopyOffer | null;
}

/** What the store itself holds. */
export interface OwnCopy {
  readonly image: MetadataImage;
  readonly coordinatorEpoch: number;
  /** As far as its chain is known; null: not. */
  opIdAt(revision: number): string | null;
}

export class CopyCollector {
  private readonly expected = new Set<BrokerId>();
  private readonly reports = new Map<BrokerId, Report>();

  constructor(
    readonly reason: string,
    expected: Iterable<BrokerId>,
    private readonly own: OwnCopy,
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

  /** Of the brokers, and that of the store itself, as broker -1, if it goes on from all of them: then it is the newest. */
  get offers(): MetadataCopyOffer[] {
    const offers = [...this.reports.values()].flatMap((report) => (report.offer ? [report.offer] : []));
    const { image, coordinatorEpoch } = this.own;
    const isAhead = image.cluster !== null && offers.every(({ snapshot }) => this.own.opIdAt(snapshot.revision) === snapshot.opId);
    if (!isAhead) return offers;
    const none = { maxBrokerEpochSeen: -1, maxLeaderEpochSeen: -1, maxProducerIdSeen: -1 };
    return [...offers, { brokerId: -1, snapshot: image.toSnapshot(), highestCoordinatorEpoch: coordinatorEpoch, ...none }];
  }

  /** What is waited for, for a person. */
  get waitsFor(): string {
    return `the metadata store is suspect (${this.reason}); waiting for the copies of brokers ${this.missing.join(', ')}`;
  }

  get missing(): BrokerId[] {
    return [...this.expected].filter((brokerId) => !this.reports.has(brokerId)).sort((a, b) => a - b);
  }
}
