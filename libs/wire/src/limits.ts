/**
 * What a frame may cost us at most, whatever it claims. A count is also checked against the bytes that are left, so that
 * memory is bounded by what was really sent; these caps bound the objects that small elements would blow up into.
 */
export interface DecodeLimits {
  /** Elements of all arrays of one frame together. */
  readonly elementsPerFrameMax: number;
  /** Tagged fields of one struct, known and unknown; unknown ones are skipped, never kept. */
  readonly taggedFieldsPerStructMax: number;
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  elementsPerFrameMax: 200_000,
  taggedFieldsPerStructMax: 64,
};

/** Kafka's `socket.request.max.bytes`: a frame's declared size, the four bytes of the size itself not counted. */
export const DEFAULT_FRAME_BYTES_MAX = 104_857_600;
