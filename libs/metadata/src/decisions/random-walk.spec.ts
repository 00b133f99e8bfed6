/** Random commands over one partition on three brokers; S7, S8 and S9 are checked after every step. */
import fc from 'fast-check';
import { isLiveSeat } from '../image.js';
import type { PartitionRecord } from '../records.js';
import type { ModelCluster } from '../testing/model-cluster.js';
import { threeBrokers } from '../testing/model-cluster.js';
import { alterTopicConfigs } from './alter-topic-configs.js';
import { askedElection } from './asked-election.js';
import { controlledShutdown, failDirectory } from './broker-state.js';
import { createPartitions } from './create-partitions.js';
import { electLeader, moveLeadersAway, rebalanceLeaders } from './elect-leaders.js';

const NAME = { topicId: 'id-t', partition: 0 };
const broker = fc.integer({ min: 0, max: 2 });

type Step =
  | { readonly kind: 'fence' | 'unfence' | 'shutdown' | 'away' | 'rebalance' | 'directory' | 'unclean'; readonly broker: number }
  | { readonly kind: 'register'; readonly broker: number; readonly isIntact: boolean }
  | { readonly kind: 'propose'; readonly isr: readonly number[]; readonly isLate: boolean }
  | { readonly kind: 'ask'; readonly ends: readonly number[] }
  | { readonly kind: 'alter'; readonly minimum: number; readonly flushPolicy: 'commit' | 'interval' }
  | { readonly kind: 'grow' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('fence' as const), broker }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('unfence' as const), broker }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('register' as const), broker, isIntact: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('shutdown' as const, 'away' as const, 'rebalance' as const, 'directory' as const),
      broker,
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('propose' as const), isr: fc.uniqueArray(broker), isLate: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      ends: fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 3, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('alter' as const),
      minimum: fc.integer({ min: 1, max: 3 }),
      flushPolicy: fc.constantFrom('commit' as const, 'interval' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('grow' as const) }) },
);

function take(cluster: ModelCluster, next: Step): void {
  const { image } = cluster;
  switch (next.kind) {
    case 'fence':
      cluster.fence(next.broker);
      break;
    case 'unfence':
      cluster.unfence(next.broker);
      break;
    case 'register':
      cluster.register(next.broker, { isComplete: next.isIntact });
      break;
    case 'shutdown':
      cluster.do(controlledShutdown(cluster.state, image.brokers.get(next.broker)!));
      break;
    case 'directory':
      cluster.do(failDirectory(cluster.state, image.brokers.get(next.broker)!));
      break;
    case 'away':
      cluster.do(moveLeadersAway(cluster.state, next.broker));
      break;
    case 'rebalance':
      cluster.do(rebalanceLeaders(cluster.state, [NAME]));
      break;
    case 'unclean':
      cluster.do(electLeader(cluster.state, NAME, 'unclean'));
      break;
    case 'propose':
      if (cluster.partition().leader === -1) return;
      cluster.propose(next.isr, next.isLate ? { partitionEpoch: cluster.partition().partitionEpoch - 1 } : {});
      break;
    case 'alter': {
      const operations = [
        { name: 'min.insync.replicas', operation: 'set' as const, value: String(next.minimum) },
        { name: 'log.flush.policy', operation: 'set' as const, value: next.flushPolicy },
      ];
      const context = {
        validateTopicConfigs: () => [],
        isKnownConfig: () => true,
        defaultFlushPolicy: 'commit' as const,
      };
      cluster.do(alterTopicConfigs(cluster.state, { resources: [{ type: 'topic', name: 't', operations }] }, context));
      break;
    }
    case 'grow': {
      const totalCount = image.partitionsOf(NAME.topicId).length + 1;
      cluster.do(createPartitions(cluster.state, { topics: [{ name: 't', totalCount }] }, { defaultFlushPolicy: 'commit' }));
      break;
    }
    case 'ask':
      cluster.do(
        askedElection(
          cluster.state,
          NAME,
          next.ends.map((end, brokerId) => {
            const { brokerEpoch } = image.brokers.get(brokerId)!;
            return {
              brokerId,
              brokerEpoch,
              leaderEpoch: cluster.partition().leaderEpoch,
              caughtUpEpoch: end,
              syncedEndOffset: Math.max(end, 0),
            };
          }),
        ),
      );
      break;
  }
}

