// `yak cluster trust` and `yak topic elect`: what is shown, what is asked for before anything is given up, and how they end.
import type { Client } from '#client';
import { YakError } from '#kernel';
import {
  type ElectLeaderRequest,
  RpcFailureError,
  type RpcHandlers,
  RpcServer,
  type TrustStoreRequest,
  type TrustStoreResponse,
} from '#rpc';
import { formatAddress, silentLogger } from '#seams';
import { NodeClock, NodeNetwork, NodeScheduler } from '#seams-node';
import { EXIT } from '../../../shared/command/exit-codes.js';
import { exitCodeOf } from '../../../shared/command/failure.js';
import { electLeader } from './topic-elect.js';
import { trust } from './trust.js';

const PLAN: Omit<TrustStoreResponse, 'isDone'> = {
  action: 'begin-history',
  coordinatorEpoch: 7,
  clusterId: 'c',
  brokers: [2],
  copies: [
    { brokerId: -1, revision: 40 },
    { brokerId: 1, revision: 41 },
  ],
  reason: 'waiting for the copies of brokers 2',
  message: 'A new history begins.',
};

const servers: RpcServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function serve(handlers: RpcHandlers): Promise<string> {
  const seams = { network: new NodeNetwork(), scheduler: new NodeScheduler(), clock: new NodeClock() };
  const server = new RpcServer({ ...seams, logger: silentLogger, handlers });
  servers.push(server);
  return formatAddress(await server.listen({ host: '127.0.0.1', port: 0 }));
}

/** A coordinator that acts, and what it was asked. */
async function acting(plan: Omit<TrustStoreResponse, 'isDone'> = PLAN): Promise<{ address: string; requests: TrustStoreRequest[] }> {
  const requests: TrustStoreRequest[] = [];
  const address = await serve({
    trustStore: async (request) => {
      requests.push(request);
      return { ...plan, isDone: request.confirm !== undefined };
    },
  });
  return { address, requests };
}

async function run(coordinators: string, options: object = {}) {
  const lines: string[] = [];
  const ended = trust({ coordinators, timeoutMs: 700, ...options }, (line) => lines.push(line));
  const { code, error } = await ended.then(
    (code) => ({ code, error: '' }),
    (error: Error) => ({ code: exitCodeOf(error), error: error.message }),
  );
  return { code, error, text: lines.join('\n') };
}

describe('yak cluster trust', () => {
  it('shows what would happen and does nothing without --yes', async () => {
    const { address, requests } = await acting();
    const { code, error, text } = await run(address);
    expect({ code, error }).toEqual({ code: EXIT.USAGE, error: 'nothing was done; --yes does it' });
    expect(text.split('\n')).toEqual([
      'cluster      c',
      `coordinator  ${address}, epoch 7`,
      'state        waiting for the copies of brokers 2',
      'copies       the store itself at revision 40, broker 1 at revision 41',
      'brokers      2',
      'trust        A new history begins.',
    ]);
    expect(JSON.parse((await run(address, { json: true })).text)).toEqual({ ...PLAN, isDone: false });
    expect(requests.some(({ confirm }) => confirm !== undefined)).toBe(false);
  });

  it('R19: confirms exactly what it has shown', async () => {
    const { address, requests } = await acting();
    expect(await run(address, { yes: true })).toMatchObject({
      code: EXIT.OK,
      text: expect.stringContaining('done: the new history has begun'),
    });
    expect(requests.at(-1)!.confirm).toEqual({ action: 'begin-history', coordinatorEpoch: 7, brokers: [2] });
  });

  it('R19: an empty cluster is begun only if that was asked for by name', async () => {
    const { address, requests } = await acting({ ...PLAN, action: 'begin-cluster' });
    expect(await run(address, { yes: true })).toMatchObject({ code: EXIT.USAGE, error: expect.stringContaining('--new-cluster') });
    expect(requests).toHaveLength(1);
    expect(await run(address, { yes: true, newCluster: true })).toMatchObject({ code: EXIT.OK });
  });

  it('follows a standby to who acts, past one that is gone', async () => {
    const { address } = await acting();
    const [host, port] = [address.split(':')[0]!, Number(address.split(':')[1])];
    const standby = await serve({
      trustStore: async () => {
        throw new RpcFailureError('NOT_ACTIVE', 'it stands by', undefined, { host, port });
      },
    });
    expect(await run(`127.0.0.1:1,${standby}`)).toMatchObject({ text: expect.stringContaining(`coordinator  ${address}`) });
  });

  it('says what the coordinator says when nobody acts, when there is nothing to trust, and when it is no coordinator', async () => {
    const refusing = (error: YakError) => serve({ trustStore: async () => Promise.reject(error) });
    const away = await refusing(new YakError('NOT_ACTIVE', 'its metadata store does not answer'));
    expect(await run(`127.0.0.1:1,${away}`)).toMatchObject({
      code: EXIT.UNREACHABLE,
      error: `${away}: its metadata store does not answer`,
    });
    const sound = await refusing(new YakError('STORE_NOT_SUSPECT', 'there is nothing to trust'));
    expect(await run(sound)).toEqual({ code: EXIT.FAILURE, error: 'there is nothing to trust', text: '' });
    expect(await run(await serve({}))).toMatchObject({ code: EXIT.FAILURE, error: expect.stringContaining('is no cluster coordinator') });
    expect(await run('nonsense')).toMatchObject({ code: EXIT.USAGE, error: expect.stringContaining('--coordinators nonsense') });
  });
});

