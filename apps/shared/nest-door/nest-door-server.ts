/**
 * Nest's TCP transport with our socket: what stock ServerTCP does, plus limits per socket, one answer path without an rxjs
 * queue per request (it cost a third of the dispatch), a clear error for a port that cannot be had, and a drain: `app.close()`
 * destroys sockets, so whoever stops a process calls `drain` first.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type TcpContext as NestTcpContext, ServerTCP, TcpContext, type TcpSocket } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { ListenerName } from '#kernel';
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
  private readonly otherServers: Server[] = [];
  /** Of sockets that came in by another address than the first. */
  private readonly listenerNames = new WeakMap<Socket, ListenerName>();
  private readonly closeListeners: ((clientAddress: string, listener: ListenerName) => void)[] = [];
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
  onConnectionClosed(listener: (clientAddress: string, listener: ListenerName) => void): void {
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
   * A second address for the same handlers, with limits as the first; requests from there carry its name. Resolves with the
   * address that was really bound. Rejects with a YakError ADDRESS_IN_USE or CANNOT_LISTEN.
   */
  listenAlso(address: Address, listener: ListenerName): Promise<Address> {
    const server = createServer((socket) => {
      this.listenerNames.set(socket, listener);
      this.bindHandler(socket);
    });
    server.maxConnections = this.server.maxConnections;
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => reject(listenError(error, address, `Nest TCP (${listener})`));
      server.once('error', failed);
      server.listen({ port: address.port, host: address.host }, () => {
        server.off('error', failed).on('error', (error) => this.handleError(error));
        this.otherServers.push(server);
        resolve({ host: address.host, port: (server.address() as AddressInfo).port });
      });
    });
  }

  /** Destroys sockets of every address. */
  override close(): void {
    for (const server of this.otherServers) if (server.listening) server.close();
    super.close();
  }

  /**
   * Refuses new connections and new requests (code UNAVAILABLE) and resolves when every running request was answered, or
   * after `timeoutMs`. False: some were not.
   */
  async drain(timeoutMs: number): Promise<boolean> {
    this.isRefusing = true;
    this.isManuallyTerminated = true;
    for (const server of [this.server as Server, ...this.otherServers]) if (server.listening) server.close();
    const deadline = performance.now() + timeoutMs;
    while (this.inFlight > 0) {
      if (performance.now() >= deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    return true;
  }

  /** What its connections hold: frames that are not complete or wait, and answers that are not read. */
  get heldBytes(): number {
    let bytes = 0;
    for (const socket of this.sockets) bytes += socket.heldBytes;
    return bytes;
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
    const instance = new YakTcpSocket(socket, {
      logger: this.door.logger,
      limits: this.door.limits,
      listener: this.listenerNames.get(socket),
    });
    this.sockets.add(instance);
    socket.on('close', () => {
      this.sockets.delete(instance);
      for (const listener of this.closeListeners) listener(instance.clientAddress, instance.context.listener);
    });
    return instance;
  }

  /** Resets are ordinary; what a peer did wrong was logged where its connection was cut. */
  protected override handleError(error: unknown): void {
    this.door.logger.debug('connection error', { door: 'nest-tcp', reason: String((error as Error)?.message ?? error) });
  }
}
