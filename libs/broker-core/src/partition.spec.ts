import { allowAll, type KafkaErrorName } from '#kernel';
import type { PartitionRecord } from '#metadata';
import type { BrokerStatus, LeaderState } from '#replication';
import { LogHarness } from '../../log/src/testing/log-harness.js';
import { partitionRecord, seats } from '../../replication/src/testing/partition-record.js';
import type { BrokerState } from './broker-state.js';
import type { BrokerEvent } from './contract.js';
import { LATEST_TIMESTAMP, listOffsets } from './list-offsets.js';
import { Partition } from './partition.js';
import { partitionHost } from './testing/partition-host.js';

/** Broker 0 under broker epoch 10, with a real log on a simulated disk, among brokers 1 and 2 that are up. */
async function setUp(record: PartitionRecord = partitionRecord({ leader: -1 })) {
  const harness = await LogHarness.open();
  const log = harness.create('t', 0);
  const brokers = new Map<number, BrokerStatus>(
    [0, 1, 2].map((id) => [id, { brokerEpoch: id + 10, isFenced: false, isShuttingDown: false }]),
  );
  const events: BrokerEvent[] = [];
  const proposals: LeaderState[] = [];
  const host = partitionHost(harness, {
    status: (id) => brokers.get(id) ?? null,
    emit: (event) => events.push(event),
    proposalPending: (_partition, state) => proposals.push(state),
  });
  const partition = new Partition(host, record, log, 0);
  return {
    harness,
    log,
    brokers,
    events,
    proposals,
    host,
    partition,
    /** Leads in `leaderEpoch`, with the given partition epoch. */
    lead(leaderEpoch: number, partitionEpoch: number, changes: Partial<PartitionRecord> = {}) {
      partition.update(partitionRecord({ leader: 0, leaderEpoch, partitionEpoch, ...changes }));
    },
    fetched(id: number, end: number) {
      partition.followerFetched(partition.leader!, id, id + 10, end, end, null);
    },
    async produce(acks: 'all' | 'leader' = 'all', batch = harness.batch()): Promise<{ answers: KafkaErrorName[]; end: number }> {
      const outcome = partition.append(batch, acks === 'all');
      if (outcome.kind === 'refused') return { answers: [outcome.error], end: -1 };
      const answers: KafkaErrorName[] = [];
      const settle = (error: KafkaErrorName): void => void answers.push(error);
      if (acks === 'all') partition.whenCommitted(outcome.lastOffset + 1, settle);
      else partition.whenHeld(outcome.lastOffset + 1, settle);
      return { answers, end: outcome.lastOffset + 1 };
    },
  };
}

describe('leading', () => {
  it('R4: becoming leader notes the epoch and its start before the first append', async () => {
    const { partition, log, lead } = await setUp();
    lead(5, 8);
    expect(log.latestEpoch).toBe(5);
    expect(log.endOffsetForEpoch(5)).toEqual({ leaderEpoch: 5, endOffset: 0 });
    expect(partition.role.kind).toBe('leader');
  });

  it('R12: a seat under an earlier broker epoch does not lead, whatever the record says', async () => {
    const { partition } = await setUp();
    partition.update(
      partitionRecord({ leader: 0, leaderEpoch: 6, partitionEpoch: 9, isr: [{ brokerId: 0, brokerEpoch: 3 }, ...seats(1, 2)] }),
    );
    expect(partition.role.kind).toBe('idle');
    expect(partition.append(Buffer.alloc(0), false)).toMatchObject({ error: 'NOT_LEADER_OR_FOLLOWER' });
  });

  it('R1: acks=all is answered by the watermark passing the record, acks=1 by the leader’s own sync', async () => {
    const { harness, lead, produce, fetched } = await setUp();
    lead(5, 8);
    const all = await produce('all');
    const one = await produce('leader');
    expect(one.answers).toEqual([]);
    await harness.time.turn();
    expect(one.answers).toEqual(['NONE']);
    expect(all.answers).toEqual([]);
    fetched(1, 1);
    expect(all.answers).toEqual([]);
    fetched(2, 1);
    expect(all.answers).toEqual(['NONE']);
  });

  it('R1: with fewer than m live members acks=all is refused before the append, acks=1 is not', async () => {
    const { brokers, log, lead, produce } = await setUp();
    lead(5, 8, { isr: seats(0, 1) });
    brokers.set(1, { brokerEpoch: 11, isFenced: true, isShuttingDown: false });
    expect((await produce('all')).answers).toEqual(['NOT_ENOUGH_REPLICAS']);
    expect(log.logEndOffset).toBe(0);
    expect((await produce('leader')).end).toBe(1);
  });

  it('R26: a retry of what is stored is answered with its offset even while too few members are live, and only once the watermark passed it', async () => {
    const { harness, brokers, partition, log, lead, fetched } = await setUp();
    lead(5, 8);
    const batch = (): Buffer => harness.batch(2, { producerId: 4, sequence: 0 });
    expect(partition.append(batch(), true)).toMatchObject({ baseOffset: 0, lastOffset: 1, isDuplicate: false });
    await harness.time.turn();
    brokers.set(1, { brokerEpoch: 11, isFenced: true, isShuttingDown: false });
    brokers.set(2, { brokerEpoch: 12, isFenced: true, isShuttingDown: false });
    expect(partition.append(batch(), true)).toMatchObject({ kind: 'stored', baseOffset: 0, lastOffset: 1, isDuplicate: true });
    expect(log.logEndOffset).toBe(2);
    const answers: KafkaErrorName[] = [];
    partition.whenCommitted(2, (error) => answers.push(error));
    expect(answers).toEqual([]);
    brokers.set(1, { brokerEpoch: 11, isFenced: false, isShuttingDown: false });
    fetched(1, 2);
    fetched(2, 2);
    expect(answers).toEqual(['NONE']);
  });
});

