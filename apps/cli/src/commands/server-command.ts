/**
 * `yak broker` and `yak coordinator`: one server process in the foreground. The bundle of the app is run inside this process, so
 * that a container has one process and signals reach it; it reads its options, `--help` among them, itself (libs/config).
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { YakError } from '#kernel';
import { binFolder } from '../bin-folder.js';

const SERVERS = ['broker', 'coordinator'] as const;
export type ServerName = (typeof SERVERS)[number];

export function isServerName(text: string | undefined): text is ServerName {
  return SERVERS.some((name) => name === text);
}

/** `args` without program and command name. Returns when the app has taken over. */
export async function runServer(name: ServerName, args: readonly string[]): Promise<void> {
  const entry = join(binFolder(), `${name}.cjs`);
  if (!existsSync(entry)) throw new YakError('NOT_BUILT', `${entry} is missing; run "npm run build" first`);
  process.argv = [process.execPath, entry, ...args];
  createRequire(entry)(entry);
}
