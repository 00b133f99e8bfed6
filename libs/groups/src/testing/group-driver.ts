/**
 * Runs a GroupTable as the broker's runtime does: every decision is applied at once, then its answers go out. Keeps the log
 * of all records (through their bytes), so that another table can be loaded from it. Time is a number that the test moves.
 */
import { assert, type KafkaErrorName, type TopicId } from '#kernel';
import { SimRandom } from '#seams-sim';
import { encodeSubscription } from '../consumer-protocol.js';
import type { Decision, GroupConfig, Reply, Time } from '../contract.js';
import { decodeGroupRecord, encodeGroupRecord } from '../group-record-codec.js';
import { GroupTable } from '../group-table.js';
import type {
  JoinGroupRequest,
  JoinGroupResponse,
  LeaveGroupResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteResponse,
  SyncGroupRequest,
  SyncGroupResponse,
} from '../messages.js';
import type { GroupRecord } from '../records.js';

export const GROUP_CONFIG: GroupConfig = {
  minSessionTimeoutMs: 1_000,
  maxSessionTimeoutMs: 100_000,
  initialRebalanceDelayMs: 0,
  maxSize: 100,
  groupMetadataMaxBytes: 1_000_000,
  offsetMetadataMaxBytes: 64,
  offsetsRetentionMs: 7 * 24 * 3_600_000,
};
export const ORDERS_ID: TopicId = 'AAAAAAAAAAAAAAAAAAAAAQ';
export const AUDIT_ID: TopicId = 'AAAAAAAAAAAAAAAAAAAAAg';
const WALL_START_MS = 1_700_000_000_000;

/** A request on its way: `response` is null while it is parked. */
export interface Asked<R> {
  response: R | null;
  failure: KafkaErrorName | null;
}

export class GroupDriver {
  readonly table: GroupTable;
  readonly log: GroupRecord[];
  /** Records of the last decision. */
  written: readonly GroupRecord[] = [];
  topicIds = new Map<string, TopicId>([
    ['orders', ORDERS_ID],
    ['audit', AUDIT_ID],
  ]);

  constructor(
    readonly config: Partial<GroupConfig> = {},
    readonly from: { readonly log: readonly GroupRecord[]; readonly nowMs: number; readonly seed?: string } = { log: [], nowMs: 0 },
  ) {
    this.nowMs = from.nowMs;
    this.log = [...from.log];
    this.table = new GroupTable({ ...GROUP_CONFIG, ...config }, new SimRandom(from.seed ?? 'groups'));
    for (const record of this.log) this.table.apply(record);
    this.table.loaded(this.now);
  }

  nowMs: number;

  get now(): Time {
    return { monotonicMs: this.nowMs, wallMs: WALL_START_MS + this.nowMs };
  }

  /** Another group coordinator that read everything written so far; this one's parked replies fail. */
  takeOver(): GroupDriver {
    for (const reply of this.table.abandon()) reply.fail('NOT_COORDINATOR');
    return new GroupDriver(this.config, { log: this.log, nowMs: this.nowMs, seed: `after-${this.log.length}` });
  }

