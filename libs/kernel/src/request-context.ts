import type { MonotonicMs } from './ids.js';

/**
 * Which door a request came through. Replica fetches are accepted on `replication` only. `external` and `external-nest` are
 * `client` and `nest` for those outside of the brokers' network: the same in all but the addresses that they are told.
 */
export type ListenerName = 'client' | 'external' | 'replication' | 'nest' | 'external-nest' | 'http' | 'internal';

/** Travels with every verb, so that authorization, quotas and the client registry have a place to ask (DESIGN section 6). */
export interface RequestContext {
  /** `User:ANONYMOUS` until authentication exists. */
  readonly principal: string;
  readonly listener: ListenerName;
  readonly clientId: string | null;
  readonly clientSoftware: { readonly name: string; readonly version: string } | null;
  /** host:port of the peer. */
  readonly clientAddress: string;
  /** Where the peer no longer waits for the answer; Infinity when unknown. */
  readonly deadline: MonotonicMs;
}

export type Operation =
  | 'READ'
  | 'WRITE'
  | 'CREATE'
  | 'DELETE'
  | 'ALTER'
  | 'DESCRIBE'
  | 'CLUSTER_ACTION'
  | 'DESCRIBE_CONFIGS'
  | 'ALTER_CONFIGS'
  | 'IDEMPOTENT_WRITE';
export interface Resource {
  readonly type: 'TOPIC' | 'GROUP' | 'CLUSTER' | 'TRANSACTIONAL_ID';
  readonly name: string;
}

/** Asked once per resource in every verb. Synchronous: decisions come from memory. */
export interface Authorizer {
  isAllowed(context: RequestContext, operation: Operation, resource: Resource): boolean;
}

export const allowAll: Authorizer = { isAllowed: () => true };
