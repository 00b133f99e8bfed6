/**
 * The cluster's metadata after one revision, as every process holds it. Immutable: `apply` answers the next image and
 * shares what did not change, so a reader keeps a consistent view for as long as it likes.
 *
 * An image is a fold over the chain: state changes by applying records and in no other way, so recovery, the coordinator's
 * live path and the brokers' copies are one code. It decides nothing.
 */
import type { BrokerId, CoordinatorEpoch, TopicId } from '#kernel';
import { NO_EPOCH, YakError } from '#kernel';
import type {
  BrokerRecord,
  ClusterRecord,
  CoordinatorRecord,
  IsrMember,
  MetadataEntry,
  MetadataRecord,
  MetadataSnapshot,
  PartitionRecord,
  TopicDeletedRecord,
  TopicRecord,
} from './records.js';
import { GENESIS_OP_ID } from './records.js';

/** Deletions that an image remembers, so that a broker that was away and gets a snapshot still removes those files (R14). */
export const DELETED_TOPICS_REMEMBERED = 10_000;

const SUPPORTED_VERSIONS: Readonly<Record<MetadataRecord['type'], number>> = {
  broker: 1,
  topic: 1,
  partition: 1,
  'topic-deleted': 1,
  cluster: 1,
  'producer-ids': 1,
  coordinator: 1,
  'no-op': 1,
};

interface Fields {
  revision: number;
  opId: string;
  coordinatorEpoch: CoordinatorEpoch;
  cluster: ClusterRecord | null;
  coordinator: CoordinatorRecord | null;
  nextProducerId: number;
  brokers: ReadonlyMap<BrokerId, BrokerRecord>;
  topicsByName: ReadonlyMap<string, TopicRecord>;
  topicsById: ReadonlyMap<TopicId, TopicRecord>;
  deletedTopics: ReadonlyMap<TopicId, TopicDeletedRecord>;
  partitions: ReadonlyMap<TopicId, readonly PartitionRecord[]>;
}

const NO_PARTITIONS: readonly PartitionRecord[] = [];

export class MetadataImage {
  private static readonly none = new MetadataImage({
    revision: -1,
    opId: GENESIS_OP_ID,
    coordinatorEpoch: NO_EPOCH,
    cluster: null,
    coordinator: null,
    nextProducerId: 0,
    brokers: new Map(),
    topicsByName: new Map(),
    topicsById: new Map(),
    deletedTopics: new Map(),
    partitions: new Map(),
  });

  /** For fold only: an image comes from empty, fromSnapshot and apply. */
  constructor(private readonly fields: Fields) {}

  /** Before the first entry: revision -1, GENESIS_OP_ID, coordinator epoch -1. */
  static empty(): MetadataImage {
    return MetadataImage.none;
  }

  /** What a store holds. Throws as fromSnapshot. */
  static fromChain({ snapshot, entries }: { snapshot: MetadataSnapshot | null; entries: readonly MetadataEntry[] }): MetadataImage {
    const start = snapshot ? MetadataImage.fromSnapshot(snapshot) : MetadataImage.none;
    return entries.reduce((image, entry) => image.apply(entry), start);
  }

  /** Throws a YakError `UNSUPPORTED_METADATA` for a record of a newer release. */
  static fromSnapshot(snapshot: MetadataSnapshot): MetadataImage {
    return fold(MetadataImage.none.fields, snapshot.records, {
      revision: snapshot.revision,
      opId: snapshot.opId,
      coordinatorEpoch: snapshot.coordinatorEpoch,
    });
  }

