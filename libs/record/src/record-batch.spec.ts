import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { CorruptionError } from '#kernel';
import { crc32cInTables } from './crc32c.js';
import {
  compress,
  compressionTypeOf,
  crc32c,
  decodeRecords,
  decompress,
  emptyBatch,
  isCrcValid,
  type NewRecord,
  RecordBatchBuilder,
  recordBatch,
  retainRecords,
  sliceRecords,
  splitBatches,
  VarintReader,
  validateClientBatch,
  varintSize,
  writeVarint,
} from './index.js';

// Written by Apache Kafka 4.3.1 (MemoryRecordsBuilder): producer id 4711, epoch 3, sequence 17, the three records of RECORDS.
const GOLDEN = {
  none: 'AAAAAAAAAAAAAAEk/////wJ2D4k7AAAAAAACAAABi8/laAAAAAGLz+VoBwAAAAAAABJnAAMAAAARAAAAAy4AAAAGa2V5DnZhbHVlLTAEAmgCeAJuAZ4DAA4CAZADYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEAEgATBAZrw7wBAA==',
  gzip: 'AAAAAAAAAAAAAABz/////wJMrtDJAAEAAAACAAABi8/laAAAAAGLz+VoBwAAAAAAABJnAAMAAAARAAAAAx+LCAAAAAAAAP/TY2BgYMtOreQrS8wpTdU1YGHKYKpgymOcx8zAx8Q4gTlxmAAGIQZhFrbsw3sYGQD9wLmJ8wAAAA==',
  snappy:
    'AAAAAAAAAAAAAACA/////wIe9b3KAAIAAAACAAABi8/laAAAAAGLz+VoBwAAAAAAABJnAAMAAAARAAAAA4JTTkFQUFkAAAAAAQAAAAEAAAA78wGALgAAAAZrZXkOdmFsdWUtMAQCaAJ4Am4BngMADgIBkANh/gEA/gEA/gEADQEoABIAEwQGa8O8AQA=',
  lz4: 'AAAAAAAAAAAAAABy/////wJhnABQAAMAAAACAAABi8/laAAAAAGLz+VoBwAAAAAAABJnAAMAAAARAAAAAwQiTRhgQIIyAAAA/xIuAAAABmtleQ52YWx1ZS0wBAJoAngCbgGeAwAOAgGQA2EBALSwABIAEwQGa8O8AQAAAAAA',
  zstd: 'AAAAAAAAAAAAAABx/////wJRdS7gAAQAAAACAAABi8/laAAAAAGLz+VoBwAAAAAAABJnAAMAAAARAAAAAyi1L/0AWKQBAMQCLgAAAAZrZXkOdmFsdWUtMAQCaAJ4Am4BngMADgIBkANhABIAEwQGa8O8AQABACFS4AkBAAA=',
} as const;

const RECORDS: NewRecord[] = [
  {
    timestamp: 1_700_000_000_000,
    key: Buffer.from('key'),
    value: Buffer.from('value-0'),
    headers: [
      { key: 'h', value: Buffer.from('x') },
      { key: 'n', value: null },
    ],
  },
  { timestamp: 1_700_000_000_007, key: null, value: Buffer.from('a'.repeat(200)), headers: [] },
  { timestamp: 1_699_999_999_990, key: Buffer.from('kü'), value: null, headers: [] },
];
/** Bytes of GOLDEN.none that mean nothing: the records' attributes. */
const RECORD_ATTRIBUTES = [62, 87, 295];
const PRODUCER = { producerId: 4711, producerEpoch: 3, baseSequence: 17 };

function batchOf(records: NewRecord[], options = {}): Buffer {
  const builder = new RecordBatchBuilder();
  for (const record of records) builder.append(record);
  return builder.build(options);
}

/** Buffers as text: Jest compares them byte by byte otherwise, slowly. */
function shown(records: readonly (NewRecord & { offset: number })[]): string[] {
  const text = (bytes: Buffer | null) => bytes?.toString('hex') ?? 'null';
  return records.map(({ offset, timestamp, key, value, headers = [] }) =>
    [offset, timestamp, text(key), text(value), ...headers.flatMap((header) => [header.key, text(header.value)])].join(' '),
  );
}

function isCut(bytes: Buffer): boolean {
  try {
    splitBatches(bytes);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptionError);
    return true;
  }
}

