// Group APIs at the Kafka door: every version, what the version cannot say, and what happens on a connection while one waits.
import type { BrokerVerbs } from '#broker-core';
import type { GroupDescription } from '#groups';
import { KafkaError, type KafkaErrorName } from '#kernel';
import {
  type Api,
  deleteGroupsApi,
  describeGroupsApi,
  encodeRequest,
  errorCode,
  fetchApi,
  findCoordinatorApi,
  heartbeatApi,
  joinGroupApi,
  leaveGroupApi,
  listGroupsApi,
  metadataApi,
  NO_AUTHORIZED_OPERATIONS,
  offsetCommitApi,
  offsetDeleteApi,
  offsetFetchApi,
  offsetForLeaderEpochApi,
  syncGroupApi,
} from '#wire';
import { sendDamaged } from './testing/damaged-frames.js';
import { DoorWorld, type WireClient } from './testing/door-world.js';
import { foundOn } from './testing/fake-groups.js';

const versionsOf = ({ versions }: { versions: Api['versions'] }) =>
  Array.from({ length: versions.max - versions.min + 1 }, (_, i) => versions.min + i);

async function start(): Promise<{ world: DoorWorld; client: WireClient; groups: DoorWorld['broker']['groups']; last: () => unknown }> {
  const world = await DoorWorld.start();
  const { groups } = world.broker;
  return { world, client: await world.connect(), groups, last: () => groups.calls.at(-1)!.request };
}

const joinBody = (version: number, more: object = {}) => ({
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  ...(version < 1 ? {} : { rebalanceTimeoutMs: 60_000 }),
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('topics') }],
  ...(version < 8 ? {} : { reason: 'because' }),
  ...more,
});
const syncBody = (version: number, more: object = {}) => ({
  groupId: 'g',
  generationId: 7,
  memberId: 'm1',
  ...(version < 5 ? {} : { protocolType: 'consumer', protocolName: 'range' }),
  assignments: [{ memberId: 'm1', assignment: Buffer.from('partitions') }],
  ...more,
});
const heartbeatBody = { groupId: 'g', generationId: 7, memberId: 'm1' };
const commitBody = (partitions = [{ partitionIndex: 3, committedOffset: 42, committedMetadata: null as string | null }]) => ({
  groupId: 'g',
  generationIdOrMemberEpoch: 7,
  memberId: 'm1',
  topics: [{ name: 't', partitions }],
});

describe('JoinGroup', () => {
  it('is served in every version, with what the version can say', async () => {
    const { client, last } = await start();
    for (const version of versionsOf(joinGroupApi)) {
      const answer = await client.ask(joinGroupApi, version, joinBody(version));
      expect(last()).toEqual({
        groupId: 'g',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: version < 1 ? 10_000 : 60_000,
        memberId: '',
        groupInstanceId: null,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.from('topics') }],
        requiresKnownMemberId: version >= 4,
        supportsSkippingAssignment: version >= 9,
        reason: version < 8 ? null : 'because',
      });
      expect(answer).toEqual({
        throttleTimeMs: 0,
        errorCode: 0,
        generationId: 7,
        protocolType: version < 7 ? null : 'consumer',
        protocolName: 'range',
        leader: 'm1',
        skipAssignment: version >= 9,
        memberId: 'm1',
        members: [{ memberId: 'm1', groupInstanceId: null, metadata: Buffer.from('topics') }],
      });
    }
  });

  it('a static member is named from v5 on and is never sent away for an id', async () => {
    const { client, last } = await start();
    for (const version of [5, 9]) {
      const { members } = await client.ask(joinGroupApi, version, joinBody(version, { groupInstanceId: 'i1' }));
      expect(members[0]!.groupInstanceId).toBe('i1');
      expect(last()).toMatchObject({ groupInstanceId: 'i1', requiresKnownMemberId: false });
    }
  });

  it('no protocol is "" below v7 and null from there; the id to come back with travels with its error', async () => {
    const { client, groups } = await start();
    const refused = {
      generationId: -1,
      protocolType: null,
      protocolName: null,
      leader: '',
      skipAssignment: false,
      memberId: 'c-1',
      members: [],
    };
    groups.answers.join = { error: 'MEMBER_ID_REQUIRED', ...refused };
    for (const version of [4, 6, 7, 9]) {
      const answer = await client.ask(joinGroupApi, version, joinBody(version));
      expect(answer).toMatchObject({ errorCode: 79, generationId: -1, memberId: 'c-1', protocolName: version < 7 ? '' : null });
    }
  });

  it('what a group keeps is a copy: it does not hold the frame in memory', async () => {
    const { client, groups } = await start();
    await client.ask(joinGroupApi, 9, joinBody(9, { protocols: [{ name: 'range', metadata: Buffer.alloc(100_000, 1) }] }));
    await client.ask(syncGroupApi, 5, syncBody(5, { assignments: [{ memberId: 'm1', assignment: Buffer.alloc(100_000, 1) }] }));
    const join = groups.calls[0]!.request as { protocols: { metadata: Buffer }[] };
    const sync = groups.calls[1]!.request as { assignments: { assignment: Buffer }[] };
    for (const kept of [join.protocols[0]!.metadata, sync.assignments[0]!.assignment]) expect(kept.buffer.byteLength).toBe(100_000);
  });
});

