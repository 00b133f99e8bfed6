/** Limits of what a request may name, checked before any group is looked at. Sizes that a broker configures are in GroupConfig. */
import type { GroupConfig } from './contract.js';
import type { JoinGroupRequest } from './messages.js';
import type { Refusal } from './responses.js';

/** Characters. Keys of records have 16-bit lengths, and a group id stands in every one. */
export const GROUP_ID_LENGTH_MAX = 255;
/** Kafka's: an instance id is a legal topic name. */
export const GROUP_INSTANCE_ID_LENGTH_MAX = 249;
/** Of protocolType and of each protocol's name. */
export const PROTOCOL_NAME_LENGTH_MAX = 255;
/** Protocols that a member may offer. */
export const PROTOCOLS_MAX = 32;
/** Characters of a reason that are kept (KIP-800). */
export const REASON_LENGTH_MAX = 255;
/** Ids of one group that were given out and have not come back. */
export const PENDING_MEMBERS_MAX = 10_000;
/** The same of all groups of one table: asking costs nothing. Beyond it the oldest are forgotten; who comes back at once is not among them. */
export const PENDING_MEMBERS_OF_ALL_MAX = 20_000;

export function groupIdProblem(groupId: string): Refusal | null {
  if (groupId === '') return { error: 'INVALID_GROUP_ID', message: 'the group id is empty: set group.id' };
  return groupIdLengthProblem(groupId);
}

export function groupIdLengthProblem(groupId: string): Refusal | null {
  if (groupId.length <= GROUP_ID_LENGTH_MAX) return null;
  const message = `the group id has ${groupId.length} characters; at most ${GROUP_ID_LENGTH_MAX} are allowed`;
  return { error: 'INVALID_GROUP_ID', message };
}

export function joinProblem(request: JoinGroupRequest, config: GroupConfig): Refusal | null {
  return groupIdProblem(request.groupId) ?? sessionTimeoutProblem(request.sessionTimeoutMs, config) ?? namesProblem(request);
}

function sessionTimeoutProblem(sessionTimeoutMs: number, config: GroupConfig): Refusal | null {
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = config;
  if (sessionTimeoutMs >= minSessionTimeoutMs && sessionTimeoutMs <= maxSessionTimeoutMs) return null;
  const message =
    `a session timeout of ${sessionTimeoutMs} ms is outside ${minSessionTimeoutMs} to ${maxSessionTimeoutMs} ms: change the client's` +
    " session.timeout.ms, or the broker's group.min.session.timeout.ms or group.max.session.timeout.ms";
  return { error: 'INVALID_SESSION_TIMEOUT', message };
}

function namesProblem({ groupInstanceId, protocolType, protocols }: JoinGroupRequest): Refusal | null {
  const tooLong = (what: string, length: number, max: number): Refusal => {
    return { error: 'INVALID_REQUEST', message: `${what} has ${length} characters; at most ${max} are allowed` };
  };
  if (groupInstanceId === '')
    return { error: 'INVALID_REQUEST', message: 'group.instance.id is empty: leave it out, or name the instance' };
  if (groupInstanceId !== null && groupInstanceId.length > GROUP_INSTANCE_ID_LENGTH_MAX) {
    return tooLong('group.instance.id', groupInstanceId.length, GROUP_INSTANCE_ID_LENGTH_MAX);
  }
  if (protocols.length > PROTOCOLS_MAX) {
    return { error: 'INVALID_REQUEST', message: `the member offers ${protocols.length} protocols; at most ${PROTOCOLS_MAX} are allowed` };
  }
  const longest = Math.max(protocolType.length, ...protocols.map(({ name }) => name.length));
  return longest > PROTOCOL_NAME_LENGTH_MAX ? tooLong('the name of a protocol', longest, PROTOCOL_NAME_LENGTH_MAX) : null;
}
