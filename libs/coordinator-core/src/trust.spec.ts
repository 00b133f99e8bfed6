// The operator's word (R19): what is begun without somebody's copy, what of it is said before, and what becomes of those who come later.
import { NEW_HISTORY_STEP } from '#metadata';
import { SimCluster } from './testing/sim-cluster.js';

/** The store is lost while broker 2 is dead; the copies of the others have come. */
async function collecting(lose = (cluster: SimCluster) => cluster.brokers[2]!.kill()): Promise<SimCluster> {
  const cluster = await SimCluster.active();
  await cluster.createTopic();
  await cluster.world.runFor(1_000);
  lose(cluster);
  await cluster.world.runFor(1_000);
  cluster.killCoordinator();
  cluster.world.disk('c').remove('/coordinator');
  await cluster.startCoordinator();
  await cluster.until(() => cluster.coordinator.report().reason?.endsWith('brokers 2') === true, 'all copies but one');
  return cluster;
}

const seenOf = async (cluster: SimCluster) => {
  const { action, coordinatorEpoch, brokers } = await cluster.ask('trustStore', {});
  return { action, coordinatorEpoch, brokers };
};

describe('while copies are collected', () => {
  it('R19: it waits for the copy of every known broker, says for whom and what trust would do, and does nothing by itself', async () => {
    const cluster = await collecting();
    await cluster.world.runFor(20_000);
    const { coordinatorEpoch } = cluster.coordinator.report();
    expect(cluster.coordinator.report()).toMatchObject({ state: 'collecting', isSuspect: true });
    await expect(cluster.ask('metadata', { topics: null })).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
    const { clusterId } = cluster.brokers[0]!;
    const revision = cluster.brokers[0]!.image.revision;
    expect(await cluster.ask('trustStore', {})).toEqual({
      isDone: false,
      action: 'begin-history',
      coordinatorEpoch,
      clusterId,
      brokers: [2],
      copies: [
        { brokerId: 0, revision },
        { brokerId: 1, revision },
      ],
      reason: expect.stringContaining('waiting for the copies of brokers 2'),
      message: expect.stringMatching(
        new RegExp(`from the copy of broker 0 at revision ${revision}, without the copies of brokers 2: .*given up`),
      ),
    });
    expect(cluster.coordinator.report()).toMatchObject({ state: 'collecting', coordinatorEpoch });
  });

  it('R19: trust begins the new history, elections ask, the suspicion ends, and the missing one joins later if it knows no more', async () => {
    const cluster = await collecting();
    const { clusterId } = cluster.brokers[0]!;
    cluster.brokers[0]!.position = { lastEpoch: 1, caughtUpEpoch: 1, syncedEndOffset: 10, maxProducerId: -1 };
    cluster.brokers[1]!.position = { lastEpoch: 1, caughtUpEpoch: 1, syncedEndOffset: 12, maxProducerId: -1 };
    expect(await cluster.trust()).toMatchObject({ isDone: true, action: 'begin-history', clusterId, brokers: [2] });
    expect(cluster.partition()).toMatchObject({ leader: -1, mustAsk: true });
    await cluster.until(() => cluster.partition().leader !== -1, 'two of three are enough');
    expect(cluster.partition()).toMatchObject({ leader: 1, possibleLoss: false });
    // Nobody whose copy came is still awaited; the operator's word is enough for the other one.
    await cluster.until(() => !cluster.coordinator.report().isSuspect, 'no longer suspect');
    expect((await cluster.ask('createTopics', { topics: [{ name: 'u', assignments: [[0, 1]] }] })).topics[0]!.error).toBe('NONE');
    cluster.brokers[2]!.start();
    await cluster.until(() => cluster.brokers[2]!.isActive, 'joins the new history');
    await cluster.until(() => cluster.brokers[2]!.image.topicsByName.has('u'), 'knows it');
  });

  it('R19: without the copies of all that may lead, a partition waits, and an unclean election is on record as possible loss', async () => {
    const cluster = await collecting();
    cluster.brokers[1]!.kill();
    await cluster.trust();
    await cluster.until(() => cluster.brokers[0]!.isActive, 'the only one');
    await cluster.world.runFor(5_000);
    const elect = { topic: 't', partition: 0, kind: 'unclean' } as const;
    expect(await cluster.ask('electLeader', { ...elect, validateOnly: true })).toMatchObject({
      error: 'NONE',
      leader: 0,
      possibleLoss: true,
      waitsFor: 'answers of 2 intact replicas; 1 came',
    });
    expect(cluster.partition()).toMatchObject({ leader: -1, possibleLoss: false });
    expect(await cluster.ask('electLeader', elect)).toMatchObject({ error: 'NONE', leader: 0, isr: [0], possibleLoss: true });
    expect(cluster.partition()).toMatchObject({ leader: 0, possibleLoss: true });
    expect(await cluster.ask('electLeader', elect)).toMatchObject({ error: 'INVALID_REQUEST', leader: 0, waitsFor: null });
  });

  it('a confirmation counts for what was seen: another action, other brokers, another coordinator epoch, a second call change nothing', async () => {
    const cluster = await collecting();
    const confirm = await seenOf(cluster);
    const { coordinatorEpoch } = confirm;
    for (const changed of [
      { ...confirm, brokers: [] },
      { ...confirm, brokers: [1, 2] },
      { ...confirm, action: 'begin-cluster' as const },
      { ...confirm, coordinatorEpoch: coordinatorEpoch - 1 },
    ]) {
      await expect(cluster.ask('trustStore', { confirm: changed })).rejects.toMatchObject({
        code: 'SITUATION_CHANGED',
        message: expect.stringContaining('nothing was done'),
      });
    }
    expect(cluster.coordinator.report()).toMatchObject({ state: 'collecting', coordinatorEpoch });
    const client = cluster.world.start('operator');
    const both = [1, 2].map(() => cluster.request(client, 'operator:1', 'trustStore', { confirm }));
    const answers = await cluster.world.settle(Promise.allSettled(both));
    const refusals = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(refusals).toMatchObject([{ code: expect.stringMatching(/^(BUSY|SITUATION_CHANGED)$/) }]);
    expect(cluster.coordinator.report().state).toBe('active');
    const { revision } = cluster.coordinator.report();
    await expect(cluster.ask('trustStore', { confirm })).rejects.toMatchObject({ code: expect.stringMatching(/CHANGED|NOT_SUSPECT/) });
    expect(cluster.coordinator.report().revision).toBeLessThan(revision + NEW_HISTORY_STEP);
  });

  it('R19: the last copy comes after all: the history begins by itself, and the old confirmation is void', async () => {
    const cluster = await collecting();
    const confirm = await seenOf(cluster);
    cluster.brokers[2]!.start();
    await cluster.until(() => cluster.coordinator.report().state === 'active', 'all copies');
    await expect(cluster.ask('trustStore', { confirm })).rejects.toMatchObject({ code: expect.stringMatching(/CHANGED|NOT_SUSPECT/) });
    await cluster.until(() => !cluster.coordinator.report().isSuspect, 'no longer suspect');
    expect(cluster.image.cluster!.givenUp).toBeUndefined();
  });
});

