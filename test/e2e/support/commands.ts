import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { ROOT, YAK } from './local-cluster.js';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly done: Promise<Finished>;
}

export interface RunOptions {
  /** File that becomes standard input. */
  readonly input?: string;
  readonly inputText?: string | Buffer;
  /** The caller writes to `process.stdin` and ends it. */
  readonly keepStdinOpen?: boolean;
  /** File that takes standard output instead of `stdout`. */
  readonly output?: string;
  readonly env?: Record<string, string>;
}

export function start(command: string, args: readonly string[], options: RunOptions = {}): Running {
  const child = spawn(command, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...options.env } });
  let stdout = '';
  let stderr = '';
  const written = new Promise<void>((resolve) => {
    if (!options.output) return resolve();
    child.stdout.pipe(createWriteStream(options.output)).once('finish', () => resolve());
  });
  if (!options.output) child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  child.stdin.on('error', () => undefined);
  if (options.input) createReadStream(options.input).pipe(child.stdin);
  else if (!options.keepStdinOpen) child.stdin.end(options.inputText ?? '');
  const done = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => void written.then(() => resolve({ code, stdout, stderr })));
  });
  return { process: child, done };
}

export function startYak(args: readonly string[], options: RunOptions = {}): Running {
  return start(process.execPath, [YAK, ...args], options);
}

/** Rejects with the output when the exit code is not 0. */
export async function yak(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return succeeded(`yak ${args.join(' ')}`, await startYak(args, options).done);
}

export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return succeeded(`${command} ${args.join(' ')}`, await start(command, args, options).done);
}

export function succeeded(what: string, finished: Finished): Finished {
  if (finished.code === 0) return finished;
  throw new Error(`${what} ended with ${finished.code}\n${finished.stderr}\n${finished.stdout.slice(0, 2_000)}`);
}

export async function isInstalled(command: string): Promise<boolean> {
  return start('sh', ['-c', `command -v ${command}`]).done.then(({ code }) => code === 0);
}
