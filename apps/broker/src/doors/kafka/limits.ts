import { DEFAULT_FRAME_BYTES_MAX } from '#wire';

/** What one connection, and the door as a whole, may cost at most. */
export interface KafkaDoorLimits {
  /** `socket.request.max.bytes`. A frame that declares more closes the connection. */
  readonly frameBytesMax: number;
  /** `max.connections`. Further ones are closed as they come. */
  readonly connectionsMax: number;
  /** Requests of one connection that are not answered yet; reading pauses there. */
  readonly requestsInFlightMax: number;
  /** Bytes of those requests; reading pauses there (one larger request still runs alone). */
  readonly requestBytesInFlightMax: number;
  /** Answers of one connection, waiting for their turn or for the peer to read, and those that running fetches may grow to. Reading pauses there. */
  readonly replyBytesMax: number;
  /** A peer that reads nothing of what waits for it for so long is cut. */
  readonly sendStallMsMax: number;
  /** A frame has to arrive whole within this time. */
  readonly partialFrameMsMax: number;
  /** `connections.max.idle.ms`. */
  readonly connectionIdleMsMax: number;
  /** A fetch may wait no longer, whatever it asks. */
  readonly fetchWaitMsMax: number;
  /** A produce is answered within this time, whatever it asks. */
  readonly produceTimeoutMsMax: number;
  /** Groups that one request may name; further ones are answered INVALID_REQUEST. */
  readonly groupsPerRequestMax: number;
  /** How long close() waits for answers under way. */
  readonly drainMsMax: number;
}

export const DEFAULT_KAFKA_DOOR_LIMITS: KafkaDoorLimits = {
  frameBytesMax: DEFAULT_FRAME_BYTES_MAX,
  connectionsMax: 4096,
  requestsInFlightMax: 64,
  requestBytesInFlightMax: 64 << 20,
  replyBytesMax: 32 << 20,
  sendStallMsMax: 30_000,
  partialFrameMsMax: 30_000,
  connectionIdleMsMax: 600_000,
  fetchWaitMsMax: 30_000,
  produceTimeoutMsMax: 60_000,
  groupsPerRequestMax: 10_000,
  drainMsMax: 1_000,
};
