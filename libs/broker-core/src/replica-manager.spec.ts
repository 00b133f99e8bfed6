import { allowAll, YakError } from '#kernel';
import type { MetadataRecord } from '#metadata';
import { silentLogger } from '#seams';
import { LogHarness, TEST_CONFIG } from '../../log/src/testing/log-harness.js';
import { ModelCluster } from '../../metadata/src/testing/model-cluster.js';
import { ClientRegistry } from './clients/client-registry.js';
import type { BrokerConfig, ReplicaDialer } from './contract.js';
import { Counters } from './counters.js';
import { FOLDERS_PER_TURN_MAX, ReplicaManager } from './replica-manager.js';

/** 22 characters with `id-`, as topic ids are. */
const TOPIC = 'topic-1234567890-ab';
const TOPIC_ID = `id-${TOPIC}`;
const FOLDER = `${TOPIC}-0`;

/** Broker 1 of a cluster of three that has one topic with three replicas; its data folder is real, on a simulated disk. */
class Node {
  readonly cluster = new ModelCluster().up(0, 1, 2);
  losses = 0;
  replicas!: ReplicaManager;

  private constructor(readonly harness: LogHarness) {}

  static async start(): Promise<Node> {
    const node = new Node(await LogHarness.open());
    node.harness.directory.storeFoldersMadeRevision(node.cluster.image.revision);
    node.cluster.create({ name: TOPIC, assignments: [[0, 1, 2]] });
    node.boot();
    const { brokerEpoch } = node.cluster.broker(1);
    node.directory.storeBrokerEpoch(brokerEpoch);
    node.replicas.registered(brokerEpoch);
    node.apply();
    return node;
  }

  get directory() {
    return this.harness.directory;
  }

  get seated(): number[] {
    return this.cluster.partition(TOPIC).isr.map((seat) => seat.brokerId);
  }

  /** The process starts with its copy of the metadata as it is. */
  boot(): void {
    const { time } = this.harness;
    const dialer: ReplicaDialer = { dial: () => Promise.reject(new YakError('CONNECTION_REFUSED', 'nobody')) };
    this.replicas = new ReplicaManager(
      {
        config: { brokerId: 1, log: TEST_CONFIG, sessionTimeoutMs: 2_000, fetchMaxBytes: 1_000_000 } as BrokerConfig,
        clock: time.clock,
        scheduler: time.scheduler,
        logger: silentLogger,
        authorizer: allowAll,
        counters: new Counters(),
        clients: new ClientRegistry(time.clock, 1),
        directory: this.directory,
        replicas: dialer,
        emit: () => {},
        sendProposal: () => {},
        onLost: () => this.losses++,
        lastHeartbeatConfirmedAt: () => null,
      },
      this.cluster.image,
    );
  }

  /** Registers with what the data folder says, is unfenced, and applies all of it. */
  register(): void {
    const { brokerEpoch } = this.cluster.register(1, {
      storedBrokerEpoch: this.directory.state.storedBrokerEpoch,
      isComplete: this.directory.state.isComplete,
      lostPartitions: this.replicas.lostPartitions,
    });
    this.directory.storeBrokerEpoch(brokerEpoch);
    this.replicas.registered(brokerEpoch);
    this.cluster.unfence(1);
    this.apply();
  }

  apply(): void {
    this.replicas.apply(this.cluster.image);
  }

  /** kill -9 of everything: 0 leaves the ISR, 1 and 2 are kept. */
  killAll(): void {
    for (const brokerId of [0, 2, 1]) this.cluster.fence(brokerId);
    expect(this.seated).toEqual([1, 2]);
  }

  async restart(): Promise<void> {
    await this.harness.restart('kill');
  }

  /** Something that has nothing to do with this broker. */
  passTime(): void {
    this.cluster.commit([{ type: 'producer-ids', version: 1, nextProducerId: 1_000 } satisfies MetadataRecord]);
  }

  /** The leader admits it again. */
  admit(): void {
    const record = this.cluster.partition(TOPIC);
    const seat = { brokerId: 1, brokerEpoch: this.cluster.broker(1).brokerEpoch };
    this.cluster.commit([{ ...record, isr: [...record.isr, seat], partitionEpoch: record.partitionEpoch + 1 }]);
    this.apply();
  }

  removeFolder(): void {
    this.harness.disk.remove(`${this.harness.directory.path}/${FOLDER}`);
    this.harness.disk.syncDirectory(this.harness.directory.path);
  }
}

