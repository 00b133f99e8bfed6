/** What a request that got no response looks like at both ends: RpcFailure on the wire, RpcFailureError in a caller's hands. */
import { YakError } from '#kernel';
import type { RpcFailure } from './messages.js';

export class RpcFailureError extends YakError {
  /** `message` is the whole sentence, the fields included. */
  constructor(
    code: string,
    message: string,
    readonly fields: RpcFailure['fields'] = undefined,
    readonly acting: RpcFailure['acting'] = undefined,
  ) {
    super(code, message);
    this.name = 'RpcFailureError';
  }
}

/** A peer may send a pattern of any length; answers and logs repeat no more than this of it. */
const PATTERN_SHOWN_MAX = 100;

export function shownPattern(pattern: string | number): string {
  const text = String(pattern);
  return text.length <= PATTERN_SHOWN_MAX ? text : `${text.slice(0, PATTERN_SHOWN_MAX)}…`;
}

export function unknownPattern(pattern: string | number): RpcFailure {
  return { code: 'UNKNOWN_PATTERN', message: `nothing answers to pattern ${shownPattern(pattern)} here` };
}

/** Of whatever a handler threw, or an RpcException carried. Only YakErrors and RpcFailures are told to the peer as they are. */
export function toRpcFailure(error: unknown): RpcFailure {
  if (error instanceof RpcFailureError || isRpcFailure(error)) {
    const { code, message, fields, acting } = error;
    return { code, message, ...(fields && { fields }), ...(acting && { acting }) };
  }
  if (error instanceof YakError) return { code: error.code, message: error.message };
  if (typeof error === 'string') return { code: 'INTERNAL', message: error };
  return { code: 'INTERNAL', message: 'the process could not answer; its log has the reason' };
}

export function fromRpcFailure(body: unknown): RpcFailureError {
  if (!isRpcFailure(body)) return new RpcFailureError('INTERNAL', 'the peer sent a failure without code and message');
  const fields = Array.isArray(body.fields) ? body.fields : undefined;
  return new RpcFailureError(body.code, body.message, fields, actingOf(body.acting));
}

function isRpcFailure(value: unknown): value is RpcFailure {
  const failure = value as RpcFailure | null | undefined;
  return !(value instanceof Error) && typeof failure?.code === 'string' && typeof failure.message === 'string';
}

/** A hint from a peer: used only if it is an address. */
function actingOf(value: unknown): RpcFailure['acting'] {
  const { host, port } = (value ?? {}) as { host?: unknown; port?: unknown };
  return typeof host === 'string' && typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536
    ? { host, port }
    : undefined;
}
