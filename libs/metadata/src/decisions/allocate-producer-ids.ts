/** A broker gets a block of producer ids that nobody was given before; what it does not use before it dies is lost (R19: never reused). */
import type { BrokerCommand } from './broker-state.js';
import { brokerEpochProblem } from './broker-state.js';
import type { Decision, DecisionState, Outcome } from './decision.js';

export const PRODUCER_ID_BLOCK = 1_000;

export interface ProducerIdBlock extends Outcome {
  /** -1 on error. */
  readonly firstProducerId: number;
  readonly count: number;
}

export function allocateProducerIds(state: DecisionState, command: BrokerCommand): Decision<ProducerIdBlock> {
  const problem = brokerEpochProblem(state, command);
  if (problem) return { records: [], response: { ...problem, firstProducerId: -1, count: 0 } };
  const firstProducerId = state.image.nextProducerId;
  return {
    records: [{ type: 'producer-ids', version: 1, nextProducerId: firstProducerId + PRODUCER_ID_BLOCK }],
    response: { error: 'NONE', firstProducerId, count: PRODUCER_ID_BLOCK },
  };
}
