/**
 * R19 as the acting cluster coordinator keeps it: which broker knows what this history does not, when the suspicion ends, and who
 * is turned away because the operator began this history without its copy. Collecting copies is not done here (copy-collector.ts).
 */
import type { BrokerEpoch, BrokerId, CoordinatorEpoch } from '#kernel';
import { givenUpCopy, isAwaited, takenBack } from '#metadata';
import type { Logger } from '#seams';
import type { MetadataChain } from './metadata-chain.js';

export class Suspicion {
  /** Who came and knew more than was kept, with the revision of its copy. */
  readonly turnedAway = new Map<BrokerId, number>();

  constructor(
    private readonly chain: MetadataChain,
    private readonly coordinatorEpoch: CoordinatorEpoch,
    private readonly logger: Logger,
  ) {}

  get isOn(): boolean {
    return this.chain.image.coordinator?.isSuspect ?? false;
  }

  /** Whom it waits for. */
  get awaited(): BrokerId[] {
    const { brokers, cluster } = this.chain.image;
    return [...brokers.values()].filter((broker) => isAwaited(broker, cluster)).map(({ brokerId }) => brokerId);
  }

  /** What a broker reports that cannot be if this is the newest history; null when all is well. */
  contradiction(revision: number, opId: string): string | null {
    const { image } = this.chain;
    if (revision > image.revision) return `holds metadata revision ${revision}, this store ends at ${image.revision}`;
    if (revision < 0) return null;
    const known = this.chain.opIdAt(revision);
    return known === null || known === opId ? null : `holds another entry at metadata revision ${revision}`;
  }

  epochContradiction(storedBrokerEpoch: BrokerEpoch, highestCoordinatorEpoch: CoordinatorEpoch): string | null {
    const { revision } = this.chain.image;
    if (storedBrokerEpoch > revision) return `has broker epoch ${storedBrokerEpoch}, this store ends at ${revision}`;
    if (highestCoordinatorEpoch <= this.coordinatorEpoch) return null;
    return `followed coordinator epoch ${highestCoordinatorEpoch}, this one has ${this.coordinatorEpoch}`;
  }

  /** Why this broker is turned away with its copy, which a snapshot of this history would overwrite; null: it is welcome. */
  givenUp(brokerId: BrokerId, revision: number, opId: string): string | null {
    const copy = givenUpCopy(this.chain.image.cluster, brokerId, revision, opId);
    if (copy === null) {
      this.turnedAway.delete(brokerId);
      return null;
    }
    const reason =
      `broker ${brokerId} knows the metadata up to revision ${revision}; the operator began a new history without its copy, from ` +
      `revision ${copy.revision}. Start it with an empty data folder, or let it in as it is: yak cluster trust`;
    if (this.turnedAway.get(brokerId) !== revision) this.logger.error('a broker is turned away', { brokerId, reason });
    this.turnedAway.set(brokerId, revision);
    return reason;
  }

  async endIfNobodyIsAwaited(): Promise<void> {
    if (this.isOn && this.awaited.length === 0) await this.end();
  }

  /** By the operator: what the brokers reported so far is all there will be. */
  async end(): Promise<void> {
    await this.chain.submit(({ image: { coordinator } }) => {
      if (!coordinator?.isSuspect) return { records: [], response: null };
      this.logger.info('the metadata store is no longer suspect');
      return { records: [{ ...coordinator, isSuspect: false }], response: null };
    });
  }

  /** By the operator: those that were turned away may come as they are. Their data is kept or left as for any broker that was away. */
  async takeBack(brokerIds: readonly BrokerId[]): Promise<void> {
    await this.chain.submit(({ image: { cluster } }) => ({ records: cluster ? [takenBack(cluster, brokerIds)] : [], response: null }));
    this.logger.warn('brokers are taken back with metadata that was given up', { brokerIds });
    for (const brokerId of brokerIds) this.turnedAway.delete(brokerId);
  }
}
