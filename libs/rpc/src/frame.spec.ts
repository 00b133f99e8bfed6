import fc from 'fast-check';
import type { Frame } from './frame.js';
import { decodeFrame, encodeFrame, FRAME_HEADER_BYTES, FrameKind } from './frame.js';
import { FrameSplitter } from './frame-splitter.js';
import { JsonFrameSplitter } from './json-frame-splitter.js';
import { checkJsonValues } from './json-values.js';
import { DEFAULT_RPC_LIMITS } from './limits.js';
import { NestFraming } from './nest-framing.js';
import { PATTERNS, patternKeyOf } from './patterns.js';

const LIMITS = DEFAULT_RPC_LIMITS;

function encoded(frame: Frame): Buffer {
  return Buffer.concat(encodeFrame(frame, LIMITS));
}

/** Cuts bytes at the given places (each taken modulo the length). */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => Buffer.from(bytes.subarray(from, at[index] ?? bytes.length)));
}

function splitAll(splitter: { push(chunk: Buffer): void; next(): Buffer | string | null }, chunks: readonly Buffer[]): (Buffer | string)[] {
  const frames: (Buffer | string)[] = [];
  for (const chunk of chunks) {
    splitter.push(chunk);
    for (let frame = splitter.next(); frame !== null; frame = splitter.next()) frames.push(frame);
  }
  return frames;
}

