import { YakError } from '#kernel';

/** Every bound of the Nest door, at both ends. A frame above a bound is refused before it is buffered. */
export interface RpcLimits {
  /** Whole frame, header included. Default 16 MiB. */
  readonly maxFrameBytes: number;
  /**
   * Server only: JSON of one request, the part of a frame that is parsed: objects take many times the bytes they came in, and
   * parsing holds up everybody else. Record batches beside the JSON are not counted. Default 4 MiB, and never more for stock JSON.
   */
  readonly maxJsonBytes: number;
  /** Server only: values in that JSON, lists and objects included. Default 200,000, and never more for stock JSON. */
  readonly maxJsonValues: number;
  /** Requests of one connection without an answer. A server stops reading there, a client queues. Default 64. */
  readonly maxInFlight: number;
  /** Joins and syncs of groups that wait for other members, and take no place in flight meanwhile; those beyond do. Default 1,000. */
  readonly maxParked: number;
  /**
   * Server only: bytes of the requests of one connection that have no answer yet, and those that fetches among them asked for.
   * Reading stops there; a request that is larger by itself runs alone. Together with one more fetch it stays below maxSendBufferBytes. Default 16 MiB.
   */
  readonly maxInFlightBytes: number;
  /** Client only: requests waiting for a place in flight. Default 4,096. */
  readonly maxQueuedRequests: number;
  /** Server only: bytes of answers that one peer leaves unread before it is cut. Default 32 MiB. */
  readonly maxSendBufferBytes: number;
  /** Server only: a peer whose unread answers do not leave for this long is cut. Default 30,000 ms. */
  readonly drainTimeoutMs: number;
  /** Server only: a frame that has begun has to be complete after this. Default 30,000 ms. */
  readonly partialFrameTimeoutMs: number;
}

export const DEFAULT_RPC_LIMITS: RpcLimits = {
  maxFrameBytes: 16 * 1024 * 1024,
  maxJsonBytes: 4 * 1024 * 1024,
  maxJsonValues: 200_000,
  maxInFlight: 64,
  maxParked: 1_000,
  maxInFlightBytes: 16 * 1024 * 1024,
  maxQueuedRequests: 4096,
  maxSendBufferBytes: 32 * 1024 * 1024,
  drainTimeoutMs: 30_000,
  partialFrameTimeoutMs: 30_000,
};

export function rpcLimits(overrides: Partial<RpcLimits> = {}): RpcLimits {
  return { ...DEFAULT_RPC_LIMITS, ...overrides };
}

/** The bytes are no frame: the connection cannot be read any further and has to be closed. */
export function malformedFrame(what: string, cause?: unknown): YakError {
  return new YakError('MALFORMED_FRAME', `malformed frame: ${what}`, { cause });
}

export function jsonTooLarge(bytes: number, limits: Pick<RpcLimits, 'maxJsonBytes'>): YakError {
  return new YakError(
    'TOO_LARGE',
    `the JSON of a request has ${bytes} bytes, above maxJsonBytes (${limits.maxJsonBytes}); send less in one request, or batches in binary frames`,
  );
}

export function tooManyJsonValues(limits: Pick<RpcLimits, 'maxJsonValues'>): YakError {
  return new YakError(
    'TOO_LARGE',
    `the JSON of a request has more than ${limits.maxJsonValues} values (maxJsonValues); send several requests`,
  );
}

export function frameTooLarge(bytes: number, limits: Pick<RpcLimits, 'maxFrameBytes'>): YakError {
  return new YakError(
    'TOO_LARGE',
    `frame of ${bytes} bytes is above maxFrameBytes (${limits.maxFrameBytes}); send or ask for less in one request`,
  );
}
