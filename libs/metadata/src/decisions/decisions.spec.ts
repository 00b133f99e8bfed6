import type { IsrMember } from '../records.js';
import { ModelCluster, registrationOf, threeBrokers } from '../testing/model-cluster.js';
import { allocateProducerIds, PRODUCER_ID_BLOCK } from './allocate-producer-ids.js';
import { alterPartition, GREY_LEADER_REPLACEMENT_INTERVAL_MS } from './alter-partition.js';
import { askedElection } from './asked-election.js';
import { controlledShutdown, failDirectory, fenceBroker, markComplete } from './broker-state.js';
import { createTopics } from './create-topics.js';
import { deleteTopics } from './delete-topics.js';
import { electLeader, moveLeadersAway, rebalanceLeaders } from './elect-leaders.js';
import { MAX_PARTITIONS_PER_TOPIC } from './place-replicas.js';
import { registerBroker } from './register-broker.js';

const NAME = { topicId: 'id-t', partition: 0 };

/** Each step is `action → the partition afterwards`. Actions: fence N, up N, register N [not intact], isr a,b. */
function play(cluster: ModelCluster, script: string): void {
  for (const line of script.trim().split('\n')) {
    const [action, expected] = line.split('→').map((part) => part.trim()) as [string, string];
    const [verb, argument = ''] = action.split(' ');
    if (verb === 'fence') cluster.fence(Number(argument));
    else if (verb === 'unfence') cluster.unfence(Number(argument));
    else if (verb === 'up') cluster.up(Number(argument));
    else if (verb === 'register') cluster.register(Number(argument), action.includes('not intact') ? { isComplete: false } : {});
    else if (verb === 'isr') cluster.propose(argument.split(',').map(Number));
    else if (verb !== 'start') throw new Error(`unknown action ${action}`);
    expect(`${action} → ${cluster.show()}`).toBe(`${action} → ${expected}`);
  }
}

