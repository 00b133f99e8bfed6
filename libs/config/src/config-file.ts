/**
 * A config file is either Kafka's properties (`name=value` a line, `#` or `!` comments) or one flat JSON object; a first
 * character of `{` tells them apart. No continuation lines and no escapes: values are taken as they stand, trimmed.
 */
import { ConfigError } from './errors.js';

/** Name to text, in the file's order. A name that comes twice is refused: one of the two would be a surprise. */
export function parseConfigFile(path: string, text: string): Map<string, string> {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  return withoutMark.trimStart().startsWith('{') ? parseJson(path, withoutMark) : parseProperties(path, withoutMark);
}

function parseProperties(path: string, text: string): Map<string, string> {
  const values = new Map<string, string>();
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith('!')) return;
    const match = /^([^\s=:]+)\s*[=:]\s*(.*)$/.exec(line);
    if (match === null) throw new ConfigError(`${path}:${index + 1}: "${firstWord(line)}" is not of the form name=value`);
    const name = match[1]!;
    if (values.has(name)) throw new ConfigError(`${path}:${index + 1}: ${name} is set twice`);
    values.set(name, match[2]!);
  });
  return values;
}

function parseJson(path: string, text: string): Map<string, string> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    // What follows the comma is a piece of the file: there may be a password in it.
    throw new ConfigError(`${path} begins with "{" and is not JSON: ${(error as Error).message.replace(/, .*/s, '')}`);
  }
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(content as Record<string, unknown>)) {
    values.set(name, jsonText(path, name, value));
  }
  return values;
}

function jsonText(path: string, name: string, value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value) && value.every((one) => typeof one === 'string' || typeof one === 'number')) return value.join(',');
  throw new ConfigError(`${path}: ${name} must be a string, a number, true, false or a list of those`);
}

/** A whole line could have a password in it. */
export function firstWord(text: string): string {
  const word = /^\S*/.exec(text)![0];
  return word === text ? word : `${word} …`;
}
