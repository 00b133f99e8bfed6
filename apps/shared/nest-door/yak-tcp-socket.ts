/**
 * The socketClass of our Nest doors: Nest's TcpSocket over #rpc's NestFraming, so that binary frames and the stock JSON of
 * `ClientProxy` are served on one port. Nest gives a custom socket no limits; this one keeps its own: frame size, requests and
 * bytes in flight (reading stops), unread answers (nothing more is started, then the peer is cut) and half-sent frames (cut).
 * A wrong frame cuts its connection only.
 */
import type { Socket } from 'node:net';
import { TcpSocket } from '@nestjs/microservices';
import type { ListenerName, RequestContext } from '#kernel';
import { introduced, NestFraming, type NestReply, type RpcLimits, rpcLimits } from '#rpc';
import type { Logger } from '#seams';

export interface YakTcpSocketOptions {
  readonly logger: Logger;
  /** `nest` when absent. */
  readonly listener?: ListenerName;
  readonly limits?: Partial<RpcLimits>;
}

export class YakTcpSocket extends TcpSocket {
  /** host:port of the peer, also after the connection is gone. */
  readonly clientAddress: string;
  /** Of its requests; made anew only when the peer says something new of itself. */
  context: RequestContext;
  private readonly framing: NestFraming;
  private readonly limits: RpcLimits;
  private readonly logger: Logger;
  private partialFrameTimer: NodeJS.Timeout | null = null;
  private isDispatchPlanned = false;

  constructor(socket: Socket, options: YakTcpSocketOptions) {
    super(socket);
    this.logger = options.logger;
    this.limits = rpcLimits(options.limits);
    this.framing = new NestFraming(this.limits);
    this.clientAddress = formatPeer(socket);
    this.context = {
      principal: 'User:ANONYMOUS',
      listener: options.listener ?? 'nest',
      clientId: null,
      clientSoftware: null,
      clientAddress: this.clientAddress,
      deadline: Number.POSITIVE_INFINITY,
    };
    socket.setNoDelay(true);
    socket.on('drain', () => this.drained());
    socket.on('close', () => this.stopPartialFrameTimer());
    socket.on('timeout', () => this.notRead());
  }

  /** True for a stock `ClientProxy`; its answers are JSON, records as readable objects. */
  get isJson(): boolean {
    return this.framing.isBinary === false;
  }

  /** False once the connection is gone. */
  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  introduce(request: unknown): RequestContext {
    this.context = introduced(this.context, request);
    return this.context;
  }

  /** Requests that were not answered yet. */
  get inFlight(): number {
    return this.framing.inFlight;
  }

  /** Of frames that are not complete or wait, and of answers that are not read. */
  get heldBytes(): number {
    return this.framing.bufferedBytes + this.socket.writableLength;
  }

  protected override handleData(data: Buffer | string): void {
    this.dispatch(data as Buffer);
  }

  protected override handleSend(reply: NestReply, callback?: (error?: unknown) => void): void {
    const wasFull = this.framing.isFull;
    const chunks = this.framing.encodeReply(reply);
    if (chunks.length > 0) this.write(chunks);
    callback?.();
    if (this.socket.writableLength > this.limits.maxSendBufferBytes) {
      this.cut(`${this.socket.writableLength} bytes of answers are unread, above maxSendBufferBytes (${this.limits.maxSendBufferBytes})`);
    } else if (wasFull) {
      this.dispatchNextTurn();
    }
  }

  /** What waited for a place in flight. Not at once: a peer with a thousand requests in one chunk would hold up everybody else. */
  private dispatchNextTurn(): void {
    if (this.isDispatchPlanned) return;
    this.isDispatchPlanned = true;
    setImmediate(() => {
      this.isDispatchPlanned = false;
      this.dispatch();
    });
  }

  private write(chunks: readonly Uint8Array[]): void {
    if (chunks.length > 1) this.socket.cork();
    let hasRoom = true;
    for (const chunk of chunks) hasRoom = this.socket.write(chunk);
    if (chunks.length > 1) this.socket.uncork();
    if (hasRoom || this.framing.isHeld) return;
    this.framing.isHeld = true;
    // Node starts this again whenever some bytes have left, however large the write that they are of.
    this.socket.setTimeout(this.limits.drainTimeoutMs);
  }

  /** Hands out what fits in flight; the rest waits in the framing, and the peer in its own send buffer. */
  private dispatch(chunk?: Buffer): void {
    if (this.socket.destroyed) return;
    try {
      for (const packet of this.framing.feed(chunk)) this.socket.emit('message', packet);
    } catch (error) {
      this.cut((error as Error).message);
    }
    this.applyBackPressure();
    this.watchPartialFrame(chunk !== undefined);
  }

  private drained(): void {
    this.framing.isHeld = false;
    this.socket.setTimeout(0);
    this.dispatch();
  }

  private notRead(): void {
    const { drainTimeoutMs } = this.limits;
    this.cut(`the peer read nothing of ${this.socket.writableLength} waiting bytes for drainTimeoutMs (${drainTimeoutMs} ms)`);
  }

  private applyBackPressure(): void {
    const shouldPause = this.framing.isFull;
    if (shouldPause === this.socket.isPaused()) return;
    if (shouldPause) this.socket.pause();
    else this.socket.resume();
  }

  /** A peer may take its time between frames, not inside one. */
  private watchPartialFrame(hasProgress: boolean): void {
    const isPartial = this.framing.bufferedBytes > 0 && !this.framing.isFull && !this.socket.destroyed;
    if (hasProgress || !isPartial) this.stopPartialFrameTimer();
    if (!isPartial || this.partialFrameTimer) return;
    const timeoutMs = this.limits.partialFrameTimeoutMs;
    this.partialFrameTimer = setTimeout(
      () => this.cut(`a frame was not complete after partialFrameTimeoutMs (${timeoutMs} ms)`),
      timeoutMs,
    );
    this.partialFrameTimer.unref();
  }

  private stopPartialFrameTimer(): void {
    if (this.partialFrameTimer) clearTimeout(this.partialFrameTimer);
    this.partialFrameTimer = null;
  }

  private cut(reason: string): void {
    if (this.socket.destroyed) return;
    this.logger.warn('connection cut', { door: 'nest-tcp', clientAddress: this.clientAddress, reason });
    this.socket.destroy();
  }
}

function formatPeer(socket: Socket): string {
  const host = socket.remoteAddress ?? 'unknown';
  return host.includes(':') ? `[${host}]:${socket.remotePort}` : `${host}:${socket.remotePort}`;
}
