/**
 * A member's way to the coordinator of its group (an administrator's is group-coordinators.ts): finds it at any broker, asks it
 * over a connection of its own, and finds it again when it moved, went away or froze. Repeats for as long as the membership goes
 * on, until there is an answer that is about the group, so callers only see those. A repeat is safe for every question here:
 * joins and syncs name their member, commits and heartbeats their generation.
 */
import type { BrokerId, KafkaErrorName } from '#kernel';
import { KafkaError, YakError } from '#kernel';
import type { RpcMessages } from '#rpc';
import type { Address, Cancellable } from '#seams';
import { formatAddress } from '#seams';
import type { ClientCore } from './client-core.js';
import type { Lane } from './connection-pool.js';
import type { GroupCoordinatorAddress } from './group-coordinators.js';
import { COORDINATOR_CHECK_MS } from './group-options.js';
import { ATTEMPT_TIMEOUT_MS } from './options.js';

type GroupPattern =
  | 'joinGroup'
  | 'syncGroup'
  | 'groupHeartbeat'
  | 'leaveGroup'
  | 'commitOffsets'
  | 'fetchOffsets'
  | 'describeGroups'
  | 'groupHistory';

export interface GroupAskOptions {
  /** One attempt at one broker. */
  readonly timeoutMs: number;
  /** Asked before every attempt; false ends the question with null. */
  readonly mayGoOn: () => boolean;
}

/** Another broker has to be asked. */
const MOVED: ReadonlySet<KafkaErrorName> = new Set<KafkaErrorName>(['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE']);
/** The same broker will answer later. */
const LATER: ReadonlySet<KafkaErrorName> = new Set<KafkaErrorName>([
  'COORDINATOR_LOAD_IN_PROGRESS',
  'UNSTABLE_OFFSET_COMMIT',
  'REQUEST_TIMED_OUT',
  'THROTTLING_QUOTA_EXCEEDED',
]);
/** No repeat would help. */
const FATAL_CODES = new Set(['INVALID', 'UNKNOWN_PATTERN', 'TOO_LARGE', 'CLIENT_CLOSED']);

export class GroupCoordinatorLink {
  private coordinator: GroupCoordinatorAddress | null = null;
  private finding: Promise<GroupCoordinatorAddress | null> | null = null;
  private isClosed = false;
  private told: BrokerId | null | undefined;

  constructor(
    private readonly core: ClientCore,
    private readonly groupId: string,
    private readonly lane: Lane,
    /** A broker once it is reached; null: none that is reached is known now. Each change once. */
    private readonly changed: (brokerId: BrokerId | null, reason: string) => void,
  ) {}

  /** Null when `mayGoOn` said no. Rejects with what no repeat would change. */
  async ask<K extends GroupPattern>(pattern: K, request: RpcMessages[K][0], options: GroupAskOptions): Promise<RpcMessages[K][1] | null> {
    const { clientId } = this.core.options;
    for (let attempt = 1; options.mayGoOn() && !this.isClosed; attempt++) {
      const coordinator = await this.find();
      if (coordinator !== null && options.mayGoOn()) {
        const response = await this.attempt(coordinator, pattern, { ...request, clientId }, options.timeoutMs);
        if (response !== null) {
          const trouble = troubleOf(response);
          if (trouble === null) return response;
          if (MOVED.has(trouble)) this.lost(coordinator, `broker ${coordinator.brokerId} says ${trouble}`);
        }
      }
      if (!options.mayGoOn()) break;
      await this.core.pauseAfter(attempt);
    }
    return null;
  }

  /** Cuts what is unanswered. */
  close(): void {
    this.isClosed = true;
    if (this.coordinator !== null) this.core.pool.release(this.coordinator.address, this.lane);
    this.coordinator = null;
  }

  /** Null: no answer; the coordinator has to be found again. */
  private async attempt<K extends GroupPattern>(
    coordinator: GroupCoordinatorAddress,
    pattern: K,
    request: RpcMessages[K][0],
    timeoutMs: number,
  ): Promise<RpcMessages[K][1] | null> {
    const { pool } = this.core;
    const stopChecking = this.check(coordinator);
    try {
      const client = await pool.get(coordinator.address, this.lane);
      this.tell(coordinator.brokerId, `broker ${coordinator.brokerId} at ${formatAddress(coordinator.address)}`);
      const response = await client.request(pattern, request, { timeoutMs });
      pool.succeeded(coordinator.address);
      return response;
    } catch (error) {
      if (this.isClosed) return null;
      const code = error instanceof YakError ? error.code : 'INTERNAL';
      if (code === 'UNKNOWN_PATTERN') throw noGroups(error);
      if (FATAL_CODES.has(code)) throw error;
      if (code === 'REQUEST_TIMEOUT') pool.drop(coordinator.address, this.lane);
      this.lost(coordinator, (error as Error).message);
      return null;
    } finally {
      stopChecking();
    }
  }

