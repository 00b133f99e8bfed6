import { NEW_HISTORY_STEP } from '#metadata';
import type { LeaderView } from './answers.js';
import { contextOf, SESSION_MS, SimCluster } from './testing/sim-cluster.js';

/** Longest that a fencing may take after the session ended: a poll and a commit. */
const SLACK_MS = 300;

describe('bootstrap', () => {
  it('R19: an empty store waits until every configured broker has registered with a blank disk, and says so', async () => {
    const cluster = new SimCluster();
    await cluster.startCoordinator();
    expect(cluster.coordinator.report()).toMatchObject({ state: 'bootstrapping', reason: expect.stringContaining('brokers 0, 1, 2') });
    cluster.brokers[0]!.start();
    cluster.brokers[1]!.start();
    await cluster.world.runFor(3_000);
    expect(cluster.image.revision).toBe(-1);
    expect(cluster.brokers[0]!.lastRegistration).toMatchObject({
      error: 'BROKER_NOT_AVAILABLE',
      message: expect.stringContaining('brokers 2'),
    });
    await expect(cluster.ask('metadata', { topics: null })).rejects.toMatchObject({
      code: 'NOT_ACTIVE',
      message: expect.stringContaining('brokers 2'),
    });
    cluster.brokers[2]!.start();
    await cluster.until(() => cluster.brokers.every((broker) => broker.isActive), 'active', 1_000);
    expect(cluster.image.cluster).toMatchObject({ configuredBrokers: [0, 1, 2], clusterId: expect.stringMatching(/^.{22}$/) });
    expect(cluster.coordinator.report().state).toBe('active');
  });

  it('a broker of another cluster is turned away for good', async () => {
    const cluster = await SimCluster.active();
    const answer = await cluster.ask('registerBroker', cluster.brokers[0]!.registration({ clusterId: 'other', brokerId: 7 }));
    expect(answer.error).toBe('INCONSISTENT_CLUSTER_ID');
    const old = await cluster.ask('registerBroker', cluster.brokers[0]!.registration({ protocol: { min: 9, max: 9 } }));
    expect(old.error).toBe('UNSUPPORTED_VERSION');
  });
});

