/**
 * How large a parsed message may be, whatever its fields mean. Validation costs microseconds per value, and more than that per
 * key of a large object (class-transformer looks each one up in a list), so a few megabytes of "{}" would stop a process for
 * longer than its session lasts. This walk costs nanoseconds per value, needs no recursion and ends at the first excess.
 */
export interface ShapeLimits {
  /** Objects, lists and plain values, all levels together. */
  readonly valuesMax: number;
  /** Keys of one object. */
  readonly keysMax: number;
  /** Objects and lists inside each other. */
  readonly depthMax: number;
}

export const DEFAULT_SHAPE_LIMITS: ShapeLimits = { valuesMax: 100_000, keysMax: 1_000, depthMax: 16 };

/** What is too large, as the reason that the sender is told; null when nothing is. */
export function shapeProblem(message: unknown, limits: ShapeLimits): string | null {
  let values = 1;
  let level = isContainer(message) ? [message] : [];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limits.depthMax) return `must not nest objects and lists deeper than ${limits.depthMax}`;
    const next: object[] = [];
    for (const container of level) {
      if (!Array.isArray(container)) {
        const keys = Object.keys(container);
        if (keys.length > limits.keysMax) return `must not have objects with more than ${limits.keysMax} keys`;
        // class-transformer drops them in silence, and nobody means well with them.
        const inherited = keys.find((key) => key in Object.prototype);
        if (inherited !== undefined) return `must not have a key named ${inherited}`;
      }
      const children: readonly unknown[] = Array.isArray(container) ? container : Object.values(container);
      values += children.length;
      if (values > limits.valuesMax) return `must not have more than ${limits.valuesMax} values; send several requests`;
      for (const child of children) if (isContainer(child)) next.push(child);
    }
    level = next;
  }
  return null;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Buffer.isBuffer(value);
}
