/**
 * Advertised addresses that differ from broker to broker by its number only, so that all of them can be told the same:
 * `{id}` is the node id, `{19090+id}` is 19090 plus the node id. Anything else in braces is a mistake.
 */
import type { Parsed } from './definition.js';

/** `text` with everything in braces replaced, or why that cannot be. */
export function expandTemplate(text: string, nodeId: number): Parsed<string> {
  const value = text.replace(/\{(?:(\d{1,9})\+)?id\}/g, (_, base: string | undefined) => String(Number(base ?? 0) + nodeId));
  const rest = /\{[^{}]*\}?|\}/.exec(value);
  if (rest === null) return { ok: true, value };
  return { ok: false, reason: `"${rest[0]}" means nothing here; {id} is the node id, and {19090+id} is 19090 plus the node id` };
}
