/**
 * A cluster for the client's tests, in the simulation: brokers that share one log per partition (as if replication were
 * instant), check leadership and sequences as a real broker does, and can be told to misbehave. The coordinator answers
 * metadata only.
 */
import type { KafkaErrorName } from '#kernel';
import { assert, YakError } from '#kernel';
import { decodeRecords, recordBatch, splitBatches } from '#record';
import type { FetchRequest, ListOffsetsRequest, MetadataRequest, MetadataResponse, ProduceRequest, RpcHandlers } from '#rpc';
import { RpcServer } from '#rpc';
import { silentLogger } from '#seams';
import type { SimProcess } from '#seams-sim';
import { SimWorld } from '#seams-sim';
import type { ClientConfig } from '../contract.js';
import { YakClient } from '../yak-client.js';
import { FakeGroupCoordinator } from './fake-group-coordinator.js';

const PORT = 3125;
const REMEMBERED_BATCHES = 5;

interface Remembered {
  epoch: number;
  batches: { first: number; last: number; offset: number }[];
}

export class FakePartition {
  batches: Buffer[] = [];
  endOffset = 0;
  logStartOffset = 0;
  leader: number;
  leaderEpoch = 0;
  readonly producers = new Map<number, Remembered>();

  constructor(leader: number) {
    this.leader = leader;
  }

  /** Values of all records, in offset order. */
  get values(): string[] {
    return this.batches.flatMap((batch) => decodeRecords(batch)).map((record) => record.value?.toString() ?? 'null');
  }

  append(batch: Buffer): { error: KafkaErrorName; baseOffset: number } {
    const producerId = recordBatch.producerId(batch);
    const first = recordBatch.baseSequence(batch);
    const last = recordBatch.lastSequence(batch);
    if (producerId >= 0) {
      const known = this.producers.get(producerId);
      const duplicate = known?.batches.find((one) => one.first === first && one.last === last);
      if (duplicate !== undefined) return { error: 'NONE', baseOffset: duplicate.offset };
      if (known !== undefined && first !== recordBatch.addToSequence(known.batches.at(-1)!.last, 1)) {
        return { error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', baseOffset: -1 };
      }
    }
    const baseOffset = this.endOffset;
    const stored = Buffer.from(batch);
    recordBatch.setBaseOffset(stored, baseOffset);
    recordBatch.setLeaderEpoch(stored, this.leaderEpoch);
    this.batches.push(stored);
    this.endOffset = recordBatch.lastOffset(stored) + 1;
    if (producerId >= 0) {
      const remembered = this.producers.get(producerId) ?? { epoch: 0, batches: [] };
      remembered.batches = [...remembered.batches, { first, last, offset: baseOffset }].slice(-REMEMBERED_BATCHES);
      this.producers.set(producerId, remembered);
    }
    return { error: 'NONE', baseOffset };
  }
}

export class FakeCluster {
  readonly world: SimWorld;
  readonly partitions = new Map<string, FakePartition>();
  /** What each broker answers; a test may replace single messages. */
  readonly served = new Map<number, RpcHandlers>();
  readonly topicIds = new Map<string, string>();
  revision = 1;
  nextProducerId = 1000;
  /** False: automatic creation waits for somebody who is away. */
  canCreate = true;
  maxMessageBytes = Number.POSITIVE_INFINITY;
  ackDelayMs = 1;
  /** Every produce that a broker got, in order. */
  readonly produces: { broker: number; partitions: number }[] = [];
  fetches = 0;
  metadataQuestions = 0;
  /** False: as brokers that reach no cluster coordinator. */
  givesProducerIds = true;
  /** Before the append; an answer ends the produce of that partition. */
  beforeAppend: (broker: number, topic: string, partition: number, batch: Buffer) => KafkaErrorName | null = () => null;
  /** After it; true: the connection to the client is cut instead of an answer. */
  loseAnswer: (broker: number) => boolean = () => false;
  /** Fetches of that partition are answered with TOO_LARGE. */
  isTooLarge: (topic: string, partition: number) => boolean = () => false;
  private waiting: (() => void)[] = [];
  private groupCoordinator: FakeGroupCoordinator | null = null;

  constructor(
    seed: number,
    readonly brokerIds: readonly number[] = [0, 1, 2],
  ) {
    this.world = new SimWorld({ seed });
  }

