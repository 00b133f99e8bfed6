import { YakError } from '#kernel';
import type { AppendResult, Decision, MetadataEntry, MetadataLog, MetadataRecord } from '#metadata';
import { allocateProducerIds, MetadataImage, registerBroker } from '#metadata';
import { silentLogger } from '#seams';
import { SimRandom, SimWorld } from '#seams-sim';
import { MetadataChain } from './metadata-chain.js';

type Answer = (entry: MetadataEntry) => AppendResult | Promise<AppendResult>;

/** Stores what its script lets through; afterwards everything. */
class ScriptedLog implements Pick<MetadataLog, 'load' | 'append' | 'writeSnapshot'> {
  readonly stored: MetadataEntry[] = [];
  readonly asked: MetadataEntry[] = [];
  snapshots = 0;
  constructor(private readonly script: Answer[] = []) {}

  keep(entry: MetadataEntry): AppendResult {
    const last = this.stored.at(-1);
    if ((last?.opId ?? '') !== entry.previousOpId) return { kind: 'refused', reason: 'another op id' };
    this.stored.push(entry);
    return { kind: 'appended', entry };
  }
  async load() {
    return { snapshot: null, entries: this.stored, suspicion: null };
  }
  async append(expected: { opId: string; revision: number }, coordinatorEpoch: number, opId: string, records: readonly MetadataRecord[]) {
    const entry = { revision: expected.revision + 1, coordinatorEpoch, opId, previousOpId: expected.opId, records };
    this.asked.push(entry);
    return (this.script.shift() ?? ((next) => this.keep(next)))(entry);
  }
  snapshotError: YakError | null = null;
  async writeSnapshot(): Promise<void> {
    if (this.snapshotError) throw this.snapshotError;
    this.snapshots++;
  }
}

function setUp(script: (log: () => ScriptedLog) => Answer[] = () => [], snapshotEveryEntries = 1_000) {
  const log: ScriptedLog = new ScriptedLog(script(() => log));
  const world = new SimWorld({ seed: 1 });
  const events: string[] = [];
  const chain = new MetadataChain(
    {
      log,
      random: new SimRandom(1),
      scheduler: world.start('c').scheduler,
      logger: silentLogger,
      snapshotEveryEntries,
      onCommitted: (entry) => events.push(`committed ${entry.revision}`),
      onRegained: () => events.push('regained'),
      onStopped: (reason) => events.push(`stopped: ${reason}`),
    },
    MetadataImage.empty(),
    1,
    [],
  );
  const add = (count = 1) =>
    chain.submit((state): Decision<number> => {
      const nextProducerId = state.image.nextProducerId + count;
      return { records: [{ type: 'producer-ids', version: 1, nextProducerId }], response: nextProducerId };
    });
  return { log, chain, world, events, add };
}

