/**
 * Sockets for KafkaJS that end when their peer is silent. The Java client and librdkafka drop a connection whose request timed
 * out; KafkaJS 2.2.4 keeps it and asks on over it, for metadata too, until TCP gives up after a quarter of an hour. A node that
 * lost its network or its power would then show the patience of TCP and nothing of the cluster.
 */
import { connect, type Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

/** @param silenceMs how long what was written may stay without any answer */
export function endsWhenSilent(silenceMs: number): ISocketFactory {
  return ({ host, port, onConnect }) => {
    const socket = connect({ host, port }, onConnect);
    let timer: NodeJS.Timeout | undefined;
    const isHeard = () => {
      clearTimeout(timer);
      timer = undefined;
    };
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    socket.write = ((...args: unknown[]) => {
      timer ??= setTimeout(() => socket.destroy(new Error(`${host}:${port} was silent for ${silenceMs} ms`)), silenceMs);
      return write(...args);
    }) as Socket['write'];
    socket.on('data', isHeard);
    socket.on('close', isHeard);
    return socket;
  };
}
