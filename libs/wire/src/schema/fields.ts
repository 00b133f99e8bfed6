import { type VersionRange, versionRange } from './version-range.js';

/**
 * The vocabulary in which a message is described once for all its versions: fields in the order of the wire, each with
 * the versions that carry it. From one description come the TypeScript types (Decoded, Encodable), both codecs
 * (struct-codec.ts) and the check against Kafka's own definitions (fields.spec.ts).
 *
 * Decoding fills fields that a version lacks with their default (else the zero of their type). Encoding leaves out what a
 * version lacks; a field that declares a default may be omitted in the value.
 */
export interface Field<Out = unknown, In = unknown, Optional extends boolean = boolean> {
  readonly type: FieldType;
  readonly versions: VersionRange;
  readonly nullable: VersionRange;
  /** In the tag section under this number; null: an ordinary field. */
  readonly tag: number | null;
  /** `undefined`: none is declared. */
  readonly defaultValue: unknown;
  /** False for the one string (client id) that stays in its old form in flexible versions. */
  readonly isFlexible: boolean;
  /** Only for the type checker. */
  readonly phantom?: { out: Out; in: In; optional: Optional };
}

export type ScalarKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records';

export type FieldType =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'array'; readonly element: FieldType }
  | { readonly kind: 'struct'; readonly struct: Struct };

export type Fields = { readonly [name: string]: Field };
export interface Struct<F extends Fields = Fields> {
  readonly fields: F;
}

type Out<T> = T extends Field<infer O, infer _I, infer _B> ? O : never;
type In<T> = T extends Field<infer _O, infer I, infer _B> ? I : never;
type OptionalKeys<F> = { [K in keyof F]: F[K] extends Field<infer _O, infer _I, infer B> ? (B extends true ? K : never) : never }[keyof F];
type Simplify<T> = { [K in keyof T]: T[K] };

/** What decoding gives: every field. */
export type Decoded<S> = S extends Struct<infer F> ? { readonly [K in keyof F]: Out<F[K]> } : never;
/** What encoding takes: fields with a declared default may be left out. */
export type Encodable<S> =
  S extends Struct<infer F>
    ? Simplify<{ readonly [K in Exclude<keyof F, OptionalKeys<F>>]: In<F[K]> } & { readonly [K in OptionalKeys<F>]?: In<F[K]> | undefined }>
    : never;

export interface FieldOptions<T> {
  /** Default `0+`. */
  readonly versions?: string;
  /** Versions in which null may travel. */
  readonly nullable?: string;
  readonly tag?: number;
  readonly default?: T | null;
  readonly flexible?: boolean;
}
type WithNull<T, O> = O extends { readonly nullable: string } ? T | null : T;
type HasDefault<O> = O extends { readonly default: unknown } ? true : false;

function field(type: FieldType, options: FieldOptions<unknown> = {}): Field {
  return {
    type,
    versions: versionRange(options.versions ?? '0+'),
    nullable: versionRange(options.nullable ?? 'none'),
    tag: options.tag ?? null,
    defaultValue: options.default,
    isFlexible: options.flexible ?? true,
  };
}

function scalar<T, I = T>(kind: ScalarKind) {
  const type: FieldType = { kind };
  return <const O extends FieldOptions<T> = Record<never, never>>(options?: O) =>
    field(type, options) as Field<WithNull<T, O>, WithNull<I, O>, HasDefault<O>>;
}

export const bool = scalar<boolean>('bool');
export const int8 = scalar<number>('int8');
export const int16 = scalar<number>('int16');
export const uint16 = scalar<number>('uint16');
export const int32 = scalar<number>('int32');
export const uint32 = scalar<number>('uint32');
/** A safe integer. */
export const int64 = scalar<number>('int64');
export const float64 = scalar<number>('float64');
/** 22 characters of URL-safe base64. */
export const uuid = scalar<string>('uuid');
export const string = scalar<string>('string');
/** Decoded as a view of the frame. */
export const bytes = scalar<Buffer, Uint8Array>('bytes');
/** Whole record batches, opaque. Decoded as a view of the frame; encoded from one buffer or several, uncopied. */
export const records = scalar<Buffer, Uint8Array | readonly Uint8Array[]>('records');

export function struct<const F extends Fields>(fields: F): Struct<F> {
  return { fields };
}

/** Elements are structs, or plain values: `array(int32())`. */
export function array<const E extends Struct | Field, const O extends FieldOptions<readonly never[]> = Record<never, never>>(
  element: E,
  options?: O,
) {
  const type: FieldType = { kind: 'array', element: 'fields' in element ? { kind: 'struct', struct: element } : element.type };
  type OutElement = E extends Struct ? Decoded<E> : Out<E>;
  type InElement = E extends Struct ? Encodable<E> : In<E>;
  return field(type, options) as Field<WithNull<readonly OutElement[], O>, WithNull<readonly InElement[], O>, HasDefault<O>>;
}

/** One nested struct. With a tag, null means "not sent". */
export function object<const S extends Struct, const O extends FieldOptions<never> = Record<never, never>>(of: S, options?: O) {
  type Null = O extends { readonly tag: number } | { readonly nullable: string } ? null : never;
  return field({ kind: 'struct', struct: of }, options) as Field<Decoded<S> | Null, Encodable<S> | Null, HasDefault<O>>;
}
