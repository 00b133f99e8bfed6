/**
 * The few checks that class-validator does not have, as decorators in its own style. Each message says what was wanted,
 * because it travels to the caller as the reason for its field.
 */
import { ValidateBy, ValidateIf, type ValidationOptions } from 'class-validator';

/** Null is a value of its own here; every other decorator on the field is skipped for it. */
export function Nullable(): PropertyDecorator {
  return ValidateIf((_, value) => value !== null);
}

/** An integer that a double holds exactly. */
export function IsSafeInteger(options: { min: number; max?: number; each?: boolean }): PropertyDecorator {
  const { min, max = Number.MAX_SAFE_INTEGER, each = false } = options;
  const wanted = max === Number.MAX_SAFE_INTEGER ? `an integer of at least ${min}` : `an integer from ${min} to ${max}`;
  return check(
    'isSafeInteger',
    `${each ? 'must have only entries that are' : 'must be'} ${wanted}`,
    (value) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
    { each },
  );
}

export const IsBrokerId = (options: { each?: boolean } = {}) => IsSafeInteger({ min: 0, max: 2 ** 31 - 1, ...options });
export const IsPartitionIndex = () => IsSafeInteger({ min: 0, max: 2 ** 31 - 1 });
/** -1 is "none". */
export const IsEpoch = () => IsSafeInteger({ min: -1 });
/** Milliseconds, of any precision. */
export function IsFiniteAge(): PropertyDecorator {
  return check('isFiniteAge', 'must be a number of milliseconds of at least 0', (value) => Number.isFinite(value) && Number(value) >= 0);
}
/** Longer waits are asked again by the caller. */
export const IsWaitMs = () => IsSafeInteger({ min: 0, max: 5 * 60_000 });

const UNPAIRED_SURROGATE = /\p{Cs}/u;

/** Text of a bounded length: ids and names are short, and errors repeat them. Well-formed, so that it is the same once it was stored. */
export function IsShortText(options: { min?: number; max?: number; each?: boolean } = {}): PropertyDecorator {
  const { min = 0, max = 1_000, each = false } = options;
  const wanted = min > 0 ? `text of ${min} to ${max} characters` : `text of at most ${max} characters`;
  const isValid = (value: unknown) =>
    typeof value === 'string' && value.length >= min && value.length <= max && !UNPAIRED_SURROGATE.test(value);
  return check('isShortText', `${each ? 'must have only entries that are' : 'must be'} ${wanted}`, isValid, { each });
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Bytes where a message has no place for bytes. `max` counts the bytes, not the characters. */
export function IsBase64Bytes({ max }: { max: number }): PropertyDecorator {
  return check('isBase64Bytes', `must be base64 of at most ${max} bytes`, (value) => {
    return typeof value === 'string' && value.length % 4 === 0 && Buffer.byteLength(value, 'base64') <= max && BASE64.test(value);
  });
}

export function IsStringMap(): PropertyDecorator {
  return check('isStringMap', 'must be an object whose values are all strings', (value) => {
    return isPlainObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
  });
}

/** One non-empty row of broker ids per partition. */
export function IsAssignment(): PropertyDecorator {
  const isId = (id: unknown) => Number.isSafeInteger(id) && (id as number) >= 0;
  return check('isAssignment', 'must be an array with one non-empty array of broker ids per partition', (value) => {
    return Array.isArray(value) && value.every((row) => Array.isArray(row) && row.length > 0 && row.every(isId));
  });
}

/** What every metadata record starts with; the rest is judged where records are applied. */
export function AreMetadataRecords(): PropertyDecorator {
  return check('areMetadataRecords', 'must be an array of records, each with a type and a version', (value) => {
    return Array.isArray(value) && value.every((r) => isPlainObject(r) && typeof r['type'] === 'string' && Number.isInteger(r['version']));
  });
}

function check(name: string, reason: string, isValid: (value: unknown) => boolean, options?: ValidationOptions): PropertyDecorator {
  return ValidateBy({ name, validator: { validate: isValid, defaultMessage: () => `$property ${reason}` } }, options);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
