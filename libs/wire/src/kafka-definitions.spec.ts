// The judge is Kafka itself: every message that we describe is walked against Kafka's definitions, and our bytes against
// bytes that Kafka's classes wrote, in every version that we speak.
import type { Api } from './api.js';
import { ALL_APIS, FLUSHED_END_OFFSET_TAG, fetchApi } from './apis/index.js';
import { ERROR_CODES } from './error-codes.js';
import { encodeRequest, encodeResponse, peekRequest, readClientId } from './frames.js';
import { Reader } from './primitives/reader.js';
import { Writer } from './primitives/writer.js';
import type { FieldType, Struct } from './schema/fields.js';
import { includes, versionRange } from './schema/version-range.js';
import { errorFacts, type FieldFacts, fieldFacts, type GoldenFrame, goldenFrames } from './testing/fixtures.js';

const DIRECTIONS = ['request', 'response'] as const;

function versionsOf(api: Api): number[] {
  return Array.from({ length: api.versions.max - api.versions.min + 1 }, (_, i) => api.versions.min + i);
}

/** One line per field, as it travels in `version`. Defaults count only where they decide what a missing tag means. */
function described(struct: Struct, version: number, path = ''): string[] {
  return Object.entries(struct.fields).flatMap(([name, field]) => {
    if (!includes(field.versions, version) || field.tag === FLUSHED_END_OFFSET_TAG) return [];
    const nullable = includes(field.nullable, version) ? ' nullable' : '';
    const tag = field.tag === null ? '' : ` tag ${field.tag}`;
    return [`${path}${name} ${typeName(field.type)}${nullable}${tag}`, ...inner(field.type, version, `${path}${name}.`)];
  });
}

function typeName(type: FieldType): string {
  return type.kind === 'array' ? `[]${typeName(type.element)}` : type.kind;
}

function inner(type: FieldType, version: number, path: string): string[] {
  if (type.kind === 'array') return inner(type.element, version, path);
  return type.kind === 'struct' ? described(type.struct, version, path) : [];
}

function defined(fields: readonly FieldFacts[], version: number, path = ''): string[] {
  return fields.flatMap((field) => {
    if (!includes(versionRange(field.versions), version)) return [];
    const nullable = field.nullableVersions && includes(versionRange(field.nullableVersions), version) ? ' nullable' : '';
    const tag = field.taggedVersions && includes(versionRange(field.taggedVersions), version) ? ` tag ${field.tag}` : '';
    return [`${path}${field.name} ${field.type}${nullable}${tag}`, ...defined(field.fields ?? [], version, `${path}${field.name}.`)];
  });
}

function checkDefaults(struct: Struct, facts: readonly FieldFacts[], path: string): void {
  for (const fact of facts) {
    const field = struct.fields[fact.name];
    if (!field) continue;
    const ours = field.defaultValue;
    if (fact.default !== undefined && ours !== undefined)
      expect(`${path}${fact.name}=${ours}`).toBe(`${path}${fact.name}=${numeric(fact.default)}`);
    const nested = field.type.kind === 'array' ? field.type.element : field.type;
    if (nested.kind === 'struct') checkDefaults(nested.struct, fact.fields ?? [], `${path}${fact.name}.`);
  }
}

const numeric = (text: string) => (text.startsWith('0x') ? String(Number(text)) : text);

describe.each(ALL_APIS.map((api) => [api.name, api] as const))('%s', (_name, api) => {
  const facts = fieldFacts().find((each) => each.name === api.name)!;
  const file = `${String(api.key).padStart(2, '0')}-${api.name}`;

  it('has the fields, order, tags and nullability of Kafka in every version', () => {
    expect(facts.key).toBe(api.key);
    for (const direction of DIRECTIONS) {
      expect(versionRange(facts[direction].flexibleVersions)).toEqual(api.flexible);
      for (const version of versionsOf(api)) {
        expect({ version, direction, fields: described(api[direction], version) }).toEqual({
          version,
          direction,
          fields: defined(facts[direction].fields, version),
        });
      }
      checkDefaults(api[direction], facts[direction].fields, `${direction}.`);
    }
  });

  it('writes the bytes that Kafka writes, and reads them back', () => {
    const frames = goldenFrames(file);
    for (const direction of DIRECTIONS) {
      for (const version of versionsOf(api)) {
        const golden = frames.filter(
          (frame) => frame.version === version && frame.message.toLowerCase() === `${api.name}${direction}`.toLowerCase(),
        );
        expect(golden).toHaveLength(2);
        for (const frame of golden) checkGolden(api, direction, frame);
      }
    }
  });
});

