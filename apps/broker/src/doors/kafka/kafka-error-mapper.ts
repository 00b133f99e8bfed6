/**
 * The one place where the broker's outcomes become Kafka's error codes, older versions included: an error that a version
 * does not know yet is said with the one that its clients treat alike.
 */
import { KafkaError, type KafkaErrorName } from '#kernel';
import { errorCode } from '#wire';

const PRODUCE = 0;
const FETCH = 1;
const LIST_OFFSETS = 2;
const METADATA = 3;
const OFFSET_COMMIT = 8;

export function wireErrorCode(apiKey: number, version: number, error: KafkaErrorName): number {
  return errorCode(knownTo(apiKey, version, error));
}

function knownTo(apiKey: number, version: number, error: KafkaErrorName): KafkaErrorName {
  switch (error) {
    case 'KAFKA_STORAGE_ERROR':
      return (apiKey === FETCH && version < 6) || (apiKey === PRODUCE && version < 4) ? 'NOT_LEADER_OR_FOLLOWER' : error;
    case 'OFFSET_NOT_AVAILABLE':
      return apiKey === LIST_OFFSETS && version < 5 ? 'LEADER_NOT_AVAILABLE' : error;
    case 'UNKNOWN_TOPIC_ID':
      return (apiKey === FETCH && version < 13) || (apiKey === METADATA && version < 12) ? 'UNKNOWN_TOPIC_OR_PARTITION' : error;
    case 'LISTENER_NOT_FOUND':
      return apiKey === METADATA && version < 6 ? 'LEADER_NOT_AVAILABLE' : error;
    case 'GROUP_ID_NOT_FOUND':
      return apiKey === OFFSET_COMMIT && version < 9 ? 'ILLEGAL_GENERATION' : error;
    default:
      return error;
  }
}

/** What a verb that threw is answered with; everything unforeseen is UNKNOWN_SERVER_ERROR (and logged by the caller). */
export function errorOfFailure(failure: unknown): KafkaErrorName {
  return failure instanceof KafkaError ? failure.error : 'UNKNOWN_SERVER_ERROR';
}