describe('leaders and seats', () => {
  it('R10: the ISR shrinks to m and no further; who is below stays as a kept member and may lead again', () => {
    play(
      threeBrokers(),
      `
      start     → leader 0 le 0 pe 0 live 0,1,2 kept none
      fence 0   → leader 1 le 1 pe 1 live 1,2 kept none
      fence 1   → leader 2 le 2 pe 2 live 2 kept 1
      fence 2   → leader -1 le 3 pe 3 live none kept 1,2
      up 0      → leader -1 le 3 pe 3 live none kept 1,2
      up 1      → leader 1 le 4 pe 5 live 1 kept 2
      isr 0,1,2 → leader 1 le 4 pe 6 live 0,1 kept none
      up 2      → leader 1 le 4 pe 6 live 0,1 kept none
      isr 0,1,2 → leader 1 le 4 pe 7 live 0,1,2 kept none
    `,
    );
  });

  it('R10: a member that is not intact leaves even below m and is remembered until m live members exist', () => {
    play(
      threeBrokers(),
      `
      fence 2               → leader 0 le 0 pe 1 live 0,1 kept none
      fence 1               → leader 0 le 0 pe 1 live 0 kept 1
      register 1 not intact → leader 0 le 0 pe 2 live 0 kept none last 1
      unfence 1             → leader 0 le 0 pe 2 live 0 kept none last 1
      isr 0,1               → leader 0 le 0 pe 3 live 0,1 kept none
    `,
    );
  });

  it('R12: registering again raises the leader epoch where it led and stamps its seats with the new broker epoch', () => {
    const cluster = threeBrokers();
    const before = cluster.broker(0).brokerEpoch;
    cluster.register(0);
    expect(cluster.broker(0).brokerEpoch).toBeGreaterThan(before);
    expect(cluster.show()).toBe('leader 1 le 1 pe 1 live 1,2 kept none');

    const alone = threeBrokers({ assignments: [[0]] });
    alone.register(0);
    expect(alone.show()).toBe('leader -1 le 1 pe 1 live none kept 0');
    expect(alone.partition().isr).toEqual([{ brokerId: 0, brokerEpoch: alone.broker(0).brokerEpoch }]);
    alone.unfence(0);
    expect(alone.show()).toBe('leader 0 le 2 pe 2 live 0 kept none');
  });

  it('R13: after all three are killed any intact member of the recorded ISR leads as soon as it registered', () => {
    play(
      threeBrokers(),
      `
      fence 0    → leader 1 le 1 pe 1 live 1,2 kept none
      register 1 → leader 2 le 2 pe 2 live 2 kept 1
      register 2 → leader -1 le 3 pe 3 live none kept 1,2
      unfence 2  → leader 2 le 4 pe 4 live 2 kept 1
    `,
    );
  });

  it('R13: with no intact member left nobody leads until every remembered member reported; then the highest, as possible loss', () => {
    const cluster = threeBrokers();
    play(
      cluster,
      `
      fence 0               → leader 1 le 1 pe 1 live 1,2 kept none
      fence 1               → leader 2 le 2 pe 2 live 2 kept 1
      fence 2               → leader -1 le 3 pe 3 live none kept 1,2
      register 2 not intact → leader -1 le 3 pe 4 live none kept 1 last 2
      register 1 not intact → leader -1 le 3 pe 5 live none kept 1 last 2,1 must ask
      unfence 1             → leader -1 le 3 pe 5 live none kept 1 last 2,1 must ask
      up 0                  → leader -1 le 3 pe 5 live none kept 1 last 2,1 must ask
    `,
    );
    const position = (brokerId: number, caughtUpEpoch: number, syncedEndOffset: number) => {
      return { brokerId, brokerEpoch: cluster.broker(brokerId).brokerEpoch, leaderEpoch: 3, caughtUpEpoch, syncedEndOffset };
    };
    const elect = (...positions: ReturnType<typeof position>[]) => cluster.do(askedElection(cluster.state, NAME, positions));
    expect(elect(position(1, 2, 50), position(0, 0, 900)).waitingFor).toMatch('brokers 2');
    expect(elect(position(1, 2, 50), { ...position(2, 2, 70), leaderEpoch: 2 }).waitingFor).toMatch('brokers 2');
    expect(elect(position(1, 2, 50), { ...position(2, 2, 70), brokerEpoch: 1 }).waitingFor).toMatch('brokers 2');
    expect(elect(position(1, -1, 0), position(2, -1, 0)).waitingFor).toMatch('empty disks');
    // A long log of an old epoch is worth less than a short one of the last.
    expect(elect(position(0, 0, 900), position(1, 2, 50), position(2, 2, 70)).waitingFor).toMatch('broker 2');
    cluster.unfence(2);
    expect(elect(position(0, 0, 900), position(1, 2, 50), position(2, 2, 70))).toEqual({ winner: 2, waitingFor: null });
    play(
      cluster,
      `
      start     → leader 2 le 4 pe 6 live 2 kept none last 2,1 must ask possible loss
      isr 0,2   → leader 2 le 4 pe 7 live 0,2 kept none possible loss
    `,
    );
  });

  it('R13: the seat of the first that comes back is not given up for brokers that nobody heard', () => {
    const comeBack = (isHeard: boolean) => {
      const cluster = threeBrokers();
      const { brokerEpoch } = cluster.broker(2);
      cluster.do(registerBroker(cluster.state, registrationOf(cluster, 2), { isOldIncarnationGone: true, isHeard: () => isHeard }));
      expect(cluster.broker(2).brokerEpoch).toBeGreaterThan(brokerEpoch);
      return cluster.partition().isr.map((seat) => seat.brokerId);
    };
    expect(comeBack(true)).toEqual([0, 1]);
    expect(comeBack(false)).toEqual([0, 1, 2]);
  });

  it('R19: after the store was lost RF - m + 1 intact replicas must answer; what is not intact or not asked does not count', () => {
    const cluster = threeBrokers();
    cluster.register(2, { isComplete: false });
    cluster.unfence(2);
    cluster.commit([{ ...cluster.partition(), leader: -1, leaderEpoch: 7, partitionEpoch: 7, mustAsk: true }]);
    const position = (brokerId: number, caughtUpEpoch: number, syncedEndOffset: number, leaderEpoch = 7) => {
      return { brokerId, brokerEpoch: cluster.broker(brokerId).brokerEpoch, leaderEpoch, caughtUpEpoch, syncedEndOffset };
    };
    const decide = (...positions: ReturnType<typeof position>[]) => askedElection(cluster.state, NAME, positions);
    expect(decide(position(0, 3, 10)).response.waitingFor).toMatch('2 intact replicas; 1 came');
    expect(decide(position(0, 3, 10), position(2, 6, 99)).response.waitingFor).toMatch('2 intact replicas; 1 came');
    expect(decide(position(0, 3, 10), position(1, 3, 10, 6)).response.waitingFor).toMatch('2 intact replicas; 1 came');
    expect(decide(position(0, 3, 10), position(1, 2, 90), position(2, 6, 99)).response.winner).toBe(0);
    cluster.do(decide(position(0, 3, 10), position(1, 3, 11)));
    expect(cluster.show()).toBe('leader 1 le 8 pe 8 live 1 kept none must ask');
    cluster.fence(1);
    expect(cluster.show()).toBe('leader -1 le 9 pe 9 live none kept 1 must ask');
    cluster.commit([{ ...cluster.partition(), leaderEpoch: 7 }]);
    cluster.up(1);
    // Equals share the new ISR; with m of them nobody has to be asked again.
    cluster.do(decide(position(0, 3, 10), position(1, 3, 10)));
    expect(cluster.show()).toMatch(/^leader 0 le 8 pe \d+ live 0,1 kept none$/);
  });

  it('R14: a new directory, a directory that was put back, a lost folder: the seat goes; interval mode needs the page cache', () => {
    const seats = (changes: Parameters<ModelCluster['register']>[1], policy: 'commit' | 'interval' = 'commit') => {
      const cluster = threeBrokers({ configs: { 'log.flush.policy': policy } });
      cluster.register(2, changes);
      return cluster.propose([0, 1]).current!.isr.some((seat) => seat.brokerId === 2) || cluster.broker(2).isIntact;
    };
    const kept = (changes: Parameters<ModelCluster['register']>[1], policy: 'commit' | 'interval' = 'commit') => {
      // With one other member live, an intact seat is kept and one that is not intact is not.
      const cluster = threeBrokers({ configs: { 'log.flush.policy': policy } });
      cluster.fence(1);
      cluster.register(2, changes);
      return cluster.partition().isr.some((seat) => seat.brokerId === 2);
    };
    expect(kept({})).toBe(true);
    expect(kept({ directoryId: 'another' })).toBe(false);
    expect(kept({ isBlank: true })).toBe(false);
    expect(kept({ storedBrokerEpoch: 0 })).toBe(false);
    expect(kept({ isComplete: false })).toBe(false);
    expect(kept({ lostPartitions: [NAME] })).toBe(false);
    expect(kept({ lostPartitions: [{ topicId: 'id-t', partition: 1 }] })).toBe(true);
    expect(kept({ isSameBoot: false })).toBe(true);
    expect(kept({ isSameBoot: false }, 'interval')).toBe(false);
    expect(kept({ isSameBoot: false, wasCleanShutdown: true }, 'interval')).toBe(true);
    expect(seats({ directoryId: 'another' })).toBe(false);
  });

  it('R14: the sole member with an empty disk stays offline', () => {
    const cluster = threeBrokers({ assignments: [[0]] });
    cluster.register(0, { directoryId: 'another', isBlank: true });
    cluster.unfence(0);
    expect(cluster.show()).toBe('leader -1 le 1 pe 1 live none kept 0 last 0 must ask');
    const empty = { brokerId: 0, brokerEpoch: cluster.broker(0).brokerEpoch, leaderEpoch: 1, caughtUpEpoch: -1, syncedEndOffset: 0 };
    expect(cluster.do(askedElection(cluster.state, NAME, [empty])).winner).toBeNull();
    expect(cluster.do(electLeader(cluster.state, NAME, 'unclean', [empty])).error).toBe('NONE');
    expect(cluster.show()).toBe('leader 0 le 2 pe 2 live 0 kept none possible loss');
  });

  it('R16: a failed directory costs every seat on it, as a lost disk does', () => {
    const cluster = threeBrokers();
    cluster.do(failDirectory(cluster.state, cluster.broker(0)));
    expect(cluster.show()).toBe('leader 1 le 1 pe 1 live 1,2 kept none');
    expect(cluster.broker(0)).toMatchObject({ isFenced: true, isIntact: false });
    expect(failDirectory(cluster.state, cluster.broker(0)).records).toEqual([]);
  });

  it('R22: a stalling disk loses its leaders where another live member exists, and keeps its seats', () => {
    const cluster = threeBrokers();
    cluster.do(moveLeadersAway(cluster.state, 0));
    expect(cluster.show()).toBe('leader 1 le 1 pe 1 live 0,1,2 kept none');
  });

  it('leadership goes back to the preferred replica once all replicas are live members', () => {
    const cluster = threeBrokers();
    cluster.fence(0);
    cluster.up(0);
    expect(rebalanceLeaders(cluster.state, [NAME]).records).toEqual([]);
    cluster.propose([0, 1, 2]);
    cluster.do(rebalanceLeaders(cluster.state, [NAME]));
    expect(cluster.show()).toBe('leader 0 le 2 pe 3 live 0,1,2 kept none');
    expect(electLeader(cluster.state, NAME, 'unclean').response.error).toBe('INVALID_REQUEST');
  });
});