describe('yak topic elect', () => {
  const ELECTED = {
    error: 'NONE',
    leader: 1,
    leaderEpoch: 9,
    isr: [1],
    possibleLoss: true,
    waitsFor: 'answers of 2 intact replicas; 1 came',
  };

  function elect(options: object, answer: object = ELECTED) {
    const requests: ElectLeaderRequest[] = [];
    const lines: string[] = [];
    const admin = { electLeader: async (request: ElectLeaderRequest) => requests.push(request) && answer } as unknown as Client['admin'];
    const ended = electLeader({ admin }, 't', 3, options, (line) => lines.push(line));
    return { requests, lines, ended };
  }

  it('R13: unclean: warns of loss in words, says what is waited for, and elects only with --yes', async () => {
    const shown = elect({ unclean: true });
    await expect(shown.ended).rejects.toMatchObject({ code: 'USAGE', message: 'nothing was done; --yes elects' });
    expect(shown.requests).toEqual([{ topic: 't', partition: 3, kind: 'unclean', validateOnly: true }]);
    expect(shown.lines.join('\n')).toMatch(
      /^t-3 has no leader: it waits for answers of 2 intact replicas; 1 came\nWARNING: .*Acknowledged records .*lost[\s\S]*possibleLoss/,
    );
    const done = elect({ unclean: true, yes: true });
    expect(await done.ended).toBe(EXIT.OK);
    expect(done.requests.at(-1)).toEqual({ topic: 't', partition: 3, kind: 'unclean' });
    expect(done.lines.at(-1)).toBe('t-3: broker 1 leads, epoch 9, in sync 1');
    const json = elect({ unclean: true, yes: true, json: true });
    await json.ended;
    expect(json.lines.map((line) => JSON.parse(line))).toEqual([
      {
        topic: 't',
        partition: 3,
        kind: 'unclean',
        leader: 1,
        leaderEpoch: 9,
        isr: [1],
        possibleLoss: true,
        waitsFor: ELECTED.waitsFor,
        elected: true,
      },
    ]);
  });

  it('preferred: elects at once; a refusal is one line', async () => {
    const done = elect({});
    expect(await done.ended).toBe(EXIT.OK);
    expect(done.requests).toEqual([{ topic: 't', partition: 3, kind: 'preferred' }]);
    const refused = elect({}, { ...ELECTED, error: 'LEADER_NOT_AVAILABLE', message: 'preferred replica 0 is not in sync' });
    await expect(refused.ended).rejects.toThrow('no leader was elected for t-3: preferred replica 0 is not in sync');
  });
});
