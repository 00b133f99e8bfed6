/**
 * The clients of the whole cluster, asked of every live broker when somebody wants to know: nothing is kept here. Brokers are
 * asked in parallel, each for at most GATHER_TIMEOUT_MS; one that does not answer is named, never waited for. Questions that
 * come while a round is under way share its answer.
 */
import type { BrokerId } from '#kernel';
import { YakError } from '#kernel';
import type { MetadataImage } from '#metadata';
import { type ConnectedClient, dialRpc, type ListClientsResponse } from '#rpc';
import { type Address, type Network, type Scheduler, withTimeout } from '#seams';

/** Dialling included. */
export const GATHER_TIMEOUT_MS = 2_000;
/** In one answer, which has to fit into a frame; what is beyond them counts as omitted. */
export const CLIENTS_GATHERED_MAX = 10_000;
export const PARTITIONS_GATHERED_MAX = 30_000;

export class ClientGatherer {
  private underWay: Promise<ListClientsResponse> | null = null;

  constructor(private readonly seams: { readonly network: Network; readonly scheduler: Scheduler }) {}

  /** Never rejects: a broker that cannot be asked is silent. */
  gather(image: MetadataImage): Promise<ListClientsResponse> {
    this.underWay ??= this.askAll(image).finally(() => {
      this.underWay = null;
    });
    return this.underWay;
  }

  private async askAll(image: MetadataImage): Promise<ListClientsResponse> {
    const brokers = [...image.brokers.values()].filter((broker) => !broker.isFenced).sort((a, b) => a.brokerId - b.brokerId);
    const answers = await Promise.all(brokers.map(({ brokerId, listeners }) => this.ask(brokerId, listeners.tcp)));
    return merged(answers);
  }

  private async ask(brokerId: BrokerId, address: Address): Promise<Answer> {
    const { network, scheduler } = this.seams;
    const dialled = dialRpc(network, scheduler, address, { timeoutMs: GATHER_TIMEOUT_MS });
    const asked = dialled.then((client) => client.request('listClients', {}, { timeoutMs: GATHER_TIMEOUT_MS }));
    try {
      const response = await withTimeout(scheduler, GATHER_TIMEOUT_MS, asked, () => new YakError('REQUEST_TIMEOUT', 'no answer in time'));
      return { brokerId, response };
    } catch {
      return { brokerId, response: null };
    } finally {
      // Also one that is established too late.
      dialled.then(
        (client) => client.close(),
        () => {},
      );
    }
  }
}

interface Answer {
  readonly brokerId: BrokerId;
  readonly response: ListClientsResponse | null;
}

/** In the order of the answers. */
export function merged(answers: readonly Answer[]): ListClientsResponse {
  const clients: ConnectedClient[] = [];
  const silentBrokers: BrokerId[] = [];
  let omitted = 0;
  let partitions = 0;
  for (const { brokerId, response } of answers) {
    if (!response) {
      silentBrokers.push(brokerId);
      continue;
    }
    omitted += response.omitted;
    for (const client of response.clients) {
      const count = client.produced.length + client.fetched.length;
      if (clients.length >= CLIENTS_GATHERED_MAX || partitions + count > PARTITIONS_GATHERED_MAX) {
        omitted++;
        continue;
      }
      partitions += count;
      clients.push(client);
    }
  }
  return { clients, omitted, silentBrokers };
}
