/** A redis-server of a spec file, and the stores that its tests open in it; each test has a store of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppendResult, BeatResult, Coordinator, Expected, MetadataLog, SharedMetadataLog } from '#metadata';
import { RedisMetadataLog } from '#metadata-redis';
import { type Logger, silentLogger } from '#seams';
import { NodeRandom } from '#seams-node';
import { RedisServer } from '../../libs/metadata-redis/src/testing/redis-server.js';

export const GENESIS: Expected = { opId: '', revision: -1 };
export const CLUSTER = { type: 'cluster', version: 1, clusterId: 'c', configuredBrokers: [0], features: {} } as const;
export const NO_OP = { type: 'no-op', version: 1 } as const;
export const SELF: Coordinator = { id: 1, host: 'coordinator-1', port: 3180 };

export let server: RedisServer;
/** Of the store of this test. */
export let name = '';
const opened: SharedMetadataLog[] = [];
let names = 0;

/** In the describe of the file. */
export function useRedis(): void {
  beforeAll(async () => {
    server = await RedisServer.create();
  });
  beforeEach(nextStore);
  afterEach(closeAll);
  afterAll(() => server?.stop());
}

export function nextStore(): void {
  name = `store-${names++}`;
}

export async function closeAll(): Promise<void> {
  for (const log of opened.splice(0)) await log.close();
}

export async function open(
  options: { logger?: Logger; url?: string; password?: string; commandTimeoutMs?: number } = {},
): Promise<SharedMetadataLog> {
  const log = await RedisMetadataLog.open({ url: server.url, name, random: new NodeRandom(), logger: silentLogger, ...options });
  opened.push(log);
  return log;
}

/** Appends `count` entries from the beginning; answers what the next one has to expect. */
export async function fill(log: MetadataLog, epoch: number, count: number, from: Expected = GENESIS): Promise<Expected> {
  let expected = from;
  for (let index = 0; index < count; index++) {
    const opId = `op-${expected.revision + 1}`;
    const result = await log.append(expected, epoch, opId, [expected.revision === -1 ? CLUSTER : NO_OP]);
    expect(result).toMatchObject({ kind: 'appended' });
    expected = { opId, revision: expected.revision + 1 };
  }
  return expected;
}

/** Until it has reconnected. */
export async function loaded(log: MetadataLog): ReturnType<MetadataLog['load']> {
  for (let tries = 0; ; tries++) {
    try {
      return await log.load();
    } catch (error) {
      if ((error as { code?: string }).code !== 'METADATA_STORE_UNAVAILABLE' || tries > 500) throw error;
      await sleep(10);
    }
  }
}

/** Short only while Redis is frozen, so that a slow disk makes no test fail. */
export function limitAnswers(log: SharedMetadataLog, commandTimeoutMs: number): void {
  const { link } = log as unknown as { link: { client: { options: { commandTimeout: number } } } };
  link.client.options.commandTimeout = commandTimeoutMs;
}

/** Asks again while the outcome is unknown. */
export async function known(append: () => Promise<AppendResult>): Promise<AppendResult> {
  for (;;) {
    const result = await append();
    if (result.kind !== 'unknown') return result;
    await sleep(10);
  }
}

export async function knownBeat(log: MetadataLog, epoch: number): Promise<BeatResult> {
  for (;;) {
    const result = await log.beat(epoch);
    if (result.kind !== 'unknown') return result;
    await sleep(10);
  }
}

/** Only a new history ends a suspicion; answers its coordinator epoch. */
export async function beginNewHistory(log: MetadataLog): Promise<number> {
  const epoch = await log.takeOver(1_000_000);
  await log.writeSnapshot({ revision: 1_000_000, coordinatorEpoch: epoch, opId: 'new', records: [CLUSTER] }, epoch);
  expect(await log.append({ opId: 'new', revision: 1_000_000 }, epoch, 'next', [NO_OP])).toMatchObject({ kind: 'appended' });
  expect(await (await open()).load()).toMatchObject({ suspicion: null });
  return epoch;
}
