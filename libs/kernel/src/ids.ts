// Names for the numbers and strings that travel through every lib. Aliases, not wrappers: they document a signature
// and cost nothing. Offsets are plain numbers inside (asserted safe where they enter), 64 bit only in codecs.

/** Kafka's node id. Never negative for a real broker; -1 means "none". */
export type BrokerId = number;
/** 22 characters of URL-safe base64 without padding over 16 random bytes, as Kafka prints a topic id. */
export type TopicId = string;
/** Absolute position in a partition. 0 <= offset <= Number.MAX_SAFE_INTEGER; ends ("…EndOffset", highWatermark) are exclusive. */
export type Offset = number;
/** Leader epoch (LE): raised by at least 1 at every election of a partition, never reused. -1 means "none". */
export type LeaderEpoch = number;
/** Partition epoch (PE): raised by 1 at every change of a partition's record. */
export type PartitionEpoch = number;
/** Broker epoch (BE): one per registration, issued by the cluster coordinator, never reused. -1 means "not registered". */
export type BrokerEpoch = number;
/** Cluster-coordinator epoch (CE): raised durably at every start or takeover of a cluster coordinator. */
export type CoordinatorEpoch = number;
/** Milliseconds on a monotonic clock with an arbitrary zero. For durations and deadlines. */
export type MonotonicMs = number;
/** Milliseconds since 1970 by the wall clock. Only ever stamps data (R25). */
export type WallMs = number;

export const NO_BROKER: BrokerId = -1;
export const NO_EPOCH = -1;

/** Key of a partition in maps and folder names: `<topic>-<partition>`. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

const TOPIC_NAME = /^[a-zA-Z0-9._-]{1,249}$/;

/** Null when the name is legal, else what is wrong with it (Kafka's rules). */
export function topicNameProblem(name: string): string | null {
  if (name === '.' || name === '..') return `topic name "${name}" is not allowed`;
  if (TOPIC_NAME.test(name)) return null;
  if (name.length === 0) return 'topic name is empty';
  if (name.length > 249) return `topic name is ${name.length} characters long; at most 249 are allowed`;
  return 'topic name has characters outside a-z, A-Z, 0-9, ".", "_" and "-"';
}

/** Where brokers keep consumer groups and their commits. */
export const OFFSETS_TOPIC = '__consumer_offsets';

/** Topic names that only the cluster itself writes. */
export function isInternalTopic(name: string): boolean {
  return name === OFFSETS_TOPIC || name === '__transaction_state';
}
