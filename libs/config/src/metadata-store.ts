/**
 * Where cluster coordinators keep the metadata, as told by metadata.url, metadata.name and one of three places for the
 * password. From here on the URL and the password go separate ways, so that a URL can be printed.
 */
import type { Disk } from '#seams';
import { type ConfigDefinition, define, type Parsed, type Row } from './definition.js';
import { ConfigError } from './errors.js';

export interface MetadataStoreOptions {
  /** redis:// or rediss://, with the user where there is one, never with a password. */
  readonly url: string;
  readonly name: string;
  readonly password: string | null;
}

/** `redis://[user[:password]@]host[:port][/database]`. Sensitive, since a password can be anywhere in what does not parse. */
export function storeUrl(row: Row<string | null>): ConfigDefinition<string | null> {
  return define<string | null>('string', { ...row, isSensitive: true }, 'redis://… or rediss://…', (text) => {
    const parsed = splitStoreUrl(text);
    return parsed.ok ? { ok: true, value: text.trim() } : parsed;
  });
}

/** The URL without its password, and the password as Redis wants it. A reason never repeats the text. */
export function splitStoreUrl(text: string): Parsed<{ readonly url: string; readonly password: string | null }> {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return { ok: false, reason: 'is not a URL such as redis://localhost:6379' };
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') return { ok: false, reason: 'must begin with redis:// or rediss://' };
  if (url.hostname === '') return { ok: false, reason: 'names no host; redis://localhost:6379 does' };
  if (!/^(\/\d{0,5})?$/.test(url.pathname)) return { ok: false, reason: 'has a path that is not the number of a database' };
  if (url.search !== '' || url.hash !== '') return { ok: false, reason: 'has something after the database that is not understood' };
  let password: string;
  try {
    password = decodeURIComponent(url.password);
    decodeURIComponent(url.username);
  } catch {
    return { ok: false, reason: 'has a "%" in user or password that is not followed by two hex digits; "%" itself is written %25' };
  }
  url.password = '';
  return { ok: true, value: { url: url.toString(), password: password === '' ? null : password } };
}

/** Null without metadata.url. Throws ConfigError for a password in two places and for a file that does not give one. */
export function metadataStore(
  values: {
    readonly 'metadata.url': string | null;
    readonly 'metadata.name': string;
    readonly 'metadata.password': string | null;
    readonly 'metadata.password.file': string | null;
  },
  files: Pick<Disk, 'readFile'>,
): MetadataStoreOptions | null {
  const split = values['metadata.url'] === null ? null : splitStoreUrl(values['metadata.url']);
  if (!split?.ok) return null;
  const { url, password: ofUrl } = split.value;
  const path = values['metadata.password.file'];
  const given = [
    ...(ofUrl === null ? [] : ['metadata.url']),
    ...(values['metadata.password'] === null ? [] : ['metadata.password']),
    ...(path === null ? [] : ['metadata.password.file']),
  ];
  if (given.length > 1) throw new ConfigError(`the password of the metadata store comes from ${given.join(' and ')}; leave one of them`);
  const password = path === null ? (ofUrl ?? values['metadata.password']) : passwordFrom(path, files);
  return { url, name: values['metadata.name'], password };
}

function passwordFrom(path: string, files: Pick<Disk, 'readFile'>): string {
  let content: Buffer | null;
  try {
    content = files.readFile(path);
  } catch (error) {
    throw new ConfigError(`metadata.password.file=${path} cannot be read: ${(error as Error).message}`);
  }
  if (content === null) throw new ConfigError(`metadata.password.file=${path}: there is no such file`);
  const password = content.toString('utf8').replace(/\r?\n$/, '');
  if (password === '') throw new ConfigError(`metadata.password.file=${path} is empty`);
  return password;
}
