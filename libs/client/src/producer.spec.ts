import { KafkaError, YakError } from '#kernel';
import { decodeRecords, recordBatch } from '#record';
import type { Producer, ProducerRecord } from './contract.js';
import { partitionForKey } from './partitioner.js';
import { FakeCluster } from './testing/fake-cluster.js';

const SEEDS = 6;

const record = (value: string, rest: Partial<ProducerRecord> = {}): ProducerRecord => ({ topic: 't', value: Buffer.from(value), ...rest });
const codeOf = (error: unknown) => (error instanceof YakError ? error.code : String(error));

/** Appends `count` numbered records to every partition, a few every millisecond. */
async function load(cluster: FakeCluster, producer: Producer, count: number, partitions: number): Promise<void> {
  const { scheduler } = cluster.world.process('client')!;
  for (let i = 0; i < count; i++) {
    for (let partition = 0; partition < partitions; partition++) producer.append(record(`${partition}:${i}`, { partition }));
    if (i % 5 === 0) await new Promise<void>((resolve) => scheduler.after(1, resolve));
  }
}

function numbered(count: number, partitions: number): string[][] {
  return Array.from({ length: partitions }, (_, partition) => Array.from({ length: count }, (_, i) => `${partition}:${i}`));
}

describe('producer', () => {
  it('sends to leaders and answers with offsets, in order per partition', async () => {
    const cluster = await FakeCluster.start(1);
    const producer = cluster.client().producer();
    const keys = Array.from({ length: 30 }, (_, i) => Buffer.from(`key-${i}`));
    const results = await cluster.world.settle(
      Promise.all(keys.map((key, i) => producer.send(record(`v${i}`, { key, headers: [{ key: 'h', value: null }] })))),
    );
    for (const [i, result] of results.entries()) {
      expect(result.partition).toBe(partitionForKey(keys[i]!, 3));
      expect(cluster.partition('t', result.partition).values[result.offset]).toBe(`v${i}`);
    }
    expect(results.map((result) => result.offset).filter((offset) => offset === 0)).toHaveLength(3);
    expect(producer.metrics).toMatchObject({ recordsAcknowledged: 30, recordsFailed: 0, retries: 0, bufferedBytes: 0 });
    // One request per leader carries what lingered together.
    expect(cluster.produces).toHaveLength(3);
    const batch = cluster.partition('t', 0).batches[0]!;
    expect(recordBatch.producerId(batch)).toBe(1000);
    expect(decodeRecords(batch)[0]!.headers).toEqual([{ key: 'h', value: null }]);
  });

  it('tells no offsets with acks 0', async () => {
    const cluster = await FakeCluster.start(31);
    const producer = cluster.client().producer({ acks: 0 });
    const offsets: number[] = [];
    producer.onAcknowledged(({ baseOffset }) => offsets.push(baseOffset));
    expect((await cluster.world.settle(producer.send(record('v')))).offset).toBe(-1);
    expect(offsets).toEqual([-1]);
  });

  it('waits with records for a topic that nobody can create for now', async () => {
    const cluster = await FakeCluster.start(32, {});
    cluster.canCreate = false;
    const producer = cluster.client().producer({ allowAutoTopicCreation: true });
    const sent = producer.send({ topic: 'new', partition: 0, value: Buffer.from('v') });
    await cluster.world.runFor(30_000);
    cluster.canCreate = true;
    expect(await cluster.world.settle(sent)).toMatchObject({ topic: 'new', offset: 0 });
  });

  it('fills batches and spreads records without keys', async () => {
    const cluster = await FakeCluster.start(2);
    const producer = cluster.client().producer({ batchBytes: 1000 });
    const acknowledged: number[][] = [[], [], []];
    producer.onAcknowledged(({ partition, baseOffset, records }) => {
      for (let offset = baseOffset; offset < baseOffset + records; offset++) acknowledged[partition]!.push(offset);
    });
    for (let i = 0; i < 2000; i++) producer.append(record(`v${i}`));
    await cluster.world.settle(producer.flush());
    const counts = cluster.values('t').map((values) => values.length);
    expect(counts.reduce((a, b) => a + b)).toBe(2000);
    // Answers come in any order; every offset is told once.
    expect(acknowledged.map((offsets) => offsets.sort((a, b) => a - b))).toEqual(counts.map((count) => [...Array(count).keys()]));
    for (const count of counts) expect(count).toBeGreaterThan(300);
    for (const partition of cluster.partitions.values()) {
      for (const batch of partition.batches) expect(batch.length).toBeLessThanOrEqual(1000);
    }
  });

  it('compresses whole batches when asked', async () => {
    const cluster = await FakeCluster.start(2);
    const producer = cluster.client().producer({ compression: 'gzip' });
    for (let i = 0; i < 500; i++) producer.append(record('the same again', { partition: 0 }));
    await cluster.world.settle(producer.close());
    expect(cluster.partition('t', 0).values).toHaveLength(500);
    expect(cluster.partition('t', 0).batches[0]!.length).toBeLessThan(2000);
  });

  it('R26: lost answers, cuts and leader changes neither duplicate nor reorder, with any seed', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const cluster = await FakeCluster.start(seed);
      const random = cluster.world.random.fork('faults');
      let lost = 0;
      cluster.loseAnswer = () => random.chance(0.15) && ++lost > 0;
      cluster.beforeAppend = () => (random.chance(0.05) ? 'NOT_ENOUGH_REPLICAS' : null);
      for (const at of [20, 55, 90, 130]) {
        cluster.world.schedule(at, 'move', () => cluster.move('t', random.integer(3), random.integer(3)));
        cluster.world.schedule(at + 7, 'cut', () => cluster.world.network.cut('client', `b${random.integer(3)}`));
      }
      const producer = cluster.client({ retryBackoffMs: 5, retryBackoffMaxMs: 40 }).producer({ lingerMs: 1, batchBytes: 200 });
      await cluster.world.settle(load(cluster, producer, 300, 3).then(() => producer.flush()));
      expect(cluster.values('t')).toEqual(numbered(300, 3));
      expect(lost).toBeGreaterThan(3);
      expect(producer.metrics).toMatchObject({ recordsAcknowledged: 900, recordsFailed: 0, bufferedBytes: 0 });
      expect(producer.metrics.retries).toBeGreaterThan(0);
    }
  });

  it('never has more batches of a partition unanswered than a leader remembers', async () => {
    const cluster = await FakeCluster.start(3, { t: 1 });
    cluster.ackDelayMs = 50;
    const unanswered = new Set<number>();
    let most = 0;
    cluster.beforeAppend = (_broker, _topic, _partition, batch) => {
      unanswered.add(recordBatch.baseSequence(batch));
      most = Math.max(most, unanswered.size);
      cluster.world.schedule(50, 'answered', () => unanswered.delete(recordBatch.baseSequence(batch)));
      return null;
    };
    const producer = cluster.client().producer({ batchBytes: 100, lingerMs: 0 });
    await cluster.world.settle(load(cluster, producer, 100, 1).then(() => producer.flush()));
    expect(most).toBe(5);
    expect(cluster.values('t')).toEqual(numbered(100, 1));
  });

  it('follows a frozen leader within its session and a little: asks others, drops the connection, sends again', async () => {
    const cluster = await FakeCluster.start(4, { t: 1 });
    const producer = cluster.client({ bootstrap: ['b0:3125', 'b1:3125'] }).producer();
    await cluster.world.settle(producer.send(record('before')));
    cluster.broker(0).freeze();
    const frozenAt = cluster.world.nowMs;
    cluster.world.schedule(2000, 'elected', () => cluster.moveAllFrom(0));
    const result = await cluster.world.settle(producer.send(record('during')));
    expect(result.offset).toBe(1);
    expect(cluster.world.nowMs - frozenAt).toBeGreaterThan(2000);
    expect(cluster.world.nowMs - frozenAt).toBeLessThan(2100);
    cluster.broker(0).resume();
    await cluster.world.runFor(3000);
    expect(cluster.values('t')).toEqual([['before', 'during']]);
  });

  it('follows a killed leader as soon as another is elected', async () => {
    const cluster = await FakeCluster.start(5, { t: 1 });
    const producer = cluster.client().producer();
    await cluster.world.settle(producer.send(record('before')));
    cluster.broker(0).kill();
    const killedAt = cluster.world.nowMs;
    cluster.world.schedule(2000, 'elected', () => cluster.moveAllFrom(0));
    await cluster.world.settle(producer.send(record('during')));
    expect(cluster.world.nowMs - killedAt).toBeLessThan(2100);
    expect(cluster.values('t')).toEqual([['before', 'during']]);
  });

  it('gives up after deliveryTimeoutMs, says why, and goes on afterwards without a gap', async () => {
    const cluster = await FakeCluster.start(6, { t: 1 });
    let isRefusing = true;
    cluster.beforeAppend = () => (isRefusing ? 'NOT_ENOUGH_REPLICAS' : null);
    const producer = cluster.client().producer({ deliveryTimeoutMs: 1500 });
    const startedAt = cluster.world.nowMs;
    const failure = await cluster.world.settle(producer.send(record('lost')).catch((error: Error) => error));
    expect(codeOf(failure)).toBe('DELIVERY_TIMEOUT');
    expect((failure as Error).message).toContain('deliveryTimeoutMs (1500 ms; last: t-0: NOT_ENOUGH_REPLICAS)');
    expect(cluster.world.nowMs - startedAt).toBeGreaterThanOrEqual(1500);
    expect(cluster.world.nowMs - startedAt).toBeLessThan(1700);
    isRefusing = false;
    expect(await cluster.world.settle(producer.send(record('next')))).toMatchObject({ offset: 0 });
    expect(producer.metrics).toMatchObject({ recordsAcknowledged: 1, recordsFailed: 1, bufferedBytes: 0 });
  });

  it('gives up what was never sent too: no leader, no answer from anybody', async () => {
    const cluster = await FakeCluster.start(6, { t: 1 });
    cluster.move('t', 0, -1);
    const producer = cluster.client().producer({ deliveryTimeoutMs: 800 });
    expect(codeOf(await cluster.world.settle(producer.send(record('x')).catch((error: Error) => error)))).toBe('DELIVERY_TIMEOUT');
    const nobody = cluster.client({ bootstrap: ['nobody:1'] }).producer({ deliveryTimeoutMs: 800 });
    expect(codeOf(await cluster.world.settle(nobody.send(record('x')).catch((error: Error) => error)))).toBe('DELIVERY_TIMEOUT');
  });

  it('R21: a new producer says that it waits for a cluster coordinator, and begins when there is one', async () => {
    const cluster = await FakeCluster.start(6, { t: 1 });
    cluster.givesProducerIds = false;
    const producer = cluster.client().producer({ deliveryTimeoutMs: 800 });
    const failure = await cluster.world.settle(producer.send(record('x')).catch((error: Error) => error));
    expect((failure as Error).message).toContain(
      '(800 ms; no producer id, which a cluster coordinator has to give: COORDINATOR_LOAD_IN_PROGRESS)',
    );
    cluster.givesProducerIds = true;
    await cluster.world.runFor(5_000);
    expect(await cluster.world.settle(producer.send(record('y')))).toMatchObject({ offset: 0 });
  });

  it('splits a batch that is too large and refuses a record that is', async () => {
    const cluster = await FakeCluster.start(7, { t: 1 });
    cluster.maxMessageBytes = 500;
    const producer = cluster.client().producer();
    const sends = Array.from({ length: 40 }, (_, i) =>
      producer.send(record(i === 20 ? 'x'.repeat(600) : `value ${i}`)).catch((error: Error) => error),
    );
    const results = await cluster.world.settle(Promise.all(sends));
    expect(results[20]).toBeInstanceOf(KafkaError);
    expect((results[20] as Error).message).toMatch(
      /a record of \d+ bytes is larger than topic t or the broker allows: t-0: MESSAGE_TOO_LARGE/,
    );
    const expected = Array.from({ length: 40 }, (_, i) => `value ${i}`).filter((_, i) => i !== 20);
    expect(cluster.values('t')).toEqual([expected]);
    expect(results.filter((_, i) => i !== 20).map((result) => (result as { offset: number }).offset)).toEqual(expected.map((_, i) => i));
  });

  it('R26: a batch that the broker refuses leaves a gap; what follows is written once, under a new producer id', async () => {
    const cluster = await FakeCluster.start(8, { t: 1 });
    cluster.ackDelayMs = 20;
    const bad = (batch: Buffer) => decodeRecords(batch).some((one) => one.value?.toString() === '0:3');
    cluster.beforeAppend = (_broker, _topic, _partition, batch) => (bad(batch) ? 'INVALID_RECORD' : null);
    const failures: unknown[] = [];
    const producer = cluster.client({ retryBackoffMs: 5 }).producer({ batchBytes: 60, lingerMs: 0 });
    producer.onError((failure) => failures.push([failure.topic, failure.partition, failure.records, codeOf(failure.error)]));
    for (let i = 0; i < 20; i++) producer.append(record(`0:${i}`, { partition: 0 }));
    expect(codeOf(await cluster.world.settle(producer.flush().catch((error: Error) => error)))).toBe('INVALID_RECORD');
    const stored = cluster.partition('t', 0).values;
    expect(stored).toEqual([...new Set(stored)]);
    expect(stored).toEqual(numbered(20, 1)[0]!.filter((value) => value !== '0:3'));
    expect(failures).toEqual([['t', 0, 1, 'INVALID_RECORD']]);
    const ids = new Set(cluster.partition('t', 0).batches.map((batch) => recordBatch.producerId(batch)));
    expect(ids.size).toBe(2);
    await cluster.world.settle(producer.flush());
  });

  it('R26: when a leader forgot what it stored, a batch of unknown fate is reported and not written twice', async () => {
    const cluster = await FakeCluster.start(9, { t: 1 });
    const producer = cluster.client({ retryBackoffMs: 20 }).producer();
    await cluster.world.settle(producer.send(record('first')));
    cluster.loseAnswer = () => {
      // The leader stored it, lost the answer, and remembers another state of this producer.
      const remembered = cluster.partition('t', 0).producers.get(1000)!;
      remembered.batches = [{ first: 70, last: 70, offset: 0 }];
      cluster.loseAnswer = () => false;
      return true;
    };
    const failure = await cluster.world.settle(producer.send(record('unknown')).catch((error: Error) => error));
    expect(codeOf(failure)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
    expect((failure as Error).message).toContain('whether the records are stored is unknown');
    await cluster.world.settle(producer.send(record('after')));
    expect(cluster.values('t')).toEqual([['first', 'unknown', 'after']]);
  });

  it('R27: a caller may reuse its buffers as soon as send() returned, sent, lingering or held back', async () => {
    const cluster = await FakeCluster.start(10, { t: 1 });
    const producer = cluster.client().producer();
    const buffer = Buffer.alloc(4);
    const sends = ['held', 'more', 'last'].map((text) => {
      buffer.write(text);
      return producer.send({ topic: 't', value: buffer });
    });
    buffer.fill(0);
    await cluster.world.settle(Promise.all(sends));
    buffer.write('ling');
    const lingering = producer.send({ topic: 't', value: buffer });
    buffer.fill(0);
    await cluster.world.settle(lingering);
    expect(cluster.values('t')).toEqual([['held', 'more', 'last', 'ling']]);
  });

  it('holds its callers back at bufferBytes and refuses above twice that', async () => {
    const cluster = await FakeCluster.start(11, { t: 1 });
    let isRefusing = true;
    cluster.beforeAppend = () => (isRefusing ? 'NOT_ENOUGH_REPLICAS' : null);
    const producer = cluster.client().producer({ bufferBytes: 1000 });
    let isReady = false;
    await cluster.world.settle(producer.ready());
    while (producer.metrics.bufferedBytes < 1000) producer.append(record('0123456789'));
    void producer.ready().then(() => (isReady = true));
    await cluster.world.runFor(500);
    expect(isReady).toBe(false);
    const overfill = () => {
      for (;;) producer.append(record('0123456789'));
    };
    expect(overfill).toThrow('await ready() before each record');
    isRefusing = false;
    await cluster.world.settle(producer.flush());
    expect(isReady).toBe(true);
  });

  it('reports a topic that does not exist, a partition that it has not, and creates one when allowed', async () => {
    const cluster = await FakeCluster.start(12);
    const client = cluster.client();
    const producer = client.producer();
    const missing = await cluster.world.settle(producer.send({ topic: 'missing', value: null }).catch((error: Error) => error));
    expect((missing as Error).message).toBe('topic missing does not exist; create it first');
    const wrong = await cluster.world.settle(producer.send(record('x', { partition: 3 })).catch((error: Error) => error));
    expect((wrong as Error).message).toBe('topic t has no partition 3; it has 3 (0 to 2)');
    expect(() => producer.append({ topic: 'a/b', value: null })).toThrow('topic name has characters');
    const creating = client.producer({ allowAutoTopicCreation: true });
    expect(await cluster.world.settle(creating.send({ topic: 'made', value: null }))).toMatchObject({ topic: 'made', offset: 0 });
  });

  it('close() delivers what lingers, client.close() gives up the rest at once', async () => {
    const cluster = await FakeCluster.start(13, { t: 1 });
    const client = cluster.client();
    const producer = client.producer({ lingerMs: 10_000 });
    const sent = producer.send(record('lingers'));
    await cluster.world.settle(producer.close());
    expect(await sent).toMatchObject({ offset: 0 });
    expect(codeOf(await producer.send(record('late')).catch((error: Error) => error))).toBe('PRODUCER_CLOSED');
    const other = client.producer({ lingerMs: 10_000 });
    const given = other.send(record('given up')).catch((error: Error) => error);
    await cluster.world.runFor(50);
    await client.close();
    expect(codeOf(await cluster.world.settle(given))).toBe('CLIENT_CLOSED');
    expect(() => client.producer()).toThrow('the client is closed');
  });

  it('acks 1 keeps the order with one batch at a time; acks 0 knows no offset', async () => {
    const cluster = await FakeCluster.start(14, { t: 1 });
    cluster.beforeAppend = () => (cluster.world.random.chance(0.2) ? 'NOT_ENOUGH_REPLICAS' : null);
    const producer = cluster.client({ retryBackoffMs: 2 }).producer({ acks: 1, batchBytes: 100, lingerMs: 0 });
    await cluster.world.settle(load(cluster, producer, 60, 1).then(() => producer.flush()));
    expect(cluster.values('t')).toEqual(numbered(60, 1));
    expect(recordBatch.producerId(cluster.partition('t', 0).batches[0]!)).toBe(-1);
    expect(() => cluster.client().producer({ acks: 1, idempotent: true })).toThrow('idempotent needs acks -1');
    expect(() => cluster.client().producer({ maxInFlight: 6 })).toThrow('at most 5');
    expect(() => cluster.client().producer({ compression: 'zstd' })).toThrow('can be read but not written');
  });

  it('does the same thing every time from one seed', async () => {
    const run = async () => {
      const cluster = await FakeCluster.start(99);
      cluster.loseAnswer = () => cluster.world.random.chance(0.2);
      const producer = cluster.client({ retryBackoffMs: 5 }).producer({ batchBytes: 150 });
      for (let i = 0; i < 200; i++) producer.append(record(`v${i}`));
      await cluster.world.settle(producer.flush());
      return { at: cluster.world.nowUs, values: cluster.values('t'), produces: cluster.produces };
    };
    expect(await run()).toEqual(await run());
  });
});