describe('who is alive', () => {
  it('R22: a frozen broker is fenced when its session is over, not earlier; its leaders move', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    await cluster.world.runFor(SESSION_MS);
    cluster.brokers[0]!.process!.freeze();
    await cluster.world.runFor(SESSION_MS - 600);
    expect(cluster.show()).toBe('leader 0 live 0,1,2');
    await cluster.world.runFor(600 + SLACK_MS);
    expect(cluster.show()).toBe('leader 1 live 1,2');
    cluster.brokers[0]!.process!.resume();
    await cluster.until(() => cluster.brokers[0]!.isActive, 'unfenced again');
    expect(cluster.show()).toBe('leader 1 live 1,2');
  });

  it('R22: fast path: a closed connection and two refused re-dials fence at once', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    await cluster.world.runFor(SESSION_MS);
    const before = cluster.world.nowMs;
    cluster.brokers[0]!.kill();
    await cluster.until(() => cluster.partition().leader === 1, 'leader moved', 200);
    expect(cluster.world.nowMs - before).toBeLessThan(200);
  });

  it('R22: fast path: a dying process whose door is closed a moment after its connection is still fenced at once', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    await cluster.world.runFor(SESSION_MS);
    const before = cluster.world.nowMs;
    const [broker] = cluster.brokers;
    cluster.connectionClosed(broker!.address);
    broker!.process!.freeze();
    await cluster.world.runFor(15);
    broker!.kill();
    await cluster.until(() => cluster.partition().leader === 1, 'leader moved', 500);
    expect(cluster.world.nowMs - before).toBeLessThan(500);
  });

  it('R22: fast path: not when somebody still listens, not when it is back, not during a grace', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    // Everybody was unfenced less than a session ago.
    cluster.killCoordinator();
    await cluster.startCoordinator();
    cluster.brokers[1]!.kill();
    await cluster.world.runFor(500);
    expect(cluster.fencedBrokers()).toEqual([]);
    await cluster.world.runFor(SESSION_MS);
    expect(cluster.fencedBrokers()).toEqual([1]);
    // The connection broke, the process lives.
    const broker = cluster.brokers[0]!;
    cluster.connectionClosed(broker.address);
    await cluster.world.runFor(500);
    expect(cluster.fencedBrokers()).toEqual([1]);
  });

  it('R22: fast path: never more than half of the brokers per session; the others by their session', async () => {
    const cluster = await SimCluster.active();
    await cluster.world.runFor(SESSION_MS);
    for (const broker of cluster.brokers) broker.kill();
    await cluster.world.runFor(500);
    expect(cluster.fencedBrokers()).toHaveLength(1);
    await cluster.world.runFor(SESSION_MS + SLACK_MS);
    expect(cluster.fencedBrokers()).toEqual([0, 1, 2]);
  });

  it('R22: a pause of the coordinator fences nobody', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    await cluster.world.runFor(SESSION_MS);
    const { revision } = cluster.image;
    for (let round = 0; round < 3; round++) {
      cluster.process.freeze();
      await cluster.world.runFor(10_000);
      cluster.process.resume();
      await cluster.world.runFor(SESSION_MS / 2);
    }
    await cluster.world.runFor(3 * SESSION_MS);
    expect(cluster.image.revision).toBe(revision);
    expect(cluster.fencedBrokers()).toEqual([]);
  });

  it('R22: a machine that slept fences nobody, though no broker speaks at once when it wakes', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    await cluster.world.runFor(SESSION_MS);
    const { revision } = cluster.image;
    for (const process of [cluster.process, ...cluster.brokers.map((broker) => broker.process!)]) process.freeze();
    await cluster.world.runFor(60_000);
    cluster.process.resume();
    await cluster.world.runFor(SESSION_MS - 200);
    for (const broker of cluster.brokers) broker.process!.resume();
    await cluster.world.runFor(3 * SESSION_MS);
    expect(cluster.image.revision).toBe(revision);
  });

  it('R22: fast path: a newer session of the same process counts more than refused dials', async () => {
    const cluster = await SimCluster.active();
    await cluster.world.runFor(SESSION_MS);
    const [broker] = cluster.brokers;
    await cluster.world.settle(broker!.listener!.close());
    cluster.connectionClosed(broker!.address);
    const answer = await cluster.ask('brokerHeartbeat', broker!.heartbeat());
    expect(answer).toMatchObject({ error: 'NONE', isFenced: false });
    await cluster.world.runFor(300);
    expect(cluster.fencedBrokers()).toEqual([]);
  });

  it('R22: unfenced only after it applied the revision that fenced it', async () => {
    const cluster = await SimCluster.active();
    const broker = cluster.brokers[0]!;
    await cluster.world.runFor(SESSION_MS);
    broker.process!.freeze();
    await cluster.until(() => cluster.fencedBrokers().includes(0), 'fenced');
    broker.holdsMetadata = true;
    broker.process!.resume();
    await cluster.world.runFor(3_000);
    expect(cluster.fencedBrokers()).toEqual([0]);
    broker.holdsMetadata = false;
    await cluster.until(() => cluster.fencedBrokers().length === 0, 'unfenced');
    expect(cluster.image.brokers.get(0)!.brokerEpoch).toBe(broker.brokerEpoch);
  });

  it('R22: a sync that runs longer than a session moves the leaders away', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    cluster.brokers[0]!.oldestSyncAgeMs = SESSION_MS + 1;
    await cluster.until(() => cluster.partition().leader === 1, 'moved');
    expect(cluster.show()).toBe('leader 1 live 0,1,2');
  });

  it('R16: a broker whose data folder failed leads nothing and loses its seats', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    cluster.brokers[0]!.isDirectoryOffline = true;
    await cluster.until(() => cluster.fencedBrokers().includes(0), 'fenced');
    await cluster.world.runFor(2_000);
    expect(cluster.show()).toBe('leader 1 live 1,2');
    expect(cluster.image.brokers.get(0)).toMatchObject({ isFenced: true, isIntact: false });
  });

  it('R11: a second process with the same broker id is refused while the first lives', async () => {
    const cluster = await SimCluster.active();
    const [broker] = cluster.brokers;
    for (const directoryId of ['another', broker!.directoryId]) {
      const answer = await cluster.ask('registerBroker', broker!.registration({ incarnationId: 'second', directoryId }));
      expect(answer).toMatchObject({ error: 'DUPLICATE_BROKER_REGISTRATION', brokerEpoch: -1 });
    }
    expect(broker!.isActive).toBe(true);
    // Its connection is gone and the directory's lock was free: it is let through without waiting for the session.
    broker!.kill();
    broker!.start();
    await cluster.until(() => broker!.isActive, 'active', SESSION_MS / 2);
  });
});