describe('registration', () => {
  it('R11: a broker epoch per start, rising; the old incarnation must be fenced or gone first', () => {
    const cluster = threeBrokers();
    const { brokerEpoch } = cluster.broker(1);
    expect(cluster.register(1, {}, false)).toMatchObject({ error: 'DUPLICATE_BROKER_REGISTRATION', brokerEpoch: -1 });
    cluster.fence(1);
    const again = cluster.register(1, {}, false);
    expect(again.error).toBe('NONE');
    expect(again.brokerEpoch).toBeGreaterThan(brokerEpoch);
    expect(cluster.broker(1)).toMatchObject({ isFenced: true, lastUnfencedEpoch: brokerEpoch });
    expect(cluster.do(fenceBroker(cluster.state, { brokerId: 1, brokerEpoch })).error).toBe('STALE_BROKER_EPOCH');
  });

  it('R11: a repeat whose answer was lost gets the same epoch; a process that acted under one gets a new one', () => {
    const cluster = new ModelCluster();
    const first = cluster.register(0, { incarnationId: 'x' });
    expect(cluster.register(0, { incarnationId: 'x', storedBrokerEpoch: -1, clusterId: null }).brokerEpoch).toBe(first.brokerEpoch);
    cluster.unfence(0);
    expect(cluster.register(0, { incarnationId: 'x' }, false).brokerEpoch).toBeGreaterThan(first.brokerEpoch);
  });

  it('R14: a repeat that has more to confess is judged anew', () => {
    const cluster = threeBrokers();
    for (const brokerId of [0, 1, 2]) cluster.fence(brokerId);
    expect(cluster.show()).toContain('live none kept 1,2');
    const { lastUnfencedEpoch } = cluster.broker(1);
    const repeat = { incarnationId: 'x', storedBrokerEpoch: lastUnfencedEpoch };
    const first = cluster.register(1, repeat);
    expect(cluster.register(1, repeat).brokerEpoch).toBe(first.brokerEpoch);
    const lost = [{ topicId: 'id-t', partition: 0 }];
    expect(cluster.register(1, { ...repeat, lostPartitions: lost }).brokerEpoch).toBeGreaterThan(first.brokerEpoch);
    expect(cluster.show()).toContain('live none kept 2 last 1');
  });

  it('refuses the data of another cluster with a way out', () => {
    const refused = new ModelCluster().register(0, { clusterId: 'other' });
    expect(refused.error).toBe('INCONSISTENT_CLUSTER_ID');
    expect(refused.message).toMatch(/other.*cluster-1.*empty data folder/);
  });

  it('R12: a start that died before it was unfenced does not cost the seat', () => {
    const cluster = threeBrokers();
    cluster.fence(1);
    cluster.register(2);
    cluster.register(2);
    expect(cluster.partition().isr.map((seat) => seat.brokerId)).toEqual([0, 2]);
  });

  it('not intact stands until the broker says that it is complete again', () => {
    const cluster = threeBrokers();
    cluster.register(2, { isComplete: false });
    cluster.unfence(2);
    expect(cluster.broker(2).isIntact).toBe(false);
    cluster.do(markComplete(cluster.state, cluster.broker(2)));
    expect(cluster.broker(2).isIntact).toBe(true);
  });
});

