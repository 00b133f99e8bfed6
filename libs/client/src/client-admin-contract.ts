/** Who is connected to the cluster, and where one record is. */
import type { BrokerId } from '#kernel';
import type { ListClientsResponse, LocateRecordRequest, LocateRecordResponse, PartitionMetadata } from '#rpc';

export interface ClientAdmin {
  /** Of all live brokers: gathered by the cluster coordinator, or asked of each broker while it does not answer. */
  list(): Promise<ListClientsResponse>;
  /** Asks every live broker. Rejects with a KafkaError when the topic or the partition does not exist. */
  where(request: LocateRecordRequest): Promise<RecordWhereabouts>;
}

export interface RecordWhereabouts {
  /** As the cluster has it now. */
  readonly partition: PartitionMetadata;
  /** One per broker that answered, by broker id. */
  readonly answers: readonly LocateRecordResponse[];
  /** Live brokers that did not answer in time. */
  readonly silentBrokers: readonly BrokerId[];
}