describe('coordinator away and back', () => {
  it('R21: a restart with a sound store disturbs no leader, raises the epoch, and fences nobody without a full new session', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    const before = cluster.partition();
    const { coordinatorEpoch, clusterId } = cluster.coordinator.report();
    for (let round = 0; round < 3; round++) {
      cluster.killCoordinator();
      await cluster.world.runFor(5_000);
      await cluster.startCoordinator();
      expect(cluster.coordinator.report()).toMatchObject({ state: 'active', clusterId, isSuspect: false });
    }
    await cluster.world.runFor(3 * SESSION_MS);
    expect(cluster.partition()).toEqual(before);
    expect(cluster.fencedBrokers()).toEqual([]);
    expect(cluster.coordinator.report().coordinatorEpoch).toBeGreaterThanOrEqual(coordinatorEpoch + 3);
    expect(cluster.brokers.every((broker) => broker.highestCoordinatorEpoch === cluster.coordinator.report().coordinatorEpoch)).toBe(true);
    // One that died meanwhile is fenced by a new session.
    cluster.killCoordinator();
    cluster.brokers[0]!.process!.kill();
    await cluster.startCoordinator();
    await cluster.world.runFor(SESSION_MS - 500);
    expect(cluster.partition().leader).toBe(0);
    await cluster.world.runFor(500 + SLACK_MS);
    expect(cluster.show()).toBe('leader 1 live 1,2');
  });

  it('R13: everything killed at once comes back by itself, without waiting for the last', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    for (const broker of cluster.brokers) broker.kill();
    cluster.killCoordinator();
    await cluster.world.runFor(1_000);
    await cluster.startCoordinator();
    cluster.brokers[2]!.start();
    await cluster.until(() => cluster.partition().leader === 2, 'led by the one that is there', 2 * SESSION_MS);
    cluster.brokers[0]!.start();
    cluster.brokers[1]!.start();
    await cluster.until(() => cluster.brokers.every((broker) => broker.isActive), 'all back');
    expect(cluster.partition()).toMatchObject({ leader: 2, possibleLoss: false });
  });

  it('R13: those whose sessions end together give up no seat for each other', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    for (const broker of cluster.brokers) broker.process!.kill();
    cluster.killCoordinator();
    await cluster.startCoordinator();
    await cluster.world.runFor(2 * SESSION_MS);
    expect(cluster.show()).toBe('leader -1 live none kept 0,1,2');
    // Whoever comes back holds everything and may lead.
    cluster.brokers[0]!.start();
    await cluster.until(() => cluster.partition().leader === 0, 'led by the one that is there');
    expect(cluster.partition().possibleLoss).toBe(false);
  });

  it('R10: a seat that was kept for want of others goes once they are heard', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    cluster.killCoordinator();
    cluster.brokers[0]!.process!.kill();
    cluster.brokers[0]!.start();
    for (const broker of cluster.brokers.slice(1)) broker.process!.freeze();
    await cluster.startCoordinator();
    await cluster.until(() => cluster.image.brokers.get(0)!.isFenced, 'registered before the others were heard');
    expect(cluster.show()).toBe('leader 1 live 1,2 kept 0');
    cluster.brokers[0]!.process!.kill();
    for (const broker of cluster.brokers.slice(1)) broker.process!.resume();
    await cluster.until(() => cluster.show() === 'leader 1 live 1,2', 'no watermark waits for it', SESSION_MS);
  });

  it('R13: when no member is intact all of them are asked, the highest wins, and the loss is on record', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    for (const [id, broker] of cluster.brokers.entries()) {
      broker.kill();
      broker.isComplete = false;
      broker.position = { lastEpoch: 0, caughtUpEpoch: 0, syncedEndOffset: 100 + id, maxProducerId: 4_999 };
    }
    cluster.brokers[0]!.start();
    cluster.brokers[1]!.start();
    await cluster.until(() => cluster.brokers[0]!.isActive && cluster.brokers[1]!.isActive, 'two back');
    await cluster.world.runFor(3_000);
    expect(cluster.partition().leader).toBe(-1);
    cluster.brokers[2]!.start();
    await cluster.until(() => cluster.partition().leader === 2, 'the highest leads');
    expect(cluster.partition()).toMatchObject({ possibleLoss: true, mustAsk: true });
    // A producer id that was seen is never given again.
    expect(cluster.image.nextProducerId).toBe(5_000);
  });

  it('R16, R20: a store that fails makes the coordinator stop acting; nothing undecided was answered', async () => {
    const cluster = await SimCluster.active();
    cluster.process.simDisk.injectFault({ kinds: ['sync'], code: 'EIO', path: /metadata.log/ });
    await expect(cluster.ask('createTopics', { topics: [{ name: 't' }] })).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
    await cluster.world.runFor(3_000);
    expect(cluster.coordinator.report()).toMatchObject({ state: 'inactive', reason: expect.stringContaining('EIO') });
    expect(cluster.brokers[0]!.image.topicsByName.size).toBe(0);
    await expect(cluster.ask('metadata', { topics: null })).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
    // The process is started anew: the entry is there or not, and the cluster goes on.
    cluster.killCoordinator();
    await cluster.startCoordinator();
    await cluster.world.runFor(1_000);
    expect((await cluster.ask('createTopics', { topics: [{ name: 'u' }] })).topics[0]!.error).toBe('NONE');
  });
});

