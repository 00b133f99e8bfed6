/**
 * `yak broker` and `yak coordinator`: one server process in the foreground. The bundle of the app is run inside this process, so that a
 * container has one process and signals reach it; it reads its options itself (libs/config).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BROKER_FLAGS, COORDINATOR_FLAGS, describeFlags } from '#config';
import { YakError } from '#kernel';
import { binFolder } from '../bin-folder.js';

const SERVERS = {
  broker: {
    about: 'Runs one broker in the foreground until SIGTERM or Ctrl-C (a hand-over of its leaderships first).',
    flags: BROKER_FLAGS,
  },
  coordinator: {
    about: 'Runs the cluster coordinator in the foreground until SIGTERM or Ctrl-C.',
    flags: COORDINATOR_FLAGS,
  },
} as const;

export type ServerName = keyof typeof SERVERS;

export function isServerName(text: string | undefined): text is ServerName {
  return text !== undefined && Object.hasOwn(SERVERS, text);
}

export function serverHelp(name: ServerName): string {
  const { about, flags } = SERVERS[name];
  return `Usage: yak ${name} [options]\n\n${about}\n\nOptions:\n${describeFlags(flags)}\n  --help`;
}

/** `args` without program and command name. Returns when the app has taken over. */
export async function runServer(name: ServerName, args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`${serverHelp(name)}\n`);
    return;
  }
  const entry = join(binFolder(), `${name}.cjs`);
  if (!existsSync(entry)) throw new YakError('NOT_BUILT', `${entry} is missing; run "npm run build" first`);
  process.argv = [process.execPath, entry, ...args];
  await import(pathToFileURL(entry).href);
}
