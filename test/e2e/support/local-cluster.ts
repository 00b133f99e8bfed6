/**
 * A cluster as a user starts it: `yak up --json` in a process of its own, with its own ports and folder. The test reads the
 * documented events and kills processes by the ids they name.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type ClusterPorts, reserveClusterPorts } from './free-ports.js';

export const ROOT = resolve(process.env['YAK_ROOT'] ?? process.cwd());
export const YAK = join(ROOT, 'bin', 'yak.mjs');

export type UpEvent =
  | {
      event: 'ready';
      clusterId: string;
      data: string;
      coordinators: { id: number; pid: number; tcp: string; http: string; state: string | null }[];
      brokers: { id: number; pid: number; tcp: string; kafka: string; http: string }[];
    }
  | { event: 'exited'; app: 'broker' | 'coordinator'; id: number; pid: number; signal?: string | null; code?: number | null }
  | { event: 'serving'; app: 'broker' | 'coordinator'; id: number; pid: number }
  | { event: 'started'; app: 'broker' | 'coordinator'; id: number; pid: number }
  | { event: 'state'; app: 'coordinator'; id: number; state: string; coordinatorEpoch: number; reason: string | null }
  | { event: 'leader'; topic: string; partition: number; leader: number; leaderEpoch: number };

export interface LocalClusterOptions {
  readonly brokers?: number;
  readonly args?: readonly string[];
}

export class LocalCluster {
  readonly events: UpEvent[] = [];
  private readonly waiters = new Set<() => void>();
  private readonly output: string[] = [];
  private supervisor: ChildProcess | null = null;
  private readonly pids = new Map<string, number>();
  private readonly leaders = new Map<string, { leader: number; leaderEpoch: number }>();

  private constructor(
    readonly ports: ClusterPorts,
    readonly folder: string,
    private readonly release: () => void,
    private readonly options: LocalClusterOptions,
  ) {}

  static async start(options: LocalClusterOptions = {}): Promise<LocalCluster> {
    const { ports, release } = await reserveClusterPorts();
    const cluster = new LocalCluster(ports, mkdtempSync(join(tmpdir(), 'yak-e2e-')), release, options);
    await cluster.up();
    return cluster;
  }

  get data(): string {
    return join(this.folder, 'data');
  }

  /** Addresses of the Nest TCP doors. */
  get bootstrap(): string[] {
    return Array.from({ length: this.brokerCount }, (_, n) => `127.0.0.1:${this.ports.tcp + n}`);
  }

  /** Addresses of the Kafka doors. */
  get kafka(): string {
    return Array.from({ length: this.brokerCount }, (_, n) => `127.0.0.1:${this.ports.kafka + n}`).join(',');
  }

  get brokerCount(): number {
    return this.options.brokers ?? 3;
  }

  async up(): Promise<void> {
    const { ports } = this;
    const args = [
      YAK,
      'up',
      '--json',
      ...['--brokers', String(this.brokerCount), '--data', this.data],
      ...['--tcp-port', String(ports.tcp), '--kafka-port', String(ports.kafka)],
      ...['--http-port', String(ports.http), '--coordinator-port', String(ports.coordinator)],
      ...(this.options.args ?? []),
    ];
    const supervisor = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    this.supervisor = supervisor;
    createInterface({ input: supervisor.stdout }).on('line', (line) => this.heard(line));
    supervisor.stderr.on('data', (chunk) => this.output.push(String(chunk)));
    const from = this.events.length;
    await this.waitFor(() => this.events.slice(from).some((event) => event.event === 'ready'), 20_000, 'the cluster to be ready');
  }

  private heard(line: string): void {
    this.output.push(`${line}\n`);
    let event: UpEvent;
    try {
      event = JSON.parse(line) as UpEvent;
    } catch {
      return;
    }
    this.events.push(event);
    if (event.event === 'ready') {
      for (const broker of event.brokers) this.pids.set(`broker-${broker.id}`, broker.pid);
      for (const coordinator of event.coordinators) this.pids.set(`coordinator-${coordinator.id}`, coordinator.pid);
    } else if (event.event === 'started') this.pids.set(`${event.app}-${event.id}`, event.pid);
    else if (event.event === 'leader') this.leaders.set(`${event.topic}-${event.partition}`, event);
    for (const waiter of [...this.waiters]) waiter();
  }

  waitFor(condition: () => boolean, timeoutMs: number, what: string): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(check);
        reject(
          new Error(`timed out after ${timeoutMs} ms waiting for ${what}\n--- output of yak up ---\n${this.output.slice(-60).join('')}`),
        );
      }, timeoutMs);
      const check = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.waiters.delete(check);
        resolve();
      };
      this.waiters.add(check);
    });
  }

  pid(app: 'broker' | 'coordinator', id: number): number {
    const pid = this.pids.get(`${app}-${id}`);
    if (pid === undefined) throw new Error(`no process known for ${app} ${id}`);
    return pid;
  }

  /** As last announced; waits for the first announcement. */
  async leaderOf(topic: string, partition: number): Promise<{ leader: number; leaderEpoch: number }> {
    const key = `${topic}-${partition}`;
    await this.waitFor(() => (this.leaders.get(key)?.leader ?? -1) >= 0, 20_000, `a leader of ${key}`);
    return this.leaders.get(key)!;
  }

  /** SIGKILL (or another signal); answers the pid. */
  kill(app: 'broker' | 'coordinator', id: number, signal: NodeJS.Signals = 'SIGKILL'): number {
    const pid = this.pid(app, id);
    process.kill(pid, signal);
    return pid;
  }

  /** Until the supervisor has started it again. */
  async restarted(app: 'broker' | 'coordinator', id: number, oldPid: number): Promise<void> {
    await this.waitFor(() => this.pids.get(`${app}-${id}`) !== oldPid, 20_000, `${app} ${id} to be started again`);
  }

  /** Until a new process serves in place of the old one: a broker is registered anew then, and unfenced. */
  async servesAgain(app: 'broker' | 'coordinator', id: number, oldPid: number): Promise<void> {
    await this.restarted(app, id, oldPid);
    const isServing = (): boolean =>
      this.events.some((event) => event.event === 'serving' && event.app === app && event.id === id && event.pid === this.pid(app, id));
    await this.waitFor(isServing, 30_000, `${app} ${id} to serve again`);
  }

  killSupervisor(): void {
    this.supervisor?.kill('SIGKILL');
    this.supervisor = null;
  }

  async stop(): Promise<number | null> {
    const supervisor = this.supervisor;
    if (!supervisor || supervisor.exitCode !== null) return supervisor?.exitCode ?? null;
    this.supervisor = null;
    const exited = new Promise<number | null>((resolve) => supervisor.once('exit', (code) => resolve(code)));
    supervisor.kill('SIGINT');
    return exited;
  }

  async destroy(): Promise<void> {
    await this.stop();
    this.release();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
