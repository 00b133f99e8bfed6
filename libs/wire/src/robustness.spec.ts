// Values survive the way there and back in every version; damaged bytes are refused with a WireError and nothing else, and
// cost no more than the bytes that were sent.
import fc from 'fast-check';
import type { Api } from './api.js';
import { ALL_APIS, fetchApi, metadataApi, produceApi } from './apis/index.js';
import { encodeRequest, peekRequest, readClientId } from './frames.js';
import { Reader } from './primitives/reader.js';
import { ZERO_UUID } from './primitives/uuid.js';
import { Writer } from './primitives/writer.js';
import * as f from './schema/fields.js';
import { compileStruct } from './schema/struct-codec.js';
import { arbitraryStruct } from './testing/arbitrary-body.js';
import { WireError } from './wire-error.js';

function versionsOf(api: Api): number[] {
  return Array.from({ length: api.versions.max - api.versions.min + 1 }, (_, i) => api.versions.min + i);
}

/** Undefined for a WireError; any other error fails the test. */
function tolerate<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function write(api: Api, direction: 'request' | 'response', version: number, value: object): Buffer {
  const writer = new Writer();
  if (direction === 'request') api.writeRequest(version, writer, value as never);
  else api.writeResponse(version, writer, value as never);
  return Buffer.concat(writer.finish());
}

function read(api: Api, direction: 'request' | 'response', version: number, bytes: Buffer): { value: object; reader: Reader } {
  const reader = new Reader(bytes);
  const value = direction === 'request' ? api.readRequest(version, reader) : api.readResponse(version, reader);
  return { value: value as object, reader };
}

describe.each(ALL_APIS.map((api) => [api.name, api] as const))('%s', (_name, api) => {
  const cases = versionsOf(api).flatMap((version) => (['request', 'response'] as const).map((direction) => ({ version, direction })));

  it('round trip: what is written is read back, in every version', () => {
    for (const { version, direction } of cases) {
      fc.assert(
        fc.property(arbitraryStruct(api[direction], version), (value) => {
          const { value: decoded, reader } = read(api, direction, version, write(api, direction, version, value));
          reader.expectEnd();
          expect(decoded).toMatchObject(value);
        }),
        { numRuns: 12 },
      );
    }
  });

  it('a frame truncated at any byte, or changed in any byte, is refused with a WireError or read as something else', () => {
    for (const { version, direction } of cases) {
      const [value] = fc.sample(arbitraryStruct(api[direction], version), { numRuns: 1, seed: 42 + version });
      const bytes = write(api, direction, version, value!);
      for (let cut = 0; cut < bytes.length; cut += bytes.length > 2000 ? 37 : 1) {
        expect(tolerate(() => read(api, direction, version, bytes.subarray(0, cut)))).toBeUndefined();
      }
      for (let at = 0; at < Math.min(bytes.length, 400); at++) {
        for (const change of [1, 255, 0x7f, 0x80]) {
          const damaged = Buffer.from(bytes);
          damaged[at] = (damaged[at]! + change) & 0xff;
          tolerate(() => read(api, direction, version, damaged));
        }
      }
    }
  });

  it('any bytes at all never throw anything but a WireError', () => {
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.uint8Array({ maxLength: 200 }), ({ version, direction }, bytes) => {
        tolerate(() => read(api, direction, version, Buffer.from(bytes)));
      }),
      { numRuns: 200 },
    );
  });
});

describe('limits', () => {
  it('an array count above what the frame can hold is refused before anything is allocated', () => {
    for (const count of [0x7fffffff, 100_000_000, 3, -2]) {
      const writer = new Writer();
      writer.int32(count);
      writer.raw(Buffer.alloc(5));
      expect(() => metadataApi.readRequest(1, new Reader(Buffer.concat(writer.finish())))).toThrow(WireError);
    }
  });

  it('elementsPerFrameMax bounds all arrays of a frame together', () => {
    const names = Array.from({ length: 100 }, () => ({ name: 't' }));
    const bytes = write(metadataApi as Api, 'request', 1, { topics: names });
    const limits = { elementsPerFrameMax: 99, taggedFieldsPerStructMax: 64 };
    expect(() => metadataApi.readRequest(1, new Reader(bytes, 0, limits))).toThrow('elementsPerFrameMax');
    expect(metadataApi.readRequest(1, new Reader(bytes, 0, { ...limits, elementsPerFrameMax: 100 })).topics).toHaveLength(100);
  });

  it('a header with more than 64 tags is refused, fewer are skipped', () => {
    const header = (tags: number) => {
      const writer = new Writer();
      writer.int32(0);
      writer.int32(0);
      writer.string('c', false);
      writer.uvarint(tags);
      for (let tag = 0; tag < tags; tag++) writer.taggedField(tag, (inner) => inner.int8(1));
      return new Reader(Buffer.concat(writer.finish()));
    };
    expect(() => readClientId(header(65), 2)).toThrow('taggedFieldsPerStructMax');
    expect(readClientId(header(64), 2)).toBe('c');
  });

  it('tags out of order, repeated, overlong or half understood are refused', () => {
    const codec = compileStruct(f.struct({ n: f.int16(), t: f.int16({ tag: 1, default: 7 }) }), 0, true);
    const readTags = (tags: string) => codec.read(new Reader(Buffer.from(`0003${tags}`, 'hex')));
    expect(readTags('00')).toEqual({ n: 3, t: 7 });
    expect(readTags('0101020009')).toEqual({ n: 3, t: 9 });
    expect(readTags('02000101' + '01020009')).toMatchObject({ t: 9 });
    for (const bad of [
      '02' + '01020009' + '01020009',
      '02' + '01020009' + '000101',
      '0101030009aa',
      '01010100',
      '0101ffffffff7f',
      'ffffffffff7f',
    ]) {
      expect(() => readTags(bad)).toThrow(WireError);
    }
  });

  it('null where no null may travel, and 64-bit numbers beyond 2^53, are refused', () => {
    expect(() => metadataApi.readRequest(0, new Reader(Buffer.from('ffffffff', 'hex')))).toThrow('topics is null');
    expect(metadataApi.readRequest(1, new Reader(Buffer.from('ffffffff', 'hex'))).topics).toBeNull();
    const codec = compileStruct(f.struct({ n: f.int64() }), 0, false);
    expect(() => codec.read(new Reader(Buffer.from('7fffffffffffffff', 'hex')))).toThrow(WireError);
    expect(codec.read(new Reader(Buffer.from('ffffffffffffffff', 'hex')))).toEqual({ n: -1 });
  });
});

