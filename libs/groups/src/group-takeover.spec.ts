import { encodeAssignment } from './consumer-protocol.js';
import type { JoinGroupResponse } from './messages.js';
import { CAUSES_PER_REBALANCE_MAX, REBALANCES_KEPT_MAX } from './messages.js';
import { HISTORY_BYTES_MAX } from './rebalance-history.js';
import { GroupDriver, subscribe } from './testing/group-driver.js';

describe('another group coordinator', () => {
  it('R24: goes on with a Stable group: members stay, sessions begin anew', () => {
    const before = new GroupDriver();
    const members = before.stable(2);
    before.commit({ ...members[0]!, offset: 7 });
    before.advance(9_000);
    const after = before.takeOver();
    expect([after.state, after.memberIds(), after.committed()]).toEqual(['Stable', before.memberIds(), 7]);
    expect(after.table.describe('g')).toEqual(before.table.describe('g'));
    after.advance(9_999);
    for (const member of members) expect(after.heartbeat(member)).toBe('NONE');
    expect(after.sync(members[1]!).response!.assignment).toEqual(Buffer.from('part 1'));
  });

  it('R24: a generation that somebody may have heard of is never formed again', () => {
    const before = new GroupDriver();
    const members = before.stable(2);
    before.membersOf(
      members.map(({ memberId }) => memberId),
      () => ({ protocols: [{ name: 'range', metadata: subscribe('audit') }] }),
    );
    const generationId = before.generationId;
    expect(before.state).toBe('CompletingRebalance');
    const after = before.takeOver();
    expect([after.state, after.generationId]).toEqual(['CompletingRebalance', generationId]);
    const leader = { ...members[0]!, generationId };
    const parked = after.sync({ ...members[1]!, generationId });
    expect(after.sync(leader, { assignments: [] }).response!.error).toBe('NONE');
    expect(parked.response!.error).toBe('NONE');
    const history = after.table.history('g').rebalances;
    expect(history.at(-1)).toMatchObject({ generationId, durationMs: null, outcome: 'stable' });
    // Why it came is not lost with the coordinator that saw it.
    expect(history.at(-1)!.causes.map(({ kind }) => kind)).toContain('subscription-changed');
    expect(history.filter((rebalance) => rebalance.generationId === generationId)).toHaveLength(1);
  });

  it('removes the members of an unfinished generation whose syncs do not come', () => {
    const before = new GroupDriver();
    const joined = before.join({ sessionTimeoutMs: 60_000 }).response!;
    const after = before.takeOver();
    after.advance(30_000);
    expect([after.state, after.generationId]).toEqual(['Empty', joined.generationId + 1]);
  });

  it('takes a generation for assigned if anybody has an assignment: the leader may have left somebody out', () => {
    const before = new GroupDriver();
    const [leader, follower] = before.stable(2) as [JoinGroupResponse, JoinGroupResponse];
    const again = [before.join({ memberId: leader.memberId }), before.join({ memberId: follower.memberId })][1]!.response!;
    before.sync(
      { ...leader, generationId: again.generationId },
      { assignments: [{ memberId: leader.memberId, assignment: Buffer.from('all') }] },
    );
    expect(before.takeOver().state).toBe('Stable');
  });

  it('knows only the chosen protocol of a member, and takes its full list without a rebalance', () => {
    const protocols = ['range', 'sticky'].map((name) => ({ name, metadata: subscribe('orders') }));
    const before = new GroupDriver();
    const members = before.stable(2, () => ({ protocols }));
    const after = before.takeOver();
    expect(after.join({ memberId: members[1]!.memberId, protocols }).response).toMatchObject({ generationId: members[1]!.generationId });
    expect(after.state).toBe('Stable');
    const changed = [{ name: 'range', metadata: subscribe('audit') }];
    expect(after.join({ memberId: members[1]!.memberId, protocols: changed }).response).toBeNull();
  });

  it('fails every parked reply once when it gives the table up', () => {
    const driver = new GroupDriver({ initialRebalanceDelayMs: 1_000 });
    const joins = [driver.join(), driver.join()];
    driver.takeOver();
    expect(joins.map(({ failure }) => failure)).toEqual(['NOT_COORDINATOR', 'NOT_COORDINATOR']);
    const completing = new GroupDriver();
    const members = completing.stable(2);
    completing.join({ memberId: members[0]!.memberId });
    const told = completing.join({ memberId: members[1]!.memberId }).response!;
    const sync = completing.sync(told);
    completing.takeOver();
    expect(sync.failure).toBe('NOT_COORDINATOR');
  });
});