  /** A join may wait for minutes. When the coordinator is another one meanwhile, or froze and was replaced, the wait is cut. */
  private check(coordinator: GroupCoordinatorAddress): () => void {
    let timer: Cancellable | null = null;
    let isOver = false;
    const checkLater = () => {
      timer = this.core.seams.scheduler.after(COORDINATOR_CHECK_MS, async () => {
        const now = await this.look(coordinator.address).catch(() => null);
        if (isOver) return;
        if (now === null || formatAddress(now.address) === formatAddress(coordinator.address)) checkLater();
        else this.core.pool.drop(coordinator.address, this.lane);
      });
    };
    checkLater();
    return () => {
      isOver = true;
      timer?.cancel();
    };
  }

  private find(): Promise<GroupCoordinatorAddress | null> {
    if (this.coordinator !== null) return Promise.resolve(this.coordinator);
    this.finding ??= this.findNow().finally(() => {
      this.finding = null;
    });
    return this.finding;
  }

  private async findNow(): Promise<GroupCoordinatorAddress | null> {
    try {
      const found = await this.look();
      if (found === null || this.isClosed) return null;
      this.coordinator = found;
      return found;
    } catch (error) {
      if (error instanceof YakError && error.code === 'UNKNOWN_PATTERN') throw noGroups(error);
      if (error instanceof KafkaError || (error instanceof YakError && FATAL_CODES.has(error.code))) throw error;
      this.core.seams.logger.debug('no broker names the group coordinator', { groupId: this.groupId, reason: (error as Error).message });
      return null;
    }
  }

  /** Null: there is none now. Rejects as AnyNode.ask does, and with a KafkaError that is about the group. */
  private async look(avoid?: Address): Promise<GroupCoordinatorAddress | null> {
    if (this.core.metadata.brokerAddresses().length === 0) await this.core.follower.fetch([]);
    const options = { attemptTimeoutMs: ATTEMPT_TIMEOUT_MS, isForBrokers: true, ...(avoid === undefined ? {} : { avoid: [avoid] }) };
    const { coordinators } = await this.core.anyNode.ask('findCoordinator', { groupIds: [this.groupId] }, options);
    const answer = coordinators[0];
    if (answer === undefined) return null;
    const { error, brokerId, host, port } = answer;
    if (error === 'NONE') return { brokerId, address: { host, port } };
    if (MOVED.has(error) || LATER.has(error)) return null;
    throw new KafkaError(error, `group ${this.groupId}: ${error}${answer.message ? ` (${answer.message})` : ''}`);
  }

  private lost(coordinator: GroupCoordinatorAddress, reason: string): void {
    if (this.coordinator !== coordinator) return;
    this.coordinator = null;
    this.core.pool.release(coordinator.address, this.lane);
    this.tell(null, reason);
  }

  /** Once for every change: until a dead coordinator is replaced, the cluster goes on naming it, and every attempt finds it gone. */
  private tell(brokerId: BrokerId | null, reason: string): void {
    if (this.told === brokerId || this.isClosed) return;
    this.told = brokerId;
    this.changed(brokerId, reason);
  }
}

/** What the answer says about who coordinates, or that it has to be asked again; null: it is about the group. */
function troubleOf(response: unknown): KafkaErrorName | null {
  const { error, partitions, groups } = response as {
    error?: KafkaErrorName;
    partitions?: readonly { error: KafkaErrorName }[];
    groups?: readonly { error: KafkaErrorName }[];
  };
  const errors = [error ?? 'NONE', ...[...(partitions ?? []), ...(groups ?? [])].map((one) => one.error)];
  return errors.find((one) => MOVED.has(one)) ?? errors.find((one) => LATER.has(one)) ?? null;
}

function noGroups(error: unknown): YakError {
  return new YakError('UNSUPPORTED_VERSION', 'the brokers of this cluster know no consumer groups; run a newer version of them', {
    cause: error,
  });
}