describe('SyncGroup and Heartbeat', () => {
  it('are served in every version', async () => {
    const { client, last } = await start();
    for (const version of versionsOf(syncGroupApi)) {
      const answer = await client.ask(syncGroupApi, version, syncBody(version, version < 3 ? {} : { groupInstanceId: 'i1' }));
      const protocol = version < 5 ? [null, null] : ['consumer', 'range'];
      expect([answer.errorCode, answer.protocolType, answer.protocolName]).toEqual([0, ...protocol]);
      expect(answer.assignment.toString()).toBe('partitions');
      expect(last()).toMatchObject({
        generationId: 7,
        memberId: 'm1',
        groupInstanceId: version < 3 ? null : 'i1',
        protocolType: protocol[0],
      });
    }
    for (const version of versionsOf(heartbeatApi)) {
      const instance = version < 3 ? {} : { groupInstanceId: 'i1' };
      expect(await client.ask(heartbeatApi, version, { ...heartbeatBody, ...instance })).toEqual({ throttleTimeMs: 0, errorCode: 0 });
      expect(last()).toEqual({ ...heartbeatBody, groupInstanceId: version < 3 ? null : 'i1' });
    }
  });

  it('a sync of v5 that does not name its protocol is refused without asking the group (KIP-559)', async () => {
    const { client, groups } = await start();
    for (const missing of [{ protocolType: null }, { protocolName: null }]) {
      const answer = await client.ask(syncGroupApi, 5, syncBody(5, missing));
      expect(answer).toMatchObject({ errorCode: errorCode('INCONSISTENT_GROUP_PROTOCOL'), assignment: Buffer.alloc(0) });
    }
    expect(groups.calls).toEqual([]);
  });
});

describe('LeaveGroup', () => {
  it('one member below v3, whose error is the whole answer; several from there', async () => {
    const { client, groups, last } = await start();
    const gone = (error: KafkaErrorName) => ({ memberId: 'm1', groupInstanceId: null, error });
    for (const version of [0, 1, 2]) {
      groups.answers.leave = { error: 'NONE', members: [gone('UNKNOWN_MEMBER_ID')] };
      expect(await client.ask(leaveGroupApi, version, { groupId: 'g', memberId: 'm1' })).toMatchObject({ errorCode: 25, members: [] });
      expect(last()).toEqual({ groupId: 'g', members: [{ memberId: 'm1', groupInstanceId: null, reason: null }] });
      groups.answers.leave = { error: 'NOT_COORDINATOR', members: [] };
      expect((await client.ask(leaveGroupApi, version, { groupId: 'g', memberId: 'm1' })).errorCode).toBe(16);
    }
    for (const version of [3, 4, 5]) {
      groups.answers.leave = { error: 'NONE', members: [gone('UNKNOWN_MEMBER_ID'), { ...gone('NONE'), groupInstanceId: 'i1' }] };
      const members = [
        { memberId: 'm1', ...(version < 5 ? {} : { reason: 'done' }) },
        { memberId: '', groupInstanceId: 'i1' },
      ];
      const answer = await client.ask(leaveGroupApi, version, { groupId: 'g', members });
      expect(answer.errorCode).toBe(0);
      expect(answer.members).toEqual([
        { memberId: 'm1', groupInstanceId: null, errorCode: 25 },
        { memberId: 'm1', groupInstanceId: 'i1', errorCode: 0 },
      ]);
      expect(last()).toMatchObject({
        members: [
          { memberId: 'm1', groupInstanceId: null, reason: version < 5 ? null : 'done' },
          { memberId: '', groupInstanceId: 'i1', reason: null },
        ],
      });
    }
  });
});

