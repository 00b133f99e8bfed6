/** Random values of any described message in one version, for property tests (fast-check). */
import fc from 'fast-check';
import type { Field, FieldType, Struct } from '../schema/fields.js';
import { includes } from '../schema/version-range.js';

export function arbitraryStruct(struct: Struct, version: number): fc.Arbitrary<object> {
  const entries = Object.entries(struct.fields).filter(([, field]) => includes(field.versions, version));
  return fc.record(Object.fromEntries(entries.map(([name, field]) => [name, arbitraryField(field, version)])));
}

function arbitraryField(field: Field, version: number): fc.Arbitrary<unknown> {
  const value = arbitraryType(field.type, version);
  const mayBeNull = includes(field.nullable, version) || (field.tag !== null && field.type.kind === 'struct');
  return mayBeNull ? fc.option(value, { nil: null, freq: 3 }) : value;
}

function arbitraryType(type: FieldType, version: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'array':
      return fc.array(arbitraryType(type.element, version), { maxLength: 3 });
    case 'struct':
      return arbitraryStruct(type.struct, version);
    case 'bool':
      return fc.boolean();
    case 'int8':
      return fc.integer({ min: -128, max: 127 });
    case 'int16':
      return fc.integer({ min: -32_768, max: 32_767 });
    case 'uint16':
      return fc.integer({ min: 0, max: 65_535 });
    case 'int32':
      return fc.integer();
    case 'uint32':
      return fc.integer({ min: 0, max: 0xffffffff });
    case 'int64':
      return fc.maxSafeInteger();
    case 'float64':
      return fc.double({ noNaN: true });
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 20 });
    case 'bytes':
    case 'records':
      return fc.oneof(
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        fc.integer({ min: 1000, max: 3000 }).map((length) => Buffer.alloc(length, length)),
      );
  }
}