  /** Of the last applied entry; -1 before the first. */
  get revision(): number {
    return this.fields.revision;
  }
  get opId(): string {
    return this.fields.opId;
  }
  /** Of the last applied entry; -1 before the first. */
  get coordinatorEpoch(): CoordinatorEpoch {
    return this.fields.coordinatorEpoch;
  }
  get cluster(): ClusterRecord | null {
    return this.fields.cluster;
  }
  get coordinator(): CoordinatorRecord | null {
    return this.fields.coordinator;
  }
  /** Lowest producer id that nobody was given. */
  get nextProducerId(): number {
    return this.fields.nextProducerId;
  }
  get brokers(): ReadonlyMap<BrokerId, BrokerRecord> {
    return this.fields.brokers;
  }
  get topicsByName(): ReadonlyMap<string, TopicRecord> {
    return this.fields.topicsByName;
  }
  get topicsById(): ReadonlyMap<TopicId, TopicRecord> {
    return this.fields.topicsById;
  }
  /** The last DELETED_TOPICS_REMEMBERED deletions, oldest first. */
  get deletedTopics(): ReadonlyMap<TopicId, TopicDeletedRecord> {
    return this.fields.deletedTopics;
  }

  /** By partition number; empty for an unknown topic. */
  partitionsOf(topicId: TopicId): readonly PartitionRecord[] {
    return this.fields.partitions.get(topicId) ?? NO_PARTITIONS;
  }
  partition(topicId: TopicId, index: number): PartitionRecord | undefined {
    return this.fields.partitions.get(topicId)?.[index];
  }
  /** Every partition, topic by topic in order of creation. */
  *allPartitions(): IterableIterator<PartitionRecord> {
    for (const partitions of this.fields.partitions.values()) yield* partitions;
  }

  /**
   * The image after `entry`. Throws a YakError: `METADATA_CHAIN_BROKEN` when the entry does not follow this image (R17),
   * `UNSUPPORTED_METADATA` when a record is of an unknown type or version.
   */
  apply(entry: MetadataEntry): MetadataImage {
    if (entry.previousOpId !== this.opId || entry.revision !== this.revision + 1) {
      throw new YakError(
        'METADATA_CHAIN_BROKEN',
        `entry ${entry.revision} follows op id "${entry.previousOpId}", but this copy is at revision ${this.revision} with op id "${this.opId}"`,
      );
    }
    return fold(this.fields, entry.records, { revision: entry.revision, opId: entry.opId, coordinatorEpoch: entry.coordinatorEpoch });
  }

  /** The same revision with `records` applied on top: what a later decision of the same entry looks at. */
  withRecords(records: readonly MetadataRecord[]): MetadataImage {
    return records.length === 0 ? this : fold(this.fields, records, {});
  }

  /** Records that rebuild this image. */
  toSnapshot(): MetadataSnapshot {
    const records: MetadataRecord[] = [];
    if (this.cluster) records.push(this.cluster);
    if (this.coordinator) records.push(this.coordinator);
    if (this.nextProducerId > 0) records.push({ type: 'producer-ids', version: 1, nextProducerId: this.nextProducerId });
    records.push(...this.brokers.values());
    for (const deleted of this.deletedTopics.values()) records.push(deleted);
    for (const topic of this.topicsById.values()) records.push(topic, ...this.partitionsOf(topic.topicId));
    return { revision: this.revision, coordinatorEpoch: this.coordinatorEpoch, opId: this.opId, records };
  }
}

/** Copies a map at most once per entry, and only if the entry touches it. */
class CopyOnWrite<K, V> {
  private copy: Map<K, V> | null = null;
  constructor(private readonly original: ReadonlyMap<K, V>) {}
  get current(): ReadonlyMap<K, V> {
    return this.copy ?? this.original;
  }
  get writable(): Map<K, V> {
    return (this.copy ??= new Map(this.original));
  }
}

