/**
 * The one place where an exception of a handler becomes what the peer sees: RpcFailure {code, message, fields}. An expected
 * failure keeps its code; anything else is a bug of ours, logged once with its stack and answered as INTERNAL.
 */
import { type ArgumentsHost, Catch, type RpcExceptionFilter } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { type Observable, throwError } from 'rxjs';
import { YakError } from '#kernel';
import { toRpcFailure } from '#rpc';
import type { Logger } from '#seams';

@Catch()
export class RpcFailureFilter implements RpcExceptionFilter<unknown> {
  constructor(private readonly logger: Logger) {}

  catch(exception: unknown, _host: ArgumentsHost): Observable<never> {
    const error = exception instanceof RpcException ? exception.getError() : exception;
    if (error instanceof Error && !(error instanceof YakError)) this.logger.error('a request handler failed', { stack: error.stack });
    return throwError(() => toRpcFailure(error));
  }
}