describe('OffsetCommit', () => {
  it('is served in every version; null metadata becomes empty, retention is ignored', async () => {
    const { client, last } = await start();
    for (const version of versionsOf(offsetCommitApi)) {
      const partition = {
        partitionIndex: 3,
        committedOffset: 42,
        committedMetadata: null,
        ...(version < 6 ? {} : { committedLeaderEpoch: 5 }),
      };
      const body = { ...commitBody([partition]), ...(version > 4 ? {} : { retentionTimeMs: 1 }) };
      const answer = await client.ask(offsetCommitApi, version, { ...body, ...(version < 7 ? {} : { groupInstanceId: 'i1' }) });
      expect(answer.topics).toEqual([{ name: 't', partitions: [{ partitionIndex: 3, errorCode: 0 }] }]);
      expect(last()).toEqual({
        groupId: 'g',
        generationId: 7,
        memberId: 'm1',
        groupInstanceId: version < 7 ? null : 'i1',
        partitions: [{ topic: 't', partition: 3, offset: 42, leaderEpoch: version < 6 ? -1 : 5, metadata: '' }],
      });
    }
  });

  it('a partition that is named twice is committed and answered twice, in order', async () => {
    const { client, last } = await start();
    const partitions = [1, 2, 1].map((partitionIndex, i) => ({ partitionIndex, committedOffset: i, committedMetadata: 'm' }));
    const { topics } = await client.ask(offsetCommitApi, 8, commitBody(partitions));
    expect(topics[0]!.partitions.map(({ partitionIndex }) => partitionIndex)).toEqual([1, 2, 1]);
    expect((last() as { partitions: { offset: number }[] }).partitions.map(({ offset }) => offset)).toEqual([0, 1, 2]);
  });

  it('a group that is not known is an illegal generation to who asks below v9', async () => {
    const { client, groups } = await start();
    groups.answers.commitOffsets = { partitions: [{ topic: 't', partition: 3, error: 'GROUP_ID_NOT_FOUND' }] };
    const codeIn = async (version: number) =>
      (await client.ask(offsetCommitApi, version, commitBody())).topics[0]!.partitions[0]!.errorCode;
    expect([await codeIn(8), await codeIn(9)]).toEqual([errorCode('ILLEGAL_GENERATION'), errorCode('GROUP_ID_NOT_FOUND')]);
  });
});

