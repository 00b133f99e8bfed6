// Two cluster coordinators on one store: who acts, who stands by, who is asked in vain, and what a restarted store means.
import { YakError } from '#kernel';
import { MetadataImage } from '#metadata';
import { DEFAULT_COORDINATOR_CONFIG } from './config.js';
import { SimCoordinators } from './testing/sim-coordinators.js';

const { beatIntervalMs: BEAT_MS, turnTimeoutMs: TURN_MS } = DEFAULT_COORDINATOR_CONFIG;

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'answered',
    (error) => (error as YakError).code,
  );
}

describe('two cluster coordinators on one store', () => {
  it('one acts, the other stands by with a warm copy, says where the first is, and each is known to the other', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    expect([first.state, second.state]).toEqual(['active', 'standby']);
    await cluster.createTopic(first, 't');
    await cluster.until(() => second.coordinator.image.topicsByName.has('t'), 'the standby knows of the topic', 2 * BEAT_MS);
    const error = await cluster.world.settle(second.ask('describeCluster', {}).catch((refusal: unknown) => refusal));
    expect(error).toMatchObject({ code: 'NOT_ACTIVE', acting: { host: 'c0', port: 3180 } });
    await cluster.until(() => first.coordinator.report().standbys.length > 0, 'the standby is seen');
    expect(first.coordinator.report()).toMatchObject({ actor: { id: 0 }, standbys: [{ id: 1, host: 'c1', port: 3180 }] });
    expect(second.coordinator.report()).toMatchObject({ actor: { id: 0, host: 'c0' }, standbys: [] });
  });

  it('R18: takes over when the beat stood still for a session, not before; brokers keep their registration', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    await cluster.world.runFor(5 * TURN_MS);
    expect(second.state).toBe('standby');
    const { epoch } = first;
    first.process.kill();
    const tookMs = await cluster.until(() => second.state === 'active', 'the standby acts');
    expect(tookMs).toBeGreaterThan(TURN_MS - BEAT_MS);
    expect(tookMs).toBeLessThan(TURN_MS + 3 * BEAT_MS);
    expect(second.epoch).toBeGreaterThan(epoch);
    const answer = await cluster.world.settle(second.ask('brokerHeartbeat', cluster.heartbeat()));
    expect(answer).toMatchObject({ error: 'NONE', coordinatorEpoch: second.epoch });
  });

  it('a planned stop releases the turn: the standby takes over at its next look', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    first.process.run('stop', () => void first.coordinator.stop());
    expect(await cluster.until(() => second.state === 'active', 'the standby acts')).toBeLessThan(2 * BEAT_MS);
  });

  it('R17: one that was frozen answers nobody when it wakes up, is refused by the store, and stands by', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    first.process.freeze();
    await cluster.until(() => second.state === 'active', 'the standby acts');
    await cluster.createTopic(second, 'later');
    const late = [
      first.ask('brokerHeartbeat', cluster.heartbeat()),
      first.ask('brokerHeartbeat', cluster.heartbeat({ wantsProof: true })),
      first.ask('createTopics', { topics: [{ name: 'split', partitions: 1, replicationFactor: 1 }] }),
      first.ask('registerBroker', {} as never),
    ].map((answer) => codeOf(answer));
    first.process.resume();
    await cluster.until(() => first.state === 'standby', 'the old one stands by');
    expect(await Promise.all(late)).toEqual(Array(4).fill('NOT_ACTIVE'));
    await cluster.world.runFor(2 * TURN_MS);
    expect([first.state, second.state]).toEqual(['standby', 'active']);
    expect([...second.coordinator.image.topicsByName.keys()]).toEqual(['later']);
  });

  it('R24: a heartbeat that wants proof is answered only after the store confirmed the turn', async () => {
    const { cluster, first } = await SimCoordinators.active();
    // Somebody else takes over between two beats.
    await cluster.world.runFor(BEAT_MS);
    cluster.store.model.run(['take-over', 50, cluster.store.model.runId, 'another', '', 'any']);
    const plain = codeOf(first.ask('brokerHeartbeat', cluster.heartbeat()));
    const proved = codeOf(first.ask('brokerHeartbeat', cluster.heartbeat({ wantsProof: true })));
    await cluster.world.runFor(50);
    expect(await plain).toBe('answered');
    expect(await proved).toBe('NOT_ACTIVE');
  });

  it('R19: who lost the turn does not suspect the store because a broker is ahead of it', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    first.line.isCut = true;
    await cluster.until(() => second.state === 'active', 'the standby acts');
    await cluster.createTopic(second, 'later');
    const { revision, opId } = second.coordinator.image;
    first.line.isCut = false;
    const ahead = { appliedRevision: revision, appliedOpId: opId };
    expect(await codeOf(cluster.world.settle(first.ask('brokerHeartbeat', cluster.heartbeat(ahead))))).toBe('NOT_ACTIVE');
    await cluster.until(() => first.state === 'standby', 'the old one stands by');
    expect(second.coordinator.report()).toMatchObject({ state: 'active', isSuspect: false });
    expect(cluster.store.model.copy().state.suspect).toBeUndefined();

    // The same between two beats, when it is still sure of itself.
    cluster.store.model.run(['take-over', 50, cluster.store.model.runId, 'another', '', 'any']);
    const beyond = { appliedRevision: revision + 7, appliedOpId: 'unheard of' };
    expect(await codeOf(cluster.world.settle(second.ask('brokerHeartbeat', cluster.heartbeat(beyond))))).toBe('NOT_ACTIVE');
    expect(second.state).not.toBe('collecting');
    expect(cluster.store.model.copy().state.suspect).toBeUndefined();
  });

  it('R21: while the store is away nobody takes over and nobody answers; then the same one goes on and fences nobody', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    await cluster.world.settle(first.ask('brokerHeartbeat', cluster.heartbeat()));
    const { epoch } = first;
    for (const one of cluster.all) one.line.isCut = true;
    await cluster.world.runFor(2 * TURN_MS);
    expect(await codeOf(cluster.world.settle(first.ask('brokerHeartbeat', cluster.heartbeat())))).toBe('NOT_ACTIVE');
    expect(second.state).toBe('standby');
    await cluster.world.runFor(60_000);
    for (const one of cluster.all) one.line.isCut = false;
    await cluster.until(() => first.coordinator.report().storeAnsweredAgeMs! < TURN_MS, 'the store answered');
    await cluster.world.runFor(DEFAULT_COORDINATOR_CONFIG.sessionTimeoutMs - 500);
    expect(first.coordinator.image.brokers.get(0)!.isFenced).toBe(false);
    expect({ state: first.state, epoch: first.epoch }).toEqual({ state: 'active', epoch });
    expect(second.state).toBe('standby');
  });

  it('one that cannot reach the store stops answering before the other one acts', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    first.line.isCut = true;
    let both = 0;
    cluster.world.onStep(() => {
      if (second.state === 'active' && first.coordinator.report().storeAnsweredAgeMs! <= TURN_MS && first.state === 'active') both++;
    });
    await cluster.until(() => second.state === 'active', 'the standby acts');
    expect(both).toBe(0);
    await cluster.world.runFor(1_000);
    first.line.isCut = false;
    await cluster.until(() => first.state === 'standby', 'the old one stands by');
  });

  it('ADR 0008: a restart of a store that keeps everything is accepted by the one that acts; nobody else takes it for a loss', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    const { epoch } = first;
    cluster.store.model.restart();
    await cluster.world.runFor(4 * TURN_MS);
    expect({ state: first.state, epoch: first.epoch }).toEqual({ state: 'active', epoch });
    expect(second.state).toBe('standby');
    expect(first.coordinator.report().isSuspect).toBe(false);
  });

  it('R19: a restart that nobody lived through, and a store that came back empty, begin a new history from the brokers', async () => {
    for (const fault of ['restart', 'empty'] as const) {
      const { cluster, first, second } = await SimCoordinators.active();
      await cluster.createTopic(first, 't');
      cluster.image = first.coordinator.image;
      await cluster.world.runFor(2 * BEAT_MS);
      if (fault === 'restart') first.process.kill();
      cluster.store.model[fault]();
      const acting = () => [first, second].find((one) => one.process.isAlive && one.state === 'collecting');
      await cluster.until(() => acting() !== undefined, 'copies are collected');
      const collecting = acting()!;
      await cluster.register(collecting);
      const snapshot = cluster.image.toSnapshot();
      cluster.image = MetadataImage.fromSnapshot(snapshot);
      expect(collecting.coordinator.report().isSuspect).toBe(true);
    }
  });

  it('two that start together on an empty store: one begins the cluster, the other stands by', async () => {
    const cluster = new SimCoordinators(3);
    await Promise.all(cluster.all.map((one) => one.start()));
    await cluster.world.runFor(3 * TURN_MS);
    expect(cluster.all.map(({ state }) => state).sort()).toEqual(['bootstrapping', 'standby', 'standby']);
    const epochs = new Set(cluster.all.map(({ epoch }) => epoch));
    expect(Math.max(...epochs)).toBe(0);
  });

  it('a store that is away at the start is waited for', async () => {
    const cluster = new SimCoordinators(1);
    const [only] = cluster.all as [(typeof cluster.all)[0]];
    cluster.store.isDurable = true;
    const started = only.start();
    only.line.isCut = true;
    await started;
    expect(only.coordinator.report()).toMatchObject({ state: 'inactive', reason: expect.stringContaining('no answer') });
    only.line.isCut = false;
    await cluster.until(() => only.state === 'bootstrapping', 'it begins');
  });
});
