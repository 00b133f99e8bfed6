/** Carries a leader's ISR proposal to the cluster coordinator, again and again, until a committed partition epoch ends it (R9, R20). */
import { type BrokerId, YakError } from '#kernel';
import type { LeaderState } from '#replication';
import { type Logger, type Scheduler, sleep } from '#seams';
import type { CoordinatorLink } from './coordinator-link.js';
import type { Partition } from './partition.js';

/** Between two sends of the same proposal. */
export const PROPOSAL_RETRY_MS = 100;

export interface ProposalHost {
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly brokerId: BrokerId;
  readonly requestTimeoutMs: number;
  isRunning(): boolean;
  link(): CoordinatorLink;
}

export async function sendProposal(host: ProposalHost, partition: Partition, state: LeaderState): Promise<void> {
  const { proposal } = state;
  const link = host.link();
  while (proposal && state.proposal === proposal && partition.leader === state && host.isRunning()) {
    try {
      const response = await link.request(
        'alterPartition',
        {
          brokerId: host.brokerId,
          brokerEpoch: link.brokerEpoch,
          topicId: partition.topicId,
          partition: partition.index,
          leaderEpoch: state.leaderEpoch,
          partitionEpoch: proposal.partitionEpoch,
          isr: proposal.isr,
        },
        host.requestTimeoutMs,
      );
      if (response.error !== 'NONE') {
        host.logger.debug('ISR proposal refused', { topic: partition.topic, partition: partition.index, error: response.error });
      }
    } catch (error) {
      // Unknown outcome: the maximal ISR stays, and the same proposal is sent again (R9, R20).
      if (!(error instanceof YakError)) throw error;
    }
    if (state.proposal === proposal) await sleep(host.scheduler, PROPOSAL_RETRY_MS);
  }
}
