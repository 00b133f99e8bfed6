import fc from 'fast-check';
import { LineSplitter, splitKey } from './line-splitter.js';
import { parseAcks } from './produce-command.js';
import { ProduceSummary } from './summary.js';

function split(chunks: readonly Buffer[], lineBytesMax?: number): Buffer[] {
  const splitter = new LineSplitter(lineBytesMax);
  const lines: Buffer[] = [];
  for (const chunk of chunks) splitter.push(chunk, (line) => lines.push(line));
  splitter.end((line) => lines.push(line));
  return lines;
}

const texts = (lines: readonly Buffer[]) => lines.map((line) => line.toString('latin1'));

describe('LineSplitter', () => {
  it('an empty input has no line, an empty line is one', () => {
    expect(split([])).toEqual([]);
    expect(split([Buffer.alloc(0)])).toEqual([]);
    expect(texts(split([Buffer.from('\n')]))).toEqual(['']);
    expect(texts(split([Buffer.from('\n\nx\n')]))).toEqual(['', '', 'x']);
  });

  it('keeps carriage returns and bytes that are no UTF-8, and a last line without newline', () => {
    expect(texts(split([Buffer.from('a\r\n\xff\xfe\nlast', 'latin1')]))).toEqual(['a\r', '\xff\xfe', 'last']);
  });

  it('gives back every byte, however the input is cut into chunks', () => {
    const bytes = fc.array(fc.constantFrom(10, 13, 0, 65, 255), { maxLength: 60 });
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(60), { maxLength: 6 }), (content, cuts) => {
        const input = Buffer.from(content);
        const edges = [0, ...cuts.map((cut) => Math.min(cut, input.length)).sort((a, b) => a - b), input.length];
        const chunks = edges.slice(1).map((end, index) => input.subarray(edges[index], end));
        const text = input.toString('latin1');
        const expected = text.split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(texts(split(chunks))).toEqual(expected);
      }),
    );
  });

  it('refuses a line without end, saying which, instead of keeping it all', () => {
    expect(() => split([Buffer.from('a\nbcd'), Buffer.from('efg')], 5)).toThrow(/line 2 has no end within 5 bytes/);
    expect(texts(split([Buffer.from('abc'), Buffer.from('de\nfg')], 5))).toEqual(['abcde', 'fg']);
  });
});

describe('splitKey', () => {
  const cut = (line: string, separator: string | null) => {
    const { key, value } = splitKey(Buffer.from(line), separator === null ? null : Buffer.from(separator));
    return [key?.toString() ?? null, value.toString()];
  };
  it('takes what is before the first separator', () => {
    expect(cut('k:v:w', ':')).toEqual(['k', 'v:w']);
    expect(cut('k::v', '::')).toEqual(['k', 'v']);
    expect(cut(':v', ':')).toEqual(['', 'v']);
    expect(cut('k:', ':')).toEqual(['k', '']);
  });
  it('has no key without a separator', () => {
    expect(cut('value', ':')).toEqual([null, 'value']);
    expect(cut('k:v', null)).toEqual([null, 'k:v']);
  });
});

describe('summary', () => {
  it('adds up acknowledgements per partition, in whatever order they come', () => {
    const summary = new ProduceSummary();
    summary.recordsRead = 12;
    summary.bytesRead = 2_000_000;
    summary.acknowledged(1, 40, 3);
    summary.acknowledged(0, 5, 5);
    summary.acknowledged(0, 0, 5);
    summary.failed(2, new Error('x'));
    expect(summary.toJson('t', 500, 2)).toEqual({
      topic: 't',
      records: 13,
      bytes: 2_000_000,
      failed: 2,
      seconds: 0.5,
      recordsPerSecond: 26,
      bytesPerSecond: 4_000_000,
      retries: 2,
      partitions: [
        { partition: 0, records: 10, firstOffset: 0, lastOffset: 9 },
        { partition: 1, records: 3, firstOffset: 40, lastOffset: 42 },
      ],
    });
    expect(summary.toText('t', 500, 2)).toBe(
      [
        '13 records, 2.0 MB in 0.50 s: 26 records/s, 4.0 MB/s, 2 retries, 2 NOT acknowledged',
        '  t-0  offsets 0 to 9, 10 records',
        '  t-1  offsets 40 to 42, 3 records',
      ].join('\n'),
    );
  });

  it('says that offsets are unknown with acks 0', () => {
    const summary = new ProduceSummary();
    summary.acknowledged(2, -1, 4);
    summary.acknowledged(2, -1, 4);
    expect(summary.toText('t', 0, 0)).toContain('t-2  offsets unknown (acks 0), 8 records');
  });
});

describe('options', () => {
  it('acks are 0, 1 or all', () => {
    expect(['0', '1', 'all', '-1'].map(parseAcks)).toEqual([0, 1, -1, -1]);
    expect(() => parseAcks('2')).toThrow(/has to be 0, 1 or all/);
  });
});