describe('OffsetFetch', () => {
  const committed = (partitionIndex: number, version: number) => ({
    partitionIndex,
    committedOffset: 42,
    committedLeaderEpoch: version < 5 ? -1 : 5,
    metadata: 'm',
    errorCode: 0,
  });

  it('one group below v8, with a list or everything; many from there', async () => {
    const { client, groups, last } = await start();
    for (const version of versionsOf(offsetFetchApi).filter((each) => each < 8)) {
      const stable = version < 7 ? {} : { requireStable: true };
      const topics = [{ name: 't', partitionIndexes: [4, 1] }];
      const answer = await client.ask(offsetFetchApi, version, { groupId: 'g', topics, ...stable });
      expect(answer).toMatchObject({
        errorCode: 0,
        groups: [],
        topics: [{ name: 't', partitions: [committed(4, version), committed(1, version)] }],
      });
      expect(last()).toEqual({
        groupId: 'g',
        partitions: [
          { topic: 't', partition: 4 },
          { topic: 't', partition: 1 },
        ],
        requireStable: version >= 7,
      });
      if (version < 2) continue;
      const all = await client.ask(offsetFetchApi, version, { groupId: 'g', topics: null });
      expect(all.topics.map(({ name, partitions }) => [name, partitions.map((each) => each.partitionIndex)])).toEqual([
        ['a', [0, 2]],
        ['b', [1]],
      ]);
      expect(last()).toMatchObject({ partitions: null });
    }
    for (const version of [8, 9]) {
      const asked = [
        { groupId: 'g1', topics: [{ name: 't', partitionIndexes: [4] }] },
        { groupId: 'g2', topics: null },
      ];
      const answer = await client.ask(offsetFetchApi, version, { groups: asked, requireStable: true });
      expect(answer.groups).toMatchObject([
        { groupId: 'g1', errorCode: 0, topics: [{ name: 't', partitions: [committed(4, version)] }] },
        { groupId: 'g2', errorCode: 0, topics: [{ name: 'a' }, { name: 'b' }] },
      ]);
      expect(groups.calls.slice(-2).map(({ request }) => request)).toMatchObject([
        { groupId: 'g1', requireStable: true },
        { groupId: 'g2' },
      ]);
    }
  });

  it('an error of the group is said where the version has room for it', async () => {
    const { client, groups } = await start();
    groups.answers.fetchOffsets = { error: 'COORDINATOR_LOAD_IN_PROGRESS', partitions: [] };
    const one = { groupId: 'g', topics: [{ name: 't', partitionIndexes: [4] }] };
    const each = await client.ask(offsetFetchApi, 1, one);
    expect(each.topics).toMatchObject([
      { name: 't', partitions: [{ partitionIndex: 4, errorCode: 14, committedOffset: -1, metadata: '' }] },
    ]);
    expect(await client.ask(offsetFetchApi, 2, one)).toMatchObject({ errorCode: 14, topics: [] });
    expect(await client.ask(offsetFetchApi, 7, one)).toMatchObject({ errorCode: 14, topics: [] });
    expect((await client.ask(offsetFetchApi, 8, { groups: [one] })).groups).toEqual([{ groupId: 'g', errorCode: 14, topics: [] }]);
    groups.failure = new KafkaError('NOT_COORDINATOR');
    expect((await client.ask(offsetFetchApi, 8, { groups: [one] })).groups[0]!.errorCode).toBe(16);
    groups.failure = new TypeError('a bug');
    expect((await client.ask(offsetFetchApi, 8, { groups: [one] })).groups[0]!.errorCode).toBe(-1);
    expect((await client.ask(offsetFetchApi, 1, one)).topics[0]!.partitions[0]!.errorCode).toBe(-1);
  });

  it('a small request cannot ask for a huge answer: partitions are answered once, a group that is named again is refused', async () => {
    const { client, groups } = await start();
    const manyTimes = [
      { name: 't', partitionIndexes: Array.from({ length: 5000 }, () => 4) },
      { name: 't', partitionIndexes: [4, 5] },
    ];
    for (const version of [1, 7]) {
      const { topics } = await client.ask(offsetFetchApi, version, { groupId: 'g', topics: manyTimes });
      expect(topics).toMatchObject([{ name: 't', partitions: [committed(4, version), committed(5, version)] }]);
    }
    const again = await client.ask(offsetFetchApi, 9, { groups: Array.from({ length: 100 }, () => ({ groupId: 'g', topics: null })) });
    expect(again.groups.map((group) => group.errorCode)).toEqual([0, ...Array.from({ length: 99 }, () => errorCode('INVALID_REQUEST'))]);
    expect(again.groups[1]!.topics).toEqual([]);
    expect(groups.calls).toHaveLength(3);
  });
});

describe('FindCoordinator', () => {
  it('names the broker with its address on the listener that was asked, one key below v4, many from there', async () => {
    const { world, client, last } = await start();
    const inside = await world.connect('replication');
    for (const version of [0, 1, 2, 3]) {
      const found = { errorCode: 0, errorMessage: null, nodeId: 1, coordinators: [] };
      expect(await client.ask(findCoordinatorApi, version, { key: 'g' })).toMatchObject({ ...found, host: 'public-1', port: 9092 });
      expect(await inside.ask(findCoordinatorApi, version, { key: 'g' })).toMatchObject({ ...found, host: 'inner-1', port: 9192 });
      expect(last()).toEqual({ keyType: 'group', keys: ['g'] });
    }
    for (const version of [4, 5]) {
      const { coordinators } = await client.ask(findCoordinatorApi, version, { keyType: 1, coordinatorKeys: ['a', 'b'] });
      const found = { nodeId: 1, host: 'public-1', port: 9092, errorCode: 0, errorMessage: null };
      expect(coordinators).toEqual([
        { key: 'a', ...found },
        { key: 'b', ...found },
      ]);
      expect(last()).toEqual({ keyType: 'transaction', keys: ['a', 'b'] });
    }
  });

  it('who is not found has node -1, no host and port -1; other key types are refused', async () => {
    const { client, groups } = await start();
    const nowhere = { nodeId: -1, host: '', port: -1 };
    groups.answers.findCoordinators = [
      { key: 'a', error: 'COORDINATOR_NOT_AVAILABLE', message: 'being made', brokerId: -1, endpoint: null },
      foundOn('b', 0),
    ];
    expect(await client.ask(findCoordinatorApi, 0, { key: 'a' })).toMatchObject({ errorCode: 15, errorMessage: null, ...nowhere });
    expect(await client.ask(findCoordinatorApi, 3, { key: 'a' })).toMatchObject({ errorCode: 15, errorMessage: 'being made', ...nowhere });
    const { coordinators } = await client.ask(findCoordinatorApi, 4, { coordinatorKeys: ['a', 'b'] });
    expect(coordinators).toMatchObject([
      { key: 'a', errorCode: 15, errorMessage: 'being made', ...nowhere },
      { key: 'b', errorCode: 0, nodeId: 0 },
    ]);
    const asked = groups.calls.length;
    expect(await client.ask(findCoordinatorApi, 3, { key: 'a', keyType: 2 })).toMatchObject({ errorCode: 42, ...nowhere });
    const refused = await client.ask(findCoordinatorApi, 5, { coordinatorKeys: ['a', 'b'], keyType: -1 });
    expect(refused.coordinators).toMatchObject([
      { key: 'a', errorCode: 42, ...nowhere },
      { key: 'b', errorCode: 42, ...nowhere },
    ]);
    expect(groups.calls).toHaveLength(asked);
  });
});