function fold(before: Fields, records: readonly MetadataRecord[], position: Partial<Fields>): MetadataImage {
  const next: Fields = { ...before, ...position };
  const brokers = new CopyOnWrite(before.brokers);
  const topicsByName = new CopyOnWrite(before.topicsByName);
  const topicsById = new CopyOnWrite(before.topicsById);
  const deletedTopics = new CopyOnWrite(before.deletedTopics);
  const partitions = new CopyOnWrite(before.partitions);
  const ownArrays = new Map<TopicId, PartitionRecord[]>();

  for (const record of records) {
    requireSupported(record);
    switch (record.type) {
      case 'broker':
        brokers.writable.set(record.brokerId, record);
        break;
      case 'topic':
        topicsByName.writable.set(record.name, record);
        topicsById.writable.set(record.topicId, record);
        if (!partitions.current.has(record.topicId)) partitions.writable.set(record.topicId, NO_PARTITIONS);
        break;
      case 'partition': {
        let array = ownArrays.get(record.topicId);
        if (!array) {
          const known = partitions.current.get(record.topicId);
          if (!known) throw chainError(`partition ${record.partition} of the unknown topic id ${record.topicId}`);
          array = [...known];
          ownArrays.set(record.topicId, array);
          partitions.writable.set(record.topicId, array);
        }
        if (record.partition > array.length)
          throw chainError(`partition ${record.partition} of topic id ${record.topicId} comes out of order`);
        array[record.partition] = record;
        break;
      }
      case 'topic-deleted': {
        topicsById.writable.delete(record.topicId);
        if (topicsByName.current.get(record.name)?.topicId === record.topicId) topicsByName.writable.delete(record.name);
        partitions.writable.delete(record.topicId);
        ownArrays.delete(record.topicId);
        deletedTopics.writable.set(record.topicId, record);
        if (deletedTopics.current.size > DELETED_TOPICS_REMEMBERED) {
          deletedTopics.writable.delete(deletedTopics.current.keys().next().value!);
        }
        break;
      }
      case 'cluster':
        next.cluster = record;
        break;
      case 'producer-ids':
        next.nextProducerId = record.nextProducerId;
        break;
      case 'coordinator':
        next.coordinator = record;
        break;
      case 'no-op':
        break;
    }
  }
  next.brokers = brokers.current;
  next.topicsByName = topicsByName.current;
  next.topicsById = topicsById.current;
  next.deletedTopics = deletedTopics.current;
  next.partitions = partitions.current;
  return new MetadataImage(next);
}

function requireSupported(record: MetadataRecord): void {
  const supported = SUPPORTED_VERSIONS[record.type];
  if (supported === record.version) return;
  throw new YakError(
    'UNSUPPORTED_METADATA',
    supported === undefined
      ? `metadata record of the unknown type "${String(record.type)}": it was written by a newer release; upgrade this process`
      : `metadata record "${record.type}" has version ${String(record.version)}, this release knows ${supported}: upgrade this process`,
  );
}

function chainError(what: string): YakError {
  return new YakError('METADATA_CHAIN_BROKEN', `metadata names ${what}`);
}

// ---- seats ----

/** What the two questions below need; an image has it, and so has a decision that is being made. */
export interface Registrations {
  readonly brokers: { get(brokerId: BrokerId): BrokerRecord | undefined };
}

/** The seat's incarnation is the registered one, not fenced and not stopping. */
export function isLiveSeat(seat: IsrMember, registrations: Registrations): boolean {
  const broker = registrations.brokers.get(seat.brokerId);
  return broker !== undefined && broker.brokerEpoch === seat.brokerEpoch && !broker.isFenced && !broker.isShuttingDown;
}

/** ISR members that run now; what doors report as `isr`. In the order of the record. */
export function liveMembers(partition: PartitionRecord, registrations: Registrations): BrokerId[] {
  return partition.isr.filter((seat) => isLiveSeat(seat, registrations)).map((seat) => seat.brokerId);
}

/** ISR members that are fenced or stopped and hold everything committed (R10); what doors report as eligible leader replicas. */
export function keptMembers(partition: PartitionRecord, registrations: Registrations): BrokerId[] {
  return partition.isr.filter((seat) => !isLiveSeat(seat, registrations)).map((seat) => seat.brokerId);
}
