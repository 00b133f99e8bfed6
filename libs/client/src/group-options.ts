/** The defaults of the group consumer, and the checks of what a caller gave. */
import { rangeAssign, roundRobinAssign } from '#groups';
import { topicNameProblem } from '#kernel';
import type { StartPosition } from './contract.js';
import type { GroupAssignor, GroupConsumerConfig } from './group-contract.js';
import type { FetchLimits } from './options.js';
import { atLeast, fetchLimits, invalid } from './options.js';

/** KafkaJS deals out as `roundrobin` does and calls it by the name of its class. */
export const DEFAULT_ASSIGNORS: readonly GroupAssignor[] = [
  { name: 'range', assign: rangeAssign },
  { name: 'roundrobin', assign: roundRobinAssign },
  { name: 'RoundRobinAssigner', assign: roundRobinAssign },
];

/** Asked anything, a group coordinator that is not waiting for members answers within this; then another is looked for. */
export const GROUP_ATTEMPT_TIMEOUT_MS = 5000;
/** While an answer is awaited, others are asked this often whether the coordinator is still the same. */
export const COORDINATOR_CHECK_MS = 2000;
/** A join is answered this long after the rebalance timeout at the latest. */
export const JOIN_SLACK_MS = 5000;
/** For the last commit and the farewell. */
export const CLOSE_TIMEOUT_MS = 5000;
/** How long the leader's question for news of the topics waits at a broker. */
export const TOPIC_WATCH_WAIT_MS = 5000;

/** Members hear of a rebalance by their next heartbeat, so it is what a rebalance takes; a heartbeat costs next to nothing. */
export const HEARTBEAT_INTERVAL_MS_MAX = 1_000;

export interface GroupOptions extends FetchLimits {
  readonly groupId: string;
  /** Sorted, each once. */
  readonly topics: readonly string[];
  readonly groupInstanceId: string | null;
  readonly from: StartPosition;
  readonly exitAtEnd: boolean;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly autoCommitIntervalMs: number | null;
  readonly assignors: readonly GroupAssignor[];
  /** How long a rebalance may be held up by the caller; the rest is for the join. */
  readonly revocationMs: number;
}

export function groupOptions(config: GroupConsumerConfig): GroupOptions {
  if (config.groupId === '') throw invalid('groupId is empty; name the group');
  if (config.topics.length === 0) throw invalid('topics is empty; a member has to subscribe to at least one topic');
  for (const topic of config.topics) {
    const problem = topicNameProblem(topic);
    if (problem !== null) throw invalid(problem);
  }
  if (config.groupInstanceId === '') throw invalid('groupInstanceId is empty; leave it out for a member that is not static');
  const sessionTimeoutMs = config.sessionTimeoutMs ?? 10_000;
  const rebalanceTimeoutMs = config.rebalanceTimeoutMs ?? 60_000;
  const options: GroupOptions = {
    groupId: config.groupId,
    topics: [...new Set(config.topics)].sort(),
    groupInstanceId: config.groupInstanceId ?? null,
    from: config.from ?? 'earliest',
    exitAtEnd: config.exitAtEnd ?? false,
    sessionTimeoutMs,
    heartbeatIntervalMs: config.heartbeatIntervalMs ?? Math.max(1, Math.min(HEARTBEAT_INTERVAL_MS_MAX, Math.floor(sessionTimeoutMs / 3))),
    rebalanceTimeoutMs,
    autoCommitIntervalMs: config.autoCommitIntervalMs === undefined ? 5000 : config.autoCommitIntervalMs,
    assignors: config.assignors ?? DEFAULT_ASSIGNORS,
    revocationMs: Math.max(rebalanceTimeoutMs - sessionTimeoutMs, Math.floor(rebalanceTimeoutMs / 2)),
    ...fetchLimits(config),
  };
  atLeast(1, { sessionTimeoutMs, heartbeatIntervalMs: options.heartbeatIntervalMs, rebalanceTimeoutMs });
  if (options.autoCommitIntervalMs !== null) atLeast(1, { autoCommitIntervalMs: options.autoCommitIntervalMs });
  if (typeof options.from === 'object') atLeast(0, options.from as { offset: number } | { timestamp: number });
  if (options.heartbeatIntervalMs >= sessionTimeoutMs) {
    throw invalid(
      `heartbeatIntervalMs ${options.heartbeatIntervalMs} has to be below sessionTimeoutMs ${sessionTimeoutMs}; a third of it is usual`,
    );
  }
  if (options.assignors.length === 0) throw invalid('assignors is empty; leave it out for range and roundrobin');
  return options;
}
