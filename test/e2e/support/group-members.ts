/**
 * Members of a group as a user starts them: `yak consume --group`, each a process whose pipe is read here. What is printed is
 * collected in one place over all lives of all members, because a group loses nothing only as a whole.
 */
import { type Finished, type Running, startYak } from './commands.js';

const FORMAT = '%p %o %v\\n';
/** More than a member may take for its last commit. */
const STOP_MS = 20_000;

/** What all members printed. A line that a kill cut off was not committed either, and does not count. */
export class PrintedRecords {
  /** partition:offset to value. */
  readonly values = new Map<string, string>();
  reReads = 0;
  /** Printed again with another value, which would be two records at one offset. */
  readonly contradictions: string[] = [];
  /** Of one partition, between two of its records that were printed for the first time. */
  longestPauseMs = 0;
  /** When each partition went on last; null while pauses do not count. */
  private progressAt: Map<string, number> | null = null;

  /** Pauses count from the next record of each partition. */
  begin(): void {
    this.progressAt = new Map();
  }

  /** Pauses do not count any more. */
  end(): void {
    for (const partition of this.progressAt?.keys() ?? []) this.noteProgress(partition);
    this.progressAt = null;
  }

  take(line: string): void {
    const [partition, offset, value] = line.split(' ');
    const key = `${partition}:${offset}`;
    const known = this.values.get(key);
    if (known === undefined) {
      this.values.set(key, value!);
      this.noteProgress(partition!);
    } else {
      this.reReads++;
      if (known !== value) this.contradictions.push(`${key}: ${known}, then ${value}`);
    }
  }

  private noteProgress(partition: string): void {
    if (this.progressAt === null) return;
    const now = performance.now();
    this.longestPauseMs = Math.max(this.longestPauseMs, now - (this.progressAt.get(partition) ?? now));
    this.progressAt.set(partition, now);
  }
}

export class MemberProcess {
  lives = 0;
  private running: Running | null = null;
  /** What it said on standard error, of lives that are over. */
  private readonly said: string[] = [];

  constructor(
    private readonly args: readonly string[],
    private readonly printed: PrintedRecords,
  ) {}

  start(): void {
    this.lives++;
    const running = startYak(['consume', ...this.args, '--format', FORMAT]);
    let rest = '';
    running.process.stdout!.on('data', (chunk) => {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.printed.take(line);
    });
    this.running = running;
  }

  /** SIGKILL, and a new life at once. */
  async replace(): Promise<void> {
    const { code, stderr } = await this.end('SIGKILL');
    // One that ended by itself is a finding, and the kill must not hide it.
    if (code !== null) throw new Error(`a member ended by itself with ${code}: ${stderr}`);
    this.start();
  }

  /** Ctrl-C. Killed when it does not end. */
  async stop(): Promise<Finished> {
    const { process } = this.running!;
    const timer = setTimeout(() => process.kill('SIGKILL'), STOP_MS);
    const finished = await this.end('SIGINT');
    clearTimeout(timer);
    return finished;
  }

  /** For good, whatever it does. */
  async kill(): Promise<void> {
    if (this.running) await this.end('SIGKILL');
  }

  get complaints(): string {
    return this.said.join('---\n');
  }

  private async end(signal: NodeJS.Signals): Promise<Finished> {
    this.running!.process.kill(signal);
    const finished = await this.running!.done;
    this.running = null;
    this.said.push(finished.stderr);
    return finished;
  }
}
