import { YakError } from '#kernel';
import type { BrokerConfig } from './contract.js';
import type { CoordinatorLink } from './coordinator-link.js';
import type { InitProducerIdResponse } from './verbs.js';

/** Producer ids from blocks that the cluster coordinator hands out and never reuses (R19); what is left of a block dies with the process. */
export class ProducerIds {
  private next = 0;
  private end = 0;
  private allocation: Promise<void> | null = null;

  constructor(private readonly allocate: () => Promise<{ firstProducerId: number; count: number }>) {}

  async take(): Promise<InitProducerIdResponse> {
    try {
      while (this.next >= this.end) {
        this.allocation ??= this.refill().finally(() => {
          this.allocation = null;
        });
        await this.allocation;
      }
    } catch (error) {
      if (!(error instanceof YakError)) throw error;
      // As Kafka: clients try again after this one, and some not after BROKER_NOT_AVAILABLE. The coordinator may be away (R21).
      return { error: 'COORDINATOR_LOAD_IN_PROGRESS', producerId: -1, producerEpoch: -1 };
    }
    return { error: 'NONE', producerId: this.next++, producerEpoch: 0 };
  }

  private async refill(): Promise<void> {
    const block = await this.allocate();
    this.next = block.firstProducerId;
    this.end = block.firstProducerId + block.count;
  }
}

/** A block of ids for this broker. Rejects with a YakError when the cluster coordinator is away or refuses. */
export async function allocateProducerIds(
  link: CoordinatorLink,
  { brokerId, sessionTimeoutMs }: BrokerConfig,
): Promise<{ firstProducerId: number; count: number }> {
  const response = await link.request('allocateProducerIds', { brokerId, brokerEpoch: link.brokerEpoch }, sessionTimeoutMs);
  if (response.error !== 'NONE') throw new YakError(response.error, response.message ?? response.error);
  return response;
}