describe('DescribeGroups', () => {
  it('is served in every version, each group once', async () => {
    const { client, last } = await start();
    for (const version of versionsOf(describeGroupsApi)) {
      const asked = { groups: ['g', 'h', 'g'], ...(version < 3 ? {} : { includeAuthorizedOperations: true }) };
      const { groups } = await client.ask(describeGroupsApi, version, asked);
      expect(last()).toEqual(['g', 'h']);
      expect(groups).toHaveLength(2);
      expect(groups[0]).toEqual({
        errorCode: 0,
        errorMessage: null,
        groupId: 'g',
        groupState: 'Stable',
        protocolType: 'consumer',
        protocolData: 'range',
        members: [
          {
            memberId: 'm1',
            groupInstanceId: version < 4 ? null : 'i1',
            clientId: 'c',
            clientHost: '/127.0.0.1',
            memberMetadata: Buffer.from('subscription'),
            memberAssignment: Buffer.from('assignment'),
          },
        ],
        authorizedOperations: NO_AUTHORIZED_OPERATIONS,
      });
    }
  });

  it('a group that does not exist is dead below v6 and not found from there (KIP-1043); who cannot tell names no state', async () => {
    const { client, groups } = await start();
    const nothing: Omit<GroupDescription, 'error'> = {
      groupId: 'g',
      state: 'Dead',
      protocolType: '',
      protocolName: '',
      generationId: -1,
      members: [],
    };
    const ask = async (version: number) => {
      const [group] = (await client.ask(describeGroupsApi, version, { groups: ['g'] })).groups;
      return [group!.errorCode, group!.groupState, group!.errorMessage];
    };
    groups.answers.describe = [{ ...nothing, error: 'GROUP_ID_NOT_FOUND', message: 'no g' }];
    expect([await ask(0), await ask(5), await ask(6)]).toEqual([
      [0, 'Dead', null],
      [0, 'Dead', null],
      [69, 'Dead', 'no g'],
    ]);
    groups.answers.describe = [{ ...nothing, error: 'NOT_COORDINATOR' }];
    expect([await ask(0), await ask(6)]).toEqual([
      [16, '', null],
      [16, '', null],
    ]);
    groups.failure = new KafkaError('COORDINATOR_NOT_AVAILABLE');
    expect(await ask(6)).toEqual([15, '', null]);
  });
});

it('ListGroups filters by state from v4 and by type from v5, in any case, and finds nothing for what it does not know', async () => {
  const { client, groups, last } = await start();
  for (const version of versionsOf(listGroupsApi)) {
    const state = version < 4 ? '' : 'Stable';
    const all = await client.ask(listGroupsApi, version, {});
    expect(all.groups).toEqual([{ groupId: 'g', protocolType: 'consumer', groupState: state, groupType: version < 5 ? '' : 'classic' }]);
    expect(last()).toBeNull();
  }
  const count = async (version: number, filter: object) => (await client.ask(listGroupsApi, version, filter)).groups.length;
  expect([await count(4, { statesFilter: ['stable', 'odd'] }), last()]).toEqual([1, ['Stable']]);
  expect([await count(4, { statesFilter: ['EMPTY', 'dead'] }), last()]).toEqual([0, ['Empty', 'Dead']]);
  expect([await count(4, { statesFilter: ['odd'] }), last()]).toEqual([0, []]);
  expect(await count(5, { typesFilter: ['Classic'], statesFilter: ['Stable'] })).toBe(1);
  expect([await count(5, { typesFilter: ['consumer', 'share'] }), last()]).toEqual([0, []]);
  groups.answers.list = { error: 'COORDINATOR_LOAD_IN_PROGRESS', groups: [] };
  expect((await client.ask(listGroupsApi, 5, { typesFilter: ['consumer'] })).errorCode).toBe(14);
});