  join(request: Partial<JoinGroupRequest> = {}, clientId = 'client'): Asked<JoinGroupResponse> {
    const full: JoinGroupRequest = {
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
      memberId: '',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: subscribe('orders') }],
      requiresKnownMemberId: false,
      supportsSkippingAssignment: true,
      reason: null,
      ...request,
    };
    return this.ask((reply) => this.table.join(full, { clientId, clientHost: '/127.0.0.1' }, reply, this.now));
  }

  sync(member: MemberOf, request: Partial<SyncGroupRequest> = {}): Asked<SyncGroupResponse> {
    const full: SyncGroupRequest = { ...identity(member), protocolType: null, protocolName: null, assignments: [], ...request };
    return this.ask((reply) => this.table.sync(full, reply, this.now));
  }

  heartbeat(member: MemberOf): KafkaErrorName {
    return this.table.heartbeat(identity(member), this.now).error;
  }

  leave(...members: { memberId?: string; groupInstanceId?: string | null; reason?: string | null }[]): LeaveGroupResponse {
    const full = members.map((each) => ({ memberId: '', groupInstanceId: null, reason: null, ...each }));
    return this.ask<LeaveGroupResponse>((reply) => this.table.leave({ groupId: 'g', members: full }, reply, this.now)).response!;
  }

  commit(
    request: Partial<OffsetCommitRequest> & { readonly offset?: number; readonly topic?: string },
  ): OffsetCommitResponse['partitions'] {
    const { offset = 1, topic = 'orders', ...rest } = request;
    const partitions = [{ topic, partition: 0, offset, leaderEpoch: 0, metadata: null }];
    const full: OffsetCommitRequest = { groupId: 'g', generationId: -1, memberId: '', groupInstanceId: null, partitions, ...rest };
    const topicIdOf = (name: string) => this.topicIds.get(name) ?? null;
    return this.ask<OffsetCommitResponse>((reply) => this.table.commitOffsets(full, reply, topicIdOf, this.now)).response!.partitions;
  }

  committed(topic = 'orders', partition = 0, groupId = 'g'): number {
    return this.table.fetchOffsets({ groupId, partitions: [{ topic, partition }], requireStable: false }).partitions[0]!.offset;
  }

  deleteOffsets(topic: string, groupId = 'g'): OffsetDeleteResponse {
    const partitions = [{ topic, partition: 0 }];
    return this.ask<OffsetDeleteResponse>((reply) => this.table.deleteOffsets({ groupId, partitions }, reply)).response!;
  }

  deleteGroup(groupId = 'g'): KafkaErrorName {
    return this.ask<{ error: KafkaErrorName }>((reply) => this.table.deleteGroup(groupId, reply)).response!.error;
  }

  topicsDeleted(...topicIds: TopicId[]): void {
    this.decide(this.table.topicsDeleted((topicId) => topicIds.includes(topicId)));
  }

  /** Time passes; every deadline on the way is kept. */
  advance(ms: number): void {
    const end = this.nowMs + ms;
    for (let next = this.table.nextDeadline(); next !== null && next <= end; next = this.table.nextDeadline()) {
      this.nowMs = Math.max(this.nowMs, next);
      this.tick();
    }
    this.nowMs = end;
  }

  tick(): void {
    this.decide(this.table.tick(this.now));
  }

  /** `count` members of one Stable generation; member i is assigned "part i". The first one leads. */
  stable(count: number, request: (i: number) => Partial<JoinGroupRequest> = () => ({})): JoinGroupResponse[] {
    const memberIds: string[] = [];
    for (let i = 0; i < count; i++) {
      const joined = this.join(request(i));
      memberIds.push(joined.response?.memberId ?? this.memberIds().at(-1)!);
    }
    // The first one already heard of a generation of its own: it joins again, and the others are told of the same one.
    const members = this.membersOf(memberIds, request);
    this.syncAll(members);
    assert(this.state === 'Stable', `the group should be Stable, it is ${this.state}`);
    return members;
  }

  /** All join again; what each is told. */
  membersOf(memberIds: readonly string[], request: (i: number) => Partial<JoinGroupRequest> = () => ({})): JoinGroupResponse[] {
    return memberIds.map((memberId, i) => this.join({ ...request(i), memberId })).map(({ response }) => response!);
  }

  syncAll(members: readonly JoinGroupResponse[]): Asked<SyncGroupResponse>[] {
    const assignments = members.map(({ memberId }, i) => ({ memberId, assignment: Buffer.from(`part ${i}`) }));
    return members.map((each) => this.sync(each, { assignments: each.leader === each.memberId ? assignments : [] }));
  }

  memberIds(groupId = 'g'): string[] {
    return this.table.describe(groupId).members.map(({ memberId }) => memberId);
  }

  get state(): string {
    return this.table.describe('g').state;
  }

  get generationId(): number {
    return this.table.describe('g').generationId;
  }

  ask<R>(command: (reply: Reply<R>) => Decision): Asked<R> {
    const asked: Asked<R> = { response: null, failure: null };
    const once = () => assert(asked.response === null && asked.failure === null, 'a reply was answered twice');
    const reply: Reply<R> = {
      send: (response) => {
        once();
        asked.response = response;
      },
      fail: (error) => {
        once();
        asked.failure = error;
      },
    };
    this.decide(command(reply));
    return asked;
  }

  private decide(decision: Decision): void {
    this.written = decision.records;
    for (const record of decision.records) {
      const { key, value } = encodeGroupRecord(record);
      const stored = decodeGroupRecord(key, value)!;
      this.log.push(stored);
      this.table.apply(stored);
    }
    for (const { reply, response } of decision.answers) reply.send(response as never);
  }
}

/** What a member says of itself after it joined. */
export interface MemberOf {
  readonly memberId: string;
  readonly generationId: number;
  readonly groupInstanceId?: string | null;
}

function identity({ memberId, generationId, groupInstanceId = null }: MemberOf) {
  return { groupId: 'g', memberId, generationId, groupInstanceId };
}

export function subscribe(...topics: string[]): Buffer {
  return encodeSubscription({ topics });
}
