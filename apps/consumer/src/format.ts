/**
 * Records as bytes on standard output. `value` is the value and \n and nothing else, byte for byte; `json` is one object a line;
 * anything with a % is a template with kcat's letters. A whole batch becomes one buffer.
 */
import { isUtf8 } from 'node:buffer';
import type { ConsumedRecord } from '#client';
import { UsageError } from '#config';

export type Formatter = (records: readonly ConsumedRecord[]) => Buffer;

const NEWLINE = 10;

/** Throws UsageError for a template that is not one. */
export function parseFormat(text: string): Formatter {
  if (text === 'value') return formatValues;
  if (text === 'json') return (records) => Buffer.from(records.map((one) => `${JSON.stringify(toJson(one))}\n`).join(''));
  if (!text.includes('%')) throw new UsageError(`--format ${text}: it has to be value, json or a template with %, as in "%p %o %k %v\\n"`);
  const parts = parseTemplate(text);
  return (records) => Buffer.concat(records.flatMap((record) => parts.map((part) => (typeof part === 'function' ? part(record) : part))));
}

function formatValues(records: readonly ConsumedRecord[]): Buffer {
  let length = 0;
  for (const { value } of records) length += (value?.length ?? 0) + 1;
  const output = Buffer.allocUnsafe(length);
  let position = 0;
  for (const { value } of records) {
    if (value !== null) position += value.copy(output, position);
    output[position++] = NEWLINE;
  }
  return output;
}

/** Bytes that are not UTF-8 go as base64 under another name, so that nothing is lost. */
function toJson(record: ConsumedRecord): object {
  return {
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestamp,
    ...textField('key', record.key),
    ...textField('value', record.value),
    headers: record.headers.map((header) => ({ key: header.key, ...textField('value', header.value) })),
  };
}

function textField(name: string, bytes: Buffer | null): object {
  if (bytes === null) return { [name]: null };
  return isUtf8(bytes) ? { [name]: bytes.toString() } : { [`${name}Base64`]: bytes.toString('base64') };
}

type Part = Buffer | ((record: ConsumedRecord) => Buffer);
const EMPTY = Buffer.alloc(0);

const FIELDS: Readonly<Record<string, (record: ConsumedRecord) => Buffer>> = {
  t: (record) => Buffer.from(record.topic),
  p: (record) => Buffer.from(String(record.partition)),
  o: (record) => Buffer.from(String(record.offset)),
  k: (record) => record.key ?? EMPTY,
  v: (record) => record.value ?? EMPTY,
  s: (record) => record.value ?? EMPTY,
  K: (record) => Buffer.from(String(record.key?.length ?? -1)),
  S: (record) => Buffer.from(String(record.value?.length ?? -1)),
  T: (record) => Buffer.from(String(record.timestamp)),
  h: (record) => Buffer.from(record.headers.map((header) => `${header.key}=${header.value?.toString() ?? 'NULL'}`).join(',')),
  '%': () => Buffer.from('%'),
};

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '0': '\0' };

function parseTemplate(text: string): Part[] {
  const parts: Part[] = [];
  let literal = '';
  const flush = () => {
    if (literal !== '') parts.push(Buffer.from(literal));
    literal = '';
  };
  for (let index = 0; index < text.length; index++) {
    const one = text[index]!;
    const next = text[index + 1];
    if (one === '%') {
      const field = next === undefined ? undefined : FIELDS[next];
      if (field === undefined)
        throw new UsageError(
          `--format: "%${next ?? ''}" is not known; there are ${Object.keys(FIELDS)
            .map((letter) => `%${letter}`)
            .join(' ')}`,
        );
      flush();
      parts.push(field);
      index++;
    } else if (one === '\\' && next !== undefined && next in ESCAPES) {
      literal += ESCAPES[next];
      index++;
    } else {
      literal += one;
    }
  }
  flush();
  return parts;
}