it('DeleteGroups and OffsetDelete say each error where it belongs', async () => {
  const { client, groups, last } = await start();
  for (const version of versionsOf(deleteGroupsApi)) {
    const { results } = await client.ask(deleteGroupsApi, version, { groupsNames: ['g', 'h', 'g'] });
    expect(last()).toEqual(['g', 'h']);
    expect(results).toEqual([
      { groupId: 'g', errorCode: 68 },
      { groupId: 'h', errorCode: 68 },
    ]);
  }
  const body = { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 1 }, { partitionIndex: 0 }] }] };
  const partly = await client.ask(offsetDeleteApi, 0, body);
  expect(partly).toMatchObject({
    errorCode: 0,
    topics: [{ name: 't', partitions: [{ partitionIndex: 1, errorCode: 86 }, { partitionIndex: 0 }] }],
  });
  groups.answers.deleteOffsets = { error: 'GROUP_ID_NOT_FOUND', partitions: [] };
  expect(await client.ask(offsetDeleteApi, 0, body)).toMatchObject({ errorCode: 69, topics: [] });
});

it('OffsetForLeaderEpoch is served in every version', async () => {
  const { world, client } = await start();
  const offsetsForLeaderEpochs: BrokerVerbs['admin']['offsetsForLeaderEpochs'] = async (_context, { partitions }) => ({
    partitions: partitions.map(({ topic, partition, currentLeaderEpoch, leaderEpoch }) =>
      currentLeaderEpoch === 9
        ? { topic, partition, error: 'UNKNOWN_LEADER_EPOCH' as const, leaderEpoch: -1, endOffset: -1 }
        : { topic, partition, error: 'NONE' as const, leaderEpoch, endOffset: 77 },
    ),
  });
  Object.assign(world.broker.admin, { offsetsForLeaderEpochs });
  for (const version of versionsOf(offsetForLeaderEpochApi)) {
    const partitions = [
      { partition: 2, leaderEpoch: 4 },
      { partition: 0, currentLeaderEpoch: 9, leaderEpoch: 4 },
    ];
    expect((await client.ask(offsetForLeaderEpochApi, version, { topics: [{ topic: 't', partitions }] })).topics).toEqual([
      {
        topic: 't',
        partitions: [
          { errorCode: 0, partition: 2, leaderEpoch: 4, endOffset: 77 },
          { errorCode: errorCode('UNKNOWN_LEADER_EPOCH'), partition: 0, leaderEpoch: -1, endOffset: -1 },
        ],
      },
    ]);
  }
});

it('a verb that fails as a whole is answered in the shape of every api and version, and the connection lives', async () => {
  const { client, groups } = await start();
  groups.failure = new KafkaError('NOT_COORDINATOR');
  const codeOf = errorCode('NOT_COORDINATOR');
  const bodies: [Api, (version: number) => object, (answer: never) => unknown][] = [
    [joinGroupApi as Api, joinBody, (answer: { errorCode: number }) => answer.errorCode],
    [syncGroupApi as Api, syncBody, (answer: { errorCode: number }) => answer.errorCode],
    [heartbeatApi as Api, () => heartbeatBody, (answer: { errorCode: number }) => answer.errorCode],
    [leaveGroupApi as Api, (v) => (v < 3 ? { groupId: 'g', memberId: 'm' } : { groupId: 'g' }), (a: { errorCode: number }) => a.errorCode],
    [listGroupsApi as Api, () => ({}), (answer: { errorCode: number }) => answer.errorCode],
    [offsetDeleteApi as Api, () => ({ groupId: 'g', topics: [] }), (answer: { errorCode: number }) => answer.errorCode],
    [
      deleteGroupsApi as Api,
      () => ({ groupsNames: ['g'] }),
      (answer: { results: { errorCode: number }[] }) => answer.results[0]!.errorCode,
    ],
    [describeGroupsApi as Api, () => ({ groups: ['g'] }), (answer: { groups: { errorCode: number }[] }) => answer.groups[0]!.errorCode],
    [
      offsetCommitApi as Api,
      () => commitBody(),
      (answer: { topics: { partitions: { errorCode: number }[] }[] }) => answer.topics[0]!.partitions[0]!.errorCode,
    ],
    [
      findCoordinatorApi as Api,
      (version) => (version < 4 ? { key: 'g' } : { coordinatorKeys: ['g'] }),
      (answer: { errorCode: number; coordinators: { errorCode: number }[] }) => answer.coordinators[0]?.errorCode ?? answer.errorCode,
    ],
  ];
  for (const [api, bodyOf, errorIn] of bodies) {
    for (const version of versionsOf(api)) {
      const answer = await client.ask(api, version, bodyOf(version) as never);
      expect([api.name, version, errorIn(answer as never)]).toEqual([api.name, version, codeOf]);
    }
  }
  expect(client.isClosed).toBe(false);
});

