/**
 * The life of a server process, the same for broker and cluster coordinator: one sentence for a start that a person can mend,
 * signals, the IPC channel of `yak up`, exit codes, and a crash rather than a lie when something unforeseen happens.
 *
 * Exit codes: 0 stopped as asked; 1 the start failed, the process crashed or did not stop in time; 2 the command line or a
 * config is wrong.
 */
import { ConfigError, type ProcessMessage, type SupervisorMessage, UsageError } from '#config';
import { YakError } from '#kernel';
import type { Logger } from '#seams';

export interface ServerProcess {
  /** Resolves when the process serves. Rejects with a YakError for what a person can mend. */
  start(): Promise<Extract<ProcessMessage, { type: 'ready' }>>;
  /** May be called at any moment, once. */
  stop(options: { handOver: boolean }): Promise<void>;
  /** Whoever waits for stop() asked again: it goes on without what it waits for from others. */
  hurry(): void;
  readonly logger: Logger;
  /** Longest wait for stop(), in milliseconds; then the process ends with code 1. */
  readonly stopTimeoutMs: { readonly withHandOver: number; readonly alone: number };
}

export interface Launch {
  /** "broker" or "coordinator": begins every message for a person. */
  readonly name: string;
  readonly help: string;
  /** Throws UsageError, ConfigError or another YakError. */
  create(argv: readonly string[]): ServerProcess;
}

/** Tells the supervisor; without one nothing happens. */
export function tellSupervisor(message: ProcessMessage, done: () => void = () => {}): void {
  if (!process.send || !process.connected) return done();
  process.send(message, undefined, undefined, () => done());
}

export async function runServerProcess(launch: Launch): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(`${launch.help}\n`);
    return;
  }
  ignoreBrokenPipes();
  let server: ServerProcess;
  try {
    server = launch.create(argv);
  } catch (error) {
    return fail(launch.name, error);
  }
  crashRatherThanLie(launch.name, server.logger);
  let isStopping = false;
  const stopOnce = stopper(launch.name, server);
  const stop: typeof stopOnce = (how) => {
    isStopping = true;
    stopOnce(how);
  };
  process.on('SIGTERM', () => stop({ handOver: true, because: 'SIGTERM' }));
  process.on('SIGINT', () => stop({ handOver: true, because: 'SIGINT' }));
  if (process.send) {
    process.on('message', (message: SupervisorMessage) => {
      if (message?.type === 'stop') stop({ handOver: message.handOver, because: 'the supervisor' });
    });
    process.on('disconnect', () => stop({ handOver: false, because: 'the end of the supervisor' }));
    if (!process.connected) stop({ handOver: false, because: 'the end of the supervisor' });
  }
  try {
    const ready = await server.start();
    tellSupervisor(ready);
  } catch (error) {
    // A start that a stop cut short fails in its own ways; the stop says how it ends.
    if (isStopping) server.logger.debug('the start was given up', { reason: String(error) });
    else fail(launch.name, error);
  }
}

/** The first call stops in order, a second signal does not wait for others any more, a third ends the process as it is. */
function stopper(name: string, server: ServerProcess) {
  let calls = 0;
  return ({ handOver, because }: { handOver: boolean; because: string }): void => {
    calls++;
    if (calls === 2) return server.hurry();
    if (calls > 2) {
      if (because.startsWith('SIG')) process.exit(1);
      return;
    }
    server.logger.info('stopping', { because, handOver });
    const timeoutMs = handOver ? server.stopTimeoutMs.withHandOver : server.stopTimeoutMs.alone;
    setTimeout(() => {
      server.logger.error('not stopped in time; ending anyway', { timeoutMs });
      process.exit(1);
    }, timeoutMs).unref();
    server.stop({ handOver }).then(
      () => {
        server.logger.info('stopped');
        process.exit(0);
      },
      (error: unknown) => fail(name, error),
    );
  };
}

/** One line for what a person can mend, the stack for a bug of ours; then the end. */
function fail(name: string, error: unknown): void {
  const isExpected = error instanceof YakError;
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  process.stderr.write(`yak ${name}: ${isExpected ? message : (stack ?? message)}\n`);
  const code = error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  process.exitCode = code;
  tellSupervisor({ type: 'fatal', message }, () => process.exit(code));
}

function crashRatherThanLie(name: string, logger: Logger): void {
  const crash = (what: string) => (error: unknown) => {
    if ((error as NodeJS.ErrnoException)?.code === 'EPIPE') return;
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    logger.error(`${what}: this is a bug; the process ends so that it cannot do harm`, { stack });
    process.stderr.write(`yak ${name}: ${what}: ${stack}\n`);
    process.exit(1);
  };
  process.on('uncaughtException', crash('uncaught exception'));
  process.on('unhandledRejection', crash('unhandled rejection'));
}

/** Whoever read our output is gone; that is no reason to die in the middle of a flush. */
function ignoreBrokenPipes(): void {
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
}

/** Takes `--json` and `--log-level L` out of the arguments: they are about the output of this process, not configs. */
export function takeLogOptions(argv: readonly string[]): {
  rest: string[];
  format: 'json' | 'line';
  level: 'debug' | 'info' | 'warn' | 'error';
} {
  const rest: string[] = [];
  let format: 'json' | 'line' = 'line';
  let level: 'debug' | 'info' | 'warn' | 'error' = 'info';
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index]!;
    if (argument === '--json') format = 'json';
    else if (argument === '--log-level' || argument.startsWith('--log-level=')) {
      const text = argument.includes('=') ? argument.slice('--log-level='.length) : argv[++index];
      if (text !== 'debug' && text !== 'info' && text !== 'warn' && text !== 'error') {
        throw new UsageError(`--log-level must be debug, info, warn or error, not "${text ?? ''}"`);
      }
      level = text;
    } else rest.push(argument);
  }
  return { rest, format, level };
}
