import type { RpcLimits } from '#rpc';

/**
 * Limits of the line between a broker and the cluster coordinator, the same at both ends. An election can bring one message
 * per partition at once, and a heartbeat must not wait behind them, so far more may be in flight than for a client; a metadata
 * snapshot of a large cluster is one frame.
 */
export const CONTROL_LIMITS: Partial<RpcLimits> = {
  maxFrameBytes: 128 * 1024 * 1024,
  maxJsonBytes: 128 * 1024 * 1024,
  maxJsonValues: 20_000_000,
  maxInFlight: 10_000,
  maxInFlightBytes: 256 * 1024 * 1024,
  maxSendBufferBytes: 256 * 1024 * 1024,
};