describe('a join or sync that waits', () => {
  const verbs = (world: DoorWorld) => world.broker.groups.calls.map(({ verb }) => verb);

  it('holds back what is behind it on its connection, as in Kafka: a heartbeat is about the generation that is being made', async () => {
    const { world, client, groups } = await start();
    groups.hold = new Set(['join', 'sync']);
    client.send(joinGroupApi, 9, joinBody(9));
    client.send(heartbeatApi, 4, heartbeatBody);
    client.send(syncGroupApi, 5, syncBody(5));
    client.send(heartbeatApi, 4, heartbeatBody);
    const other = await world.connect();
    expect((await other.ask(heartbeatApi, 4, heartbeatBody)).errorCode).toBe(0);
    // Longer than a frame may take to arrive, and than a connection may be idle.
    await world.world.runFor(700_000);
    expect(verbs(world)).toEqual(['join', 'heartbeat']);
    expect(client.frames).toEqual([]);
    world.server.run('joined', () => groups.calls[0]!.resolve());
    await world.pause();
    expect(verbs(world)).toEqual(['join', 'heartbeat', 'heartbeat', 'sync']);
    expect(client.ids()).toEqual([1, 2]);
    world.server.run('synced', () => groups.calls.at(-1)!.reject(new KafkaError('NOT_COORDINATOR')));
    await world.pause();
    expect(client.ids()).toEqual([1, 2, 3, 4]);
    expect(client.decode(syncGroupApi, 5, client.frames[2]!).errorCode).toBe(16);
    expect(client.isClosed).toBe(false);
  });

  it('more requests than requestsInFlightMax behind it are all answered in order once it is', async () => {
    const { world, client, groups } = await start();
    groups.hold = new Set(['join']);
    client.send(metadataApi, 9, { topics: null });
    client.send(joinGroupApi, 5, joinBody(5));
    for (let i = 0; i < 300; i++) client.send(heartbeatApi, 3, heartbeatBody);
    await world.pause();
    expect(client.ids()).toEqual([1]);
    world.server.run('joined', () => groups.calls[0]!.resolve());
    await world.world.runFor(1000);
    expect(client.ids()).toEqual(Array.from({ length: 302 }, (_, i) => i + 1));
  });

  it('starts although a long poll before it is not answered yet, and what it held back starts when the join has ended', async () => {
    const { world, client, groups } = await start();
    world.broker.hold = true;
    groups.hold = new Set(['join']);
    client.send(fetchApi, 12, { maxWaitMs: 500, minBytes: 1, topics: [] });
    client.send(joinGroupApi, 5, joinBody(5));
    client.send(heartbeatApi, 3, heartbeatBody);
    await world.pause();
    expect(verbs(world)).toEqual(['join']);
    world.server.run('joined', () => groups.calls[0]!.resolve());
    await world.pause();
    expect(verbs(world)).toEqual(['join', 'heartbeat']);
    expect(client.frames).toEqual([]);
    world.server.run('fetched', () => world.broker.fetches[0]!.resolve({ partitions: [] }));
    await world.pause();
    expect(client.ids()).toEqual([1, 2, 3]);
  });

  it('does not outlive its connection: the end is noticed at once, and the late answer goes nowhere', async () => {
    const { world, client, groups } = await start();
    groups.hold = new Set(['join']);
    client.send(joinGroupApi, 9, joinBody(9));
    await world.pause();
    client.connection.destroy();
    await world.pause();
    expect(world.door.counters.connectionsOpen).toBe(0);
    world.server.run('joined', () => groups.calls[0]!.resolve());
    await world.pause();
    expect(client.frames).toEqual([]);
    expect(world.door.counters.connectionsCut).toBe(0);
  });

  it('is not waited for when the door closes', async () => {
    const { world, client, groups } = await start();
    groups.hold = new Set(['join']);
    client.send(joinGroupApi, 9, joinBody(9));
    await world.pause();
    const before = world.world.nowMs;
    await world.settle(world.door.close());
    expect(world.world.nowMs - before).toBeLessThan(100);
    await world.pause();
    expect(client.isClosed).toBe(true);
  });
});

