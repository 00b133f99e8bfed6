/**
 * Random walks of a few clients through one group: joins, syncs, commits, deaths, restarts of static members, time, deletions,
 * changes of the group coordinator. After every step the promises of H8 are checked against what clients were told.
 */
import fc from 'fast-check';
import type { JoinGroupRequest, JoinGroupResponse, SyncGroupResponse } from './messages.js';
import { type Asked, GroupDriver, ORDERS_ID, subscribe } from './testing/group-driver.js';

interface Client {
  readonly name: string;
  readonly groupInstanceId: string | null;
  memberId: string;
  generationId: number;
  topic: string;
  join: Asked<JoinGroupResponse> | null;
  sync: Asked<SyncGroupResponse> | null;
  told: JoinGroupResponse | null;
}

type Step = { readonly client: number; readonly op: (typeof OPS)[number]; readonly arg: number };
const OPS = [
  ...Array.from({ length: 8 }, () => 'go on' as const),
  ...Array.from({ length: 8 }, () => 'everybody goes on' as const),
  ...Array.from({ length: 3 }, () => 'pass time' as const),
  ...(['commit', 'commit late', 'heartbeat', 'rejoin', 'resubscribe', 'restart', 'leave', 'remove', 'sync late'] as const),
  ...(['delete offsets', 'delete group', 'delete topic', 'take over', 'commit plainly'] as const),
] as const;
const TIMES_MS = [1, 100, 1_000, 1_000, 2_000, 4_000, 5_000, 9_000, 30_000, 700_000];

class Walk {
  driver = new GroupDriver({ initialRebalanceDelayMs: 1_000, offsetsRetentionMs: 600_000, offsetsRetentionCheckIntervalMs: 60_000 });
  readonly clients: Client[] = ['a', 'b', 'c', 's', 't'].map((name) => ({
    name,
    groupInstanceId: name === 's' || name === 't' ? name : null,
    memberId: '',
    generationId: -1,
    topic: 'orders',
    join: null,
    sync: null,
    told: null,
  }));
  private readonly asked: Asked<unknown>[] = [];
  /** By generation: the leader's sync that counted, and who was told which part of it. */
  private assigned = new Map<number, { by: string; parts: Map<string, string> }>();
  private leaders = new Map<number, string>();
  private highestTold = 0;
  private syncs = 0;
  stables = 0;

  step({ client: index, op, arg }: Step): void {
    const client = this.clients[index]!;
    const before = this.driver.generationId;
    switch (op) {
      case 'go on':
        this.goOn(client);
        break;
      case 'everybody goes on':
        for (const each of [...this.clients.slice(index), ...this.clients.slice(0, index)]) {
          this.goOn(each);
          this.listen();
        }
        break;
      case 'rejoin':
        this.join(client);
        break;
      case 'resubscribe':
        client.topic = client.topic === 'orders' ? 'audit' : 'orders';
        this.join(client);
        break;
      case 'restart':
        Object.assign(client, { memberId: '', generationId: -1, join: null, sync: null, told: null });
        this.join(client);
        break;
      case 'sync late':
        if (client.memberId !== '') this.sync(client, client.generationId - (arg % 2));
        break;
      case 'heartbeat':
        this.driver.heartbeat(client);
        break;
      case 'commit':
        this.commit(client, client.generationId, arg);
        break;
      case 'commit late':
        this.commit(client, client.generationId - 1 - (arg % 2), arg);
        break;
      case 'commit plainly':
        if (this.driver.commit({ offset: arg })[0]!.error === 'NONE') {
          expect(['Empty', 'Dead']).toContain(this.driver.state);
          expect(this.driver.committed()).toBe(arg);
        }
        break;
      case 'leave':
        this.driver.leave({ memberId: client.memberId, groupInstanceId: client.groupInstanceId });
        break;
      case 'remove':
        if (client.groupInstanceId) this.driver.leave({ groupInstanceId: client.groupInstanceId });
        break;
      case 'pass time':
        this.passTime(TIMES_MS[arg]!);
        break;
      case 'delete offsets':
        this.driver.deleteOffsets('orders');
        break;
      case 'delete group':
        this.driver.deleteGroup();
        break;
      case 'delete topic':
        this.driver.topicsDeleted(ORDERS_ID);
        break;
      case 'take over':
        this.driver = this.driver.takeOver();
        for (const each of this.clients) Object.assign(each, { join: null, sync: null });
        break;
    }
    this.listen();
    this.checkGeneration(before);
  }

  /** Parts of time in which everybody who is somebody says that it is alive. */
  private passTime(ms: number): void {
    this.driver.advance(Math.ceil(ms / 2));
    if (ms < 9_000) for (const client of this.clients) if (client.memberId !== '') this.driver.heartbeat(client);
    this.driver.advance(Math.ceil(ms / 2));
  }

  private goOn(client: Client): void {
    if (client.join || client.sync) return;
    if (client.told) this.sync(client, client.generationId);
    else this.join(client);
  }

  private join(client: Client): void {
    const { memberId, groupInstanceId, topic, name } = client;
    const protocols: JoinGroupRequest['protocols'] = [{ name: 'range', metadata: subscribe(topic) }];
    const requiresKnownMemberId = name !== 'c';
    client.told = null;
    client.sync = null;
    client.join = this.note(
      this.driver.join(
        { memberId, groupInstanceId, protocols, requiresKnownMemberId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 20_000 },
        name,
      ),
    );
  }

