/**
 * R19: a suspect store is made anew. The copies of the brokers are collected (copy-collector.ts); once all have come, or the operator
 * says that it goes on without the rest, a new history begins from the highest. Born when the store is found to be suspect, void
 * when its cluster coordinator acts again or lost its turn.
 */
import { YakError } from '#kernel';
import { buildNewHistory, clusterIdOf, MetadataImage, type MetadataLog, NEW_HISTORY_STEP, newHistoryCoordinatorEpoch } from '#metadata';
import type { OfferMetadataCopyRequest, RegisterBrokerRequest } from '#rpc';
import { randomId } from '#seams';
import { type BlankBrokers, newCluster } from './blank-brokers.js';
import type { CoordinatorConfig, CoordinatorSeams } from './config.js';
import type { CopyCollector } from './copy-collector.js';
import type { TurnTaker } from './turn-taker.js';

export interface StoreRebuildHost {
  readonly config: CoordinatorConfig;
  readonly seams: Pick<CoordinatorSeams, 'random' | 'logger'>;
  readonly metadataLog: MetadataLog;
  readonly turnTaker: TurnTaker;
  readonly blankBrokers: BlankBrokers;
  /** False: this rebuild is void. */
  isCollecting(rebuild: StoreRebuild): boolean;
  /** For people: what is waited for, or what went wrong. */
  tell(reason: string): void;
  /** With who acts. */
  notActive(reason: string): YakError;
  act(image: MetadataImage, isSuspect: boolean): Promise<void>;
}

export class StoreRebuild {
  /** The new history is being begun. */
  isUnderWay = false;

  constructor(
    readonly collector: CopyCollector,
    private readonly host: StoreRebuildHost,
  ) {}

  /** Answers whether the broker's copy is wanted. */
  async registering({ brokerId, incarnationId, metadataRevision, isBlank, clusterId }: RegisterBrokerRequest): Promise<boolean> {
    if (isBlank && clusterId === null) this.host.blankBrokers.asked(brokerId);
    const wantsMetadataCopy = this.collector.registering(brokerId, incarnationId, metadataRevision >= 0);
    if (!wantsMetadataCopy) await this.beginWhenComplete();
    return wantsMetadataCopy;
  }

  /** Throws a YakError `UNSUPPORTED_METADATA` for a copy of a newer release. */
  async offered({ incarnationId, ...offer }: OfferMetadataCopyRequest): Promise<void> {
    MetadataImage.fromSnapshot(offer.snapshot);
    this.collector.offered(incarnationId, offer);
    await this.beginWhenComplete();
  }

  /** `isForced`: also without the copies that are missing, and a new cluster when there is no copy at all. */
  async begin(isForced: boolean): Promise<void> {
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    try {
      await this.beginNow(isForced);
    } finally {
      this.isUnderWay = false;
    }
  }

  private async beginWhenComplete(): Promise<void> {
    if (!this.host.isCollecting(this)) return;
    this.host.tell(this.collector.waitsFor);
    if (this.collector.missing.length > 0) return;
    try {
      await this.begin(false);
    } catch (error) {
      this.host.seams.logger.error('the metadata could not be rebuilt', { error: (error as Error).message });
      if (this.host.isCollecting(this)) this.host.tell((error as Error).message);
    }
  }

  private async beginNow(isForced: boolean): Promise<void> {
    const { config, seams, metadataLog, turnTaker, blankBrokers } = this.host;
    const { offers, missing, reason } = this.collector;
    const stored = turnTaker.image.toSnapshot();
    const isEmpty = clusterIdOf(offers) === null;
    // The same evidence as for an empty store: no entry, and nobody who holds anything.
    const neverBegan = stored.revision < 0 && config.autoBootstrap && blankBrokers.missing().length === 0;
    if (isEmpty && !isForced && !neverBegan) {
      throw new YakError(
        'NO_METADATA_COPY',
        `${reason}; no broker has a copy either: the operator has to decide (trust begins a new cluster)`,
      );
    }
    // Only while it is still this one's turn: another coordinator may have rebuilt it long ago.
    const still = { coordinatorEpoch: turnTaker.coordinatorEpoch, beat: null };
    await turnTaker.takeOver(newHistoryCoordinatorEpoch(offers, turnTaker.coordinatorEpoch), still);
    const { coordinatorEpoch } = turnTaker;
    const opId = randomId(seams.random);
    const snapshot = isEmpty
      ? { revision: NEW_HISTORY_STEP, coordinatorEpoch, opId, records: [newCluster(config, seams.random)] }
      : buildNewHistory({ offers, coordinatorEpoch, opId, address: config.advertisedAddress, missing, stored });
    await metadataLog.writeSnapshot(snapshot, coordinatorEpoch);
    if (!this.host.isCollecting(this)) throw this.host.notActive('it lost its turn meanwhile');
    seams.logger.warn('a new metadata history begins', { revision: snapshot.revision, coordinatorEpoch });
    const image = MetadataImage.fromSnapshot(snapshot);
    turnTaker.moveTo(image);
    await this.host.act(image, !isEmpty);
  }
}
