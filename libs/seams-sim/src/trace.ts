/**
 * What happened, folded into a hash (the same seed must give the same hash) and kept as the last lines for a person.
 * Every event of the world is folded; only notes and log lines are kept as text.
 */
import { hashText } from './random.js';

export interface TraceLine {
  readonly timeUs: number;
  readonly process: string;
  readonly kind: string;
  readonly text: string;
  readonly fields: Record<string, unknown> | undefined;
}

export class Trace {
  /** Called for each line as it comes, e.g. to print everything. */
  onLine: ((line: TraceLine) => void) | null = null;
  private hashA = 0x811c9dc5;
  private hashB = 0x1234567;
  private count = 0;
  private readonly lines: TraceLine[] = [];
  private readonly kindHashes = new Map<string, number>();

  constructor(private readonly keepLines = 400) {}

  get events(): number {
    return this.count;
  }

  get hash(): string {
    return `${(this.hashA >>> 0).toString(16).padStart(8, '0')}${(this.hashB >>> 0).toString(16).padStart(8, '0')}`;
  }

  fold(timeUs: number, process: string, kind: string): void {
    this.count++;
    this.hashA = Math.imul(this.hashA ^ (timeUs | 0), 0x01000193);
    this.hashB = (Math.imul(this.hashB, 31) + this.hashOf(process) + 7 * this.hashOf(kind)) | 0;
    this.hashA = Math.imul(this.hashA ^ this.hashB, 0x01000193);
  }

  /** Something about the event that just ran, such as how many bytes it carried. */
  foldNumber(value: number): void {
    this.hashA = Math.imul(this.hashA ^ value, 0x01000193);
  }

  note(timeUs: number, process: string, kind: string, text: string, fields?: Record<string, unknown>): void {
    this.fold(timeUs, process, text);
    const line = { timeUs, process, kind, text, fields };
    this.lines.push(line);
    if (this.lines.length > 2 * this.keepLines) this.lines.splice(0, this.keepLines);
    this.onLine?.(line);
  }

  /** The last lines, oldest first. */
  tail(count = this.keepLines): string[] {
    return this.lines.slice(-count).map(formatTraceLine);
  }

  private hashOf(text: string): number {
    let hash = this.kindHashes.get(text);
    if (hash === undefined) this.kindHashes.set(text, (hash = hashText(text)));
    return hash;
  }
}

export function formatTraceLine(line: TraceLine): string {
  const seconds = (line.timeUs / 1e6).toFixed(6).padStart(11);
  const fields = line.fields === undefined ? '' : `  ${JSON.stringify(line.fields, jsonValue)}`;
  return `${seconds}  ${line.process.padEnd(12)} ${line.kind.padEnd(6)} ${line.text}${fields}`;
}

function jsonValue(_key: string, value: unknown): unknown {
  return value instanceof Error ? `${value.name}: ${value.message}` : value;
}
