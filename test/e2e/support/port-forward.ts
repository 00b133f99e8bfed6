/** What `kubectl port-forward` does: a port on this machine whose connections end at another one. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class PortForward {
  /** Connections since the beginning. */
  connections = 0;
  /** host:port that connections are taken to; refused until there is one. */
  target: string | null = null;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => this.accept(socket));
  }

  static async open(): Promise<PortForward> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PortForward(server);
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  private accept(socket: Socket): void {
    this.connections++;
    const [host, port] = (this.target ?? '').split(':');
    if (!port) return void socket.destroy();
    const onward = connect(Number(port), host);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.sockets.add(one);
      one
        .on('error', () => other.destroy())
        .on('close', () => {
          this.sockets.delete(one);
          other.destroy();
        });
      one.pipe(other);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
