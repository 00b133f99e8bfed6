import { PENDING_MEMBERS_OF_ALL_MAX, PROTOCOLS_MAX } from './limits.js';
import type { JoinGroupRequest, JoinGroupResponse } from './messages.js';
import { GroupDriver, subscribe } from './testing/group-driver.js';

const OTHER = { memberId: 'stranger', generationId: 1 };

/** Drivers in each state with a leader and a follower that are members there. */
function inState(state: string): { driver: GroupDriver; leader: JoinGroupResponse; follower: JoinGroupResponse } {
  const driver = new GroupDriver();
  const [leader, follower] = driver.stable(2) as [JoinGroupResponse, JoinGroupResponse];
  if (state === 'Empty') driver.leave({ memberId: leader.memberId }, { memberId: follower.memberId });
  if (state === 'PreparingRebalance') driver.join({ memberId: leader.memberId });
  if (state === 'Dead') {
    driver.leave({ memberId: leader.memberId }, { memberId: follower.memberId });
    driver.deleteGroup();
  }
  expect(driver.state).toBe(state);
  return { driver, leader, follower };
}

function completing(): ReturnType<typeof inState> {
  const { driver, leader, follower } = inState('PreparingRebalance');
  const again = driver.join({ memberId: follower.memberId }).response!;
  expect(driver.state).toBe('CompletingRebalance');
  return { driver, leader: { ...leader, generationId: again.generationId }, follower: again };
}

describe('requests in every state', () => {
  it('R24: Empty knows no members, and takes plain commits only', () => {
    const { driver, leader } = inState('Empty');
    expect(driver.join({ memberId: leader.memberId }).response!.error).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.sync(leader).response!.error).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.heartbeat(leader)).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.leave({ memberId: leader.memberId }).members[0]!.error).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.commit(leader)[0]!.error).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.commit({ memberId: leader.memberId, generationId: -1 })[0]!.error).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.commit({ offset: 5 })[0]!.error).toBe('NONE');
    expect(driver.join().response).toMatchObject({ error: 'NONE', generationId: driver.generationId });
  });

  it('PreparingRebalance parks joins, turns syncs and heartbeats away, and takes commits of the generation before', () => {
    const { driver, leader, follower } = inState('PreparingRebalance');
    expect(driver.sync(follower).response!.error).toBe('REBALANCE_IN_PROGRESS');
    expect(driver.heartbeat(follower)).toBe('REBALANCE_IN_PROGRESS');
    expect(driver.heartbeat({ ...follower, generationId: 7 })).toBe('ILLEGAL_GENERATION');
    expect(driver.heartbeat(OTHER)).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.commit({ ...follower, offset: 9 })[0]!.error).toBe('NONE');
    expect(driver.commit({ ...follower, generationId: leader.generationId + 1 })[0]!.error).toBe('ILLEGAL_GENERATION');
    expect(driver.commit({})[0]!.error).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.join({ memberId: OTHER.memberId }).response!.error).toBe('UNKNOWN_MEMBER_ID');
    const parked = driver.join();
    expect(parked.response).toBeNull();
    driver.join({ memberId: follower.memberId });
    expect(parked.response).toMatchObject({ error: 'NONE', generationId: leader.generationId + 1, leader: leader.memberId, members: [] });
  });

  it('H8: a member that was told of no generation yet cannot commit under the one before, even if it guesses it', () => {
    const { driver, leader } = inState('PreparingRebalance');
    const { memberId } = driver.join({ requiresKnownMemberId: true }).response!;
    expect(driver.join({ memberId }).response).toBeNull();
    expect(driver.commit({ memberId, generationId: leader.generationId })[0]!.error).toBe('ILLEGAL_GENERATION');
  });

  it('CompletingRebalance parks syncs until the leader has assigned, and refuses commits', () => {
    const { driver, leader, follower } = completing();
    expect(driver.heartbeat(follower)).toBe('NONE');
    expect(driver.commit(follower)[0]!.error).toBe('REBALANCE_IN_PROGRESS');
    expect(driver.commit({ ...follower, generationId: follower.generationId - 1 })[0]!.error).toBe('ILLEGAL_GENERATION');
    expect(driver.join({ memberId: follower.memberId }).response).toMatchObject({ error: 'NONE', generationId: follower.generationId });
    const parked = driver.sync(follower);
    expect(parked.response).toBeNull();
    expect(driver.sync({ ...leader, generationId: 1 }).response!.error).toBe('ILLEGAL_GENERATION');
    const assignments = [
      { memberId: follower.memberId, assignment: Buffer.from('f') },
      { memberId: 'gone', assignment: Buffer.from('x') },
    ];
    expect(driver.sync(leader, { assignments }).response).toMatchObject({ error: 'NONE', assignment: Buffer.alloc(0) });
    expect(parked.response).toMatchObject({ error: 'NONE', assignment: Buffer.from('f') });
  });

  it('CompletingRebalance: a changed subscription begins again, and parked syncs hear of it', () => {
    const { driver, leader, follower } = completing();
    const parked = driver.sync(follower);
    const again = driver.join({ memberId: leader.memberId, protocols: [{ name: 'range', metadata: subscribe('audit') }] });
    expect([parked.response!.error, again.response, driver.state]).toEqual(['REBALANCE_IN_PROGRESS', null, 'PreparingRebalance']);
  });

  it('Stable answers followers from what is there; the leader, a change or a new member rebalances', () => {
    const change = [{ name: 'range', metadata: subscribe('orders', 'audit') }];
    const { driver, leader, follower } = inState('Stable');
    expect(driver.heartbeat(leader)).toBe('NONE');
    expect(driver.sync(follower).response).toMatchObject({ error: 'NONE', assignment: Buffer.from('part 1') });
    expect(driver.commit({ ...leader, offset: 3 })[0]!.error).toBe('NONE');
    expect(driver.commit({})[0]!.error).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.join({ memberId: follower.memberId }).response).toMatchObject({ generationId: follower.generationId, members: [] });
    expect(driver.state).toBe('Stable');
    const rebalances: ((driver: GroupDriver, leader: JoinGroupResponse, follower: JoinGroupResponse) => Partial<JoinGroupRequest>)[] = [
      (_, leader) => ({ memberId: leader.memberId }),
      (_, __, follower) => ({ memberId: follower.memberId, protocols: change }),
      () => ({}),
    ];
    for (const request of rebalances) {
      const stable = inState('Stable');
      expect(stable.driver.join(request(stable.driver, stable.leader, stable.follower)).response).toBeNull();
      expect(stable.driver.state).toBe('PreparingRebalance');
    }
  });

  it('Dead is as if it had never been', () => {
    const { driver, leader } = inState('Dead');
    expect(driver.table.describe('g')).toMatchObject({ error: 'GROUP_ID_NOT_FOUND', state: 'Dead' });
    expect(driver.join({ memberId: leader.memberId }).response!.error).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.sync(leader).response!.error).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.heartbeat(leader)).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.commit(leader)[0]!.error).toBe('ILLEGAL_GENERATION');
    expect(driver.table.history('g').error).toBe('GROUP_ID_NOT_FOUND');
    expect(driver.table.size).toEqual({ groups: 0, offsets: 0 });
    expect(driver.table.nextDeadline()).toBeNull();
  });
});

