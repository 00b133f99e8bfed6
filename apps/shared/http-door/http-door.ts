/**
 * The HTTP door of both processes: probes, metrics and read-only views over node:http with a table of routes
 * (docs/adr/0004-http-door.md says why no framework). It answers GET and HEAD, reads no bodies, bounds connections and
 * slow readers, and on a loopback address refuses foreign Host names, so that a web page cannot read it by DNS rebinding.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import type { Address, Logger } from '#seams';
import { listenError } from '../listen-error.js';
import { EventStream } from './event-stream.js';

export interface HttpRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string;
}

/** A body that is not text is sent as JSON. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType?: string;
  readonly body: unknown;
}

export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

export interface HttpRoutes {
  /** Exact path to handler. */
  readonly views: Readonly<Record<string, HttpHandler>>;
  /** Paths that answer server-sent events when asked with `Accept: text/event-stream`; the listener feeds the stream until it closes. */
  readonly streams?: Readonly<Record<string, (stream: EventStream) => void>>;
}

export interface HttpLimits {
  readonly connectionsMax: number;
  /** Milliseconds in which the head of a request must have arrived. */
  readonly headersTimeoutMs: number;
  readonly keepAliveMs: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = { connectionsMax: 1_000, headersTimeoutMs: 10_000, keepAliveMs: 30_000 };

export interface HttpDoorOptions {
  readonly address: Address;
  /** Host names under which this door is known, beside loopback names and plain IP addresses. */
  readonly hostNames: readonly string[];
  readonly logger: Logger;
  readonly limits?: HttpLimits;
}

export class HttpDoor {
  private readonly streams = new Set<EventStream>();

  private constructor(
    private readonly server: Server,
    private readonly routes: HttpRoutes,
    private readonly options: HttpDoorOptions,
  ) {}

  /** Rejects with a YakError ADDRESS_IN_USE or CANNOT_LISTEN that names the address. */
  static async listen(options: HttpDoorOptions, routes: HttpRoutes): Promise<HttpDoor> {
    const limits = options.limits ?? DEFAULT_HTTP_LIMITS;
    const server = createServer({ headersTimeout: limits.headersTimeoutMs, keepAliveTimeout: limits.keepAliveMs });
    server.maxConnections = limits.connectionsMax;
    const door = new HttpDoor(server, routes, options);
    server.on('request', (request, response) => door.serve(request, response));
    await listening(server, options.address);
    return door;
  }

  get address(): Address {
    const { address, port } = this.server.address() as AddressInfo;
    return { host: address, port };
  }

  async close(): Promise<void> {
    for (const stream of this.streams) stream.close();
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    response.on('error', () => response.destroy());
    this.answer(request, response).catch((error: unknown) => {
      this.options.logger.error('an HTTP handler failed', { path: request.url, stack: (error as Error)?.stack ?? String(error) });
      send(response, { status: 500, body: { error: 'the request failed inside the server; its log has the details' } });
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = parseTarget(request.url);
    if (!url) return send(response, { status: 400, body: { error: 'the request target is not a path' } });
    if (!this.isKnownHost(request.headers.host)) {
      return send(response, {
        status: 421,
        body: { error: `host "${request.headers.host}" is not served here; use the address or an advertised name` },
      });
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return send(response, { status: 405, body: { error: `${request.method} is not allowed; this door only reads` } });
    }
    const accept = request.headers.accept ?? '';
    const feed = this.routes.streams?.[url.pathname];
    if (feed && accept.includes('text/event-stream')) return this.stream(response, feed);
    const view = Object.hasOwn(this.routes.views, url.pathname) ? this.routes.views[url.pathname] : undefined;
    if (!view) {
      return send(response, { status: 404, body: { error: `nothing at ${url.pathname}`, paths: Object.keys(this.routes.views) } });
    }
    send(response, await view({ path: url.pathname, query: url.searchParams, accept }));
  }

  private stream(response: ServerResponse, feed: (stream: EventStream) => void): void {
    const stream = new EventStream(response);
    this.streams.add(stream);
    stream.onClose(() => this.streams.delete(stream));
    feed(stream);
  }

  private isKnownHost(host: string | undefined): boolean {
    if (!isLoopback(this.address.host) || host === undefined) return true;
    const name = hostNameOf(host);
    return name === 'localhost' || isIP(name) !== 0 || this.options.hostNames.includes(name);
  }
}

function send(response: ServerResponse, answer: HttpAnswer): void {
  if (response.headersSent) return void response.destroy();
  const isText = typeof answer.body === 'string';
  const body = isText ? (answer.body as string) : `${JSON.stringify(answer.body)}\n`;
  response.writeHead(answer.status, {
    'content-type': answer.contentType ?? (isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8'),
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

function parseTarget(target: string | undefined): URL | null {
  if (!target?.startsWith('/')) return null;
  try {
    return new URL(`http://door${target}`);
  } catch {
    return null;
  }
}

function hostNameOf(host: string): string {
  const bracketed = /^\[([^\]]+)\]/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d+$/, '')).toLowerCase();
}

function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.') || host === '::ffff:127.0.0.1';
}

function listening(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, address, 'HTTP')));
    server.listen({ host: address.host, port: address.port }, resolve);
  });
}
