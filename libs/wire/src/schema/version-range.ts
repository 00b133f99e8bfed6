import { assert } from '#kernel';

/** Versions as Kafka's definitions spell them: `3+`, `0-14`, `12`, `none`. Both bounds inclusive. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

const NONE: VersionRange = { min: 1, max: 0 };

export function versionRange(text: string): VersionRange {
  if (text === 'none') return NONE;
  const match = /^(\d+)(\+|-(\d+))?$/.exec(text);
  assert(match, `"${text}" is not a version range such as "3+", "0-14" or "12"`);
  const min = Number(match[1]);
  if (match[2] === undefined) return { min, max: min };
  return { min, max: match[3] === undefined ? 32767 : Number(match[3]) };
}

export function includes(range: VersionRange, version: number): boolean {
  return version >= range.min && version <= range.max;
}
