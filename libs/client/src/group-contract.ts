/** Public face of the group consumer: members of one group share the partitions of their topics and go on where the group committed. */
import type { AssignableMember, MemberAssignments, Rebalance, TopicPartition } from '#groups';
import type { LeaderEpoch, Offset } from '#kernel';
import type { ConsumedRecord, ConsumerConfig, StartPosition } from './contract.js';

/** How a leader shares out partitions. `name` is what members of all clients have to agree on. */
export interface GroupAssignor {
  readonly name: string;
  assign(members: readonly AssignableMember[], partitionCounts: ReadonlyMap<string, number>): MemberAssignments;
}

export interface GroupConsumerConfig
  extends Pick<ConsumerConfig, 'exitAtEnd' | 'maxWaitMs' | 'maxBytes' | 'partitionMaxBytes' | 'bufferBytes'> {
  readonly groupId: string;
  /** One that does not exist yet is consumed as soon as it does. */
  readonly topics: readonly string[];
  /**
   * Static membership (KIP-345): a process that comes back under the same id within its session takes its partitions up again
   * without a rebalance. Two living processes must not share one: the older one is fenced.
   */
  readonly groupInstanceId?: string;
  /**
   * For partitions for which the group has committed nothing. Default earliest: with latest, records that are written to a new
   * partition before its first reader comes are never read.
   */
  readonly from?: StartPosition;
  /** Without a heartbeat for this long a member is taken for dead. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** Default a third of the session, at most 1,000 ms: members hear of a rebalance by it. */
  readonly heartbeatIntervalMs?: number;
  /** How long the others wait for a member that has to finish with its records before it joins a rebalance. Default 60,000. */
  readonly rebalanceTimeoutMs?: number;
  /**
   * Commits this often, and at a rebalance and at the end, the records whose successors were asked for: what the loop body is
   * still busy with is not committed. Default 5,000; null: only commit() and commitOffsets() commit.
   */
  readonly autoCommitIntervalMs?: number | null;
  /** In the order of preference. Default range, roundrobin, and roundrobin under the name that KafkaJS gives it. */
  readonly assignors?: readonly GroupAssignor[];
}

export interface OffsetToCommit extends TopicPartition {
  /** The next record to read: one above the last one that is done with. */
  readonly offset: Offset;
  /** Default: of the record before `offset`, where that was read here; -1 unknown. */
  readonly leaderEpoch?: LeaderEpoch;
  readonly metadata?: string;
}

export type GroupEvent =
  | {
      readonly type: 'assigned';
      readonly generationId: number;
      readonly memberId: string;
      readonly isLeader: boolean;
      /** The assignor that the group agreed on. */
      readonly protocol: string;
      readonly partitions: readonly TopicPartition[];
    }
  /** Before a rebalance: nothing is given out any more. Listeners are awaited, and what they commit still counts. */
  | { readonly type: 'revoking'; readonly reason: string; readonly partitions: readonly TopicPartition[] }
  /** Others may have them already; what was not committed will be given out again, to whoever has them now. */
  | { readonly type: 'lost'; readonly reason: string; readonly partitions: readonly TopicPartition[] }
  /** Reading goes on at `now` instead of `position`: retention removed what was between, or the log ends before it. */
  | {
      readonly type: 'out-of-range';
      readonly cause: 'retention' | 'truncation';
      readonly topic: string;
      readonly partition: number;
      readonly position: Offset;
      readonly now: Offset;
    }
  /** Of an automatic commit. Nothing is lost: the records will be given out again. */
  | { readonly type: 'commit-failed'; readonly error: Error }
  /** The broker that coordinates the group; null: none answers now. Membership outlives that. */
  | { readonly type: 'coordinator'; readonly brokerId: number | null; readonly reason: string };

export interface GroupConsumer extends AsyncIterable<readonly ConsumedRecord[]> {
  /** Batches, each of one partition, in offset order within a partition. For one loop at a time. Rejects with what ended the membership. */
  [Symbol.asyncIterator](): AsyncIterator<readonly ConsumedRecord[]>;
  /**
   * Commits everything that was taken so far, the batch in hand included. Rejects with a KafkaError when it was not committed
   * (the partitions belong to another member now, the coordinator did not answer): those records will be given out again.
   */
  commit(): Promise<void>;
  /** Only of partitions that are assigned and only up to what was taken (NOT_ASSIGNED, NOT_TAKEN); else as commit(). */
  commitOffsets(offsets: readonly OffsetToCommit[]): Promise<void>;
  onEvent(listener: (event: GroupEvent) => void | Promise<void>): void;
  /** What is assigned now; empty between generations. */
  readonly assignment: readonly TopicPartition[];
  /** Why the group was rebalanced last, as its coordinator noted it; null when it noted none. Rejects when it does not answer. */
  lastRebalance(): Promise<Rebalance | null>;
  /**
   * Commits (automatic commits only, unless `commit` is false) and leaves, within 5 s. A static member does not leave unless
   * asked to: its partitions wait for it until its session times out. Never rejects.
   */
  close(options?: { readonly commit?: boolean; readonly leave?: boolean }): Promise<void>;
}
