import { YakError } from '#kernel';
import { crc32c, RecordBatchBuilder, recordBatch } from '#record';
import type { ConsumedRecord, Consumer, ConsumerConfig, LeaderChange } from './contract.js';
import { FakeCluster } from './testing/fake-cluster.js';

const codeOf = (error: unknown) => (error instanceof YakError ? error.code : String(error));

/** One stored batch per list, values as given, timestamps 1000 per offset. */
function store(cluster: FakeCluster, partition: number, ...batches: string[][]): void {
  const target = cluster.partition('t', partition);
  for (const values of batches) {
    const builder = new RecordBatchBuilder();
    for (const [i, value] of values.entries()) {
      builder.append({ timestamp: (target.endOffset + i) * 1000, key: null, value: Buffer.from(value) });
    }
    target.append(builder.build());
  }
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => String(from + i));
}

async function readAll(consumer: Consumer): Promise<ConsumedRecord[]> {
  const records: ConsumedRecord[] = [];
  for await (const batch of consumer) records.push(...batch);
  return records;
}

/** Takes records until there are `count`. */
async function take(consumer: Consumer, count: number): Promise<ConsumedRecord[]> {
  const iterator = consumer[Symbol.asyncIterator]();
  const records: ConsumedRecord[] = [];
  while (records.length < count) {
    const { done, value } = await iterator.next();
    if (done) break;
    records.push(...value);
  }
  return records;
}

const values = (records: readonly ConsumedRecord[], partition = 0) =>
  records.filter((record) => record.partition === partition).map((record) => record.value!.toString());

async function started(
  seed: number,
  partitions = 1,
): Promise<{ cluster: FakeCluster; consumer: (config?: Partial<ConsumerConfig>) => Consumer }> {
  const cluster = await FakeCluster.start(seed, { t: partitions });
  const client = cluster.client({ retryBackoffMs: 5, retryBackoffMaxMs: 50 });
  return { cluster, consumer: (config = {}) => client.consumer({ topic: 't', from: 'earliest', ...config }) };
}

