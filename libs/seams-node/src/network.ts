/**
 * TCP behind the Network port. Nagle is off; a write of several chunks leaves as one writev; closing after `end` does not
 * wait for the peer, so that a frozen peer cannot hold a connection open for ever.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { YakError } from '#kernel';
import { type Address, type Connection, formatAddress, type Listener, type Network } from '#seams';
import { nodeErrorCode, wrapNodeError } from './node-error.js';

export const DIAL_TIMEOUT_MS = 10_000;
/** Finds peers whose machine vanished; requests have deadlines of their own long before. */
const KEEP_ALIVE_MS = 30_000;

export class NodeNetwork implements Network {
  listen(address: Address, onConnection: (connection: Connection) => void): Promise<Listener> {
    return new Promise((resolve, reject) => {
      const sockets = new Set<Socket>();
      const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        onConnection(new NodeConnection(socket));
      });
      server.once('error', (error) => reject(listenError(error, address)));
      server.listen({ host: address.host, port: address.port }, () => {
        // Later errors are of accepting (out of descriptors); Node goes on listening, and connections report their own.
        server.removeAllListeners('error').on('error', () => {});
        resolve(new NodeListener(server, sockets, address.host));
      });
    });
  }

  dial(address: Address, options: { timeoutMs?: number } = {}): Promise<Connection> {
    const timeoutMs = options.timeoutMs ?? DIAL_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const socket = createConnection({
        host: address.host,
        port: address.port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      });
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new YakError('CONNECT_TIMEOUT', `no answer from ${formatAddress(address)} within ${timeoutMs} ms`));
      }, timeoutMs);
      const onError = (error: Error) => {
        clearTimeout(timer);
        reject(dialError(error, address));
      };
      socket.once('error', onError);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeListener('error', onError);
        resolve(new NodeConnection(socket));
      });
    });
  }
}

class NodeListener implements Listener {
  readonly address: Address;
  private closing: Promise<void> | null = null;

  constructor(
    private readonly server: Server,
    private readonly sockets: Set<Socket>,
    host: string,
  ) {
    const bound = server.address();
    this.address = { host, port: bound !== null && typeof bound === 'object' ? bound.port : 0 };
  }

  close(): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      this.server.close(() => resolve());
      for (const socket of this.sockets) socket.destroy();
    });
    return this.closing;
  }
}

class NodeConnection implements Connection {
  readonly remoteAddress: string;
  private failure: Error | null = null;
  private hasClosed = false;
  private readonly closeListeners: ((error: Error | null) => void)[] = [];

  constructor(private readonly socket: Socket) {
    this.remoteAddress = formatAddress({ host: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0 });
    socket.on('error', (error) => {
      this.failure = wrapNodeError(error, `connection with ${this.remoteAddress}`);
    });
    socket.once('close', () => {
      this.hasClosed = true;
      for (const listener of this.closeListeners) listener(this.failure);
    });
  }

  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  get isClosed(): boolean {
    return this.hasClosed || this.socket.destroyed || this.socket.writableEnded;
  }

  write(chunks: Uint8Array | readonly Uint8Array[]): boolean {
    if (this.isClosed) return true;
    if (chunks instanceof Uint8Array) return this.socket.write(chunks);
    if (chunks.length === 1) return this.socket.write(chunks[0]!);
    this.socket.cork();
    for (const chunk of chunks) this.socket.write(chunk);
    this.socket.uncork();
    return !this.socket.writableNeedDrain;
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.socket.removeAllListeners('data').on('data', listener);
  }

  onDrain(listener: () => void): void {
    this.socket.removeAllListeners('drain').on('drain', listener);
  }

  onClose(listener: (error: Error | null) => void): void {
    if (this.hasClosed) listener(this.failure);
    else this.closeListeners.push(listener);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    // destroySoon: flush what is queued, then close, without waiting for the peer's end.
    this.socket.destroySoon();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

function listenError(error: unknown, address: Address): YakError {
  const where = formatAddress(address);
  if (nodeErrorCode(error) === 'EADDRINUSE') {
    return new YakError('ADDRESS_IN_USE', `${where} is already in use: stop the process that listens there, or choose another port`, {
      cause: error,
    });
  }
  return new YakError('CANNOT_LISTEN', `cannot listen on ${where}: ${messageOf(error)}`, { cause: error });
}

function dialError(error: unknown, address: Address): YakError {
  const where = formatAddress(address);
  const code = nodeErrorCode(error);
  if (code === 'ECONNREFUSED') return new YakError('CONNECTION_REFUSED', `nobody listens on ${where}`, { cause: error });
  if (code === 'ETIMEDOUT') return new YakError('CONNECT_TIMEOUT', `no answer from ${where}`, { cause: error });
  return new YakError('CONNECT_FAILED', `cannot connect to ${where}: ${messageOf(error)}`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : nodeErrorCode(error);
}
