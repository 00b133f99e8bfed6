/** An election that a person asks for: decided like every other change, or only looked at; an unclean one goes on record. */
import { NO_BROKER } from '#kernel';
import type { DecisionState, MetadataImage, PartitionRecord } from '#metadata';
import { askedElection, electLeader, isAsking, keptMembers, liveMembers } from '#metadata';
import type { ElectLeaderRequest, ElectLeaderResponse } from '#rpc';
import type { Logger } from '#seams';
import type { Asking } from './asking.js';
import type { MetadataChain } from './metadata-chain.js';

const NOTHING = { leader: NO_BROKER, leaderEpoch: -1, isr: [], possibleLoss: false, waitsFor: null } as const;

export async function electByOperator(
  { topic, partition, kind, validateOnly = false }: ElectLeaderRequest,
  chain: MetadataChain,
  asking: Asking,
  logger: Logger,
): Promise<ElectLeaderResponse> {
  const topicId = chain.image.topicsByName.get(topic)?.topicId;
  if (topicId === undefined) return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `there is no topic ${topic}`, ...NOTHING };
  const name = { topicId, partition };
  const response = await chain.submit((state) => {
    const before = state.image.partition(topicId, partition);
    if (before === undefined) {
      const message = `topic ${topic} has ${state.image.partitionsOf(topicId).length} partitions, numbered from 0`;
      return { records: [], response: { error: 'UNKNOWN_TOPIC_OR_PARTITION', message, ...NOTHING } as ElectLeaderResponse };
    }
    const { records, response: outcome } = electLeader(state, name, kind, asking.positions(name));
    const after = records.find((record): record is PartitionRecord => record.type === 'partition') ?? before;
    const { leader, leaderEpoch, possibleLoss } = after;
    const isr = liveMembers(after, state.image);
    const waitsFor = waitingFor(before, state, asking);
    return { records: validateOnly ? [] : records, response: { ...outcome, leader, leaderEpoch, isr, possibleLoss, waitsFor } };
  });
  if (kind === 'unclean' && !validateOnly && response.error === 'NONE') {
    logger.error('unclean election by the operator: records may be lost', { topic, partition, leader: response.leader });
  }
  return response;
}

/** Why nobody leads it now; null when somebody does. */
function waitingFor(before: PartitionRecord, state: DecisionState, asking: Asking): string | null {
  if (before.leader !== NO_BROKER) return null;
  if (isAsking(before)) return askedElection(state, before, asking.positions(before)).response.waitingFor;
  return `${brokersText(before, state.image)}, in sync last, to come back`;
}

function brokersText(before: PartitionRecord, image: MetadataImage): string {
  const kept = keptMembers(before, image);
  return `${kept.length === 1 ? 'broker' : 'one of brokers'} ${kept.join(', ')}`;
}
