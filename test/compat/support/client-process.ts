/**
 * A foreign client as a process that a test reads line by line while it runs. It leads a process group of its own, so that a
 * signal reaches the JVM behind a shell script too.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ROOT, YAK } from '../../e2e/support/local-cluster.js';
import { until } from '../../e2e/support/until.js';

export interface ClientOptions {
  /** Standard input; 'open' leaves it to the caller (`write`, `endInput`). */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<ClientProcess>();

/** For `afterEach`: nothing of a failed test goes on beside the next one. */
export async function killClients(): Promise<void> {
  const all = [...running];
  for (const client of all) client.kill();
  await Promise.all(all.map((client) => client.done.catch(() => undefined)));
}

export class ClientProcess {
  /** Of standard output, complete ones, in order. */
  readonly lines: string[] = [];
  readonly errorLines: string[] = [];
  readonly done: Promise<Ended>;
  private readonly child: ChildProcess;
  private ended: Ended | null = null;

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    options: ClientOptions = {},
  ) {
    this.child = spawn(command, args, { cwd: ROOT, detached: true, stdio: 'pipe', env: { ...process.env, ...options.env } });
    running.add(this);
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.lines.push(line));
    createInterface({ input: this.child.stderr! }).on('line', (line) => this.errorLines.push(line));
    this.child.stdin!.on('error', () => undefined);
    if (options.input !== 'open') this.child.stdin!.end(options.input ?? '');
    this.done = new Promise<Ended>((resolve, reject) => {
      this.child.once('error', (error) => {
        running.delete(this);
        reject(error);
      });
      this.child.once('close', (code, signal) => {
        running.delete(this);
        this.ended = { code, signal };
        resolve(this.ended);
      });
    });
    this.done.catch(() => undefined);
  }

  write(text: string): void {
    this.child.stdin!.write(text);
  }

  endInput(): void {
    this.child.stdin!.end();
  }

  /** To everything that it started as well; SIGKILL unless said otherwise. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.ended !== null || this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // It ended a moment ago.
    }
  }

  /** Ctrl-C, and until it is gone. */
  async interrupt(): Promise<void> {
    this.kill('SIGINT');
    await until(
      () => this.ended !== null,
      20_000,
      `${this.name} to end after SIGINT`,
      () => this.tail(),
    );
  }

  /** Ends with an error when the process ends without it. */
  async saw(condition: (client: this) => boolean, timeoutMs: number, what: string): Promise<void> {
    const isSeen = (): boolean => {
      if (condition(this)) return true;
      if (this.ended !== null) throw new Error(`${this.name} ended (${JSON.stringify(this.ended)}) before ${what}\n${this.tail()}`);
      return false;
    };
    await until(isSeen, timeoutMs, `${this.name}: ${what}`, () => this.tail());
  }

  /** Rejects with its output unless it ends by itself with code 0. */
  async succeeded(timeoutMs = 60_000): Promise<this> {
    await until(
      () => this.ended !== null,
      timeoutMs,
      `${this.name} to end`,
      () => this.tail(),
    );
    if (this.ended!.code !== 0) throw new Error(`${this.name} ended with ${JSON.stringify(this.ended)}\n${this.tail()}`);
    return this;
  }

  get output(): string {
    return this.lines.join('\n');
  }

  get errors(): string {
    return this.errorLines.join('\n');
  }

  tail(): string {
    return [
      `--- ${this.name}, standard output ---`,
      ...this.lines.slice(-15),
      '--- standard error ---',
      ...this.errorLines.slice(-25),
    ].join('\n');
  }
}

export function yakProcess(args: readonly string[], options: ClientOptions = {}): ClientProcess {
  return new ClientProcess(`yak ${args[0]}`, process.execPath, [YAK, ...args], options);
}
