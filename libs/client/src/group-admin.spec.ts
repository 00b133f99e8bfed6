import type { GroupDescription } from '#groups';
import type { KafkaErrorName } from '#kernel';
import { RecordBatchBuilder } from '#record';
import type { GroupRpcMessages, RpcHandlers } from '#rpc';
import type { ClientConfig } from './contract.js';
import { FakeCluster } from './testing/fake-cluster.js';

type Response<K extends keyof GroupRpcMessages> = GroupRpcMessages[K][1];

const EMPTY: Omit<GroupDescription, 'groupId' | 'members'> = {
  error: 'NONE',
  state: 'Empty',
  protocolType: 'consumer',
  protocolName: '',
  generationId: 3,
};

interface World {
  readonly cluster: FakeCluster;
  /** Where groups are looked for, and who answers for them: two things while a coordinator moves. */
  readonly named: { broker: number; error: KafkaErrorName };
  readonly acting: { broker: number; error: KafkaErrorName };
  readonly asked: string[];
  committed: { topic: string; partition: number; offset: number }[];
  answer(broker: number, handlers: RpcHandlers): void;
}

async function world(seed: number, topics: Record<string, number> = { t: 3 }): Promise<World> {
  const cluster = await FakeCluster.start(seed, topics);
  const made: World = {
    cluster,
    named: { broker: 1, error: 'NONE' },
    acting: { broker: 1, error: 'NONE' },
    asked: [],
    committed: [],
    answer: (broker, handlers) => void Object.assign(cluster.served.get(broker)!, handlers),
  };
  for (const id of cluster.brokerIds) {
    const errorNow = (pattern: string): KafkaErrorName => {
      made.asked.push(`${pattern}@${id}`);
      return id === made.acting.broker ? made.acting.error : 'NOT_COORDINATOR';
    };
    made.answer(id, {
      findCoordinator: async ({ groupIds }): Promise<Response<'findCoordinator'>> => ({
        coordinators: groupIds.map((groupId) => ({
          groupId,
          ...made.named,
          brokerId: made.named.broker,
          host: `b${made.named.broker}`,
          port: 3125,
        })),
      }),
      describeGroups: async ({ groupIds }) => {
        const error = errorNow('describe');
        return { groups: groupIds.map((groupId) => ({ ...EMPTY, groupId, error, members: [memberOf(groupId)] })) };
      },
      commitOffsets: async ({ partitions }) => {
        const error = errorNow('commit');
        if (error === 'NONE') made.committed = partitions.map(({ topic, partition, offset }) => ({ topic, partition, offset }));
        return { partitions: partitions.map(({ topic, partition }) => ({ topic, partition, error })) };
      },
      fetchOffsets: async () => {
        const commit = { leaderEpoch: -1, metadata: '', committedAtMs: 5, error: 'NONE' as const };
        return { error: errorNow('fetch'), partitions: made.committed.map((one) => ({ ...one, ...commit })) };
      },
      deleteGroups: async ({ groupIds }) => ({ groups: groupIds.map((groupId) => ({ groupId, error: errorNow('delete') })) }),
      listGroups: async () => ({
        error: 'NONE',
        groups: [{ groupId: `g${9 - id}`, protocolType: 'consumer', state: 'Empty', groupType: 'classic' }],
      }),
    });
  }
  return made;
}

const memberOf = (groupId: string) => ({
  memberId: `${groupId}-m`,
  groupInstanceId: null,
  clientId: 'c',
  clientHost: '/h',
  metadata: 'AAE=',
  assignment: '',
});

const adminOf = ({ cluster }: World, config: Partial<ClientConfig> = {}) =>
  cluster.client({ retryBackoffMs: 5, retryBackoffMaxMs: 50, ...config }).admin.groups;

/** One batch per value; the timestamps are given. */
function store(cluster: FakeCluster, partition: number, ...timestamps: number[]): void {
  for (const timestamp of timestamps) {
    const builder = new RecordBatchBuilder();
    builder.append({ timestamp, key: null, value: Buffer.from('v'), headers: [] });
    cluster.partition('t', partition).append(builder.build());
  }
}