describe('binary frame', () => {
  it('has these bytes: a produce request with two batches', () => {
    const body = {
      acks: -1,
      timeoutMs: 1000,
      partitions: [
        { topic: 'a', partition: 0, records: Buffer.from('cafe', 'hex') },
        { topic: 'a', partition: 1, records: Buffer.from('0102ff', 'hex') },
      ],
    };
    const json =
      '{"acks":-1,"timeoutMs":1000,"partitions":[{"topic":"a","partition":0,"records":2},{"topic":"a","partition":1,"records":3}]}';
    const header = ['59', '01', '01', '00', '000a', '01020304', json.length.toString(16).padStart(8, '0'), '00000005'].join('');
    const expected = `${header}${Buffer.from(json).toString('hex')}cafe0102ff`;
    expect(encoded({ kind: FrameKind.request, pattern: PATTERNS.produce.code, id: 0x01020304, body }).toString('hex')).toBe(expected);
  });

  it('has these bytes: a failure, whose JSON is counted in bytes', () => {
    const frame = { kind: FrameKind.failure, pattern: PATTERNS.metadata.code, id: 7, body: { code: 'BUSY', message: 'é' } };
    const json = Buffer.from('{"code":"BUSY","message":"é"}');
    expect(encoded(frame).toString('hex')).toBe(`59010300000100000007000000${json.length.toString(16)}00000000${json.toString('hex')}`);
  });

  it('brings batches back as views of the frame and sends large ones without copying', () => {
    const records = Buffer.alloc(100_000, 7);
    const body = { partitions: [{ topic: 't', partition: 0, error: 'NONE', records: [records, Buffer.from('end')] }] };
    const chunks = encodeFrame({ kind: FrameKind.response, pattern: PATTERNS.fetch.code, id: 1, body }, LIMITS);
    expect(chunks[1]).toBe(records);
    const bytes = Buffer.concat(chunks);
    const decoded = decodeFrame(bytes).body as { partitions: { records: Buffer }[] };
    const view = decoded.partitions[0]!.records;
    expect(view.equals(Buffer.concat([records, Buffer.from('end')]))).toBe(true);
    expect(view.buffer).toBe(bytes.buffer);
  });

  it('refuses what is no frame, saying why', () => {
    const good = encoded({ kind: FrameKind.request, pattern: 1, id: 1, body: { topics: null } });
    const broken = (change: (bytes: Buffer) => void) => {
      const bytes = Buffer.from(good);
      change(bytes);
      return () =>
        splitAll(new FrameSplitter({ maxFrameBytes: 1000, maxJsonBytes: 500 }), [bytes]).map((frame) => decodeFrame(frame as Buffer));
    };
    expect(broken((bytes) => (bytes[0] = 0x47))).toThrow('byte 0 is 0x47');
    expect(broken((bytes) => (bytes[1] = 2))).toThrow('version 2');
    expect(broken((bytes) => (bytes[2] = 4))).toThrow('kind 4');
    expect(broken((bytes) => (bytes[3] = 1))).toThrow('flags 0x01');
    expect(broken((bytes) => bytes.writeUInt32BE(2000, 10))).toThrow('above maxFrameBytes (1000)');
    expect(broken((bytes) => bytes.writeUInt32BE(501, 10))).toThrow('above maxJsonBytes (500)');
    expect(broken((bytes) => bytes.writeUInt32BE(0xffffffff, 14))).toThrow('above maxFrameBytes (1000)');
    expect(broken((bytes) => (bytes[FRAME_HEADER_BYTES] = 0x7d))).toThrow('not JSON');
    expect(broken((bytes) => bytes.writeUInt32BE(good.length - FRAME_HEADER_BYTES - 1, 10) + bytes.writeUInt32BE(1, 14))).toThrow(
      /not JSON|attachments/,
    );
    expect(() => encodeFrame({ kind: FrameKind.request, pattern: 1, id: 1, body: 'x'.repeat(2000) }, { maxFrameBytes: 1000 })).toThrow(
      'above maxFrameBytes (1000)',
    );
  });

  it('refuses lengths in the JSON that do not add up to the attachments', () => {
    const withLengths = (lengths: unknown[], attachments: Buffer) => {
      const json = Buffer.from(JSON.stringify({ partitions: lengths.map((records) => ({ records })) }));
      const head = Buffer.alloc(FRAME_HEADER_BYTES);
      head.set([0x59, 1, FrameKind.request, 0, 0, PATTERNS.produce.code]);
      head.writeUInt32BE(json.length, 10);
      head.writeUInt32BE(attachments.length, 14);
      return () => decodeFrame(Buffer.concat([head, json, attachments]));
    };
    expect(withLengths([2, 1], Buffer.alloc(3))).not.toThrow();
    expect(withLengths([2, 2], Buffer.alloc(3))).toThrow('records of 2 bytes at 2 of 3');
    expect(withLengths([2], Buffer.alloc(3))).toThrow('1 bytes of attachments belong to no field');
    expect(withLengths([-1, 4], Buffer.alloc(3))).toThrow('records of -1 bytes');
    expect(withLengths([1.5, 1.5], Buffer.alloc(3))).toThrow('records of 1.5 bytes');
    expect(withLengths(['AAAA'], Buffer.alloc(0))).not.toThrow();
  });

  const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
    fc.record({
      kind: fc.constantFrom(FrameKind.request, FrameKind.response, FrameKind.failure),
      pattern: fc.constantFrom(PATTERNS.metadata.code, PATTERNS.brokerHeartbeat.code),
      id: fc.nat({ max: 0xffffffff }),
      body: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
    }),
    fc.record({
      kind: fc.constant(FrameKind.request),
      pattern: fc.constant(PATTERNS.produce.code),
      id: fc.nat({ max: 0xffffffff }),
      body: fc.record({
        acks: fc.constant(-1),
        partitions: fc.array(
          fc.record({ topic: fc.string(), records: fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)) }),
          {
            maxLength: 4,
          },
        ),
      }),
    }),
  );

  it('comes back as it was, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 5 }), fc.array(fc.nat({ max: 40_000 }), { maxLength: 20 }), (frames, places) => {
        const bytes = Buffer.concat(frames.map(encoded));
        const splitter = new FrameSplitter(LIMITS);
        const decoded = splitAll(splitter, cut(bytes, places)).map((frame) => decodeFrame(frame as Buffer));
        expect(decoded).toEqual(frames);
        expect(splitter.bufferedBytes).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('never takes hostile bytes for anything but frames or an error, byte by byte or at once', () => {
    const outcome = (chunks: readonly Buffer[]) => {
      try {
        return splitAll(new FrameSplitter({ maxFrameBytes: 500, maxJsonBytes: 400 }), chunks).map((frame) =>
          (frame as Buffer).toString('hex'),
        );
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    const start = fc.constantFrom(Buffer.alloc(0), encoded({ kind: FrameKind.request, pattern: 1, id: 1, body: {} }).subarray(0, 12));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 80 }), (head, tail) => {
        const bytes = Buffer.concat([head, tail]);
        const whole = outcome([Buffer.from(bytes)]);
        expect(outcome([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
        expect(Array.isArray(whole) || whole === 'MALFORMED_FRAME' || whole === 'TOO_LARGE').toBe(true);
      }),
    );
  });

  it('grows its buffer with what arrived, not with what was declared', () => {
    const head = encoded({ kind: FrameKind.request, pattern: 1, id: 1, body: {} }).subarray(0, FRAME_HEADER_BYTES);
    head.writeUInt32BE(15 * 1024 * 1024, 14);
    const splitter = new FrameSplitter(LIMITS);
    splitter.push(Buffer.from(head));
    expect(splitter.next()).toBeNull();
    expect((splitter as unknown as { assembly: Buffer }).assembly.length).toBeLessThan(1024 * 1024);
  });
});