describe('ISR changes', () => {
  it('R9: is a compare-and-set, checked in this order', () => {
    const cluster = threeBrokers();
    cluster.fence(2);
    cluster.up(2);
    const stale: IsrMember = { brokerId: 2, brokerEpoch: 1 };
    const cases: [string, Parameters<ModelCluster['propose']>[1]][] = [
      ['STALE_BROKER_EPOCH', { brokerEpoch: 99, leaderEpoch: 99 }],
      ['UNKNOWN_TOPIC_ID', { topicId: 'id-x', leaderEpoch: 99 }],
      ['NOT_CONTROLLER', { leaderEpoch: 99, partitionEpoch: 0 }],
      ['NOT_CONTROLLER', { leaderEpoch: -1, partitionEpoch: 99 }],
      ['FENCED_LEADER_EPOCH', { leaderEpoch: -1, brokerId: 1, brokerEpoch: cluster.broker(1).brokerEpoch }],
      ['INVALID_REQUEST', { brokerId: 1, brokerEpoch: cluster.broker(1).brokerEpoch, partitionEpoch: 0 }],
      ['INVALID_UPDATE_VERSION', { partitionEpoch: 0, isr: [] }],
      ['INVALID_REQUEST', { isr: [] }],
      ['INVALID_REQUEST', { isr: [{ brokerId: 7, brokerEpoch: 1 }, stale] }],
      ['INVALID_REQUEST', { isr: [{ brokerId: 1, brokerEpoch: cluster.broker(1).brokerEpoch }, stale] }],
    ];
    for (const [error, changes] of cases) {
      const before = cluster.image;
      expect([error, cluster.propose([0, 1, 2], changes).error]).toEqual([error, error]);
      expect(cluster.image).toBe(before);
    }
    expect(cluster.propose([0, 1], { isr: [...cluster.partition().isr, stale] }).error).toBe('INELIGIBLE_REPLICA');
  });

  it('R9: a request that is newer than mine makes this coordinator step down', () => {
    const cluster = threeBrokers();
    const { topicId, partition, isr, leaderEpoch } = cluster.partition();
    const command = { ...cluster.broker(0), topicId, partition, isr, leaderEpoch, partitionEpoch: 5 };
    const decision = alterPartition(cluster.state, command, { now: 0, greyReplacementAt: null });
    expect(decision).toMatchObject({
      records: [],
      response: { error: 'NOT_CONTROLLER' },
      stepDown: expect.stringContaining('partition epoch 5'),
    });
  });

  it('R9: INELIGIBLE_REPLICA commits PE + 1 with the ISR unchanged, and delayed copies of the proposal die of it', () => {
    const cluster = threeBrokers();
    cluster.fence(2);
    const proposal = { partitionEpoch: cluster.partition().partitionEpoch };
    expect(cluster.propose([0, 1, 2], proposal).error).toBe('INELIGIBLE_REPLICA');
    expect(cluster.show()).toBe('leader 0 le 0 pe 2 live 0,1 kept none');
    cluster.up(2);
    expect(cluster.propose([0, 1, 2], proposal).error).toBe('INVALID_UPDATE_VERSION');
    expect(cluster.propose([0, 1, 2]).error).toBe('NONE');
  });

  it('R9: a fenced member is ineligible when added, not when a kept one is merely still listed; it goes once m live ones are in', () => {
    const cluster = threeBrokers();
    cluster.fence(2);
    cluster.fence(1);
    cluster.up(2);
    const result = cluster.propose([0, 1, 2]);
    expect(result.error).toBe('NONE');
    expect(result.current!.isr.map((seat) => seat.brokerId)).toEqual([0, 2]);
  });

  it('R10: a shrink below m is refused; a grey leader is replaced by another live member, at most every 10 s', () => {
    const cluster = threeBrokers();
    expect(cluster.propose([0, 2]).error).toBe('NONE');
    const late = { now: GREY_LEADER_REPLACEMENT_INTERVAL_MS - 1, greyReplacementAt: 0 };
    expect(cluster.propose([0], {}, late).error).toBe('INELIGIBLE_REPLICA');
    expect(cluster.show()).toBe('leader 0 le 0 pe 2 live 0,2 kept none');
    const replaced = cluster.propose([0], {}, { now: GREY_LEADER_REPLACEMENT_INTERVAL_MS, greyReplacementAt: 0 });
    expect(replaced).toMatchObject({ error: 'FENCED_LEADER_EPOCH', isGreyReplacement: true });
    expect(cluster.show()).toBe('leader 2 le 1 pe 3 live 0,2 kept none');
  });
});