it('damaged frames of every group api close their own connection at worst', async () => {
  const { world } = await start();
  const requests = [
    encodeRequest(joinGroupApi, 9, 1, 'c', joinBody(9)),
    encodeRequest(joinGroupApi, 0, 1, 'c', joinBody(0)),
    encodeRequest(syncGroupApi, 5, 1, 'c', syncBody(5)),
    encodeRequest(heartbeatApi, 4, 1, 'c', heartbeatBody),
    encodeRequest(leaveGroupApi, 5, 1, 'c', { groupId: 'g', members: [{ memberId: 'm' }] }),
    encodeRequest(offsetCommitApi, 9, 1, 'c', commitBody()),
    encodeRequest(offsetFetchApi, 9, 1, 'c', { groups: [{ groupId: 'g', topics: [{ name: 't', partitionIndexes: [-1, 0] }] }] }),
    encodeRequest(offsetFetchApi, 1, 1, 'c', { groupId: 'g', topics: [{ name: '../x', partitionIndexes: [2 ** 31 - 1] }] }),
    encodeRequest(findCoordinatorApi, 5, 1, 'c', { coordinatorKeys: ['', '\0\r\n'] }),
    encodeRequest(describeGroupsApi, 6, 1, 'c', { groups: ['g'] }),
    encodeRequest(listGroupsApi, 5, 1, 'c', { statesFilter: ['Stable'] }),
    encodeRequest(deleteGroupsApi, 2, 1, 'c', { groupsNames: ['g'] }),
    encodeRequest(offsetDeleteApi, 0, 1, 'c', { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 1 }] }] }),
    encodeRequest(offsetForLeaderEpochApi, 4, 1, 'c', { topics: [{ topic: 't', partitions: [{ partition: 1, leaderEpoch: -5 }] }] }),
  ];
  await sendDamaged(world, requests, 100);
  const good = await world.connect();
  expect((await good.ask(heartbeatApi, 4, heartbeatBody)).errorCode).toBe(0);
});

it('a client id is cut between characters, not inside of one', async () => {
  const { client, groups, world } = await start();
  client.raw(Buffer.concat(encodeRequest(heartbeatApi as Api, 3, 1, `${'x'.repeat(254)}\u{1f600}`, heartbeatBody as never)));
  await world.pause();
  expect(groups.calls[0]!.context.clientId).toBe('x'.repeat(254));
});

describe('a request that names very many groups', () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `g${i}`);

  it('is answered for all of them, and beyond the limit with an error', async () => {
    const world = await DoorWorld.start({ groupsPerRequestMax: 300 });
    const client = await world.connect();
    const { groups } = world.broker;
    const all = names(303);
    const refused = all.slice(300);
    const invalid = errorCode('INVALID_REQUEST');
    const describe = await client.ask(describeGroupsApi, 5, { groups: all, includeAuthorizedOperations: false });
    expect(describe.groups.map(({ groupId }) => groupId)).toEqual(all);
    expect(describe.groups.filter(({ errorCode: code }) => code === invalid).map(({ groupId }) => groupId)).toEqual(refused);
    const deleted = await client.ask(deleteGroupsApi, 2, { groupsNames: all });
    expect(deleted.results.filter(({ errorCode: code }) => code === invalid).map(({ groupId }) => groupId)).toEqual(refused);
    const fetched = await client.ask(offsetFetchApi, 8, {
      groups: all.map((groupId) => ({ groupId, topics: null })),
      requireStable: false,
    });
    expect(fetched.groups.filter(({ errorCode: code }) => code === invalid).map(({ groupId }) => groupId)).toEqual(refused);
    const found = await client.ask(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: all });
    expect(found.coordinators.filter(({ errorCode: code }) => code === invalid).map(({ key }) => key)).toEqual(refused);
    expect(found.coordinators.at(-1)!.errorMessage).toBe('a request may name 300 groups (groupsPerRequestMax); ask in several');
    expect(groups.calls.filter(({ verb }) => verb === 'fetchOffsets')).toHaveLength(300);
  });

  it('lets others have their turn in between', async () => {
    const world = await DoorWorld.start();
    const client = await world.connect();
    const { calls } = world.broker.groups;
    client.send(describeGroupsApi, 5, { groups: names(10_000), includeAuthorizedOperations: false });
    await world.world.runUntil(() => calls.length > 0, 1_000);
    expect(calls.length).toBeLessThan(10);
    await world.world.runUntil(() => client.frames.length > 0, 1_000);
    expect(client.decode(describeGroupsApi, 5, client.frames[0]!).groups).toHaveLength(10_000);
  });
});
