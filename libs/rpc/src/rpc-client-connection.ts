/**
 * One connection to a Nest door, client end. Requests go out in the order they were made, answers come in any order. A
 * request whose connection was lost has an unknown outcome (CONNECTION_CLOSED); nothing is ever sent a second time here.
 */
import { YakError } from '#kernel';
import type { Address, Cancellable, Connection, Network, Scheduler } from '#seams';
import { formatAddress } from '#seams';
import type { RpcClient } from './contract.js';
import { fromRpcFailure } from './failure.js';
import type { Frame } from './frame.js';
import { decodeFrame, encodeFrame, FrameKind } from './frame.js';
import { FrameSplitter } from './frame-splitter.js';
import type { Introduction } from './introduction.js';
import type { RpcLimits } from './limits.js';
import { malformedFrame, rpcLimits } from './limits.js';
import type { RpcMessages } from './messages.js';
import type { PatternKey } from './patterns.js';
import { PATTERNS } from './patterns.js';
import { PlacesInFlight } from './places-in-flight.js';

interface OpenRequest {
  readonly pattern: PatternKey;
  readonly resolve: (response: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Cancellable;
  /** Null once it was written. */
  chunks: Uint8Array[] | null;
}

export class RpcClientConnection implements RpcClient {
  private readonly limits: RpcLimits;
  private readonly splitter: FrameSplitter;
  private readonly open = new Map<number, OpenRequest>();
  /** Ids of requests that wait for a place in flight, oldest first; one that timed out meanwhile is no longer in `open`. */
  private waiting: number[] = [];
  private readonly places: PlacesInFlight;
  private nextId = 1;
  private closedWith: Error | null | undefined;
  private readonly closeListeners: ((error: Error | null) => void)[] = [];

  constructor(
    private readonly connection: Connection,
    private readonly scheduler: Scheduler,
    limits: Partial<RpcLimits> = {},
    /** Said in the first request, and forgotten. */
    private introduction: Introduction | null = null,
  ) {
    this.limits = rpcLimits(limits);
    this.splitter = new FrameSplitter(this.limits);
    this.places = new PlacesInFlight(this.limits);
    connection.onData((chunk) => this.receive(chunk));
    connection.onClose((error) => this.closed(error));
  }

  get isClosed(): boolean {
    return this.closedWith !== undefined;
  }

  get remoteAddress(): string {
    return this.connection.remoteAddress;
  }

  request<K extends PatternKey>(pattern: K, request: RpcMessages[K][0], options: { timeoutMs: number }): Promise<RpcMessages[K][1]> {
    return new Promise((resolve, reject) => {
      if (this.closedWith !== undefined) return reject(this.connectionClosed(this.closedWith));
      if (this.waiting.length >= this.limits.maxQueuedRequests) {
        return reject(new YakError('BUSY', `${this.waiting.length} requests to ${this.remoteAddress} already wait (maxQueuedRequests)`));
      }
      const id = this.takeId();
      const body = this.introduction === null ? request : { ...this.introduction, ...request };
      const chunks = encodeFrame({ kind: FrameKind.request, pattern: PATTERNS[pattern].code, id, body }, this.limits);
      this.introduction = null;
      const timer = this.scheduler.after(options.timeoutMs, () => this.timedOut(id, options.timeoutMs));
      this.open.set(id, { pattern, resolve, reject, timer, chunks });
      if (this.places.hasRoom) this.send(id);
      else this.waiting.push(id);
    });
  }

  onClose(listener: (error: Error | null) => void): void {
    if (this.closedWith !== undefined) listener(this.closedWith);
    else this.closeListeners.push(listener);
  }

  close(): void {
    if (this.closedWith !== undefined) return;
    this.closed(null);
    this.connection.destroy();
  }

  private send(id: number): void {
    const request = this.open.get(id)!;
    const chunks = request.chunks!;
    request.chunks = null;
    this.places.take(PATTERNS[request.pattern].code);
    this.connection.write(chunks);
  }

  private receive(chunk: Buffer): void {
    if (this.closedWith !== undefined) return;
    try {
      this.splitter.push(chunk);
      for (let bytes = this.splitter.next(); bytes !== null; bytes = this.splitter.next()) this.settle(decodeFrame(bytes));
    } catch (error) {
      this.closed(error as Error);
      this.connection.destroy();
    }
  }

  private settle(frame: Frame): void {
    if (frame.kind === FrameKind.request) throw malformedFrame('the server sent a request; only answers are expected here');
    const request = this.open.get(frame.id);
    // An answer after its request timed out.
    if (request === undefined || request.chunks !== null) return;
    if (frame.pattern !== PATTERNS[request.pattern].code) throw malformedFrame(`answer ${frame.id} is of pattern ${frame.pattern}`);
    this.forget(frame.id, request);
    if (frame.kind === FrameKind.failure) request.reject(fromRpcFailure(frame.body));
    else request.resolve(frame.body as never);
  }

  private timedOut(id: number, timeoutMs: number): void {
    const request = this.open.get(id);
    if (request === undefined) return;
    this.forget(id, request);
    const name = PATTERNS[request.pattern].name;
    request.reject(new YakError('REQUEST_TIMEOUT', `${name} to ${this.remoteAddress} got no answer within ${timeoutMs} ms`));
  }

  private forget(id: number, request: OpenRequest): void {
    request.timer.cancel();
    this.open.delete(id);
    if (request.chunks === null) this.places.giveBack(PATTERNS[request.pattern].code);
    while (this.places.hasRoom && this.waiting.length > 0) {
      const next = this.waiting.shift()!;
      if (this.open.has(next)) this.send(next);
    }
  }

  private closed(error: Error | null): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = error;
    const requests = [...this.open.values()];
    this.open.clear();
    this.waiting = [];
    for (const request of requests) {
      request.timer.cancel();
      request.reject(this.connectionClosed(error));
    }
    for (const listener of this.closeListeners) listener(error);
  }

  private connectionClosed(cause: Error | null): YakError {
    const reason = cause === null ? '' : ` (${cause.message})`;
    return new YakError('CONNECTION_CLOSED', `connection to ${this.remoteAddress} is closed${reason}`, { cause });
  }

  private takeId(): number {
    while (this.open.has(this.nextId)) this.nextId = nextRequestId(this.nextId);
    const id = this.nextId;
    this.nextId = nextRequestId(id);
    return id;
  }
}

export interface DialRpcOptions {
  /** To establish the connection. */
  readonly timeoutMs: number;
  readonly limits?: Partial<RpcLimits>;
  readonly introduction?: Introduction;
}

/** Rejects as Network.dial does. */
export async function dialRpc(
  network: Network,
  scheduler: Scheduler,
  address: Address,
  options: DialRpcOptions,
): Promise<RpcClientConnection> {
  const connection = await network.dial(address, { timeoutMs: options.timeoutMs });
  if (connection.isClosed) throw new YakError('CONNECTION_CLOSED', `${formatAddress(address)} closed the connection at once`);
  return new RpcClientConnection(connection, scheduler, options.limits, options.introduction);
}

function nextRequestId(id: number): number {
  return id === 0xffffffff ? 1 : id + 1;
}
