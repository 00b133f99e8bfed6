/**
 * One reader of server-sent events. A reader that does not read is cut once its backlog passes the limit: it reconnects and
 * gets the whole state again, so nothing is missed. A comment line keeps proxies from closing a quiet stream.
 */
import type { ServerResponse } from 'node:http';

const BACKLOG_BYTES_MAX = 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;

export class EventStream {
  private readonly keepAlive: NodeJS.Timeout;

  constructor(private readonly response: ServerResponse) {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    this.keepAlive = setInterval(() => this.write(': alive\n\n'), KEEP_ALIVE_MS).unref();
    this.onClose(() => clearInterval(this.keepAlive));
  }

  get isClosed(): boolean {
    return this.response.destroyed || this.response.writableEnded;
  }

  /** `data` is sent as one line of JSON. */
  send(event: string, data: unknown, id?: number): void {
    this.write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
  }

  onClose(listener: () => void): void {
    this.response.once('close', listener);
  }

  close(): void {
    this.response.end();
  }

  private write(text: string): void {
    if (this.isClosed) return;
    this.response.write(text);
    if (this.response.writableLength > BACKLOG_BYTES_MAX) this.response.destroy();
  }
}
