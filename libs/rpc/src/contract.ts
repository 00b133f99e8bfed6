/**
 * The two ends of the Nest TCP door as plain TypeScript, over any Network. Nest's TCP transport serves the same frames in
 * processes (yak-tcp-socket.ts in apps), a plain RpcServer serves them in the simulation; the client end is one code.
 */
import type { RequestContext } from '#kernel';
import type { FetchResponse, RpcMessages } from './messages.js';
import type { PatternKey } from './patterns.js';

export interface RpcClient {
  /** False once the connection is gone; then every request rejects. */
  readonly isClosed: boolean;
  /**
   * Resolves with the response; rejects with a YakError: `REQUEST_TIMEOUT`, `CONNECTION_CLOSED` (outcome unknown), or the
   * RpcFailure's code. Any number may be in flight; answers come in any order.
   */
  request<K extends PatternKey>(pattern: K, request: RpcMessages[K][0], options: { timeoutMs: number }): Promise<RpcMessages[K][1]>;
  onClose(listener: (error: Error | null) => void): void;
  close(): void;
}

type FetchedPartition = FetchResponse['partitions'][number];

/** What a handler may answer: a fetch may leave its batches in several buffers, which are sent without being joined. */
export type RpcReply<K extends PatternKey> = K extends 'fetch'
  ? { readonly partitions: readonly (Omit<FetchedPartition, 'records'> & { readonly records: Buffer | readonly Buffer[] })[] }
  : RpcMessages[K][1];

/** What a process serves on its Nest door. A missing key answers UNKNOWN_PATTERN. */
export type RpcHandlers = {
  [K in PatternKey]?: (request: RpcMessages[K][0], context: RequestContext) => Promise<RpcReply<K>>;
};
