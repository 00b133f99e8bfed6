/**
 * The product under test in a simulated world: its cluster coordinators (coordinators.ts), three brokers with their Nest
 * doors and replication listeners, one client process. Wired as the processes wire themselves, with simulated seams; hosts
 * keep their disks, processes come and go.
 */
import { Broker, type BrokerConfig } from '#broker-core';
import { type Client, YakClient } from '#client';
import { coordinatorPartition } from '#groups';
import { allowAll, YakError } from '#kernel';
import type { LogConfig } from '#log';
import { dialRpc, RpcServer } from '#rpc';
import { formatAddress } from '#seams';
import { type SimProcess, SimWorld } from '#seams-sim';
import { KafkaDoor, ReplicaClient } from '../../apps/broker/src/doors/kafka/index.js';
import { brokerRpcHandlers } from '../../apps/broker/src/doors/nest-tcp/broker-rpc-handlers.js';
import { CoordinatorChecks } from './coordinator-checks.js';
import { OFFSETS_TOPIC, SimCoordinators } from './coordinators.js';
import { SimStore, STORE_HOST } from './store/sim-store.js';
import { BROKERS, type SwarmOptions } from './swarm-options.js';

/** The one group of the workload. */
export const GROUP = 'readers';
const TCP_PORT = 3125;
const KAFKA_PORT = 9092;
const REPLICATION_PORT = 9192;
const DATA_PATH = '/data';
/** Long enough for slow links, short enough that a dead coordinator is noticed. */
const DIAL_TIMEOUT_MS = 1_000;
const HAND_OVER_TIMEOUT_MS = 4_000;

export interface BrokerNode {
  readonly id: number;
  readonly host: string;
  process: SimProcess | null;
  /** Null while it is dead or starting. */
  broker: Broker | null;
  incarnation: number;
  closeDoors: () => Promise<void>;
  /** Every incarnation, for their counters. */
  readonly everyBroker: Broker[];
}

export class SimCluster {
  readonly world: SimWorld;
  readonly topic = 'events';
  readonly brokers: readonly BrokerNode[];
  readonly clientProcess: SimProcess;
  readonly coordinatorChecks: CoordinatorChecks;
  /** Null: the one coordinator has an embedded store. */
  readonly store: SimStore | null;
  readonly coordinators: SimCoordinators;
  /** Elections that merely gave the new topics their first leaders. */
  initialElections = 0;
  onDiskOperation: (host: string) => void = () => {};
  committedEnd: (partition: number) => number = () => 0;
  diskReplaced: (brokerId: number) => void = () => {};
  /** False when there is no such member, or it is dead. */
  killMember: (member: number, downMs: number) => boolean = () => false;
  private sharedClient: Client | null = null;

  constructor(private readonly options: SwarmOptions) {
    const { seed, latencyMs, syncLatencyMs } = options;
    this.world = new SimWorld({ seed, syncLatencyMs });
    this.world.network.defaultLatency = { minMs: latencyMs.min, maxMs: latencyMs.max };
    this.world.network.splitProbability = options.splitProbability;
    this.world.network.joinProbability = options.joinProbability;
    this.brokers = BROKERS.map((id) => ({
      id,
      host: `broker-${id}`,
      process: null,
      broker: null,
      incarnation: 0,
      closeDoors: async () => {},
      everyBroker: [],
    }));
    for (const { host } of this.brokers) this.world.disk(host).onOperation(() => this.onDiskOperation(host));
    this.clientProcess = this.world.start('client');
    this.coordinatorChecks = new CoordinatorChecks(this);
    this.store = options.store && new SimStore(this.world, options.store.isDurable, this.coordinatorChecks);
    this.coordinators = new SimCoordinators(this.world, options, this.store, this.coordinatorChecks);
    for (const { host } of options.store ? this.coordinators.nodes : [])
      for (const [from, to] of [
        [host, STORE_HOST],
        [STORE_HOST, host],
      ] as const)
        this.world.network.setLatency(from, to, { minMs: options.store!.latencyMs.min, maxMs: options.store!.latencyMs.max });
  }

  // ---- processes ----

  /** Does nothing while it lives. */
  startBroker(id: number): void {
    const node = this.brokers[id]!;
    if (node.process?.isAlive) return;
    node.process = this.world.start(node.host);
    node.incarnation = node.process.incarnation;
    node.broker = null;
    const { process } = node;
    process.run('start', () => void this.runBroker(node, process));
  }