describe('a suspect store', () => {
  function loseStore(cluster: SimCluster): void {
    cluster.killCoordinator();
    cluster.world.disk('c').remove('/coordinator');
  }

  it('R19: an empty store in front of brokers with data rebuilds a new history from their highest copy and asks for every leader', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    await cluster.world.runFor(1_000);
    const { clusterId, coordinatorEpoch, revision } = cluster.coordinator.report();
    const before = cluster.partition();
    cluster.brokers[0]!.position = { lastEpoch: 3, caughtUpEpoch: 3, syncedEndOffset: 10, maxProducerId: 77 };
    cluster.brokers[1]!.position = { lastEpoch: 9, caughtUpEpoch: 2, syncedEndOffset: 900, maxProducerId: -1 };
    cluster.brokers[2]!.position = { lastEpoch: 3, caughtUpEpoch: 3, syncedEndOffset: 11, maxProducerId: -1 };
    loseStore(cluster);
    await cluster.startCoordinator();
    await cluster.until(() => cluster.coordinator.report().state === 'active', 'rebuilt');
    await cluster.until(() => cluster.partition().leader !== -1, 'elected by asking');
    const report = cluster.coordinator.report();
    expect(report).toMatchObject({ clusterId });
    expect(report.coordinatorEpoch).toBeGreaterThan(coordinatorEpoch + NEW_HISTORY_STEP);
    expect(report.revision).toBeGreaterThan(revision + NEW_HISTORY_STEP);
    expect(cluster.image.nextProducerId).toBeGreaterThan(77 + NEW_HISTORY_STEP);
    expect(cluster.partition().leaderEpoch).toBeGreaterThan(9 + NEW_HISTORY_STEP);
    expect(cluster.partition().partitionEpoch).toBeGreaterThan(before.partitionEpoch + NEW_HISTORY_STEP);
    // Of the two that reached the highest epoch, the one that holds more.
    await cluster.until(() => cluster.brokers.every((broker) => broker.isActive), 'all back');
    expect([0, 2]).toContain(cluster.partition().leader);
    await cluster.until(() => !cluster.coordinator.report().isSuspect, 'no longer suspect');
    for (const broker of cluster.brokers) expect(broker.brokerEpoch).toBeGreaterThan(revision + NEW_HISTORY_STEP);
    expect((await cluster.ask('createTopics', { topics: [{ name: 'u' }] })).topics[0]!.error).toBe('NONE');
  });

  it('R19: a store that went back is found out by any broker that knows more', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic('t');
    const old = cluster.world.disk('c').readFile('/coordinator/metadata.log')!;
    await cluster.createTopic('later');
    await cluster.world.runFor(1_000);
    cluster.killCoordinator();
    const disk = cluster.world.disk('c');
    disk.remove('/coordinator/metadata.log');
    const file = disk.open('/coordinator/metadata.log', { create: true });
    file.write([old], 0);
    file.syncNow();
    file.close();
    await cluster.startCoordinator();
    await cluster.until(() => cluster.image.revision > NEW_HISTORY_STEP, 'a new history');
    await cluster.until(() => cluster.brokers.every((broker) => broker.isActive), 'all back');
    expect(cluster.image.topicsByName.has('later')).toBe(true);
    expect(cluster.brokers.every((broker) => broker.image.topicsByName.has('later'))).toBe(true);
    await cluster.until(() => !cluster.coordinator.report().isSuspect, 'no longer suspect');
  });

  it('R19: who asks for metadata from beyond the end of the store is given nothing older', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic('t');
    const { revision } = cluster.image;
    const fetch = { brokerId: 0, afterRevision: revision + 5, afterOpId: 'later', maxWaitMs: 0 };
    await expect(cluster.ask('metadataFetch', fetch)).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
    expect(cluster.coordinator.report()).toMatchObject({
      state: 'collecting',
      reason: expect.stringContaining(`revision ${revision + 5}`),
    });
    await cluster.until(() => cluster.coordinator.report().state === 'active' && !cluster.coordinator.report().isSuspect, 'settled');
    const other = { ...fetch, afterRevision: cluster.image.revision, afterOpId: 'of another history' };
    await expect(cluster.ask('metadataFetch', other)).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
  });

  it('R19: a suspicion outlives the coordinator, and whoever raised it', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic('t');
    await cluster.world.runFor(1_000);
    for (const broker of cluster.brokers) broker.process!.kill();
    const { revision, coordinatorEpoch } = cluster.coordinator.report();
    const knows = cluster.brokers[0]!.registration({ metadataRevision: revision + 7, metadataOpId: 'later' });
    await expect(cluster.ask('registerBroker', knows)).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
    cluster.killCoordinator();
    await cluster.startCoordinator();
    expect(cluster.coordinator.report()).toMatchObject({
      state: 'collecting',
      reason: expect.stringContaining(`broker 0 holds metadata revision ${revision + 7}`),
    });
    expect(cluster.coordinator.report().coordinatorEpoch).toBeGreaterThan(coordinatorEpoch);
    for (const broker of cluster.brokers) broker.start();
    await cluster.until(() => cluster.image.revision > NEW_HISTORY_STEP, 'a new history');
    await cluster.until(() => !cluster.coordinator.report().isSuspect, 'no longer suspect');
    // Settled: the next start is a plain one.
    cluster.killCoordinator();
    await cluster.startCoordinator();
    expect(cluster.coordinator.report()).toMatchObject({ state: 'active', isSuspect: false });
  });

  it('R19: an old copy of the store that was written on is found out by another op id at the same revision', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic('t');
    await cluster.world.runFor(1_000);
    const answer = await cluster.ask('brokerHeartbeat', cluster.brokers[0]!.heartbeat({ appliedOpId: 'of another history' }));
    expect(answer.error).toBe('BROKER_ID_NOT_REGISTERED');
    expect(cluster.coordinator.report()).toMatchObject({ state: 'collecting', reason: expect.stringContaining('another entry') });
    await cluster.until(() => cluster.coordinator.report().state === 'active' && !cluster.coordinator.report().isSuspect, 'settled');
  });
});