function check(cluster: ModelCluster, before: PartitionRecord, next: Step): void {
  const after = cluster.partition('t', before.partition);
  const live = after.isr.filter((seat) => isLiveSeat(seat, cluster.image)).map((seat) => seat.brokerId);
  const must = (condition: boolean, what: string): void => {
    if (condition) return;
    throw new Error(`${what} after ${JSON.stringify(next)}: ${JSON.stringify(before)} became ${JSON.stringify(after)}`);
  };
  must(after === before || after.partitionEpoch === before.partitionEpoch + 1, 'S7: a change adds 1 to the partition epoch');
  must(
    after.leaderEpoch - before.leaderEpoch === (after.leader === before.leader ? 0 : 1),
    'S7: a leader change, and only that, adds 1 to the leader epoch',
  );

  must(after.isr.length > 0, 'S9: the ISR is never empty');
  must(new Set(after.isr.map((seat) => seat.brokerId)).size === after.isr.length, 'S9: one seat per member');
  must(
    after.isr.every((seat) => after.replicas.includes(seat.brokerId)),
    'S9: the ISR is within the replicas',
  );
  must(after.leader === -1 || live.includes(after.leader), 'S9: the leader is a live ISR member');
  must(after.leader !== -1 || live.length === 0 || after.mustAsk, 'a live member leads unless the replicas must be asked');
  must(
    after.leader === -1 || live.length < after.minInSyncReplicas || live.length === after.isr.length,
    'S9: kept members only below m live ones',
  );
  const isShort = (record: PartitionRecord): boolean =>
    record.isr.length < record.minInSyncReplicas && record.lastKnown.length === 0 && !record.mustAsk;
  // One that was created while brokers were away begins short; its ISR only grows until it is not.
  must(
    !isShort(after) || (isShort(before) && after.isr.length >= before.isr.length),
    'S9: at least m members unless some were not intact or it was created so',
  );
  must(
    after.lastKnown.length === 0 || after.leader === -1 || live.length < after.minInSyncReplicas,
    'R10: remembered until m live members exist',
  );

  if (next.kind === 'register' && !next.isIntact) {
    const seated = after.isr.some((seat) => seat.brokerId === next.broker);
    must(
      !seated || (after.isr.length === 1 && after.mustAsk && after.leader === -1),
      'S8: not intact means no seat, the very last one excepted',
    );
    must(!live.includes(next.broker), 'S8: not intact leads nothing');
  }
  for (const seat of after.isr) {
    const isNew = !before.isr.some((old) => old.brokerId === seat.brokerId);
    must(!isNew || next.kind === 'propose' || next.kind === 'ask', 'S8: a seat comes from catching up or from being asked');
  }
}

describe('random walks over the decisions', () => {
  it('S7, S8, S9 hold after every step; R10 and R13 decide who stays and who leads', () => {
    let elections = 0;
    let asked = 0;
    let grown = 0;
    let altered = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => {
        const cluster = threeBrokers();
        const epochs = new Set([0, 1, 2].map((brokerId) => cluster.broker(brokerId).brokerEpoch));
        for (const next of steps) {
          const before = cluster.partition();
          const partitionsBefore = cluster.image.partitionsOf(NAME.topicId);
          const brokersBefore = cluster.image.brokers;
          take(cluster, next);
          for (const record of partitionsBefore) check(cluster, record, next);
          const added = cluster.image.partitionsOf(NAME.topicId).length - partitionsBefore.length;
          if (added > 0) grown++;
          if (cluster.partition().minInSyncReplicas !== before.minInSyncReplicas) altered++;
          for (const [brokerId, record] of cluster.image.brokers) {
            if (record.brokerEpoch === brokersBefore.get(brokerId)!.brokerEpoch) continue;
            const isNew = !epochs.has(record.brokerEpoch) && record.brokerEpoch > brokersBefore.get(brokerId)!.brokerEpoch;
            if (!isNew) throw new Error(`S7: broker epoch ${record.brokerEpoch} was given before`);
            epochs.add(record.brokerEpoch);
          }
          const after = cluster.partition();
          if (after.leader !== before.leader && after.leader !== -1) elections++;
          if (before.leader === -1 && after.leader !== -1 && before.mustAsk) asked++;
        }
      }),
      { numRuns: 500 },
    );
    // The walk has to reach the rare corners, else it shows nothing.
    expect(elections).toBeGreaterThan(200);
    expect(asked).toBeGreaterThan(3);
    expect(grown).toBeGreaterThan(100);
    expect(altered).toBeGreaterThan(100);
  });
});