describe('group admin', () => {
  it('asks the coordinator of each group, and follows it when it moves', async () => {
    const made = await world(1);
    const admin = adminOf(made);
    const [one, two] = await made.cluster.world.settle(admin.describe(['g1', 'g2']));
    expect([one!.groupId, one!.coordinatorId, two!.groupId]).toEqual(['g1', 1, 'g2']);
    expect(one!.members[0]!.metadata).toEqual(Buffer.from([0, 1]));
    expect(made.asked).toEqual(['describe@1', 'describe@1']);

    // Nobody has to be asked where it is until the old one says that it has gone.
    made.asked.length = 0;
    made.named.broker = made.acting.broker = 2;
    expect((await made.cluster.world.settle(admin.describe(['g1'])))[0]!.coordinatorId).toBe(2);
    expect(made.asked).toEqual(['describe@1', 'describe@2']);
  });

  it('waits for a coordinator that loads, is away or cannot act, and then says why it gave up', async () => {
    const made = await world(2);
    const admin = adminOf(made, { requestTimeoutMs: 3_000 });
    const partitions = [{ topic: 't', partition: 0, offset: 4, leaderEpoch: -1, metadata: null }];
    for (const state of [made.acting, made.named]) {
      for (const error of ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE'] as const) {
        state.error = error;
        made.cluster.world.schedule(200, 'ready', () => (state.error = 'NONE'));
        const response = await made.cluster.world.settle(admin.commitOffsets('g', partitions));
        expect(response.partitions).toEqual([{ topic: 't', partition: 0, error: 'NONE' }]);
      }
    }
    expect(made.committed).toEqual([{ topic: 't', partition: 0, offset: 4 }]);
    made.acting.error = 'COORDINATOR_LOAD_IN_PROGRESS';
    const failure = made.cluster.world.settle(admin.history('g').catch((error) => [error.code, error.message]));
    made.answer(1, { groupHistory: async ({ groupId }) => ({ groupId, error: 'COORDINATOR_LOAD_IN_PROGRESS', rebalances: [] }) });
    expect(await failure).toEqual(['COORDINATOR_LOAD_IN_PROGRESS', 'group g: its coordinator, broker 1, is still loading']);
  });

  it('finds the new coordinator after the death of the old one, and says what a repeat may have done', async () => {
    const made = await world(3);
    const admin = adminOf(made);
    made.answer(1, {
      deleteGroups: async () => {
        made.cluster.broker(1).kill();
        made.named.broker = made.acting.broker = 0;
        made.acting.error = 'GROUP_ID_NOT_FOUND';
        return { groups: [] };
      },
    });
    const [result] = await made.cluster.world.settle(admin.delete(['g']));
    expect(result).toMatchObject({ groupId: 'g', error: 'GROUP_ID_NOT_FOUND', message: expect.stringContaining('may have deleted it') });
  });

  it('puts the list of all together, and names the brokers that gave none', async () => {
    const made = await world(4);
    const admin = adminOf(made);
    const all = await made.cluster.world.settle(admin.list());
    expect(all.groups.map(({ groupId, coordinatorId }) => [groupId, coordinatorId])).toEqual([
      ['g7', 2],
      ['g8', 1],
      ['g9', 0],
    ]);
    expect(all.silentBrokers).toEqual([]);

    let loading = 3;
    made.answer(2, {
      listGroups: async () => ({ error: --loading > 0 ? 'COORDINATOR_LOAD_IN_PROGRESS' : 'NONE', groups: [] }),
    });
    expect((await made.cluster.world.settle(admin.list())).silentBrokers).toEqual([]);
    made.cluster.broker(2).kill();
    const { groups, silentBrokers } = await made.cluster.world.settle(admin.list());
    expect(groups.map(({ groupId }) => groupId)).toEqual(['g8', 'g9']);
    expect(silentBrokers).toEqual([{ brokerId: 2, reason: expect.any(String) }]);
  });
});

describe('progress of a group', () => {
  it('counts unread records, and how old the first of them is', async () => {
    const made = await world(5, { t: 5 });
    const { cluster } = made;
    await cluster.world.settle(new Promise((resolve) => cluster.world.schedule(60_000, 'later', () => resolve(null))));
    const now = cluster.world.process('coordinator')!.clock.wallMs();
    store(cluster, 0, now - 50_000, now - 40_000, now - 30_000);
    store(cluster, 1, now - 9_000);
    store(cluster, 2, now - 50_000, now - 7_000);
    cluster.partition('t', 2).batches.shift();
    cluster.partition('t', 2).logStartOffset = 1;
    made.committed = [
      { topic: 't', partition: 0, offset: 1 },
      { topic: 't', partition: 1, offset: 1 },
      { topic: 't', partition: 2, offset: 0 },
      { topic: 'gone', partition: 0, offset: 8 },
      { topic: 't', partition: 9, offset: 8 },
    ];
    const progress = await cluster.world.settle(adminOf(made).progress('g', [{ topic: 't', partition: 3 }, made.committed[0]!]));
    const shown = progress.map((one) => [one.topic, one.partition, one.committedOffset, one.startOffset, one.endOffset, one.lagRecords]);
    expect(shown).toEqual([
      ['gone', 0, 8, -1, -1, null],
      ['t', 0, 1, 0, 3, 2],
      ['t', 1, 1, 0, 1, 0],
      ['t', 2, 0, 1, 2, 1],
      ['t', 3, -1, 0, 0, null],
      ['t', 9, 8, -1, -1, null],
    ]);
    expect(progress.map(({ error }) => error === 'NONE')).toEqual([false, true, true, true, true, false]);
    const ages = progress.map(({ lagMs }) => (lagMs === null ? null : Math.floor(lagMs / 1_000)));
    expect(ages).toEqual([null, 40, 0, 7, null, null]);
  });

  it('does not wait long for a partition without a leader', async () => {
    const made = await world(6);
    const { cluster } = made;
    cluster.move('t', 0, -1);
    made.committed = [{ topic: 't', partition: 0, offset: 1 }];
    const startedMs = cluster.world.process('coordinator')!.clock.monotonicMs();
    const [one] = await cluster.world.settle(adminOf(made).progress('g'));
    expect(one).toMatchObject({ endOffset: -1, lagRecords: null, lagMs: null, error: 'LEADER_NOT_AVAILABLE' });
    expect(cluster.world.process('coordinator')!.clock.monotonicMs() - startedMs).toBeLessThan(6_000);
  });
});
