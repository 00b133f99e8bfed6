/**
 * Runs a commander program to its exit code. Errors, those of commander about the usage included, are printed here, once and in
 * one line. The process ends by itself when nothing is left to do, or is ended when a command is done
 * and something still holds the event loop.
 */
import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { EXIT, type ExitCode } from './exit-codes.js';
import { exitCodeOf, failureLine } from './failure.js';

let exitCode: ExitCode = EXIT.OK;

/** Wraps an action so that its result becomes the exit code. */
export function action<A extends unknown[]>(run: (...args: A) => Promise<ExitCode>): (...args: A) => Promise<void> {
  return async (...args) => {
    exitCode = await run(...args);
  };
}

export async function runCommand(program: Command, argv: readonly string[]): Promise<void> {
  for (const one of [program, ...descendants(program)]) one.exitOverride().configureOutput({ outputError: () => {} });
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    exitCode = exitCodeOf(error);
    if (!isHelpOrVersion(error)) {
      process.stderr.write(`${failureLine(error, program.name(), argv.includes('--json'))}\n`);
      if (process.env['YAK_DEBUG'] === '1') process.stderr.write(`${(error as Error)?.stack ?? error}\n`);
    }
  }
  process.exitCode = exitCode;
  endWhenWritten();
}

/** Printed already, whether it was asked for or is what a command without its subcommand gets. */
function isHelpOrVersion(error: unknown): boolean {
  return error instanceof CommanderError && ['commander.help', 'commander.helpDisplayed', 'commander.version'].includes(error.code);
}

/** Output to a pipe may still be on its way; then the process goes, whatever connection or timer is left. */
function endWhenWritten(): void {
  const unwritten = [process.stdout, process.stderr].filter((stream) => stream.writableLength > 0 && !stream.destroyed);
  if (unwritten.length === 0) process.exit();
  let waiting = unwritten.length;
  for (const stream of unwritten) {
    const done = () => {
      if (--waiting === 0) process.exit();
    };
    // The empty write is called back after everything before it, or with the error that ended the stream.
    stream.write('', done);
  }
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((one) => [one as Command, ...descendants(one as Command)]);
}

/** For commander: a whole number in [min, max], both inclusive. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`It has to be a whole number from ${min} to ${max}.`);
    return value;
  };
}

/** For commander: an option that may come several times. */
export function collect(text: string, previous: readonly string[]): readonly string[] {
  return [...previous, text];
}