describe('folders', () => {
  it('R14: a folder that is gone is lost, however long nothing changed in its partition', async () => {
    const node = await Node.start();
    expect(node.directory.partitions.has(FOLDER)).toBe(true);
    node.passTime();
    node.apply();
    await node.restart();
    node.removeFolder();
    await node.restart();
    node.boot();
    node.killAll();
    expect(node.replicas.lostPartitions).toEqual([{ topicId: TOPIC_ID, partition: 0 }]);
    node.register();
    expect(node.seated).toEqual([2]);
    // Made anew, empty, and not intact for the next start either until it was admitted again.
    expect(node.directory.partitions.get(FOLDER)!.logEndOffset).toBe(0);
    expect(node.directory.state.isComplete).toBe(false);
  });

  it('R14: a kill between the metadata and the making of the folder is no loss', async () => {
    const node = await Node.start();
    node.cluster.create({ name: 'later-234567890-abc', assignments: [[0, 1, 2]] });
    const record = node.cluster.partition('later-234567890-abc');
    node.cluster.commit([{ ...record, partitionEpoch: record.partitionEpoch + 1 }]);
    await node.restart();
    node.boot();
    expect(node.replicas.lostPartitions).toEqual([]);
    node.killAll();
    node.register();
    expect(node.seated).toEqual([1, 2]);
    expect(node.directory.partitions.has('later-234567890-abc-0')).toBe(true);
    expect(node.losses).toBe(0);
  });

  it('R14: a copy of the metadata that does not know the partition does not make a loss good', async () => {
    const node = await Node.start();
    await node.restart();
    node.removeFolder();
    await node.restart();
    const { image } = node.cluster;
    node.cluster.image = new ModelCluster().up(0, 1, 2).image;
    node.boot();
    node.cluster.image = image;
    node.killAll();
    node.register();
    expect(node.seated).toEqual([1, 2]);
    expect(node.losses).toBe(1);
    expect(node.directory.partitions.has(FOLDER)).toBe(false);
    node.register();
    expect(node.seated).toEqual([2]);
    expect(node.directory.partitions.has(FOLDER)).toBe(true);
  });

  it('R15: damaged data is wiped only by metadata that has judged this registration', async () => {
    const node = await Node.start();
    await node.harness.append(0, [5, 5], node.harness.log(FOLDER));
    // A first start stores the recovery point behind both batches: what is below it may not be cut.
    await node.restart();
    node.harness.damage(`${FOLDER}/00000000000000000000.log`, 80);
    await node.restart();
    expect(node.directory.quarantined).toHaveLength(1);
    const { image } = node.cluster;
    const record = node.cluster.partition(TOPIC);
    // Its copy is from a time when it had no seat; meanwhile it was admitted.
    node.cluster.commit([{ ...record, isr: record.isr.filter((seat) => seat.brokerId !== 1), partitionEpoch: record.partitionEpoch + 1 }]);
    const stale = node.cluster.image;
    node.boot();
    node.cluster.image = image;
    const { brokerEpoch } = node.cluster.register(1, { lostPartitions: node.replicas.lostPartitions });
    node.replicas.registered(brokerEpoch);
    node.replicas.apply(stale);
    expect(node.directory.quarantined).toHaveLength(1);
    node.apply();
    expect(node.directory.quarantined).toHaveLength(0);
    expect(node.directory.partitions.has(FOLDER)).toBe(true);
  });

  it('R13: a seat whose data is gone answers that it has nothing, so that nobody waits for it for ever', async () => {
    const node = await Node.start();
    await node.restart();
    node.removeFolder();
    await node.restart();
    node.boot();
    expect(node.replicas.positionFor(TOPIC_ID, 0, 3)).toMatchObject({ leaderEpoch: 3, caughtUpEpoch: -1, syncedEndOffset: 0 });
    expect(node.replicas.positionFor('another', 0, 3)).toBeNull();
  });
});

describe('configs of a topic', () => {
  it('R1: that change reach the log before the record that goes with them, also when they changed while it was not registered', async () => {
    const node = await Node.start();
    const log = node.harness.directory.partitions.get(FOLDER)! as ReturnType<LogHarness['log']>;
    const alter = (configs: Record<string, string>, flushPolicy: 'commit' | 'interval'): void => {
      const topic = node.cluster.image.topicsById.get(TOPIC_ID)!;
      const record = node.cluster.partition(TOPIC);
      node.cluster.commit([
        { ...topic, configs },
        { ...record, flushPolicy, partitionEpoch: record.partitionEpoch + 1 },
      ]);
    };
    alter({ 'segment.bytes': '2048', 'log.flush.policy': 'interval' }, 'interval');
    node.apply();
    const partition = node.replicas.partition(TOPIC, 0)!;
    expect(log.config).toMatchObject({ segmentBytes: 2048, flushPolicy: 'interval', retentionMs: TEST_CONFIG.retentionMs });
    expect(partition.record.flushPolicy).toBe('interval');
    alter({}, 'commit');
    node.apply();
    expect(log.config).toMatchObject({ segmentBytes: TEST_CONFIG.segmentBytes, flushPolicy: 'commit' });
    alter({ 'segment.bytes': '4096' }, 'commit');
    await node.restart();
    node.boot();
    node.apply();
    node.register();
    expect((node.directory.partitions.get(FOLDER)! as typeof log).config.segmentBytes).toBe(4096);
  });
});

