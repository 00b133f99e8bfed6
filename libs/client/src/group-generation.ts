/** One generation of a group as one member lives it: what it has, and what put an end to it. */
import type { TopicPartition } from '#groups';
import type { JoinGroupRpcResponse } from '#rpc';

export type Interruption =
  | { readonly kind: 'rebalance'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string; readonly isMemberForgotten: boolean }
  | { readonly kind: 'fenced' };

export class Generation {
  readonly generationId: number;
  readonly memberId: string;
  readonly protocol: string;
  /** Resolves with the first interruption. */
  readonly interrupted: Promise<void>;
  /** Resolves when nothing may be committed any more. */
  readonly lost: Promise<void>;
  private resolveInterrupted = () => {};
  private resolveLost = () => {};
  private current: Interruption | null = null;

  constructor(
    joined: JoinGroupRpcResponse,
    readonly isLeader: boolean,
    readonly partitions: readonly TopicPartition[],
  ) {
    this.generationId = joined.generationId;
    this.memberId = joined.memberId;
    this.protocol = joined.protocolName ?? '';
    this.interrupted = new Promise((resolve) => {
      this.resolveInterrupted = resolve;
    });
    this.lost = new Promise((resolve) => {
      this.resolveLost = resolve;
    });
  }

  get interruption(): Interruption | null {
    return this.current;
  }

  /** A rebalance may still turn into a loss; a loss stays one. */
  interrupt(interruption: Interruption): void {
    if (this.current !== null && (this.current.kind !== 'rebalance' || interruption.kind === 'rebalance')) return;
    this.current = interruption;
    this.resolveInterrupted();
    if (interruption.kind !== 'rebalance') this.resolveLost();
  }
}