/** With a CRC that fits what was changed. */
function changed(batch: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(batch);
  change(copy);
  copy.writeUInt32BE(crc32c(copy.subarray(recordBatch.CRC_START)), recordBatch.CRC_POSITION);
  return copy;
}

describe('record batches', () => {
  it('are the bytes that Kafka writes', () => {
    expect(batchOf(RECORDS, PRODUCER).toString('base64')).toBe(GOLDEN.none);
  });

  it.each(Object.entries(GOLDEN))('of Kafka with codec %s decode to the same records', (_codec, base64) => {
    const batch = Buffer.from(base64, 'base64');
    expect(isCrcValid(batch)).toBe(true);
    expect(decodeRecords(batch)).toEqual(RECORDS.map((record, offset) => ({ ...record, offset })));
  });

  it('give every header field without an object', () => {
    const batch = batchOf(RECORDS, { ...PRODUCER, leaderEpoch: 5, baseOffset: 2 ** 40 + 1 });
    expect(recordBatch.sizeInBytes(batch)).toBe(batch.length);
    expect(recordBatch.baseOffset(batch)).toBe(2 ** 40 + 1);
    expect(recordBatch.lastOffset(batch)).toBe(2 ** 40 + 3);
    expect(recordBatch.leaderEpoch(batch)).toBe(5);
    expect(recordBatch.magic(batch)).toBe(2);
    expect(recordBatch.producerId(batch)).toBe(4711);
    expect(recordBatch.producerEpoch(batch)).toBe(3);
    expect(recordBatch.baseSequence(batch)).toBe(17);
    expect(recordBatch.lastSequence(batch)).toBe(19);
    expect(recordBatch.recordsCount(batch)).toBe(3);
    expect(recordBatch.baseTimestamp(batch)).toBe(1_700_000_000_000);
    expect(recordBatch.maxTimestamp(batch)).toBe(1_700_000_000_007);
    expect(recordBatch.isControl(batch) || recordBatch.isTransactional(batch) || recordBatch.isLogAppendTime(batch)).toBe(false);
  });

  it('keep their CRC when base offset and leader epoch are set, and lose it with any other bit', () => {
    const batch = Buffer.from(GOLDEN.none, 'base64');
    recordBatch.setBaseOffset(batch, Number.MAX_SAFE_INTEGER - 2);
    recordBatch.setLeaderEpoch(batch, 77);
    expect(isCrcValid(batch)).toBe(true);
    expect(recordBatch.lastOffset(batch)).toBe(Number.MAX_SAFE_INTEGER);
    for (let at = recordBatch.CRC_POSITION; at < batch.length; at++) {
      batch[at]! ^= 1 << (at % 8);
      expect(isCrcValid(batch)).toBe(false);
      batch[at]! ^= 1 << (at % 8);
    }
  });

  it('come back from builder and codec as they were', () => {
    const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each)));
    const record = fc.record({
      timestamp: fc.integer({ min: 0, max: 2 ** 42 }),
      key: bytes,
      value: bytes,
      headers: fc.array(fc.record({ key: fc.constantFrom('', 'h', 'ü€😀', 'x'.repeat(200)), value: bytes }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.constantFrom('none', 'gzip', 'snappy', 'lz4'),
        fc.integer({ min: 0, max: 2 ** 50 }),
        (records, compression, baseOffset) => {
          const builder = new RecordBatchBuilder();
          for (const each of records) {
            const expected = builder.sizeInBytes + builder.sizeOf(each);
            builder.append(each);
            if (builder.sizeInBytes !== expected) throw new Error(`said ${expected} bytes, took ${builder.sizeInBytes}`);
          }
          const size = builder.sizeInBytes;
          const batch = builder.build({ compression, baseOffset });
          if (compression === 'none') expect(batch.length).toBe(size);
          expect(isCrcValid(batch)).toBe(true);
          expect(shown(decodeRecords(batch))).toEqual(shown(records.map((each, i) => ({ ...each, offset: baseOffset + i }))));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('split where they end, and anything else is corruption', () => {
    const batches = [batchOf(RECORDS), batchOf(RECORDS.slice(0, 1)), batchOf(RECORDS.slice(1))];
    const all = Buffer.concat(batches);
    expect(splitBatches(all).map((batch) => batch.toString('hex'))).toEqual(batches.map((batch) => batch.toString('hex')));
    expect(splitBatches(Buffer.alloc(0))).toEqual([]);
    for (let length = 1; length < all.length; length++) {
      const isBoundary = length === batches[0]!.length || length === batches[0]!.length + batches[1]!.length;
      expect(isCut(all.subarray(0, length))).toBe(!isBoundary);
    }
    expect(() => splitBatches(changed(batches[0]!, (copy) => copy.writeInt32BE(-1, 8)))).toThrow(/less than a header/);
    expect(() => splitBatches(changed(batches[0]!, (copy) => copy.writeInt8(1, 16)))).toThrow(/magic is 1/);
  });

  it('with damaged records are refused, whatever byte it is', () => {
    const batch = Buffer.from(GOLDEN.none, 'base64');
    const seen = JSON.stringify(decodeRecords(batch));
    fc.assert(
      fc.property(fc.integer({ min: recordBatch.HEADER_BYTES, max: batch.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        fc.pre(!RECORD_ATTRIBUTES.includes(at));
        const damaged = Buffer.from(batch);
        damaged[at]! ^= mask;
        let decoded: string;
        try {
          decoded = JSON.stringify(decodeRecords(damaged));
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptionError);
          return;
        }
        expect(decoded).not.toBe(seen);
      }),
      { numRuns: 300, examples: [[61, 1]] },
    );
    expect(() => decodeRecords(changed(batch, (copy) => copy.writeInt32BE(2 ** 31 - 1, 57)))).toThrow(/cannot hold them/);
  });
});

describe('CRC-32C', () => {
  it('has the known check value, natively and in tables', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expect(crc32cInTables(bytes)).toBe(crc32c(bytes))));
  });
});

describe('varints', () => {
  it('come back, with the size that was said', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 }), (value) => {
        const buffer = Buffer.alloc(12);
        const end = writeVarint(buffer, value, 1);
        expect(end - 1).toBe(varintSize(value));
        expect(new VarintReader(buffer, 1).varlong()).toBe(value);
      }),
    );
  });

  it('that are cut or too long are corruption', () => {
    expect(() => new VarintReader(Buffer.from([0x80, 0x80])).varint()).toThrow(CorruptionError);
    expect(() => new VarintReader(Buffer.alloc(11, 0xff)).varint()).toThrow(/32 bits/);
    expect(() => new VarintReader(Buffer.alloc(11, 0xff)).varlong()).toThrow(/64 bits/);
    expect(new VarintReader(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])).varlong()).toBe(-(2 ** 63));
    expect(new VarintReader(Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f])).varint()).toBe(2 ** 31 - 1);
  });
});

