import { YakError } from '#kernel';
import { MetadataCopy, type MetadataEntry } from '#metadata';
import type { PatternKey, RpcClient } from '#rpc';
import { silentLogger } from '#seams';
import { SimDisk, SimRandom, SimWorld } from '#seams-sim';
import { ModelCluster } from '../../metadata/src/testing/model-cluster.js';
import type { BrokerConfig } from './contract.js';
import { CoordinatorLink } from './coordinator-link.js';

type Request = Record<string, unknown>;

/** A link to a coordinator that answers from `cluster`; every request is noted. */
function setUp() {
  const cluster = new ModelCluster().up(0);
  const disk = new SimDisk();
  const copy = MetadataCopy.open(disk, '/metadata/copy');
  const world = new SimWorld({ seed: 1 });
  const { clock, scheduler } = world.start('b');
  const requests: { pattern: PatternKey; request: Request }[] = [];
  const events: string[] = [];
  const state = { coordinatorEpoch: 1, brokerEpoch: 7, isOffline: false };
  const waiting: (() => void)[] = [];
  const answers: Partial<Record<PatternKey, (request: Request) => unknown>> = {
    registerBroker: () => ({ error: 'NONE', brokerEpoch: state.brokerEpoch, clusterId: 'c', revision: 0, wantsMetadataCopy: false }),
    brokerHeartbeat: () => ({ error: 'NONE', revision: 0, isFenced: false, mayShutDown: false, asks: [] }),
    metadataFetch: ({ afterRevision }) => {
      const entries = cluster.entries.slice((afterRevision as number) + 1);
      return { error: 'NONE', snapshot: null, entries: entries as MetadataEntry[] };
    },
  };
  const dial = async (): Promise<RpcClient> => {
    let isClosed = false;
    const listeners: (() => void)[] = [];
    const client = {
      get isClosed() {
        return isClosed;
      },
      onClose: (listener: () => void) => void listeners.push(listener),
      close: () => {
        isClosed = true;
        for (const listener of listeners) listener();
        for (const fail of waiting.splice(0)) fail();
      },
      request: (pattern: PatternKey, request: Request) =>
        new Promise((resolve, reject) => {
          requests.push({ pattern, request });
          const answer = answers[pattern]!(request) as { entries?: unknown[] };
          const isParked = pattern === 'metadataFetch' && answer.entries?.length === 0;
          if (isParked) waiting.push(() => reject(new YakError('CONNECTION_CLOSED', 'closed')));
          else scheduler.after(1, () => resolve({ coordinatorEpoch: state.coordinatorEpoch, ...answer }));
        }),
    };
    return client as unknown as RpcClient;
  };
  const link: CoordinatorLink = new CoordinatorLink(
    { brokerId: 0, coordinators: [{ host: 'c', port: 1 }], heartbeatIntervalMs: 500, sessionTimeoutMs: 2_000 } as unknown as BrokerConfig,
    { clock, scheduler, random: new SimRandom(1), logger: silentLogger, coordinators: { dial, resolve: async (address) => [address] } },
    copy,
    {
      registration: () => ({
        directoryId: 'd',
        clusterId: 'c',
        isBlank: false,
        storedBrokerEpoch: -1,
        wasCleanShutdown: false,
        isSameBoot: true,
        isComplete: true,
        lostPartitions: [],
      }),
      registered: (brokerEpoch) => events.push(`stored ${brokerEpoch} after ${requests.length}`),
      imageChanged: (image) => events.push(`image ${image.revision}`),
      heartbeat: () => ({ oldestSyncAgeMs: 0, isComplete: true, isDirectoryOffline: state.isOffline, lastProbeWallMs: 0 }),
      answerAsks: () => [],
      maxSeen: () => ({ leaderEpoch: -1, producerId: -1 }),
      storageFailed: () => {
        events.push('storage failed');
        state.isOffline = true;
      },
      rejected: () => {},
    },
    'incarnation',
  );
  const of = (pattern: PatternKey) => requests.filter((each) => each.pattern === pattern).map((each) => each.request);
  return { cluster, disk, copy, world, link, requests, events, state, answers, of };
}