describe('joining', () => {
  it('gives out a member id first, keeps it for a session, and waits for it in a rebalance (KIP-394)', () => {
    const driver = new GroupDriver();
    const required = driver.join({ requiresKnownMemberId: true }, 'my-app').response!;
    expect(required).toMatchObject({ error: 'MEMBER_ID_REQUIRED', generationId: -1 });
    expect(required.memberId).toMatch(/^my-app-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(driver.written).toEqual([]);
    const first = driver.join({ memberId: required.memberId }).response!;
    expect(first).toMatchObject({ error: 'NONE', leader: first.memberId, generationId: 1 });
    const pending = driver.join({ requiresKnownMemberId: true, sessionTimeoutMs: 5_000 }).response!.memberId;
    const again = driver.join({ memberId: first.memberId, protocols: [{ name: 'range', metadata: subscribe('audit') }] });
    expect(again.response).toBeNull();
    driver.advance(5_000);
    expect(again.response).toMatchObject({ error: 'NONE', generationId: 2 });
    expect(driver.join({ memberId: pending }).response!.error).toBe('UNKNOWN_MEMBER_ID');
  });

  it('refuses a member that offers very many protocols, however many', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `p${i}`, metadata: Buffer.alloc(0) }));
    const driver = new GroupDriver();
    for (const count of [PROTOCOLS_MAX + 1, 190_000]) {
      expect(driver.join({ protocols: many(count) }).response).toMatchObject({
        error: 'INVALID_REQUEST',
        message: `the member offers ${count} protocols; at most ${PROTOCOLS_MAX} are allowed`,
      });
    }
    expect(driver.table.size.groups).toBe(0);
    expect(driver.join({ protocols: many(PROTOCOLS_MAX) }).response!.error).toBe('NONE');
  });

  it('forgets the oldest ids of all groups when very many were asked for', () => {
    const driver = new GroupDriver();
    const ask = (i: number) => driver.join({ groupId: `g${i}`, requiresKnownMemberId: true }).response!.memberId;
    const ids = Array.from({ length: PENDING_MEMBERS_OF_ALL_MAX + 3 }, (_, i) => ask(i));
    driver.advance(0);
    expect(driver.table.size.groups).toBe(PENDING_MEMBERS_OF_ALL_MAX);
    const answers = [2, 3].map((i) => driver.join({ groupId: `g${i}`, memberId: ids[i]! }).response!.error);
    expect(answers).toEqual(['UNKNOWN_MEMBER_ID', 'NONE']);
    // The one that came back makes room.
    ask(PENDING_MEMBERS_OF_ALL_MAX + 3);
    driver.advance(0);
    expect(driver.table.size.groups).toBe(PENDING_MEMBERS_OF_ALL_MAX + 1);
  });

  it('forgets a group of which only ids were given out', () => {
    const driver = new GroupDriver();
    driver.join({ requiresKnownMemberId: true });
    expect(driver.table.size.groups).toBe(1);
    driver.advance(10_000);
    expect([driver.table.size.groups, driver.log.length, driver.table.nextDeadline()]).toEqual([0, 0, null]);
    expect(driver.join({ protocols: [] }).response!.error).toBe('INCONSISTENT_GROUP_PROTOCOL');
    expect(driver.table.size.groups).toBe(0);
  });

  it('an empty group waits for company, longer while it comes, never beyond the rebalance timeout', () => {
    const driver = new GroupDriver({ initialRebalanceDelayMs: 3_000 });
    const joins = [driver.join({ rebalanceTimeoutMs: 7_000 })];
    for (const at of [2_000, 3_500, 6_500]) {
      driver.advance(at - driver.nowMs);
      joins.push(driver.join({ rebalanceTimeoutMs: 7_000 }));
    }
    driver.advance(499);
    expect(joins.map(({ response }) => response)).toEqual([null, null, null, null]);
    driver.advance(1);
    const told = joins.map(({ response }) => response!);
    expect(told.map(({ generationId }) => generationId)).toEqual([1, 1, 1, 1]);
    expect(told[0]!.members.map(({ memberId }) => memberId)).toEqual(told.map(({ memberId }) => memberId));
    expect(told[1]!.members).toEqual([]);
    const alone = new GroupDriver({ initialRebalanceDelayMs: 3_000 });
    const join = alone.join();
    alone.advance(2_999);
    expect(join.response).toBeNull();
    alone.advance(1);
    expect(join.response!.generationId).toBe(1);
  });

  it('chooses the protocol with most votes among those that all support', () => {
    const protocols = (...names: string[]) => names.map((name) => ({ name, metadata: subscribe('orders') }));
    const driver = new GroupDriver({ initialRebalanceDelayMs: 10 });
    const preferences = [
      ['a', 'c', 'b'],
      ['c', 'b', 'a'],
      ['b', 'c'],
      ['c', 'b'],
    ];
    const joins = preferences.map((names) => driver.join({ protocols: protocols(...names) }));
    expect(driver.join({ protocols: protocols('a') }).response).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' });
    expect(driver.join({ protocolType: 'connect', protocols: protocols('b') }).response!.error).toBe('INCONSISTENT_GROUP_PROTOCOL');
    driver.advance(30_000);
    expect(joins.map(({ response }) => response!.protocolName)).toEqual(['c', 'c', 'c', 'c']);
  });

  it('refuses what is out of bounds, with what to do about it', () => {
    const driver = new GroupDriver({ maxSize: 2, groupMetadataMaxBytes: 400 });
    expect(driver.join({ sessionTimeoutMs: 999 }).response).toMatchObject({ error: 'INVALID_SESSION_TIMEOUT', generationId: -1 });
    expect(driver.join({ sessionTimeoutMs: 100_001 }).response!.message).toContain('group.max.session.timeout.ms');
    expect(driver.join({ groupId: '' }).response!.error).toBe('INVALID_GROUP_ID');
    expect(driver.join({ groupId: 'x'.repeat(256) }).response!.error).toBe('INVALID_GROUP_ID');
    expect(driver.join({ groupInstanceId: 'x'.repeat(250) }).response!.error).toBe('INVALID_REQUEST');
    expect(driver.join({ groupInstanceId: '' }).response!.error).toBe('INVALID_REQUEST');
    expect(driver.join({ protocols: [{ name: 'range', metadata: Buffer.alloc(400) }] }).response!.error).toBe('GROUP_MAX_SIZE_REACHED');
    driver.stable(2);
    expect(driver.join().response).toMatchObject({ error: 'GROUP_MAX_SIZE_REACHED', message: expect.stringContaining('group.max.size') });
    expect(driver.state).toBe('Stable');
    expect(driver.commit({ groupId: 'x'.repeat(256) })[0]!.error).toBe('INVALID_GROUP_ID');
    expect(driver.commit({ groupId: '', offset: 4 })[0]!.error).toBe('NONE');
    expect(driver.commit({ groupId: '', generationId: 1, memberId: 'm' })[0]!.error).toBe('INVALID_GROUP_ID');
    expect(driver.committed('orders', 0, '')).toBe(4);
    expect(driver.table.heartbeat({ groupId: '', memberId: 'm', generationId: 1, groupInstanceId: null }, driver.now).error).toBe(
      'INVALID_GROUP_ID',
    );
  });

  it('a join or sync that is asked again takes the place of the one before, which is answered', () => {
    const { driver, leader } = inState('PreparingRebalance');
    const [first, second] = [driver.join({ memberId: leader.memberId }), driver.join({ memberId: leader.memberId })];
    expect([first.response!.error, second.response]).toEqual(['REBALANCE_IN_PROGRESS', null]);
    const { driver: other, follower } = completing();
    const [before, after] = [other.sync(follower), other.sync(follower)];
    expect([before.response!.error, after.response]).toEqual(['REBALANCE_IN_PROGRESS', null]);
  });
});

