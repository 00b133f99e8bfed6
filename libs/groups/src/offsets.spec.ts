import { TOMBSTONES_PER_CHECK_MAX } from './retention.js';
import { AUDIT_ID, GroupDriver, ORDERS_ID, subscribe } from './testing/group-driver.js';

const DAY_MS = 24 * 3_600_000;
const CHECK_MS = 600_000;

describe('committed offsets', () => {
  it('R24: a commit to an unknown group makes a simple one; a fetch shows what was applied and -1 for the rest', () => {
    const driver = new GroupDriver();
    expect(driver.table.fetchOffsets({ groupId: 'g', partitions: null, requireStable: false })).toEqual({ error: 'NONE', partitions: [] });
    const partitions = [
      { topic: 'orders', partition: 1, offset: 7, leaderEpoch: 3, metadata: 'note' },
      { topic: 'audit', partition: 0, offset: 8, leaderEpoch: -1, metadata: null },
    ];
    expect(driver.commit({ partitions }).map(({ error }) => error)).toEqual(['NONE', 'NONE']);
    const at = driver.now.wallMs;
    const audit = { topic: 'audit', partition: 0, offset: 8, leaderEpoch: -1, metadata: '', committedAtMs: at, error: 'NONE' };
    const orders = { topic: 'orders', partition: 1, offset: 7, leaderEpoch: 3, metadata: 'note', committedAtMs: at, error: 'NONE' };
    expect(driver.table.fetchOffsets({ groupId: 'g', partitions: null, requireStable: true }).partitions).toEqual([audit, orders]);
    const asked = [
      { topic: 'orders', partition: 1 },
      { topic: 'orders', partition: 0 },
    ];
    expect(driver.table.fetchOffsets({ groupId: 'g', partitions: asked, requireStable: false }).partitions).toEqual([
      orders,
      { topic: 'orders', partition: 0, offset: -1, leaderEpoch: -1, metadata: '', committedAtMs: 0, error: 'NONE' },
    ]);
    expect(driver.table.describe('g')).toMatchObject({ error: 'NONE', state: 'Empty', protocolType: '', members: [] });
    expect(driver.table.list()).toEqual([{ groupId: 'g', protocolType: '', state: 'Empty', groupType: 'classic' }]);
    expect(driver.table.size).toEqual({ groups: 1, offsets: 2 });
  });

  it('refuses topics that do not exist and metadata that is too long, partition by partition', () => {
    const driver = new GroupDriver();
    const one = { partition: 0, offset: 1, leaderEpoch: -1, metadata: null };
    const results = driver.commit({
      partitions: [
        { ...one, topic: 'nowhere' },
        { ...one, topic: 'orders', partition: -1 },
        { ...one, topic: 'orders', metadata: 'ä'.repeat(33) },
        { ...one, topic: 'orders', metadata: 'ä'.repeat(32) },
      ],
    });
    const expected = ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION', 'OFFSET_METADATA_TOO_LARGE', 'NONE'];
    expect(results.map(({ error }) => error)).toEqual(expected);
    expect(driver.written).toHaveLength(1);
  });

  it('commits for a deleted topic go; those for the topic of that name that was made since stay', () => {
    const driver = new GroupDriver();
    driver.commit({ offset: 5 });
    driver.commit({ offset: 6, groupId: 'other' });
    driver.commit({ offset: 7, topic: 'audit' });
    driver.topicIds.set('orders', 'BBBBBBBBBBBBBBBBBBBBBQ');
    driver.commit({ offset: 1, groupId: 'other' });
    driver.topicsDeleted(ORDERS_ID);
    expect(driver.written).toMatchObject([{ type: 'offset', groupId: 'g', topic: 'orders', value: null }]);
    expect([driver.committed(), driver.committed('orders', 0, 'other'), driver.committed('audit')]).toEqual([-1, 1, 7]);
    driver.topicsDeleted(AUDIT_ID);
    expect(driver.table.describe('g').error).toBe('GROUP_ID_NOT_FOUND');
  });

  it('a commit for an earlier topic of that name is not told, even before its tombstone is written', () => {
    const driver = new GroupDriver();
    driver.commit({ offset: 100 });
    driver.commit({ offset: 7, topic: 'audit' });
    const made = new Map([['orders', 'BBBBBBBBBBBBBBBBBBBBBQ']]);
    const topicIdOf = (topic: string) => made.get(topic) ?? null;
    const told = (partitions: { topic: string; partition: number }[] | null) =>
      driver.table.fetchOffsets({ groupId: 'g', partitions, requireStable: false }, topicIdOf).partitions;
    expect(told([{ topic: 'orders', partition: 0 }])).toMatchObject([{ topic: 'orders', offset: -1, error: 'NONE' }]);
    expect(told(null)).toMatchObject([{ topic: 'audit', offset: 7 }]);
  });

  it('offsets are deleted unless somebody subscribes to the topic; groups unless they have members', () => {
    const driver = new GroupDriver();
    expect(driver.deleteOffsets('orders').error).toBe('GROUP_ID_NOT_FOUND');
    expect(driver.deleteOffsets('orders', '').error).toBe('INVALID_GROUP_ID');
    expect(driver.deleteGroup()).toBe('GROUP_ID_NOT_FOUND');
    const [member] = driver.stable(1);
    driver.commit({ ...member!, offset: 5 });
    driver.commit({ ...member!, offset: 6, topic: 'audit' });
    expect(driver.deleteOffsets('orders').partitions[0]!.error).toBe('GROUP_SUBSCRIBED_TO_TOPIC');
    expect(driver.deleteOffsets('audit')).toMatchObject({ error: 'NONE', partitions: [{ error: 'NONE' }] });
    expect([driver.committed(), driver.committed('audit')]).toEqual([5, -1]);
    expect(driver.deleteGroup()).toBe('NON_EMPTY_GROUP');
    driver.leave({ memberId: member!.memberId });
    expect(driver.deleteGroup()).toBe('NONE');
    expect(driver.written).toMatchObject([
      { type: 'offset', value: null },
      { type: 'group', value: null },
      { type: 'history', value: null },
    ]);
    expect(driver.takeOver().table.size).toEqual({ groups: 0, offsets: 0 });
  });

  it('subscriptions that cannot be read protect every topic; other protocol types every offset', () => {
    const unreadable = new GroupDriver();
    const [member] = unreadable.stable(1, () => ({ protocols: [{ name: 'range', metadata: Buffer.from([9]) }] }));
    unreadable.commit({ ...member!, topic: 'audit' });
    expect(unreadable.deleteOffsets('audit').partitions[0]!.error).toBe('GROUP_SUBSCRIBED_TO_TOPIC');
    const connect = new GroupDriver();
    connect.stable(1, () => ({ protocolType: 'connect' }));
    expect(connect.deleteOffsets('audit').error).toBe('NON_EMPTY_GROUP');
  });
});