  static async start(seed: number, topics: Record<string, number> = { t: 3 }): Promise<FakeCluster> {
    const cluster = new FakeCluster(seed);
    for (const [topic, count] of Object.entries(topics)) cluster.addTopic(topic, count);
    for (const id of cluster.brokerIds) await cluster.startBroker(id);
    await cluster.serve(cluster.world.start('coordinator'), { metadata: (request) => cluster.metadata('coordinator', request) });
    return cluster;
  }

  async startBroker(id: number): Promise<void> {
    const process = this.world.start(`b${id}`);
    const handlers = this.handlers(id);
    this.served.set(id, handlers);
    await this.serve(process, handlers);
  }

  /** One process per name, so that each can die alone; all clients of a name die together. */
  client(config: Partial<ClientConfig> = {}, name = 'client'): YakClient {
    const known = this.world.process(name);
    const process = known?.isAlive ? known : this.world.start(name);
    const { clock, scheduler, random, network } = process;
    return new YakClient({ bootstrap: [`coordinator:${PORT}`], ...config }, { clock, scheduler, random, network, logger: silentLogger });
  }

  /** Where all groups are coordinated; brokers have to run. */
  get groups(): FakeGroupCoordinator {
    this.groupCoordinator ??= new FakeGroupCoordinator({
      process: (id) => this.broker(id),
      topicIdOf: (topic) => this.topicIds.get(topic) ?? null,
      port: PORT,
    });
    return this.groupCoordinator;
  }

  broker(id: number): SimProcess {
    return this.world.process(`b${id}`)!;
  }

  partition(topic: string, partition: number): FakePartition {
    return this.partitions.get(`${topic}-${partition}`)!;
  }

  addTopic(topic: string, count: number, topicId = `id-${topic}`): void {
    this.topicIds.set(topic, topicId);
    for (let partition = 0; partition < count; partition++) {
      this.partitions.set(`${topic}-${partition}`, new FakePartition(this.brokerIds[partition % this.brokerIds.length]!));
    }
    this.changed();
  }

  /** As a topic that gets more of them: those that it has stay. */
  addPartitions(topic: string, count: number): void {
    for (let partition = 0; partition < count; partition++) {
      const key = `${topic}-${partition}`;
      if (!this.partitions.has(key)) this.partitions.set(key, new FakePartition(this.brokerIds[partition % this.brokerIds.length]!));
    }
    this.changed();
  }

  removeTopic(topic: string): void {
    const topicId = this.topicIds.get(topic);
    if (topicId !== undefined) this.groupCoordinator?.topicDeleted(topicId);
    this.topicIds.delete(topic);
    for (let partition = 0; this.partitions.delete(`${topic}-${partition}`); partition++);
    this.changed();
  }

  move(topic: string, partition: number, leader: number): void {
    const moved = this.partition(topic, partition);
    moved.leader = leader;
    moved.leaderEpoch++;
    this.changed();
  }

  /** Everything that `from` leads goes to the next broker. */
  moveAllFrom(from: number): void {
    for (const partition of this.partitions.values()) {
      if (partition.leader !== from) continue;
      partition.leader = this.brokerIds[(this.brokerIds.indexOf(from) + 1) % this.brokerIds.length]!;
      partition.leaderEpoch++;
    }
    this.changed();
  }

  /** All values of a topic, partition by partition. */
  values(topic: string): string[][] {
    const values: string[][] = [];
    for (let partition = 0; this.partitions.has(`${topic}-${partition}`); partition++) values.push(this.partition(topic, partition).values);
    return values;
  }

  private handlers(id: number): RpcHandlers {
    const name = `b${id}`;
    return {
      ...this.groups.handlers(id),
      metadata: (request) => this.metadata(name, request),
      produce: (request) => this.produce(id, request),
      fetch: (request) => this.fetch(id, request),
      listOffsets: async (request) => this.listOffsets(id, request),
      initProducerId: async () =>
        this.givesProducerIds
          ? { error: 'NONE', producerId: this.nextProducerId++, producerEpoch: 0 }
          : { error: 'COORDINATOR_LOAD_IN_PROGRESS', producerId: -1, producerEpoch: -1 },
      createTopics: async ({ topics }) => ({
        topics: topics.map(({ name: topic, partitions = 1 }) => {
          const exists = this.topicIds.has(topic);
          if (!exists) this.addTopic(topic, partitions);
          return {
            name: topic,
            topicId: this.topicIds.get(topic)!,
            partitions,
            replicationFactor: 1,
            error: exists ? ('TOPIC_ALREADY_EXISTS' as const) : ('NONE' as const),
          };
        }),
      }),
    };
  }

