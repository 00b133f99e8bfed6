/** Times and durations as people write and read them at the command line. */
import { UsageError } from '#config';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
/** Months and years are left out: they have no length. */
const ISO_DURATION = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/i;
const SHORT_DURATION = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/;
const ISO_TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i;

/** Milliseconds, from `P1DT2H` or `90m` (ms, s, m, h, d, w; `1h30m`). Throws UsageError, which begins with `option`. */
export function parseDuration(text: string, option: string): number {
  const iso = ISO_DURATION.exec(text);
  let durationMs = Number.NaN;
  if (iso !== null && /\d/.test(text)) {
    const [weeks, days, hours, minutes, seconds] = iso.slice(1).map((part) => Number(part ?? 0));
    durationMs = weeks! * UNIT_MS['w']! + days! * UNIT_MS['d']! + hours! * UNIT_MS['h']! + minutes! * UNIT_MS['m']! + seconds! * 1_000;
  } else if (SHORT_DURATION.test(text)) {
    durationMs = 0;
    for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) durationMs += Number(amount) * UNIT_MS[unit!]!;
  }
  if (!Number.isSafeInteger(Math.round(durationMs)))
    throw new UsageError(`${option} ${text}: it has to be a duration like P1DT2H, PT30M or 90m`);
  return Math.round(durationMs);
}

/** Milliseconds since 1970, from that number or an ISO 8601 time (without a zone: this machine's). Throws UsageError. */
export function parseMoment(text: string, option: string): number {
  const timestamp = /^\d{1,16}$/.test(text) ? Number(text) : ISO_TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isSafeInteger(timestamp) || timestamp < 0) {
    throw new UsageError(`${option} ${text}: it has to be a time like 2025-01-31T12:00:00Z, or milliseconds since 1970`);
  }
  return timestamp;
}

/** `250 ms`, `1.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1_000).toFixed(1)} s`;
  const [large, small, largeName, smallName] =
    durationMs < 3_599_500
      ? ([UNIT_MS['m']!, UNIT_MS['s']!, 'min', 's'] as const)
      : durationMs < 86_370_000
        ? ([UNIT_MS['h']!, UNIT_MS['m']!, 'h', 'min'] as const)
        : ([UNIT_MS['d']!, UNIT_MS['h']!, 'd', 'h'] as const);
  const smalls = Math.round(durationMs / small);
  const perLarge = large / small;
  const rest = smalls % perLarge;
  return `${Math.floor(smalls / perLarge)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
}

export function formatMoment(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
