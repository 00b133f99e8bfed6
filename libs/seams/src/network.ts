/**
 * Byte streams, as TCP gives them: ordered, never duplicated, arriving in chunks of any size, able to stall, to be cut with
 * the tail of either direction lost, and to stay half-open for ever.
 */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Connection {
  /** host:port of the peer. */
  readonly remoteAddress: string;
  /** Bytes accepted by write() that have not left yet. */
  readonly bufferedBytes: number;
  readonly isClosed: boolean;
  /** Queues the chunks in order. The caller must not touch them afterwards (R27). After close it does nothing. False: wait for onDrain. */
  write(chunks: Uint8Array | readonly Uint8Array[]): boolean;
  /** The chunk belongs to the receiver from then on. Set before the first turn ends. */
  onData(listener: (chunk: Buffer) => void): void;
  onDrain(listener: () => void): void;
  /** Exactly once, for either side's close, reset or error; `error` is null for an orderly end. Called at once if already closed. */
  onClose(listener: (error: Error | null) => void): void;
  /** Stops / resumes onData; the peer is slowed down by back-pressure. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once; queued bytes may be lost. */
  destroy(): void;
}

export interface Listener {
  /** The address that was really bound (port 0 resolved). */
  readonly address: Address;
  /** Stops accepting and destroys open connections. */
  close(): Promise<void>;
}

export interface Network {
  /** Rejects with a YakError `ADDRESS_IN_USE` or `CANNOT_LISTEN` that names the address. */
  listen(address: Address, onConnection: (connection: Connection) => void): Promise<Listener>;
  /** Rejects with a YakError `CONNECTION_REFUSED` when nobody listens there, `CONNECT_TIMEOUT` or `CONNECT_FAILED` otherwise. */
  dial(address: Address, options?: { timeoutMs?: number }): Promise<Connection>;
}

export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Parses `host:port` or `[v6]:port`. Null when it is neither. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text.trim());
  if (!match) return null;
  const port = Number(match[3]);
  if (port > 65535) return null;
  return { host: (match[1] ?? match[2])!, port };
}
