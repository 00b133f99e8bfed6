/**
 * What must hold at every moment, looked at from outside after every event (reliability invariants S1, S2, S5, S6, S7, S9, S12).
 * A violation ends the seed. The test's own memory (`committedEnd`) is the judge: the highest high watermark that any leader
 * legitimately reached per partition.
 */
import type { Broker, Partition } from '#broker-core';
import type { IsrMember, MetadataImage, PartitionRecord } from '#metadata';
import type { SimCluster } from './cluster.js';
import { type CoordinatorNode, imageOf } from './coordinators.js';

export class Violation extends Error {
  constructor(
    readonly invariant: string,
    what: string,
  ) {
    super(`${invariant}: ${what}`);
    this.name = 'Violation';
  }
}

export class Checkers {
  private readonly committedEnds = new Map<string, number>();
  /** partition and leader epoch -> broker and incarnation that led in it. */
  private readonly leaderOfEpoch = new Map<string, string>();
  /** partition -> leader epoch -> highest high watermark of its leader. */
  private readonly watermarks = new Map<string, Map<number, number>>();
  /** revision -> op id, as the cluster coordinator committed it. */
  private readonly chain = new Map<number, string>();
  private readonly electedInEpoch = new Map<string, number>();
  private readonly checkedImages = new Map<string, MetadataImage>();
  private newestRevision = -1;

  constructor(private readonly cluster: SimCluster) {}

  /** Exclusive end of what was ever committed of a partition. */
  committedEnd(partition: number): number {
    return this.committedEnds.get(`${this.cluster.topic}-${partition}`) ?? 0;
  }

  check(): void {
    for (const node of this.cluster.coordinators.nodes) this.checkCoordinator(node);
    for (const node of this.cluster.brokers) {
      if (node.broker === null || node.process?.isAlive !== true) continue;
      this.checkCopy(node.id, node.broker);
      for (const partition of node.broker.partitions) this.checkPartition(node.id, node.incarnation, partition);
    }
  }

  // ---- partitions ----

  private checkPartition(brokerId: number, incarnation: number, partition: Partition): void {
    const key = `${partition.topic}-${partition.index}`;
    this.checkMember(brokerId, key, partition);
    const state = partition.leader;
    if (state === null) return;
    const epochKey = `${key}@${state.leaderEpoch}`;
    const who = `broker ${brokerId} #${incarnation}`;
    const watermarks = this.watermarksOf(key);
    const known = watermarks.get(state.leaderEpoch);
    if (known === undefined) this.checkElected(epochKey, who, partition, watermarks);
    else if (this.leaderOfEpoch.get(epochKey) !== who)
      throw new Violation('S5', `${epochKey} is led by ${this.leaderOfEpoch.get(epochKey)} and by ${who}`);
    else if (partition.highWatermark < known)
      throw new Violation('S6', `high watermark of ${epochKey} went back from ${known} to ${partition.highWatermark}`);
    if (known === partition.highWatermark) return;
    if (partition.highWatermark > partition.log.logEndOffset)
      throw new Violation('S6', `high watermark of ${epochKey} is above the log end`);
    watermarks.set(state.leaderEpoch, partition.highWatermark);
    if (partition.highWatermark > (this.committedEnds.get(key) ?? 0)) this.committedEnds.set(key, partition.highWatermark);
  }

  /** S1: who begins to lead holds everything that earlier epochs committed (a late comer may not know of later ones). */
  private checkElected(epochKey: string, who: string, partition: Partition, watermarks: ReadonlyMap<number, number>): void {
    this.leaderOfEpoch.set(epochKey, who);
    const { logEndOffset } = partition.log;
    for (const [leaderEpoch, committed] of watermarks) {
      if (leaderEpoch > partition.leaderEpoch || committed <= logEndOffset) continue;
      throw new Violation(
        'S1',
        `${who} leads ${epochKey} with log end ${logEndOffset}, but epoch ${leaderEpoch} committed up to ${committed}`,
      );
    }
  }

