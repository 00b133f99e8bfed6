/**
 * One row of a config table: how a value is written, what it may be, what it is when nobody sets it, and a sentence for
 * a person. Rows are data: flags, environment, file, DescribeConfigs and docs/configs.md are all read from them. A value
 * that does not parse is an expected failure and comes back as a reason, never as an exception.
 */
import type { CleanupPolicy } from '#log';
import { type Address, parseAddress } from '#seams';

export type ConfigType = 'boolean' | 'int' | 'long' | 'double' | 'string' | 'list' | 'choice' | 'address';
export type ConfigUnit = 'ms' | 'bytes' | 'partitions' | 'replicas';
export type ConfigScope = 'broker' | 'coordinator' | 'topic';

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export interface ConfigDefinition<T> {
  readonly type: ConfigType;
  readonly unit: ConfigUnit | null;
  /** Which processes (or topics) the value acts on. */
  readonly scopes: readonly ConfigScope[];
  readonly default: T;
  /** How the default is shown where the value alone does not say it (null: the role or another config decides). */
  readonly defaultText: string;
  /** True when a change acts without a restart. */
  readonly isDynamic: boolean;
  /** Never printed: not by DescribeConfigs, not in messages. */
  readonly isSensitive: boolean;
  /** `{id}` and `{N+id}` are replaced before it is parsed (advertised-template.ts). */
  readonly isTemplate: boolean;
  /** What is allowed, in words; '' when the type says it. */
  readonly allowed: string;
  readonly documentation: string;
  parse(text: string): Parsed<T>;
}

/** The value type of a row. */
export type ConfigValue<D> = D extends ConfigDefinition<infer T> ? T : never;

/** How a row is written down. */
export interface Row<T> {
  readonly default: T;
  readonly defaultText?: string;
  readonly unit?: ConfigUnit;
  readonly scopes?: readonly ConfigScope[];
  readonly isDynamic?: boolean;
  readonly isSensitive?: boolean;
  readonly isTemplate?: boolean;
  readonly documentation: string;
}

const INT_MAX = 2_147_483_647;
const LONG_MAX = 9_223_372_036_854_775_807n;

export function define<T>(type: ConfigType, row: Row<T>, allowed: string, parse: (text: string) => Parsed<T>): ConfigDefinition<T> {
  return {
    type,
    unit: row.unit ?? null,
    scopes: row.scopes ?? ['broker'],
    default: row.default,
    defaultText: row.defaultText ?? defaultText(row.default),
    isDynamic: row.isDynamic ?? false,
    isSensitive: row.isSensitive ?? false,
    isTemplate: row.isTemplate ?? false,
    allowed,
    documentation: row.documentation,
    parse,
  };
}

function defaultText(value: unknown): string {
  if (value === null) return '';
  if (Array.isArray(value)) return value.join(',');
  return String(value);
}

/** Whole number in [min, max], both inclusive; max defaults to 2^31 - 1. */
export function int<T extends number | null = number>(row: Row<T> & { min: number; max?: number }): ConfigDefinition<number | T> {
  const max = row.max ?? INT_MAX;
  return define<number | T>('int', row, `${row.min} to ${max}`, (text) => parseWhole(text, row.min, max));
}

/**
 * 64-bit whole number of at least `min` (inclusive). Values above 2^53 - 1 count as 2^53 - 1: some 285,000 years or 9 PB, which is
 * what people who write Kafka's Long.MAX_VALUE mean.
 */
export function long(row: Row<number> & { min: number; max?: number }): ConfigDefinition<number> {
  const allowed = row.max === undefined ? `${row.min} or more` : `${row.min} to ${row.max}`;
  return define('long', row, allowed, (text) => parseWhole(text, row.min, row.max ?? Number.MAX_SAFE_INTEGER, row.max === undefined));
}

function parseWhole(text: string, min: number, max: number, isClamped = false): Parsed<number> {
  const trimmed = text.trim();
  if (!/^[+-]?\d{1,30}$/.test(trimmed)) return { ok: false, reason: 'is not a whole number' };
  const exact = BigInt(trimmed);
  if (isClamped && exact > BigInt(max) && exact <= LONG_MAX) return { ok: true, value: max };
  if (exact < BigInt(min)) return { ok: false, reason: `must be at least ${min}` };
  if (exact > BigInt(max)) return { ok: false, reason: `must be at most ${isClamped ? LONG_MAX : max}` };
  return { ok: true, value: Number(exact) };
}