describe('history', () => {
  it('says why each rebalance happened, how long it took and how it ended', () => {
    const driver = new GroupDriver();
    const members = driver.stable(2, (i) => ({ reason: i === 1 ? 'scaled up' : null }));
    driver.leave({ memberId: members[1]!.memberId, reason: 'shutting down' });
    driver.advance(250);
    const joined = driver.join({ memberId: members[0]!.memberId }).response!;
    driver.syncAll([joined]);
    driver.advance(10_000);
    const { rebalances } = driver.table.history('g');
    expect(rebalances.map(({ generationId, outcome, causes }) => [generationId, outcome, causes.map(({ kind }) => kind)])).toEqual([
      [1, 'superseded', ['joined']],
      [2, 'stable', ['joined']],
      [3, 'stable', ['left']],
      [4, 'empty', ['session-timeout']],
    ]);
    expect(rebalances[1]!.causes[0]).toMatchObject({ memberId: members[1]!.memberId, clientId: 'client', reason: 'scaled up' });
    expect(rebalances[2]).toMatchObject({ durationMs: 250, memberCount: 1, protocolName: 'range', causes: [{ reason: 'shutting down' }] });
    expect(driver.takeOver().table.history('g').rebalances).toEqual(rebalances);
  });

  it('tells changed topics, other rejoins, and timeouts apart', () => {
    const kinds = (provoke: (driver: GroupDriver, members: JoinGroupResponse[]) => void) => {
      const driver = new GroupDriver();
      const members = driver.stable(2, (i) => (i === 1 ? { groupInstanceId: null } : {}));
      provoke(driver, members);
      driver.advance(45_000);
      return driver.table.history('g').rebalances[2]!.causes.map(({ kind }) => kind);
    };
    const rejoin = (i: number, metadata: Buffer) => (driver: GroupDriver, members: JoinGroupResponse[]) => {
      driver.join({ memberId: members[i]!.memberId, protocols: [{ name: 'range', metadata }] });
    };
    expect(kinds(rejoin(1, subscribe('audit')))[0]).toBe('subscription-changed');
    expect(kinds(rejoin(1, Buffer.concat([subscribe('orders'), Buffer.from([1])])))[0]).toBe('rejoined');
    expect(kinds(rejoin(0, subscribe('orders')))[0]).toBe('leader-rejoined');
    expect(kinds(() => {})).toEqual(['session-timeout', 'session-timeout']);
  });

  it('is bounded: causes, what a member says, rebalances, bytes', () => {
    const driver = new GroupDriver({ initialRebalanceDelayMs: 100, maxSize: 1_000 });
    const join = (reason: string, clientId: string, count: number) => {
      const joins = Array.from({ length: count }, () => driver.join({ reason }, clientId));
      driver.advance(100_000); // formed, not synced, ended
      expect(joins.every(({ response }) => response?.error === 'NONE')).toBe(true);
      return driver.table.history('g').rebalances;
    };
    const [formed] = join('', 'c', CAUSES_PER_REBALANCE_MAX + 5);
    expect([formed!.causes.length, formed!.causesOmitted]).toEqual([CAUSES_PER_REBALANCE_MAX, 5]);
    const [longwinded] = join('r'.repeat(400), 'c'.repeat(400), 1).slice(-2);
    expect([longwinded!.causes[0]!.reason!.length, longwinded!.causes[0]!.clientId.length]).toEqual([255, 255]);
    for (let i = 0; i < REBALANCES_KEPT_MAX; i++) expect(join('', 'c', 1).length).toBeLessThanOrEqual(REBALANCES_KEPT_MAX);
    expect(driver.table.history('g').rebalances).toHaveLength(REBALANCES_KEPT_MAX);
    for (let i = 0; i < 3; i++) {
      const history = join('\u0001'.repeat(400), 'ü'.repeat(400), CAUSES_PER_REBALANCE_MAX);
      expect(Buffer.byteLength(JSON.stringify(history))).toBeLessThanOrEqual(HISTORY_BYTES_MAX);
      const { causes, causesOmitted } = history.at(-1)!;
      expect(causes.length).toBeGreaterThan(0);
      expect(causes.length + causesOmitted).toBe(CAUSES_PER_REBALANCE_MAX);
    }
  });
});

describe('who reads a partition', () => {
  it('names the committed offset, and the member that has it', () => {
    const driver = new GroupDriver();
    const joined = driver.join().response!;
    const assignment = encodeAssignment({ partitions: [{ topic: 'orders', partitions: [0, 2] }] });
    driver.sync(joined, { assignments: [{ memberId: joined.memberId, assignment }] });
    driver.commit({ groupId: 'other', offset: 4 });
    driver.commit({ ...joined, offset: 9 });
    const owner = { memberId: joined.memberId, groupInstanceId: null, clientId: 'client', clientHost: '/127.0.0.1' };
    const committedAtMs = driver.now.wallMs;
    expect(driver.table.readersOf('orders', 0)).toEqual([
      { groupId: 'g', state: 'Stable', committedOffset: 9, committedAtMs, owner },
      { groupId: 'other', state: 'Empty', committedOffset: 4, committedAtMs, owner: null },
    ]);
    expect(driver.table.readersOf('orders', 2)).toEqual([
      { groupId: 'g', state: 'Stable', committedOffset: null, committedAtMs: 0, owner },
    ]);
    expect(driver.table.readersOf('orders', 1)).toEqual([]);
  });
});