describe('a broker that comes later and knows more', () => {
  async function begunWithout2(): Promise<SimCluster> {
    const cluster = await SimCluster.active();
    await cluster.createTopic();
    await cluster.world.runFor(1_000);
    for (const id of [0, 1]) cluster.brokers[id]!.holdsMetadata = true;
    // Their polls that are under way still bring one thing.
    await cluster.createTopic('first');
    await cluster.world.runFor(1_500);
    await cluster.createTopic('late');
    await cluster.until(() => cluster.brokers[2]!.image.topicsByName.has('late'), 'broker 2 knows it');
    cluster.killCoordinator();
    cluster.brokers[2]!.process!.kill();
    cluster.world.disk('c').remove('/coordinator');
    expect([0, 1].map((id) => cluster.brokers[id]!.image.topicsByName.has('late'))).toEqual([false, false]);
    await cluster.startCoordinator();
    await cluster.until(() => cluster.coordinator.report().reason?.endsWith('brokers 2') === true, 'all copies but one');
    await cluster.trust();
    for (const id of [0, 1]) cluster.brokers[id]!.holdsMetadata = false;
    await cluster.until(() => !cluster.coordinator.report().isSuspect, 'no longer suspect');
    return cluster;
  }

  it('R19: is turned away with a sentence, and its copy is not overwritten, whoever acts by then', async () => {
    const cluster = await begunWithout2();
    const late = cluster.brokers[2]!;
    const { revision, opId } = late.image;
    late.start();
    await cluster.until(() => late.lastRegistration?.error === 'BROKER_NOT_AVAILABLE', 'turned away');
    expect(late.lastRegistration!.message).toMatch(
      new RegExp(`broker 2 knows the metadata up to revision ${revision}; .*without its copy.*empty data folder.*yak cluster trust`),
    );
    cluster.killCoordinator();
    await cluster.startCoordinator();
    await cluster.world.runFor(5_000);
    // One that was only cut off asks without registering first.
    const fetch = { brokerId: 2, afterRevision: revision, afterOpId: opId, maxWaitMs: 0 };
    expect(await cluster.ask('metadataFetch', fetch)).toMatchObject({ error: 'BROKER_NOT_AVAILABLE', snapshot: null, entries: [] });
    expect(late).toMatchObject({ isActive: false, image: { revision, opId } });
    expect(late.image.topicsByName.has('late')).toBe(true);
    expect(cluster.brokers[0]!.isActive && cluster.brokers[1]!.isActive).toBe(true);
  });

  it("R19: comes in as it is by the operator's word, which says what is forgotten", async () => {
    const cluster = await begunWithout2();
    const late = cluster.brokers[2]!;
    late.start();
    await cluster.until(() => late.lastRegistration?.error === 'BROKER_NOT_AVAILABLE', 'turned away');
    expect(await cluster.trust()).toMatchObject({
      isDone: true,
      action: 'take-brokers',
      brokers: [2],
      message: expect.stringContaining('forgotten'),
    });
    await cluster.until(() => late.isActive, 'joins');
    await cluster.until(() => late.image.opId === cluster.image.opId, 'the new history');
    expect(late.image.topicsByName.has('late')).toBe(false);
    expect(cluster.image.cluster!.givenUp).toBeUndefined();
  });

  it('R19: stays away through a second loss of the store, though its copy is offered then', async () => {
    const cluster = await begunWithout2();
    const late = cluster.brokers[2]!;
    const { revision } = late.image;
    await cluster.until(() => [0, 1].every((id) => cluster.brokers[id]!.image.opId === cluster.image.opId), 'all know the new history');
    cluster.killCoordinator();
    cluster.world.disk('c').remove('/coordinator');
    await cluster.startCoordinator();
    late.start();
    await cluster.until(() => cluster.image.revision > 2 * NEW_HISTORY_STEP, 'a second history, of all copies');
    await cluster.until(() => late.lastRegistration?.message?.includes('knows the metadata up to') === true, 'turned away');
    expect(late.image.revision).toBe(revision);
    expect(cluster.image.topicsByName.has('late')).toBe(false);
  });

  it('R19: with an empty data folder it is welcome', async () => {
    const cluster = await begunWithout2();
    const blank = cluster.brokers[2]!;
    const { MetadataImage } = await import('#metadata');
    Object.assign(blank, { clusterId: null, storedBrokerEpoch: -1, image: MetadataImage.empty(), directoryId: 'new', isComplete: false });
    Object.assign(blank, { highestCoordinatorEpoch: -1 });
    blank.start();
    await cluster.until(() => blank.isActive, 'joins');
  });
});

