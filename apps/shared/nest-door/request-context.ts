/** Who asks, as every verb wants to know it; and the two decorators that every controller of a Nest door uses. */
import { MessagePattern, type TcpContext } from '@nestjs/microservices';
import type { RequestContext } from '#kernel';
import { introduced, PATTERNS, type PatternKey } from '#rpc';
import type { YakTcpSocket } from './yak-tcp-socket.js';

export function socketOf(context: TcpContext): YakTcpSocket {
  return context.getSocketRef() as unknown as YakTcpSocket;
}

export function requestContext(context: TcpContext, request?: unknown): RequestContext {
  return introduced(socketOf(context).context, request);
}

/** Listens to a message by its name (what people write) and by its number (what frames carry). */
export function Message(key: PatternKey): MethodDecorator {
  return MessagePattern([PATTERNS[key].name, PATTERNS[key].code]) as MethodDecorator;
}
