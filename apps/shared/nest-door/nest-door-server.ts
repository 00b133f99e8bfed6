/**
 * Nest's TCP transport with our socket: what stock ServerTCP does, plus limits per socket, one answer path without an rxjs
 * queue per request (it cost a third of the dispatch), a clear error for a port that cannot be had, and a drain: `app.close()`
 * destroys sockets, so whoever stops a process calls `drain` first.
 */
import type { AddressInfo, Socket } from 'node:net';
import { type TcpContext as NestTcpContext, ServerTCP, TcpContext, type TcpSocket } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import {
  type NestPacket,
  type NestReply,
  type PatternKey,
  patternKeyOf,
  type RequestListener,
  type RpcLimits,
  shownPattern,
  toRpcFailure,
  unknownPattern,
} from '#rpc';
import type { Address, Logger } from '#seams';
import { listenError } from '../listen-error.js';
import { YakTcpSocket } from './yak-tcp-socket.js';

export interface NestDoorOptions {
  readonly address: Address;
  readonly logger: Logger;
  readonly limits?: Partial<RpcLimits>;
  /** Open connections; one more is closed at once. Default 4,096. */
  readonly connectionsMax?: number;
}

const CONNECTIONS_MAX_DEFAULT = 4_096;
const DRAIN_POLL_MS = 10;

type Handler = (data: unknown, context: NestTcpContext) => Promise<unknown>;

export class NestDoorServer extends ServerTCP {
  private readonly sockets = new Set<YakTcpSocket>();
  private readonly closeListeners: ((clientAddress: string) => void)[] = [];
  private readonly requestListeners: RequestListener[] = [];
  private readonly eventSenders = new WeakSet<TcpSocket>();
  private isRefusing = false;

  constructor(private readonly door: NestDoorOptions) {
    super({ host: door.address.host, port: door.address.port, socketClass: YakTcpSocket as never });
    this.server.maxConnections = door.connectionsMax ?? CONNECTIONS_MAX_DEFAULT;
  }

  /** The address that was really bound. */
  get boundAddress(): Address {
    const { address, port } = this.server.address() as AddressInfo;
    return { host: address, port };
  }

  /** Called once per connection that ended, for whatever reason. */
  onConnectionClosed(listener: (clientAddress: string) => void): void {
    this.closeListeners.push(listener);
  }

  /** Told before each request that has a handler is started, while its connection is open. */
  onRequest(listener: RequestListener): void {
    this.requestListeners.push(listener);
  }

  /** Stock ServerTCP reports two error codes only; any other would leave the caller waiting for ever. */
  override listen(callback: (error?: unknown) => void): void {
    const failed = (error: NodeJS.ErrnoException) => callback(listenError(error, this.door.address, 'Nest TCP'));
    this.server.once('error', failed);
    this.server.listen({ port: this.port, host: this.host }, () => {
      this.server.off('error', failed);
      callback();
    });
  }

  /**
   * Refuses new connections and new requests (code UNAVAILABLE) and resolves when every running request was answered, or
   * after `timeoutMs`. False: some were not.
   */
  async drain(timeoutMs: number): Promise<boolean> {
    this.isRefusing = true;
    this.isManuallyTerminated = true;
    if (this.server.listening) this.server.close();
    const deadline = performance.now() + timeoutMs;
    while (this.inFlight > 0) {
      if (performance.now() >= deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    return true;
  }

  get connectionCount(): number {
    return this.sockets.size;
  }

  get inFlight(): number {
    let count = 0;
    for (const socket of this.sockets) count += socket.inFlight;
    return count;
  }

  override async handleMessage(socket: TcpSocket, rawMessage: unknown): Promise<void> {
    const packet = rawMessage as NestPacket;
    const key = patternKeyOf(packet.pattern);
    const pattern = String(packet.pattern);
    if (packet.id === undefined) return this.ignoreEvent(socket, pattern);
    const { id } = packet;
    const answer = (reply: NestReply) => socket.sendMessage({ ...reply, isDisposed: true, id });
    if (this.isRefusing) return answer({ err: { code: 'UNAVAILABLE', message: 'this process is stopping; ask another one' } });
    const handler = this.messageHandlers.get(pattern) as Handler | undefined;
    if (!handler || key === null) return answer({ err: unknownPattern(packet.pattern) });
    this.requested(socket as YakTcpSocket, packet.data, key);
    try {
      const result = await handler(packet.data, new TcpContext([socket, pattern, undefined] as never));
      answer({ response: isObservable(result) ? await lastValueFrom(result, { defaultValue: undefined }) : result });
    } catch (error) {
      answer({ err: toRpcFailure(error) });
    }
  }

  private requested(socket: YakTcpSocket, request: unknown, key: PatternKey): void {
    const context = socket.introduce(request);
    if (socket.isOpen) for (const listener of this.requestListeners) listener(context, key);
  }

  /** Told once per connection: events cost their sender nothing, so they must not be able to fill our log. */
  private ignoreEvent(socket: TcpSocket, pattern: string): void {
    if (this.eventSenders.has(socket)) return;
    this.eventSenders.add(socket);
    this.door.logger.warn('an event was ignored: this door answers requests, use send() instead of emit()', {
      pattern: shownPattern(pattern),
      clientAddress: (socket as YakTcpSocket).clientAddress,
    });
  }

  protected override getSocketInstance(socket: Socket): TcpSocket {
    const instance = new YakTcpSocket(socket, { logger: this.door.logger, limits: this.door.limits });
    this.sockets.add(instance);
    socket.on('close', () => {
      this.sockets.delete(instance);
      for (const listener of this.closeListeners) listener(instance.clientAddress);
    });
    return instance;
  }

  /** Resets are ordinary; what a peer did wrong was logged where its connection was cut. */
  protected override handleError(error: unknown): void {
    this.door.logger.debug('connection error', { door: 'nest-tcp', reason: String((error as Error)?.message ?? error) });
  }
}
