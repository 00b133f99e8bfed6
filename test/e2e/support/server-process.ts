/**
 * One broker or cluster coordinator started by hand, as in a container: `yak broker …`, no supervisor. Its log lines (JSON) say
 * when it is ready and which ports the system gave it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ROOT, YAK } from './local-cluster.js';
import { until } from './until.js';

export interface ReadyLine {
  readonly clusterId: string;
  readonly tcp: string;
  readonly http: string;
  readonly kafka?: string;
  readonly externalKafka?: string;
  readonly externalTcp?: string;
}

export class ServerProcess {
  private readonly child: ChildProcess;
  private readonly output: string[] = [];
  private said: ReadyLine | null = null;
  private hasEnded = false;

  constructor(
    private readonly app: 'broker' | 'coordinator',
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ) {
    const env = { ...process.env, ...environment };
    this.child = spawn(process.execPath, [YAK, app, ...args, '--json'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env });
    this.child.once('exit', () => {
      this.hasEnded = true;
    });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      createInterface({ input: stream }).on('line', (line) => this.heard(line));
  }

  private heard(line: string): void {
    this.output.push(line);
    if (!line.includes('"msg":"ready"')) return;
    this.said = JSON.parse(line) as ReadyLine;
  }

  /** Rejects with its last lines when it is not ready in time, or ended. */
  async ready(timeoutMs = 30_000): Promise<ReadyLine> {
    await until(
      () => this.said !== null || this.hasEnded,
      timeoutMs,
      `${this.app} to be ready`,
      () => this.output.slice(-30).join('\n'),
    );
    if (this.said === null) throw new Error(`yak ${this.app} ended\n${this.output.slice(-30).join('\n')}`);
    return this.said;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.hasEnded) return;
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.kill(signal);
    await ended;
  }
}