describe('after an election', () => {
  it('R7: the latest offset is not available until the watermark reached the start of the epoch', async () => {
    const { harness, partition, lead, fetched, produce } = await setUp();
    lead(5, 8);
    await produce('leader');
    await harness.time.turn();
    // Led again in a later epoch: the record may have been read by consumers, yet this watermark does not know it.
    lead(6, 9);
    expect(partition.highWatermark).toBe(0);
    const broker = { authorizer: allowAll, partition: () => partition } as unknown as BrokerState;
    const latest = async () => {
      const partitions = [{ topic: 't', partition: 0, timestamp: LATEST_TIMESTAMP, currentLeaderEpoch: -1 }];
      const { error, offset } = (await listOffsets(broker, {} as never, { partitions } as never)).partitions[0]!;
      return error === 'NONE' ? offset : error;
    };
    expect(await latest()).toBe('OFFSET_NOT_AVAILABLE');
    fetched(1, 1);
    expect(await latest()).toBe('OFFSET_NOT_AVAILABLE');
    fetched(2, 1);
    expect(await latest()).toBe(1);
  });
});

describe('leaving leadership', () => {
  it('R23: what waits is failed before the next role begins, and a watermark learned as follower answers nothing', async () => {
    const { harness, partition, lead, produce, events } = await setUp();
    lead(5, 8);
    const waiting = await produce('all');
    const order: string[] = [];
    partition.whenCommitted(1, (error) => order.push(`${error} as ${partition.role.kind}`));
    await harness.time.turn();
    partition.update(partitionRecord({ leader: 1, leaderEpoch: 6, partitionEpoch: 9 }));
    expect(waiting.answers).toEqual(['NOT_LEADER_OR_FOLLOWER']);
    expect(order).toEqual(['NOT_LEADER_OR_FOLLOWER as idle']);
    partition.learnHighWatermark(1);
    expect(waiting.answers).toEqual(['NOT_LEADER_OR_FOLLOWER']);
    expect(events.map((event) => event.kind)).toEqual(['became-leader', 'became-follower']);
  });

  it('R23: a new epoch of one’s own leadership fails what the old epoch accepted', async () => {
    const { harness, lead, produce } = await setUp();
    lead(5, 8);
    const waiting = await produce('all');
    await harness.time.turn();
    lead(6, 9);
    expect(waiting.answers).toEqual(['NOT_LEADER_OR_FOLLOWER']);
  });

  it('R17: a record of an older partition epoch changes nothing', async () => {
    const { partition, lead } = await setUp();
    lead(6, 9);
    partition.update(partitionRecord({ leader: 1, leaderEpoch: 5, partitionEpoch: 8 }));
    expect(partition.role.kind).toBe('leader');
  });

  it('R19: after the promise of an asking election it neither leads nor follows in a lower epoch', async () => {
    const { partition, lead } = await setUp();
    lead(5, 8);
    partition.promise(7);
    expect(partition.role.kind).toBe('idle');
    lead(6, 9);
    expect(partition.role.kind).toBe('idle');
    lead(7, 10);
    expect(partition.role.kind).toBe('leader');
  });
});