/** Decimal number in [min, max], both inclusive. */
export function double(row: Row<number> & { min: number; max?: number }): ConfigDefinition<number> {
  const { min, max = Number.MAX_VALUE } = row;
  return define('double', row, row.max === undefined ? `${min} or more` : `${min} to ${max}`, (text) => {
    const trimmed = text.trim();
    const value = /^[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?$/.test(trimmed) ? Number(trimmed) : Number.NaN;
    if (Number.isNaN(value)) return { ok: false, reason: 'is not a number' };
    if (value < min) return { ok: false, reason: `must be at least ${min}` };
    return value > max ? { ok: false, reason: `must be at most ${max}` } : { ok: true, value };
  });
}

export function boolean(row: Row<boolean>): ConfigDefinition<boolean> {
  return define('boolean', row, 'true or false', (text) => {
    const lower = text.trim().toLowerCase();
    if (lower === 'true' || lower === 'false') return { ok: true, value: lower === 'true' };
    return { ok: false, reason: 'must be true or false' };
  });
}

/** Not empty; `pattern` with `allowed`, which says the same in words, may ask for more. */
export function string<T extends string | null = string>(
  row: Row<T> & { readonly pattern?: RegExp; readonly allowed?: string },
): ConfigDefinition<string | T> {
  return define<string | T>('string', row, row.allowed ?? '', (text) => {
    const value = text.trim();
    if (value === '') return { ok: false, reason: 'must not be empty' };
    return row.pattern?.test(value) === false ? { ok: false, reason: `must be ${row.allowed}` } : { ok: true, value };
  });
}

export function choice<const C extends string>(row: Row<C> & { values: readonly C[] }): ConfigDefinition<C> {
  return define<C>('choice', row, row.values.join(' or '), (text) => {
    const value = row.values.find((one) => one === text.trim());
    return value === undefined ? { ok: false, reason: `must be ${row.values.join(' or ')}` } : { ok: true, value };
  });
}

/** `host:port` or `[v6]:port`. */
export function address(row: Row<Address | null>): ConfigDefinition<Address | null> {
  return define<Address | null>('address', row, row.isTemplate ? 'host:port, with {id} or {N+id}' : 'host:port', (text) => {
    const value = parseAddress(text);
    return value === null ? { ok: false, reason: 'is not of the form host:port' } : { ok: true, value };
  });
}

/** One or more `host:port`, separated by commas. */
export function addressList(row: Row<readonly Address[]>): ConfigDefinition<readonly Address[]> {
  return define<readonly Address[]>('list', row, 'host:port,…', parseAddressList);
}

/** Shared with `--bootstrap`. */
export function parseAddressList(text: string): Parsed<readonly Address[]> {
  const addresses: Address[] = [];
  for (const part of text.split(',')) {
    const one = parseAddress(part);
    if (one === null) return { ok: false, reason: `"${part.trim()}" is not of the form host:port` };
    addresses.push(one);
  }
  return { ok: true, value: addresses };
}

/** `delete`, `compact`, or both in any order. */
export function cleanupPolicy(row: Row<CleanupPolicy>): ConfigDefinition<CleanupPolicy> {
  return define<CleanupPolicy>('list', row, 'delete, compact or both', (text) => {
    const parts = text.split(',').map((part) => part.trim());
    const isKnown = parts.every((part) => part === 'delete' || part === 'compact');
    if (!isKnown || new Set(parts).size !== parts.length) return { ok: false, reason: 'must be delete, compact or compact,delete' };
    return { ok: true, value: parts.length === 2 ? 'compact,delete' : (parts[0] as CleanupPolicy) };
  });
}

/** Distinct node ids of at least 0, separated by commas. */
export function nodeIdList(row: Row<readonly number[]>): ConfigDefinition<readonly number[]> {
  return define<readonly number[]>('list', row, 'node ids, separated by commas', (text) => {
    const ids: number[] = [];
    for (const part of text.split(',')) {
      const one = parseWhole(part, 0, INT_MAX);
      if (!one.ok) return { ok: false, reason: `"${part.trim()}" is not a node id (a whole number of at least 0)` };
      if (ids.includes(one.value)) return { ok: false, reason: `names node ${one.value} twice` };
      ids.push(one.value);
    }
    return { ok: true, value: ids };
  });
}
