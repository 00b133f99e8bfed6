import type { JoinGroupRequest, JoinGroupResponse } from './messages.js';
import { GroupDriver, subscribe } from './testing/group-driver.js';

const instance = (i: number): Partial<JoinGroupRequest> => ({ groupInstanceId: `i-${i}` });

function stable(count = 2): { driver: GroupDriver; members: JoinGroupResponse[] } {
  const driver = new GroupDriver();
  return { driver, members: driver.stable(count, instance) };
}

describe('static members (KIP-345)', () => {
  it('a restarted one takes the place of the old one: same generation, same assignment, the old one is fenced', () => {
    const { driver, members } = stable();
    const [leader, old] = members as [JoinGroupResponse, JoinGroupResponse];
    const joined = driver.join({ ...instance(1), requiresKnownMemberId: true }).response!;
    expect(joined).toMatchObject({
      error: 'NONE',
      generationId: old.generationId,
      leader: leader.memberId,
      members: [],
      skipAssignment: false,
    });
    expect(joined.memberId).toMatch(/^i-1-/);
    expect(driver.state).toBe('Stable');
    expect(driver.written).toMatchObject([
      { type: 'group', value: { members: [{}, { memberId: joined.memberId, assignment: Buffer.from('part 1') }] } },
    ]);
    const restarted = { ...joined, groupInstanceId: 'i-1' };
    expect(driver.sync(restarted).response!.assignment).toEqual(Buffer.from('part 1'));
    expect(driver.heartbeat(restarted)).toBe('NONE');
    const fenced = { ...old, groupInstanceId: 'i-1' };
    expect(driver.heartbeat(fenced)).toBe('FENCED_INSTANCE_ID');
    expect(driver.sync(fenced).response!.error).toBe('FENCED_INSTANCE_ID');
    expect(driver.commit(fenced)[0]!.error).toBe('FENCED_INSTANCE_ID');
    expect(driver.join({ ...instance(1), memberId: old.memberId }).response!.error).toBe('FENCED_INSTANCE_ID');
    expect(driver.leave({ memberId: old.memberId, groupInstanceId: 'i-1' }).members[0]!.error).toBe('FENCED_INSTANCE_ID');
    expect(driver.heartbeat({ ...restarted, groupInstanceId: 'i-7' })).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.heartbeat(old)).toBe('UNKNOWN_MEMBER_ID');
  });

  it('a restarted leader is told to skip the assignment; an old client is told of the leader before it', () => {
    const { driver, members } = stable();
    const joined = driver.join(instance(0)).response!;
    expect(joined).toMatchObject({ leader: joined.memberId, skipAssignment: true });
    expect(joined.members.map(({ groupInstanceId }) => groupInstanceId).sort()).toEqual(['i-0', 'i-1']);
    expect(driver.sync({ ...joined, groupInstanceId: 'i-0' }).response!.assignment).toEqual(Buffer.from('part 0'));
    const older = driver.join({ ...instance(0), supportsSkippingAssignment: false }).response!;
    expect(older).toMatchObject({ leader: joined.memberId, skipAssignment: false, members: [], generationId: members[0]!.generationId });
    expect(older.memberId).not.toBe(joined.memberId);
    expect(driver.table.appliedMetadata('g')!.leader).toBe(older.memberId);
  });

  it('owned partitions that are gone with the old process are no reason to rebalance; other topics are', () => {
    const { driver } = stable();
    const withoutOwned = [{ name: 'range', metadata: Buffer.concat([subscribe('orders'), Buffer.alloc(4)]) }];
    expect(driver.join({ ...instance(1), protocols: withoutOwned }).response!.error).toBe('NONE');
    expect(driver.join({ ...instance(1), protocols: [{ name: 'range', metadata: subscribe('audit') }] }).response).toBeNull();
    expect(driver.state).toBe('PreparingRebalance');
  });

  it('rebalances when the chosen protocol would be another', () => {
    const driver = new GroupDriver();
    const protocols = ['range', 'sticky'].map((name) => ({ name, metadata: subscribe('orders') }));
    driver.stable(1, () => ({ ...instance(0), protocols }));
    const joined = driver.join({ ...instance(0), protocols: protocols.toReversed() }).response!;
    expect(joined).toMatchObject({ protocolName: 'sticky', generationId: 2, skipAssignment: false });
  });

  it('one that is away is kept in the next generation until its session ends', () => {
    const driver = new GroupDriver();
    const kept = driver.stable(2, (i) => ({ ...instance(i), sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 5_000 }));
    const rejoined = driver.join({ ...instance(0), memberId: kept[0]!.memberId, sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 5_000 });
    driver.advance(5_000);
    expect(rejoined.response!.members.map(({ groupInstanceId }) => groupInstanceId)).toEqual(['i-0', 'i-1']);
    driver.sync({ ...rejoined.response!, groupInstanceId: 'i-0' });
    driver.advance(50_000);
    expect(driver.state).toBe('Stable');
    expect(driver.heartbeat({ ...rejoined.response!, groupInstanceId: 'i-0' })).toBe('NONE');
    driver.advance(5_000);
    expect([driver.state, driver.memberIds()]).toEqual(['PreparingRebalance', [kept[0]!.memberId]]);
  });

  it('one that is away need not sync, though it owed a sync in the generation before', () => {
    const patient = (i: number) => ({ ...instance(i), sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 5_000 });
    const driver = new GroupDriver();
    const [leader, away] = driver.stable(2, patient) as [JoinGroupResponse, JoinGroupResponse];
    const both = [leader, away].map(({ memberId }, i) => driver.join({ ...patient(i), memberId }));
    expect([both[1]!.response!.error, driver.state]).toEqual(['NONE', 'CompletingRebalance']);
    const changed = [{ name: 'range', metadata: subscribe('audit') }];
    const again = driver.join({ ...patient(0), memberId: leader.memberId, protocols: changed });
    driver.advance(5_000);
    driver.sync({ ...again.response!, groupInstanceId: 'i-0' });
    driver.advance(6_000);
    expect([driver.state, driver.memberIds()]).toEqual(['Stable', [leader.memberId, away.memberId]]);
  });

  it('one that takes a place owes the sync that the old one owed', () => {
    const { driver, members } = stable();
    driver.membersOf(
      members.map(({ memberId }) => memberId),
      instance,
    );
    const generationId = driver.generationId;
    expect(driver.state).toBe('CompletingRebalance');
    driver.sync({ ...members[0]!, generationId, groupInstanceId: 'i-0' });
    const joined = driver.join(instance(1)).response!;
    expect([joined.error, joined.generationId]).toEqual(['NONE', generationId]);
    for (let i = 0; i < 6; i++) {
      driver.advance(5_000);
      driver.heartbeat({ memberId: members[0]!.memberId, generationId, groupInstanceId: 'i-0' });
      if (i < 5) expect(driver.heartbeat({ ...joined, groupInstanceId: 'i-1' })).toBe('NONE');
    }
    expect(driver.memberIds()).toEqual([members[0]!.memberId]);
  });

  it('waits for static members that are all away, and ends with their sessions', () => {
    const { driver, members } = stable(1);
    driver.join({ groupInstanceId: 'i-1', rebalanceTimeoutMs: 1_000 });
    const [, second] = driver.memberIds();
    driver.leave({ groupInstanceId: 'i-1' });
    expect(second).toBeDefined();
    driver.advance(9_999);
    expect([driver.state, driver.memberIds()]).toEqual(['PreparingRebalance', [members[0]!.memberId]]);
    driver.advance(1);
    expect(driver.state).toBe('Empty');
  });

  it('replaces one whose join or sync is parked; both are answered', () => {
    const { driver, members } = stable();
    const first = driver.join({ ...instance(0), memberId: members[0]!.memberId });
    const second = driver.join(instance(0));
    expect(first.response).toMatchObject({ error: 'FENCED_INSTANCE_ID', memberId: members[0]!.memberId });
    const other = driver.join({ ...instance(1), memberId: members[1]!.memberId }).response!;
    expect(second.response).toMatchObject({ error: 'NONE', leader: second.response!.memberId });
    const parked = driver.sync({ ...other, groupInstanceId: 'i-1' });
    const third = driver.join(instance(1));
    expect([parked.response!.error, third.response, driver.state]).toEqual(['FENCED_INSTANCE_ID', null, 'PreparingRebalance']);
  });

  it('is removed by an administrator by its instance id alone', () => {
    const { driver, members } = stable();
    expect(driver.leave({ groupInstanceId: 'i-1' }, { groupInstanceId: 'i-9' }).members).toEqual([
      { memberId: '', groupInstanceId: 'i-1', error: 'NONE' },
      { memberId: '', groupInstanceId: 'i-9', error: 'UNKNOWN_MEMBER_ID' },
    ]);
    expect(driver.heartbeat({ ...members[0]!, groupInstanceId: 'i-0' })).toBe('REBALANCE_IN_PROGRESS');
    driver.join({ ...instance(0), memberId: members[0]!.memberId });
    driver.syncAll([{ ...members[0]!, generationId: driver.generationId }]);
    expect(driver.table.history('g').rebalances.at(-1)!.causes[0]).toMatchObject({ kind: 'removed', groupInstanceId: 'i-1' });
  });
});