describe('following', () => {
  it('R6: a truncation below the watermark stops the replica and deletes nothing', async () => {
    const { harness, partition, log, lead, fetched } = await setUp();
    lead(5, 8);
    await harness.append(5, [1, 1, 1]);
    fetched(1, 3);
    fetched(2, 3);
    expect(partition.highWatermark).toBe(3);
    partition.update(partitionRecord({ leader: 1, leaderEpoch: 6, partitionEpoch: 9 }));
    partition.truncate(2);
    expect(partition.role).toMatchObject({ kind: 'failed' });
    expect(log.logEndOffset).toBe(3);
  });

  it('R13: after an election that may have lost records the same truncation is carried out', async () => {
    const { harness, partition, log, lead, fetched } = await setUp();
    lead(5, 8);
    await harness.append(5, [1, 1, 1]);
    fetched(1, 3);
    fetched(2, 3);
    partition.update(partitionRecord({ leader: 1, leaderEpoch: 6, partitionEpoch: 9, possibleLoss: true }));
    partition.truncate(2);
    expect(log.logEndOffset).toBe(2);
    expect(partition.highWatermark).toBe(2);
  });

  it('R13: a compacted replica starts over where the newer value goes and the older one is compacted away', async () => {
    const { harness, partition, log, lead, fetched } = await setUp();
    log.updateConfig({ ...log.config, cleanupPolicy: 'compact', segmentBytes: 300 });
    lead(5, 8);
    for (const value of ['1', 'x'.repeat(200), '2', 'y'.repeat(200)]) {
      expect(log.appendAsLeader(harness.keyed([[value.length === 1 ? 'group' : 'other', value]]), 5)).toMatchObject({ kind: 'appended' });
      await harness.time.turn();
    }
    fetched(1, 4);
    fetched(2, 4);
    while (await harness.drive(harness.cleaner().cleanOnce()));
    expect((await harness.records())[0]).not.toBe('0:group=1');
    // The new leader holds two records; of `group` it has the first value, and this replica none.
    partition.update(partitionRecord({ leader: 1, leaderEpoch: 6, partitionEpoch: 9, isr: seats(1), possibleLoss: true }));
    partition.truncate(2);
    expect([log.logStartOffset, log.logEndOffset, partition.highWatermark]).toEqual([0, 0, 0]);
  });

  it('R3: what lies above the watermark goes when epochs diverge, and is counted', async () => {
    const { harness, partition, log, lead, host } = await setUp();
    lead(5, 8);
    await harness.append(5, [1, 1]);
    partition.update(partitionRecord({ leader: 1, leaderEpoch: 6, partitionEpoch: 9 }));
    partition.truncate(1);
    expect(log.logEndOffset).toBe(1);
    expect(host.counters.truncations).toBe(1);
  });

  it('a watermark is never learned beyond what is here', async () => {
    const { harness, partition, log } = await setUp(partitionRecord({ leader: 1 }));
    partition.update(partitionRecord({ leader: 1, leaderEpoch: 5, partitionEpoch: 8 }));
    await harness.time.turn();
    partition.learnHighWatermark(50);
    expect(partition.highWatermark).toBe(log.logEndOffset);
  });
});

describe('failure', () => {
  it('R16: a failed sync fails what waits as a storage error and the replica serves nothing more', async () => {
    const { harness, partition, lead, produce } = await setUp();
    lead(5, 8);
    harness.disk.injectFault({ kinds: ['sync'], code: 'EIO' });
    const waiting = await produce('all');
    await harness.time.turn();
    expect(waiting.answers).toEqual(['KAFKA_STORAGE_ERROR']);
    expect(partition.role.kind).toBe('failed');
    expect((await produce('leader')).answers).toEqual(['KAFKA_STORAGE_ERROR']);
  });
});
