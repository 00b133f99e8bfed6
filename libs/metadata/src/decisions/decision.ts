/**
 * What every command of the cluster coordinator answers with: the records that make it true, and the response that may be
 * sent once they are committed (R17). Decisions are pure: state changes only when the records are applied.
 */
import type { BrokerId, KafkaErrorName, TopicId } from '#kernel';
import type { MetadataImage, Registrations } from '../image.js';
import type { BrokerRecord, MetadataRecord, PartitionRecord } from '../records.js';

export interface DecisionState {
  /** As it will be right before these records: earlier decisions of the same entry included. */
  readonly image: MetadataImage;
  /** Of the entry that the records will go into. */
  readonly revision: number;
}

export interface Outcome {
  readonly error: KafkaErrorName;
  /** For a person: what was wrong and what to do. */
  readonly message?: string;
}

/** Why one thing of a request is not done. */
export interface Refusal {
  readonly error: KafkaErrorName;
  readonly message: string;
}

export interface Decision<R> {
  /** Empty: nothing changes, the response is true already. */
  readonly records: readonly MetadataRecord[];
  readonly response: R;
  /** The request proves that this coordinator's metadata is not the newest: it must stop acting. */
  readonly stepDown?: string;
}

/** Collects the changes of one decision; later looks see earlier changes. */
export class Draft implements Registrations {
  readonly brokers: { get(brokerId: BrokerId): BrokerRecord | undefined };
  private readonly changedBrokers = new Map<BrokerId, BrokerRecord>();
  private readonly changedPartitions = new Map<string, PartitionRecord>();

  constructor(readonly image: MetadataImage) {
    this.brokers = { get: (brokerId) => this.changedBrokers.get(brokerId) ?? image.brokers.get(brokerId) };
  }

  setBroker(record: BrokerRecord): void {
    this.changedBrokers.set(record.brokerId, record);
  }

  partition(topicId: TopicId, partition: number): PartitionRecord | undefined {
    return this.changedPartitions.get(`${topicId}/${partition}`) ?? this.image.partition(topicId, partition);
  }

  /** Does nothing when `record` is what is there. */
  setPartition(record: PartitionRecord): void {
    if (this.partition(record.topicId, record.partition) === record) return;
    this.changedPartitions.set(`${record.topicId}/${record.partition}`, record);
  }

  /** Broker records first, so that a partition never names a seat that is not registered yet. */
  get records(): MetadataRecord[] {
    return [...this.changedBrokers.values(), ...this.changedPartitions.values()];
  }
}
