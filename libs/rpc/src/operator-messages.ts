/**
 * What only a person may decide, because something is given up by it. Both show first what would happen: `trustStore` without a
 * confirmation and `electLeader` with validateOnly change nothing. trustStore is served by the cluster coordinator alone, which
 * brokers cannot help to reach while it does not act.
 */
import type { OnBehalfOf, WithError } from './messages.js';

/**
 * begin-history: goes on from the copies that came, without those that are missing. begin-cluster: there is no copy; a new, empty
 * cluster. take-brokers: who was turned away for what it knows may come as it is. end-suspicion: nobody is waited for any more.
 */
export type TrustAction = 'begin-history' | 'begin-cluster' | 'take-brokers' | 'end-suspicion';

/** What the operator saw when he decided. Anything else by now, another coordinator epoch included, and nothing is done. */
export interface TrustConfirmation {
  readonly action: TrustAction;
  readonly coordinatorEpoch: number;
  readonly brokers: readonly number[];
}
export interface TrustStoreRequest {
  /** Absent: nothing is done, the answer says what would be. */
  readonly confirm?: TrustConfirmation;
}
export interface TrustStoreResponse extends TrustConfirmation {
  readonly isDone: boolean;
  /** Null: none yet, or none is known. */
  readonly clusterId: string | null;
  /** What is waited for, or why the store is suspect. */
  readonly reason: string;
  /** Whom it is about: begin-history and end-suspicion do not wait for them, begin-cluster neither, take-brokers lets them in. Ascending. */
  readonly brokers: readonly number[];
  /** Copies that came, while copies are collected; of the store itself: broker -1. */
  readonly copies: readonly { readonly brokerId: number; readonly revision: number }[];
  /** One or two sentences: what it does, or did, and what is given up by it. */
  readonly message: string;
}

export interface ElectLeaderRequest {
  readonly topic: string;
  readonly partition: number;
  /** unclean: for a partition without a leader; what the chosen replica does not hold is lost. */
  readonly kind: 'preferred' | 'unclean';
  readonly validateOnly?: boolean;
  readonly timeoutMs?: number;
  readonly onBehalfOf?: OnBehalfOf;
}
export interface ElectLeaderResponse extends WithError {
  /** After it; -1: none. */
  readonly leader: number;
  readonly leaderEpoch: number;
  /** Live members. */
  readonly isr: readonly number[];
  readonly possibleLoss: boolean;
  /** Why nobody led it before; null when somebody did. */
  readonly waitsFor: string | null;
}

export interface OperatorRpcMessages {
  trustStore: [TrustStoreRequest, TrustStoreResponse];
  electLeader: [ElectLeaderRequest, ElectLeaderResponse];
}
