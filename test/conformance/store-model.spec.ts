// The two spellings of the store's steps, the Lua script in a real Redis and the StoreModel, answer and store the same.
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { encodeChecked } from '#metadata';
import { silentLogger } from '#seams';
import { StoreModel } from '../../libs/metadata/src/shared/testing/store-model.js';
import { RedisLink } from '../../libs/metadata-redis/src/redis-link.js';
import { describeWithRedis, RedisServer } from '../../libs/metadata-redis/src/testing/redis-server.js';

const ACTORS = ['{"id":0}', '{"id":1}', '{"id":2}'];
const RUNS = 160;
/** It computes all the time, and takes half a second on a machine of its own. */
const TIMEOUT_MS = 30_000;
const STEPS_MAX = 40;

type Step = (string | number)[];
/** What is asked; revisions, op ids, epochs and beats are drawn near what the store has, so that most steps come to their end. */
type Ask = { readonly verb: string; readonly epoch: number; readonly at: number; readonly pick: number };

const ask: fc.Arbitrary<Ask> = fc.record({
  verb: fc.oneof(
    { weight: 6, arbitrary: fc.constant('append') },
    { weight: 9, arbitrary: fc.constant('beat') },
    { weight: 4, arbitrary: fc.constant('observe') },
    { weight: 2, arbitrary: fc.constant('take-over') },
    { weight: 3, arbitrary: fc.constant('snapshot') },
    { weight: 2, arbitrary: fc.constant('accept') },
    {
      weight: 4,
      arbitrary: fc.constantFrom('new-history', 'mark', 'release', 'load', 'another-run', 'empty', 'damage', 'format'),
    },
  ),
  epoch: fc.constantFrom(0, 0, 0, 0, 0, 0, -1, 1),
  at: fc.constantFrom(0, 0, 0, 0, 0, -1, -2, 1, 9),
  pick: fc.nat(5),
});

/** One standby that looks once, and one that looks at every beat. */
const LONG_TURN: Ask[] = ['take-over', 'observe', ...Array.from({ length: 15 }, () => ['beat', 'look']).flat()].map((verb) => ({
  verb: verb === 'look' ? 'observe' : verb,
  epoch: 0,
  at: 0,
  pick: verb === 'look' ? 1 : verb === 'observe' ? 2 : 0,
}));

