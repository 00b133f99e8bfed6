/** Errors that end a membership, in sentences that say what to do. */
import type { TopicPartition } from '#groups';
import type { KafkaErrorName } from '#kernel';
import { KafkaError, YakError } from '#kernel';
import type { GroupOptions } from './group-options.js';

export function fencedError({ groupId, groupInstanceId }: GroupOptions): KafkaError {
  return new KafkaError(
    'FENCED_INSTANCE_ID',
    `another process joined group ${groupId} as instance ${groupInstanceId} and took this one's place; give every process an instance id of its own, or end the other one and start this one again`,
  );
}

const ADVICE: Partial<Record<KafkaErrorName, (options: GroupOptions) => string>> = {
  INCONSISTENT_GROUP_PROTOCOL: ({ assignors }) =>
    `its members share no assignor with this one, which offers ${assignors.map(({ name }) => name).join(', ')}, or it is no group of consumers; choose another group or a common assignor`,
  INVALID_SESSION_TIMEOUT: ({ sessionTimeoutMs }) =>
    `a session timeout of ${sessionTimeoutMs} ms is outside what the brokers allow (group.min.session.timeout.ms to group.max.session.timeout.ms)`,
  GROUP_MAX_SIZE_REACHED: () => 'it has as many members as group.max.size allows; end some, or raise it',
  INVALID_GROUP_ID: () => 'the name of the group is not allowed',
  GROUP_AUTHORIZATION_FAILED: () => 'this client may not use the group',
};

export function fatalGroupError(error: KafkaErrorName, message: string | undefined, options: GroupOptions): KafkaError {
  const advice = ADVICE[error]?.(options) ?? message ?? 'the coordinator refuses this member';
  return new KafkaError(error, `group ${options.groupId}: ${advice} (${error})`);
}

/** For a caller whose commit was refused, or came too late. */
export function notCommitted(error: KafkaErrorName, partitions: readonly TopicPartition[]): KafkaError {
  const named = partitions.slice(0, 3).map(({ topic, partition }) => `${topic}-${partition}`);
  const more = partitions.length > named.length ? ` and ${partitions.length - named.length} more` : '';
  return new KafkaError(
    error,
    `${named.join(', ')}${more}: not committed (${error}); what was taken since the last commit will be given out again`,
  );
}

export function notAssigned({ topic, partition }: TopicPartition): YakError {
  return new YakError(
    'NOT_ASSIGNED',
    `${topic}-${partition} is not assigned to this member now; what was taken of it and is not committed will be given out again`,
  );
}