describe('values in a JSON text', () => {
  /** Every value inside another counts as one, and an empty list or object as one more. */
  const counted = (value: unknown): number => {
    if (typeof value !== 'object' || value === null) return 0;
    const inner = Object.values(value);
    return inner.reduce<number>((sum, each) => sum + 1 + counted(each), inner.length === 0 ? 1 : 0);
  };

  it('are counted as they will be, and not what only stands in strings', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 4 }), fc.string(), (some, text) => {
        // Large enough to be counted, by a string that must not count.
        const value = [text, '\\",[{'.repeat(12_000), ...some];
        const bytes = Buffer.from(JSON.stringify(value));
        const check = (maxJsonValues: number) => () => checkJsonValues(bytes, 0, bytes.length, { maxJsonValues });
        expect(check(counted(value))).not.toThrow();
        expect(check(counted(value) - 1)).toThrow('maxJsonValues');
      }),
      { numRuns: 50 },
    );
  });

  it('are refused above the limit in both framings, before they are parsed', () => {
    const body = { topics: Array.from({ length: 40_000 }, () => ({})) };
    const small = { maxJsonValues: 30_000 };
    expect(() => new NestFraming(small).feed(encoded({ kind: FrameKind.request, pattern: 1, id: 1, body }))).toThrow(
      'more than 30000 values',
    );
    const json = JSON.stringify({ pattern: 1, id: '1', data: body });
    expect(() => new NestFraming(small).feed(Buffer.from(`${json.length}#${json}`))).toThrow('more than 30000 values');
    expect(new NestFraming().feed(Buffer.from(`${json.length}#${json}`))).toHaveLength(1);
  });
});

describe('stock JSON frame', () => {
  const TEXTS = ['{}', '{"a":"é😀"}', JSON.stringify({ long: 'ß'.repeat(500) })];

  it('counts UTF-16 code units, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(...TEXTS), fc.json()), { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (texts, places) => {
          const bytes = Buffer.concat(texts.map((text) => Buffer.from(`${text.length}#${text}`)));
          expect(splitAll(new JsonFrameSplitter(LIMITS), cut(bytes, places))).toEqual(texts);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('refuses a length that is none, too large, or ends inside a character', () => {
    const feed = (text: string) => () => splitAll(new JsonFrameSplitter({ maxJsonBytes: 100, maxJsonValues: 10 }), [Buffer.from(text)]);
    expect(feed('12x#{}')).toThrow('decimal number of UTF-16 code units');
    expect(feed('#{}')).toThrow('decimal number');
    expect(feed('11111111111')).toThrow('decimal number');
    expect(feed('101#')).toThrow('above maxJsonBytes (100)');
    expect(feed('1#😀')).toThrow('inside a character');
  });
});

describe('patterns', () => {
  it('have permanent numbers', () => {
    expect(Object.fromEntries(Object.values(PATTERNS).map(({ name, code }) => [code, name]))).toEqual({
      1: 'yak.metadata',
      2: 'yak.createTopics',
      3: 'yak.deleteTopics',
      4: 'yak.describeCluster',
      5: 'yak.createPartitions',
      6: 'yak.alterConfigs',
      7: 'yak.describeConfigs',
      8: 'yak.listClients',
      10: 'yak.produce',
      11: 'yak.fetch',
      12: 'yak.listOffsets',
      13: 'yak.initProducerId',
      14: 'yak.locateRecord',
      30: 'coordinator.registerBroker',
      31: 'coordinator.brokerHeartbeat',
      32: 'coordinator.metadataFetch',
      33: 'coordinator.alterPartition',
      34: 'coordinator.allocateProducerIds',
      35: 'coordinator.reportPositions',
      36: 'coordinator.offerMetadataCopy',
      37: 'yak.trustStore',
      38: 'yak.electLeader',
      40: 'yak.findCoordinator',
      41: 'yak.joinGroup',
      42: 'yak.syncGroup',
      43: 'yak.groupHeartbeat',
      44: 'yak.leaveGroup',
      45: 'yak.commitOffsets',
      46: 'yak.fetchOffsets',
      47: 'yak.deleteOffsets',
      48: 'yak.describeGroups',
      49: 'yak.listGroups',
      50: 'yak.deleteGroups',
      51: 'yak.groupHistory',
    });
    expect(['yak.produce', 10, '10'].map(patternKeyOf)).toEqual(['produce', 'produce', 'produce']);
    expect(patternKeyOf('toString')).toBeNull();
  });
});