describe('consumer', () => {
  it('reads every partition to the end that was seen at the start', async () => {
    const { cluster, consumer } = await started(1, 4);
    for (let partition = 0; partition < 4; partition++) {
      store(cluster, partition, numbers(0, 10), numbers(10, 11), numbers(11, 40));
    }
    const reading = readAll(consumer({ exitAtEnd: true, maxBytes: 300, partitionMaxBytes: 100 }));
    cluster.world.schedule(2, 'more', () => store(cluster, 1, ['too late']));
    const records = await cluster.world.settle(reading);
    for (let partition = 0; partition < 4; partition++) expect(values(records, partition)).toEqual(numbers(0, 40));
    expect(records[0]).toMatchObject({ topic: 't', timestamp: expect.any(Number), headers: [] });
  });

  it('begins where it is told: an offset inside a batch, a time, the end', async () => {
    const { cluster, consumer } = await started(2);
    store(cluster, 0, numbers(0, 10), numbers(10, 20));
    const read = (config: Partial<ConsumerConfig>) => cluster.world.settle(readAll(consumer({ exitAtEnd: true, ...config }))).then(values);
    expect(await read({ from: { offset: 7 } })).toEqual(numbers(7, 20));
    expect(await read({ from: { timestamp: 12_500 } })).toEqual(numbers(13, 20));
    expect(await read({ from: { timestamp: 99_000 } })).toEqual([]);
    expect(await read({ from: 'latest' })).toEqual([]);
    const tail = take(consumer({ from: 'latest' }), 2);
    await cluster.world.runFor(50);
    store(cluster, 0, ['new', 'newer']);
    expect(values(await cluster.world.settle(tail))).toEqual(['new', 'newer']);
  });

  it('neither skips nor repeats when leaders move, die, freeze or connections are cut, with any seed', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const { cluster, consumer } = await started(seed, 3);
      const random = cluster.world.random.fork('faults');
      let next = 0;
      for (let at = 0; at < 1500; at += 10) {
        cluster.world.schedule(at, 'append', () => {
          const count = 1 + random.integer(5);
          for (let partition = 0; partition < 3; partition++) store(cluster, partition, numbers(next, next + count));
          next += count;
        });
      }
      for (let at = 100; at < 1500; at += 150) {
        cluster.world.schedule(at, 'move', () => cluster.move('t', random.integer(3), random.integer(3)));
        cluster.world.schedule(at + 50, 'cut', () => cluster.world.network.cut('client', `b${random.integer(3)}`));
      }
      cluster.world.schedule(800, 'freeze', () => cluster.broker(0).freeze());
      cluster.world.schedule(2300, 'elected', () => cluster.moveAllFrom(0));
      cluster.world.schedule(3000, 'resume', () => cluster.broker(0).resume());
      const records: ConsumedRecord[] = [];
      const reader = consumer();
      void (async () => {
        for await (const batch of reader) records.push(...batch);
      })();
      await cluster.world.runUntil(() => cluster.world.nowMs > 1500 && records.length === 3 * next, 10_000);
      for (let partition = 0; partition < 3; partition++) expect(values(records, partition)).toEqual(numbers(0, next));
      await reader.close();
    }
  });

  it('finds a new leader while the old one is frozen, soon after the election', async () => {
    const { cluster, consumer } = await started(7);
    store(cluster, 0, ['a']);
    const reader = consumer();
    expect(values(await cluster.world.settle(take(reader, 1)))).toEqual(['a']);
    cluster.broker(0).freeze();
    const frozenAt = cluster.world.nowMs;
    cluster.world.schedule(2000, 'elected', () => {
      cluster.moveAllFrom(0);
      store(cluster, 0, ['b']);
    });
    expect(values(await cluster.world.settle(take(reader, 1)))).toEqual(['b']);
    expect(cluster.world.nowMs - frozenAt).toBeLessThan(2200);
  });

  it('waits for a missing leader as long as it takes', async () => {
    const { cluster, consumer } = await started(8);
    store(cluster, 0, ['a']);
    const reader = consumer();
    await cluster.world.settle(take(reader, 1));
    cluster.broker(0).kill();
    cluster.move('t', 0, -1);
    const more = take(reader, 1);
    await cluster.world.runFor(60_000);
    cluster.move('t', 0, 1);
    store(cluster, 0, ['b']);
    expect(values(await cluster.world.settle(more))).toEqual(['b']);
  });

  it('reads no further ahead than bufferBytes, and no fetch runs while nobody takes', async () => {
    const { cluster, consumer } = await started(9);
    const big = 'x'.repeat(10_000);
    for (let i = 0; i < 100; i++) store(cluster, 0, [`${i}${big}`]);
    const reader = consumer({ bufferBytes: 60_000, maxBytes: 30_000, partitionMaxBytes: 30_000 });
    const iterator = reader[Symbol.asyncIterator]();
    await cluster.world.settle(iterator.next());
    await cluster.world.runFor(1000);
    const { fetches } = cluster;
    expect(fetches).toBeLessThanOrEqual(5);
    await cluster.world.runFor(10_000);
    expect(cluster.fetches).toBe(fetches);
    const rest = (await cluster.world.settle(take(reader, 99))).map((record) => Number.parseInt(record.value!.toString(), 10));
    expect(rest).toEqual(Array.from({ length: 99 }, (_, i) => i + 1));
  });

  it('hides control batches, and does not stop at them', async () => {
    const { cluster, consumer } = await started(10);
    store(cluster, 0, ['a'], ['marker'], ['b']);
    const control = cluster.partition('t', 0).batches[1]!;
    control.writeInt16BE(recordBatch.attributes(control) | 0x20, 21);
    control.writeUInt32BE(crc32c(control.subarray(recordBatch.CRC_START)), recordBatch.CRC_POSITION);
    expect(values(await cluster.world.settle(readAll(consumer({ exitAtEnd: true }))))).toEqual(['a', 'b']);
  });

  it('starts over when its position is gone, if it was told where; else says what there is', async () => {
    const { cluster, consumer } = await started(11);
    store(cluster, 0, numbers(0, 5), numbers(5, 10));
    const reader = consumer();
    expect(values(await cluster.world.settle(take(reader, 10)))).toHaveLength(10);
    const target = cluster.partition('t', 0);
    store(cluster, 0, numbers(10, 20), numbers(20, 30));
    target.batches = target.batches.slice(3);
    target.logStartOffset = 20;
    expect(values(await cluster.world.settle(take(reader, 10)))).toEqual(numbers(20, 30));
    const failure = await cluster.world.settle(readAll(consumer({ from: { offset: 3 } })).catch((error: Error) => error));
    expect(codeOf(failure)).toBe('OFFSET_OUT_OF_RANGE');
    expect((failure as Error).message).toContain('offset 3 is no longer there; the oldest is 20');
  });

  it('goes on at the end when records that it had seen are gone, and shows nothing twice', async () => {
    const { cluster, consumer } = await started(14, 2);
    store(cluster, 0, numbers(0, 10), numbers(10, 20));
    store(cluster, 1, numbers(0, 5));
    const reader = consumer();
    expect(await cluster.world.settle(take(reader, 25))).toHaveLength(25);
    const shrink = (batches: number, endOffset: number) => {
      const target = cluster.partition('t', 0);
      target.batches = target.batches.slice(0, batches);
      target.endOffset = endOffset;
      cluster.move('t', 0, 1);
    };
    shrink(1, 10);
    await cluster.world.runFor(2000);
    store(cluster, 0, ['new']);
    expect(values(await cluster.world.settle(take(reader, 1)))).toEqual(['new']);
    await reader.close();

    store(cluster, 0, numbers(11, 20));
    const toEnd = consumer({ exitAtEnd: true, maxBytes: 1, partitionMaxBytes: 1, bufferBytes: 1 });
    await cluster.world.settle(take(toEnd, 6));
    shrink(0, 0);
    expect((await cluster.world.settle(readAll(toEnd))).length).toBeLessThan(20);
  });

  it('says that its topic was deleted, or made anew, instead of waiting for its offsets in another one', async () => {
    for (const isMadeAnew of [false, true]) {
      const { cluster, consumer } = await started(15);
      store(cluster, 0, ['a']);
      const reader = consumer();
      await cluster.world.settle(take(reader, 1));
      cluster.removeTopic('t');
      if (isMadeAnew) cluster.world.schedule(2000, 'again', () => cluster.addTopic('t', 1, 'id-new'));
      const failure = (await cluster.world.settle(take(reader, 1).catch((error: Error) => error))) as Error;
      expect(failure.message).toContain(isMadeAnew ? 'made anew' : 'deleted');
    }
  });

  it('is not failed by one process that does not know the topic for a moment', async () => {
    const { cluster, consumer } = await started(16);
    store(cluster, 0, ['a']);
    const reader = consumer();
    await cluster.world.settle(take(reader, 1));
    const [topicId, partition] = [cluster.topicIds.get('t')!, cluster.partition('t', 0)];
    cluster.removeTopic('t');
    await cluster.world.runFor(2000);
    cluster.topicIds.set('t', topicId);
    cluster.partitions.set('t-0', partition);
    store(cluster, 0, ['b']);
    expect(values(await cluster.world.settle(take(reader, 1)))).toEqual(['b']);
  });

  it('reads the partitions that have a leader while others wait for theirs', async () => {
    const { cluster, consumer } = await started(17, 3);
    for (const partition of [0, 1, 2]) store(cluster, partition, [`p${partition}`]);
    cluster.move('t', 1, -1);
    for (const config of [{}, { exitAtEnd: true }]) {
      const reader = consumer(config);
      const records = await cluster.world.settle(take(reader, 2));
      expect(records.map((record) => record.value!.toString()).sort()).toEqual(['p0', 'p2']);
      const last = take(reader, 1);
      await cluster.world.runFor(5000);
      cluster.move('t', 1, 2);
      expect(values(await cluster.world.settle(last), 1)).toEqual(['p1']);
      cluster.move('t', 1, -1);
      await reader.close();
    }
  });

  it('says so when a batch is too large for any answer', async () => {
    const { cluster, consumer } = await started(18);
    store(cluster, 0, ['a']);
    cluster.isTooLarge = () => true;
    expect(codeOf(await cluster.world.settle(readAll(consumer()).catch((error: Error) => error)))).toBe('TOO_LARGE');
  });

  it('fails with what is wrong: corrupt bytes, a topic or partition that does not exist, nonsense in its configuration', async () => {
    const { cluster, consumer } = await started(12);
    store(cluster, 0, ['a'], ['b']);
    const corrupt = cluster.partition('t', 0).batches[1]!;
    corrupt[corrupt.length - 2]! ^= 1;
    const reader = consumer();
    await cluster.world.settle(take(reader, 1)).catch(() => {});
    expect(codeOf(await cluster.world.settle(take(reader, 1).catch((error: Error) => error)))).toBe('CORRUPTION');
    const failures = [consumer({ topic: 'missing' }), consumer({ partitions: [4] })].map((one) =>
      readAll(one).catch((error: Error) => error.message),
    );
    expect(await cluster.world.settle(Promise.all(failures))).toEqual([
      'topic missing does not exist',
      'topic t has no partition 4; it has 1 (0 to 0)',
    ]);
    expect(() => consumer({ from: { offset: -1 } })).toThrow('offset is -1');
    expect(() => consumer({ topic: '..' })).toThrow('not allowed');
  });

  it('ends at once when closed, whatever it waits for', async () => {
    const { cluster, consumer } = await started(13);
    const waiting = consumer();
    const end = readAll(waiting);
    await cluster.world.runFor(100);
    await waiting.close();
    expect(await end).toEqual([]);
    const finding = consumer({ topic: 'missing' });
    const none = readAll(finding);
    await finding.close();
    expect(await none).toEqual([]);
    const { metadataQuestions, fetches } = cluster;
    await cluster.world.runFor(10_000);
    expect(cluster.fetches).toBe(fetches);
    expect(cluster.metadataQuestions - metadataQuestions).toBeLessThanOrEqual(1);
  });
});

