/**
 * Consumer groups for the fake cluster: the real machine (GroupTable) behind the Nest door's messages, on one broker at a time.
 * Its records are committed at once and kept, so that another broker can go on from them, as from `__consumer_offsets`.
 */
import type { Decision, GroupConfig, GroupRecord, OffsetRecord, Reply, Time } from '#groups';
import { GroupTable } from '#groups';
import type { KafkaErrorName } from '#kernel';
import { KafkaError } from '#kernel';
import type { RpcHandlers } from '#rpc';
import type { SimProcess } from '#seams-sim';

const CONFIG: GroupConfig = {
  minSessionTimeoutMs: 10,
  maxSessionTimeoutMs: 300_000,
  initialRebalanceDelayMs: 100,
  maxSize: 100,
  groupMetadataMaxBytes: 1_000_000,
  offsetMetadataMaxBytes: 4096,
  offsetsRetentionMs: 7 * 24 * 3_600_000,
};

export interface FakeGroupHost {
  process(broker: number): SimProcess;
  topicIdOf(topic: string): string | null;
  readonly port: number;
}

export class FakeGroupCoordinator {
  /** What a real one would have in its log. */
  readonly records: GroupRecord[] = [];
  /** -1: there is none. */
  broker = 0;
  joins = 0;
  leaves = 0;
  /** An answer is given instead of the machine's. */
  refuse: (pattern: string, groupId: string) => KafkaErrorName | null = () => null;
  private table: GroupTable;
  private isTicking = false;
  private isLoading = false;

  constructor(private readonly host: FakeGroupHost) {
    this.table = this.newTable();
  }

  /** Another broker goes on from the records, or with -1 none; who waited at the old one is told. */
  move(to: number): void {
    const waiting = this.table.abandon();
    this.broker = to;
    this.table = this.newTable();
    for (const reply of waiting) reply.fail('NOT_COORDINATOR');
  }

  /** While it loads everything is answered with COORDINATOR_LOAD_IN_PROGRESS, and no session ends. */
  load(isLoading: boolean): void {
    this.isLoading = isLoading;
    this.move(this.broker);
  }

  topicDeleted(topicId: string): void {
    this.settle(this.table.topicsDeleted((id) => id === topicId));
  }

  describe(groupId: string) {
    return this.table.describe(groupId);
  }

  rebalances(groupId: string) {
    return this.table.history(groupId).rebalances;
  }

  /** Null: nothing. */
  committed(groupId: string, topic: string, partition: number): number | null {
    const { partitions } = this.table.fetchOffsets({ groupId, partitions: [{ topic, partition }], requireStable: true });
    return partitions[0]!.offset < 0 ? null : partitions[0]!.offset;
  }

  /** Every commit of that partition, in order. */
  commitsOf(groupId: string, topic: string, partition: number): OffsetRecord[] {
    return this.records.filter((record): record is OffsetRecord => {
      return record.type === 'offset' && record.groupId === groupId && record.topic === topic && record.partition === partition;
    });
  }

