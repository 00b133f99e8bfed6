import { assert } from '#kernel';
import type { Reader } from '../primitives/reader.js';
import { ZERO_UUID } from '../primitives/uuid.js';
import type { Writer } from '../primitives/writer.js';
import type { Field, FieldType, ScalarKind, Struct } from './fields.js';
import { includes } from './version-range.js';

/**
 * Turns the description of a struct into a reader and a writer for one version, once per struct and version. What is
 * decided here (is the field carried, compact, nullable, tagged) is not asked again per message.
 */
export interface Codec<T = unknown> {
  /** The fewest bytes that a value takes; bounds array counts. */
  readonly bytesMin: number;
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

export interface StructCodec extends Codec<object> {}

interface Slot {
  readonly name: string;
  readonly field: Field;
  /** Null: this version does not carry the field. */
  readonly codec: Codec | null;
  readonly absent: unknown;
}

const EMPTY: readonly never[] = Object.freeze([]);

export function compileStruct(struct: Struct, version: number, isFlexible: boolean): StructCodec {
  const slots = Object.entries(struct.fields).map(([name, field]) => slotOf(name, field, version, isFlexible));
  const plain = slots.filter((slot) => slot.codec !== null && slot.field.tag === null);
  const tagged = slots.filter((slot) => slot.codec !== null && slot.field.tag !== null);
  assert(isFlexible || tagged.length === 0, `version ${version} has tagged fields but is not flexible`);
  tagged.sort((a, b) => a.field.tag! - b.field.tag!);
  // Values start as a copy of all fields at their defaults: one shape for every value of a struct.
  const template: Record<string, unknown> = Object.fromEntries(slots.map(({ name, absent }) => [name, absent]));
  const readTags = tagged.length === 0 ? readNoTags : tagReader(tagged);
  const writeTags = tagged.length === 0 ? writeNoTags : taggedWriter(tagged);

  return {
    bytesMin: plain.reduce((sum, slot) => sum + slot.codec!.bytesMin, isFlexible ? 1 : 0),
    read(reader) {
      const value = { ...template };
      for (const slot of plain) value[slot.name] = slot.codec!.read(reader);
      if (isFlexible) readTags(reader, value);
      return value;
    },
    write(writer, value) {
      for (const slot of plain) slot.codec!.write(writer, given(slot, value as Record<string, unknown>));
      if (isFlexible) writeTags(writer, value as Record<string, unknown>);
    },
  };
}

function slotOf(name: string, field: Field, version: number, isFlexible: boolean): Slot {
  const isCarried = includes(field.versions, version);
  const isTaggedStruct = field.tag !== null && field.type.kind === 'struct';
  const absent = field.defaultValue === undefined ? (isTaggedStruct ? null : zeroOf(field)) : field.defaultValue;
  const isNullable = includes(field.nullable, version);
  const codec = isCarried ? compile(name, field.type, version, isFlexible, isFlexible && field.isFlexible, isNullable) : null;
  return { name, field, codec, absent: Array.isArray(absent) ? EMPTY : absent };
}

function given(slot: Slot, value: Record<string, unknown>): unknown {
  const set = value[slot.name];
  if (set !== undefined) return set;
  assert(slot.field.defaultValue !== undefined || slot.field.tag !== null, `field ${slot.name} is missing`);
  return slot.absent;
}

function readNoTags(reader: Reader): void {
  reader.taggedFields(null);
}

function tagReader(tagged: readonly Slot[]) {
  return (reader: Reader, value: Record<string, unknown>) => {
    reader.taggedFields((tag) => {
      const slot = tagged.find((each) => each.field.tag === tag);
      if (slot) value[slot.name] = slot.codec!.read(reader);
      return slot !== undefined;
    });
  };
}

function writeNoTags(writer: Writer): void {
  writer.uvarint(0);
}

/** Fields equal to their default are not sent. */
function taggedWriter(tagged: readonly Slot[]) {
  return (writer: Writer, value: Record<string, unknown>) => {
    let count = 0;
    for (const slot of tagged) if (!isDefault(slot, given(slot, value))) count++;
    writer.uvarint(count);
    if (count === 0) return;
    for (const slot of tagged) {
      const set = given(slot, value);
      if (!isDefault(slot, set)) writer.taggedField(slot.field.tag!, (inner) => slot.codec!.write(inner, set));
    }
  };
}

function isDefault(slot: Slot, value: unknown): boolean {
  return value === slot.absent || (Array.isArray(value) && value.length === 0 && slot.absent === EMPTY);
}

function zeroOf(field: Field): unknown {
  switch (field.type.kind) {
    case 'bool':
      return false;
    case 'string':
      return '';
    case 'uuid':
      return ZERO_UUID;
    case 'bytes':
      return Buffer.alloc(0);
    case 'records':
    case 'struct':
      return null;
    case 'array':
      return EMPTY;
    default:
      return 0;
  }
}

/** `isFlexible`: structs inside carry tag sections. `isCompact`: this field's own lengths are uvarints. */
function compile(name: string, type: FieldType, version: number, isFlexible: boolean, isCompact: boolean, isNullable: boolean): Codec {
  switch (type.kind) {
    case 'array':
      return arrayCodec(name, compile(name, type.element, version, isFlexible, isCompact, false), isCompact, isNullable);
    case 'struct': {
      const inner = compileStruct(type.struct, version, isFlexible);
      return (isNullable ? nullableStructCodec(name, inner) : inner) as Codec;
    }
    case 'string':
      return stringCodec(name, isCompact, isNullable) as Codec;
    case 'bytes':
    case 'records':
      return bytesCodec(name, isCompact, isNullable) as Codec;
    default:
      return FIXED[type.kind];
  }
}

function fixed<T>(bytesMin: number, read: (reader: Reader) => T, write: (writer: Writer, value: T) => void): Codec {
  return { bytesMin, read, write } as Codec<T> as Codec;
}

const FIXED: { readonly [K in Exclude<ScalarKind, 'string' | 'bytes' | 'records'>]: Codec } = {
  bool: fixed(
    1,
    (r) => r.bool(),
    (w, v) => w.bool(v),
  ),
  int8: fixed(
    1,
    (r) => r.int8(),
    (w, v) => w.int8(v),
  ),
  int16: fixed(
    2,
    (r) => r.int16(),
    (w, v) => w.int16(v),
  ),
  uint16: fixed(
    2,
    (r) => r.uint16(),
    (w, v) => w.uint16(v),
  ),
  int32: fixed(
    4,
    (r) => r.int32(),
    (w, v) => w.int32(v),
  ),
  uint32: fixed(
    4,
    (r) => r.uint32(),
    (w, v) => w.uint32(v),
  ),
  int64: fixed(
    8,
    (r) => r.int64(),
    (w, v) => w.int64(v),
  ),
  float64: fixed(
    8,
    (r) => r.float64(),
    (w, v) => w.float64(v),
  ),
  uuid: fixed(
    16,
    (r) => r.uuid(),
    (w, v) => w.uuid(v),
  ),
};

function stringCodec(name: string, isCompact: boolean, isNullable: boolean): Codec<string | null> {
  return {
    bytesMin: isCompact ? 1 : 2,
    read(reader) {
      const length = reader.stringLength(isCompact);
      if (length === -1) return isNullable ? null : reader.fail(`${name} is null`);
      return reader.utf8(length);
    },
    write(writer, value) {
      assert(value !== null || isNullable, `${name} must not be null in this version`);
      writer.string(value, isCompact);
    },
  };
}

function bytesCodec(name: string, isCompact: boolean, isNullable: boolean): Codec<Buffer | null> {
  return {
    bytesMin: isCompact ? 1 : 4,
    read(reader) {
      const length = reader.bytesLength(isCompact);
      if (length === -1) return isNullable ? null : reader.fail(`${name} is null`);
      return reader.view(length);
    },
    write(writer, value) {
      assert(value !== null || isNullable, `${name} must not be null in this version`);
      writer.bytes(value, isCompact);
    },
  };
}

function arrayCodec(name: string, element: Codec, isCompact: boolean, isNullable: boolean): Codec {
  return {
    bytesMin: isCompact ? 1 : 4,
    read(reader) {
      const count = reader.arrayLength(isCompact, element.bytesMin);
      if (count === -1) return isNullable ? null : reader.fail(`${name} is null`);
      const values: unknown[] = [];
      for (let i = 0; i < count; i++) values.push(element.read(reader));
      return values;
    },
    write(writer, value) {
      if (value === null) {
        assert(isNullable, `${name} must not be null in this version`);
        writer.arrayLength(-1, isCompact);
        return;
      }
      const values = value as readonly unknown[];
      writer.arrayLength(values.length, isCompact);
      for (const each of values) element.write(writer, each);
    },
  };
}

/** int8: -1 null, 1 present. */
function nullableStructCodec(name: string, inner: StructCodec): Codec<object | null> {
  return {
    bytesMin: 1,
    read(reader) {
      const marker = reader.int8();
      if (marker === -1) return null;
      if (marker !== 1) reader.fail(`${name}: marker ${marker} of a nullable struct`);
      return inner.read(reader);
    },
    write(writer, value) {
      writer.int8(value === null ? -1 : 1);
      if (value !== null) inner.write(writer, value);
    },
  };
}
