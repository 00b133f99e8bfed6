/** Refusals in full shape, as every request expects them. */
import type { KafkaErrorName } from '#kernel';
import { NO_BYTES } from './group-member.js';
import type { JoinGroupResponse, SyncGroupResponse } from './messages.js';

export interface Refusal {
  readonly error: KafkaErrorName;
  /** For people: what was wrong, and what to do. */
  readonly message?: string;
}

export function refusedJoin(error: KafkaErrorName, memberId: string, message?: string): JoinGroupResponse {
  const nothing = { generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, members: [] };
  return { error, ...nothing, memberId, ...(message === undefined ? {} : { message }) };
}

export function refusedSync(error: KafkaErrorName, message?: string): SyncGroupResponse {
  return { error, protocolType: null, protocolName: null, assignment: NO_BYTES, ...(message === undefined ? {} : { message }) };
}