function checkGolden(api: Api, direction: 'request' | 'response', frame: GoldenFrame): void {
  const value = fromJson(api[direction], frame.value) as Record<string, unknown>;
  const writer = new Writer();
  if (direction === 'request') api.writeRequest(frame.version, writer, value as never);
  else api.writeResponse(frame.version, writer, value as never);
  expect({ ...frame, value: null, hex: Buffer.concat(writer.finish()).toString('hex') }).toEqual({ ...frame, value: null });

  const reader = new Reader(Buffer.from(frame.hex, 'hex'));
  const decoded = direction === 'request' ? api.readRequest(frame.version, reader) : api.readResponse(frame.version, reader);
  reader.expectEnd();
  expect(decoded).toMatchObject(value);
}

/** Byte fields are base64 in the fixtures. */
function fromJson(struct: Struct, value: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, valueFromJson(struct.fields[name]!.type, each)]));
}

function valueFromJson(type: FieldType, value: unknown): unknown {
  if (value === null) return null;
  if (type.kind === 'array') return (value as unknown[]).map((each) => valueFromJson(type.element, each));
  if (type.kind === 'struct') return fromJson(type.struct, value as Record<string, unknown>);
  return type.kind === 'records' || type.kind === 'bytes' ? Buffer.from(value as string, 'base64') : value;
}

describe('frames and headers', () => {
  it('reads and writes the request headers that Kafka writes', () => {
    for (const golden of goldenFrames('headers').filter((frame) => frame.message === 'RequestHeader')) {
      const { requestApiKey, requestApiVersion, correlationId, clientId } = golden.value;
      const bytes = Buffer.from(golden.hex, 'hex');
      expect(peekRequest(bytes)).toEqual({ apiKey: requestApiKey, apiVersion: requestApiVersion, correlationId });
      const reader = new Reader(bytes);
      expect(readClientId(reader, golden.version as 1 | 2)).toBe(clientId);
      reader.expectEnd();
    }
    // The golden header of client "näme-4" with our own key and version: Fetch v4 is header v1, v12 is v2.
    for (const [version, headerVersion] of [
      [4, 1],
      [12, 2],
    ] as const) {
      const golden = goldenFrames('headers').find(
        (f) => f.message === 'RequestHeader' && f.version === headerVersion && f.variant === 'full',
      )!;
      const body = { maxWaitMs: 0, minBytes: 0, topics: [] };
      const frame = Buffer.concat(encodeRequest(fetchApi, version, golden.value['correlationId'] as number, 'näme-4', body));
      expect(frame.readInt32BE(0)).toBe(frame.length - 4);
      expect(frame.toString('hex', 8, 4 + golden.hex.length / 2)).toBe(golden.hex.slice(8));
    }
  });

  it('ApiVersions answers with header v0 in every version (KIP-511), others with v1 when flexible', () => {
    for (const api of ALL_APIS) {
      for (const version of versionsOf(api)) {
        const expected = api.isFlexible(version) && api.name !== 'ApiVersions' ? 1 : 0;
        expect(api.responseHeaderVersion(version)).toBe(expected);
      }
    }
    const frame = Buffer.concat(encodeResponse(ALL_APIS.find((api) => api.key === 18)!, 3, 7, { errorCode: 0, apiKeys: [] } as never));
    expect(frame.toString('hex')).toBe(`0000000c${'00000007'}0000${'01'}00000000${'00'}`);
  });
});

it('the error table is Kafka 4.3’s', () => {
  const ours = Object.entries(ERROR_CODES).map(([name, { code, isRetriable }]) => ({ code, name, isRetriable }));
  expect(ours).toEqual(errorFacts());
});