describeWithRedis('the script and its model', () => {
  let server: RedisServer;
  let link: RedisLink;
  let keys: string[];

  beforeAll(async () => {
    server = await RedisServer.create();
    // Many steps, and none has to outlive them.
    await server.command('CONFIG', 'SET', 'appendonly', 'no');
    keys = ['state', 'snapshot', 'entries', 'standbys'].map((part) => `yak:model:metadata:${part}`);
    link = new RedisLink({ url: server.url, keys, logger: silentLogger, commandTimeoutMs: 5_000 });
    await link.connect();
  });
  afterAll(async () => {
    link?.close();
    await server?.stop();
  });

  /** On the same connection, so that all of it happens in order. */
  const client = (): Redis => (link as unknown as { client: Redis }).client;

  /** Of the store as the model has it, with the run id that Redis has. */
  function stepOf({ verb, epoch, at, pick }: Ask, model: StoreModel, runId: string, counter: number): Step | null {
    const { state, entries } = model.copy();
    const number = (field: string, otherwise: number): number => Number(state[field] ?? otherwise);
    const coordinatorEpoch = number('coordinatorEpoch', -1) + epoch;
    const revision = number('revision', -1) + at;
    const here = pick === 5 ? 'elsewhere' : runId;
    const opId = opIdAt(model, revision);
    const line = (value: object): string => encodeChecked(value).toString().slice(0, -1);
    switch (verb) {
      case 'load':
        return ['load'];
      case 'observe':
        return ['observe', revision, pick === 4 ? 'another' : opId, ACTORS[pick % 3]!];
      case 'take-over': {
        const claim = [['any'], ['absent'], ['still', coordinatorEpoch, number('beat', 0) + at], ['still', coordinatorEpoch, '']][
          pick % 4
        ]!;
        return ['take-over', coordinatorEpoch, here, `t${counter}`, pick === 3 ? '' : ACTORS[pick % 3]!, ...claim];
      }
      case 'mark':
        return ['mark', coordinatorEpoch, `reason ${counter}`, `t${counter}`];
      case 'release':
        return ['release', coordinatorEpoch];
      case 'beat':
        return ['beat', coordinatorEpoch, here];
      case 'accept':
        return [
          'accept',
          coordinatorEpoch,
          here,
          state['runId'] === model.runId ? runId : (state['runId'] ?? ''),
          state['turnId'] ?? '',
          revision,
          opId,
          number('beat', 0) + (pick === 3 ? 1 : 0),
        ];
      case 'append': {
        const entry = { revision: revision + 1, opId: `op${counter}`, previousOpId: opId, records: [] };
        return ['append', coordinatorEpoch, here, opId, revision, entry.opId, line(entry)];
      }
      case 'snapshot':
      case 'new-history':
        return [
          'snapshot',
          coordinatorEpoch,
          here,
          verb === 'snapshot' ? 'chain' : verb,
          revision,
          verb === 'snapshot' ? opId : `op${counter}`,
          line({ revision, opId, records: [] }),
        ];
      default:
        return entries.length > 0 ? null : ['load'];
    }
  }

  function opIdAt(model: StoreModel, revision: number): string {
    const { state, entries } = model.copy();
    const base = Number(state['snapshotRevision'] ?? -1);
    if (revision === base) return state['snapshotOpId'] ?? '';
    const line = entries[revision - base - 1];
    return line === undefined ? 'unknown' : ((/"opId":"(\w+)"/.exec(line)?.[1] ?? 'unknown') as string);
  }

  /** Things that happen to a store beside its steps, done to both. */
  async function befall({ verb, pick }: Ask, model: StoreModel): Promise<unknown> {
    const copy = model.copy();
    if (verb === 'empty' && pick === 0) {
      model.empty();
      return client().del(...keys);
    }
    if (verb === 'another-run' && copy.state['runId'] !== undefined) {
      // As after a restart: the history's run id is not this one's. Redis cannot change its own without ending.
      model.rollBack({ ...copy, state: { ...copy.state, runId: 'before' } });
      return client().hset(keys[0]!, 'runId', 'before');
    }
    if (verb === 'damage' && copy.entries.length > 0) {
      const index = pick % copy.entries.length;
      model.rollBack({ ...copy, entries: copy.entries.map((line, at) => (at === index ? 'damaged' : line)) });
      return client().lset(keys[2]!, index, 'damaged');
    }
    if (verb === 'format' && pick < 3 && copy.state['format'] !== undefined) {
      model.rollBack({ ...copy, state: { ...copy.state, format: '7' } });
      return client().hset(keys[0]!, 'format', '7');
    }
    return undefined;
  }

  /** Hashes come in any order. */
  function comparable(answer: readonly unknown[], runId: string): unknown[] {
    return answer.map((part, index) => {
      if (Array.isArray(part) && index === 2) {
        const pairs: string[] = [];
        for (let i = 0; i < part.length; i += 2) pairs.push(`${part[i]}=${part[i + 1] === runId ? 'here' : part[i + 1]}`);
        return pairs.sort();
      }
      return part === runId ? 'here' : part;
    });
  }

  it(
    'R17: any sequence of steps is answered alike by both, and leaves the same behind',
    async () => {
      const words = new Set<string>();
      const runId = (await link.run(['load']))[1] as string;
      await fc.assert(
        fc.asyncProperty(fc.array(ask, { minLength: 5, maxLength: STEPS_MAX }), async (asks) => {
          const model = new StoreModel('m');
          const said: { step: Step; modelled: unknown[]; real: Promise<readonly unknown[]> }[] = [];
          // What is asked depends on the model only, so all of it is under way at once, in order.
          const befallen: Promise<unknown>[] = [client().del(...keys)];
          asks.forEach((asked, counter) => {
            befallen.push(befall(asked, model));
            const step = stepOf(asked, model, model.runId, counter) ?? ['load'];
            said.push({ step, real: link.run(stepOf(asked, model, runId, counter) ?? ['load']), modelled: model.run(step) });
          });
          said.push({ step: ['load'], real: link.run(['load']), modelled: model.run(['load']) });
          const standbys = client().hgetall(keys[3]!);
          await Promise.all(befallen);
          expect(model.copy().standbys).toEqual(await standbys);
          for (const { step, modelled, real } of said) {
            const answer = await real;
            const [expected, found] = [comparable(answer, runId), comparable(modelled, model.runId)];
            // Said in full only where it matters: there are thousands.
            if (JSON.stringify(found) !== JSON.stringify(expected)) expect({ step, answer: found }).toEqual({ step, answer: expected });
            words.add(`${step[0]} ${answer[0]}`);
          }
        }),
        { numRuns: RUNS, seed: 5, examples: [[LONG_TURN]] },
      );
      // Guards the draw: each step came to its end, and to each of its refusals.
      const expected = [
        'append ok,chain,suspect,epoch,empty,restarted,format',
        'beat ok,released,epoch,empty,restarted',
        'take-over ok,not-your-turn,restarted,format',
        'snapshot ok,chain,suspect,epoch',
        'accept ok,chain,suspect',
        'observe ok,format',
        'mark ok,epoch',
        'release ok,epoch',
      ].flatMap((text) =>
        text
          .split(' ')[1]!
          .split(',')
          .map((word) => `${text.split(' ')[0]} ${word}`),
      );
      expect(expected.filter((pair) => !words.has(pair))).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
