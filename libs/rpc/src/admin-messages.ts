/**
 * Administration beyond creating and deleting topics: partitions, configs, who is connected, where a record is. The first two
 * change the cluster and are decided by the cluster coordinator; any broker takes them and hands them on.
 */
import type { GroupReader } from '#groups';
import type { OnBehalfOf, WithError } from './messages.js';

export interface CreatePartitionsRequest {
  readonly topics: readonly {
    readonly name: string;
    /** How many the topic is to have in all; more than now. */
    readonly totalCount: number;
    /** One row of broker ids per new partition, preferred leader first. Absent: placed as at creation. */
    readonly assignments?: readonly (readonly number[])[];
  }[];
  readonly validateOnly?: boolean;
  readonly timeoutMs?: number;
  readonly onBehalfOf?: OnBehalfOf;
}
export interface CreatePartitionsResponse {
  readonly topics: readonly (WithError & { readonly name: string })[];
}

export type ConfigResourceType = 'topic' | 'broker' | 'group' | 'broker-logger' | 'client-metrics';
export interface ConfigResource {
  readonly type: ConfigResourceType;
  /** Topic name; node id as text ('' for the cluster-wide default of brokers). */
  readonly name: string;
}
export interface ConfigOperation {
  readonly name: string;
  /** `append` and `subtract` are for lists (cleanup.policy). `delete` goes back to the default; its value is null. */
  readonly operation: 'set' | 'delete' | 'append' | 'subtract';
  readonly value: string | null;
}
export interface AlterConfigsRequest {
  readonly resources: readonly (ConfigResource & {
    readonly operations: readonly ConfigOperation[];
    /** Kafka's old AlterConfigs: what is not named goes back to the default. */
    readonly replacesAll?: boolean;
  })[];
  readonly validateOnly?: boolean;
  readonly timeoutMs?: number;
  readonly onBehalfOf?: OnBehalfOf;
}
export interface AlterConfigsResponse {
  readonly resources: readonly (WithError & ConfigResource)[];
}

export type ConfigSource = 'topic' | 'static-broker' | 'default';
export interface DescribeConfigsRequest {
  readonly resources: readonly (ConfigResource & {
    /** Null: all. */
    readonly names: readonly string[] | null;
  })[];
}
export interface ConfigEntry {
  readonly name: string;
  readonly value: string | null;
  readonly source: ConfigSource;
  readonly isReadOnly: boolean;
  readonly isSensitive: boolean;
  readonly type: 'boolean' | 'string' | 'int' | 'long' | 'list' | 'double';
  readonly documentation: string;
  /** From the most specific place where it is set to the default; the first one acts. */
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: ConfigSource }[];
}
export interface DescribeConfigsResponse {
  readonly resources: readonly (WithError & ConfigResource & { readonly configs: readonly ConfigEntry[] })[];
}

// ---- who is connected, and what reached whom ----

/** One connection of a client to one broker. Times are wall ms of that broker. */
export interface ConnectedClient {
  readonly brokerId: number;
  readonly door: 'kafka' | 'nest';
  readonly clientId: string | null;
  readonly software: { readonly name: string; readonly version: string } | null;
  /** host:port of the client. */
  readonly address: string;
  readonly listener: string;
  readonly principal: string;
  readonly connectedAtMs: number;
  readonly lastRequestAtMs: number;
  /** Per partition that it produced to; offsets are of the last record. */
  readonly produced: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly producerId: number;
    readonly lastSentAtMs: number;
    /** -1: none yet. */
    readonly lastAcknowledgedOffset: number;
    readonly lastAcknowledgedAtMs: number;
  }[];
  /** Per partition that it fetched; nextOffset is what it asked for last: everything below reached it. */
  readonly fetched: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly nextOffset: number;
    readonly lastFetchedAtMs: number;
  }[];
  /** Memberships that were named on this connection. */
  readonly groups: readonly { readonly groupId: string; readonly memberId: string; readonly groupInstanceId: string | null }[];
}
export type ListClientsRequest = Record<string, never>;
export interface ListClientsResponse {
  readonly clients: readonly ConnectedClient[];
  /** Beyond the limits of the registry, per broker: connections that are not listed. */
  readonly omitted: number;
  /** Asked of the cluster coordinator: brokers that did not answer. */
  readonly silentBrokers: readonly number[];
}

/** Asked of every replica's broker, and of every broker for the groups that it coordinates; the answers are put together by the asker. */
export interface LocateRecordRequest {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}
export interface LocateRecordResponse extends WithError {
  readonly brokerId: number;
  /** Null: no replica here. */
  readonly replica: {
    readonly role: 'leader' | 'follower' | 'idle' | 'failed';
    readonly isInSync: boolean;
    readonly leaderEpoch: number;
    readonly logStartOffset: number;
    readonly flushedEndOffset: number;
    readonly logEndOffset: number;
    readonly highWatermark: number;
    /** When the high watermark passed the offset here, wall ms; null: not yet, or too long ago to be known. */
    readonly committedAtMs: number | null;
  } | null;
  /** The batch that holds the record; null: not here (compacted away, deleted by retention, not written yet). */
  readonly batch: {
    readonly baseOffset: number;
    readonly lastOffset: number;
    readonly leaderEpoch: number;
    /** Of the record where it is readable, else of the batch. */
    readonly timestamp: number;
    readonly producerId: number;
    readonly producerEpoch: number;
    readonly baseSequence: number;
    readonly sizeBytes: number;
  } | null;
  /** The connection that the batch came through, while this broker remembers it. */
  readonly producer: {
    readonly clientId: string | null;
    readonly address: string;
    readonly software: string | null;
    readonly atMs: number;
  } | null;
  /** Connections that fetched beyond the offset here, latest first. */
  readonly fetchedBy: readonly {
    readonly clientId: string | null;
    readonly address: string;
    readonly groupId: string | null;
    readonly memberId: string | null;
    readonly atMs: number;
  }[];
  /** Groups that this broker coordinates and that know the partition. */
  readonly groups: readonly GroupReader[];
}

export interface AdminRpcMessages {
  createPartitions: [CreatePartitionsRequest, CreatePartitionsResponse];
  alterConfigs: [AlterConfigsRequest, AlterConfigsResponse];
  describeConfigs: [DescribeConfigsRequest, DescribeConfigsResponse];
  listClients: [ListClientsRequest, ListClientsResponse];
  locateRecord: [LocateRecordRequest, LocateRecordResponse];
}
