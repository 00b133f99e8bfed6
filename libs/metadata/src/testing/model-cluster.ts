/** A cluster made of nothing but decisions, for tests: every command is decided and applied at once. Partitions print as one line. */
import { assert } from '#kernel';
import type { AlterPartitionContext, AlterPartitionResult } from '../decisions/alter-partition.js';
import { alterPartition } from '../decisions/alter-partition.js';
import { fenceBroker, unfenceBroker } from '../decisions/broker-state.js';
import type { NewTopicCommand, TopicDefaults } from '../decisions/create-topics.js';
import { createTopics } from '../decisions/create-topics.js';
import type { Decision, DecisionState, Outcome } from '../decisions/decision.js';
import type { RegisterBroker, RegisterBrokerResult } from '../decisions/register-broker.js';
import { registerBroker } from '../decisions/register-broker.js';
import { keptMembers, liveMembers, MetadataImage } from '../image.js';
import type { BrokerRecord, MetadataEntry, MetadataRecord, PartitionRecord } from '../records.js';

export const CLUSTER_ID = 'cluster-1';

export function listenersOf(brokerId: number) {
  const host = `b${brokerId}`;
  return {
    kafka: { host, port: 9092 },
    replication: { host, port: 9192 },
    tcp: { host, port: 3125 },
    http: { host, port: 8080 },
  };
}

export class ModelCluster {
  image = MetadataImage.empty();
  readonly entries: MetadataEntry[] = [];
  /** Processes that were started. */
  incarnations = 0;

  constructor(configuredBrokers: readonly number[] = [0, 1, 2]) {
    this.commit([{ type: 'cluster', version: 1, clusterId: CLUSTER_ID, configuredBrokers, features: {} }]);
  }

  get state(): DecisionState {
    return { image: this.image, revision: this.image.revision + 1 };
  }

  commit(records: readonly MetadataRecord[]): void {
    const revision = this.image.revision + 1;
    const entry = { revision, coordinatorEpoch: 1, opId: `op-${revision}`, previousOpId: this.image.opId, records };
    this.entries.push(entry);
    this.image = this.image.apply(entry);
  }

  do<R>(decision: Decision<R>): R {
    if (decision.records.length > 0) this.commit(decision.records);
    return decision.response;
  }

  broker(brokerId: number): BrokerRecord {
    const broker = this.image.brokers.get(brokerId);
    assert(broker, `no broker ${brokerId}`);
    return broker;
  }

  /** As a process that comes back with everything in order, unless `changes` says otherwise. Stays fenced. */
  register(brokerId: number, changes: Partial<RegisterBroker> = {}, isOldIncarnationGone = true): RegisterBrokerResult {
    const command = { ...registrationOf(this, brokerId), ...changes };
    return this.do(registerBroker(this.state, command, { isOldIncarnationGone }));
  }

  fence(brokerId: number): Outcome {
    return this.do(fenceBroker(this.state, { brokerId, brokerEpoch: this.broker(brokerId).brokerEpoch }));
  }

  unfence(brokerId: number): Outcome {
    return this.do(unfenceBroker(this.state, { brokerId, brokerEpoch: this.broker(brokerId).brokerEpoch }));
  }

  /** Registered and unfenced. */
  up(...brokerIds: number[]): this {
    for (const brokerId of brokerIds) {
      this.register(brokerId);
      this.unfence(brokerId);
    }
    return this;
  }

  create(topic: NewTopicCommand, defaults: Partial<TopicDefaults> = {}) {
    const { topics } = this.do(
      createTopics(
        this.state,
        { topics: [topic] },
        {
          defaults: { partitions: 1, replicationFactor: -1, flushPolicy: 'commit', ...defaults },
          validateTopicConfigs: () => [],
          newTopicId: () => `id-${topic.name}`,
          randomInteger: () => 0,
          mayBeInternal: true,
        },
      ),
    );
    return topics[0]!;
  }

  partition(topic = 't', index = 0): PartitionRecord {
    const record = this.image.partition(`id-${topic}`, index);
    assert(record, `no partition ${topic}-${index}`);
    return record;
  }

  /** The leader proposes these brokers, each under its seat, else under its registered broker epoch. */
  propose(
    isr: readonly number[],
    changes: Partial<Parameters<typeof alterPartition>[1]> = {},
    context: Partial<AlterPartitionContext> = {},
  ): AlterPartitionResult {
    const record = this.partition();
    const command = {
      brokerId: record.leader,
      brokerEpoch: this.image.brokers.get(record.leader)?.brokerEpoch ?? -1,
      topicId: record.topicId,
      partition: record.partition,
      leaderEpoch: record.leaderEpoch,
      partitionEpoch: record.partitionEpoch,
      isr: isr.map(
        (brokerId) =>
          record.isr.find((seat) => seat.brokerId === brokerId) ?? {
            brokerId,
            brokerEpoch: this.image.brokers.get(brokerId)?.brokerEpoch ?? -1,
          },
      ),
      ...changes,
    };
    return this.do(alterPartition(this.state, command, { now: 0, greyReplacementAt: null, ...context }));
  }

  /** `leader 0 le 1 pe 2 live 0,1 kept 2`, and `last …`, `must ask`, `possible loss` where they hold. */
  show(topic = 't', index = 0): string {
    const record = this.partition(topic, index);
    return [
      `leader ${record.leader} le ${record.leaderEpoch} pe ${record.partitionEpoch}`,
      ` live ${liveMembers(record, this.image).join(',') || 'none'}`,
      ` kept ${keptMembers(record, this.image).join(',') || 'none'}`,
      record.lastKnown.length > 0 ? ` last ${record.lastKnown.join(',')}` : '',
      record.mustAsk ? ' must ask' : '',
      record.possibleLoss ? ' possible loss' : '',
    ].join('');
  }
}

/** Of a process that comes back with everything in order. */
export function registrationOf(cluster: ModelCluster, brokerId: number): RegisterBroker {
  const old = cluster.image.brokers.get(brokerId);
  return {
    brokerId,
    incarnationId: `incarnation-${cluster.incarnations++}`,
    directoryId: `directory-${brokerId}`,
    clusterId: old ? CLUSTER_ID : null,
    listeners: listenersOf(brokerId),
    rack: null,
    software: { name: 'yak', version: '0' },
    protocol: { min: 1, max: 1 },
    isBlank: old === undefined,
    storedBrokerEpoch: old?.brokerEpoch ?? -1,
    wasCleanShutdown: false,
    isSameBoot: true,
    isComplete: true,
    lostPartitions: [],
  };
}

/** Three brokers up, topic t with one partition on 0, 1, 2, m 2. */
export function threeBrokers(topic: Partial<NewTopicCommand> = {}): ModelCluster {
  const cluster = new ModelCluster().up(0, 1, 2);
  const isAssigned = topic.partitions === undefined && topic.replicationFactor === undefined;
  cluster.create({ name: 't', ...(isAssigned ? { assignments: [[0, 1, 2]] } : {}), ...topic });
  return cluster;
}