describe('decompression', () => {
  const limits = { outputBytesMax: 100_000, ratioMax: 10_000 };
  const content = Buffer.from('abcd'.repeat(20_000));

  it('reads raw snappy as librdkafka writes it and xerial blocks as Java does', () => {
    const raw = compress('snappy', content);
    expect(decompress('snappy', raw, limits).equals(content)).toBe(true);
    const header = Buffer.from('82534e4150505900' + '00000001' + '00000001', 'hex');
    const length = Buffer.alloc(4);
    length.writeInt32BE(raw.length);
    const twice = decompress('snappy', Buffer.concat([header, length, raw, length, raw]), { ...limits, outputBytesMax: 200_000 });
    expect(twice.equals(Buffer.concat([content, content]))).toBe(true);
    expect(() => decompress('snappy', Buffer.concat([header, length, raw, length, raw]), limits)).toThrow(/at least/);
  });

  it.each(['gzip', 'snappy', 'lz4'] as const)('stops a %s bomb before it is held', (type) => {
    const bomb = compress(type, Buffer.alloc(8_000_000));
    expect(() => decompress(type, bomb, limits)).toThrow(CorruptionError);
    expect(() => decompress(type, bomb, { outputBytesMax: 10_000_000, ratioMax: 20 })).toThrow(CorruptionError);
    expect(decompress(type, bomb, { outputBytesMax: 10_000_000, ratioMax: 10_000 }).length).toBe(8_000_000);
  });

  it('stops a zstd bomb, and a window that nobody should allocate', () => {
    // Frame without content size, 8 KiB window, then run-length blocks of 8 KiB of zeros: 4 bytes each.
    const block = Buffer.from([0x02, 0x00, 0x01, 0x00]);
    const last = Buffer.from([0x03, 0x00, 0x01, 0x00]);
    const frame = (window: number, blocks: number) =>
      Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, window]), ...Array.from({ length: blocks }, () => block), last]);
    expect(decompress('zstd', frame(3 << 3, 3), limits).length).toBe(4 * 8192);
    expect(() => decompress('zstd', frame(3 << 3, 1000), limits)).toThrow(/at least/);
    expect(() => decompress('zstd', frame(20 << 3, 3), limits)).toThrow(/at least 1073741824/);
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('says corruption for %s data cut anywhere or garbage', (type) => {
    const whole = type === 'zstd' ? Buffer.from(GOLDEN.zstd, 'base64').subarray(61) : compress(type, Buffer.from('hello '.repeat(9)));
    for (let length = 1; length < whole.length; length++) {
      try {
        decompress(type, whole.subarray(0, length), limits);
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptionError);
        continue;
      }
      // A frame may end before its optional trailer.
      expect(length).toBeGreaterThan(whole.length - 9);
    }
    expect(() => decompress(type, Buffer.alloc(50, 0x5a), limits)).toThrow(CorruptionError);
  });

  it('reads a gzip stream of several members', () => {
    expect(decompress('gzip', Buffer.concat([gzipSync('ab'), gzipSync('cd')])).toString()).toBe('abcd');
  });
});

