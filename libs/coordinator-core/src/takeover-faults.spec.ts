// Takeovers that go wrong half-way: what is answered too late, or never, must not leave a cluster without a coordinator.
import { YakError } from '#kernel';
import { DEFAULT_COORDINATOR_CONFIG } from './config.js';
import { type SimCoordinator, SimCoordinators } from './testing/sim-coordinators.js';
import { RELEASE_TIMEOUT_MS } from './turn-taker.js';

const { beatIntervalMs: BEAT_MS, turnTimeoutMs: TURN_MS } = DEFAULT_COORDINATOR_CONFIG;

const somebodyElse = JSON.stringify({ id: 7, host: 'c7', port: 1 });

describe('a takeover that goes wrong half-way', () => {
  it('a turn that is lost while the chain is loaded again is begun anew once, not twice', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    const { model } = cluster.store;
    first.process.kill();
    await cluster.until(() => model.copy().state.actor?.includes('c1') ?? false, 'the second took over');
    // What it asks for next is answered after the turn was taken away.
    second.line.lateAnswers.set('load', 900);
    await cluster.world.runFor(20);
    model.run(['take-over', 50, model.runId, 'another', somebodyElse, 'any']);
    await cluster.until(() => second.state === 'active', 'it acts');
    const { epoch } = second;
    await cluster.world.runFor(2 * TURN_MS);
    // One that still stood by would take itself for a standby when the store is back.
    second.line.isCut = true;
    await cluster.world.runFor(TURN_MS);
    second.line.isCut = false;
    await cluster.world.runFor(2 * TURN_MS);
    expect({ state: second.state, epoch: second.epoch }).toEqual({ state: 'active', epoch });
    expect(model.copy().state.coordinatorEpoch).toBe(`${epoch}`);
  });

  it('a takeover whose answer was lost: nobody acts for a session, then one does, with an epoch of its own', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    first.process.kill();
    second.line.lateAnswers.set('take-over', 60_000);
    await cluster.until(() => cluster.store.model.copy().state.actor?.includes('c1') ?? false, 'the second took over');
    const taken = Number(cluster.store.model.copy().state.coordinatorEpoch);
    const tookMs = await cluster.until(() => second.state === 'active', 'it acts');
    expect(tookMs).toBeLessThan(1_000 + TURN_MS + 4 * BEAT_MS);
    expect(second.epoch).toBe(taken + 1);
  });

  it('R19: a turn that is lost in the middle of a new history: it stands by, and begins another one when its turn comes', async () => {
    for (const verb of ['take-over', 'snapshot']) {
      const { cluster, first, second } = await SimCoordinators.active();
      const { model } = cluster.store;
      await cluster.createTopic(first, 't');
      cluster.image = first.coordinator.image;
      const before = first.epoch;
      first.process.kill();
      model.rollBack({ ...model.copy(), state: { ...model.copy().state, suspect: 'a test' } });
      await cluster.until(() => second.state === 'collecting', 'copies are collected');
      second.line.lateAnswers.set(verb, 900);
      const begun = cluster.offerCopy(second);
      await cluster.until(() => Number(model.copy().state.coordinatorEpoch) > before + 1_000_000, 'the epoch of a new history');
      await cluster.world.runFor(20);
      model.run(['take-over', 0, model.runId, 'another', somebodyElse, 'any']);
      await cluster.until(() => second.state === 'standby', 'it stands by');
      await cluster.world.settle(begun);
      await cluster.until(() => second.state === 'collecting' || second.state === 'active', 'it has the turn again');
      if (second.state === 'collecting') await cluster.world.settle(cluster.offerCopy(second));
      await cluster.until(() => second.state === 'active', 'it acts');
      expect(second.coordinator.image.topicsByName.has('t')).toBe(true);
      for (const isCut of [true, false]) {
        second.line.isCut = isCut;
        await cluster.world.runFor(2 * TURN_MS);
      }
      expect(second.state).toBe('active');
    }
  });
});