describe('asked for its position', () => {
  it('R19: what counts as held is told, under interval what is written, and no lower epoch is taken part in', async () => {
    for (const flushPolicy of ['commit', 'interval'] as const) {
      const node = await Node.start();
      const log = node.harness.log(FOLDER);
      log.updateConfig({ ...TEST_CONFIG, flushPolicy });
      log.appendAsLeader(node.harness.batch(3), 0);
      node.harness.time.betweenTasksAndAnswers = () => {
        const { syncedEndOffset } = node.replicas.positionFor(TOPIC_ID, 0, 9)!;
        expect(syncedEndOffset).toBe(log.heldEndOffset);
        expect(log.flushedEndOffset).toBe(0);
        expect(syncedEndOffset).toBe(flushPolicy === 'commit' ? 0 : 3);
        node.harness.time.betweenTasksAndAnswers = () => {};
      };
      await node.harness.time.turn();
      expect(node.replicas.partition(TOPIC, 0)!.role.kind).toBe('idle');
      node.apply();
      expect(node.replicas.partition(TOPIC, 0)!.role.kind).toBe('idle');
    }
  });
});

describe('complete', () => {
  it('R8: not before it was admitted under the broker epoch of this registration, whatever epoch it had reached before', async () => {
    const node = await Node.start();
    expect(node.replicas.isComplete).toBe(true);
    node.directory.partitions.get(FOLDER)!.markCaughtUp(0);
    await node.restart();
    node.directory.markComplete(false);
    node.boot();
    node.register();
    expect(node.seated).toEqual([0, 2]);
    expect(node.directory.partitions.get(FOLDER)!.caughtUpEpoch).toBe(0);
    expect(node.cluster.partition(TOPIC).leaderEpoch).toBe(0);
    expect(node.replicas.isComplete).toBe(false);
    node.admit();
    expect(node.replicas.isComplete).toBe(true);
  });
});

describe('damage that shows while it runs', () => {
  it('R15: the replica is confessed and made anew, so that its partition does not wait for it for ever', async () => {
    const node = await Node.start();
    const log = node.harness.log(FOLDER);
    await node.harness.append(0, [5, 5], log);
    await node.restart();
    node.boot();
    node.killAll();
    node.register();
    expect(node.cluster.partition(TOPIC).leader).toBe(1);
    const cold = node.harness.log(FOLDER);
    node.harness.damage(`${FOLDER}/00000000000000000000.log`, 8, [0, 0, 0, 1]);
    await node.harness.drive(Promise.resolve(cold.read(0, 10, 1_000, true))).catch(() => {});
    expect(cold.failure).not.toBeNull();
    expect(node.losses).toBe(1);
    expect(node.replicas.lostPartitions).toEqual([{ topicId: TOPIC_ID, partition: 0 }]);
    expect(node.replicas.isComplete).toBe(false);
    node.register();
    expect(node.seated).toEqual([2]);
    expect(node.replicas.lostPartitions).toEqual([]);
    expect(node.harness.log(FOLDER)).toMatchObject({ failure: null, logEndOffset: 0 });
    node.cluster.unfence(2);
    node.apply();
    expect(node.replicas.partition(TOPIC, 0)!.role).toMatchObject({ kind: 'follower', leader: 2 });
  });
});

describe('many partitions', () => {
  it('R14: folders are made a few a turn, and recorded as made only when all are', async () => {
    const node = await Node.start();
    const recorded = node.directory.state.foldersMadeRevision;
    const count = 2 * FOLDERS_PER_TURN_MAX + 5;
    node.cluster.create({ name: 'wide', assignments: Array.from({ length: count }, () => [0, 1, 2]) });
    node.apply();
    const made = (): number => [...node.directory.partitions.keys()].filter((key) => key.startsWith('wide-')).length;
    expect(made()).toBe(FOLDERS_PER_TURN_MAX);
    expect(node.directory.state.foldersMadeRevision).toBe(recorded);
    await node.harness.time.turn();
    expect(made()).toBe(count);
    expect(node.directory.state.foldersMadeRevision).toBe(node.cluster.image.revision);
  });
});