describe('writing', () => {
  it('large records leave as the buffers that were given, small ones join the header bytes', () => {
    const large = Buffer.alloc(100_000, 1);
    const small = Buffer.alloc(10, 2);
    const topicData = [{ name: 't', partitionData: [{ index: 0, records: [small, large, small] }] }];
    const chunks = encodeRequest(produceApi, 9, 1, 'c', { acks: -1, timeoutMs: 1, topicData });
    expect(chunks).toHaveLength(3);
    expect(chunks[1]!.buffer).toBe(large.buffer);
    const frame = Buffer.concat(chunks).subarray(4);
    expect(peekRequest(frame)).toEqual({ apiKey: 0, apiVersion: 9, correlationId: 1 });
    const reader = new Reader(frame);
    readClientId(reader, 2);
    const decoded = produceApi.readRequest(9, reader).topicData[0]!.partitionData[0]!.records!;
    expect(decoded.equals(Buffer.concat([small, large, small]))).toBe(true);
    expect(decoded.buffer).toBe(frame.buffer);
  });

  it('long headers span chunks and still carry the right size', () => {
    const topics = Array.from({ length: 5000 }, (_, i) => ({
      topic: `topic-${i}`,
      partitions: [{ partition: i, fetchOffset: i, partitionMaxBytes: 1 }],
    }));
    const chunks = encodeRequest(fetchApi, 12, 1, 'c', { maxWaitMs: 1, minBytes: 1, topics });
    const frame = Buffer.concat(chunks);
    expect(chunks.length).toBeGreaterThan(1);
    expect(frame.readInt32BE(0)).toBe(frame.length - 4);
    const reader = new Reader(frame.subarray(4));
    readClientId(reader, 2);
    expect(fetchApi.readRequest(12, reader).topics.at(-1)).toMatchObject({ topic: 'topic-4999', topicId: ZERO_UUID });
  });

  it('our own flushedEndOffset travels under tag 10000 and is skipped by who does not know it', () => {
    const partition = { partition: 1, fetchOffset: 2, partitionMaxBytes: 3, flushedEndOffset: 77 };
    const value = { maxWaitMs: 1, minBytes: 1, replicaState: { replicaId: 2, replicaEpoch: 9 }, topics: [{ partitions: [partition] }] };
    const bytes = write(fetchApi as Api, 'request', 17, value);
    expect(fetchApi.readRequest(17, new Reader(bytes))).toMatchObject(value);
    // The same partition as somebody describes it who lacks our tag.
    const foreign = f.struct({ partition: f.int32() });
    const ours = f.struct({ partition: f.int32(), flushedEndOffset: f.int64({ tag: 10_000, default: -1 }) });
    const writer = new Writer();
    compileStruct(ours, 0, true).write(writer, { partition: 1, flushedEndOffset: 77 });
    const reader = new Reader(Buffer.concat(writer.finish()));
    expect(compileStruct(foreign, 0, true).read(reader)).toEqual({ partition: 1 });
    reader.expectEnd();
  });

  it('a nullable struct carries a marker', () => {
    const codec = compileStruct(f.struct({ cursor: f.object(f.struct({ n: f.int8() }), { nullable: '0+' }) }), 0, true);
    const bytesOf = (value: object) => {
      const writer = new Writer();
      codec.write(writer, value);
      return Buffer.concat(writer.finish());
    };
    expect(bytesOf({ cursor: null }).toString('hex')).toBe('ff00');
    expect(bytesOf({ cursor: { n: 5 } }).toString('hex')).toBe('01050000');
    expect(codec.read(new Reader(bytesOf({ cursor: { n: 5 } })))).toEqual({ cursor: { n: 5 } });
    expect(() => codec.read(new Reader(Buffer.from('0205', 'hex')))).toThrow(WireError);
  });

  it('a value that does not fit its type fails an assert instead of writing nonsense', () => {
    const writing = (value: object) => () => write(metadataApi as Api, 'request', 1, value);
    expect(writing({})).toThrow('topics is missing');
    expect(writing({ topics: [{ name: null }] })).toThrow('must not be null');
    expect(() => new Writer().uuid('short')).toThrow('22 base64url');
    expect(() => new Writer().int64(2 ** 60)).toThrow('safe integer');
    expect(() => new Writer().int8(200)).toThrow('out of range');
  });
});