describe('one that was replaced between two beats', () => {
  it('voids no registration that its successor took', async () => {
    const { cluster, first } = await SimCoordinators.active();
    const { model } = cluster.store;
    await cluster.world.settle(first.ask('brokerHeartbeat', cluster.heartbeat({ wantsProof: true })));
    model.run(['take-over', 50, model.runId, 'another', somebodyElse, 'any']);
    const newer = first.ask('brokerHeartbeat', cluster.heartbeat({ brokerEpoch: cluster.registration!.brokerEpoch + 5 }));
    await expect(cluster.world.settle(newer)).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
  });

  it('one that has the turn says it, and one that collects copies too', async () => {
    const { cluster, first } = await SimCoordinators.active();
    const unknown = cluster.heartbeat({ brokerEpoch: cluster.registration!.brokerEpoch + 5 });
    expect(await cluster.world.settle(first.ask('brokerHeartbeat', unknown))).toMatchObject({ error: 'STALE_BROKER_EPOCH' });
    const ahead = cluster.heartbeat({ appliedRevision: 1_000, appliedOpId: 'unheard of' });
    expect(await cluster.world.settle(first.ask('brokerHeartbeat', ahead))).toMatchObject({ error: 'BROKER_ID_NOT_REGISTERED' });
    expect(first.state).toBe('collecting');
    // At once: the line is lost when the metadata is asked for, and whoever was not told by then would never offer its copy.
    let isAnswered = false;
    const again = first.ask('brokerHeartbeat', ahead).then((answer) => {
      isAnswered = answer.error === 'BROKER_ID_NOT_REGISTERED';
    });
    const fetch = first.ask('metadataFetch', { brokerId: 0, afterRevision: -1, afterOpId: '', maxWaitMs: 0 });
    await expect(cluster.world.settle(fetch)).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
    expect(isAnswered).toBe(true);
    await again;
  });
});

describe('a store that was restarted before the cluster began', () => {
  it('R19: begins it all the same when every configured broker comes with an empty data folder: there is nothing to have lost', async () => {
    const cluster = new SimCoordinators();
    const [first, second] = cluster.all as [SimCoordinator, SimCoordinator];
    await first.start();
    first.process.kill();
    cluster.store.model.restart();
    await second.start();
    await cluster.until(() => second.state === 'collecting', 'the restart is suspect');
    await cluster.register(second);
    await cluster.until(() => second.state === 'active', 'the cluster began');
    cluster.registration = null;
    await cluster.register(second);
    expect(cluster.registration!.error).toBe('NONE');
  });

  it('R19: not when the store holds a cluster, though every broker is empty', async () => {
    const { cluster, first, second } = await SimCoordinators.active();
    first.process.kill();
    cluster.store.model.restart();
    await cluster.until(() => second.state === 'collecting', 'the restart is suspect');
    cluster.registration = null;
    cluster.image = new SimCoordinators().image;
    const { clusterId } = second.coordinator.report();
    await cluster.register(second);
    await cluster.world.runFor(TURN_MS);
    // It goes on from what the store has, if at all.
    expect(second.coordinator.report().clusterId).toBe(clusterId);
  });
});

describe('a stop', () => {
  it('ends in time though the store does not answer, in whatever state', async () => {
    for (const state of ['active', 'standby', 'starting'] as const) {
      const { cluster, first, second } = await SimCoordinators.active();
      const one = state === 'active' ? first : second;
      if (state === 'starting') {
        first.process.kill();
        await cluster.until(() => cluster.store.model.copy().state.actor?.includes('c1') ?? false, 'the second took over');
      }
      for (const each of cluster.all) each.line.isCut = true;
      let isStopped = false;
      one.process.run('stop', () => void one.coordinator.stop().then(() => (isStopped = true)));
      await cluster.until(() => isStopped, `a stop of one that is ${state}`, RELEASE_TIMEOUT_MS + 50);
      await cluster.world.runFor(3 * TURN_MS);
      expect(one.state).toBe('stopped');
    }
  });
});

describe('a store that is away for long', () => {
  it('fills no log, whether its connections hang or are refused', async () => {
    const cluster = new SimCoordinators(3);
    const [first, second, third] = cluster.all as [SimCoordinator, SimCoordinator, SimCoordinator];
    const refuse = ({ line }: SimCoordinator): void => {
      line.run = () => Promise.reject(new YakError('METADATA_STORE_UNAVAILABLE', 'connect ECONNREFUSED'));
    };
    await first.start();
    await cluster.register(first);
    await second.start();
    const starting = third.start();
    refuse(third);
    await starting;
    refuse(first);
    second.line.isCut = true;
    await cluster.world.runFor(120_000);
    const lines = cluster.world.trace.tail().filter((line) => / (warn|error)/.test(line));
    expect([first.state, second.state, third.state]).toEqual(['active', 'standby', 'inactive']);
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.length).toBeLessThan(10);
  });
});