describe('a client batch', () => {
  const limits = { maxMessageBytes: 1000, messageTimestampAfterMaxMs: 3_600_000, nowMs: 1_700_000_000_000 };
  const good = Buffer.from(GOLDEN.none, 'base64');
  const refusal = (batch: Buffer) => validateClientBatch(batch, limits)?.error ?? null;

  it('passes as each codec sends it', () => {
    for (const base64 of Object.values(GOLDEN)) expect(validateClientBatch(Buffer.from(base64, 'base64'), limits)).toBeNull();
    // A producer without idempotence may send epoch 0 and sequence 0.
    expect(refusal(batchOf(RECORDS, { producerId: -1, producerEpoch: 0, baseSequence: 0, leaderEpoch: 0 }))).toBeNull();
  });

  it.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'CORRUPT_MESSAGE'],
    ['shorter than a header', good.subarray(0, 60), 'CORRUPT_MESSAGE'],
    ['cut', good.subarray(0, good.length - 1), 'CORRUPT_MESSAGE'],
    ['two batches', Buffer.concat([good, good]), 'INVALID_RECORD'],
    ['an old magic', changed(good, (copy) => copy.writeInt8(1, 16)), 'INVALID_RECORD'],
    ['a base offset', changed(good, (copy) => recordBatch.setBaseOffset(copy, 1)), 'INVALID_RECORD'],
    ['too many bytes', batchOf([{ timestamp: 1, key: null, value: Buffer.alloc(1000) }]), 'MESSAGE_TOO_LARGE'],
    ['a wrong CRC', Buffer.concat([good.subarray(0, good.length - 1), Buffer.from([9])]), 'CORRUPT_MESSAGE'],
    ['no records', changed(good, (copy) => copy.writeInt32BE(0, 57)), 'INVALID_RECORD'],
    ['a count that does not fit the offsets', changed(good, (copy) => copy.writeInt32BE(4, 57)), 'INVALID_RECORD'],
    [
      'more records than bytes',
      changed(good, (copy) => {
        copy.writeInt32BE(1_000_000, 57);
        copy.writeInt32BE(999_999, 23);
      }),
      'INVALID_RECORD',
    ],
    ['a codec that does not exist', changed(good, (copy) => copy.writeInt16BE(5, 21)), 'INVALID_RECORD'],
    ['a control batch', changed(good, (copy) => copy.writeInt16BE(0x20, 21)), 'INVALID_RECORD'],
    ['a transaction', changed(good, (copy) => copy.writeInt16BE(0x10, 21)), 'INVALID_TXN_STATE'],
    ['LogAppendTime', changed(good, (copy) => copy.writeInt16BE(0x08, 21)), 'INVALID_TIMESTAMP'],
    ['a negative sequence', changed(good, (copy) => copy.writeInt32BE(-1, 53)), 'INVALID_RECORD'],
    ['a negative epoch', changed(good, (copy) => copy.writeInt16BE(-1, 51)), 'INVALID_RECORD'],
  ])('with %s is refused', (_what, batch, error) => {
    expect(refusal(batch)).toBe(error);
  });

  it('R25: may be stamped at most an hour ahead of the clock', () => {
    const at = (timestamp: number) => refusal(batchOf([{ timestamp, key: null, value: null }]));
    expect(at(limits.nowMs + 3_600_000)).toBeNull();
    expect(at(limits.nowMs + 3_600_001)).toBe('INVALID_TIMESTAMP');
  });
});

