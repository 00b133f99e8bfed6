/**
 * Serves RpcHandlers on the Nest door's frames over any Network, without Nest: for the simulation and for tests. It shares
 * NestFraming with the Nest socket, so stock JSON peers are served too. Handlers of one connection run at once, bounded by
 * maxInFlight; a peer that does not read its answers is first no longer read from, then cut.
 */
import type { RequestContext } from '#kernel';
import { YakError } from '#kernel';
import type { Address, Cancellable, Clock, Connection, Listener, Logger, Network, Scheduler } from '#seams';
import type { RpcHandlers } from './contract.js';
import { toRpcFailure, unknownPattern } from './failure.js';
import { introduced } from './introduction.js';
import type { RpcLimits } from './limits.js';
import { rpcLimits } from './limits.js';
import type { NestPacket, NestReply } from './nest-framing.js';
import { NestFraming } from './nest-framing.js';
import { decisionContext } from './on-behalf-of.js';
import { type PatternKey, patternKeyOf } from './patterns.js';

export interface RpcServerOptions {
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly handlers: RpcHandlers;
  readonly limits?: Partial<RpcLimits>;
}

/** Told before each request that has a handler is started. */
export type RequestListener = (context: RequestContext, pattern: PatternKey) => void;

export class RpcServer {
  private readonly limits: RpcLimits;
  private readonly listeners: Listener[] = [];
  private readonly connections = new Set<RpcServerConnection>();
  private readonly closeListeners: ((clientAddress: string) => void)[] = [];
  private readonly requestListeners: RequestListener[] = [];

  constructor(private readonly options: RpcServerOptions) {
    this.limits = rpcLimits(options.limits);
  }

  /** Resolves with the address that was really bound. Rejects as Network.listen does. */
  async listen(address: Address): Promise<Address> {
    const listener = await this.options.network.listen(address, (connection) => this.accept(connection));
    this.listeners.push(listener);
    return listener.address;
  }

  /** Called once per connection that ended, for whatever reason. */
  onConnectionClosed(listener: (clientAddress: string) => void): void {
    this.closeListeners.push(listener);
  }

  onRequest(listener: RequestListener): void {
    this.requestListeners.push(listener);
  }

  /** Cuts every connection; handlers that still run are not waited for and their answers are dropped. */
  async close(): Promise<void> {
    await Promise.all(this.listeners.splice(0).map((listener) => listener.close()));
    for (const connection of [...this.connections]) connection.destroy();
  }

  private accept(connection: Connection): void {
    const served = new RpcServerConnection(connection, this.options, this.limits, this.requestListeners);
    this.connections.add(served);
    connection.onClose(() => {
      this.connections.delete(served);
      for (const listener of this.closeListeners) listener(connection.remoteAddress);
    });
  }
}

class RpcServerConnection {
  private readonly framing: NestFraming;
  private context: RequestContext;
  private partialFrameTimer: Cancellable | null = null;
  /** Runs while the peer leaves answers unread. */
  private drainTimer: Cancellable | null = null;
  private isPaused = false;

  constructor(
    private readonly connection: Connection,
    private readonly options: RpcServerOptions,
    private readonly limits: RpcLimits,
    private readonly requestListeners: readonly RequestListener[],
  ) {
    this.framing = new NestFraming(limits);
    this.context = {
      principal: 'User:ANONYMOUS',
      listener: 'nest',
      clientId: null,
      clientSoftware: null,
      clientAddress: connection.remoteAddress,
      deadline: Number.POSITIVE_INFINITY,
    };
    connection.onData((chunk) => this.receive(chunk));
    connection.onDrain(() => {
      this.drainTimer?.cancel();
      this.drainTimer = null;
      this.framing.isHeld = false;
      this.receive();
    });
    connection.onClose(() => {
      this.partialFrameTimer?.cancel();
      this.drainTimer?.cancel();
    });
  }

  destroy(): void {
    this.connection.destroy();
  }

  private receive(chunk?: Buffer): void {
    if (this.connection.isClosed) return;
    let packets: NestPacket[];
    try {
      packets = this.framing.feed(chunk);
    } catch (error) {
      this.cut(error as Error);
      return;
    }
    for (const packet of packets) void this.answer(packet);
    this.watchPartialFrame(packets.length > 0);
    this.applyBackPressure();
  }

  private async answer(packet: NestPacket): Promise<void> {
    const { id } = packet;
    try {
      const response = await this.handle(packet);
      if (id !== undefined) this.reply({ id, response, isDisposed: true });
    } catch (error) {
      const failure = toRpcFailure(error);
      if (failure.code === 'INTERNAL') {
        this.options.logger.error('request failed', { pattern: packet.pattern, clientAddress: this.connection.remoteAddress, error });
      }
      if (id !== undefined) this.reply({ id, err: failure, isDisposed: true });
    }
  }

  private handle(packet: NestPacket): Promise<unknown> {
    const key = patternKeyOf(packet.pattern);
    const handler = key === null ? undefined : this.options.handlers[key];
    if (key === null || handler === undefined) {
      const failure = unknownPattern(packet.pattern);
      throw new YakError(failure.code, failure.message);
    }
    this.context = introduced(this.context, packet.data);
    for (const listener of this.requestListeners) listener(this.context, key);
    return handler(packet.data as never, decisionContext(this.context, packet.data));
  }

  private reply(reply: NestReply): void {
    if (this.connection.isClosed) return;
    if (!this.connection.write(this.framing.encodeReply(reply))) this.watchDrain();
    if (this.connection.bufferedBytes > this.limits.maxSendBufferBytes) {
      const bytes = this.connection.bufferedBytes;
      this.cut(new YakError('SLOW_READER', `${bytes} bytes of answers are unread, above maxSendBufferBytes`));
    } else {
      this.receive();
    }
  }

  private applyBackPressure(): void {
    const shouldPause = this.framing.isFull;
    if (shouldPause === this.isPaused) return;
    this.isPaused = shouldPause;
    if (shouldPause) this.connection.pause();
    else this.connection.resume();
  }

  private watchDrain(): void {
    const { drainTimeoutMs } = this.limits;
    this.framing.isHeld = true;
    this.drainTimer ??= this.options.scheduler.after(drainTimeoutMs, () => {
      this.cut(new YakError('SLOW_READER', `answers are unread for drainTimeoutMs (${drainTimeoutMs} ms)`));
    });
  }

  /** A peer may take its time between frames, not inside one. */
  private watchPartialFrame(hasProgress: boolean): void {
    const isPartial = this.framing.bufferedBytes > 0 && !this.framing.isFull;
    if (hasProgress || !isPartial) {
      this.partialFrameTimer?.cancel();
      this.partialFrameTimer = null;
    }
    if (isPartial && this.partialFrameTimer === null) {
      const timeoutMs = this.limits.partialFrameTimeoutMs;
      this.partialFrameTimer = this.options.scheduler.after(timeoutMs, () => {
        this.cut(new YakError('PARTIAL_FRAME', `a frame was not complete after partialFrameTimeoutMs (${timeoutMs} ms)`));
      });
    }
  }

  private cut(error: Error): void {
    this.options.logger.warn('connection cut', { clientAddress: this.connection.remoteAddress, reason: error.message });
    this.connection.destroy();
  }
}