  private sync(client: Client, generationId: number): void {
    const told = client.told;
    const by = `sync ${++this.syncs}`;
    const isLeader = told !== null && told.leader === client.memberId && !told.skipAssignment;
    const assignments = isLeader ? told.members.map(({ memberId }, i) => ({ memberId, assignment: Buffer.from(`${by}/part ${i}`) })) : [];
    client.sync = this.note(this.driver.sync({ ...client, generationId }, { assignments }));
  }

  private commit(client: Client, generationId: number, offset: number): void {
    const current = this.driver.generationId;
    const memberId = client.memberId === '' ? 'nobody' : client.memberId;
    const { error } = this.driver.commit({ ...client, memberId, generationId, offset, topic: 'orders' })[0]!;
    if (error !== 'NONE') return;
    expect(generationId).toBe(current);
    expect(this.driver.memberIds()).toContain(client.memberId);
    expect(this.driver.committed()).toBe(offset);
    expect(this.driver.state).not.toBe('CompletingRebalance');
  }

  private note<R>(asked: Asked<R>): Asked<R> {
    this.asked.push(asked);
    return asked;
  }

  /** What was answered since the step began. */
  private listen(): void {
    for (const client of this.clients) {
      const joined = client.join?.response;
      if (joined) this.hearJoin(client, joined);
    }
    for (const client of this.clients) {
      const synced = client.sync?.response;
      if (synced) this.hearSync(client, synced);
    }
  }

  private hearJoin(client: Client, joined: JoinGroupResponse): void {
    client.join = null;
    if (joined.error === 'MEMBER_ID_REQUIRED') client.memberId = joined.memberId;
    if (joined.error === 'UNKNOWN_MEMBER_ID' || joined.error === 'FENCED_INSTANCE_ID') client.memberId = '';
    if (joined.error !== 'NONE') return;
    Object.assign(client, { memberId: joined.memberId, generationId: joined.generationId, told: joined });
    this.highestTold = Math.max(this.highestTold, joined.generationId);
    if (joined.members.length === 0) return;
    expect(joined.members.map(({ memberId }) => memberId)).toContain(joined.memberId);
    if (joined.skipAssignment) return;
    // Another leader of the same generation would assign it a second time.
    expect(this.leaders.get(joined.generationId) ?? joined.memberId).toBe(joined.memberId);
    this.leaders.set(joined.generationId, joined.memberId);
  }

  private hearSync(client: Client, { error, assignment }: SyncGroupResponse): void {
    client.sync = null;
    client.told = null;
    if (error === 'UNKNOWN_MEMBER_ID' || error === 'FENCED_INSTANCE_ID') client.memberId = '';
    if (error !== 'NONE' || assignment.length === 0) return;
    this.stables++;
    const [by, part] = assignment.toString().split('/') as [string, string];
    const generation = this.assigned.get(client.generationId) ?? { by, parts: new Map<string, string>() };
    this.assigned.set(client.generationId, generation);
    expect(generation.by).toBe(by);
    const who = client.groupInstanceId ?? client.memberId;
    expect(generation.parts.get(part) ?? who).toBe(who);
    generation.parts.set(part, who);
  }

  private checkGeneration(before: number): void {
    const { state, generationId } = this.driver;
    if (state === 'Dead' || (generationId === 0 && this.driver.table.appliedMetadata('g') === null)) {
      // Deleted, or expired: the next group of this name begins anew, with members that nobody knew before.
      this.highestTold = 0;
      this.assigned = new Map();
      this.leaders = new Map();
      for (const client of this.clients) Object.assign(client, { generationId: -1, told: null });
      return;
    }
    expect(generationId).toBeGreaterThanOrEqual(before);
    expect(generationId).toBeGreaterThanOrEqual(this.highestTold);
    const applied = this.driver.table.appliedMetadata('g');
    if (state !== 'PreparingRebalance' && applied) {
      expect(applied.generationId).toBe(generationId);
      expect(applied.members.map(({ memberId }) => memberId)).toEqual(this.driver.memberIds());
    }
  }

  checkReload(): void {
    const { table } = this.driver;
    const fresh = new GroupDriver(this.driver.config, { log: this.driver.log, nowMs: this.driver.nowMs }).table;
    expect(fresh.appliedMetadata('g')).toEqual(table.appliedMetadata('g'));
    const all = { groupId: 'g', partitions: null, requireStable: false };
    expect(fresh.fetchOffsets(all)).toEqual(table.fetchOffsets(all));
    expect(fresh.history('g').rebalances).toEqual(table.history('g').rebalances);
    expect(fresh.size.offsets).toBe(table.size.offsets);
    if (['Stable', 'CompletingRebalance'].includes(this.driver.state) && this.isAssigned())
      expect(fresh.describe('g')).toEqual(table.describe('g'));
  }

  private isAssigned(): boolean {
    const members = this.driver.table.appliedMetadata('g')?.members ?? [];
    return (this.driver.state === 'Stable') === members.some(({ assignment }) => assignment.length > 0);
  }

  end(): void {
    this.driver.takeOver();
    for (const { response, failure } of this.asked) expect((response === null) !== (failure === null)).toBe(true);
  }
}

describe('a group under random use', () => {
  it('H8: one generation has one assignment, generations grow, no old commit is taken, every reply is answered once', () => {
    const step = fc.record({ client: fc.nat(4), op: fc.constantFrom(...OPS), arg: fc.nat(9) });
    let stables = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 150 }), (steps) => {
        const walk = new Walk();
        steps.forEach((each, i) => {
          walk.step(each);
          if (i % 10 === 9) walk.checkReload();
        });
        walk.checkReload();
        walk.end();
        stables += walk.stables;
      }),
      { numRuns: 60 },
    );
    // The walk is worth something only if groups become Stable in it.
    expect(stables).toBeGreaterThan(60);
  });
});