describe('planned stops', () => {
  it('R28: hand-over: leaders move, the others apply it, then it may go; the slot is free again once it is fenced', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    const [first, second, third] = cluster.brokers;
    second!.holdsMetadata = true;
    await cluster.world.runFor(1_500);
    first!.wantsShutdown = true;
    third!.wantsShutdown = true;
    await cluster.world.runFor(1_000);
    const going = [first!, third!].filter((broker) => cluster.image.brokers.get(broker.id)!.isShuttingDown);
    expect(going).toHaveLength(1);
    expect(going[0]!.mayShutDown).toBe(false);
    second!.holdsMetadata = false;
    await cluster.until(() => going[0]!.mayShutDown, 'let go');
    expect(cluster.partition().leader).not.toBe(going[0]!.id);
    going[0]!.kill();
    await cluster.until(() => cluster.fencedBrokers().includes(going[0]!.id), 'fenced at once', 200);
    const other = going[0] === first ? third! : first!;
    await cluster.world.runFor(2_000);
    expect(other.mayShutDown).toBe(false);
  });
});

describe('what clients ask', () => {
  it('automatic topics exist, and their leaders know of them, before the first answer', async () => {
    const cluster = await SimCluster.active();
    const before = cluster.world.nowMs;
    const answer = await cluster.ask('metadata', { topics: ['new', '..'], allowAutoTopicCreation: true });
    expect(cluster.world.nowMs - before).toBeLessThan(200);
    expect(answer.topics[0]).toMatchObject({ name: 'new', error: 'NONE' });
    expect(answer.topics[0]!.partitions).toHaveLength(3);
    expect(answer.topics[0]!.partitions.map((partition) => partition.replicas.length)).toEqual([3, 3, 3]);
    expect(answer.topics[1]).toMatchObject({ error: 'INVALID_TOPIC_EXCEPTION' });
    for (const partition of answer.topics[0]!.partitions) {
      expect(cluster.brokers[partition.leader]!.image.partition(answer.topics[0]!.topicId, partition.partition)).toBeDefined();
    }
    const none = await cluster.ask('metadata', { topics: ['other'] });
    expect(none.topics[0]).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(answer.brokers).toHaveLength(3);
  });

  it('a client that waits for newer metadata is answered by the next commit, or in time', async () => {
    const cluster = await SimCluster.active();
    await cluster.world.runFor(1_000);
    const { revision } = cluster.image;
    const early = await cluster.ask('metadata', { topics: null, newerThanRevision: revision, maxWaitMs: 700 });
    expect(early.revision).toBe(revision);
    const waiting = cluster.ask('metadata', { topics: null, newerThanRevision: revision, maxWaitMs: 10_000 });
    const creating = cluster.request(cluster.brokers[0]!.process!, 'b0:99', 'createTopics', { topics: [{ name: 't' }] });
    const before = cluster.world.nowMs;
    expect((await waiting).topics[0]).toMatchObject({ name: 't' });
    expect(cluster.world.nowMs - before).toBeLessThan(100);
    await cluster.world.settle(creating);
  });

  it('R17: a broker that follows is told at once, one that is lost gets a snapshot', async () => {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    const { revision } = cluster.image;
    expect(cluster.brokers.every((broker) => broker.image.revision === revision)).toBe(true);
    const fetch = (afterRevision: number, afterOpId: string) =>
      cluster.ask('metadataFetch', { brokerId: 0, afterRevision, afterOpId, maxWaitMs: 0 });
    expect(await fetch(-1, '')).toMatchObject({ snapshot: { revision }, entries: [] });
    expect(await fetch(revision, cluster.image.opId)).toMatchObject({ snapshot: null, entries: [] });
  });

  it('leaders are published after each election; the description tells ages and states', async () => {
    const cluster = await SimCluster.active();
    const seen: LeaderView[] = [];
    const stop = cluster.coordinator.onLeaderChange((view) => seen.push(view));
    await cluster.createTopic();
    await cluster.world.runFor(SESSION_MS);
    cluster.brokers[0]!.kill();
    await cluster.until(() => seen.length === 2, 'published');
    expect(seen.map(({ topic, partition, leader, leaderEpoch }) => [topic, partition, leader, leaderEpoch])).toEqual([
      ['t', 0, 0, 0],
      ['t', 0, 1, 1],
    ]);
    expect(cluster.coordinator.leaders()).toEqual([seen[1]]);
    stop();
    const description = await cluster.ask('describeCluster', {});
    expect(description.coordinator).toMatchObject({ host: 'c', port: 3180, isSuspect: false, store: 'embedded' });
    expect(description.brokers.map((broker) => broker.state)).toEqual(['fenced', 'active', 'active']);
    expect(description.brokers[1]!.lastHeartbeatAgeMs).toBeLessThanOrEqual(600);
    expect(cluster.coordinator.report()).toMatchObject({ state: 'active', leaderlessPartitions: 0, askedPartitions: 0 });
  });

  it('R9: an ISR change is committed and told; the preferred replica leads again after the delay', async () => {
    const cluster = await SimCluster.active({ leaderRebalanceDelayMs: 3_000 });
    await cluster.createTopic();
    await cluster.world.runFor(SESSION_MS);
    const [first, second] = cluster.brokers;
    first!.kill();
    await cluster.until(() => cluster.partition().leader === 1, 'leader moved');
    first!.start();
    await cluster.until(() => first!.isActive, 'back');
    const { topicId, partition, leaderEpoch, partitionEpoch, isr } = cluster.partition();
    const answer = await cluster.ask('alterPartition', {
      brokerId: 1,
      brokerEpoch: second!.brokerEpoch,
      topicId,
      partition,
      leaderEpoch,
      partitionEpoch,
      isr: [...isr, { brokerId: 0, brokerEpoch: first!.brokerEpoch }],
    });
    expect(answer).toMatchObject({ error: 'NONE', current: { partitionEpoch: partitionEpoch + 1 } });
    expect(cluster.show()).toBe('leader 1 live 0,1,2');
    await cluster.world.runFor(2_500);
    expect(cluster.partition().leader).toBe(1);
    await cluster.until(() => cluster.partition().leader === 0, 'preferred leads', 2_500);
  });

  it('R19: producer ids are given in blocks, never twice, also across restarts', async () => {
    const cluster = await SimCluster.active();
    const { brokerEpoch } = cluster.brokers[0]!;
    const given = new Set<number>();
    for (let round = 0; round < 3; round++) {
      const { firstProducerId, error } = await cluster.ask('allocateProducerIds', { brokerId: 0, brokerEpoch });
      expect([error, given.has(firstProducerId)]).toEqual(['NONE', false]);
      given.add(firstProducerId);
      cluster.killCoordinator();
      await cluster.startCoordinator();
    }
  });

  it('stops: whoever waits hears NOT_ACTIVE, the store is closed', async () => {
    const cluster = await SimCluster.active();
    const waiting = cluster.coordinator.handlers.metadataFetch!(
      { brokerId: 0, afterRevision: cluster.image.revision, afterOpId: cluster.image.opId, maxWaitMs: 10_000 },
      contextOf('b0:1'),
    );
    const outcome = expect(waiting).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
    await cluster.world.settle(cluster.coordinator.stop());
    await outcome;
    await expect(cluster.ask('describeCluster', {})).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
    expect(cluster.coordinator.report().state).toBe('stopped');
  });
});