describe('otherwise', () => {
  it('a store that is not suspect: an error that says so', async () => {
    const cluster = await SimCluster.active();
    const { revision } = cluster.coordinator.report();
    await expect(cluster.ask('trustStore', {})).rejects.toMatchObject({
      code: 'STORE_NOT_SUSPECT',
      message: expect.stringContaining('nothing to trust'),
    });
    expect(cluster.coordinator.report().revision).toBe(revision);
  });

  it('R19: a suspicion that waits for a broker whose copy came is ended by the second word', async () => {
    const cluster = await collecting();
    cluster.brokers[1]!.kill();
    await cluster.trust();
    await cluster.until(() => cluster.brokers[0]!.isActive, 'one active');
    await cluster.world.runFor(5_000);
    expect((await cluster.ask('deleteTopics', { topics: [{ name: 't' }] })).topics[0]).toMatchObject({ error: 'NOT_CONTROLLER' });
    expect(await cluster.trust()).toMatchObject({ isDone: true, action: 'end-suspicion', brokers: [1] });
    expect(cluster.coordinator.report().isSuspect).toBe(false);
    expect((await cluster.ask('deleteTopics', { topics: [{ name: 't' }] })).topics[0]).toMatchObject({ error: 'NONE' });
  });

  it('an empty cluster is begun only as such: brokers that have not come, and brokers that came without a copy', async () => {
    const cluster = new SimCluster();
    await cluster.startCoordinator();
    cluster.brokers[0]!.start();
    await cluster.world.runFor(1_000);
    const confirm = await seenOf(cluster);
    expect(confirm).toMatchObject({ action: 'begin-cluster', brokers: [1, 2] });
    await expect(cluster.ask('trustStore', { confirm: { ...confirm, action: 'begin-history' } })).rejects.toMatchObject({
      code: 'SITUATION_CHANGED',
    });
    const { clusterId } = await cluster.ask('trustStore', { confirm });
    expect(clusterId).toMatch(/./);
    await cluster.until(() => cluster.brokers[0]!.isActive, 'the only one');

    const bare = await collecting();
    bare.killCoordinator();
    bare.brokers[0]!.process!.kill();
    bare.brokers[1]!.process!.kill();
    bare.world.disk('c').remove('/coordinator');
    await bare.startCoordinator();
    const knows = bare.brokers[0]!.registration({ metadataRevision: -1, metadataOpId: '' });
    await bare.ask('registerBroker', knows);
    const shown = await bare.ask('trustStore', {});
    expect(shown).toMatchObject({
      action: 'begin-cluster',
      brokers: [1, 2],
      copies: [],
      message: expect.stringContaining('start them first'),
    });
  });

  it('who does not act says who does, and whose store does not confirm its turn does nothing', async () => {
    const cluster = await collecting();
    const confirm = await seenOf(cluster);
    const { coordinator } = cluster;
    const turnTaker = (coordinator as unknown as { turnTaker: { prove(): Promise<boolean> } }).turnTaker;
    const { prove } = turnTaker;
    turnTaker.prove = async () => false;
    await expect(cluster.ask('trustStore', { confirm })).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
    expect(coordinator.report().state).toBe('collecting');
    turnTaker.prove = prove;
    await cluster.world.settle(coordinator.stop());
    await expect(cluster.ask('trustStore', { confirm })).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
  });
});

it("R19: the preferred replica leads again by the operator's word; what cannot be is an error with a sentence", async () => {
  const cluster = await SimCluster.active();
  await cluster.createTopic();
  cluster.brokers[0]!.kill();
  await cluster.until(() => cluster.partition().leader !== 0, 'another leader');
  const elect = { topic: 't', partition: 0, kind: 'preferred' } as const;
  expect(await cluster.ask('electLeader', elect)).toMatchObject({
    error: 'LEADER_NOT_AVAILABLE',
    message: expect.stringContaining('not in sync'),
  });
  expect(await cluster.ask('electLeader', { ...elect, topic: 'x' })).toMatchObject({
    error: 'UNKNOWN_TOPIC_OR_PARTITION',
    message: 'there is no topic x',
  });
  expect(await cluster.ask('electLeader', { ...elect, partition: 7 })).toMatchObject({
    error: 'UNKNOWN_TOPIC_OR_PARTITION',
    message: 'topic t has 1 partitions, numbered from 0',
  });
});
