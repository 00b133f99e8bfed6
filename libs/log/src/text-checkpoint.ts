/**
 * Kafka's checkpoint text: a version line, a line with the number of entries, one entry per line. Used for offsets of partitions
 * (`<topic> <partition> <offset>`) and for leader epochs (`<epoch> <start offset>`). No checksum: readers check the shape.
 */
import { CorruptionError } from '#kernel';

const VERSION = 0;

export function encodeCheckpoint(lines: readonly string[]): Buffer {
  return Buffer.from(`${[VERSION, lines.length, ...lines].join('\n')}\n`);
}

/** The entry lines, each split at spaces. Throws CorruptionError when count, version or shape do not fit. */
export function decodeCheckpoint(content: Buffer, name: string, fieldsPerLine: number): string[][] {
  const lines = content.toString('utf8').split('\n');
  if (lines[0] !== String(VERSION))
    throw new CorruptionError(`${name} has version ${JSON.stringify(lines[0])}; this release reads ${VERSION}`);
  const entries = lines.slice(2).filter((line) => line !== '');
  if (String(entries.length) !== lines[1]) throw new CorruptionError(`${name} says ${lines[1]} entries but has ${entries.length}`);
  return entries.map((line) => {
    const fields = line.split(' ');
    if (fields.length !== fieldsPerLine)
      throw new CorruptionError(`${name} has a line of ${fields.length} fields: ${JSON.stringify(line)}`);
    return fields;
  });
}

/** A non-negative safe integer in decimal. */
export function parseInteger(text: string, name: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new CorruptionError(`${name} has ${JSON.stringify(text)} where a number belongs`);
  return value;
}
