/** `key=value` lines, as Kafka's meta.properties. Lines that begin with # are comments; keys keep their order. */
import { CorruptionError } from '#kernel';
import { crc32c } from '#record';

export function encodeProperties(values: Readonly<Record<string, string>>): Buffer {
  return Buffer.from(
    `${Object.entries(values)
      .map(([key, value]) => `${key}=${value}`)
      .join('\n')}\n`,
  );
}

export function decodeProperties(content: Buffer): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of content.toString('utf8').split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    if (equals < 1) throw new CorruptionError(`not a property line: ${JSON.stringify(line)}`);
    values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
  }
  return values;
}

const CHECKSUM = 'checksum';

/** With a last line that tells damage: CRC-32C, in hexadecimal, of the lines before it. */
export function encodeCheckedProperties(values: Readonly<Record<string, string>>): Buffer {
  const lines = encodeProperties(values);
  return Buffer.concat([lines, encodeProperties({ [CHECKSUM]: crc32c(lines).toString(16) })]);
}

export function decodeCheckedProperties(content: Buffer, name: string): Map<string, string> {
  const lastLine = content.lastIndexOf(`${CHECKSUM}=`);
  const values = decodeProperties(content);
  if (lastLine < 0 || values.get(CHECKSUM) !== crc32c(content.subarray(0, lastLine)).toString(16)) {
    throw new CorruptionError(`${name} does not match its checksum`);
  }
  values.delete(CHECKSUM);
  return values;
}