describe('CoordinatorLink', () => {
  it('R12: the broker epoch is stored before the first heartbeat under it', async () => {
    const { world, link, events, requests } = setUp();
    link.start();
    await world.runFor(1_000);
    expect(events[0]).toBe('stored 7 after 1');
    expect(requests[0]!.pattern).toBe('registerBroker');
    expect(requests[1]).toMatchObject({ pattern: 'brokerHeartbeat', request: { brokerEpoch: 7 } });
    link.stop();
  });

  it('R16: a broker that cannot store metadata any more says so in every beat, instead of leading blindly', async () => {
    const { cluster, disk, world, link, events, of } = setUp();
    link.start();
    await world.runFor(1_000);
    disk.injectFault({ kinds: ['sync'], code: 'EIO' });
    cluster.up(1);
    link.registerAgain();
    await world.runFor(5_000);
    expect(events.at(-1)).toBe('storage failed');
    const beats = of('brokerHeartbeat').slice(-3);
    expect(beats.map((beat) => beat.isDirectoryOffline)).toEqual([true, true, true]);
    expect(of('brokerHeartbeat').length).toBeGreaterThan(8);
    link.stop();
  });

  it('R17: a deposed coordinator neither registers this broker nor confirms it', async () => {
    const { world, link, copy, state, events, of } = setUp();
    copy.noteCoordinatorEpoch(5);
    state.coordinatorEpoch = 4;
    link.start();
    await world.runFor(3_000);
    expect(events).toEqual([]);
    expect(of('registerBroker').length).toBeGreaterThan(1);
    state.coordinatorEpoch = 5;
    await world.runFor(3_000);
    const confirmedAt = link.lastHeartbeatConfirmedAt!;
    expect(confirmedAt).toBeGreaterThan(3_000 - 2_000);
    state.coordinatorEpoch = 4;
    await world.runFor(3_000);
    expect(link.lastHeartbeatConfirmedAt! - confirmedAt).toBeLessThanOrEqual(500);
    link.stop();
  });

  it('R17: nor does one that was replaced by another that only answered a heartbeat so far', async () => {
    const { world, link, copy, state } = setUp();
    link.start();
    await world.runFor(1_000);
    state.coordinatorEpoch = 9;
    await world.runFor(1_000);
    expect([link.coordinatorEpoch, copy.highestCoordinatorEpoch]).toEqual([9, 1]);
    const confirmedAt = link.lastHeartbeatConfirmedAt!;
    state.coordinatorEpoch = 5;
    await world.runFor(3_000);
    expect(link.lastHeartbeatConfirmedAt! - confirmedAt).toBeLessThanOrEqual(500);
    expect(await link.confirm()).toBe(false);
    link.stop();
  });

  it('R14: a loss that shows later is confessed by a new registration, also while one is under way', async () => {
    const { world, link, of, events, state } = setUp();
    link.start();
    await world.runFor(1_000);
    expect(of('registerBroker')).toHaveLength(1);
    state.brokerEpoch = 8;
    link.registerAgain();
    expect(link.brokerEpoch).toBe(-1);
    await world.runFor(3_000);
    expect(of('registerBroker')).toHaveLength(2);
    expect(events.at(-1)).toMatch(/^stored 8/);
    expect(of('brokerHeartbeat').at(-1)).toMatchObject({ brokerEpoch: 8 });
    link.stop();
  });

  it('says why nobody can be asked', async () => {
    const { world, link, answers } = setUp();
    answers.registerBroker = () => {
      throw new YakError('NOT_ACTIVE', 'this cluster coordinator does not act: its metadata store does not answer');
    };
    await expect(link.request('describeCluster', {}, 1_000)).rejects.toThrow('(none was asked yet); try again');
    link.start();
    await world.runFor(1_000);
    await expect(link.request('describeCluster', {}, 1_000)).rejects.toThrow(
      'no cluster coordinator serves this broker now (this cluster coordinator does not act: its metadata store does not answer); try again',
    );
    link.stop();
  });
});
