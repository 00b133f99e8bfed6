/**
 * Questions that every broker answers for itself, asked of all of them at once. A broker that does not answer in time is named
 * in the result and holds up nobody.
 */
import { type BrokerId, KafkaError, YakError } from '#kernel';
import type { ListClientsResponse, LocateRecordRequest, MetadataResponse, PatternKey, RpcMessages } from '#rpc';
import type { Address } from '#seams';
import { withTimeout } from '#seams';
import type { ClientAdmin, RecordWhereabouts } from './client-admin-contract.js';
import type { ClientCore } from './client-core.js';

/** One broker, dialling included. */
export const BROKER_ANSWER_TIMEOUT_MS = 3_000;

interface BrokerAnswer<K extends PatternKey> {
  readonly brokerId: BrokerId;
  /** Null: none in time. */
  readonly response: RpcMessages[K][1] | null;
}

export class YakClientAdmin implements ClientAdmin {
  constructor(
    private readonly core: ClientCore,
    private readonly metadata: (topics: readonly string[]) => Promise<MetadataResponse>,
  ) {}

  async list(): Promise<ListClientsResponse> {
    const gathered = await this.askCoordinator();
    if (gathered) return gathered;
    const answers = await this.askBrokers((await this.metadata([])).brokers, 'listClients', {});
    return {
      clients: answers.flatMap(({ response }) => response?.clients ?? []),
      omitted: answers.reduce((sum, { response }) => sum + (response?.omitted ?? 0), 0),
      silentBrokers: silentOf(answers),
    };
  }

  async where(request: LocateRecordRequest): Promise<RecordWhereabouts> {
    const { brokers, topics } = await this.metadata([request.topic]);
    const topic = topics.find((one) => one.name === request.topic);
    if (!topic || (topic.error !== 'NONE' && topic.partitions.length === 0)) {
      throw new KafkaError(topic?.error ?? 'UNKNOWN_TOPIC_OR_PARTITION', topic?.message ?? `topic ${request.topic} does not exist`);
    }
    const partition = topic.partitions.find((one) => one.partition === request.partition);
    if (!partition) {
      const count = topic.partitions.length;
      const message = `topic ${request.topic} has no partition ${request.partition}: it has ${count}, from 0 to ${count - 1}`;
      throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', message);
    }
    const answers = await this.askBrokers(brokers, 'locateRecord', request);
    return {
      partition,
      answers: answers.flatMap(({ response }) => response ?? []),
      silentBrokers: silentOf(answers),
    };
  }

  /** Null when it is away: brokers can be asked one by one then. */
  private async askCoordinator(): Promise<ListClientsResponse | null> {
    try {
      const { coordinator } = await this.core.anyNode.ask('describeCluster', {}, { attemptTimeoutMs: BROKER_ANSWER_TIMEOUT_MS });
      return await this.ask(coordinator, 'listClients', {});
    } catch (error) {
      if (!(error instanceof YakError) || !this.core.anyNode.isWorthRepeating(error)) throw error;
      return null;
    }
  }

  private async askBrokers<K extends PatternKey>(
    brokers: MetadataResponse['brokers'],
    pattern: K,
    request: RpcMessages[K][0],
  ): Promise<readonly BrokerAnswer<K>[]> {
    const sorted = [...brokers].sort((a, b) => a.id - b.id);
    return Promise.all(
      sorted.map(async ({ id, host, port }) => {
        try {
          return { brokerId: id, response: await this.ask({ host, port }, pattern, request) };
        } catch (error) {
          if (!(error instanceof YakError) || !this.core.anyNode.isWorthRepeating(error)) throw error;
          return { brokerId: id, response: null };
        }
      }),
    );
  }

  private ask<K extends PatternKey>(address: Address, pattern: K, request: RpcMessages[K][0]): Promise<RpcMessages[K][1]> {
    const timeoutMs = BROKER_ANSWER_TIMEOUT_MS;
    const asked = this.core.pool.get(address, 'metadata').then((client) => client.request(pattern, request, { timeoutMs }));
    return withTimeout(this.core.seams.scheduler, timeoutMs, asked, () => new YakError('REQUEST_TIMEOUT', `no answer in ${timeoutMs} ms`));
  }
}

function silentOf(answers: readonly BrokerAnswer<PatternKey>[]): BrokerId[] {
  return answers.filter(({ response }) => response === null).map(({ brokerId }) => brokerId);
}