describe('shutdown', () => {
  it('R28: one slot; leaders and seats move; refused while a partition would fall below m; RF <= m is exempt', () => {
    const cluster = threeBrokers();
    cluster.create({ name: 'single', assignments: [[1]] });
    cluster.create({ name: 'strict', assignments: [[1, 2]], configs: { 'min.insync.replicas': '2' } });
    const shutDown = (brokerId: number) => cluster.do(controlledShutdown(cluster.state, cluster.broker(brokerId)));
    expect(shutDown(1).error).toBe('NONE');
    expect(shutDown(1).error).toBe('NONE');
    expect(cluster.show()).toBe('leader 0 le 0 pe 1 live 0,2 kept none');
    expect(cluster.show('single')).toBe('leader -1 le 1 pe 1 live none kept 1');
    expect(cluster.show('strict')).toBe('leader 2 le 1 pe 1 live 2 kept 1');
    expect(shutDown(0)).toMatchObject({ error: 'REQUEST_TIMED_OUT', message: expect.stringContaining('broker 1') });
    cluster.fence(1);
    expect(shutDown(0)).toMatchObject({ error: 'NOT_ENOUGH_REPLICAS', message: expect.stringContaining('t-0') });
    cluster.up(1);
    expect(cluster.broker(1).isShuttingDown).toBe(false);
    expect(cluster.show('strict')).toBe('leader 2 le 1 pe 2 live 1,2 kept none');
    cluster.propose([0, 1, 2]);
    expect(shutDown(0).error).toBe('NONE');
    expect(cluster.show()).toBe('leader 1 le 1 pe 3 live 1,2 kept none');
  });
});