  private async runBroker(node: BrokerNode, process: SimProcess): Promise<void> {
    const { clock, scheduler, random, network, logger, disk } = process;
    const broker = new Broker(this.brokerConfig(node), {
      clock,
      scheduler,
      random,
      disk,
      network,
      logger,
      authorizer: allowAll,
      replicas: new ReplicaClient({ network, scheduler, clock, brokerId: node.id, dialTimeoutMs: DIAL_TIMEOUT_MS }),
      coordinators: {
        dial: (address) => dialRpc(network, scheduler, address, { timeoutMs: DIAL_TIMEOUT_MS }),
        resolve: async (address) => [address],
      },
    });
    node.broker = broker;
    node.everyBroker.push(broker);
    // As the process does: doors first, so that a client is told "not yet" during recovery.
    const { clients } = broker;
    const kafkaDoor = new KafkaDoor({ network, scheduler, clock, logger, broker, clients });
    const nestDoor = new RpcServer({ network, scheduler, clock, logger, handlers: brokerRpcHandlers(broker) });
    nestDoor.onRequest((context) => clients.requested(context));
    nestDoor.onConnectionClosed((clientAddress) => clients.disconnected({ listener: 'nest', clientAddress }));
    node.closeDoors = async () => {
      await Promise.all([nestDoor.close(), kafkaDoor.close()]);
    };
    await kafkaDoor.listen({ host: node.host, port: REPLICATION_PORT }, 'replication');
    await nestDoor.listen({ host: node.host, port: TCP_PORT });
    await broker.start();
  }

  /** A planned stop: leaders are handed over, files closed with a clean marker. False when there is nobody to stop. */
  stopBroker(id: number, onStopped: () => void): boolean {
    const node = this.brokers[id]!;
    const { broker, process } = node;
    if (process?.state !== 'running' || broker === null || broker.report().state !== 'active') return false;
    this.world.note('world', 'fault', `stop broker-${id} with hand-over`);
    process.run('stop', async () => {
      await broker.handOver(HAND_OVER_TIMEOUT_MS);
      await node.closeDoors();
      await broker.stop({ handOver: false });
      process.kill();
      this.world.schedule(50, 'restart', onStopped);
    });
    return true;
  }

  private brokerConfig(node: BrokerNode): BrokerConfig {
    const { replicaFetchWaitMaxMs, replicaLagTimeMaxMs } = this.options;
    const at = (port: number) => ({ host: node.host, port });
    return {
      brokerId: node.id,
      listeners: { kafka: at(KAFKA_PORT), replication: at(REPLICATION_PORT), tcp: at(TCP_PORT), http: at(8080) },
      rack: null,
      software: { name: 'yak', version: 'simulation' },
      dataPath: DATA_PATH,
      coordinators: this.coordinators.addresses,
      heartbeatIntervalMs: 500,
      sessionTimeoutMs: 2_000,
      replicaLagTimeMaxMs,
      replicaFetchWaitMaxMs,
      replicaFetchMaxBytes: 64 * 1024,
      replicaFetchResponseMaxBytes: 256 * 1024,
      highWatermarkCheckpointIntervalMs: 2_500,
      retentionCheckIntervalMs: 5_000,
      autoCreateTopics: false,
      fetchMaxBytes: 1024 * 1024,
      groups: {
        minSessionTimeoutMs: 500,
        maxSessionTimeoutMs: 1_800_000,
        initialRebalanceDelayMs: 50,
        maxSize: 500,
        groupMetadataMaxBytes: 8 * 1_048_576,
        offsetMetadataMaxBytes: 4_096,
        offsetsRetentionMs: 7 * 24 * 3_600_000,
        offsetsCommitTimeoutMs: 5_000,
        offsetsRetentionCheckIntervalMs: 60_000,
      },
      cleaner: { isEnabled: true, backoffMs: 300, ioBytesPerSecondMax: 4 * 1_048_576, dedupeBufferBytes: 65_536 },
      log: this.logConfig(),
      configs: [],
    };
  }

  private logConfig(): LogConfig {
    return {
      segmentBytes: this.options.segmentBytes,
      segmentMs: this.options.segmentMs,
      indexIntervalBytes: this.options.indexIntervalBytes,
      segmentIndexBytes: 4_096,
      retentionMs: -1,
      retentionBytes: -1,
      maxMessageBytes: 1024 * 1024,
      messageTimestampAfterMaxMs: 3_600_000,
      flushPolicy: 'commit',
      flushIntervalMs: 1_000,
      producerIdExpirationMs: 24 * 3_600_000,
      cleanupPolicy: 'delete',
      deleteRetentionMs: 24 * 3_600_000,
      minCleanableDirtyRatio: 0.05,
      minCompactionLagMs: 0,
      maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
    };
  }

  // ---- clients ----

  get bootstrap(): string[] {
    return [...this.brokers.map(({ host }) => `${host}:${TCP_PORT}`), ...this.coordinators.addresses.map(formatAddress)];
  }

