/**
 * The Logger port on pino: JSON lines for machines, or one short readable line per message for people. Writes are
 * synchronous, so that the last line before a crash is there.
 */
import { writeSync } from 'node:fs';
import { type DestinationStream, type Logger as PinoLogger, pino, destination as pinoDestination } from 'pino';
import type { Logger } from '#seams';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Who speaks: `broker-0`, `coordinator`. */
  readonly name: string;
  /** `json` (default) or `line`: `12:00:01.123 warn  broker-0  disk is slow  ageMs=812`. */
  readonly format?: 'json' | 'line';
  /** File descriptor (default 1, stdout) or anything with write(line). */
  readonly destination?: number | { write(line: string): void };
}

export function createLogger(options: LoggerOptions): Logger {
  const sink = typeof options.destination === 'object' ? options.destination : descriptorSink(options.destination ?? 1, options.format);
  const stream: DestinationStream = options.format === 'line' ? { write: (line) => sink.write(readableLine(line)) } : sink;
  const settings = { name: options.name, level: options.level, base: { name: options.name }, timestamp: pino.stdTimeFunctions.isoTime };
  return new PinoBackedLogger(pino({ ...settings, formatters: { level: (label) => ({ level: label }) } }, stream));
}

class PinoBackedLogger implements Logger {
  constructor(private readonly pino: PinoLogger) {}

  child(fields: Record<string, unknown>): Logger {
    return new PinoBackedLogger(this.pino.child(fields));
  }
  debug(message: string, fields: Record<string, unknown> = {}): void {
    this.pino.debug(fields, message);
  }
  info(message: string, fields: Record<string, unknown> = {}): void {
    this.pino.info(fields, message);
  }
  warn(message: string, fields: Record<string, unknown> = {}): void {
    this.pino.warn(fields, message);
  }
  error(message: string, fields: Record<string, unknown> = {}): void {
    this.pino.error(fields, message);
  }
}

function descriptorSink(descriptor: number, format: LoggerOptions['format']): DestinationStream {
  if (format !== 'line') return pinoDestination({ dest: descriptor, sync: true });
  return {
    write: (line) => {
      try {
        writeSync(descriptor, line);
      } catch {
        // A closed pipe must not take the process down; there is nobody left to tell.
      }
    },
  };
}

/** Turns one pino line into one line for a person. Fields that are objects stay JSON. */
export function readableLine(line: string): string {
  const { time, level, name, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const details = Object.entries(fields).map(([key, value]) => `${key}=${fieldText(value)}`);
  return `${[clock, String(level).padEnd(5), String(name), '', String(msg), '', ...details].join(' ').trimEnd()}\n`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /\s/.test(value) ? JSON.stringify(value) : value;
  if (value !== null && typeof value === 'object' && 'message' in value) return JSON.stringify((value as { message: unknown }).message);
  return JSON.stringify(value);
}