  private async serve(process: SimProcess, handlers: RpcHandlers): Promise<void> {
    const { network, scheduler, clock } = process;
    const server = new RpcServer({ network, scheduler, clock, logger: silentLogger, handlers });
    await server.listen({ host: process.host, port: PORT });
  }

  private async metadata(host: string, request: MetadataRequest): Promise<MetadataResponse> {
    this.metadataQuestions++;
    if (request.newerThanRevision !== undefined)
      await this.waitForChange(host, () => this.revision > request.newerThanRevision!, request.maxWaitMs!);
    const names = request.topics ?? [...this.topicIds.keys()];
    const isCreating = request.allowAutoTopicCreation === true;
    if (isCreating && this.canCreate) for (const name of names) if (!this.topicIds.has(name)) this.addTopic(name, 2);
    return {
      clusterId: 'c',
      revision: this.revision,
      brokers: this.brokerIds.map((id) => ({ id, host: `b${id}`, port: PORT, rack: null })),
      topics: names.map((name) => {
        const topic = this.describe(name);
        return isCreating && topic.error === 'UNKNOWN_TOPIC_OR_PARTITION' ? { ...topic, error: 'LEADER_NOT_AVAILABLE' } : topic;
      }),
    };
  }

  private describe(name: string): MetadataResponse['topics'][number] {
    const topicId = this.topicIds.get(name);
    if (topicId === undefined) return { name, topicId: '', error: 'UNKNOWN_TOPIC_OR_PARTITION', partitions: [] };
    const partitions: MetadataResponse['topics'][number]['partitions'][number][] = [];
    for (let partition = 0; this.partitions.has(`${name}-${partition}`); partition++) {
      const { leader, leaderEpoch } = this.partition(name, partition);
      const rest = { replicas: this.brokerIds, isr: this.brokerIds, eligibleLeaderReplicas: [], offlineReplicas: [] };
      partitions.push({
        partition,
        leader,
        leaderEpoch,
        partitionEpoch: leaderEpoch,
        error: leader < 0 ? 'LEADER_NOT_AVAILABLE' : 'NONE',
        ...rest,
      });
    }
    return { name, topicId, error: 'NONE', partitions };
  }

  private async produce(id: number, request: ProduceRequest) {
    this.produces.push({ broker: id, partitions: request.partitions.length });
    const answers = request.partitions.map(({ topic, partition, records }) => ({
      topic,
      partition,
      logStartOffset: 0,
      ...this.produceOne(id, topic, partition, records),
    }));
    if (this.loseAnswer(id)) {
      this.world.network.cut('client', `b${id}`);
      return { partitions: answers };
    }
    await this.pause(`b${id}`, this.ackDelayMs);
    return { partitions: answers };
  }

  private produceOne(id: number, topic: string, partition: number, records: Buffer) {
    const target = this.partitions.get(`${topic}-${partition}`);
    if (target === undefined) return { error: 'UNKNOWN_TOPIC_OR_PARTITION' as const, baseOffset: -1 };
    assert(splitBatches(records).length === 1, 'exactly one batch per partition');
    if (target.leader !== id) {
      return {
        error: 'NOT_LEADER_OR_FOLLOWER' as const,
        baseOffset: -1,
        currentLeader: { leader: target.leader, leaderEpoch: target.leaderEpoch },
      };
    }
    if (records.length > this.maxMessageBytes) return { error: 'MESSAGE_TOO_LARGE' as const, baseOffset: -1 };
    const refused = this.beforeAppend(id, topic, partition, records);
    if (refused !== null) return { error: refused, baseOffset: -1 };
    const answer = target.append(records);
    this.wake();
    return answer;
  }

