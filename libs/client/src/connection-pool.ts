/**
 * Connections by address and lane. Lanes keep apart what must not wait for each other: a long poll in `fetch`, batches in
 * `produce`, questions in `metadata`. A lost connection is only forgotten here; who used it decides what to do next.
 */
import { YakError } from '#kernel';
import type { Introduction, RpcClientConnection } from '#rpc';
import { dialRpc } from '#rpc';
import type { Address } from '#seams';
import { formatAddress } from '#seams';
import type { ClientSeams } from './contract.js';
import { CONNECT_TIMEOUT_MS } from './options.js';

export type Lane = 'metadata' | 'produce' | 'fetch' | GroupLane;
/** One for each member of a group: heartbeats and joins of two members have nothing to do with each other. */
export type GroupLane = `group-${number}`;

export class ConnectionPool {
  private readonly connections = new Map<string, Promise<RpcClientConnection>>();
  /** When an address last failed, by the monotonic clock; gone after the next success. */
  private readonly failures = new Map<string, number>();
  private isClosed = false;

  constructor(
    private readonly seams: ClientSeams,
    private readonly introduction: Introduction,
  ) {}

  /** Rejects as dialRpc does; the address then counts as failed. */
  get(address: Address, lane: Lane): Promise<RpcClientConnection> {
    if (this.isClosed) return Promise.reject(clientClosed());
    const key = keyOf(address, lane);
    const open = this.connections.get(key);
    if (open !== undefined) return open;
    const dialled: Promise<RpcClientConnection> = this.dial(address, () => {
      if (this.connections.get(key) === dialled) this.connections.delete(key);
    });
    this.connections.set(key, dialled);
    return dialled;
  }

  /** Cuts a connection that is taken for dead: what is unanswered on it rejects with CONNECTION_CLOSED. */
  drop(address: Address, lane: Lane): void {
    if (this.connections.has(keyOf(address, lane))) this.failed(address);
    this.release(address, lane);
  }

  /** The same for a connection that is not needed any more. */
  release(address: Address, lane: Lane): void {
    const key = keyOf(address, lane);
    const connection = this.connections.get(key);
    if (connection === undefined) return;
    this.connections.delete(key);
    connection.then(
      (client) => client.close(),
      () => {},
    );
  }

  failed(address: Address): void {
    this.failures.set(formatAddress(address), this.seams.clock.monotonicMs());
  }

  succeeded(address: Address): void {
    this.failures.delete(formatAddress(address));
  }

  /** Monotonic time of the last failure; -Infinity when the last attempt went well. */
  failedAt(address: Address): number {
    return this.failures.get(formatAddress(address)) ?? Number.NEGATIVE_INFINITY;
  }

  close(): void {
    this.isClosed = true;
    for (const connection of this.connections.values()) {
      connection.then(
        (client) => client.close(),
        () => {},
      );
    }
    this.connections.clear();
  }

  private async dial(address: Address, forget: () => void): Promise<RpcClientConnection> {
    const { network, scheduler } = this.seams;
    try {
      const client = await dialRpc(network, scheduler, address, { timeoutMs: CONNECT_TIMEOUT_MS, introduction: this.introduction });
      client.onClose((error) => {
        forget();
        if (error !== null) this.failed(address);
      });
      return client;
    } catch (error) {
      forget();
      this.failed(address);
      throw error;
    }
  }
}

export function clientClosed(): YakError {
  return new YakError('CLIENT_CLOSED', 'the client is closed');
}

function keyOf(address: Address, lane: Lane): string {
  return `${formatAddress(address)}/${lane}`;
}