  /** Where brokers answer clients. */
  get doors(): { readonly host: string; readonly port: number }[] {
    return this.brokers.map(({ host }) => ({ host, port: TCP_PORT }));
  }

  /** Of the workload's topic. */
  get partitions(): number[] {
    return [...Array(this.options.partitions).keys()];
  }

  client(): Client {
    const { clock, scheduler, random, network, logger } = this.clientProcess;
    this.sharedClient ??= new YakClient(
      { bootstrap: this.bootstrap, requestTimeoutMs: 3_000 },
      { clock, scheduler, random, network, logger },
    );
    return this.sharedClient;
  }

  /** Asks for the topic until it exists; the answer is a condition that holds once every partition has a leader and a full ISR. */
  createTopic(partitions: number): () => boolean {
    let isCreated = false;
    const create = async () => {
      while (!isCreated) {
        try {
          const { topics } = await this.client().admin.createTopics({ topics: [{ name: this.topic, partitions, replicationFactor: 3 }] });
          const error = topics[0]!.error;
          if (error === 'NONE' || error === 'TOPIC_ALREADY_EXISTS') isCreated = true;
        } catch (error) {
          if (!(error instanceof YakError)) throw error;
        }
        if (!isCreated) await new Promise<void>((resolve) => this.clientProcess.scheduler.after(200, resolve));
      }
    };
    let isAsked = false;
    return () => {
      // Not before all brokers may take replicas.
      if (!isAsked && this.activeBrokers() === BROKERS.length) {
        isAsked = true;
        this.clientProcess.run('create topic', () => void create());
      }
      if (!isCreated || !this.isHealthy()) return false;
      this.initialElections = partitions + OFFSETS_TOPIC.partitions;
      return true;
    };
  }

  // ---- what it looks like from outside ----

  leaderOf(partition: number): number | null {
    return this.leaderOfTopic(this.topic, partition);
  }

  groupCoordinator(): number | null {
    return this.leaderOfTopic('__consumer_offsets', coordinatorPartition(GROUP, OFFSETS_TOPIC.partitions));
  }

  private leaderOfTopic(topic: string, partition: number): number | null {
    for (const { id, broker, process } of this.brokers) {
      if (process?.isAlive !== true || broker === null) continue;
      for (const replica of broker.partitions) {
        if (replica.topic === topic && replica.index === partition && replica.leader !== null) return id;
      }
    }
    return null;
  }

  /** All brokers active, every partition led, every replica in sync and with the leader's watermark at the end of its log. */
  isHealthy(): boolean {
    if (this.activeBrokers() < BROKERS.length) return false;
    let led = 0;
    for (const { broker } of this.brokers) {
      for (const partition of broker!.partitions) {
        if (partition.role.kind !== 'leader' && partition.role.kind !== 'follower') return false;
        if (partition.leader === null) continue;
        led++;
        if (partition.record.isr.length < BROKERS.length || partition.leader.proposal !== null) return false;
        if (partition.highWatermark < partition.log.logEndOffset) return false;
      }
    }
    return led === this.options.partitions + OFFSETS_TOPIC.partitions;
  }

  private activeBrokers(): number {
    return this.brokers.filter(({ broker, process }) => process?.isAlive === true && broker?.report().state === 'active').length;
  }

  describe(): string {
    const brokers = this.brokers.map(({ id, broker, process }) => `broker ${id} ${describeBroker(broker, process)}`);
    return [this.coordinators.describe(), ...brokers].join('; ');
  }

  /** Contents of the `.log` files of a replica, oldest first. */
  segmentFiles(brokerId: number, partition: number): Buffer[] {
    const disk = this.world.disk(`broker-${brokerId}`);
    const folder = `${DATA_PATH}/${this.topic}-${partition}`;
    const names = disk.list(folder).filter((name) => name.endsWith('.log'));
    return names.map((name) => disk.readFile(`${folder}/${name}`)!);
  }
}

function describeBroker(broker: Broker | null, process: SimProcess | null): string {
  if (broker === null || process === null || !process.isAlive) return process?.state ?? 'never started';
  const { state, failure } = broker.report();
  const partitions = [...broker.partitions].map((partition) => {
    const { log, role, record } = partition;
    const isr = record.isr.map((member) => member.brokerId).join('');
    const name = `${partition.topic}-${partition.index}`;
    return `${name} ${role.kind} LE ${record.leaderEpoch} PE ${record.partitionEpoch} ISR ${isr} HW ${partition.highWatermark} held ${log.heldEndOffset} LEO ${log.logEndOffset}`;
  });
  return `${process.state} ${state}${failure ? ` (${failure})` : ''} [${partitions.join(', ')}]`;
}
