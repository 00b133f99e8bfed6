/** A peer that sends any bytes and keeps what comes back; for the tests of what a door does with them. */
import { connect, type Socket } from 'node:net';
import { type Api, encodeRequest, FrameSplitter, peekCorrelationId, type RequestBodyOf, type ResponseOf, readResponseHeader } from '#wire';

const PATIENCE_MS = 10_000;

export class RawPeer {
  isClosed = false;
  private readonly chunks: Buffer[] = [];
  private readonly waiters = new Set<() => void>();
  private correlationId = 0;
  private readonly splitter = new FrameSplitter(4, 1 << 30);
  private readonly whole: Buffer[] = [];
  /** Chunks that the splitter has. */
  private split = 0;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.chunks.push(chunk);
      this.wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.wake();
    });
  }

  static dial(port: number): Promise<RawPeer> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawPeer(socket));
      });
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get receivedBytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  write(bytes: Uint8Array | string): this {
    this.socket.write(bytes);
    return this;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Rejects after ten seconds. */
  until(condition: () => boolean, what: string): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(check);
        reject(new Error(`${what} did not come; closed: ${this.isClosed}; got: ${this.received.subarray(0, 300).toString('latin1')}`));
      }, PATIENCE_MS);
      const check = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.waiters.delete(check);
        resolve();
      };
      this.waiters.add(check);
    });
  }

  closed(): Promise<void> {
    return this.until(() => this.isClosed, 'the end of the connection');
  }

  /** Kafka's frames, without their sizes; in order. */
  frames(): readonly Buffer[] {
    for (; this.split < this.chunks.length; this.split++) this.splitter.push(this.chunks[this.split]!);
    for (let frame = this.splitter.next(); frame !== null; frame = this.splitter.next()) this.whole.push(frame);
    return this.whole;
  }

  /** Until nothing more came for 300 ms. */
  async silent(): Promise<void> {
    for (let before = -1; before !== this.chunks.length; ) {
      before = this.chunks.length;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  /** One Kafka request and its answer. */
  async ask<A extends Api>(api: A, version: number, body: RequestBodyOf<A>): Promise<ResponseOf<A>> {
    const id = ++this.correlationId;
    this.write(Buffer.concat(encodeRequest(api as Api, version, id, 'raw', body as never)));
    const answer = () => this.frames().find((frame) => peekCorrelationId(frame) === id);
    await this.until(() => this.isClosed || answer() !== undefined, `the answer to ${api.name}`);
    const frame = answer();
    if (frame === undefined) throw new Error(`the connection was closed instead of an answer to ${api.name}`);
    return api.readResponse(version, readResponseHeader(frame, api.responseHeaderVersion(version))) as ResponseOf<A>;
  }

  private wake(): void {
    for (const waiter of [...this.waiters]) waiter();
  }
}

/** As a stock Nest ClientProxy frames it. */
export function nestJson(message: unknown): Buffer {
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  return Buffer.from(`${text.length}#${text}`);
}