  handlers(broker: number): RpcHandlers {
    const asCoordinator = <R>(pattern: string, groupId: string, answer: () => R): R => {
      const error = this.unavailable(broker) ?? this.refuse(pattern, groupId);
      if (error !== null) throw new KafkaError(error);
      return answer();
    };
    return {
      findCoordinator: async ({ groupIds }) => ({
        coordinators: groupIds.map((groupId) => {
          if (this.broker < 0) return { groupId, error: 'COORDINATOR_NOT_AVAILABLE' as const, brokerId: -1, host: '', port: -1 };
          return { groupId, error: 'NONE' as const, brokerId: this.broker, host: `b${this.broker}`, port: this.host.port };
        }),
      }),
      joinGroup: async (request, context) => {
        this.joins++;
        const protocols = request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata, 'base64') }));
        const client = { clientId: context.clientId ?? '', clientHost: `/${context.clientAddress.split(':')[0]}` };
        try {
          const joined = await asCoordinator('joinGroup', request.groupId, () =>
            this.parked<Parameters<Parameters<GroupTable['join']>[2]['send']>[0]>((reply) =>
              this.table.join({ ...request, protocols }, client, reply, this.now()),
            ),
          );
          return { ...joined, members: joined.members.map((member) => ({ ...member, metadata: member.metadata.toString('base64') })) };
        } catch (error) {
          const refused = { generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, members: [] };
          return { error: nameOf(error), ...refused, memberId: request.memberId };
        }
      },
      syncGroup: async (request) => {
        const assignments = request.assignments.map((one) => ({ ...one, assignment: Buffer.from(one.assignment, 'base64') }));
        try {
          const synced = await asCoordinator('syncGroup', request.groupId, () =>
            this.parked<Parameters<Parameters<GroupTable['sync']>[1]['send']>[0]>((reply) =>
              this.table.sync({ ...request, assignments }, reply, this.now()),
            ),
          );
          return { ...synced, assignment: synced.assignment.toString('base64') };
        } catch (error) {
          return { error: nameOf(error), protocolType: null, protocolName: null, assignment: '' };
        }
      },
      groupHeartbeat: async (request) => {
        try {
          return asCoordinator('groupHeartbeat', request.groupId, () => this.table.heartbeat(request, this.now()));
        } catch (error) {
          return { error: nameOf(error) };
        }
      },
      leaveGroup: async (request) => {
        this.leaves++;
        try {
          return await asCoordinator('leaveGroup', request.groupId, () =>
            this.parked((reply) => this.table.leave(request, reply, this.now())),
          );
        } catch (error) {
          return { error: nameOf(error), members: [] };
        }
      },
      commitOffsets: async (request) => {
        try {
          return await asCoordinator('commitOffsets', request.groupId, () =>
            this.parked((reply) => this.table.commitOffsets(request, reply, (topic) => this.host.topicIdOf(topic), this.now())),
          );
        } catch (error) {
          return { partitions: request.partitions.map(({ topic, partition }) => ({ topic, partition, error: nameOf(error) })) };
        }
      },
      fetchOffsets: async (request) => {
        try {
          return asCoordinator('fetchOffsets', request.groupId, () => this.table.fetchOffsets(request));
        } catch (error) {
          return { error: nameOf(error), partitions: [] };
        }
      },
      describeGroups: async ({ groupIds }) => ({
        groups: groupIds.map((groupId) => {
          const group = this.table.describe(groupId);
          const members = group.members.map((member) => ({
            ...member,
            metadata: member.metadata.toString('base64'),
            assignment: member.assignment.toString('base64'),
          }));
          return { ...group, members };
        }),
      }),
      groupHistory: async ({ groupId }) => this.table.history(groupId),
    };
  }

  private unavailable(broker: number): KafkaErrorName | null {
    if (broker !== this.broker) return 'NOT_COORDINATOR';
    return this.isLoading ? 'COORDINATOR_LOAD_IN_PROGRESS' : null;
  }

  private parked<R>(decide: (reply: Reply<R>) => Decision): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.settle(decide({ send: resolve, fail: (error) => reject(new KafkaError(error)) }));
    });
  }

  private settle({ records, answers }: Decision): void {
    for (const record of records) {
      this.records.push(record);
      this.table.apply(record);
    }
    for (const { reply, response } of answers) (reply as Reply<unknown>).send(response);
    this.tickLater();
  }

  private tickLater(): void {
    const next = this.table.nextDeadline();
    if (next === null || this.isTicking || this.isLoading || this.broker < 0) return;
    this.isTicking = true;
    const { table } = this;
    const process = this.host.process(Math.max(0, this.broker));
    // Looked at often enough: deadlines may come nearer with every command.
    process.scheduler.after(Math.min(50, Math.max(0, next - process.clock.monotonicMs())), () => {
      if (this.table !== table) return;
      this.isTicking = false;
      this.settle(table.tick(this.now()));
    });
  }

  private newTable(): GroupTable {
    const table = new GroupTable(CONFIG, this.host.process(Math.max(0, this.broker)).random);
    for (const record of this.records) table.apply(record);
    table.loaded(this.now());
    this.isTicking = false;
    this.table = table;
    this.tickLater();
    return table;
  }

  private now(): Time {
    const { clock } = this.host.process(Math.max(0, this.broker));
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }
}

function nameOf(error: unknown): KafkaErrorName {
  if (error instanceof KafkaError) return error.error;
  throw error;
}