  private async fetch(id: number, request: FetchRequest) {
    this.fetches++;
    const isReady = () =>
      request.partitions.some(({ topic, partition, fetchOffset }) => {
        const target = this.partitions.get(`${topic}-${partition}`);
        return target?.leader !== id || fetchOffset !== target.endOffset;
      });
    await this.waitForChange(`b${id}`, isReady, request.maxWaitMs);
    let room = request.maxBytes;
    return {
      partitions: request.partitions.map(({ topic, partition, fetchOffset, maxBytes, lastFetchedEpoch = -1 }) => {
        const target = this.partitions.get(`${topic}-${partition}`);
        const { endOffset: highWatermark = -1, logStartOffset = -1 } = target ?? {};
        const answer = { topic, partition, highWatermark, logStartOffset, records: [] as Buffer[] };
        if (target === undefined) return { ...answer, error: 'UNKNOWN_TOPIC_OR_PARTITION' as const };
        if (this.isTooLarge(topic, partition)) throw new YakError('TOO_LARGE', 'one batch is above maxFrameBytes');
        if (target.leader !== id) {
          const currentLeader = { leader: target.leader, leaderEpoch: target.leaderEpoch };
          return { ...answer, error: 'NOT_LEADER_OR_FOLLOWER' as const, currentLeader };
        }
        if (fetchOffset > highWatermark || fetchOffset < logStartOffset) return { ...answer, error: 'OFFSET_OUT_OF_RANGE' as const };
        const divergingEpoch = lastFetchedEpoch < 0 ? null : divergingAt(target, fetchOffset, lastFetchedEpoch);
        if (divergingEpoch !== null) return { ...answer, error: 'NONE' as const, divergingEpoch };
        let bytes = 0;
        for (const batch of target.batches) {
          if (recordBatch.lastOffset(batch) < fetchOffset) continue;
          if (answer.records.length > 0 && (bytes + batch.length > maxBytes || batch.length > room)) break;
          if (room <= 0) break;
          answer.records.push(Buffer.from(batch));
          bytes += batch.length;
          room -= batch.length;
        }
        return { ...answer, error: 'NONE' as const };
      }),
    };
  }

  private listOffsets(id: number, request: ListOffsetsRequest) {
    return {
      partitions: request.partitions.map(({ topic, partition, timestamp }) => {
        const target = this.partition(topic, partition);
        const answer = { topic, partition, timestamp: -1, leaderEpoch: target.leaderEpoch };
        if (target.leader !== id) return { ...answer, error: 'NOT_LEADER_OR_FOLLOWER' as const, offset: -1 };
        if (timestamp === -1) return { ...answer, error: 'NONE' as const, offset: target.endOffset };
        if (timestamp === -2) return { ...answer, error: 'NONE' as const, offset: target.logStartOffset };
        const found = target.batches.flatMap((batch) => decodeRecords(batch)).find((record) => record.timestamp >= timestamp);
        return { ...answer, error: 'NONE' as const, offset: found?.offset ?? -1 };
      }),
    };
  }

  private changed(): void {
    this.revision++;
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private async waitForChange(host: string, condition: () => boolean, maxWaitMs: number): Promise<void> {
    const { clock } = this.world.process(host)!;
    const until = clock.monotonicMs() + maxWaitMs;
    while (!condition() && clock.monotonicMs() < until) {
      await new Promise<void>((resolve) => {
        const timer = this.world.process(host)!.scheduler.after(until - clock.monotonicMs(), resolve);
        this.waiting.push(() => {
          timer.cancel();
          resolve();
        });
      });
    }
  }

  private pause(host: string, delayMs: number): Promise<void> {
    return new Promise((resolve) => this.world.process(host)!.scheduler.after(delayMs, resolve));
  }
}

/** As a leader judges it (KIP-320), by the epochs of the batches that it has. */
function divergingAt({ batches, endOffset }: FakePartition, fetchOffset: number, lastFetchedEpoch: number) {
  const next = batches.find((batch) => recordBatch.leaderEpoch(batch) > lastFetchedEpoch);
  const end = next ? recordBatch.baseOffset(next) : endOffset;
  const last = batches.findLast((batch) => recordBatch.leaderEpoch(batch) <= lastFetchedEpoch);
  const leaderEpoch = last ? recordBatch.leaderEpoch(last) : lastFetchedEpoch;
  return leaderEpoch === lastFetchedEpoch && end >= fetchOffset ? null : { leaderEpoch, endOffset: end };
}
