/**
 * The administrator's way to the coordinators of any groups (a member's way to its own is group-coordinator-link.ts): which broker
 * it is, is asked of any process and remembered until an answer or a lost connection says otherwise. A request is repeated while
 * coordinators move, load or are away, until requestTimeoutMs is over; one whose answer was lost is repeated too.
 */
import { type BrokerId, KafkaError, type KafkaErrorName, YakError } from '#kernel';
import type { GroupRpcMessages } from '#rpc';
import type { Address } from '#seams';
import type { ClientCore } from './client-core.js';
import { clientClosed } from './connection-pool.js';
import { ATTEMPT_TIMEOUT_MS } from './options.js';

export interface GroupCoordinatorAddress {
  readonly brokerId: BrokerId;
  readonly address: Address;
}

/** Another broker, or the same one a little later, will answer. */
export const COORDINATOR_ERRORS: ReadonlySet<KafkaErrorName> = new Set<KafkaErrorName>([
  'NOT_COORDINATOR',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
]);

/** A change waits for the in-sync replicas, by default for up to 5 s (offsets.commit.timeout.ms): longer than a question. */
const CHANGE_TIMEOUT_MS = 8_000;
const CHANGES: ReadonlySet<keyof GroupRpcMessages> = new Set(['commitOffsets', 'deleteOffsets', 'deleteGroups'] as const);
/** Whoever looks after more groups than this asks again. */
const REMEMBERED_MAX = 10_000;

export interface AskCoordinatorOptions<R> {
  /** What the coordinator said about itself in a response; other errors are the caller's. */
  readonly errorOf: (response: R) => KafkaErrorName | undefined;
  readonly isAbandoned: () => boolean;
}

export interface CoordinatorAnswer<R> {
  readonly response: R;
  readonly brokerId: BrokerId;
  /** An attempt before got no answer and may have been executed. */
  readonly wasRepeated: boolean;
}

export class GroupCoordinators {
  private readonly known = new Map<string, GroupCoordinatorAddress>();

  constructor(private readonly core: ClientCore) {}

  /** One attempt at every process. Rejects with a KafkaError when there is no coordinator now, or as AnyNode does. */
  async find(groupId: string): Promise<GroupCoordinatorAddress> {
    const known = this.known.get(groupId);
    if (known !== undefined) return known;
    const request = { groupIds: [groupId] };
    const { coordinators } = await this.core.anyNode.ask('findCoordinator', request, { attemptTimeoutMs: ATTEMPT_TIMEOUT_MS });
    const found = coordinators[0];
    if (found === undefined) throw new KafkaError('UNKNOWN_SERVER_ERROR', 'the broker left the group out of its answer');
    if (found.error !== 'NONE') throw new KafkaError(found.error, found.message ?? `the coordinator of group ${groupId}: ${found.error}`);
    const coordinator = { brokerId: found.brokerId, address: { host: found.host, port: found.port } };
    if (this.known.size >= REMEMBERED_MAX) this.known.clear();
    this.known.set(groupId, coordinator);
    return coordinator;
  }

  forget(groupId: string): void {
    this.known.delete(groupId);
  }

  /** Until requestTimeoutMs is over; then rejects with the last reason that says more than that nobody answered. */
  async ask<K extends keyof GroupRpcMessages>(
    groupId: string,
    pattern: K,
    request: GroupRpcMessages[K][0],
    options: AskCoordinatorOptions<GroupRpcMessages[K][1]>,
  ): Promise<CoordinatorAnswer<GroupRpcMessages[K][1]>> {
    const { clock } = this.core.seams;
    const deadline = clock.monotonicMs() + this.core.options.requestTimeoutMs;
    const attemptTimeoutMs = CHANGES.has(pattern) ? CHANGE_TIMEOUT_MS : ATTEMPT_TIMEOUT_MS;
    let wasRepeated = false;
    let reason: YakError | null = null;
    for (let attempt = 1; ; attempt++) {
      if (options.isAbandoned()) throw clientClosed();
      try {
        const { brokerId, address } = await this.find(groupId);
        const client = await this.core.pool.get(address, 'metadata');
        try {
          const timeoutMs = Math.max(1, Math.min(attemptTimeoutMs, deadline - clock.monotonicMs()));
          const response = await client.request(pattern, request, { timeoutMs });
          const error = options.errorOf(response as GroupRpcMessages[K][1]);
          if (error === undefined || !COORDINATOR_ERRORS.has(error)) {
            this.core.pool.succeeded(address);
            return { response: response as GroupRpcMessages[K][1], brokerId, wasRepeated };
          }
          reason = new KafkaError(error, `group ${groupId}: ${whatItSays(error, brokerId)}`);
          if (error === 'NOT_COORDINATOR') this.forget(groupId);
        } catch (error) {
          if (!isWorthRepeating(this.core, error)) throw error;
          if (error.code === 'REQUEST_TIMEOUT') this.core.pool.drop(address, 'metadata');
          wasRepeated ||= error.code === 'REQUEST_TIMEOUT' || error.code === 'CONNECTION_CLOSED';
          throw error;
        }
      } catch (error) {
        if (!isWorthRepeating(this.core, error)) throw error;
        this.forget(groupId);
        if (reason === null || error.code !== 'REQUEST_TIMEOUT') reason = error;
      }
      if (clock.monotonicMs() >= deadline) throw reason;
      await this.core.pauseAfter(attempt);
      // Those we were told of at the start cannot answer: learn of others.
      if (this.core.metadata.brokerAddresses().length === 0) await this.core.follower.fetch([]).catch(() => {});
    }
  }
}

function isWorthRepeating(core: ClientCore, error: unknown): error is YakError {
  if (!(error instanceof YakError) || error.code === 'CLIENT_CLOSED') return false;
  return error instanceof KafkaError ? COORDINATOR_ERRORS.has(error.error) : core.anyNode.isWorthRepeating(error);
}

function whatItSays(error: KafkaErrorName, brokerId: BrokerId): string {
  if (error === 'COORDINATOR_LOAD_IN_PROGRESS') return `its coordinator, broker ${brokerId}, is still loading`;
  if (error === 'NOT_COORDINATOR') return `broker ${brokerId} is no longer its coordinator`;
  return `its coordinator, broker ${brokerId}, cannot act now`;
}