describe('topics', () => {
  const cluster = () => new ModelCluster().up(0, 1, 2);

  it('default: three partitions would go around the brokers, RF min(3, registered), m 2', () => {
    const three = cluster();
    expect(three.create({ name: 't', partitions: 4 })).toMatchObject({ error: 'NONE', partitions: 4, replicationFactor: 3 });
    expect([0, 1, 2, 3].map((index) => three.partition('t', index).replicas)).toEqual([
      [0, 1, 2],
      [1, 2, 0],
      [2, 0, 1],
      [0, 2, 1],
    ]);
    expect(three.partition().minInSyncReplicas).toBe(2);
    const one = new ModelCluster([0]).up(0);
    expect(one.create({ name: 't' }).replicationFactor).toBe(1);
    expect(one.partition().minInSyncReplicas).toBe(1);
  });

  it('fenced brokers count for the replication factor and get replicas, but no seat', () => {
    const three = cluster();
    three.fence(0);
    expect(three.create({ name: 't' }).replicationFactor).toBe(3);
    expect(three.show()).toBe('leader 1 le 0 pe 0 live 1,2 kept none');
    expect(three.create({ name: 'one', replicationFactor: 1, partitions: 3 }).error).toBe('NONE');
    expect([0, 1, 2].map((index) => three.partition('one', index).leader)).toEqual([1, 2, 1]);
  });

  it('refuses with what was wrong', () => {
    const three = cluster();
    three.create({ name: 'taken' });
    const cases: [Parameters<ModelCluster['create']>[0], string][] = [
      [{ name: '../x' }, 'INVALID_TOPIC_EXCEPTION'],
      [{ name: 'taken' }, 'TOPIC_ALREADY_EXISTS'],
      [{ name: 't', partitions: 0 }, 'INVALID_PARTITIONS'],
      [{ name: 't', partitions: MAX_PARTITIONS_PER_TOPIC + 1 }, 'INVALID_PARTITIONS'],
      [{ name: 't', replicationFactor: 4 }, 'INVALID_REPLICATION_FACTOR'],
      [{ name: 't', replicationFactor: 0 }, 'INVALID_REPLICATION_FACTOR'],
      [{ name: 't', assignments: [[0, 0]] }, 'INVALID_REPLICA_ASSIGNMENT'],
      [{ name: 't', assignments: [[0], [1, 2]] }, 'INVALID_REPLICA_ASSIGNMENT'],
      [{ name: 't', assignments: [[9]] }, 'INVALID_REPLICA_ASSIGNMENT'],
      [{ name: 't', assignments: [[]] }, 'INVALID_REPLICA_ASSIGNMENT'],
      [{ name: 't', assignments: [[0]], partitions: 1 }, 'INVALID_REQUEST'],
    ];
    for (const [topic, error] of cases) {
      const result = three.create(topic);
      expect([topic, result.error]).toEqual([topic, error]);
      expect(result.message).toBeTruthy();
    }
    three.fence(2);
    expect(three.create({ name: 't', assignments: [[2]] }).error).toBe('INVALID_REPLICATION_FACTOR');
    expect(three.image.topicsByName.size).toBe(1);
  });

  it('internal topics wait for the configured brokers; validate-only and bad configs commit nothing; twins are refused', () => {
    const two = new ModelCluster().up(0, 1);
    expect(two.create({ name: '__consumer_offsets' }).message).toMatch('brokers 2');
    const context = {
      defaults: { partitions: 1, replicationFactor: -1, flushPolicy: 'commit' as const },
      validateTopicConfigs: (configs: Readonly<Record<string, string>>) =>
        Object.keys(configs).map((name) => ({ name, reason: `no ${name}` })),
      newTopicId: () => 'id',
      randomInteger: () => 0,
    };
    const decide = (topics: Parameters<ModelCluster['create']>[0][], validateOnly = false) =>
      createTopics(two.state, { topics, validateOnly }, context);
    expect(decide([{ name: 'a' }], true)).toMatchObject({
      records: [],
      response: { topics: [{ error: 'NONE', topicId: '', partitions: 1 }] },
    });
    expect(decide([{ name: 'a', configs: { x: '1' } }]).response.topics[0]).toMatchObject({ error: 'INVALID_CONFIG', message: 'no x' });
    expect(decide([{ name: 'a' }, { name: 'a' }])).toMatchObject({ records: [], response: { topics: [{ error: 'INVALID_REQUEST' }] } });
    two.up(2);
    expect(decide([{ name: '__consumer_offsets' }]).response.topics[0]).toMatchObject({ error: 'INVALID_TOPIC_EXCEPTION' });
    two.create({ name: '__consumer_offsets' });
    const { topics } = two.do(deleteTopics(two.state, { topics: [{ name: '__consumer_offsets' }, { topicId: 'id-__consumer_offsets' }] }));
    expect(topics.map((topic) => topic.error)).toEqual(['INVALID_TOPIC_EXCEPTION', 'INVALID_TOPIC_EXCEPTION']);
    expect(two.image.topicsByName.has('__consumer_offsets')).toBe(true);
  });

  it('deletes by name or id and remembers it', () => {
    const three = cluster();
    three.create({ name: 'a' });
    three.create({ name: 'b' });
    const { topics } = three.do(
      deleteTopics(three.state, { topics: [{ name: 'a' }, { topicId: 'id-b' }, { name: 'c' }, { topicId: 'id-c' }] }),
    );
    expect(topics.map((topic) => topic.error)).toEqual(['NONE', 'NONE', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID']);
    expect([...three.image.deletedTopics.keys()]).toEqual(['id-a', 'id-b']);
    expect(three.image.topicsById.size).toBe(0);
    expect(three.image.partitionsOf('id-a')).toEqual([]);
  });

  it('R19: producer ids come in blocks that are never given twice', () => {
    const three = cluster();
    const first = three.do(allocateProducerIds(three.state, three.broker(0)));
    const second = three.do(allocateProducerIds(three.state, three.broker(1)));
    expect(second.firstProducerId).toBe(first.firstProducerId + PRODUCER_ID_BLOCK);
    expect(three.do(allocateProducerIds(three.state, { brokerId: 0, brokerEpoch: 999 })).error).toBe('STALE_BROKER_EPOCH');
  });
});
