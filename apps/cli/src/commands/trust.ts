/**
 * The operator's word on a store that lost something. The cluster coordinator is asked directly: while it collects copies no broker
 * can help. It is asked twice, and the second question names what the first answer showed, so that nothing else is done.
 */
import { parseAddressList, UsageError } from '#config';
import { YakError } from '#kernel';
import { dialRpc, type RpcClient, RpcFailureError, type TrustStoreRequest, type TrustStoreResponse } from '#rpc';
import { type Address, formatAddress, type Network, type Scheduler, sleep } from '#seams';
import { NodeClock, NodeNetwork, NodeScheduler } from '#seams-node';
import { EXIT, type ExitCode } from '../../../shared/command/exit-codes.js';
import { VERSION } from '../../../shared/version.js';
import type { TrustOptions } from './trust-command.js';

const ATTEMPT_TIMEOUT_MS = 3_000;
/** A new history is some writes to the store, which may be slow. */
const TRUST_TIMEOUT_MS = 15_000;
const PAUSE_MS = 300;
const INTRODUCTION = { clientId: 'yak-cluster', clientSoftware: { name: 'yak', version: VERSION } };

interface Seams {
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly clock: { monotonicMs(): number };
}

interface Found {
  readonly client: RpcClient;
  readonly address: Address;
  readonly shown: TrustStoreResponse;
}

export async function trust(options: TrustOptions, print: (line: string) => void): Promise<ExitCode> {
  const parsed = parseAddressList(options.coordinators);
  if (!parsed.ok) throw new UsageError(`--coordinators ${options.coordinators}: ${parsed.reason}`);
  const seams = { network: new NodeNetwork(), scheduler: new NodeScheduler(), clock: new NodeClock() };
  const { client, address, shown } = await findActing(parsed.value, options.timeoutMs, seams);
  try {
    const isNewCluster = shown.action === 'begin-cluster';
    const isMeant = options.yes === true && (!isNewCluster || options.newCluster === true);
    if (!options.json) print(trustText(shown, address));
    if (!isMeant) {
      if (options.json) print(JSON.stringify(shown));
      throw new UsageError(`nothing was done; ${isNewCluster ? '--yes --new-cluster begins the new cluster' : '--yes does it'}`);
    }
    const { action, coordinatorEpoch, brokers } = shown;
    const done = await confirmed(client, { confirm: { action, coordinatorEpoch, brokers } });
    print(options.json ? JSON.stringify(done) : `done: ${DONE[done.action]}`);
    return EXIT.OK;
  } finally {
    client.close();
  }
}

const DONE: Readonly<Record<TrustStoreResponse['action'], string>> = {
  'begin-history': 'the new history has begun; "yak topic describe" shows which partitions have a leader',
  'begin-cluster': 'the new cluster has begun',
  'take-brokers': 'they may register now',
  'end-suspicion': 'the metadata store is trusted',
};

async function confirmed(client: RpcClient, request: TrustStoreRequest): Promise<TrustStoreResponse> {
  try {
    return await client.request('trustStore', request, { timeoutMs: TRUST_TIMEOUT_MS });
  } catch (error) {
    if (!(error instanceof YakError) || (error.code !== 'REQUEST_TIMEOUT' && error.code !== 'CONNECTION_CLOSED')) throw error;
    throw new YakError(error.code, `whether it was done is not known (${error.message}); the same command shows how it is now`);
  }
}

/** The cluster coordinator that acts, or collects, or waits. Rejects with what the last one said when there is none in time. */
async function findActing(addresses: readonly Address[], timeoutMs: number, seams: Seams): Promise<Found> {
  const deadline = seams.clock.monotonicMs() + timeoutMs;
  for (;;) {
    let refusal: YakError | null = null;
    const asked = new Set<string>();
    const queue = [...addresses];
    for (let address = queue.shift(); address !== undefined; address = queue.shift()) {
      if (asked.has(formatAddress(address))) continue;
      asked.add(formatAddress(address));
      const answer = await look(address, seams);
      if (!(answer instanceof YakError)) return answer;
      if (!mayPass(answer)) throw answer;
      // What one says that answers tells more than that another one did not.
      if (refusal === null || answer.code === 'NOT_ACTIVE')
        refusal = new YakError(answer.code, `${formatAddress(address)}: ${answer.message}`);
      if (answer instanceof RpcFailureError && answer.acting !== undefined) queue.unshift(answer.acting);
    }
    if (seams.clock.monotonicMs() + PAUSE_MS >= deadline) throw refusal!;
    await sleep(seams.scheduler, PAUSE_MS);
  }
}

async function look(address: Address, { network, scheduler }: Seams): Promise<Found | YakError> {
  let client: RpcClient | null = null;
  try {
    client = await dialRpc(network, scheduler, address, { timeoutMs: ATTEMPT_TIMEOUT_MS, introduction: INTRODUCTION });
    return { client, address, shown: await client.request('trustStore', {}, { timeoutMs: ATTEMPT_TIMEOUT_MS }) };
  } catch (error) {
    client?.close();
    if (!(error instanceof YakError)) throw error;
    if (error.code !== 'UNKNOWN_PATTERN') return error;
    return new YakError(
      'UNKNOWN_PATTERN',
      `${formatAddress(address)} is no cluster coordinator, or an older one; its port is 3180 by default`,
    );
  }
}

function mayPass({ code }: YakError): boolean {
  return (
    code === 'NOT_ACTIVE' || code === 'BUSY' || code === 'REQUEST_TIMEOUT' || code === 'CONNECTION_CLOSED' || code.startsWith('CONNECT')
  );
}

function trustText({ clusterId, coordinatorEpoch, reason, copies, brokers, message }: TrustStoreResponse, address: Address): string {
  const came = copies.map(
    ({ brokerId, revision }) => `${brokerId < 0 ? 'the store itself' : `broker ${brokerId}`} at revision ${revision}`,
  );
  return [
    `cluster      ${clusterId ?? 'none yet'}`,
    `coordinator  ${formatAddress(address)}, epoch ${coordinatorEpoch}`,
    `state        ${reason}`,
    `copies       ${came.join(', ') || 'none'}`,
    `brokers      ${brokers.join(', ') || 'none'}`,
    `trust        ${message}`,
  ].join('\n');
}
