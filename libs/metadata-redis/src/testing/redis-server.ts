/** A real redis-server of a test: own folder, free port, and every kind of end that a Redis can come to. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_TIMEOUT_MS = 10_000;
const SAFE = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];

const REMOVE = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 };

/** `describe` for tests that need a redis-server; where there is none they are skipped, and it is said why. */
export const describeWithRedis = isRedisInstalled() ? describe : describe.skip;

export class RedisServer {
  private readonly endWithTests = () => killGroup(this.child);
  private readonly folder = mkdtempSync(join(tmpdir(), 'yak-redis-'));
  private child: ChildProcess | null = null;
  private port = 0;

  /** Started on a free port, which it keeps from then on. */
  static async create(): Promise<RedisServer> {
    const server = new RedisServer();
    process.once('exit', server.endWithTests);
    for (let attempt = 0; ; attempt++) {
      server.port = await freePort();
      try {
        await server.start();
        return server;
      } catch (error) {
        // Somebody else may have taken the port meanwhile.
        if (attempt === 2) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** `args`: what is not as it should be. */
  async start(...args: string[]): Promise<void> {
    const place = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--save', '', '--dir', this.folder];
    // A group of its own: the child that rewrites its file has to end with it.
    const child = spawn('redis-server', [...place, ...SAFE, ...args], { stdio: 'ignore', detached: true });
    this.child = child;
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await this.answersPing())) {
      if (child.exitCode !== null) throw new Error(`redis-server ended with code ${child.exitCode}`);
      if (performance.now() > deadline) throw new Error('redis-server does not answer');
      await sleep(10);
    }
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.child;
    this.child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    killGroup(child);
    await ended;
  }

  freeze(): void {
    this.child!.kill('SIGSTOP');
  }

  thaw(): void {
    this.child!.kill('SIGCONT');
  }

  /** Copies its folder as it is now, beside it. */
  backUp(): void {
    cpSync(this.folder, `${this.folder}.backup`, { recursive: true });
  }

  /** Only while it is down: the folder goes back to the last backUp, or to nothing. */
  restore(what: 'backup' | 'nothing'): void {
    rmSync(this.folder, REMOVE);
    if (what === 'backup') cpSync(`${this.folder}.backup`, this.folder, { recursive: true });
    else mkdirSync(this.folder);
  }

  async stop(): Promise<void> {
    await this.kill();
    process.off('exit', this.endWithTests);
    rmSync(this.folder, REMOVE);
    rmSync(`${this.folder}.backup`, REMOVE);
  }

  /** One command, its first answer line; without any client library. */
  command(...words: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1', () =>
        socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`),
      );
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString().split('\r\n')[0]!);
      });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed')));
    });
  }

  private answersPing(): Promise<boolean> {
    return this.command('PING').then(
      (line) => line === '+PONG',
      () => false,
    );
  }
}

function isRedisInstalled(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.log('skipped: redis-server is not installed (Debian package redis-server)');
    return false;
  }
}

function killGroup(child: ChildProcess | null): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
