import type { StartPosition } from '#client';
import { UsageError } from '#config';

/** `earliest`, `latest`, an offset, or `@` and a time: milliseconds since 1970 or an ISO 8601 date. Throws UsageError, which names `flag`. */
export function parseStartPosition(text: string, flag = '--offset'): StartPosition {
  if (text === 'earliest' || text === 'latest') return text;
  if (/^\d+$/.test(text)) {
    const offset = Number(text);
    if (Number.isSafeInteger(offset)) return { offset };
  }
  if (text.startsWith('@')) {
    const time = text.slice(1);
    const timestamp = /^\d+$/.test(time) ? Number(time) : Date.parse(time);
    if (Number.isSafeInteger(timestamp) && timestamp >= 0) return { timestamp };
    throw new UsageError(`${flag} ${text}: after @ comes a time, in milliseconds since 1970 or like @2025-01-31T12:00:00Z`);
  }
  throw new UsageError(`${flag} ${text}: it has to be earliest, latest, an offset or @time`);
}
