import { Writable } from 'node:stream';
import type { ConsumedRecord } from '#client';
import { parseFormat } from './format.js';
import { Output } from './output.js';
import { parseStartPosition } from './start-position.js';

function record(fields: Partial<ConsumedRecord>): ConsumedRecord {
  return { topic: 't', partition: 1, offset: 7, timestamp: 1_700_000_000_000, key: null, value: null, headers: [], ...fields };
}

describe('formats', () => {
  it('value is the bytes and a newline and nothing else', () => {
    const values = [Buffer.from('a\r'), Buffer.alloc(0), Buffer.from([0xff, 0xfe]), null];
    const output = parseFormat('value')(values.map((value) => record({ value })));
    expect(output).toEqual(Buffer.from('a\r\n\n\xff\xfe\n\n', 'latin1'));
    expect(parseFormat('value')([])).toHaveLength(0);
  });

  it('json is one object a line, with base64 for what is no UTF-8', () => {
    const headers = [{ key: 'h', value: Buffer.from('x') }];
    const lines = parseFormat('json')([record({ key: Buffer.from('k'), value: Buffer.from([0xff]), headers }), record({})])
      .toString()
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        topic: 't',
        partition: 1,
        offset: 7,
        timestamp: 1_700_000_000_000,
        key: 'k',
        valueBase64: '/w==',
        headers: [{ key: 'h', value: 'x' }],
      },
      { topic: 't', partition: 1, offset: 7, timestamp: 1_700_000_000_000, key: null, value: null, headers: [] },
    ]);
  });

  it("templates have kcat's letters and escapes", () => {
    const one = record({
      key: Buffer.from('k'),
      value: Buffer.from('v%o'),
      headers: [
        { key: 'a', value: Buffer.from('1') },
        { key: 'b', value: null },
      ],
    });
    expect(parseFormat('%t %p %o %k %v %T %h|%K %S %s 100%%\\n')([one, record({})]).toString()).toBe(
      't 1 7 k v%o 1700000000000 a=1,b=NULL|1 3 v%o 100%\nt 1 7   1700000000000 |-1 -1  100%\n',
    );
    expect(parseFormat('%o\\t\\q')([one]).toString()).toBe('7\t\\q');
  });

  it('refuses a template with an unknown letter, and a word that is no format', () => {
    expect(() => parseFormat('%z')).toThrow(/"%z" is not known; there are %t %p/);
    expect(() => parseFormat('%o %')).toThrow(/"%" is not known/);
    expect(() => parseFormat('yaml')).toThrow(/has to be value, json or a template/);
  });
});

describe('start positions', () => {
  it('are earliest, latest, an offset or a time', () => {
    expect(['earliest', 'latest', '0', '42', '@1700000000000', '@2025-01-31T12:00:00Z'].map((text) => parseStartPosition(text))).toEqual([
      'earliest',
      'latest',
      { offset: 0 },
      { offset: 42 },
      { timestamp: 1_700_000_000_000 },
      { timestamp: Date.UTC(2025, 0, 31, 12) },
    ]);
  });
  it.each(['', 'first', '-1', '1.5', '@', '@yesterday', '99999999999999999999'])('refuses %j', (text) => {
    expect(() => parseStartPosition(text)).toThrow(/--offset/);
  });
});

describe('Output', () => {
  it('waits while the reader does', async () => {
    const taken: string[] = [];
    let release = () => {};
    const stream = new Writable({
      highWaterMark: 4,
      write: (chunk: Buffer, _, done) => {
        taken.push(chunk.toString());
        release = done;
      },
    });
    const output = new Output(stream);
    let isThrough = false;
    const written = output.write(Buffer.from('first')).then(() => (isThrough = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([isThrough, taken]).toEqual([false, ['first']]);
    release();
    await written;
    expect(isThrough).toBe(true);
  });

  it('ends quietly when the reader goes away, also in the middle of a wait', async () => {
    const stream = new Writable({ highWaterMark: 1, write: () => {} });
    const output = new Output(stream);
    const waiting = output.write(Buffer.from('more than fits'));
    stream.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await waiting;
    expect(output.isGone).toBe(true);
    await output.write(Buffer.from('nobody reads this'));
  });

  it('passes any other failure on', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error('no space'), { code: 'ENOSPC' })) });
    const output = new Output(stream);
    const writes = output.write(Buffer.from('x')).then(() => output.write(Buffer.from('y')));
    await expect(writes).rejects.toThrow(/standard output cannot be written: no space/);
  });
});
