/** What a failed produce means for its batch: may it be sent again, and may a leader already hold it? */
import type { KafkaErrorName } from '#kernel';
import { RETRIABLE_ERRORS, YakError } from '#kernel';

/** Answered before anything was appended; after any other failure the outcome is unknown. */
const CERTAINLY_NOT_STORED: ReadonlySet<KafkaErrorName> = new Set<KafkaErrorName>([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'NOT_ENOUGH_REPLICAS',
  'CORRUPT_MESSAGE',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_REQUIRED_ACKS',
  'INVALID_TIMESTAMP',
  'INVALID_RECORD',
  'INVALID_PRODUCER_EPOCH',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNSUPPORTED_COMPRESSION_TYPE',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'POLICY_VIOLATION',
  'THROTTLING_QUOTA_EXCEEDED',
]);
const SEQUENCE_ERRORS: ReadonlySet<KafkaErrorName> = new Set<KafkaErrorName>(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'INVALID_PRODUCER_EPOCH']);
/** They say something about who leads. */
const LEADER_ERRORS: ReadonlySet<KafkaErrorName> = new Set<KafkaErrorName>([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'REPLICA_NOT_AVAILABLE',
  'BROKER_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'NETWORK_EXCEPTION',
]);

export function isCertainlyNotStored(error: KafkaErrorName): boolean {
  return CERTAINLY_NOT_STORED.has(error);
}

export function isLeaderError(error: KafkaErrorName): boolean {
  return LEADER_ERRORS.has(error);
}

export type ProduceVerdict = 'retry' | 'split' | 'sequence' | 'reject';

export function produceVerdict(error: KafkaErrorName): ProduceVerdict {
  if (SEQUENCE_ERRORS.has(error)) return 'sequence';
  if (error === 'MESSAGE_TOO_LARGE' || error === 'RECORD_LIST_TOO_LARGE') return 'split';
  // UNKNOWN_SERVER_ERROR says nothing; with a sequence a repeat is harmless and may well succeed elsewhere.
  return RETRIABLE_ERRORS.has(error) || error === 'UNKNOWN_SERVER_ERROR' ? 'retry' : 'reject';
}

/** The request as a whole failed. */
export interface RequestFailure {
  readonly verdict: 'retry' | 'split' | 'reject';
  readonly mayBeStored: boolean;
  /** It could not be reached or did not answer: somebody else may lead by now. */
  readonly isLeaderSuspect: boolean;
}

export function requestFailure(error: unknown): RequestFailure {
  const code = error instanceof YakError ? error.code : 'INTERNAL';
  if (code === 'TOO_LARGE') return { verdict: 'split', mayBeStored: false, isLeaderSuspect: false };
  if (code === 'INVALID' || code === 'UNKNOWN_PATTERN') return { verdict: 'reject', mayBeStored: false, isLeaderSuspect: false };
  if (code === 'BUSY' || code === 'NOT_ACTIVE' || code === 'UNAVAILABLE')
    return { verdict: 'retry', mayBeStored: false, isLeaderSuspect: false };
  // Dialling failed: nothing was sent.
  if (code.startsWith('CONNECT') && code !== 'CONNECTION_CLOSED') return { verdict: 'retry', mayBeStored: false, isLeaderSuspect: true };
  return { verdict: 'retry', mayBeStored: true, isLeaderSuspect: code !== 'INTERNAL' };
}
