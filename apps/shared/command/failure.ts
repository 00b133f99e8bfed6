/**
 * How a command ends when something goes wrong: one line on standard error and an exit code that says which kind of wrong.
 * The stack is shown only with YAK_DEBUG=1; a bug is no different for a person who cannot mend it.
 */
import { CommanderError } from 'commander';
import { YakError } from '#kernel';
import { EXIT, type ExitCode } from './exit-codes.js';
import { printableLine } from './printable.js';

/** A part was done; the message says what was not. */
export class PartialError extends YakError {
  constructor(message: string) {
    super('PARTIAL', message);
    this.name = 'PartialError';
  }
}

const USAGE_CODES: ReadonlySet<string> = new Set(['USAGE', 'INVALID_CONFIG']);
const UNREACHABLE_CODES: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'NOT_ACTIVE',
  'BUSY',
  'REQUEST_TIMEOUT',
  'REQUEST_TIMED_OUT',
  'DELIVERY_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_REFUSED',
  'CONNECT_TIMEOUT',
  'CONNECT_FAILED',
  'LEADER_NOT_AVAILABLE',
  'BROKER_NOT_AVAILABLE',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR',
]);

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
  if (!(error instanceof YakError)) return EXIT.FAILURE;
  if (error.code === 'PARTIAL') return EXIT.PARTIAL;
  if (USAGE_CODES.has(error.code)) return EXIT.USAGE;
  return UNREACHABLE_CODES.has(error.code) ? EXIT.UNREACHABLE : EXIT.FAILURE;
}

/** The line, without its end. With `json` an object: {"error":{"code":…,"message":…}}. */
export function failureLine(error: unknown, program: string, isJson: boolean): string {
  const text = printableLine((error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' '));
  const isUsage = error instanceof CommanderError;
  const message = isUsage ? text.replace(/^error: /, '') : text;
  if (!isJson) return `${program}: ${message}${isUsage ? ' (--help shows the options)' : ''}`;
  return JSON.stringify({ error: { code: isUsage ? 'USAGE' : error instanceof YakError ? error.code : 'INTERNAL', message } });
}