describe('MetadataChain', () => {
  it('R17: commit, then publish: nobody is told before the store answered', async () => {
    let release: (() => void) | null = null;
    const { chain, add, events } = setUp((log) => [(entry) => new Promise((resolve) => (release = () => resolve(log().keep(entry))))]);
    const response = add().then((value) => events.push(`answered ${value}`));
    await new Promise((resolve) => setImmediate(resolve));
    expect([chain.image.revision, events]).toEqual([-1, []]);
    release!();
    await response;
    expect(events).toEqual(['committed 0', 'answered 1']);
  });

  it('commands that are queued meanwhile share an entry and see each other; one that is alone does not', async () => {
    const { chain, log, add } = setUp();
    const alone = () => chain.submit(() => ({ records: [{ type: 'no-op', version: 1 }], response: 'alone' }), { isAlone: true });
    expect(await Promise.all([add(), add(), add(), alone(), add()])).toEqual([1, 2, 3, 'alone', 4]);
    expect(log.stored.map((entry) => entry.records.length)).toEqual([1, 2, 1, 1]);
    expect(chain.image.nextProducerId).toBe(4);
  });

  it('a decision without records is answered without an entry; one that throws harms no other', async () => {
    const { chain, log, add } = setUp();
    const broken = chain.submit(() => {
      throw new Error('a bug');
    });
    await expect(broken).rejects.toThrow('a bug');
    const response = await chain.submit((state) => allocateProducerIds(state, { brokerId: 9, brokerEpoch: 1 }));
    expect(response.error).toBe('BROKER_ID_NOT_REGISTERED');
    expect(await add()).toBe(1);
    expect(log.stored.length).toBe(1);
  });

  it('R17: the first refusal ends it; nothing was published and whoever waits hears NOT_ACTIVE', async () => {
    const { chain, add, events } = setUp(() => [() => ({ kind: 'refused', reason: 'another coordinator wrote' })]);
    const both = await Promise.allSettled([add(), add()]);
    for (const result of both) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'NOT_ACTIVE' } });
    expect(events).toEqual(['stopped: the store refused: another coordinator wrote']);
    expect(chain.image.revision).toBe(-1);
    await expect(add()).rejects.toMatchObject({ code: 'NOT_ACTIVE' });
  });

  it('R20: an unknown outcome is settled by a no-op; if that is stored the command is decided anew and applied once', async () => {
    const { log, add, events, chain } = setUp(() => [() => ({ kind: 'unknown', reason: 'timed out' })]);
    expect(await add()).toBe(1);
    expect(log.stored.map((entry) => entry.records[0]!.type)).toEqual(['no-op', 'producer-ids']);
    expect(events).toEqual(['committed 0', 'regained', 'committed 1']);
    expect(chain.image.nextProducerId).toBe(1);
  });

  it('R20: if the no-op is refused because the first one was stored after all, that one counts, once', async () => {
    const { log, add, events, chain } = setUp((self) => [
      (entry) => {
        self().keep(entry);
        return { kind: 'unknown', reason: 'answer lost' };
      },
    ]);
    expect(await add()).toBe(1);
    expect(log.stored.map((entry) => entry.records[0]!.type)).toEqual(['producer-ids']);
    expect(events).toEqual(['committed 0', 'regained']);
    expect(await add()).toBe(2);
    expect(chain.image.revision).toBe(1);
  });

  it('R20: while the store stays silent nobody is answered', async () => {
    const silence: Answer = () => {
      throw new YakError('TIMED_OUT', 'no answer');
    };
    const { world, add, events } = setUp(() => [silence, silence, silence]);
    let answered: number | null = null;
    void add().then((value) => (answered = value));
    await world.runFor(300);
    expect([answered, events]).toEqual([null, []]);
    await world.runFor(300);
    expect(answered).toBe(1);
  });

  it('R9: a request that proves this metadata old ends it after its answer', async () => {
    const { chain, events } = setUp();
    const response = await chain.submit(() => ({ records: [], response: 'NOT_CONTROLLER', stepDown: 'a broker knows more' }));
    expect(response).toBe('NOT_CONTROLLER');
    expect(events).toEqual(['stopped: a broker knows more']);
  });

  it('R11: two registrations never share an entry, so no broker epoch is given twice', async () => {
    const { chain } = setUp();
    await chain.submit(() => ({
      records: [{ type: 'cluster', version: 1, clusterId: 'c', configuredBrokers: [], features: {} }],
      response: null,
    }));
    const endpoint = { host: 'h', port: 1 };
    const listeners = { kafka: endpoint, replication: endpoint, tcp: endpoint, http: endpoint };
    const results = await Promise.all(
      [0, 1, 2].map((brokerId) =>
        chain.submit(
          (state) =>
            registerBroker(
              state,
              {
                brokerId,
                incarnationId: `i${brokerId}`,
                directoryId: `d${brokerId}`,
                clusterId: null,
                listeners,
                rack: null,
                software: { name: 'yak', version: '0' },
                protocol: { min: 1, max: 1 },
                isBlank: true,
                storedBrokerEpoch: -1,
                wasCleanShutdown: false,
                isSameBoot: false,
                isComplete: true,
                lostPartitions: [],
              },
              { isOldIncarnationGone: false },
            ),
          { isAlone: true },
        ),
      ),
    );
    expect(new Set(results.map((result) => result.brokerEpoch)).size).toBe(3);
  });

  it('R20: a snapshot of unknown outcome is written again after the next entry; one that is refused ends it', async () => {
    const { chain, log, add } = setUp(() => [], 1);
    const addAndSnapshot = async (error: YakError | null) => {
      log.snapshotError = error;
      await add();
      await new Promise((resolve) => setImmediate(resolve));
      return [log.snapshots, chain.isStopped];
    };
    expect(await addAndSnapshot(new YakError('METADATA_STORE_UNAVAILABLE', 'away'))).toEqual([0, false]);
    expect(await addAndSnapshot(null)).toEqual([1, false]);
    expect(await addAndSnapshot(new YakError('STALE_COORDINATOR_EPOCH', 'replaced'))).toEqual([1, true]);
  });

  it('writes a snapshot every so many entries and knows its recent history', async () => {
    const { chain, log, add } = setUp(() => [], 3);
    for (let index = 0; index < 7; index++) await add();
    expect(log.snapshots).toBe(2);
    const third = log.stored[2]!;
    expect(chain.opIdAt(2)).toBe(third.opId);
    expect(chain.entriesAfter(2, third.opId)!.map((entry) => entry.revision)).toEqual([3, 4, 5, 6]);
    expect(chain.entriesAfter(2, 'other')).toBeNull();
    expect(chain.entriesAfter(9, third.opId)).toBeNull();
    expect(chain.entriesAfter(-1, '')).toBeNull();
    expect(chain.entriesAfter(6, log.stored[6]!.opId)).toEqual([]);
  });
});