describe('a batch written again for compaction', () => {
  const subset = fc.record({
    values: fc.array(fc.option(fc.string(), { nil: null }), { minLength: 1, maxLength: 8 }),
    keep: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
    times: fc.array(fc.integer({ min: 0, max: 4_000_000_000_000 }), { minLength: 8, maxLength: 8 }),
    compression: fc.constantFrom('none' as const, 'gzip' as const, 'snappy' as const, 'lz4' as const),
    horizon: fc.option(fc.integer({ min: 0, max: 4_000_000_000_000 }), { nil: null }),
  });

  it('has the records that stay, as they were, and says the same of offsets and producer', () => {
    fc.assert(
      fc.property(subset, ({ values, keep, times, compression, horizon }) => {
        const builder = new RecordBatchBuilder();
        for (const [i, value] of values.entries()) {
          const headers = [{ key: `h${i}`, value: null }];
          builder.append({ timestamp: times[i]!, key: Buffer.from(`k${i}`), value: value === null ? null : Buffer.from(value), headers });
        }
        const options = { baseOffset: 70, leaderEpoch: 3, producerId: 9, producerEpoch: 1, baseSequence: 20, compression };
        const batch = builder.build(options);
        const slices = sliceRecords(batch);
        const all = decodeRecords(batch);
        expect(slices.map(({ offset, key, hasValue }) => ({ offset, key, hasValue }))).toEqual(
          all.map(({ offset, key, value }) => ({ offset, key, hasValue: value !== null })),
        );
        const isKept = (_: unknown, i: number) => keep[i]!;
        const survivors = slices.filter(isKept);
        const written = survivors.length === 0 ? emptyBatch(batch) : retainRecords(batch, survivors, horizon);
        expect(isCrcValid(written)).toBe(true);
        expect(decodeRecords(written)).toEqual(all.filter(isKept));
        expect(recordBatch.deleteHorizonMs(written)).toBe(survivors.length === 0 ? null : horizon);
        const place = [
          recordBatch.baseOffset,
          recordBatch.lastOffset,
          recordBatch.leaderEpoch,
          recordBatch.producerId,
          recordBatch.lastSequence,
        ];
        expect(place.map((read) => read(written))).toEqual(place.map((read) => read(batch)));
        if (survivors.length > 0) {
          expect(recordBatch.maxTimestamp(written)).toBe(Math.max(...all.filter(isKept).map(({ timestamp }) => timestamp)));
          expect(compressionTypeOf(written)).toBe(compression);
        } else expect(written).toHaveLength(recordBatch.HEADER_BYTES);
      }),
      { numRuns: 300 },
    );
  });

  it('becomes gzip where it was zstd, which cannot be written here', () => {
    const batch = Buffer.from(GOLDEN.zstd, 'base64');
    const written = retainRecords(batch, sliceRecords(batch).slice(1), null);
    expect(compressionTypeOf(written)).toBe('gzip');
    expect(decodeRecords(written)).toEqual(decodeRecords(batch).slice(1));
  });

  it('is refused from a producer once it has a delete horizon', () => {
    const builder = new RecordBatchBuilder();
    builder.append({ timestamp: 5, key: Buffer.from('k'), value: null });
    const batch = builder.build();
    const marked = retainRecords(batch, sliceRecords(batch), 1);
    const limits = { maxMessageBytes: 1000, messageTimestampAfterMaxMs: 1000, nowMs: 5 };
    expect(validateClientBatch(batch, limits)).toBeNull();
    expect(validateClientBatch(marked, limits)).toMatchObject({
      error: 'INVALID_RECORD',
      message: expect.stringMatching(/delete horizon/),
    });
  });
});