  /** S2: a running member of the committed ISR holds everything committed, so that it may be elected at any moment. */
  private checkMember(brokerId: number, key: string, partition: Partition): void {
    const { logEndOffset } = partition.log;
    const committed = this.committedEnds.get(key) ?? 0;
    if (logEndOffset >= committed || !partition.isInSync) return;
    const isOwn = (seat: IsrMember) => seat.brokerId === brokerId;
    const known = partition.record.isr.find(isOwn);
    const current = this.epochs.get(key)?.isr.find(isOwn);
    if (known === undefined || known.brokerEpoch !== current?.brokerEpoch) return;
    throw new Violation('S2', `broker ${brokerId} is in the ISR of ${key} with log end ${logEndOffset}, but ${committed} is committed`);
  }

  private watermarksOf(key: string): Map<number, number> {
    let watermarks = this.watermarks.get(key);
    if (!watermarks) this.watermarks.set(key, (watermarks = new Map()));
    return watermarks;
  }

  // ---- metadata ----

  /** Only while it acts: what it loaded may have been stored by an append of unknown outcome that was lost again. */
  private checkCoordinator(node: CoordinatorNode): void {
    const image = imageOf(node);
    if (image === null || node.state !== 'active' || image === this.checkedImages.get(node.host)) return;
    this.checkedImages.set(node.host, image);
    this.checkLink(`coordinator ${node.id} committed`, image);
    if (image.revision <= this.newestRevision) return;
    this.newestRevision = image.revision;
    for (const topic of image.topicsById.values())
      for (const record of image.partitionsOf(topic.topicId)) this.checkRecord(topic.name, record);
  }

  private checkLink(who: string, image: MetadataImage): void {
    const known = this.chain.get(image.revision);
    if (known !== undefined && known !== image.opId)
      throw new Violation('S12', `${who} revision ${image.revision} as ${image.opId}, but it is ${known}`);
    this.chain.set(image.revision, image.opId);
  }

  private readonly epochs = new Map<string, PartitionRecord>();

  private checkRecord(topic: string, record: PartitionRecord): void {
    const key = `${topic}-${record.partition}`;
    const before = this.epochs.get(key);
    if (before === record) return;
    this.epochs.set(key, record);
    if (before && record.partitionEpoch < before.partitionEpoch)
      throw new Violation('S7', `partition epoch of ${key} went back to ${record.partitionEpoch}`);
    if (before && record.leaderEpoch < before.leaderEpoch)
      throw new Violation('S7', `leader epoch of ${key} went back to ${record.leaderEpoch}`);
    if (!record.isr.every((member) => record.replicas.includes(member.brokerId)))
      throw new Violation('S9', `ISR of ${key} is not within its replicas`);
    if (record.leader < 0) return;
    if (!record.isr.some((member) => member.brokerId === record.leader))
      throw new Violation('S9', `leader ${record.leader} of ${key} is not in the ISR`);
    const epochKey = `${key}@${record.leaderEpoch}`;
    const elected = this.electedInEpoch.get(epochKey);
    if (elected !== undefined && elected !== record.leader)
      throw new Violation('S5', `${epochKey} was given to ${elected} and to ${record.leader}`);
    this.electedInEpoch.set(epochKey, record.leader);
  }

  /** S12: what a broker applied is a link of the one chain, and it never goes back: neither in revision nor in coordinator epoch. */
  private checkCopy(brokerId: number, broker: Broker): void {
    const { image } = broker;
    const key = `broker-${brokerId}`;
    const before = this.checkedImages.get(key);
    if (before === image || image.revision < 0) return;
    this.checkedImages.set(key, image);
    this.checkLink(`broker ${brokerId} applied`, image);
    if (before && (image.revision < before.revision || image.coordinatorEpoch < before.coordinatorEpoch)) {
      throw new Violation(
        'S12',
        `broker ${brokerId} applied revision ${image.revision} of coordinator epoch ${image.coordinatorEpoch} after revision ${before.revision} of epoch ${before.coordinatorEpoch}`,
      );
    }
  }

  /** Nothing is left of what it knew. */
  diskReplaced(brokerId: number): void {
    this.checkedImages.delete(`broker-${brokerId}`);
  }
}