describe('offset retention', () => {
  it('without members everything goes, counted from when the group became empty, and the group with it', () => {
    const driver = new GroupDriver();
    const [member] = driver.stable(1, () => ({ sessionTimeoutMs: 100_000 }));
    driver.commit({ ...member!, offset: 5 });
    driver.nowMs += 5 * DAY_MS;
    expect(driver.heartbeat(member!)).toBe('NONE');
    driver.leave({ memberId: member!.memberId });
    driver.advance(7 * DAY_MS - 1);
    expect(driver.committed()).toBe(5);
    driver.advance(CHECK_MS);
    expect([driver.committed(), driver.table.size]).toEqual([-1, { groups: 0, offsets: 0 }]);
    expect(driver.table.nextDeadline()).toBeNull();
    expect(driver.takeOver().table.size).toEqual({ groups: 0, offsets: 0 });
  });

  it('without ever having had members each commit goes by its own time; a later one keeps the group', () => {
    const driver = new GroupDriver();
    driver.commit({ offset: 5 });
    driver.advance(3 * DAY_MS);
    driver.commit({ offset: 6, topic: 'audit' });
    driver.advance(4 * DAY_MS + CHECK_MS);
    expect([driver.committed(), driver.committed('audit')]).toEqual([-1, 6]);
    driver.advance(3 * DAY_MS);
    expect([driver.committed('audit'), driver.table.nextDeadline()]).toEqual([-1, null]);
  });

  it('with Stable consumers only commits for topics that nobody subscribes to go', () => {
    const driver = new GroupDriver({ offsetsRetentionMs: 90_000, offsetsRetentionCheckIntervalMs: 30_000 });
    const [member] = driver.stable(1, () => ({ sessionTimeoutMs: 100_000, protocols: [{ name: 'range', metadata: subscribe('audit') }] }));
    driver.commit({ ...member!, offset: 5 });
    driver.commit({ ...member!, offset: 6, topic: 'audit' });
    for (const expected of [5, 5, -1]) {
      driver.advance(40_000);
      driver.heartbeat(member!);
      expect([driver.committed(), driver.committed('audit')]).toEqual([expected, 6]);
    }
  });

  it('many go in steps, so that no decision grows without bound', () => {
    const driver = new GroupDriver({ offsetsRetentionMs: 1_000, offsetsRetentionCheckIntervalMs: 1_000 });
    const count = TOMBSTONES_PER_CHECK_MAX + 1;
    const one = { topic: 'orders', offset: 1, leaderEpoch: -1, metadata: null };
    driver.commit({ partitions: Array.from({ length: count }, (_, partition) => ({ ...one, partition })) });
    driver.nowMs = 2_000;
    driver.tick();
    expect(driver.table.size.offsets).toBe(1);
    driver.advance(1_000);
    expect(driver.table.size).toEqual({ groups: 0, offsets: 0 });
  });

  it('goes on under another group coordinator', () => {
    const driver = new GroupDriver();
    driver.commit({ offset: 5 });
    driver.advance(6 * DAY_MS);
    const next = driver.takeOver();
    next.advance(DAY_MS - 1);
    expect(next.committed()).toBe(5);
    next.advance(CHECK_MS);
    expect(next.table.size).toEqual({ groups: 0, offsets: 0 });
  });
});