describe('admin', () => {
  it('creates, lists, describes and looks up offsets', async () => {
    const cluster = await FakeCluster.start(20, { t: 2 });
    const { admin } = cluster.client();
    const created = await cluster.world.settle(admin.createTopics({ topics: [{ name: 'a', partitions: 2 }, { name: 't' }] }));
    expect(created.topics.map((topic) => topic.error)).toEqual(['NONE', 'TOPIC_ALREADY_EXISTS']);
    expect((await cluster.world.settle(admin.listTopics())).map((topic) => topic.name)).toEqual(['a', 't']);
    expect((await cluster.world.settle(admin.describeTopics(['a', 'no']))).map((topic) => topic.error)).toEqual([
      'NONE',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ]);
    store(cluster, 1, numbers(0, 5));
    const ask = (timestamp: 'earliest' | 'latest' | number) => ({ topic: 't', partition: 1, timestamp });
    const offsets = await cluster.world.settle(admin.listOffsets([ask('earliest'), ask('latest'), ask(2500)]));
    expect(offsets.partitions.map((partition) => partition.offset)).toEqual([0, 5, 3]);
    const failure = await cluster.world.settle(
      admin.listOffsets([{ topic: 'no', partition: 0, timestamp: 'latest' }]).catch((error: Error) => error.message),
    );
    expect(failure).toBe('topic no does not exist');
  });

  it('asks another process when one is down, frozen or has nothing to say, and gives up after requestTimeoutMs', async () => {
    const cluster = await FakeCluster.start(21);
    cluster.broker(0).kill();
    cluster.broker(1).freeze();
    const { admin } = cluster.client({ bootstrap: ['b0:3125', 'b1:3125', 'coordinator:3125', 'b2:3125'] });
    expect((await cluster.world.settle(admin.listTopics())).map((topic) => topic.name)).toEqual(['t']);
    const nobody = cluster.client({ bootstrap: ['b0:3125'], requestTimeoutMs: 3000 });
    const startedAt = cluster.world.nowMs;
    expect(codeOf(await cluster.world.settle(nobody.admin.listTopics().catch((error: Error) => error)))).toBe('CONNECTION_REFUSED');
    expect(cluster.world.nowMs - startedAt).toBeLessThan(4500);
    expect(() => cluster.client({ bootstrap: ['nonsense'] })).toThrow('"nonsense" is not host:port');
  });

  it('watches leaders: all of them first, then each change as it comes', async () => {
    const cluster = await FakeCluster.start(22, { t: 2 });
    const client = cluster.client();
    const seen: LeaderChange[][] = [];
    void (async () => {
      for await (const changes of client.admin.watchLeaders(['t'])) seen.push([...changes]);
    })();
    await cluster.world.runFor(100);
    expect(seen.map((changes) => changes.map(({ partition, leader, previousLeader }) => [partition, leader, previousLeader]))).toEqual([
      [
        [0, 0, null],
        [1, 1, null],
      ],
    ]);
    cluster.move('t', 1, 2);
    await cluster.world.runFor(20);
    expect(seen[1]).toMatchObject([{ topic: 't', partition: 1, leader: 2, leaderEpoch: 1, previousLeader: 1 }]);
    cluster.world.process('coordinator')!.kill();
    await cluster.world.runFor(3000);
    cluster.move('t', 0, 1);
    await cluster.world.runFor(3000);
    expect(seen[2]).toMatchObject([{ partition: 0, leader: 1, previousLeader: 0 }]);
    await client.close();
  });
});
