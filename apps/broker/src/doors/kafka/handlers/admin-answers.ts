/** What the handlers of admin APIs share: how a change without a decision is answered, resources of configs, names that come twice. */
import { KafkaError, type KafkaErrorName, YakError } from '#kernel';
import type { ConfigResourceType } from '#rpc';
import { wireErrorCode } from '../kafka-error-mapper.js';

export interface Refusal {
  readonly error: KafkaErrorName;
  readonly message?: string;
}

/**
 * The cluster coordinator gave no decision. NOT_CONTROLLER when surely nothing was done: clients look again and repeat it by
 * themselves. REQUEST_TIMED_OUT when it may have been done: then a person has to look first. A bug is thrown on.
 */
export function undecided(failure: unknown): Refusal {
  if (failure instanceof KafkaError) return { error: failure.error, message: failure.message };
  if (!(failure instanceof YakError) || failure.code === 'INTERNAL') throw failure;
  const { code, message } = failure;
  if (code === 'UNAVAILABLE' || code === 'BUSY') return { error: 'NOT_CONTROLLER', message: `nothing was changed: ${message}` };
  if (code === 'INVALID') return { error: 'INVALID_REQUEST', message };
  if (code === 'UNKNOWN_PATTERN')
    return { error: 'UNSUPPORTED_VERSION', message: 'the cluster coordinator is of an older release and does not know this request' };
  return { error: 'REQUEST_TIMED_OUT', message: `the outcome is unknown, so look before you repeat it: ${message}` };
}

/** `errorCode` and `errorMessage` of an answer. */
export function outcome(apiKey: number, version: number, { error, message }: Refusal): { errorCode: number; errorMessage: string | null } {
  return { errorCode: wireErrorCode(apiKey, version, error), errorMessage: message ?? null };
}

/** Each name that is there more than once. */
export function repeated(names: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const name of names) (seen.has(name) ? twice : seen).add(name);
  return twice;
}

const RESOURCE_TYPES: ReadonlyMap<number, ConfigResourceType> = new Map([
  [2, 'topic'],
  [4, 'broker'],
  [8, 'broker-logger'],
  [16, 'client-metrics'],
  [32, 'group'],
]);

/** Null for a kind that Kafka does not have either. */
export function resourceType(code: number): ConfigResourceType | null {
  return RESOURCE_TYPES.get(code) ?? null;
}

export const UNKNOWN_RESOURCE_TYPE: Refusal = { error: 'INVALID_REQUEST', message: 'the request names a resource of an unknown type' };

/** Where a value comes from, as Kafka numbers it. */
export const CONFIG_SOURCES = { topic: 1, 'static-broker': 4, default: 5 } as const;
