/**
 * A client of the cluster with real seams, for one command. The cluster has to answer once before the command begins, so that a
 * wrong address is said at once and not after a delivery timeout.
 */
import { type Client, YakClient } from '#client';
import { YakError } from '#kernel';
import { silentLogger } from '#seams';
import { NodeClock, NodeNetwork, NodeRandom, NodeScheduler } from '#seams-node';
import { VERSION } from '../version.js';
import { bootstrapAddresses, type ConnectionOptions } from './connection-options.js';

const SOFTWARE = { name: 'yak', version: VERSION };

/** Silence after which a person is told what the command waits for. */
const HINT_AFTER_MS = 1_000;

export async function withClient<T>(options: ConnectionOptions, clientId: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new YakClient(
    { bootstrap: bootstrapAddresses(options), clientId, software: SOFTWARE, requestTimeoutMs: options.timeoutMs },
    {
      clock: new NodeClock(),
      scheduler: new NodeScheduler(),
      random: new NodeRandom(),
      network: new NodeNetwork(),
      logger: silentLogger,
    },
  );
  try {
    await firstAnswer(client, options);
    return await use(client);
  } finally {
    await client.close();
  }
}

async function firstAnswer(client: Client, options: ConnectionOptions): Promise<void> {
  const patience = setTimeout(() => {
    process.stderr.write(`waiting for an answer from ${options.bootstrap} (npm start runs a cluster here)\n`);
  }, HINT_AFTER_MS);
  try {
    await client.admin.metadata([]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const isWrongDoor = error instanceof YakError && (error.code === 'CONNECTION_CLOSED' || error.code === 'MALFORMED_FRAME');
    const hint = isWrongDoor ? '; is it a Nest TCP door (3125 and up, coordinator 3180), and not a Kafka or HTTP one?' : '';
    throw new YakError('UNAVAILABLE', `no answer from ${options.bootstrap} within ${options.timeoutMs / 1000} s: ${reason}${hint}`);
  } finally {
    clearTimeout(patience);
  }
}
