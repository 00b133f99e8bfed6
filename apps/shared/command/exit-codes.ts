/** Exit codes of every command (docs/cli.md). Numbers are a promise to scripts. */
export const EXIT = {
  OK: 0,
  /** It did not work; the line on standard error says why. */
  FAILURE: 1,
  /** The command line or a config is wrong; nothing was tried. */
  USAGE: 2,
  /** A part was done: some records acknowledged, some topics created, a process that had to be killed at the stop. */
  PARTIAL: 3,
  /** Nobody answered in time; the same command may work later. */
  UNREACHABLE: 4,
  /** Ended by Ctrl-C (SIGINT) after what was read had been sent. */
  INTERRUPTED: 130,
  /** Ended by SIGTERM. */
  TERMINATED: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export function signalExitCode(signal: NodeJS.Signals): ExitCode {
  return signal === 'SIGTERM' ? EXIT.TERMINATED : EXIT.INTERRUPTED;
}
