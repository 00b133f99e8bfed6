// One real socket pair on 127.0.0.1, port 0: what a peer that does not read its answers costs.
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { NestPacket } from '#rpc';
import { silentLogger } from '#seams';
import { until } from '../testing/until.js';
import { YakTcpSocket, type YakTcpSocketOptions } from './yak-tcp-socket.js';

const ANSWER = 'x'.repeat(8 * 1024 * 1024);
const MIB = 1024 * 1024;

let server: Server;
let peer: Socket;
let started = 0;
let closed = false;

async function serve(limits: YakTcpSocketOptions['limits']): Promise<void> {
  started = 0;
  closed = false;
  server = createServer((socket) => {
    const served = new YakTcpSocket(socket, { logger: silentLogger, limits });
    socket.on('close', () => {
      closed = true;
    });
    served.on('message', (packet: NestPacket) => {
      started++;
      setImmediate(() => served.sendMessage({ id: packet.id, response: ANSWER, isDisposed: true } as never));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  peer = connect(port, '127.0.0.1').on('error', () => {});
  const request = (id: number) => JSON.stringify({ pattern: 'p', id: String(id), data: {} });
  peer.write(Array.from({ length: 50 }, (_, id) => `${request(id).length}#${request(id)}`).join(''));
}

afterEach(async () => {
  peer.destroy();
  await new Promise((resolve) => server.close(resolve));
});

it('starts nothing more while a peer leaves answers unread, and cuts it when it goes on so', async () => {
  await serve({ drainTimeoutMs: 150, maxInFlight: 1, maxSendBufferBytes: 64 * MIB });
  peer.pause();
  await until(() => closed);
  // One that the kernel took, at most one that waits for it, and one that had been started before that showed.
  expect(started).toBeLessThanOrEqual(3);
});

it('does not cut a peer that reads slowly', async () => {
  await serve({ drainTimeoutMs: 150, maxInFlight: 1, maxSendBufferBytes: 64 * MIB });
  let bytes = 0;
  peer.on('data', (chunk) => {
    bytes += chunk.length;
    peer.pause();
    setTimeout(() => peer.resume(), 1);
  });
  const end = performance.now() + 800;
  await until(() => performance.now() > end || closed);
  expect(closed).toBe(false);
  peer.removeAllListeners('data').on('data', (chunk) => {
    bytes += chunk.length;
  });
  peer.resume();
  // More than the slow reading can have taken.
  await until(() => bytes > 8 * ANSWER.length || closed);
  expect(closed).toBe(false);
});