describe('rebalancing', () => {
  it('R24: a generation is in a record, without assignments, in the decision that tells of it; the assignments are in another', () => {
    const driver = new GroupDriver();
    const joined = driver.join().response!;
    expect(driver.written).toMatchObject([
      {
        type: 'group',
        value: { generationId: 1, leader: joined.memberId, protocolName: 'range', members: [{ assignment: Buffer.alloc(0) }] },
      },
      { type: 'history', value: [{ generationId: 1, outcome: 'assigning', memberCount: 1 }] },
    ]);
    const synced = driver.sync(joined, { assignments: [{ memberId: joined.memberId, assignment: Buffer.from('all') }] }).response!;
    expect(synced).toEqual({ error: 'NONE', protocolType: 'consumer', protocolName: 'range', assignment: Buffer.from('all') });
    expect(driver.written).toMatchObject([
      { type: 'group', value: { generationId: 1, members: [{ assignment: Buffer.from('all') }] } },
      { type: 'history', value: [{ generationId: 1, outcome: 'stable', memberCount: 1 }] },
    ]);
  });

  it('drops who does not join again within the rebalance timeout; the first that did leads', () => {
    const { driver, leader, follower } = inState('Stable');
    const joins = [driver.join(), driver.join({ memberId: follower.memberId })];
    for (let i = 0; i < 6; i++) {
      driver.advance(4_999);
      driver.heartbeat(leader);
    }
    expect(joins.map(({ response }) => response)).toEqual([null, null]);
    driver.advance(6);
    expect(joins[1]!.response).toMatchObject({ error: 'NONE', leader: follower.memberId, generationId: follower.generationId + 1 });
    expect(joins[1]!.response!.members).toHaveLength(2);
    expect(driver.heartbeat(leader)).toBe('UNKNOWN_MEMBER_ID');
  });

  it('removes who does not sync within the rebalance timeout, also when the leader did', () => {
    const { driver, leader, follower } = completing();
    driver.sync(leader, { assignments: [] });
    for (let i = 0; i < 6; i++) {
      driver.advance(5_000);
      driver.heartbeat(leader);
      if (i < 5) expect(driver.heartbeat(follower)).toBe('NONE');
    }
    expect(driver.heartbeat(follower)).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS');
  });

  it('who waits in a join or a sync needs no heartbeat; who is told begins a new session', () => {
    const { driver, leader, follower } = inState('Stable');
    const joins = [driver.join({ memberId: leader.memberId })];
    for (let i = 0; i < 3; i++) {
      driver.advance(9_000);
      driver.heartbeat(follower);
    }
    joins.push(driver.join({ memberId: follower.memberId }));
    expect(joins[0]!.response!.error).toBe('NONE');
    const parked = driver.sync(joins[1]!.response!);
    driver.advance(9_999);
    expect(driver.memberIds()).toHaveLength(2);
    driver.advance(1);
    expect(parked.response!.error).toBe('REBALANCE_IN_PROGRESS');
    expect(driver.memberIds()).toEqual([follower.memberId]);
  });

  it('a session that ends rebalances; a commit is a sign of life, a refused heartbeat is none', () => {
    const { driver, leader, follower } = inState('Stable');
    driver.advance(9_000);
    driver.heartbeat({ ...leader, generationId: 99 });
    driver.commit({ ...follower, offset: 1 });
    driver.advance(1_000);
    expect(driver.memberIds()).toEqual([follower.memberId]);
    expect(driver.heartbeat(follower)).toBe('REBALANCE_IN_PROGRESS');
  });

  it('a new member whose client went away while its join was parked is held for five minutes', () => {
    const { driver, leader, follower } = inState('Stable');
    const ghost = driver.join({ rebalanceTimeoutMs: 1_000_000 });
    for (let passed = 0; passed < 299_000; passed += 5_000) {
      driver.advance(5_000);
      driver.heartbeat(leader);
      driver.heartbeat(follower);
    }
    expect(ghost.response).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' });
    expect(driver.memberIds()).toHaveLength(2);
  });

  it('leaving ends parked requests; the last one leaves an Empty group behind with a generation of its own', () => {
    const { driver, leader, follower } = completing();
    const parked = driver.sync(follower);
    expect(driver.leave({ memberId: follower.memberId }).members).toEqual([
      { memberId: follower.memberId, groupInstanceId: null, error: 'NONE' },
    ]);
    expect(parked.response!.error).toBe('UNKNOWN_MEMBER_ID');
    const pending = driver.join({ requiresKnownMemberId: true }).response!.memberId;
    expect(driver.leave({ memberId: leader.memberId }, { memberId: pending }, { memberId: 'x' }).members.map(({ error }) => error)).toEqual(
      ['NONE', 'NONE', 'UNKNOWN_MEMBER_ID'],
    );
    expect([driver.state, driver.generationId]).toEqual(['Empty', follower.generationId + 1]);
    expect(driver.table.appliedMetadata('g')).toMatchObject({ generationId: follower.generationId + 1, members: [], protocolName: null });
  });

  it('checks protocol type and name of a sync that names them, and the size of the assignments', () => {
    const driver = new GroupDriver({ groupMetadataMaxBytes: 400 });
    const joined = driver.join().response!;
    expect(driver.sync(joined, { protocolType: 'connect' }).response!.error).toBe('INCONSISTENT_GROUP_PROTOCOL');
    expect(driver.sync(joined, { protocolName: 'sticky' }).response!.error).toBe('INCONSISTENT_GROUP_PROTOCOL');
    const assignments = [{ memberId: joined.memberId, assignment: Buffer.alloc(400) }];
    expect(driver.sync(joined, { assignments }).response).toMatchObject({ error: 'UNKNOWN_SERVER_ERROR' });
    expect(driver.state).toBe('CompletingRebalance');
    expect(driver.sync(joined, { protocolType: 'consumer', protocolName: 'range' }).response!.error).toBe('NONE');
  });

  it('describes metadata, assignments and protocol in Stable only', () => {
    const { driver, leader } = inState('Stable');
    expect(driver.table.describe('g')).toMatchObject({
      protocolName: 'range',
      members: [{ metadata: subscribe('orders'), assignment: Buffer.from('part 0'), clientHost: '/127.0.0.1', clientId: 'client' }, {}],
    });
    driver.join({ memberId: leader.memberId });
    expect(driver.table.describe('g')).toMatchObject({
      protocolName: '',
      members: [{ metadata: Buffer.alloc(0), assignment: Buffer.alloc(0) }, {}],
    });
    expect(driver.table.list()).toEqual([{ groupId: 'g', protocolType: 'consumer', state: 'PreparingRebalance', groupType: 'classic' }]);
  });
});
